//! `ByteArrayConverter`: bytes as they are.

use bytes::Bytes;
use connect_api::{
    Config, Converter, ConverterPlugin, Encoded, Error, HeaderConverter, HeaderConverterPlugin, RawHeader, Result,
    Schema, SchemaAndValue, SchemaBuilder, Type, Value,
};

use crate::side::ConverterSide;

const CLASS: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";

pub(crate) const BYTE_ARRAY: ConverterPlugin = ConverterPlugin {
    class: CLASS,
    config: ConverterSide::def,
    configure: |_props, _side| Ok(Box::new(ByteArrayConverter::default())),
};

pub(crate) const BYTE_ARRAY_HEADER: HeaderConverterPlugin = HeaderConverterPlugin {
    class: CLASS,
    config: ConverterSide::def,
    configure: |_props| Ok(Box::new(ByteArrayConverter::default())),
};

/// Passes bytes through; everything else is an error.
pub struct ByteArrayConverter {
    schema: Schema,
}

impl Default for ByteArrayConverter {
    fn default() -> Self {
        Self { schema: SchemaBuilder::bytes().optional().build() }
    }
}

impl ByteArrayConverter {
    fn read(&self, bytes: Option<Bytes>) -> SchemaAndValue {
        SchemaAndValue::new(self.schema.clone(), bytes.map_or(Value::Null, Value::Bytes))
    }
}

fn write(data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<Encoded> {
    if let Some(schema) = &data.schema
        && schema.ty != Type::Bytes
    {
        let found = schema.ty.java_name();
        return Err(Error::data(format!("Invalid schema type for ByteArrayConverter: {found}")));
    }
    match &data.value {
        Value::Null => Ok(Encoded::Null),
        Value::Bytes(bytes) => {
            out.extend_from_slice(bytes);
            Ok(Encoded::Bytes)
        }
        value => {
            let found = value.java_class();
            Err(Error::data(format!("ByteArrayConverter is not compatible with objects of type class {found}")))
        }
    }
}

impl Converter for ByteArrayConverter {
    fn serialize(
        &mut self,
        _topic: &str,
        _headers: &mut Vec<RawHeader>,
        data: &SchemaAndValue,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        write(data, out)
    }

    fn deserialize(&mut self, _topic: &str, _headers: &[RawHeader], bytes: Option<Bytes>) -> Result<SchemaAndValue> {
        Ok(self.read(bytes))
    }
}

impl HeaderConverter for ByteArrayConverter {
    fn serialize(&mut self, _topic: &str, _key: &str, data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<Encoded> {
        write(data, out)
    }

    fn deserialize(&mut self, _topic: &str, _key: &str, bytes: Option<Bytes>) -> Result<SchemaAndValue> {
        Ok(self.read(bytes))
    }
}
