//! A value as one of another type (`Values.convertToInteger` and its like), for connectors that take what comes.
//!
//! Numbers are narrowed as Java narrows them. Text is read as header text is, or as a number.

use crate::{
    Error, Logical, Result, Schema, SchemaAndValue, Type, Value, decimal, java, java_text,
    schema::logical,
    time,
    values::align::{date_value, moment},
    values::{parse, text},
};

/// The value as one of the schema, in the physical form of its type.
pub fn convert(data: &SchemaAndValue, to: &Schema) -> Result<Value> {
    let (value, from) = (&data.value, data.schema.as_ref());
    let is_logical = |name: &&str| *name == logical::DECIMAL || is_date(name);
    let logical = to.name.as_deref().filter(is_logical);
    if value.is_null() {
        return match (&to.ty, logical) {
            (Type::Array(_) | Type::Map(..) | Type::Struct(_), _) | (_, Some(_)) => {
                Err(Error::data("Unable to convert a null value to a schema that requires a value"))
            }
            _ => Ok(Value::Null),
        };
    }
    match (&to.ty, logical) {
        (_, Some(logical::DECIMAL)) => to_decimal(data, to),
        (_, Some(name)) => to_date(data, name, to),
        (Type::Boolean, _) => to_boolean(data, to),
        (Type::Int8, _) => whole(value, from).map(|number| Value::Int8(number as i8)),
        (Type::Int16, _) => whole(value, from).map(|number| Value::Int16(number as i16)),
        (Type::Int32, _) => whole(value, from).map(|number| Value::Int32(number as i32)),
        (Type::Int64, _) => whole(value, from).map(Value::Int64),
        (Type::Float32, _) => floating(value, from).map(|number| Value::Float32(number as f32)),
        (Type::Float64, _) => floating(value, from).map(Value::Float64),
        (Type::String, _) => Ok(text(value, from).map_or(Value::Null, Value::from)),
        (Type::Bytes, _) => match value {
            Value::Bytes(_) => Ok(value.clone()),
            _ => Err(unable(value, from, &shown(to))),
        },
        (Type::Array(_) | Type::Map(..), _) => to_container(data, to),
        (Type::Struct(_), _) => match value {
            Value::Struct(_) => Ok(value.clone()),
            _ => Err(unable(value, from, &shown(to))),
        },
    }
}

fn is_date(name: &str) -> bool {
    [logical::DATE, logical::TIME, logical::TIMESTAMP].contains(&name)
}

fn unable(value: &Value, schema: Option<&Schema>, to: &str) -> Error {
    let mut text = String::new();
    java_text::write(value, schema, &mut text);
    Error::data(format!("Unable to convert {text} (class {}) to {to}", value.java_class_in(schema)))
}

/// `ConnectSchema.toString()`.
fn shown(schema: &Schema) -> String {
    match &schema.name {
        Some(name) => format!("Schema{{{name}:{}}}", schema.ty.java_name()),
        None => format!("Schema{{{}}}", schema.ty.java_name()),
    }
}

/// A number can't be had of this value.
fn no_number(value: &Value, value_schema: Option<&Schema>, from: Option<&Schema>) -> Error {
    unable(value, value_schema, &from.map_or_else(|| "a number".to_owned(), shown))
}

/// What a text stands for; text that stands for nothing is refused.
fn parsed(data: &SchemaAndValue, to: &str) -> Result<SchemaAndValue> {
    let Value::String(text) = &data.value else { return Ok(data.clone()) };
    match parse(text) {
        Some(found) if !found.value.is_null() => Ok(found),
        _ => Err(unable(&data.value, None, to)),
    }
}

fn unscaled(value: &Value, schema: Option<&Schema>) -> Option<(bytes::Bytes, i32)> {
    match value {
        Value::Bytes(unscaled) => {
            let schema = schema.filter(|schema| schema.name.as_deref() == Some(logical::DECIMAL))?;
            Some((unscaled.clone(), schema.parameter("scale")?.parse().ok()?))
        }
        Value::Logical(logical) => match &**logical {
            Logical::Decimal { unscaled, scale } => Some((unscaled.clone(), *scale)),
            Logical::Integer(unscaled) => Some((unscaled.clone(), 0)),
            Logical::Date(_) => None,
        },
        _ => None,
    }
}

/// Milliseconds of a date; days count as days where the schema says that it is a day.
fn moment_of(value: &Value, schema: Option<&Schema>) -> Option<i64> {
    moment(value, schema.and_then(|schema| schema.name.as_deref()))
}

/// `Values.asLong`: floats lose their fraction, text is a decimal.
fn whole(value: &Value, from: Option<&Schema>) -> Result<i64> {
    if let Some(ms) = moment_of(value, from) {
        return match from.and_then(|schema| schema.name.as_deref()) {
            Some(logical::DATE) => Ok(ms.div_euclid(time::DAY_MS)),
            Some(logical::TIME | logical::TIMESTAMP) => Ok(ms),
            _ => Err(no_number(value, from, from)),
        };
    }
    if let Some((unscaled, scale)) = unscaled(value, from) {
        return Ok(decimal::to_i64_wrapping(&unscaled, scale));
    }
    match value {
        Value::Float32(number) => Ok(*number as i64),
        Value::Float64(number) => Ok(*number as i64),
        Value::String(text) => match decimal::parse(text) {
            Some((unscaled, scale)) => Ok(decimal::to_i64_wrapping(&unscaled, scale)),
            None => Err(no_number(value, from, from)),
        },
        value => value.as_i64().ok_or_else(|| no_number(value, from, from)),
    }
}

