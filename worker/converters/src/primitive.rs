//! Converters of one primitive type, in the big-endian form of Kafka's own serializers.

use bytes::Bytes;
use connect_api::{
    Config, Converter, ConverterPlugin, Encoded, Error, HeaderConverter, HeaderConverterPlugin, RawHeader, Result,
    Schema, SchemaAndValue, SchemaBuilder, Type, Value,
};

use crate::side::ConverterSide;

/// What the six converters differ in.
struct Format {
    /// As messages name the type.
    name: &'static str,
    /// As Kafka's deserializers are named.
    deserializer: &'static str,
    ty: Type,
    size: usize,
    /// Appends a value of the type; false for a value of another one.
    write: fn(&Value, &mut Vec<u8>) -> bool,
    /// Reads as many bytes as `size` says.
    read: fn(&[u8]) -> Option<Value>,
}

macro_rules! number_format {
    ($name:literal, $deserializer:literal, $kind:ident, $number:ty) => {
        Format {
            name: $name,
            deserializer: $deserializer,
            ty: Type::$kind,
            size: size_of::<$number>(),
            write: |value, out| match value {
                Value::$kind(number) => {
                    out.extend_from_slice(&number.to_be_bytes());
                    true
                }
                _ => false,
            },
            read: |bytes| Some(Value::$kind(<$number>::from_be_bytes(bytes.try_into().ok()?))),
        }
    };
}

static SHORT: Format = number_format!("short", "ShortDeserializer", Int16, i16);
static INTEGER: Format = number_format!("integer", "IntegerDeserializer", Int32, i32);
static LONG: Format = number_format!("long", "LongDeserializer", Int64, i64);
static FLOAT: Format = number_format!("float", "FloatDeserializer", Float32, f32);
static DOUBLE: Format = number_format!("double", "DoubleDeserializer", Float64, f64);

static BOOLEAN: Format = Format {
    name: "boolean",
    deserializer: "BooleanDeserializer",
    ty: Type::Boolean,
    size: 1,
    write: |value, out| match value {
        Value::Boolean(flag) => {
            out.push((*flag).into());
            true
        }
        _ => false,
    },
    read: |bytes| match bytes {
        [0] => Some(Value::Boolean(false)),
        [1] => Some(Value::Boolean(true)),
        _ => None,
    },
};

macro_rules! plugins {
    ($($format:ident => $plugin:ident, $header:ident, $class:literal);+ $(;)?) => {$(
        pub(crate) const $plugin: ConverterPlugin = ConverterPlugin {
            class: concat!("org.apache.kafka.connect.converters.", $class),
            config: ConverterSide::def,
            configure: |_props, _side| Ok(Box::new(PrimitiveConverter::new(&$format))),
        };
        pub(crate) const $header: HeaderConverterPlugin = HeaderConverterPlugin {
            class: concat!("org.apache.kafka.connect.converters.", $class),
            config: ConverterSide::def,
            configure: |_props| Ok(Box::new(PrimitiveConverter::new(&$format))),
        };
    )+};
}
plugins! {
    SHORT => SHORT_CONVERTER, SHORT_HEADER, "ShortConverter";
    INTEGER => INTEGER_CONVERTER, INTEGER_HEADER, "IntegerConverter";
    LONG => LONG_CONVERTER, LONG_HEADER, "LongConverter";
    FLOAT => FLOAT_CONVERTER, FLOAT_HEADER, "FloatConverter";
    DOUBLE => DOUBLE_CONVERTER, DOUBLE_HEADER, "DoubleConverter";
    BOOLEAN => BOOLEAN_CONVERTER, BOOLEAN_HEADER, "BooleanConverter";
}

/// Reads and writes values of one primitive type.
struct PrimitiveConverter {
    format: &'static Format,
    schema: Schema,
}

impl PrimitiveConverter {
    fn new(format: &'static Format) -> Self {
        Self { format, schema: SchemaBuilder::of(format.ty.clone()).optional().build() }
    }

    fn write(&self, data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<Encoded> {
        self.ensure_boolean_schema(data)?;
        if data.value.is_null() {
            return Ok(Encoded::Null);
        }
        let (name, found) = (self.format.name, data.value.java_class_in(data.schema.as_ref()));
        // A date is no number to the JVM, though it has a number's physical form.
        if found == data.value.java_class() && (self.format.write)(&data.value, out) {
            return Ok(Encoded::Bytes);
        }
        if self.format.ty == Type::Boolean {
            return Err(Error::data(format!("BooleanConverter is not compatible with objects of type class {found}")));
        }
        Err(Error::data(format!("Failed to serialize to {name} (was class {found}): ")))
    }

    /// Only the boolean converter looks at the schema, as in the JVM.
    fn ensure_boolean_schema(&self, data: &SchemaAndValue) -> Result<()> {
        match &data.schema {
            Some(schema) if self.format.ty == Type::Boolean && schema.ty != Type::Boolean => {
                let found = schema.ty.java_name();
                Err(Error::data(format!("Invalid schema type for BooleanConverter: {found}")))
            }
            _ => Ok(()),
        }
    }

    fn read(&self, bytes: Option<Bytes>) -> Result<SchemaAndValue> {
        let Some(bytes) = bytes else { return Ok(SchemaAndValue::new(self.schema.clone(), Value::Null)) };
        let Some(value) = (self.format.read)(&bytes) else {
            let Format { name, deserializer, size, .. } = self.format;
            let cause = Error::data(format!("Size of data received by {deserializer} is not {size}"))
                .class("org.apache.kafka.common.errors.SerializationException");
            return Err(Error::data(format!("Failed to deserialize {name}: ")).caused_by(cause));
        };
        Ok(SchemaAndValue::new(self.schema.clone(), value))
    }
}

impl Converter for PrimitiveConverter {
    fn serialize(
        &mut self,
        _topic: &str,
        _headers: &mut Vec<RawHeader>,
        data: &SchemaAndValue,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        self.write(data, out)
    }

    fn deserialize(&mut self, _topic: &str, _headers: &[RawHeader], bytes: Option<Bytes>) -> Result<SchemaAndValue> {
        self.read(bytes)
    }
}

impl HeaderConverter for PrimitiveConverter {
    fn serialize(&mut self, _topic: &str, _key: &str, data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<Encoded> {
        self.write(data, out)
    }

    fn deserialize(&mut self, _topic: &str, _key: &str, bytes: Option<Bytes>) -> Result<SchemaAndValue> {
        self.read(bytes)
    }
}
