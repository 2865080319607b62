//! `InsertField`: adds where a record came from, when, or a fixed text.

use connect_api::{
    Error, Fate, Field, Origin, Props, Record, Result, Schema, SchemaBuilder, SchemaCache, Str, Transform, Value,
    config, plugin, plugin::Side, schema::logical,
};

use crate::{
    row::{self, NullRules},
    side::key_and_value,
};

config! {
    /// Settings of `InsertField`. A name may end with ! for a required field or with ? for an optional one.
    pub(crate) struct InsertFieldConfig {
        /// The field for the topic.
        #[config(key = "topic.field", group = "", importance = Medium)]
        topic: Option<FieldName>,
        /// The field for the Kafka partition.
        #[config(key = "partition.field", group = "", importance = Medium)]
        partition: Option<FieldName>,
        /// The field for the Kafka offset. Only for sinks.
        #[config(key = "offset.field", group = "", importance = Medium)]
        offset: Option<FieldName>,
        /// The field for the record's timestamp.
        #[config(key = "timestamp.field", group = "", importance = Medium)]
        timestamp: Option<FieldName>,
        /// The field for a fixed text.
        #[config(key = "static.field", group = "", importance = Medium)]
        fixed: Option<FieldName>,
        /// The fixed text.
        #[config(key = "static.value", group = "", importance = Medium)]
        fixed_value: Option<String>,
        /// Whether a field that is null is copied as its default, where it has one.
        #[config(key = "replace.null.with.default", group = "", importance = Medium, default = "true")]
        replace_nulls: bool,
    }
}
key_and_value!(InsertField, InsertFieldConfig);

const PURPOSE: &str = "field insertion";

/// A field to add, and whether it is optional.
#[derive(Clone, Debug)]
struct FieldName {
    name: Str,
    optional: bool,
}

impl connect_api::Setting for FieldName {
    const TYPE: connect_api::ConfigType = connect_api::ConfigType::String;
    fn parse(text: &str) -> Result<Self, connect_api::config::Problem> {
        let text = text.trim();
        Ok(match (text.strip_suffix('!'), text.strip_suffix('?')) {
            (Some(name), _) => Self { name: name.into(), optional: false },
            (_, Some(name)) => Self { name: name.into(), optional: true },
            _ => Self { name: text.into(), optional: true },
        })
    }
}

/// What a field is filled with.
#[derive(Clone, Debug)]
enum Content {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Fixed(Str),
}

struct InsertField {
    side: Side,
    fields: Vec<(FieldName, Content)>,
    replace_nulls: bool,
    plans: SchemaCache<Plan>,
}

struct Plan {
    nulls: NullRules,
    schema: Schema,
}

impl InsertField {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: InsertFieldConfig = plugin::parse(props)?;
        if config.fixed.is_some() && config.fixed_value.is_none() {
            let field = config.fixed.map(|field| field.name).unwrap_or_default();
            return Err(Error::config(format!(
                "Invalid value null for configuration static.value: No value specified for static field: {field}"
            )));
        }
        let fixed = Content::Fixed(config.fixed_value.unwrap_or_default().into());
        let fields = [
            (config.topic, Content::Topic),
            (config.partition, Content::Partition),
            (config.offset, Content::Offset),
            (config.timestamp, Content::Timestamp),
            (config.fixed, fixed),
        ];
        let fields: Vec<_> = fields.into_iter().filter_map(|(name, content)| Some((name?, content))).collect();
        if fields.is_empty() {
            return Err(Error::config("No field insertion configured"));
        }
        Ok(Self { side, fields, replace_nulls: config.replace_nulls, plans: SchemaCache::default() })
    }
}

impl Transform for InsertField {
    fn apply(&mut self, record: &mut Record, origin: Origin<'_>) -> Result<Fate> {
        let Record { topic, partition, timestamp, key, value, .. } = record;
        let about = About { topic, partition: *partition, timestamp: *timestamp, origin };
        let data = match self.side {
            Side::Key => key,
            Side::Value => value,
        };
        match (&mut data.schema, &mut data.value) {
            (_, Value::Null) => {}
            (None, Value::Map(pairs)) => {
                for (field, content) in &self.fields {
                    if let Some(value) = content.of(&about)? {
                        row::put(pairs, &field.name, value);
                    }
                }
            }
            (Some(schema), Value::Struct(row)) => {
                let (fields, replace_nulls) = (&self.fields, self.replace_nulls);
                let plan = self.plans.plan(row.schema(), |schema| Plan::new(schema, fields, replace_nulls))?;
                row.reshape(&plan.schema, |values| {
                    plan.nulls.apply(values)?;
                    row::make_room(values, fields.len());
                    for (_, content) in fields {
                        values.push(content.of(&about)?.unwrap_or_default());
                    }
                    Ok::<_, Error>(())
                })?;
                *schema = plan.schema.clone();
            }
            (None, value) => return Err(row::no_map(value, PURPOSE)),
            (schema, value) => return Err(row::no_struct(value, schema.as_ref(), PURPOSE)),
        }
        Ok(Fate::Kept)
    }
}

/// What is told of a record beside its data.
struct About<'a> {
    topic: &'a Str,
    partition: Option<i32>,
    timestamp: Option<i64>,
    origin: Origin<'a>,
}

impl Content {
    fn of(&self, about: &About<'_>) -> Result<Option<Value>> {
        Ok(match self {
            Content::Topic => Some(Value::String(about.topic.clone())),
            Content::Partition => about.partition.map(Value::Int32),
            Content::Offset => match about.origin {
                Origin::Sink { offset, .. } => Some(Value::Int64(offset)),
                Origin::Source(_) => {
                    let found = "org.apache.kafka.connect.source.SourceRecord";
                    return Err(Error::data(format!("Only SinkRecord supported for [{PURPOSE}], found: {found}")));
                }
            },
            Content::Timestamp => about.timestamp.map(Value::Int64),
            Content::Fixed(text) => Some(Value::String(text.clone())),
        })
    }

    fn schema(&self) -> SchemaBuilder {
        match self {
            Content::Topic | Content::Fixed(_) => SchemaBuilder::string(),
            Content::Partition => SchemaBuilder::int32(),
            Content::Offset => SchemaBuilder::int64(),
            Content::Timestamp => SchemaBuilder::int64().name(logical::TIMESTAMP).version(1),
        }
    }
}

impl Plan {
    fn new(from: &Schema, added: &[(FieldName, Content)], replace_nulls: bool) -> Result<Self> {
        let mut fields: Vec<Field> = from.fields().into_iter().flatten().cloned().collect();
        let nulls = NullRules::new(&fields, replace_nulls);
        for (field, content) in added {
            let schema = content.schema();
            let schema = if field.optional { schema.optional() } else { schema };
            fields.push(Field { name: field.name.clone(), schema: schema.build() });
        }
        Ok(Self { nulls, schema: row::schema_like(from, fields)? })
    }
}
