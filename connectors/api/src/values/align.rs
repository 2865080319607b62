//! The schema that the items of a parsed array or map have in common, and the items made to fit it.

use crate::{Logical, Schema, Type, Value, decimal, schema::logical, time};

/// Merges the schemas of items one after the other.
#[derive(Default)]
pub(super) struct CommonSchema {
    common: Option<Schema>,
    incompatible: bool,
}

impl CommonSchema {
    /// A null has no schema and changes nothing.
    pub(super) fn merge(&mut self, schema: Option<&Schema>) {
        let (Some(schema), false) = (schema, self.incompatible) else { return };
        self.common = match self.common.take() {
            None => Some(schema.clone()),
            Some(common) => wider(&common, schema),
        };
        self.incompatible = self.common.is_none();
    }

    pub(super) fn get(&self) -> Option<&Schema> {
        self.common.as_ref()
    }
}

/// Of two numbers the wider type; of two of the same type the newer schema, whatever it holds.
fn wider(common: &Schema, newer: &Schema) -> Option<Schema> {
    let rank = |schema: &Schema| match schema.ty {
        Type::Int8 => Some(0),
        Type::Int16 => Some(1),
        Type::Int32 => Some(2),
        Type::Int64 => Some(3),
        Type::Float32 => Some(4),
        Type::Float64 => Some(5),
        _ => None,
    };
    if std::mem::discriminant(&common.ty) == std::mem::discriminant(&newer.ty) {
        return Some(newer.clone());
    }
    let (common_rank, newer_rank) = (rank(common)?, rank(newer)?);
    Some(if newer_rank > common_rank { newer.clone() } else { common.clone() })
}

/// A value that was read under one schema and goes on under another, or under none.
///
/// Where the new schema does not say that it is a date or a decimal, the value says so itself.
pub(super) fn restate(value: Value, from: Option<&Schema>, to: Option<&Schema>) -> Value {
    let name = |schema: Option<&Schema>| schema.and_then(|schema| schema.name.clone());
    let part = |schema: Option<&Schema>, second: bool| match schema.map(|schema| &schema.ty) {
        Some(Type::Array(items)) => items.clone(),
        Some(Type::Map(keys, values)) => {
            if second {
                values.clone()
            } else {
                keys.clone()
            }
        }
        _ => None,
    };
    match value {
        Value::Array(items) => {
            let (from, to) = (part(from, false), part(to, false));
            Value::Array(items.into_iter().map(|item| restate(item, from.as_ref(), to.as_ref())).collect())
        }
        Value::Map(pairs) => {
            let (from_key, to_key) = (part(from, false), part(to, false));
            let (from_value, to_value) = (part(from, true), part(to, true));
            let pair = |(key, value)| {
                (
                    restate(key, from_key.as_ref(), to_key.as_ref()),
                    restate(value, from_value.as_ref(), to_value.as_ref()),
                )
            };
            Value::Map(pairs.into_iter().map(pair).collect())
        }
        value if name(from) == name(to) => value,
        Value::Bytes(unscaled) if name(from).as_deref() == Some(logical::DECIMAL) => {
            let scale = from.and_then(|schema| schema.parameter("scale")?.parse().ok()).unwrap_or(0);
            Value::Logical(Box::new(Logical::Decimal { unscaled, scale }))
        }
        value => match moment(&value, name(from).as_deref()) {
            Some(ms) => Value::Logical(Box::new(Logical::Date(ms))),
            None => value,
        },
    }
}

/// Milliseconds of a date, whichever type it has.
pub(super) fn moment(value: &Value, name: Option<&str>) -> Option<i64> {
    match (value, name) {
        (Value::Int32(days), Some(logical::DATE)) => Some(i64::from(*days) * time::DAY_MS),
        (Value::Int32(ms), Some(logical::TIME)) => Some(i64::from(*ms)),
        (Value::Int64(ms), Some(logical::TIMESTAMP)) => Some(*ms),
        (Value::Logical(logical), _) => match **logical {
            Logical::Date(ms) => Some(ms),
            _ => None,
        },
        _ => None,
    }
}

/// The value under the common schema; `None` where it can't be converted, such as a null.
pub(super) fn align(value: Value, from: Option<&Schema>, to: &Schema) -> Option<Value> {
    let moment = moment(&value, from.and_then(|schema| schema.name.as_deref()));
    let to_name = to.name.as_deref();
    match (&to.ty, to_name, moment) {
        (Type::Int32 | Type::Int64, Some(logical::DATE | logical::TIME | logical::TIMESTAMP), Some(ms)) => {
            Some(date_value(ms, to_name))
        }
        (_, _, Some(_)) => None,
        (Type::Int32, Some(logical::TIME), None) => {
            value.as_i64().filter(|ms| (0..=time::DAY_MS).contains(ms)).map(|ms| Value::Int32(ms as i32))
        }
        (Type::Array(_) | Type::Map(..), _, None) => {
            Some(restate(value, from, Some(to))).filter(|value| !value.is_null())
        }
        (Type::Bytes, Some(logical::DECIMAL), None) => decimal_value(value, from, to),
        (ty, _, None) => number(value, ty),
    }
}

fn number(value: Value, ty: &Type) -> Option<Value> {
    let integer = value.as_i64();
    Some(match (ty, value) {
        (_, Value::Null) => return None,
        (Type::Int16, _) => Value::Int16(integer?.try_into().ok()?),
        (Type::Int32, _) => Value::Int32(integer?.try_into().ok()?),
        (Type::Int64, _) => Value::Int64(integer?),
        (Type::Float32, Value::Float32(number)) => Value::Float32(number),
        (Type::Float32, _) => Value::Float32(integer? as f32),
        (Type::Float64, Value::Float32(number)) => Value::Float64(number.into()),
        (Type::Float64, Value::Float64(number)) => Value::Float64(number),
        (Type::Float64, _) => Value::Float64(integer? as f64),
        (_, value) => value,
    })
}

/// A moment in the physical form of its type, or as a Java date where it has a part that the type has no place for.
pub(super) fn date_value(ms: i64, name: Option<&str>) -> Value {
    let fitting = match name {
        Some(logical::DATE) if ms % time::DAY_MS == 0 => i32::try_from(ms / time::DAY_MS).ok().map(Value::Int32),
        Some(logical::TIME) => i32::try_from(ms).ok().map(Value::Int32),
        Some(logical::TIMESTAMP) => Some(Value::Int64(ms)),
        _ => None,
    };
    fitting.unwrap_or_else(|| Value::Logical(Box::new(Logical::Date(ms))))
}

fn decimal_value(value: Value, from: Option<&Schema>, to: &Schema) -> Option<Value> {
    let scale = |schema: &Schema| schema.parameter("scale")?.parse::<i32>().ok();
    let Value::Bytes(unscaled) = value else { return Some(value).filter(|value| !value.is_null()) };
    let from_scale = from.and_then(scale)?;
    Some(match decimal::rescale(&unscaled, from_scale, scale(to)?) {
        Some(unscaled) => Value::Bytes(unscaled),
        None => Value::Logical(Box::new(Logical::Decimal { unscaled, scale: from_scale })),
    })
}
