//! `MongoEventRouter`: the documents of an outbox collection become the events that they describe.

use connect_api::{
    Config, Error, Fate, Field, Origin, Props, Record, Result, Schema, SchemaCache, Transform, TransformPlugin, config,
    plugin,
};

use super::{
    EventRouter, RowPlan,
    config::{EventRouterConfig, Names, Settings},
};
use crate::debezium::{
    envelope::{self, Positions},
    mongodb::{
        ArrayEncoding, Documents,
        extended_json::{self, Bson},
    },
    naming::NameAdjustment,
};

config! {
    /// Settings of `MongoEventRouter`.
    pub(crate) struct MongoEventRouterConfig {
        /// The field with the event's id, which becomes the header id.
        #[config(key = "collection.field.event.id", group = "Collection", importance = Low, default = "_id", display = "Event ID Field", width = Medium)]
        id: String,
        /// The field that becomes the record's key; aggregateid where it is not given.
        #[config(key = "collection.field.event.key", group = "Collection", importance = Low, display = "Event Key Field", width = Medium)]
        key: Option<String>,
        /// The field with the event's type.
        #[config(key = "collection.field.event.type", group = "Collection", importance = Low, default = "type", display = "Event Type Field", width = Medium)]
        event_type: String,
        /// The field that becomes the record's value.
        #[config(key = "collection.field.event.payload", group = "Collection", importance = Low, default = "payload", display = "Event Payload Field", width = Medium)]
        payload: String,
        /// The field that becomes the record's timestamp; the time of the change where it is not given.
        #[config(key = "collection.field.event.timestamp", group = "Collection", importance = Medium, display = "Event Timestamp Field", width = Medium)]
        timestamp: Option<String>,
        /// More fields to take, as field:header, field:envelope or field:partition, each with an optional new name
        /// after one more colon.
        #[config(key = "collection.fields.additional.placement", group = "Collection", importance = High, display = "Settings for each additional column in the outbox table", width = Medium)]
        placements: Option<Vec<String>>,
        /// Whether a field to take that is missing is an error.
        #[config(key = "collection.field.additional.missing", group = "Collection", importance = Medium, default = "error", display = "Behavior when an additional field is missing in the change data", width = Medium)]
        missing: String,
        /// The field with the version of the envelope's schema.
        #[config(key = "collection.field.event.schema.version", group = "Collection", importance = Low, display = "Event Schema Version Field", width = Medium)]
        version: Option<String>,
        /// What to do about an update of the outbox collection, which nobody should make: warn, error (both skip it),
        /// fatal.
        #[config(key = "table.op.invalid.behavior", group = "Collection", importance = Medium, default = "warn", display = "Behavior when capturing an unexpected outbox event", width = Medium)]
        invalid_operation: String,
        /// Whether a payload that is a document becomes a struct; it becomes its JSON text otherwise.
        #[config(key = "collection.expand.json.payload", group = "Collection", importance = Medium, default = "false", display = "Expand Payload escaped string as real JSON", width = Medium)]
        expand: bool,
        /// The field that tells the topic.
        #[config(key = "route.by.field", group = "Router", importance = High, default = "aggregatetype", display = "Field to route events by", width = Medium)]
        route_by: String,
        /// The regular expression that the field's text must match.
        #[config(key = "route.topic.regex", group = "Router", importance = Low, default = "(?<routedByValue>.*)", display = "The name of the routed topic", width = Medium)]
        route_regex: String,
        /// The topic; $1 and ${name} stand for groups of the match.
        #[config(key = "route.topic.replacement", group = "Router", importance = High, default = "outbox.event.${routedByValue}", display = "The name of the routed topic", width = Medium)]
        route_replacement: String,
        /// Whether an empty payload becomes a tombstone.
        #[config(key = "route.tombstone.on.empty.payload", group = "Router", importance = High, default = "false", display = "Empty payloads cause a tombstone message", width = Medium)]
        tombstones: bool,
        /// The field with the context of a trace. Accepted; this worker writes no traces.
        #[config(key = "tracing.span.context.field", group = "Tracing", importance = High, default = "tracingspancontext", display = "Serialized tracing span context field", width = Medium)]
        tracing_field: String,
        /// The name of the traced operation. Accepted; this worker writes no traces.
        #[config(key = "tracing.operation.name", group = "Tracing", importance = High, default = "debezium-read", display = "Tracing operation name", width = Medium)]
        tracing_name: String,
        /// Whether only events with a context are traced. Accepted; this worker writes no traces.
        #[config(key = "tracing.with.context.field.only", group = "Tracing", importance = High, default = "false", display = "Trace only events with context field present", width = Medium)]
        tracing_only: bool,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.connector.mongodb.transforms.outbox.MongoEventRouter",
    config: MongoEventRouterConfig::def,
    configure: |props| Ok(Box::new(MongoEventRouter::new(props)?)),
};

const COLLECTION: Names =
    Names { placements: "collection.fields.additional.placement", missing: "collection.field.additional.missing" };

struct MongoEventRouter {
    router: EventRouter,
    expand: bool,
    payload: String,
    documents: Documents,
    plans: SchemaCache<Plan>,
    /// What is known of rows of the schema made last: documents of a collection mostly share one.
    last: Option<(Schema, RowPlan)>,
}

struct Plan {
    positions: Positions,
    ts_ms: Option<usize>,
    /// The name that the schemas of rows begin with.
    name: String,
}

impl MongoEventRouter {
    fn new(props: &Props) -> Result<Self> {
        let config: MongoEventRouterConfig = plugin::parse(props)?;
        let (expand, payload) = (config.expand, config.payload.clone());
        let config = EventRouterConfig {
            id: config.id,
            key: config.key.unwrap_or_else(|| "aggregateid".to_owned()),
            event_type: config.event_type,
            payload: config.payload,
            timestamp: config.timestamp,
            placements: config.placements,
            missing: config.missing,
            version: config.version,
            invalid_operation: config.invalid_operation,
            // A payload that is a text stays one; documents are expanded here.
            expand: false,
            json_nulls: "ignore".to_owned(),
            route_by: config.route_by,
            route_regex: config.route_regex,
            route_replacement: config.route_replacement,
            tombstones: config.tombstones,
            tracing_field: config.tracing_field,
            tracing_name: config.tracing_name,
            tracing_only: config.tracing_only,
        };
        Ok(Self {
            router: EventRouter::new(Settings::of(config, props, &COLLECTION)?),
            expand,
            payload,
            documents: Documents { arrays: ArrayEncoding::Array, flatten: None, names: NameAdjustment::None },
            plans: SchemaCache::default(),
            last: None,
        })
    }

    /// A payload that is a document as its text, unless it is expanded.
    fn prepared(&self, document: Vec<(String, Bson)>) -> Result<Vec<(String, Bson)>> {
        let prepare = |(name, value): (String, Bson)| {
            let value = match value {
                Bson::Document(_) | Bson::Array(_) if name == self.payload && !self.expand => {
                    let text = serde_json::to_string_pretty(&value.canonical());
                    Bson::String(text.map_err(|error| Error::data(error.to_string()))?)
                }
                value => value,
            };
            Ok((name, value))
        };
        document.into_iter().map(prepare).collect()
    }
}

impl Transform for MongoEventRouter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if record.value.value.is_null() {
            return Ok(Fate::Dropped);
        }
        let Some(event) = envelope::take(record) else { return Ok(Fate::Kept) };
        let plan = self.plans.plan(event.schema(), |schema| Ok::<_, Error>(Plan::new(schema)))?;
        let text = |at: Option<usize>| at.and_then(|at| event.values()[at].as_str());
        match text(plan.positions.op) {
            Some("d") => return Ok(Fate::Dropped),
            Some("u") => return self.router.invalid_operation(&record.topic),
            _ => {}
        }
        let Some(after) = text(plan.positions.after) else {
            return Err(crate::row::no_struct(&connect_api::Value::Null, None, "Read Outbox Event"));
        };
        let ts_ms = plan.ts_ms.and_then(|at| event.values()[at].as_i64());
        let name = plan.name.clone();
        let document = match extended_json::parse(after)? {
            Bson::Document(fields) => self.prepared(fields)?,
            _ => return Err(Error::data("the document of an outbox event is no JSON object")),
        };
        let row = self.documents.row(document, Some(&name), Vec::<(Field, _)>::new())?;
        if self.last.as_ref().is_none_or(|(known, _)| known != row.schema()) {
            self.last = Some((row.schema().clone(), RowPlan::new(row.schema(), &self.router.settings)));
        }
        let Some((schema, fields)) = &self.last else { return Ok(Fate::Dropped) };
        // The row goes under the schema that is known, so that what follows finds its plans.
        let row = connect_api::Struct::new(schema.clone(), row.into_values());
        self.router.event(record, &row, fields, ts_ms)
    }
}

impl Plan {
    fn new(envelope: &Schema) -> Self {
        let positions = Positions::new(envelope);
        let after = positions.after.and_then(|at| Some(envelope.fields()?[at].schema.clone()));
        let name = after.and_then(|schema| schema.name.clone());
        Self {
            positions,
            ts_ms: envelope.fields().and_then(|fields| fields.position("ts_ms")),
            name: name.map_or_else(|| "io.debezium.data.Json".to_owned(), |name| name.to_string()),
        }
    }
}
