//! The schema that a value without one would have (`Values.inferSchema`), for connectors whose targets need one.

use std::mem::{Discriminant, discriminant};

use crate::{Error, Field, Result, Schema, SchemaBuilder, Type, Value, schema::Fields};

/// The schema of a value; `None` where its parts differ or no type of Connect is its own. A container of nothing but
/// nulls is refused.
pub fn infer(value: &Value) -> Result<Option<Schema>> {
    Ok(Some(match value {
        Value::Null | Value::Logical(_) => return Ok(None),
        Value::Boolean(_) => SchemaBuilder::boolean().build(),
        Value::Int8(_) => SchemaBuilder::int8().build(),
        Value::Int16(_) => SchemaBuilder::int16().build(),
        Value::Int32(_) => SchemaBuilder::int32().build(),
        Value::Int64(_) => SchemaBuilder::int64().build(),
        Value::Float32(_) => SchemaBuilder::float32().build(),
        Value::Float64(_) => SchemaBuilder::float64().build(),
        Value::String(_) => SchemaBuilder::string().build(),
        Value::Bytes(_) => SchemaBuilder::bytes().build(),
        Value::Struct(row) => row.schema().clone(),
        Value::Array(items) => match common(items.iter())? {
            Some(element) => SchemaBuilder::array(element).build(),
            None => return Ok(None),
        },
        Value::Map(pairs) => {
            let keys = common(pairs.iter().map(|(key, _)| key))?;
            let values = common(pairs.iter().map(|(_, value)| value))?;
            match (keys, values) {
                (Some(keys), Some(values)) => SchemaBuilder::map(keys, values).build(),
                _ => return Ok(None),
            }
        }
    }))
}

/// What the parts of a container have in common: a type, of which only the kind is known where it is a container.
fn common<'a>(values: impl Iterator<Item = &'a Value>) -> Result<Option<Schema>> {
    let (mut known, mut optional, mut any): (Option<(Discriminant<Type>, Type)>, bool, bool) = (None, false, false);
    for value in values {
        any = true;
        if value.is_null() {
            optional = true;
            continue;
        }
        let Some(schema) = infer(value)? else { return Ok(None) };
        let kind = discriminant(&schema.ty);
        match &known {
            Some((other, _)) if *other != kind => return Ok(None),
            Some(_) => {}
            None => known = Some((kind, bare(&schema.ty))),
        }
    }
    match known {
        Some((_, ty)) if optional => Ok(Some(SchemaBuilder::of(ty).optional().build())),
        Some((_, ty)) => Ok(Some(SchemaBuilder::of(ty).build())),
        None if any => {
            Err(Error::data("type cannot be null").class("org.apache.kafka.connect.errors.SchemaBuilderException"))
        }
        None => Ok(None),
    }
}

fn bare(ty: &Type) -> Type {
    match ty {
        Type::Array(_) => Type::Array(None),
        Type::Map(..) => Type::Map(None, None),
        Type::Struct(_) => Type::Struct(Fields::new(Vec::<Field>::new())),
        plain => plain.clone(),
    }
}
