//! The mapping of an index, as a schema asks for it.

use connect_api::{Error, Result, Schema, Type, Value, schema::logical};
use serde_json::{Map, Value as Json, json};

/// The body of a mapping request for documents of this schema.
pub(crate) fn mapping(schema: Option<&Schema>) -> Result<Json> {
    let schema = schema.ok_or_else(|| Error::data("Cannot infer mapping without schema."))?;
    property(schema)
}

fn property(schema: &Schema) -> Result<Json> {
    if let Some(ty) = logical_type(schema) {
        return Ok(with_null_value(schema, ty));
    }
    Ok(match &schema.ty {
        Type::Struct(fields) => {
            let properties = fields.iter().map(|field| Ok((field.name.to_string(), property(&field.schema)?)));
            json!({"properties": properties.collect::<Result<Map<String, Json>>>()?})
        }
        Type::Array(Some(element)) => property(element)?,
        Type::Map(Some(key), Some(value)) => {
            json!({"properties": {"key": property(key)?, "value": property(value)?}})
        }
        Type::Array(None) | Type::Map(..) => return Err(Error::data("Cannot infer mapping without schema.")),
        Type::String => json!({"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}),
        Type::Bytes => json!({"type": "binary"}),
        Type::Boolean => with_null_value(schema, "boolean"),
        Type::Int8 => with_null_value(schema, "byte"),
        Type::Int16 => with_null_value(schema, "short"),
        Type::Int32 => with_null_value(schema, "integer"),
        Type::Int64 => with_null_value(schema, "long"),
        Type::Float32 => with_null_value(schema, "float"),
        Type::Float64 => with_null_value(schema, "double"),
    })
}

fn logical_type(schema: &Schema) -> Option<&'static str> {
    match schema.name.as_deref()? {
        logical::DATE | logical::TIME | logical::TIMESTAMP => Some("date"),
        logical::DECIMAL => Some("double"),
        _ => None,
    }
}

/// A property whose documents are found by the schema's default value when they have none.
fn with_null_value(schema: &Schema, ty: &str) -> Json {
    let default = match (&schema.default, schema.name.as_deref()) {
        (Some(Value::Int32(days)), Some(logical::DATE)) => Some(json!(i64::from(*days) * MS_PER_DAY)),
        (Some(Value::Bytes(unscaled)), Some(logical::DECIMAL)) => schema
            .parameter("scale")
            .and_then(|text| text.parse().ok())
            .map(|scale| json!(crate::json::decimal_as_double(unscaled, scale))),
        (Some(Value::Boolean(b)), _) => Some(json!(b)),
        (Some(Value::Float32(n)), _) => Some(json!(n)),
        (Some(Value::Float64(n)), _) => Some(json!(n)),
        (Some(value), _) => value.as_i64().map(|n| json!(n)),
        (None, _) => None,
    };
    match default {
        Some(default) => json!({"type": ty, "null_value": default}),
        None => json!({"type": ty}),
    }
}

const MS_PER_DAY: i64 = 86_400_000;

/// Whether an answer to "which mapping" tells of no field at all.
pub(crate) fn is_empty(answer: &Json) -> bool {
    let fields = |index: &Json| index.pointer("/mappings/properties").and_then(Json::as_object).map_or(0, Map::len);
    answer.as_object().is_none_or(|indices| indices.values().map(fields).sum::<usize>() == 0)
}

#[cfg(test)]
mod tests {
    use connect_api::SchemaBuilder as S;

    use super::*;

    #[test]
    fn every_type_has_its_field_type() {
        let decimal = S::bytes().name(logical::DECIMAL).parameter("scale", "2").build();
        let schema = S::structure([
            ("i", S::int32().default_value(Value::Int32(7)).build()),
            ("s", S::string().default_value("x".into()).build()),
            ("b", S::bytes().build()),
            ("d", S::int32().name(logical::DATE).default_value(Value::Int32(2)).build()),
            ("dec", decimal),
            ("a", S::array(S::float64().build()).build()),
            ("m", S::map(S::string().build(), S::int64().build()).build()),
        ])
        .build();
        let text = json!({"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}});
        assert_eq!(
            mapping(Some(&schema)).expect("a mapping"),
            json!({"properties": {
                "i": {"type": "integer", "null_value": 7},
                "s": text,
                "b": {"type": "binary"},
                "d": {"type": "date", "null_value": 172_800_000},
                "dec": {"type": "double"},
                "a": {"type": "double"},
                "m": {"properties": {"key": text, "value": {"type": "long"}}},
            }})
        );
        assert_eq!(mapping(None).map_err(|e| e.to_string()), Err("Cannot infer mapping without schema.".to_owned()));
    }

    #[test]
    fn a_mapping_without_fields_is_empty() {
        assert!(is_empty(&json!({"i": {"mappings": {}}})));
        assert!(is_empty(&json!({"i": {"mappings": {"dynamic": "strict"}}})));
        assert!(!is_empty(&json!({"i": {"mappings": {"properties": {"a": {"type": "long"}}}}})));
    }
}
