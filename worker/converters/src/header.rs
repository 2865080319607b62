//! `SimpleHeaderConverter`: header values as readable text, and text back by what it looks like.

use bytes::Bytes;
use connect_api::{
    ConfigDef, Encoded, HeaderConverter, HeaderConverterPlugin, Result, Schema, SchemaAndValue, SchemaBuilder, Str,
    Value, values,
};

pub(crate) const SIMPLE_HEADER: HeaderConverterPlugin = HeaderConverterPlugin {
    class: "org.apache.kafka.connect.storage.SimpleHeaderConverter",
    config: || {
        static NONE: std::sync::OnceLock<ConfigDef> = std::sync::OnceLock::new();
        NONE.get_or_init(ConfigDef::default)
    },
    configure: |_props| Ok(Box::new(SimpleHeaderConverter::default())),
};

/// Writes values as text; reads text as the value it looks like.
pub struct SimpleHeaderConverter {
    bytes: Schema,
    string: Schema,
}

impl Default for SimpleHeaderConverter {
    fn default() -> Self {
        Self { bytes: SchemaBuilder::bytes().build(), string: SchemaBuilder::string().build() }
    }
}

impl HeaderConverter for SimpleHeaderConverter {
    fn serialize(&mut self, _topic: &str, _key: &str, data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<Encoded> {
        if let Value::String(text) = &data.value {
            out.extend_from_slice(text.as_bytes());
            return Ok(Encoded::Bytes);
        }
        let Some(text) = values::text(&data.value, data.schema.as_ref()) else { return Ok(Encoded::Null) };
        out.extend_from_slice(text.as_bytes());
        Ok(Encoded::Bytes)
    }

    fn deserialize(&mut self, _topic: &str, _key: &str, bytes: Option<Bytes>) -> Result<SchemaAndValue> {
        let Some(bytes) = bytes else { return Ok(SchemaAndValue::NULL) };
        let text =
            Str::from_utf8(bytes.clone()).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
        if text.is_empty() {
            return Ok(SchemaAndValue::new(self.string.clone(), Value::String(text)));
        }
        Ok(values::parse(&text).unwrap_or_else(|| SchemaAndValue::new(self.bytes.clone(), Value::Bytes(bytes))))
    }
}