fn floating(value: &Value, from: Option<&Schema>) -> Result<f64> {
    if let Some((unscaled, scale)) = unscaled(value, from) {
        return Ok(decimal::to_f64(&unscaled, scale));
    }
    match value {
        Value::Float32(number) => Ok((*number).into()),
        Value::Float64(number) => Ok(*number),
        Value::String(text) => match decimal::parse(text) {
            Some((unscaled, scale)) => Ok(decimal::to_f64(&unscaled, scale)),
            None => Err(no_number(value, from, from)),
        },
        value => whole(value, from).map(|number| number as f64),
    }
}

/// True and false are themselves, also as text; of all else zero is false.
fn to_boolean(data: &SchemaAndValue, to: &Schema) -> Result<Value> {
    match parsed(data, &shown(to))?.value {
        Value::Boolean(flag) => Ok(Value::Boolean(flag)),
        _ => whole(&data.value, data.schema.as_ref()).map(|number| Value::Boolean(number != 0)),
    }
}

fn to_container(data: &SchemaAndValue, to: &Schema) -> Result<Value> {
    let found = parsed(data, &shown(to))?;
    match (&to.ty, &found.value) {
        (Type::Array(_), Value::Array(_)) | (Type::Map(..), Value::Map(_)) => Ok(found.value),
        _ => Err(unable(&found.value, found.schema.as_ref(), &shown(to))),
    }
}

/// A date keeps its place in time as far as the new type has room for it; a number is in the unit of the new type.
fn to_date(data: &SchemaAndValue, to: &str, schema: &Schema) -> Result<Value> {
    let (found, from) = (parsed(data, &shown(schema))?, data.schema.as_ref());
    let ms = moment_of(&found.value, found.schema.as_ref());
    match (ms, from.and_then(|schema| schema.name.as_deref()).filter(|name| is_date(name))) {
        (Some(ms), None) if from.is_none() => return Ok(date_value(ms, Some(to))),
        // What a text stands for is a date, but the schema speaks of text.
        (Some(_), None) => return Err(no_number(&found.value, found.schema.as_ref(), from)),
        (Some(ms), Some(name)) if name == to || to == logical::TIMESTAMP => return Ok(date_value(ms, Some(to))),
        (Some(ms), Some(logical::TIMESTAMP)) => {
            let day = ms.div_euclid(time::DAY_MS) * time::DAY_MS;
            return Ok(date_value(if to == logical::DATE { day } else { ms - day }, Some(to)));
        }
        _ => {}
    }
    let number = match &found.value {
        value if data.value == *value => whole(value, from)?,
        // The number that a text stands for, which has a type of its own.
        value => whole(value, found.schema.as_ref()).map_err(|_| no_number(value, found.schema.as_ref(), from))?,
    };
    match to {
        logical::DATE => Ok(Value::Int32(number as i32)),
        logical::TIME if (0..=time::DAY_MS).contains(&i64::from(number as i32)) => Ok(Value::Int32(number as i32)),
        logical::TIME => {
            Err(Error::data("Time values must use number of milliseconds greater than 0 and less than 86400000"))
        }
        _ => Ok(Value::Int64(number)),
    }
}

/// Decimals keep the scale they have, and numbers have that of their text; only bytes take the schema's.
fn to_decimal(data: &SchemaAndValue, to: &Schema) -> Result<Value> {
    let (value, from) = (&data.value, data.schema.as_ref());
    let wanted = to.parameter("scale").and_then(|scale| scale.parse::<i32>().ok()).unwrap_or_default();
    let (unscaled, scale) = match (unscaled(value, from), value) {
        (Some(found), _) => found,
        (None, Value::Bytes(unscaled)) => (unscaled.clone(), wanted),
        (None, Value::String(text)) => decimal::parse(text).ok_or_else(|| no_decimal(text))?,
        (None, _) if moment_of(value, from).is_none() && is_number(value) => {
            let text = java::double_text(floating(value, from)?);
            decimal::parse(&text).ok_or_else(|| no_decimal(&text))?
        }
        _ => return Err(unable(value, from, &shown(to))),
    };
    Ok(match decimal::rescale(&unscaled, scale, wanted) {
        Some(fitting) => Value::Bytes(fitting),
        None => Value::Logical(Box::new(Logical::Decimal { unscaled, scale })),
    })
}

fn is_number(value: &Value) -> bool {
    value.as_i64().is_some() || matches!(value, Value::Float32(_) | Value::Float64(_))
}

fn no_decimal(text: &str) -> Error {
    Error::data(format!("{text:?} is no decimal number")).class("java.lang.NumberFormatException")
}
