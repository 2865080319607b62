//! Whether a value is one of a schema (`ConnectSchema.validateValue`), in the words of the JVM.

use crate::{Error, Logical, Result, Schema, Type, Value, schema::logical};

/// Refuses a value that is not one of the schema; `field` is named in the message where it is known.
pub fn validate(schema: &Schema, value: &Value, field: Option<&str>) -> Result<()> {
    let place = || field.map_or_else(|| "value".to_owned(), |name| format!("field: \"{name}\""));
    check(schema, value, &place)
}

fn check(schema: &Schema, value: &Value, place: &dyn Fn() -> String) -> Result<()> {
    if value.is_null() {
        return match schema.optional {
            true => Ok(()),
            false => Err(Error::data(format!(
                "Invalid value: null used for required {}, schema type: {}",
                place(),
                schema.ty.java_name()
            ))),
        };
    }
    match (&schema.ty, value) {
        (Type::Int8, Value::Int8(_))
        | (Type::Int16, Value::Int16(_))
        | (Type::Int32, Value::Int32(_))
        | (Type::Int64, Value::Int64(_))
        | (Type::Float32, Value::Float32(_))
        | (Type::Float64, Value::Float64(_))
        | (Type::Boolean, Value::Boolean(_))
        | (Type::String, Value::String(_))
        | (Type::Bytes, Value::Bytes(_)) => Ok(()),
        (Type::Array(items), Value::Array(values)) => {
            let Some(items) = items else { return Ok(()) };
            values.iter().try_for_each(|value| check(items, value, &|| format!("element of array {}", place())))
        }
        (Type::Map(keys, entries), Value::Map(pairs)) => pairs.iter().try_for_each(|(key, value)| {
            keys.as_ref().map_or(Ok(()), |keys| check(keys, key, &|| format!("key of map {}", place())))?;
            entries.as_ref().map_or(Ok(()), |entries| check(entries, value, &|| format!("value of map {}", place())))
        }),
        (Type::Struct(_), Value::Struct(row)) if row.schema() == schema => {
            let fields = schema.fields().into_iter().flatten().zip(row.values());
            for (field, value) in fields {
                let value = if value.is_null() { field.schema.default.as_ref().unwrap_or(value) } else { value };
                validate(&field.schema, value, Some(&field.name))?;
            }
            Ok(())
        }
        (Type::Struct(_), Value::Struct(_)) => Err(Error::data("Struct schemas do not match.")),
        (_, Value::Logical(object)) if fits(schema, object) => Ok(()),
        _ => Err(not_of(schema, value, &place())),
    }
}

/// Dates and decimals whose physical form the schema has no place for, such as a moment within a day.
fn fits(schema: &Schema, object: &Logical) -> bool {
    matches!(
        (schema.name.as_deref(), object),
        (Some(logical::DECIMAL), Logical::Decimal { .. })
            | (Some(logical::DATE | logical::TIME | logical::TIMESTAMP), Logical::Date(_))
    )
}

fn not_of(schema: &Schema, value: &Value, place: &str) -> Error {
    let name = schema.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
    let (ty, class) = (schema.ty.java_name(), value.java_class());
    Error::data(format!("Invalid Java object for schema{name} with type {ty}: class {class} for {place}"))
}
