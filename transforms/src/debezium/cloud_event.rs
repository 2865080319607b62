//! `ConvertCloudEventToSaveableForm`: a cloud event becomes the row that its fields make.

use connect_api::{
    Config, Error, Fate, Field, Origin, Props, Record, Result, Schema, SchemaBuilder, Str, Struct, Transform,
    TransformPlugin, Value, config, plugin,
};

use crate::row;

config! {
    /// Settings of `ConvertCloudEventToSaveableForm`.
    pub(crate) struct CloudEventConfig {
        /// The fields of a cloud event to take, each with the name of a column after a colon where that is another.
        #[config(key = "fields.mapping", group = "", importance = High, display = "Specifies a list of pairs with mappings between a CloudEvent's fields and names of database columns", width = Medium)]
        fields: Option<Vec<String>>,
        /// What the cloud event was serialized with: json or avro.
        #[config(key = "serializer.type", group = "", importance = High, display = "Specifies a serialization type a provided CloudEvent was serialized and deserialized with", width = Short)]
        serializer: Option<String>,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.connector.jdbc.transforms.ConvertCloudEventToSaveableForm",
    config: CloudEventConfig::def,
    configure: |props| Ok(Box::new(ConvertCloudEvent::new(props)?)),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Serializer {
    Json,
    Avro,
}

struct ConvertCloudEvent {
    /// The event's fields and the names of the columns.
    fields: Vec<(Str, Str)>,
    serializer: Serializer,
}

impl ConvertCloudEvent {
    fn new(props: &Props) -> Result<Self> {
        let config: CloudEventConfig = plugin::parse(props)?;
        let serializer = match config.serializer.as_deref() {
            Some(text) if text.eq_ignore_ascii_case("json") => Serializer::Json,
            Some(text) if text.eq_ignore_ascii_case("avro") => Serializer::Avro,
            _ => {
                return Err(Error::config(
                    "Invalid value null for configuration serializer.type: Serialization/deserialization type of \
                     CloudEvents converter is required",
                ));
            }
        };
        let mapping = |text: &String| {
            let mut parts = text.split(':').map(str::trim);
            let field = parts.next().unwrap_or_default();
            (Str::from(field), Str::from(parts.next().unwrap_or(field)))
        };
        Ok(Self { fields: config.fields.unwrap_or_default().iter().map(mapping).collect(), serializer })
    }

    fn row(&self, event: &dyn Fn(&str) -> Option<(Schema, Value)>) -> Result<Struct> {
        let (mut fields, mut values) = (Vec::new(), Vec::new());
        for (name, column) in &self.fields {
            let Some((schema, value)) = event(name) else {
                let message = format!("fieldSchema for field {column} cannot be null.");
                return Err(Error::data(message).class(row::SCHEMA_BUILDER));
            };
            fields.push(Field { name: column.clone(), schema });
            values.push(value);
        }
        let schema = SchemaBuilder::of(connect_api::Type::Struct(row::checked_fields(fields)?)).build();
        Ok(Struct::new(schema, values))
    }
}

impl Transform for ConvertCloudEvent {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let row = match (&record.value.value, self.serializer) {
            (Value::Map(pairs), Serializer::Json) if record.value.schema.is_none() => self.row(&|name| {
                let schema = attribute_schema(name)?;
                let value = row::get(pairs, name).cloned().unwrap_or_default();
                Some((schema, text_of(value)))
            })?,
            (Value::Struct(event), Serializer::Avro) if names_cloud_event(event.schema()) => self.row(&|name| {
                let fields = event.schema().fields()?;
                let at = fields.position(name)?;
                Some((fields[at].schema.clone(), event.values()[at].clone()))
            })?,
            (value, Serializer::Avro) if record.value.schema.is_none() && !value.is_null() => {
                return Err(Error::data("a cloud event of Avro has a schema").class("java.lang.NullPointerException"));
            }
            _ => return Ok(Fate::Kept),
        };
        record.value = row.into();
        Ok(Fate::Kept)
    }
}

fn names_cloud_event(schema: &Schema) -> bool {
    schema.name.as_ref().is_some_and(|name| name.ends_with("CloudEvents.Envelope"))
}

/// The schema of an attribute that no schema describes: the four that every event has are required.
fn attribute_schema(name: &str) -> Option<Schema> {
    match name {
        "id" | "source" | "specversion" | "type" => Some(SchemaBuilder::string().build()),
        "time" | "datacontenttype" | "dataschema" | "subject" | "data" => {
            Some(SchemaBuilder::string().optional().build())
        }
        name if name.starts_with("iodebezium") => Some(SchemaBuilder::string().optional().build()),
        _ => None,
    }
}

/// A value as a column of text takes it: what is no text becomes one.
fn text_of(value: Value) -> Value {
    match value {
        Value::Null | Value::String(_) => value,
        value => connect_api::values::text(&value, None).map_or(Value::Null, Value::from),
    }
}
