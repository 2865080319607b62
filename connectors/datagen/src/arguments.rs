//! `arg.properties`: what a schema says about how its values are made.

use serde_json::{Map, Value as Json};

use crate::error::DatagenError;

/// The name of the property in a schema.
pub(crate) const NAME: &str = "arg.properties";

/// The arguments of one type.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a> {
    at: &'a str,
    members: Option<&'a Map<String, Json>>,
}

/// How long a text, an array and so on may be: from `min` up to, but not including, `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) min: usize,
    pub(crate) max: usize,
    /// A length that nobody asked for does not cut what a pattern asks for.
    pub(crate) given: bool,
}

/// From `min` up to, but not including, `max`; what is left out is as wide as the type.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Range<'a> {
    pub(crate) min: Option<&'a Json>,
    pub(crate) max: Option<&'a Json>,
}

/// Lengths beyond this are a slip of the pen, not a wish: a record would not fit a message.
const LENGTH_MAX: usize = 10_000_000;

impl<'a> Arguments<'a> {
    /// Those of a schema at this place.
    pub(crate) fn of(schema: &'a Map<String, Json>, at: &'a str) -> Result<Self, DatagenError> {
        Self::read(schema.get(NAME), at)
    }

    pub(crate) fn read(json: Option<&'a Json>, at: &'a str) -> Result<Self, DatagenError> {
        match json {
            None | Some(Json::Null) => Ok(Self { at, members: None }),
            Some(Json::Object(members)) => Ok(Self { at, members: Some(members) }),
            Some(other) => Err(DatagenError::schema(at, format!("{NAME} must be an object, not {other}"))),
        }
    }

    pub(crate) fn none(at: &'a str) -> Self {
        Self { at, members: None }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Json> {
        self.members?.get(name)
    }

    pub(crate) fn wrong(&self, problem: impl Into<String>) -> DatagenError {
        DatagenError::schema(self.at, problem)
    }

    pub(crate) fn at(&self) -> &'a str {
        self.at
    }

    /// A text, empty when it is left out.
    pub(crate) fn text(&self, name: &str) -> Result<&'a str, DatagenError> {
        match self.get(name) {
            None => Ok(""),
            Some(Json::String(text)) => Ok(text),
            Some(other) => Err(self.wrong(format!("{name} must be a string, not {other}"))),
        }
    }

    pub(crate) fn range(&self) -> Result<Option<Range<'a>>, DatagenError> {
        match self.get("range") {
            None => Ok(None),
            Some(Json::Object(range)) => Ok(Some(Range { min: range.get("min"), max: range.get("max") })),
            Some(other) => Err(self.wrong(format!("range must be an object with min and max, not {other}"))),
        }
    }

    /// How often a boolean is true.
    pub(crate) fn odds(&self) -> Result<f64, DatagenError> {
        match self.get("odds") {
            None => Ok(0.5),
            Some(odds) => match odds.as_f64() {
                Some(odds) if (0.0..=1.0).contains(&odds) => Ok(odds),
                _ => Err(self.wrong(format!("odds must be a number from 0 to 1, not {odds}"))),
            },
        }
    }

    /// `"length": 5` or `"length": {"min": 1, "max": 6}`.
    pub(crate) fn length(&self) -> Result<Length, DatagenError> {
        let count = |json: &Json| {
            json.as_u64()
                .and_then(|count| usize::try_from(count).ok())
                .filter(|count| *count <= LENGTH_MAX)
                .ok_or_else(|| self.wrong(format!("length must be a whole number from 0 to {LENGTH_MAX}, not {json}")))
        };
        match self.get("length") {
            None => Ok(Length { min: 8, max: 16, given: false }),
            Some(Json::Object(bounds)) => {
                let min = bounds.get("min").map(count).transpose()?.unwrap_or(0);
                let max = bounds.get("max").map(count).transpose()?;
                let max = max.ok_or_else(|| self.wrong("length needs a max"))?;
                if min >= max {
                    return Err(self.wrong(format!("length.min {min} must be less than length.max {max}")));
                }
                Ok(Length { min, max, given: true })
            }
            Some(exact) => count(exact).map(|count| Length { min: count, max: count + 1, given: true }),
        }
    }
}

impl Range<'_> {
    /// The bounds as whole numbers, within those of the type.
    pub(crate) fn integers(
        self,
        arguments: Arguments<'_>,
        type_min: i64,
        type_max: i64,
    ) -> Result<(i128, i128), DatagenError> {
        let bound = |json: Option<&Json>, name: &str, default: i128| match json {
            None => Ok(default),
            Some(json) => json
                .as_i64()
                .filter(|bound| (type_min..=type_max).contains(bound))
                .map(i128::from)
                .ok_or_else(|| arguments.wrong(format!("range.{name} {json} is no value of the type"))),
        };
        // Without a bound the greatest value of the type can come too.
        let (min, max) = (bound(self.min, "min", type_min.into())?, bound(self.max, "max", i128::from(type_max) + 1)?);
        ensure_order(arguments, min < max)?;
        Ok((min, max))
    }

    pub(crate) fn reals(self, arguments: Arguments<'_>, widest: f64) -> Result<(f64, f64), DatagenError> {
        let bound = |json: Option<&Json>, name: &str, default: f64| match json {
            None => Ok(default),
            Some(json) => {
                json.as_f64().ok_or_else(|| arguments.wrong(format!("range.{name} must be a number, not {json}")))
            }
        };
        let (min, max) = (bound(self.min, "min", -widest)?, bound(self.max, "max", widest)?);
        ensure_order(arguments, min < max)?;
        Ok((min, max))
    }
}

fn ensure_order(arguments: Arguments<'_>, ordered: bool) -> Result<(), DatagenError> {
    if ordered { Ok(()) } else { Err(arguments.wrong("range.min must be less than range.max")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(json: &str) -> Result<Length, String> {
        let arguments: Json = serde_json::from_str(json).unwrap();
        Arguments::read(Some(&arguments), "a").unwrap().length().map_err(|error| error.to_string())
    }

    #[test]
    fn lengths_are_exact_or_between() {
        assert_eq!(length("{}"), Ok(Length { min: 8, max: 16, given: false }));
        assert_eq!(length(r#"{"length": 3}"#), Ok(Length { min: 3, max: 4, given: true }));
        assert_eq!(length(r#"{"length": {"min": 1, "max": 6}}"#), Ok(Length { min: 1, max: 6, given: true }));
        assert_eq!(
            length(r#"{"length": {"min": 6, "max": 6}}"#),
            Err("a: length.min 6 must be less than length.max 6".into())
        );
        assert!(length(r#"{"length": -1}"#).is_err());
    }
}
