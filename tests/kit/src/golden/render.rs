//! Data written back in the typed notation, and where two such texts differ: what a failed case shows.

use connect_api::{Logical, Record, Schema, SchemaAndValue, Type, Value, decimal, java};
use serde_json::{Map, Value as Json, json};

/// Differences shown of one case; more of them seldom say more.
const DIFFERENCES_SHOWN: usize = 6;
/// Longer texts are cut in what a failed case shows.
const SHOWN_CHARS_MAX: usize = 300;

pub fn record_json(record: &Record) -> Json {
    let headers: Vec<Json> = record
        .headers
        .iter()
        .map(|header| {
            let SchemaAndValue { schema, value } = &header.value;
            let value = value_json(value, schema.as_ref());
            json!({ "key": header.key.as_str(), "schema": schema_json(schema.as_ref()), "value": value })
        })
        .collect();
    json!({
        "topic": record.topic.as_str(), "partition": record.partition, "timestamp": record.timestamp,
        "keySchema": schema_json(record.key.schema.as_ref()), "key": data_value(&record.key),
        "valueSchema": schema_json(record.value.schema.as_ref()), "value": data_value(&record.value),
        "headers": headers,
    })
}

pub fn data_json(data: &SchemaAndValue) -> Json {
    json!({ "schema": schema_json(data.schema.as_ref()), "value": data_value(data) })
}

fn data_value(data: &SchemaAndValue) -> Json {
    value_json(&data.value, data.schema.as_ref())
}

pub fn schema_json(schema: Option<&Schema>) -> Json {
    let Some(schema) = schema else { return Json::Null };
    let mut members = Map::new();
    members.insert("type".to_owned(), schema.ty.java_name().to_lowercase().into());
    if schema.optional {
        members.insert("optional".to_owned(), true.into());
    }
    let text = |text: &connect_api::Str| Json::from(text.as_str());
    let named = [
        ("name", schema.name.as_ref().map(text)),
        ("version", schema.version.map(Json::from)),
        ("doc", schema.doc.as_ref().map(text)),
        ("parameters", schema.parameters.as_ref().map(|p| p.iter().map(|(k, v)| (k.to_string(), text(v))).collect())),
        ("default", schema.default.as_ref().map(|value| value_json(value, Some(schema)))),
    ];
    members.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    match &schema.ty {
        Type::Array(items) => {
            members.insert("items".to_owned(), schema_json(items.as_ref()));
        }
        Type::Map(keys, values) => {
            members.insert("keys".to_owned(), schema_json(keys.as_ref()));
            members.insert("values".to_owned(), schema_json(values.as_ref()));
        }
        Type::Struct(fields) => {
            let field =
                |f: &connect_api::Field| json!({ "name": f.name.as_str(), "schema": schema_json(Some(&f.schema)) });
            members.insert("fields".to_owned(), fields.iter().map(field).collect());
        }
        _ => {}
    }
    Json::Object(members)
}

/// A value in the place of this schema; a struct whose schema is another one says so.
pub fn value_json(value: &Value, place: Option<&Schema>) -> Json {
    let (items, keys) = match place.map(|schema| &schema.ty) {
        Some(Type::Array(items)) => (items.as_ref(), None),
        Some(Type::Map(keys, values)) => (values.as_ref(), keys.as_ref()),
        _ => (None, None),
    };
    match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => (*flag).into(),
        Value::Int8(n) => json!({ "i8": n }),
        Value::Int16(n) => json!({ "i16": n }),
        Value::Int32(n) => json!({ "i32": n }),
        Value::Int64(n) => json!({ "i64": n }),
        Value::Float32(n) => json!({ "f32": java::float_text(*n) }),
        Value::Float64(n) => json!({ "f64": java::double_text(*n) }),
        Value::String(text) => text.as_str().into(),
        Value::Bytes(bytes) => json!({ "bytes": base64::Engine::encode(&super::notation::STANDARD, bytes) }),
        Value::Array(list) => json!({ "array": list.iter().map(|item| value_json(item, items)).collect::<Vec<_>>() }),
        Value::Map(pairs) => {
            let pair = |(k, v): &(Value, Value)| json!([value_json(k, keys), value_json(v, items)]);
            json!({ "map": pairs.iter().map(pair).collect::<Vec<_>>() })
        }
        Value::Struct(row) => {
            let fields = row.schema().fields().into_iter().flatten().zip(row.values());
            let member = |(f, v): (&connect_api::Field, &Value)| (f.name.to_string(), value_json(v, Some(&f.schema)));
            let members: Map<String, Json> = fields.map(member).collect();
            match place == Some(row.schema()) {
                true => json!({ "struct": members }),
                false => json!({ "struct": members, "schema": schema_json(Some(row.schema())) }),
            }
        }
        Value::Logical(logical) => match &**logical {
            Logical::Date(ms) => json!({ "date": ms }),
            Logical::Decimal { unscaled, scale } => {
                json!({ "dec": { "unscaled": decimal::integer_text(unscaled), "scale": scale } })
            }
            Logical::Integer(unscaled) => json!({ "bigint": decimal::integer_text(unscaled) }),
        },
    }
}

/// The same text with the fields of structs in the order of their names.
pub(super) fn in_order_of_names(json: &Json) -> Json {
    match json {
        Json::Array(items) => items.iter().map(in_order_of_names).collect(),
        Json::Object(members) => {
            let member = |(name, value): (&String, &Json)| {
                let mut value = in_order_of_names(value);
                if let (true, Json::Array(fields)) = (name == "fields", &mut value) {
                    fields.sort_by_key(|field| field["name"].to_string());
                }
                (name.clone(), value)
            };
            Json::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}

/// Where two texts differ, a line per place.
pub fn differing_places(expected: &Json, found: &Json) -> String {
    let mut lines = Vec::new();
    walk(String::new(), expected, found, &mut lines);
    let more = lines.len().saturating_sub(DIFFERENCES_SHOWN);
    lines.truncate(DIFFERENCES_SHOWN);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    match lines.is_empty() {
        true => "  the same but for the schema of a struct within".to_owned(),
        false => lines.join("\n"),
    }
}

fn walk(path: String, expected: &Json, found: &Json, lines: &mut Vec<String>) {
    match (expected, found) {
        (Json::Object(left), Json::Object(right)) => {
            for (name, value) in left {
                walk(format!("{path}.{name}"), value, right.get(name).unwrap_or(&ABSENT), lines);
            }
            for (name, value) in right.iter().filter(|(name, _)| !left.contains_key(*name)) {
                walk(format!("{path}.{name}"), &ABSENT, value, lines);
            }
        }
        (Json::Array(left), Json::Array(right)) if left.len() == right.len() => {
            for (at, (left, right)) in left.iter().zip(right).enumerate() {
                let name = left["name"].as_str().map_or_else(|| at.to_string(), str::to_owned);
                walk(format!("{path}[{name}]"), left, right, lines);
            }
        }
        (left, right) if left == right => {}
        (left, right) => lines.push(format!("  {path}: expected {}, got {}", shown(left), shown(right))),
    }
}

/// A member that one side does not have; none of the data is ever false at this place and absent at the other.
static ABSENT: Json = Json::Null;

pub fn shown(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
