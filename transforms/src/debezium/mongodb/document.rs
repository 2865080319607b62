//! Documents made rows: each gets the schema that its values need.

use connect_api::{
    Error, Field, Fields, Result, Schema, SchemaBuilder, Str, Struct, Type, Value, schema::logical, setting_enum,
};

use super::extended_json::Bson;
use crate::{
    debezium::{envelope, naming::NameAdjustment},
    row,
};

setting_enum! {
    /// What arrays become.
    pub(crate) enum ArrayEncoding {
        #[default]
        Array = "array",
        /// A struct with a field for each item, since items of different types share no schema.
        Document = "document",
    }
}

/// How documents become rows.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    pub(crate) arrays: ArrayEncoding,
    /// What stands between the names of fields of documents within documents, where these are taken apart.
    pub(crate) flatten: Option<String>,
    pub(crate) names: NameAdjustment,
}

/// What is known of the values at one place.
enum Shape {
    Null,
    Boolean,
    Int32,
    Int64,
    Double,
    String,
    Bytes,
    Moment,
    Regex,
    Array(Option<Box<Shape>>),
    Struct { fields: Vec<(String, Shape)>, named: bool },
}

impl Documents {
    /// The row of a document, under a schema of this name; `added` fields come last.
    pub(crate) fn row(
        &self,
        document: Vec<(String, Bson)>,
        name: Option<&str>,
        added: Vec<(Field, Value)>,
    ) -> Result<Struct> {
        let mut document = document;
        if self.arrays == ArrayEncoding::Document {
            document = document.into_iter().map(|(name, value)| (name, numbered(value))).collect();
        }
        if let Some(between) = &self.flatten {
            document = flattened(document, between);
        }
        // Java writes the name of a schema without one as null.
        let path = name.unwrap_or("null");
        let mut fields = Vec::with_capacity(document.len() + added.len());
        let mut values = Vec::with_capacity(document.len() + added.len());
        for (field, value) in document {
            let shape = Shape::of(&value, &field, path, self.arrays)?;
            let schema = shape.schema(&format!("{path}.{field}"), self.names);
            values.push(converted(value, &schema));
            fields.push(Field { name: self.names.adjust(&field).into(), schema });
        }
        for (field, value) in added {
            fields.push(field);
            values.push(value);
        }
        let builder = SchemaBuilder::of(Type::Struct(row::checked_fields(fields)?));
        let schema = match name {
            Some(name) => builder.name(name).build(),
            None => builder.build(),
        };
        Ok(Struct::new(schema, values))
    }
}

/// Arrays as documents with the fields `_0`, `_1` and so on; empty ones stay.
fn numbered(value: Bson) -> Bson {
    match value {
        Bson::Array(items) if items.is_empty() => Bson::Array(items),
        Bson::Array(items) => {
            let field = |(at, item)| (format!("_{at}"), numbered(item));
            Bson::Document(items.into_iter().enumerate().map(field).collect())
        }
        Bson::Document(fields) => {
            Bson::Document(fields.into_iter().map(|(name, value)| (name, numbered(value))).collect())
        }
        other => other,
    }
}

fn flattened(document: Vec<(String, Bson)>, between: &str) -> Vec<(String, Bson)> {
    let mut out = Vec::with_capacity(document.len());
    for (name, value) in document {
        match value {
            Bson::Document(fields) => {
                let inner = flattened(fields, between);
                out.extend(inner.into_iter().map(|(field, value)| (format!("{name}{between}{field}"), value)));
            }
            value => out.push((name, value)),
        }
    }
    out
}

impl Shape {
    fn of(value: &Bson, field: &str, path: &str, arrays: ArrayEncoding) -> Result<Self> {
        Ok(match value {
            Bson::Null => Shape::Null,
            Bson::Boolean(_) => Shape::Boolean,
            Bson::Int32(_) => Shape::Int32,
            Bson::Int64(_) => Shape::Int64,
            Bson::Double(_) => Shape::Double,
            Bson::String(_) | Bson::ObjectId(_) | Bson::Decimal(_) | Bson::Code(_) => Shape::String,
            Bson::Binary { .. } => Shape::Bytes,
            Bson::Date(_) | Bson::Timestamp { .. } => Shape::Moment,
            Bson::Regex { .. } => Shape::Regex,
            Bson::Other(_) => return Err(Error::data(format!("{field} is not a valid field name"))),
            Bson::Document(fields) => {
                let path = format!("{path}.{field}");
                let member =
                    |(name, value): &(String, Bson)| Ok((name.clone(), Shape::of(value, name, &path, arrays)?));
                Shape::Struct { named: !fields.is_empty(), fields: fields.iter().map(member).collect::<Result<_>>()? }
            }
            // The only arrays that are left, where arrays become documents, are empty ones.
            Bson::Array(_) if arrays == ArrayEncoding::Document => Shape::Struct { fields: Vec::new(), named: true },
            Bson::Array(items) => {
                let mut common: Option<Shape> = None;
                for item in items {
                    let shape = Shape::of(item, field, path, arrays)?;
                    common = Some(match common {
                        None => shape,
                        Some(common) => common.merge(shape).ok_or_else(|| mixed(items, field, path))?,
                    });
                }
                Shape::Array(common.map(Box::new))
            }
        })
    }

