//! Whether an answer is the expected one: floats by their bits, maps in order unless Java's order is by hash.

use connect_api::{ConfigDef, Error, Field, Props, Record, Schema, SchemaAndValue, Type, Value};
use serde_json::Value as Json;

/// How maps compare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum MapOrder {
    Exact,
    Any,
}

impl MapOrder {
    /// A hash map anywhere in the expected answer makes its order meaningless.
    pub fn of(expected: &Json) -> Self {
        if expected.to_string().contains("\"hashmap\"") { MapOrder::Any } else { MapOrder::Exact }
    }
}

pub(super) fn same_record(left: &Record, right: &Record, order: MapOrder) -> bool {
    let headers = left.headers.len() == right.headers.len()
        && left.headers.iter().zip(&right.headers).all(|(l, r)| l.key == r.key && same_data(&l.value, &r.value, order));
    headers
        && left.topic == right.topic
        && left.partition == right.partition
        && left.timestamp == right.timestamp
        && same_data(&left.key, &right.key, order)
        && same_data(&left.value, &right.value, order)
}

pub fn same_data(left: &SchemaAndValue, right: &SchemaAndValue, order: MapOrder) -> bool {
    same_optional_schema(left.schema.as_ref(), right.schema.as_ref(), order)
        && same_value(&left.value, &right.value, order)
}

fn same_optional_schema(left: Option<&Schema>, right: Option<&Schema>, order: MapOrder) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => same_schema(left, right, order),
        (None, None) => true,
        _ => false,
    }
}

fn same_schema(left: &Schema, right: &Schema, order: MapOrder) -> bool {
    let default = match (&left.default, &right.default) {
        (Some(left), Some(right)) => same_value(left, right, order),
        (None, None) => true,
        _ => false,
    };
    default
        && left.optional == right.optional
        && left.name == right.name
        && left.version == right.version
        && left.doc == right.doc
        && left.parameters == right.parameters
        && same_type(&left.ty, &right.ty, order)
}

fn same_type(left: &Type, right: &Type, order: MapOrder) -> bool {
    let field =
        |(left, right): (&Field, &Field)| left.name == right.name && same_schema(&left.schema, &right.schema, order);
    match (left, right) {
        (Type::Struct(left), Type::Struct(right)) => left.len() == right.len() && left.iter().zip(right).all(field),
        (Type::Array(left), Type::Array(right)) => same_optional_schema(left.as_ref(), right.as_ref(), order),
        (Type::Map(left_keys, left_values), Type::Map(right_keys, right_values)) => {
            same_optional_schema(left_keys.as_ref(), right_keys.as_ref(), order)
                && same_optional_schema(left_values.as_ref(), right_values.as_ref(), order)
        }
        (left, right) => left == right,
    }
}

pub(super) fn same_value(left: &Value, right: &Value, order: MapOrder) -> bool {
    match (left, right) {
        (Value::Float32(left), Value::Float32(right)) => left.to_bits() == right.to_bits() || both_nan(*left, *right),
        (Value::Float64(left), Value::Float64(right)) => {
            left.to_bits() == right.to_bits() || (left.is_nan() && right.is_nan())
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_value(left, right, order))
        }
        (Value::Map(left), Value::Map(right)) => left.len() == right.len() && same_pairs(left, right, order),
        (Value::Struct(left), Value::Struct(right)) => {
            same_schema(left.schema(), right.schema(), order)
                && left.values().iter().zip(right.values()).all(|(left, right)| same_value(left, right, order))
        }
        (left, right) => left == right,
    }
}

fn both_nan(left: f32, right: f32) -> bool {
    left.is_nan() && right.is_nan()
}

fn same_pairs(left: &[(Value, Value)], right: &[(Value, Value)], order: MapOrder) -> bool {
    let same =
        |(l, r): (&(Value, Value), &(Value, Value))| same_value(&l.0, &r.0, order) && same_value(&l.1, &r.1, order);
    match order {
        MapOrder::Exact => left.iter().zip(right).all(same),
        MapOrder::Any => left.iter().all(|pair| right.iter().any(|other| same((pair, other)))),
    }
}

/// Compares an error with the expected one: its class always, its message where it is Connect's own.
pub fn error(expected: &Json, error: &Error) -> Result<(), String> {
    let class = expected["class"].as_str().unwrap_or_default();
    if class != error.java_class() {
        return Err(format!("expected a {class}, got {}: {error}", error.java_class()));
    }
    // Texts of the JVM itself differ between its versions.
    let jvm_text = matches!(class, "java.lang.NullPointerException" | "java.lang.ClassCastException");
    let message = normal(expected["message"].as_str().unwrap_or_default());
    let found = normal(error.message());
    // The JVM stops at the first wrong setting; here all are named.
    let first_of_many = found.strip_prefix(message.as_str()).is_some_and(|rest| rest.starts_with("; "));
    if !jvm_text && message != found && !first_of_many {
        return Err(format!("expected the message\n  {message}\ngot\n  {error}"));
    }
    Ok(())
}

/// All maps are one class here, and so are all byte containers. What the JVM adds after these words, the
/// text of an exception or of a whole record, is left out.
fn normal(message: &str) -> String {
    let own_words = [
        "Invalid regex:",
        "No value specified for static field:",
        "Timestamp missing on record:",
        "Unprocessable message",
        "' for record",
        "A valid regular expressions is expected, but",
    ];
    let end = own_words.iter().find_map(|words| message.find(words).map(|at| at + words.len()));
    message[..end.unwrap_or(message.len())]
        .replace("java.util.LinkedHashMap", "java.util.HashMap")
        .replace("java.util.Collections$SingletonMap", "java.util.HashMap")
        .replace("java.util.Arrays$ArrayList", "java.util.ArrayList")
        .replace("java.nio.HeapByteBuffer", "[B")
}

/// Compares what is wrong with settings: the failure to configure, and the messages per key.
pub fn config_error(expected: &Json, failure: &Error, def: &ConfigDef, props: &Props) -> Result<(), String> {
    error(expected, failure)?;
    let Some(keys) = expected["validate"].as_object() else { return Ok(()) };
    let found = def.errors(props);
    for (key, messages) in keys {
        // The JVM may say of a missing setting what its validator thinks of null as well; here one message is enough.
        let messages: Vec<String> =
            messages.as_array().into_iter().flatten().filter_map(Json::as_str).map(normal).collect();
        if !found.iter().any(|error| error.key == *key && messages.contains(&normal(&error.message))) {
            return Err(format!("expected for {key}\n  {messages:?}\ngot\n  {found:?}"));
        }
    }
    Ok(())
}
