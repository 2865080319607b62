//! Schemas: what a value is, shared by every value that has it.

use std::{collections::HashMap, sync::Arc};

use crate::{Str, data::Value};

/// A schema, shared by every value that has it. Comparing the same schema is comparing a pointer.
#[derive(Clone, Debug)]
pub struct Schema(Arc<SchemaDef>);

/// All that a [`Schema`] says. Built once, by [`SchemaBuilder`], and never changed.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaDef {
    pub ty: Type,
    pub optional: bool,
    /// Names a logical type, such as `org.apache.kafka.connect.data.Decimal`, or a struct.
    pub name: Option<Str>,
    pub version: Option<i32>,
    /// The value of a field that is left out; physical, as all values are.
    pub default: Option<Value>,
    pub doc: Option<Str>,
    /// In their order of declaration. `Some(vec![])` and `None` differ in the JVM, so they differ here.
    pub parameters: Option<Vec<(Str, Str)>>,
}

/// The physical type of a value (`Schema.Type` in the JVM, with what belongs to it).
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    String,
    Bytes,
    /// The element schema is unknown (`None`) for arrays that were parsed from header text.
    Array(Option<Schema>),
    /// Key and value schema, unknown as in [`Type::Array`].
    Map(Option<Schema>, Option<Schema>),
    Struct(Fields),
}

impl Type {
    /// The name as the JVM spells it in messages: `INT32`, `STRUCT`.
    pub fn java_name(&self) -> &'static str {
        match self {
            Type::Int8 => "INT8",
            Type::Int16 => "INT16",
            Type::Int32 => "INT32",
            Type::Int64 => "INT64",
            Type::Float32 => "FLOAT32",
            Type::Float64 => "FLOAT64",
            Type::Boolean => "BOOLEAN",
            Type::String => "STRING",
            Type::Bytes => "BYTES",
            Type::Array(_) => "ARRAY",
            Type::Map(..) => "MAP",
            Type::Struct(_) => "STRUCT",
        }
    }
}

/// One named member of a struct schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: Str,
    pub schema: Schema,
}

/// The fields of a struct in order, with an index by name.
///
/// Code that runs per record asks [`Fields::position`] once per schema and uses the number from then on.
#[derive(Clone, Debug)]
pub struct Fields {
    list: Vec<Field>,
    index: HashMap<Str, usize>,
}

impl Fields {
    pub fn new(list: Vec<Field>) -> Self {
        let index = list.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect();
        Self { list, index }
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    pub fn get(&self, name: &str) -> Option<&Field> {
        self.position(name).map(|at| &self.list[at])
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl std::ops::Index<usize> for Fields {
    type Output = Field;
    fn index(&self, at: usize) -> &Field {
        &self.list[at]
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = &'a Field;
    type IntoIter = std::slice::Iter<'a, Field>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Schema {
    pub fn new(def: SchemaDef) -> Self {
        Self(Arc::new(def))
    }

    /// Whether both are the very same schema: the cheap question that per-schema plans ask first.
    pub fn same(&self, other: &Schema) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub fn fields(&self) -> Option<&Fields> {
        match &self.ty {
            Type::Struct(fields) => Some(fields),
            _ => None,
        }
    }

    pub fn parameter(&self, name: &str) -> Option<&Str> {
        self.parameters.as_ref()?.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A builder that starts with everything this schema says.
    pub fn to_builder(&self) -> SchemaBuilder {
        SchemaBuilder((*self.0).clone())
    }
}

impl std::ops::Deref for Schema {
    type Target = SchemaDef;
    fn deref(&self) -> &SchemaDef {
        &self.0
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || self.0 == other.0
    }
}

/// Builds a [`Schema`]: `SchemaBuilder::int32().optional().build()`.
#[derive(Clone, Debug)]
pub struct SchemaBuilder(SchemaDef);

macro_rules! primitive_builders {
    ($($name:ident => $ty:ident),+ $(,)?) => {$(
        pub fn $name() -> Self { Self::of(Type::$ty) }
    )+};
}

impl SchemaBuilder {
    pub fn of(ty: Type) -> Self {
        Self(SchemaDef { ty, optional: false, name: None, version: None, default: None, doc: None, parameters: None })
    }

    primitive_builders! {
        int8 => Int8, int16 => Int16, int32 => Int32, int64 => Int64,
        float32 => Float32, float64 => Float64, boolean => Boolean, string => String, bytes => Bytes,
    }

    pub fn array(element: Schema) -> Self {
        Self::of(Type::Array(Some(element)))
    }

    pub fn map(key: Schema, value: Schema) -> Self {
        Self::of(Type::Map(Some(key), Some(value)))
    }

    /// A struct of these fields, in this order.
    pub fn structure<N: Into<Str>>(fields: impl IntoIterator<Item = (N, Schema)>) -> Self {
        let list = fields.into_iter().map(|(name, schema)| Field { name: name.into(), schema }).collect();
        Self::of(Type::Struct(Fields::new(list)))
    }

    pub fn optional(mut self) -> Self {
        self.0.optional = true;
        self
    }

    pub fn required(mut self) -> Self {
        self.0.optional = false;
        self
    }

    pub fn name(mut self, name: impl Into<Str>) -> Self {
        self.0.name = Some(name.into());
        self
    }

    pub fn version(mut self, version: i32) -> Self {
        self.0.version = Some(version);
        self
    }

    pub fn doc(mut self, doc: impl Into<Str>) -> Self {
        self.0.doc = Some(doc.into());
        self
    }

    pub fn default_value(mut self, value: Value) -> Self {
        self.0.default = Some(value);
        self
    }

    pub fn parameter(mut self, key: impl Into<Str>, value: impl Into<Str>) -> Self {
        self.0.parameters.get_or_insert_default().push((key.into(), value.into()));
        self
    }

    pub fn build(self) -> Schema {
        Schema::new(self.0)
    }
}

/// Names of the logical types of Kafka Connect (`org.apache.kafka.connect.data`).
pub mod logical {
    /// Bytes: the unscaled two's complement number; parameter `scale`.
    pub const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
    /// Int32: days since 1970-01-01.
    pub const DATE: &str = "org.apache.kafka.connect.data.Date";
    /// Int32: milliseconds of the day.
    pub const TIME: &str = "org.apache.kafka.connect.data.Time";
    /// Int64: milliseconds since 1970-01-01T00:00:00Z.
    pub const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";
}
