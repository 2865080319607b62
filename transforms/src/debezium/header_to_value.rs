//! `HeaderToValue`: headers become fields of the value.

use connect_api::{
    Config, Error, Fate, Field, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaBuilder, Str, Struct,
    Transform, TransformPlugin, Type, Value, config, values,
};

use super::settings;
use crate::row;

config! {
    /// Settings of `HeaderToValue`.
    pub(crate) struct HeaderToValueConfig {
        /// The headers to take.
        #[config(key = "headers", group = "", importance = High, display = "Header names list")]
        headers: Option<Vec<String>>,
        /// The fields to make of them, in the same order; a dot leads into a struct.
        #[config(key = "fields", group = "", importance = High, display = "Field names list")]
        fields: Option<Vec<String>>,
        /// Whether the headers stay (copy) or go (move).
        #[config(key = "operation", group = "", importance = High, display = "Operation: mover or copy")]
        operation: Option<String>,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.HeaderToValue",
    config: HeaderToValueConfig::def,
    configure: |props| Ok(Box::new(HeaderToValue::new(props)?)),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Move,
    Copy,
}

/// A place in the value: the way through its structs, and the field's name.
struct Target {
    parents: Vec<Str>,
    name: Str,
}

struct HeaderToValue {
    headers: Vec<Str>,
    targets: Vec<Target>,
    operation: Operation,
    /// The schema made last, with what it was made of: headers of a topic seldom change their schemas.
    last: Option<(Schema, Vec<Option<Schema>>, Schema)>,
}

impl HeaderToValue {
    fn new(props: &Props) -> Result<Self> {
        let headers = settings::required_names(props, "headers")?;
        let fields = settings::required_names(props, "fields")?;
        let choices = [("move", Operation::Move), ("copy", Operation::Copy)];
        let operation = settings::choice(props, "operation", settings::required(props, "operation")?, &choices)?;
        if headers.len() != fields.len() {
            return Err(Error::config("'fields' config must have the same number of elements as 'headers' config."));
        }
        let target = |path: &String| {
            let mut parents: Vec<Str> = path.split('.').map(Str::from).collect();
            let name = parents.pop().unwrap_or_default();
            Target { parents, name }
        };
        Ok(Self {
            headers: headers.iter().map(|name| name.as_str().into()).collect(),
            targets: fields.iter().map(target).collect(),
            operation,
            last: None,
        })
    }

    /// The value of each header, the last one where there are several.
    fn find(&self, record: &Record) -> Vec<Option<SchemaAndValue>> {
        let last = |name: &Str| record.headers.iter().rev().find(|header| header.key == *name);
        self.headers.iter().map(|name| last(name).map(|header| header.value.clone())).collect()
    }

    fn schema(&mut self, from: &Schema, found: &[Option<SchemaAndValue>]) -> Result<Schema> {
        let schemas: Vec<Option<Schema>> =
            found.iter().map(|header| header.as_ref().and_then(|header| header.schema.clone())).collect();
        if let Some((known, of, schema)) = &self.last
            && known.same(from)
            && *of == schemas
        {
            return Ok(schema.clone());
        }
        let mut schema = from.clone();
        for (target, header) in self.targets.iter().zip(found) {
            let Some(header) = header else { continue };
            let Some(added) = &header.schema else {
                let message = format!("fieldSchema for field {} cannot be null.", target.name);
                return Err(Error::data(message).class(row::SCHEMA_BUILDER));
            };
            schema = with_field(&schema, &target.parents, &target.name, added)?;
        }
        self.last = Some((from.clone(), schemas, schema.clone()));
        Ok(schema)
    }
}

impl Transform for HeaderToValue {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if record.value.value.is_null() {
            return Ok(Fate::Kept);
        }
        let Value::Struct(row) = &record.value.value else {
            return Err(row::no_struct(&record.value.value, record.value.schema.as_ref(), "Header field insertion"));
        };
        let found = self.find(record);
        if found.iter().all(Option::is_none) {
            return Ok(Fate::Kept);
        }
        let schema = self.schema(&row.schema().clone(), &found)?;
        let Value::Struct(row) = std::mem::take(&mut record.value).value else { return Ok(Fate::Kept) };
        let mut row = widened(row, &schema);
        for (target, header) in self.targets.iter().zip(found) {
            if let Some(header) = header {
                put(&mut row, &target.parents, &target.name, header.value)?;
            }
        }
        record.value = row.into();
        if self.operation == Operation::Move {
            record.headers.retain(|header| !self.headers.contains(&header.key));
        }
        Ok(Fate::Kept)
    }
}

/// The schema with one more field; structs on the way lose that they are optional, as in the JVM.
fn with_field(schema: &Schema, parents: &[Str], name: &Str, added: &Schema) -> Result<Schema> {
    let mut fields: Vec<Field> = schema.fields().into_iter().flatten().cloned().collect();
    let (field, rest) = match parents.split_first() {
        None => (name, None),
        Some((parent, rest)) => (parent, Some(rest)),
    };
    match (fields.iter_mut().find(|known| known.name == *field), rest) {
        (Some(known), Some(rest)) => known.schema = with_field(&known.schema, rest, name, added)?,
        (Some(_), None) => {}
        (None, None) => fields.push(Field { name: field.clone(), schema: added.clone() }),
        // What lies beyond a struct that is not there is lost in the JVM; an empty struct takes its place.
        (None, Some(_)) => {
            let empty = SchemaBuilder::structure(Vec::<(Str, Schema)>::new()).optional().build();
            fields.push(Field { name: field.clone(), schema: empty });
        }
    }
    row::schema_like(schema, fields)
}

/// The row under a schema that has more fields, in it and in its structs.
fn widened(row: Struct, schema: &Schema) -> Struct {
    if row.schema().same(schema) {
        return row;
    }
    let fields: Vec<Schema> = schema.fields().into_iter().flatten().map(|field| field.schema.clone()).collect();
    let known = row.values().len();
    let mut values = row.into_values();
    for (value, schema) in values.iter_mut().zip(&fields) {
        if let Value::Struct(inner) = value
            && !inner.schema().same(schema)
        {
            let taken = std::mem::take(value);
            if let Value::Struct(inner) = taken {
                *value = Value::Struct(widened(inner, schema));
            }
        }
    }
    for schema in &fields[known..] {
        values.push(match &schema.ty {
            Type::Struct(fields) if fields.is_empty() => Value::Struct(Struct::new(schema.clone(), Vec::new())),
            _ => Value::Null,
        });
    }
    Struct::new(schema.clone(), values)
}

fn put(row: &mut Struct, parents: &[Str], name: &Str, value: Value) -> Result<()> {
    let schema = row.schema().clone();
    let field = parents.first().unwrap_or(name);
    let Some(at) = schema.fields().and_then(|fields| fields.position(field)) else { return Ok(()) };
    match (parents.split_first(), &mut row.values_mut()[at]) {
        (None, place) => {
            if let Some(field) = schema.fields().map(|fields| &fields[at]) {
                values::validate(&field.schema, &value, Some(name))?;
            }
            *place = value;
            Ok(())
        }
        (Some((_, rest)), Value::Struct(inner)) => put(inner, rest, name, value),
        (Some(_), _) => Ok(()),
    }
}
