//! A value of one schema under another that its readers expect (`SchemaProjector`): wider numbers, fewer fields, new
//! fields with their defaults.

use crate::{Error, Result, Schema, Struct, Type, Value};

const PROJECTOR: &str = "org.apache.kafka.connect.errors.SchemaProjectorException";

fn refused(message: String) -> Error {
    Error::data(message).class(PROJECTOR)
}

/// The value as one of the target schema.
pub fn project(source: &Schema, value: Value, target: &Schema) -> Result<Value> {
    if source.optional && !target.optional {
        let Some(default) = &target.default else {
            return Err(refused(
                "Writer schema is optional, however, target schema does not provide a default value.".to_owned(),
            ));
        };
        return if value.is_null() { Ok(default.clone()) } else { converted(source, value, target) };
    }
    if value.is_null() { Ok(Value::Null) } else { converted(source, value, target) }
}

fn converted(source: &Schema, value: Value, target: &Schema) -> Result<Value> {
    let same_type = std::mem::discriminant(&source.ty) == std::mem::discriminant(&target.ty);
    if !same_type && !widens(&source.ty, &target.ty) {
        let (from, to) = (source.ty.java_name(), target.ty.java_name());
        return Err(refused(format!("Schema type mismatch. source type: {from} and target type: {to}")));
    }
    if source.name != target.name {
        let shown = |schema: &Schema| schema.name.as_ref().map_or("null", |name| name.as_str()).to_owned();
        let (from, to) = (shown(source), shown(target));
        return Err(refused(format!("Schema name mismatch. source name: {from} and target name: {to}")));
    }
    if source.parameters.is_some() && target.parameters.is_some() && source.parameters != target.parameters {
        return Err(refused("Schema parameters not equal.".to_owned()));
    }
    match (value, &source.ty, &target.ty) {
        (Value::Struct(row), ..) => projected_row(row, target).map(Value::Struct),
        (Value::Array(items), Type::Array(Some(from)), Type::Array(Some(to))) => {
            items.into_iter().map(|item| project(from, item, to)).collect::<Result<_>>().map(Value::Array)
        }
        (Value::Map(pairs), Type::Map(Some(keys), Some(values)), Type::Map(Some(to_keys), Some(to_values))) => {
            let pair = |(key, value)| Ok((project(keys, key, to_keys)?, project(values, value, to_values)?));
            pairs.into_iter().map(pair).collect::<Result<_>>().map(Value::Map)
        }
        (value, ..) if same_type => Ok(value),
        (value, ..) => Ok(widened(value, &target.ty)),
    }
}

fn projected_row(row: Struct, target: &Schema) -> Result<Struct> {
    let source = row.schema().clone();
    let mut from = row.into_values();
    let mut values = Vec::new();
    for field in target.fields().into_iter().flatten() {
        let at = source.fields().and_then(|fields| fields.position(&field.name));
        values.push(match (at, source.fields()) {
            (Some(at), Some(fields)) => {
                let value = std::mem::take(&mut from[at]);
                project(&fields[at].schema, value, &field.schema)
                    .map_err(|error| refused(format!("Error projecting {}", field.name)).caused_by(error))?
            }
            _ if field.schema.optional => Value::Null,
            _ => field.schema.default.clone().ok_or_else(|| {
                let name = &field.name;
                refused(format!("Required field `{name}` is missing from source schema: {}", schema_text(&source)))
            })?,
        });
    }
    Ok(Struct::new(target.clone(), values))
}

/// `Schema.toString()`
fn schema_text(schema: &Schema) -> String {
    match &schema.name {
        Some(name) => format!("Schema{{{name}:{}}}", schema.ty.java_name()),
        None => format!("Schema{{{}}}", schema.ty.java_name()),
    }
}

/// Numbers in the order in which each fits the next, as Java promotes them.
fn rank(ty: &Type) -> Option<u8> {
    Some(match ty {
        Type::Int8 => 0,
        Type::Int16 => 1,
        Type::Int32 => 2,
        Type::Int64 => 3,
        Type::Float32 => 4,
        Type::Float64 => 5,
        _ => return None,
    })
}

fn widens(from: &Type, to: &Type) -> bool {
    rank(from).zip(rank(to)).is_some_and(|(from, to)| from < to)
}

fn widened(value: Value, to: &Type) -> Value {
    let integer = value.as_i64();
    match (to, integer, &value) {
        (Type::Int16, Some(number), _) => i16::try_from(number).map_or(value, Value::Int16),
        (Type::Int32, Some(number), _) => i32::try_from(number).map_or(value, Value::Int32),
        (Type::Int64, Some(number), _) => Value::Int64(number),
        (Type::Float32, Some(number), _) => Value::Float32(number as f32),
        (Type::Float64, Some(number), _) => Value::Float64(number as f64),
        (Type::Float64, None, Value::Float32(number)) => Value::Float64((*number).into()),
        _ => value,
    }
}
