//! `iteration`: values that count on from record to record, and begin again at their end.

use serde_json::{Map, Value as Json};

use crate::{arguments::Arguments, error::DatagenError};

/// Whole numbers: `start`, then steps, and back to `start` at `restart`.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    start: i128,
    span: i128,
    step: i128,
    first: i128,
    made: u64,
}

/// The same for numbers with fractions.
#[derive(Clone, Debug)]
pub(crate) struct RealCounter {
    start: f64,
    span: f64,
    step: f64,
    first: f64,
    made: u64,
}

/// The members of `iteration`, or nothing where there is none.
pub(crate) fn iteration<'a>(arguments: Arguments<'a>) -> Result<Option<&'a Map<String, Json>>, DatagenError> {
    match arguments.get("iteration") {
        None => Ok(None),
        Some(Json::Object(members)) if members.contains_key("start") => Ok(Some(members)),
        Some(_) => Err(arguments.wrong("iteration must be an object with a start")),
    }
}

impl Counter {
    /// A counter within a type.
    pub(crate) fn read(
        arguments: Arguments<'_>,
        iteration: &Map<String, Json>,
        min: i64,
        max: i64,
    ) -> Result<Self, DatagenError> {
        let number = |name: &str| {
            let json = iteration.get(name);
            let number = json.map(|json| json.as_i64().filter(|number| (min..=max).contains(number)));
            match number {
                Some(None) => Err(arguments.wrong(format!("iteration.{name} is no value of the type"))),
                Some(Some(number)) => Ok(Some(i128::from(number))),
                None => Ok(None),
            }
        };
        let start = number("start")?.unwrap_or(0);
        let (restart, step) = (number("restart")?, number("step")?);
        let step = step.unwrap_or(if restart.is_some_and(|restart| restart < start) { -1 } else { 1 });
        let restart = restart.unwrap_or(if step < 0 { min.into() } else { max.into() });
        let (span, first) = (restart - start, number("initial")?.unwrap_or(start) - start);
        ensure(arguments, span.signum() == step.signum() && span != 0)?;
        ensure_initial(arguments, first == 0 || (first.signum() == span.signum() && first.abs() < span.abs()))?;
        Ok(Self { start, span, step, first, made: 0 })
    }

    pub(crate) fn next(&mut self) -> i128 {
        let value = self.start + (self.first + i128::from(self.made) * self.step) % self.span;
        self.made += 1;
        value
    }

    pub(crate) fn skip(&mut self, count: u64) {
        self.made += count;
    }
}

impl RealCounter {
    pub(crate) fn read(
        arguments: Arguments<'_>,
        iteration: &Map<String, Json>,
        widest: f64,
    ) -> Result<Self, DatagenError> {
        let number = |name: &str| match iteration.get(name).map(Json::as_f64) {
            Some(None) => Err(arguments.wrong(format!("iteration.{name} must be a number"))),
            Some(number) => Ok(number),
            None => Ok(None),
        };
        let start = number("start")?.unwrap_or(0.0);
        let (restart, step) = (number("restart")?, number("step")?);
        let step = step.unwrap_or(if restart.is_some_and(|restart| restart < start) { -1.0 } else { 1.0 });
        let restart = restart.unwrap_or(if step < 0.0 { -widest } else { widest });
        let (span, first) = (restart - start, number("initial")?.unwrap_or(start) - start);
        ensure(arguments, span * step > 0.0 && span.is_finite())?;
        ensure_initial(arguments, first == 0.0 || (first * span > 0.0 && first.abs() < span.abs()))?;
        Ok(Self { start, span, step, first, made: 0 })
    }

    pub(crate) fn next(&mut self) -> f64 {
        let value = self.start + (self.first + self.made as f64 * self.step) % self.span;
        self.made += 1;
        value
    }

    pub(crate) fn skip(&mut self, count: u64) {
        self.made += count;
    }
}

fn ensure(arguments: Arguments<'_>, leads: bool) -> Result<(), DatagenError> {
    if leads { Ok(()) } else { Err(arguments.wrong("iteration.step must lead from start to restart")) }
}

fn ensure_initial(arguments: Arguments<'_>, within: bool) -> Result<(), DatagenError> {
    if within { Ok(()) } else { Err(arguments.wrong("iteration.initial must lie between start and restart")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(json: &str) -> Result<Counter, String> {
        let members: Json = serde_json::from_str(json).unwrap();
        Counter::read(Arguments::none("a"), members.as_object().unwrap(), i32::MIN.into(), i32::MAX.into())
            .map_err(|error| error.to_string())
    }

    fn check(json: &str, expected: &[i128]) {
        let mut counter = counter(json).unwrap();
        assert_eq!(expected.iter().map(|_| counter.next()).collect::<Vec<_>>(), expected, "{json}");
    }

    #[test]
    fn counts_and_begins_again() {
        check(r#"{"start": 1}"#, &[1, 2, 3]);
        check(r#"{"start": 1, "step": 12}"#, &[1, 13, 25]);
        check(r#"{"start": 0, "restart": 3}"#, &[0, 1, 2, 0, 1]);
        check(r#"{"start": 0, "restart": 3, "step": 2}"#, &[0, 2, 1, 0]);
        check(r#"{"start": 5, "restart": 2}"#, &[5, 4, 3, 5]);
        check(r#"{"start": 0, "restart": 5, "initial": 3}"#, &[3, 4, 0]);
    }

    #[test]
    fn goes_on_where_it_was() {
        let mut counter = counter(r#"{"start": 0, "restart": 10, "step": 3}"#).unwrap();
        counter.skip(5);
        assert_eq!(counter.next(), 5);
    }

    #[test]
    fn steps_must_lead_somewhere() {
        let wrong = "a: iteration.step must lead from start to restart";
        assert_eq!(counter(r#"{"start": 0, "restart": 3, "step": -1}"#).unwrap_err(), wrong);
        assert_eq!(counter(r#"{"start": 0, "step": 0}"#).unwrap_err(), wrong);
        assert!(counter(r#"{"start": 0, "restart": 3, "initial": 3}"#).is_err());
        assert!(counter(r#"{"start": 3000000000}"#).is_err());
    }
}
