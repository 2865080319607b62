//! What expressions compute with: parts of the record, borrowed from it, and what is made of them.

use std::{borrow::Cow, cmp::Ordering};

use connect_api::{Field, Header, Logical, Schema, Type, Value, schema::logical, time};

use super::{Language, number::Number};
use crate::java_regex::JavaRegex;

#[derive(Clone, Debug)]
pub(super) enum Operand<'a> {
    Null,
    Boolean(bool),
    Number(Number),
    Text(Cow<'a, str>),
    /// A row, an array, a map or bytes of the record, with its schema.
    Data(&'a Value, Option<&'a Schema>),
    /// `java.util.Date`: milliseconds since 1970.
    Moment(i64),
    List(Vec<Operand<'a>>),
    Schema(&'a Schema),
    Field(&'a Field),
    Headers(&'a [Header]),
    Header(&'a Header),
    Pattern(&'a JavaRegex),
}

impl<'a> Operand<'a> {
    /// A value of the record, in the form that Java gives it.
    pub(super) fn of(value: &'a Value, schema: Option<&'a Schema>) -> Self {
        let name = schema.and_then(|schema| schema.name.as_deref());
        match (value, name) {
            (Value::Null, _) => Operand::Null,
            (Value::Boolean(flag), _) => Operand::Boolean(*flag),
            (Value::Int32(days), Some(logical::DATE)) => Operand::Moment(i64::from(*days) * time::DAY_MS),
            (Value::Int32(ms), Some(logical::TIME)) => Operand::Moment((*ms).into()),
            (Value::Int64(ms), Some(logical::TIMESTAMP)) => Operand::Moment(*ms),
            (Value::Int8(_) | Value::Int16(_) | Value::Int32(_) | Value::Int64(_), _) => {
                Operand::Number(Number::Integer(value.as_i64().unwrap_or_default()))
            }
            (Value::Float32(number), _) => Operand::Number(Number::Float((*number).into())),
            (Value::Float64(number), _) => Operand::Number(Number::Float(*number)),
            (Value::String(text), _) => Operand::Text(Cow::Borrowed(text)),
            (Value::Bytes(unscaled), Some(logical::DECIMAL)) => {
                let scale = schema.and_then(|schema| schema.parameter("scale")?.parse().ok()).unwrap_or(0);
                Operand::Number(Number::of_decimal(unscaled, scale))
            }
            (Value::Logical(object), _) => match &**object {
                Logical::Date(ms) => Operand::Moment(*ms),
                Logical::Decimal { unscaled, scale } => Operand::Number(Number::of_decimal(unscaled, *scale)),
                Logical::Integer(unscaled) => Operand::Number(Number::of_decimal(unscaled, 0)),
            },
            (value, _) => Operand::Data(value, schema),
        }
    }

    /// The items of a list, whichever kind it is.
    pub(super) fn items(&self) -> Option<Vec<Operand<'a>>> {
        match self {
            Operand::List(items) => Some(items.clone()),
            Operand::Data(Value::Array(items), schema) => {
                let element = match schema.map(|schema| &schema.ty) {
                    Some(Type::Array(element)) => element.as_ref(),
                    _ => None,
                };
                Some(items.iter().map(|item| Operand::of(item, element)).collect())
            }
            _ => None,
        }
    }

    /// How many parts it has, of what has parts.
    pub(super) fn size(&self) -> Option<usize> {
        Some(match self {
            Operand::Text(text) => text.encode_utf16().count(),
            Operand::List(items) => items.len(),
            Operand::Data(Value::Array(items), _) => items.len(),
            Operand::Data(Value::Map(pairs), _) => pairs.len(),
            Operand::Data(Value::Bytes(bytes), _) => bytes.len(),
            Operand::Headers(headers) => headers.len(),
            _ => return None,
        })
    }

    /// Groovy's truth, which is JavaScript's for all but lists and maps.
    pub(super) fn truth(&self, language: Language) -> bool {
        match self {
            Operand::Null => false,
            Operand::Boolean(flag) => *flag,
            Operand::Number(number) => !number.is_zero(),
            Operand::Text(text) => !text.is_empty(),
            other => language == Language::JavaScript || other.size() != Some(0),
        }
    }

    /// The text as `toString()` gives it; none for what has no text that anybody would want.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        Some(match self {
            Operand::Null => Cow::Borrowed("null"),
            Operand::Boolean(true) => Cow::Borrowed("true"),
            Operand::Boolean(false) => Cow::Borrowed("false"),
            Operand::Number(number) => Cow::Owned(number.text()),
            Operand::Text(text) => text.clone(),
            _ => return None,
        })
    }

    /// `==`: numbers by their size whatever their kind, nulls equal to nulls.
    pub(super) fn equals(&self, other: &Operand<'_>, language: Language) -> bool {
        match (self, other) {
            (Operand::Null, Operand::Null) => true,
            (Operand::Boolean(left), Operand::Boolean(right)) => left == right,
            (Operand::Number(left), Operand::Number(right)) => left.compare(*right) == Some(Ordering::Equal),
            (Operand::Text(left), Operand::Text(right)) => left == right,
            (Operand::Moment(left), Operand::Moment(right)) => left == right,
            (Operand::Number(number), Operand::Text(text)) | (Operand::Text(text), Operand::Number(number))
                if language == Language::JavaScript =>
            {
                Number::parse(text).is_some_and(|read| read.compare(*number) == Some(Ordering::Equal))
            }
            (Operand::Data(left, _), Operand::Data(right, _)) => left == right,
            _ => match (self.items(), other.items()) {
                (Some(left), Some(right)) => {
                    left.len() == right.len() && left.iter().zip(&right).all(|(l, r)| l.equals(r, language))
                }
                _ => false,
            },
        }
    }

    /// The order of both; an error's text where they have none. Null comes before all else, as in Groovy.
    pub(super) fn compare(&self, other: &Operand<'_>) -> Result<Option<Ordering>, String> {
        Ok(match (self, other) {
            (Operand::Null, Operand::Null) => Some(Ordering::Equal),
            (Operand::Null, _) => Some(Ordering::Less),
            (_, Operand::Null) => Some(Ordering::Greater),
            (Operand::Number(left), Operand::Number(right)) => left.compare(*right),
            (Operand::Text(left), Operand::Text(right)) => Some(left.encode_utf16().cmp(right.encode_utf16())),
            (Operand::Moment(left), Operand::Moment(right)) => Some(left.cmp(right)),
            (Operand::Boolean(left), Operand::Boolean(right)) => Some(left.cmp(right)),
            _ => return Err(format!("{} can't be compared with {}", self.kind(), other.kind())),
        })
    }

    /// What it is, for messages; never what it holds.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Operand::Null => "null",
            Operand::Boolean(_) => "a boolean",
            Operand::Number(_) => "a number",
            Operand::Text(_) => "a text",
            Operand::Moment(_) => "a date",
            Operand::Data(Value::Struct(_), _) => "a row",
            Operand::Data(Value::Map(_), _) => "a map",
            Operand::Data(Value::Bytes(_), _) => "bytes",
            Operand::Data(..) | Operand::List(_) => "a list",
            Operand::Schema(_) => "a schema",
            Operand::Field(_) => "a field",
            Operand::Headers(_) => "headers",
            Operand::Header(_) => "a header",
            Operand::Pattern(_) => "a pattern",
        }
    }
}