    /// The shape of both; none where no schema describes both.
    fn merge(self, other: Shape) -> Option<Shape> {
        Some(match (self, other) {
            (Shape::Null, shape) | (shape, Shape::Null) => shape,
            (Shape::Array(None), array @ Shape::Array(_)) | (array @ Shape::Array(_), Shape::Array(None)) => array,
            (Shape::Array(Some(left)), Shape::Array(Some(right))) => Shape::Array(Some(Box::new(left.merge(*right)?))),
            (Shape::Struct { mut fields, named }, Shape::Struct { fields: more, named: also }) => {
                for (name, shape) in more {
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) => *known = std::mem::replace(known, Shape::Null).merge(shape)?,
                        None => fields.push((name, shape)),
                    }
                }
                Shape::Struct { fields, named: named || also }
            }
            (left, right) if std::mem::discriminant(&left) == std::mem::discriminant(&right) => left,
            _ => return None,
        })
    }

    fn schema(&self, path: &str, names: NameAdjustment) -> Schema {
        let builder = match self {
            Shape::Null | Shape::String => SchemaBuilder::string(),
            Shape::Boolean => SchemaBuilder::boolean(),
            Shape::Int32 => SchemaBuilder::int32(),
            Shape::Int64 => SchemaBuilder::int64(),
            Shape::Double => SchemaBuilder::float64(),
            Shape::Bytes => SchemaBuilder::bytes(),
            Shape::Moment => SchemaBuilder::int64().name(logical::TIMESTAMP).version(1),
            Shape::Regex => {
                let text = || SchemaBuilder::string().optional().build();
                SchemaBuilder::structure([("regex", text()), ("options", text())]).name(names.adjust(path))
            }
            Shape::Array(items) => {
                let items = items.as_deref().unwrap_or(&Shape::String);
                SchemaBuilder::array(items.schema(path, names))
            }
            Shape::Struct { fields, named } => {
                let field = |(name, shape): &(String, Shape)| {
                    let schema = shape.schema(&format!("{path}.{name}"), names);
                    Field { name: Str::from(names.adjust(name)), schema }
                };
                let builder = SchemaBuilder::of(Type::Struct(Fields::new(fields.iter().map(field).collect())));
                if *named { builder.name(names.adjust(path)) } else { builder }
            }
        };
        builder.optional().build()
    }
}

/// The error for an array whose items share no schema.
fn mixed(items: &[Bson], field: &str, path: &str) -> Error {
    if items.iter().any(|item| matches!(item, Bson::Document(_)))
        && let Some(other) = items.iter().find(|item| !matches!(item, Bson::Document(_)))
    {
        return Error::data(format!(
            "Invalid Java object for schema \"{path}.{field}\" with type STRUCT: class {} for element of array \
             field: \"{field}\"",
            other.java_class()
        ));
    }
    let texts: Vec<String> = items.iter().map(item_text).collect();
    envelope::failure(format!("Array elements with different Bson types are not supported: [{}]", texts.join(", ")))
}

/// A number as Java prints it; what else an item holds is left out.
fn item_text(item: &Bson) -> String {
    match item {
        Bson::Int32(number) => format!("BsonInt32{{value={number}}}"),
        Bson::Int64(number) => format!("BsonInt64{{value={number}}}"),
        Bson::Double(number) => format!("BsonDouble{{value={}}}", connect_api::java::double_text(*number)),
        other => other.java_class().to_owned(),
    }
}

fn converted(value: Bson, schema: &Schema) -> Value {
    match (value, &schema.ty) {
        (Bson::Boolean(flag), _) => Value::Boolean(flag),
        (Bson::Int32(number), _) => Value::Int32(number),
        (Bson::Int64(number) | Bson::Date(number), _) => Value::Int64(number),
        (Bson::Double(number), _) => Value::Float64(number),
        (Bson::String(text) | Bson::ObjectId(text) | Bson::Decimal(text) | Bson::Code(text), _) => text.into(),
        (Bson::Binary { bytes, .. }, _) => Value::Bytes(bytes.into()),
        (Bson::Timestamp { seconds, .. }, _) => Value::Int64(i64::from(seconds) * 1000),
        (Bson::Regex { pattern, options }, Type::Struct(_)) => {
            Value::Struct(Struct::new(schema.clone(), vec![pattern.into(), options.into()]))
        }
        (Bson::Array(items), Type::Array(Some(element))) => {
            Value::Array(items.into_iter().map(|item| converted(item, element)).collect())
        }
        (Bson::Array(_), Type::Struct(_)) => Value::Struct(Struct::new(schema.clone(), Vec::new())),
        (Bson::Document(document), Type::Struct(fields)) => {
            let mut values = vec![Value::Null; fields.len()];
            let mut next = 0;
            for (name, value) in document {
                // Fields come in the schema's order but where documents of an array differ.
                let found = (next..fields.len()).chain(0..next).find(|at| fields[*at].name == name.as_str());
                let at = found.unwrap_or(next);
                if let Some(place) = values.get_mut(at) {
                    *place = converted(value, &fields[at].schema);
                    next = at + 1;
                }
            }
            Value::Struct(Struct::new(schema.clone(), values))
        }
        _ => Value::Null,
    }
}
