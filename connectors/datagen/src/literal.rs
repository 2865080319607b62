//! Values that a schema lists as its `options` or names as a default.

use connect_api::{Bytes, Schema, Struct, Type, Value, decimal, schema::logical};
use serde_json::Value as Json;

use crate::{arguments::Arguments, error::DatagenError};

/// The values to choose from, or nothing where values are made in another way.
pub(crate) fn options(arguments: Arguments<'_>, schema: &Schema) -> Result<Option<Vec<Value>>, DatagenError> {
    let listed;
    let options: &[Json] = match arguments.get("options") {
        None => return Ok(None),
        Some(Json::Array(options)) => options,
        Some(Json::Object(source)) => {
            listed = file(arguments, source)?;
            &listed
        }
        Some(other) => return Err(arguments.wrong(format!("options must be a list, not {other}"))),
    };
    if options.is_empty() {
        return Err(arguments.wrong("options must not be empty"));
    }
    options.iter().map(|option| value(option, schema, arguments.at())).collect::<Result<_, _>>().map(Some)
}

/// `{"file": "path", "encoding": "json"}`: JSON values one after the other.
fn file(arguments: Arguments<'_>, source: &serde_json::Map<String, Json>) -> Result<Vec<Json>, DatagenError> {
    let text = |name: &str| source.get(name).and_then(Json::as_str);
    let path = text("file").ok_or_else(|| arguments.wrong("options must be a list, or an object with a file"))?;
    if text("encoding").is_some_and(|encoding| encoding != "json") {
        return Err(arguments.wrong("options can be read from files of encoding json only"));
    }
    let content = std::fs::read_to_string(path)
        .map_err(|error| arguments.wrong(format!("could not read the options of file '{path}': {error}")))?;
    let values: Result<Vec<Json>, _> = serde_json::Deserializer::from_str(&content).into_iter().collect();
    values.map_err(|error| arguments.wrong(format!("the options of file '{path}' are no JSON: {error}")))
}

/// A JSON value as one of a schema.
pub(crate) fn value(json: &Json, schema: &Schema, at: &str) -> Result<Value, DatagenError> {
    let wrong = || DatagenError::schema(at, format!("{json} is no value of type {}", schema.ty.java_name()));
    if json.is_null() {
        return if schema.optional { Ok(Value::Null) } else { Err(wrong()) };
    }
    let integer = |min: i64, max: i64| json.as_i64().filter(|n| (min..=max).contains(n)).ok_or_else(wrong);
    let value = match &schema.ty {
        Type::Int8 | Type::Int16 | Type::Int32 => {
            let number = integer(i32::MIN.into(), i32::MAX.into())?;
            Value::Int32(i32::try_from(number).map_err(|_| wrong())?)
        }
        Type::Int64 => Value::Int64(integer(i64::MIN, i64::MAX)?),
        Type::Float32 => Value::Float32(json.as_f64().ok_or_else(wrong)? as f32),
        Type::Float64 => Value::Float64(json.as_f64().ok_or_else(wrong)?),
        Type::Boolean => Value::Boolean(json.as_bool().ok_or_else(wrong)?),
        Type::String => Value::from(json.as_str().ok_or_else(wrong)?),
        Type::Bytes => Value::Bytes(bytes(json, schema).ok_or_else(wrong)?),
        Type::Array(element) => {
            let element = element.as_ref().ok_or_else(wrong)?;
            let items = json.as_array().ok_or_else(wrong)?;
            Value::Array(items.iter().map(|item| value(item, element, at)).collect::<Result<_, _>>()?)
        }
        Type::Map(_, values) => {
            let values = values.as_ref().ok_or_else(wrong)?;
            let members = json.as_object().ok_or_else(wrong)?;
            let pair = |(key, member): (&String, &Json)| Ok((key.as_str().into(), value(member, values, at)?));
            Value::Map(members.iter().map(pair).collect::<Result<_, DatagenError>>()?)
        }
        Type::Struct(fields) => {
            let members = json.as_object().ok_or_else(wrong)?;
            let mut row = Vec::with_capacity(fields.len());
            for field in fields {
                let at = format!("{at}.{}", field.name);
                row.push(match (members.get(field.name.as_str()), &field.schema.default) {
                    (None, Some(default)) => default.clone(),
                    (member, _) => value(in_union(member.unwrap_or(&Json::Null)), &field.schema, &at)?,
                });
            }
            Value::Struct(Struct::new(schema.clone(), row))
        }
    };
    Ok(value)
}

/// Avro writes a value of a union as `{"string": "a"}`; people write `"a"`.
fn in_union(json: &Json) -> &Json {
    const NAMES: [&str; 7] = ["boolean", "bytes", "double", "float", "int", "long", "string"];
    match json.as_object() {
        Some(object) if object.len() == 1 => {
            object.iter().find(|(name, _)| NAMES.contains(&name.as_str())).map_or(json, |(_, value)| value)
        }
        _ => json,
    }
}

/// Bytes are characters up to U+00FF, as in Avro's defaults; decimals are numbers too.
fn bytes(json: &Json, schema: &Schema) -> Option<Bytes> {
    if schema.name.as_deref() == Some(logical::DECIMAL) {
        let scale: i32 = schema.parameter("scale")?.parse().ok()?;
        let text = match json {
            Json::Number(number) => number.to_string(),
            Json::String(text) => text.clone(),
            _ => return None,
        };
        let (unscaled, given) = decimal::parse(&text)?;
        return decimal::rescale(&unscaled, given, scale);
    }
    let bytes: Option<Vec<u8>> = json.as_str()?.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes.map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_api::SchemaBuilder;

    #[test]
    fn values_have_the_type_of_their_schema() {
        let check = |json: &str, schema: SchemaBuilder, expected: Result<Value, &str>| {
            let json: Json = serde_json::from_str(json).unwrap();
            let found = value(&json, &schema.build(), "a").map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        check("5", SchemaBuilder::int32(), Ok(Value::Int32(5)));
        check("5", SchemaBuilder::float64(), Ok(Value::Float64(5.0)));
        check("3000000000", SchemaBuilder::int32(), Err("a: 3000000000 is no value of type INT32"));
        check("\"5\"", SchemaBuilder::int64(), Err("a: \"5\" is no value of type INT64"));
        check("null", SchemaBuilder::string(), Err("a: null is no value of type STRING"));
        check("null", SchemaBuilder::string().optional(), Ok(Value::Null));
        check("\"\u{ff}\"", SchemaBuilder::bytes(), Ok(Value::Bytes(Bytes::from_static(&[0xff]))));
        let price = || SchemaBuilder::bytes().name(logical::DECIMAL).parameter("scale", "2");
        check("12.5", price(), Ok(Value::Bytes(decimal::small_bytes(1250))));
        check("\"12.50\"", price(), Ok(Value::Bytes(decimal::small_bytes(1250))));
        check("12.505", price(), Err("a: 12.505 is no value of type BYTES"));
        let row = || SchemaBuilder::structure([("b", SchemaBuilder::string().optional().build())]);
        let built = row().build();
        let with = |value: Value| Value::Struct(Struct::new(built.clone(), vec![value]));
        check("{}", row(), Ok(with(Value::Null)));
        check(r#"{"b": "x"}"#, row(), Ok(with("x".into())));
        check(r#"{"b": {"string": "x"}}"#, row(), Ok(with("x".into())));
        check(r#"{"b": 1}"#, row(), Err("a.b: 1 is no value of type STRING"));
    }
}
