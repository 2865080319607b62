//! The typed notation of golden files, read into the data model.
//!
//! A value carries its Java type. Where a schema says decimal, date or time, the value takes the physical form; a
//! Java object that has no such form, or no schema, becomes a logical value.

use std::fmt;

pub(super) use base64::engine::general_purpose::STANDARD;

use base64::Engine;
use connect_api::{
    Bytes, Field, Fields, Header, Headers, Logical, Props, Record, Schema, SchemaAndValue, SchemaDef, Str, Struct,
    Type, Value, decimal, schema::logical,
};
use serde_json::Value as Json;

/// A Java object that the data model has no place for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRepresentable(pub String);

impl fmt::Display for NotRepresentable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no place for {}", self.0)
    }
}

type Result<T> = std::result::Result<T, NotRepresentable>;

const DAY_MS: i64 = 86_400_000;

/// Settings; a setting that is null counts as not given.
pub fn props(config: &Json) -> Props {
    let text = |value: &Json| match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let entries = config.as_object().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

pub fn schema(json: &Json) -> Result<Option<Schema>> {
    let Some(members) = json.as_object() else { return Ok(None) };
    let part = |name: &str| schema(&json[name]);
    let ty = match json["type"].as_str().unwrap_or_default() {
        "boolean" => Type::Boolean,
        "int8" => Type::Int8,
        "int16" => Type::Int16,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "float32" => Type::Float32,
        "float64" => Type::Float64,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "array" => Type::Array(part("items")?),
        "map" => Type::Map(part("keys")?, part("values")?),
        "struct" => Type::Struct(Fields::new(fields(&json["fields"])?)),
        other => return Err(NotRepresentable(format!("a schema of type {other:?}"))),
    };
    let text = |name: &str| json[name].as_str().map(Str::from);
    let parameters = json["parameters"].as_object().map(|pairs| {
        pairs.iter().map(|(key, value)| (key.as_str().into(), value.as_str().unwrap_or_default().into())).collect()
    });
    let mut def = SchemaDef {
        ty,
        optional: json["optional"].as_bool().unwrap_or_default(),
        name: text("name"),
        version: json["version"].as_i64().and_then(|version| version.try_into().ok()),
        default: None,
        doc: text("doc"),
        parameters,
    };
    if members.contains_key("default") {
        def.default = Some(value(&json["default"], Some(&Schema::new(def.clone())))?);
    }
    Ok(Some(Schema::new(def)))
}

fn fields(json: &Json) -> Result<Vec<Field>> {
    let field = |json: &Json| {
        let name = json["name"].as_str().unwrap_or_default().into();
        let schema = schema(&json["schema"])?.ok_or_else(|| NotRepresentable("a field without a schema".into()))?;
        Ok(Field { name, schema })
    };
    json.as_array().into_iter().flatten().map(field).collect()
}

/// A value in the place of this schema.
pub fn value(json: &Json, schema: Option<&Schema>) -> Result<Value> {
    let members = match json {
        Json::Null => return Ok(Value::Null),
        Json::Bool(flag) => return Ok(Value::Boolean(*flag)),
        Json::String(text) => return Ok(text.as_str().into()),
        Json::Object(members) => members,
        other => return Err(NotRepresentable(other.to_string())),
    };
    let Some((kind, content)) = members.iter().next() else {
        return Err(NotRepresentable("a value without a type".into()));
    };
    let unreadable = || NotRepresentable(json.to_string());
    let integer = || content.as_i64().ok_or_else(unreadable);
    let text = || content.as_str().ok_or_else(unreadable);
    Ok(match kind.as_str() {
        "i8" => Value::Int8(integer()? as i8),
        "i16" => Value::Int16(integer()? as i16),
        "i32" => Value::Int32(integer()? as i32),
        "i64" => Value::Int64(integer()?),
        "f32" => Value::Float32(text()?.parse().map_err(|_| unreadable())?),
        "f64" => Value::Float64(text()?.parse().map_err(|_| unreadable())?),
        "bytes" | "bytebuffer" => Value::Bytes(STANDARD.decode(text()?).map_err(|_| unreadable())?.into()),
        "bigint" => {
            let unscaled = decimal::integer_bytes(text()?).ok_or_else(unreadable)?;
            Value::Logical(Box::new(Logical::Integer(unscaled)))
        }
        "dec" => decimal_value(content, schema).ok_or_else(unreadable)?,
        "date" => date_value(integer()?, schema),
        "array" => array(content, schema)?,
        "map" | "hashmap" => map(content, schema)?,
        "struct" => row(json, schema)?,
        kind => return Err(NotRepresentable(format!("a {kind} of Java"))),
    })
}

fn decimal_value(content: &Json, schema: Option<&Schema>) -> Option<Value> {
    let unscaled = decimal::integer_bytes(content["unscaled"].as_str()?)?;
    let scale = i32::try_from(content["scale"].as_i64()?).ok()?;
    let target = schema.filter(|schema| schema.name.as_deref() == Some(logical::DECIMAL));
    let target = target.and_then(|schema| schema.parameter("scale")?.parse().ok());
    let fitting: Option<Bytes> = target.and_then(|target| decimal::rescale(&unscaled, scale, target));
    Some(match fitting {
        Some(unscaled) => Value::Bytes(unscaled),
        None => Value::Logical(Box::new(Logical::Decimal { unscaled, scale })),
    })
}

fn date_value(ms: i64, schema: Option<&Schema>) -> Value {
    let fitting = match schema.and_then(|schema| schema.name.as_deref()) {
        Some(logical::DATE) if ms % DAY_MS == 0 => i32::try_from(ms / DAY_MS).ok().map(Value::Int32),
        Some(logical::TIME) => i32::try_from(ms).ok().map(Value::Int32),
        Some(logical::TIMESTAMP) => Some(Value::Int64(ms)),
        _ => None,
    };
    fitting.unwrap_or_else(|| Value::Logical(Box::new(Logical::Date(ms))))
}

fn array(content: &Json, schema: Option<&Schema>) -> Result<Value> {
    let items = schema.and_then(|schema| match &schema.ty {
        Type::Array(items) => items.as_ref(),
        _ => None,
    });
    let list: Result<Vec<Value>> = content.as_array().into_iter().flatten().map(|item| value(item, items)).collect();
    list.map(Value::Array)
}

fn map(content: &Json, schema: Option<&Schema>) -> Result<Value> {
    let (keys, values) = match schema.map(|schema| &schema.ty) {
        Some(Type::Map(keys, values)) => (keys.as_ref(), values.as_ref()),
        _ => (None, None),
    };
    let pair = |pair: &Json| Ok((value(&pair[0], keys)?, value(&pair[1], values)?));
    let pairs: Result<Vec<_>> = content.as_array().into_iter().flatten().map(pair).collect();
    pairs.map(Value::Map)
}

/// A row; its own schema stands beside it where it is not the one of the place.
fn row(json: &Json, place: Option<&Schema>) -> Result<Value> {
    let own = schema(&json["schema"])?;
    let Some(schema) = own.as_ref().or(place) else {
        return Err(NotRepresentable("a struct without a schema".into()));
    };
    let Some(fields) = schema.fields() else {
        return Err(NotRepresentable("a struct in the place of something else".into()));
    };
    let values = fields.iter().map(|field| value(&json["struct"][field.name.as_str()], Some(&field.schema)));
    let values: Result<Vec<Value>> = values.collect();
    Ok(Value::Struct(Struct::new(schema.clone(), values?)))
}

pub fn data(schema_json: &Json, value_json: &Json) -> Result<SchemaAndValue> {
    let schema = schema(schema_json)?;
    let value = value(value_json, schema.as_ref())?;
    Ok(SchemaAndValue { schema, value })
}

pub fn record(json: &Json) -> Result<Record> {
    let header = |header: &Json| {
        let value = data(&header["schema"], &header["value"])?;
        Ok(Header { key: header["key"].as_str().unwrap_or_default().into(), value })
    };
    let headers: Result<Headers> = json["headers"].as_array().into_iter().flatten().map(header).collect();
    Ok(Record {
        topic: json["topic"].as_str().unwrap_or_default().into(),
        partition: json["partition"].as_i64().and_then(|partition| partition.try_into().ok()),
        key: data(&json["keySchema"], &json["key"])?,
        value: data(&json["valueSchema"], &json["value"])?,
        timestamp: json["timestamp"].as_i64(),
        headers: headers?,
    })
}
