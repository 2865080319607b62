//! Paths to fields: a plain name, or in the second version of the syntax names between dots.

use connect_api::{ConfigType, Error, Result, Schema, Setting, Struct, Value, config::Problem};

use crate::row;

/// How a path is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    V1,
    V2,
}

impl Setting for Syntax {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        match text.trim() {
            t if t.eq_ignore_ascii_case("v1") => Ok(Self::V1),
            t if t.eq_ignore_ascii_case("v2") => Ok(Self::V2),
            _ => Err("String must be one of (case insensitive): V1, V2".to_owned().into()),
        }
    }
}

/// A path to a field, from the outermost name on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldPath {
    steps: Vec<String>,
    /// As the user wrote it.
    text: String,
}

impl FieldPath {
    /// Reads `a.b`, `` `a.b`.c `` and, in the first version, any text as one name.
    pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Self> {
        let steps = match syntax {
            Syntax::V1 => vec![text.to_owned()],
            Syntax::V2 => steps(text)?,
        };
        Ok(Self { steps, text: text.to_owned() })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The places on the way through a schema, and the schema at its end; `None` where a field is missing.
    pub(crate) fn locate(&self, schema: &Schema) -> Result<Option<(Vec<usize>, Schema)>> {
        let mut places = Vec::with_capacity(self.steps.len());
        let mut here = schema.clone();
        for step in &self.steps {
            let Some(fields) = here.fields() else {
                return Err(Error::data("Cannot look up fields on non-struct type"));
            };
            let Some(at) = fields.position(step) else { return Ok(None) };
            let next = fields[at].schema.clone();
            places.push(at);
            here = next;
        }
        Ok(Some((places, here)))
    }

    /// The value at the end of the path through nested maps; null where there is none.
    pub(crate) fn take_from_map(&self, mut pairs: Vec<(Value, Value)>) -> Value {
        for (at, step) in self.steps.iter().enumerate() {
            let value = row::get_mut(&mut pairs, step).map(std::mem::take).unwrap_or_default();
            match value {
                value if at + 1 == self.steps.len() => return value,
                Value::Map(inner) => pairs = inner,
                _ => return Value::Null,
            }
        }
        Value::Null
    }
}

/// The value at the end of places in nested rows; null where one on the way is null.
pub(crate) fn take_from_row(row: Struct, places: &[usize]) -> Value {
    let mut value = Value::Struct(row);
    for at in places {
        value = match value {
            Value::Struct(row) => row.into_values().swap_remove(*at),
            _ => return Value::Null,
        };
    }
    value
}

/// Cuts a path at its dots. Backticks hold a name with dots together; a backslash takes a backtick as it is.
fn steps(text: &str) -> Result<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let (step, after) = match rest.strip_prefix('`') {
            Some(quoted) => quoted_step(quoted).ok_or_else(|| {
                let at = text.len() - rest.len();
                Error::config(format!(
                    "Incomplete backtick pair in path: [{text}], consider adding a backslash before backtick at \
                     position {at} to escape it"
                ))
            })?,
            None => match rest.split_once('.') {
                Some((step, after)) => (step.to_owned(), Some(after)),
                None => (rest.to_owned(), None),
            },
        };
        steps.push(step);
        match after {
            Some(after) => rest = after,
            None => return Ok(steps),
        }
    }
}

/// A name in backticks, which end it only before a dot or at the end; `None` where they do not end it.
fn quoted_step(quoted: &str) -> Option<(String, Option<&str>)> {
    let mut step = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match (c, next) {
            ('\\', Some('`')) => {
                step.push('`');
                characters.next();
            }
            ('`', None) => return Some((step, None)),
            ('`', Some('.')) => return Some((step, Some(&quoted[at + 2..]))),
            _ => step.push(c),
        }
    }
    None
}
