//! Rows and maps taken apart and put together again, with the errors that the JVM gives.

use connect_api::{Error, Field, Fields, Result, Schema, SchemaDef, Str, Struct, Type, Value};

pub(crate) const SCHEMA_BUILDER: &str = "org.apache.kafka.connect.errors.SchemaBuilderException";

/// The row, or an error that names what was to be done with it.
pub(crate) fn require_struct(value: Value, schema: Option<&Schema>, purpose: &str) -> Result<Struct> {
    match value {
        Value::Struct(row) => Ok(row),
        value => Err(no_struct(&value, schema, purpose)),
    }
}

/// The pairs of a map that no schema describes, or an error that names what was to be done with it.
pub(crate) fn require_map(value: Value, purpose: &str) -> Result<Vec<(Value, Value)>> {
    match value {
        Value::Map(pairs) => Ok(pairs),
        value => Err(no_map(&value, purpose)),
    }
}

/// The error for a value that should be a row.
pub(crate) fn no_struct(value: &Value, schema: Option<&Schema>, purpose: &str) -> Error {
    only("Struct objects supported for", purpose, value, schema)
}

/// The error for a value without a schema that should be a map.
pub(crate) fn no_map(value: &Value, purpose: &str) -> Error {
    only("Map objects supported in absence of schema for", purpose, value, None)
}

fn only(what: &str, purpose: &str, value: &Value, schema: Option<&Schema>) -> Error {
    let found = value.java_class_in(schema);
    Error::data(format!("Only {what} [{purpose}], found: {found}"))
}

/// The error of a transform that needs a schema, for data without one.
pub(crate) fn schema_needed(purpose: &str) -> Error {
    Error::data(format!("Schema required for [{purpose}]"))
}

/// Room for more values. Not by `reserve`: the system's `realloc` looks for room behind the old place first and then
/// passes by the cache of the thread, which takes longer than to move so few values.
pub(crate) fn make_room(values: &mut Vec<Value>, more: usize) {
    if values.capacity() - values.len() < more {
        let mut roomy = Vec::with_capacity(values.len() + more);
        roomy.append(values);
        *values = roomy;
    }
}

/// Sets a key of a map, in its place if it is there already.
pub(crate) fn put(pairs: &mut Vec<(Value, Value)>, name: &Str, value: Value) {
    match pairs.iter_mut().find(|(key, _)| key.as_str() == Some(name.as_str())) {
        Some(known) => known.1 = value,
        None => pairs.push((Value::String(name.clone()), value)),
    }
}

pub(crate) fn get<'a>(pairs: &'a [(Value, Value)], name: &str) -> Option<&'a Value> {
    pairs.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

pub(crate) fn get_mut<'a>(pairs: &'a mut [(Value, Value)], name: &str) -> Option<&'a mut Value> {
    pairs.iter_mut().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

/// A struct schema with the metadata of another one; never optional, without a default.
pub(crate) fn schema_like(from: &Schema, fields: Vec<Field>) -> Result<Schema> {
    Ok(Schema::new(SchemaDef {
        ty: Type::Struct(checked_fields(fields)?),
        optional: false,
        name: from.name.clone(),
        version: from.version,
        default: None,
        doc: from.doc.clone(),
        parameters: from.parameters.clone(),
    }))
}

/// Fields with a name each, and none twice.
pub(crate) fn checked_fields(list: Vec<Field>) -> Result<Fields> {
    let mut names = std::collections::HashSet::new();
    for field in &list {
        if field.name.is_empty() {
            return Err(Error::data("fieldName cannot be null.").class(SCHEMA_BUILDER));
        }
        if !names.insert(field.name.as_str()) {
            let message = format!("Cannot create field because of field name duplication {}", field.name);
            return Err(Error::data(message).class(SCHEMA_BUILDER));
        }
    }
    Ok(Fields::new(list))
}

/// What copying values into a new row does about nulls: a default takes their place, or they are refused.
pub(crate) struct NullRules(Vec<NullRule>);

struct NullRule {
    at: usize,
    name: Str,
    default: Option<Value>,
    required: bool,
    type_name: &'static str,
}

impl NullRules {
    pub(crate) fn new<'a>(fields: impl IntoIterator<Item = &'a Field>, replace_nulls: bool) -> Self {
        let rule = |(at, field): (usize, &'a Field)| {
            let default = field.schema.default.clone().filter(|_| replace_nulls);
            let required = !field.schema.optional;
            let (name, type_name) = (field.name.clone(), field.schema.ty.java_name());
            (default.is_some() || required).then_some(NullRule { at, name, default, required, type_name })
        };
        Self(fields.into_iter().enumerate().filter_map(rule).collect())
    }

    /// The same, with the defaults that fields of the same places have.
    pub(crate) fn with_defaults<'a>(
        mut self,
        fields: impl IntoIterator<Item = &'a Field>,
        replace_nulls: bool,
    ) -> Self {
        for (at, field) in fields.into_iter().enumerate().filter(|_| replace_nulls) {
            let Some(default) = field.schema.default.clone() else { continue };
            match self.0.iter_mut().find(|rule| rule.at == at) {
                Some(rule) => rule.default = Some(default),
                None => {
                    let (name, type_name) = (field.name.clone(), field.schema.ty.java_name());
                    self.0.push(NullRule { at, name, default: Some(default), required: false, type_name });
                }
            }
        }
        self
    }

    pub(crate) fn apply(&self, values: &mut [Value]) -> Result<()> {
        for rule in &self.0 {
            let value = &mut values[rule.at];
            match &rule.default {
                _ if !value.is_null() => {}
                Some(default) => *value = default.clone(),
                None if rule.required => return Err(null_refused(&rule.name, rule.type_name)),
                None => {}
            }
        }
        Ok(())
    }
}

pub(crate) fn null_refused(name: &str, type_name: &str) -> Error {
    Error::data(format!("Invalid value: null used for required field: \"{name}\", schema type: {type_name}"))
}

/// The value of a field, or its default where it is null.
pub(crate) fn field_value(value: Value, schema: &Schema, replace_nulls: bool) -> Value {
    match &schema.default {
        Some(default) if replace_nulls && value.is_null() => default.clone(),
        _ => value,
    }
}

/// `Schema.toString()`, for messages.
pub(crate) fn schema_text(schema: &Schema) -> String {
    match &schema.name {
        Some(name) => format!("Schema{{{name}:{}}}", schema.ty.java_name()),
        None => format!("Schema{{{}}}", schema.ty.java_name()),
    }
}
