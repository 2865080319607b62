//! Values: what a record's key, value and headers hold.

use bytes::Bytes;

use crate::{Schema, Str, schema::logical};

/// A value in its physical form; the schema's name says when it means a date or a decimal.
///
/// ```text
/// Value (40 bytes): tag 8 | Bytes, Struct: 32 | Array, Map: 24 | numbers inline
///                   String: its own tag, which has room for the others | 39
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Boolean(bool),
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Float32(f32),
    Float64(f64),
    String(Str),
    Bytes(Bytes),
    Array(Vec<Value>),
    /// Pairs in their order; a schemaless record is a map with string keys.
    Map(Vec<(Value, Value)>),
    Struct(Struct),
    /// A date or decimal where no schema says so: rare, therefore boxed.
    Logical(Box<Logical>),
}

/// The Java objects that schemaless records carry where a schema would name a logical type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logical {
    /// `java.util.Date`: milliseconds since 1970-01-01T00:00:00Z.
    Date(i64),
    /// `java.math.BigDecimal`: the unscaled value in big-endian two's complement, and its scale.
    Decimal { unscaled: Bytes, scale: i32 },
    /// `java.math.BigInteger` in big-endian two's complement; no Connect type, but transforms meet it.
    Integer(Bytes),
}

// A wider value is a decision, not an accident: every row of every table is made of these.
const _: () = assert!(size_of::<Value>() == 40);

/// A row: values by position, in the order of the schema's fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    schema: Schema,
    /// Room for more is kept: transforms add fields, and a row is rarely made of just so many as it ends with.
    values: Vec<Value>,
}

impl Struct {
    /// A row of this schema.
    ///
    /// # Panics
    /// When the schema is no struct or has another number of fields: a programmer's error, not one of data.
    pub fn new(schema: Schema, values: Vec<Value>) -> Self {
        let fields = schema.fields().expect("a struct has a struct schema");
        assert_eq!(fields.len(), values.len(), "one value per field");
        Self { schema, values }
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub fn values(&self) -> &[Value] {
        &self.values
    }

    pub fn values_mut(&mut self) -> &mut [Value] {
        &mut self.values
    }

    /// Gives the row another schema with as many fields; its values are to fit it.
    ///
    /// # Panics
    /// As [`Struct::new`].
    pub fn set_schema(&mut self, schema: Schema) {
        let fields = schema.fields().expect("a struct has a struct schema");
        assert_eq!(fields.len(), self.values.len(), "one value per field");
        self.schema = schema;
    }

    /// Changes the values and gives the row a schema that fits what they are then; where that fails, the row is of no use.
    ///
    /// # Panics
    /// As [`Struct::new`].
    pub fn reshape<E>(
        &mut self,
        schema: &Schema,
        change: impl FnOnce(&mut Vec<Value>) -> Result<(), E>,
    ) -> Result<(), E> {
        change(&mut self.values)?;
        self.set_schema(schema.clone());
        Ok(())
    }

    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// The stored value of a field by name; code that runs per record asks for the position once instead.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.schema.fields()?.position(name).map(|at| &self.values[at])
    }
}

/// A value with the schema that describes it; no schema for schemaless data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchemaAndValue {
    pub schema: Option<Schema>,
    pub value: Value,
}

impl SchemaAndValue {
    /// No schema and no value: a tombstone's value, a missing key.
    pub const NULL: SchemaAndValue = SchemaAndValue { schema: None, value: Value::Null };

    pub fn new(schema: Schema, value: Value) -> Self {
        Self { schema: Some(schema), value }
    }

    pub fn schemaless(value: Value) -> Self {
        Self { schema: None, value }
    }
}

impl From<Struct> for SchemaAndValue {
    fn from(row: Struct) -> Self {
        Self { schema: Some(row.schema.clone()), value: Value::Struct(row) }
    }
}

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_struct(&self) -> Option<&Struct> {
        match self {
            Value::Struct(row) => Some(row),
            _ => None,
        }
    }

    /// Any of the four integer types, widened.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int8(n) => Some((*n).into()),
            Value::Int16(n) => Some((*n).into()),
            Value::Int32(n) => Some((*n).into()),
            Value::Int64(n) => Some(*n),
            _ => None,
        }
    }

    /// As [`Value::java_class`], where a schema may say that the value is a date or a decimal.
    pub fn java_class_in(&self, schema: Option<&Schema>) -> &'static str {
        match (self, schema.and_then(|schema| schema.name.as_deref())) {
            (Value::Bytes(_), Some(logical::DECIMAL)) => "java.math.BigDecimal",
            (Value::Int32(_), Some(logical::DATE | logical::TIME)) => "java.util.Date",
            (Value::Int64(_), Some(logical::TIMESTAMP)) => "java.util.Date",
            _ => self.java_class(),
        }
    }

    /// The name of the Java class that would hold this value, as messages show it.
    pub fn java_class(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Boolean(_) => "java.lang.Boolean",
            Value::Int8(_) => "java.lang.Byte",
            Value::Int16(_) => "java.lang.Short",
            Value::Int32(_) => "java.lang.Integer",
            Value::Int64(_) => "java.lang.Long",
            Value::Float32(_) => "java.lang.Float",
            Value::Float64(_) => "java.lang.Double",
            Value::String(_) => "java.lang.String",
            Value::Bytes(_) => "[B",
            Value::Array(_) => "java.util.ArrayList",
            Value::Map(_) => "java.util.HashMap",
            Value::Struct(_) => "org.apache.kafka.connect.data.Struct",
            Value::Logical(logical) => match **logical {
                Logical::Date(_) => "java.util.Date",
                Logical::Decimal { .. } => "java.math.BigDecimal",
                Logical::Integer(_) => "java.math.BigInteger",
            },
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text.into())
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Value::String(text)
    }
}
