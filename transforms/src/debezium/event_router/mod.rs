//! `EventRouter`: the rows of an outbox table become the events that they describe.

mod config;
mod expand;
pub(crate) mod mongo;

use std::{collections::HashMap, sync::Arc};

use connect_api::{
    Config, Error, Fate, Field, Header, Origin, Record, Result, Schema, SchemaAndValue, SchemaBuilder, SchemaCache,
    Str, Struct, Transform, TransformPlugin, Value, schema::logical,
};

use super::envelope::{self, Positions};
use crate::row;
use config::{EventRouterConfig, InvalidOperation, Place, Settings};
pub(crate) use expand::{Nulls, expand};

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.outbox.EventRouter",
    config: EventRouterConfig::def,
    configure: |props| Ok(Box::new(EventRouter::new(Settings::new(props)?))),
};

/// More routes than this are not remembered; the types of aggregates are few.
const ROUTES_MAX: usize = 10_000;

struct EventRouter {
    settings: Settings,
    plans: SchemaCache<Plan>,
    routes: HashMap<Str, Str>,
    /// The schema of the last expanded payload: events of one kind share it.
    expanded: Option<Schema>,
    /// The schema of the last envelope, with what it was made for.
    envelope: Option<(EnvelopeKey, Schema)>,
}

/// What the schema of an envelope depends on.
#[derive(Clone)]
struct EnvelopeKey {
    row: Schema,
    payload: Option<Schema>,
    route: Str,
    version: Option<i32>,
}

impl EnvelopeKey {
    fn same(&self, other: &EnvelopeKey) -> bool {
        let payload = match (&self.payload, &other.payload) {
            (Some(left), Some(right)) => left.same(right) || left == right,
            (None, None) => true,
            _ => false,
        };
        payload && self.row.same(&other.row) && self.route == other.route && self.version == other.version
    }
}

/// Where an envelope and its rows hold what is needed.
struct Plan {
    positions: Positions,
    ts_ms: Option<usize>,
    /// Shared, since the router changes while it follows the plan.
    fields: Arc<RowPlan>,
}

/// Where a row holds its columns.
#[derive(Default)]
struct RowPlan {
    id: Option<usize>,
    key: Option<usize>,
    payload: Option<usize>,
    route: Option<usize>,
    timestamp: Option<usize>,
    version: Option<usize>,
    /// By the order of the settings.
    placements: Vec<Option<usize>>,
}

/// A column's value with its schema.
fn column(row: &Struct, at: usize) -> SchemaAndValue {
    let schema = row.schema().fields().map(|fields| fields[at].schema.clone());
    SchemaAndValue { schema, value: row.values()[at].clone() }
}

fn unknown_field(name: &str) -> Error {
    Error::data(format!("{name} is not a valid field name"))
}

impl EventRouter {
    fn new(settings: Settings) -> Self {
        Self { settings, plans: SchemaCache::default(), routes: HashMap::new(), expanded: None, envelope: None }
    }

    fn invalid_operation(&self, topic: &str) -> Result<Fate> {
        let message = format!("Unexpected update message received for topic {topic} and ignored");
        match self.settings.invalid_operation {
            InvalidOperation::Warn => tracing::warn!("{message}"),
            InvalidOperation::Error => tracing::error!("{message}"),
            InvalidOperation::Fatal => return Err(envelope::failure(message)),
        }
        Ok(Fate::Dropped)
    }

    fn topic(&mut self, row: &Struct, at: Option<usize>) -> Result<(Str, Str)> {
        let name = &self.settings.route_by;
        let at = at.ok_or_else(|| unknown_field(name))?;
        let route = match (&row.values()[at], row.schema().fields().map(|fields| &fields[at].schema.ty)) {
            (Value::String(route), _) => route.clone(),
            (Value::Null, Some(connect_api::Type::String)) => {
                let message = format!("could not route by the field {name}, which is null");
                return Err(Error::data(message).class("java.lang.NullPointerException"));
            }
            _ => return Err(Error::data(format!("Field '{name}' is not of type STRING"))),
        };
        if let Some(topic) = self.routes.get(&route) {
            return Ok((topic.clone(), route));
        }
        let topic: Str = match self.settings.route_regex.matches(&route)? {
            true => self.settings.route_regex.replace_first(&route, &self.settings.route_replacement)?.into(),
            false => route.detached(),
        };
        if self.routes.len() >= ROUTES_MAX {
            self.routes.clear();
        }
        self.routes.insert(route.detached(), topic.clone());
        Ok((topic, route))
    }

    fn expand(&mut self, payload: SchemaAndValue) -> SchemaAndValue {
        let nulls = if self.settings.keep_json_nulls { Nulls::Keep } else { Nulls::LeaveOut };
        let Some(mut expanded) = payload.value.as_str().and_then(|text| expand::expand(text, nulls)) else {
            return payload;
        };
        match (&self.expanded, &expanded.schema) {
            (Some(known), Some(schema)) if known == schema => {
                if let Value::Struct(row) = expanded.value {
                    expanded.value = Value::Struct(Struct::new(known.clone(), row.into_values()));
                }
                expanded.schema = Some(known.clone());
            }
            (_, schema) => self.expanded.clone_from(schema),
        }
        expanded
    }

    fn envelope_schema(&mut self, key: EnvelopeKey, added: &[(Str, SchemaAndValue)]) -> Result<Schema> {
        if let Some((known, schema)) = &self.envelope
            && known.same(&key)
        {
            return Ok(schema.clone());
        }
        let optional_text = || SchemaBuilder::string().optional().build();
        let payload = key.payload.clone().unwrap_or_else(optional_text);
        let mut fields = vec![Field { name: Str::from_static("payload"), schema: payload }];
        for (name, data) in added {
            fields.push(Field { name: name.clone(), schema: data.schema.clone().unwrap_or_else(optional_text) });
        }
        let row = key.row.name.as_ref().map_or("", |name| name.as_str());
        let (base, last) = row.rsplit_once('.').unwrap_or((row, "Value"));
        let builder = SchemaBuilder::of(connect_api::Type::Struct(row::checked_fields(fields)?));
        let builder = builder.name(format!("{base}.{}.{last}", key.route));
        let schema = match key.version {
            Some(version) => builder.version(version).build(),
            None => builder.build(),
        };
        self.envelope = Some((key, schema.clone()));
        Ok(schema)
    }

    /// Puts further columns where the settings say, and returns those for the envelope.
    fn place(&self, record: &mut Record, row: &Struct, plan: &RowPlan) -> Result<Vec<(Str, SchemaAndValue)>> {
        let settings = &self.settings;
        let mut added = Vec::new();
        for (placement, at) in settings.placements.iter().zip(&plan.placements) {
            let Some(at) = *at else {
                match placement.place {
                    _ if !settings.missing_is_error => continue,
                    Place::Envelope => {
                        return Err(Error::fatal(format!("Unable to find field {} in event", placement.field)));
                    }
                    _ => return Err(unknown_field(&placement.field)),
                }
            };
            match placement.place {
                Place::Header => {
                    record.headers.push(Header { key: placement.name.clone(), value: column(row, at) });
                }
                Place::Envelope => added.push((placement.name.clone(), column(row, at))),
                Place::Partition => record.partition = partition(&placement.field, &row.values()[at])?,
            }
        }
        Ok(added)
    }

    /// The event that a row describes.
    fn event(&mut self, record: &mut Record, row: &Struct, plan: &RowPlan, ts_ms: Option<i64>) -> Result<Fate> {
        let settings = &self.settings;
        let id = plan.id.ok_or_else(|| unknown_field(&settings.id))?;
        let payload = plan
            .payload
            .ok_or_else(|| Error::fatal(format!("Unable to find payload field {} in event", settings.payload)))?;
        let timestamp = match (&settings.timestamp, plan.timestamp) {
            (None, _) => None,
            (Some(name), None) => return Err(unknown_field(name)),
            (Some(name), Some(at)) => event_time(name, &column(row, at))?,
        };
        record.timestamp = timestamp.or(ts_ms);
        record.key = match plan.key {
            Some(at) => column(row, at),
            None => return Err(unknown_field(&settings.key)),
        };
        record.headers.push(Header { key: Str::from_static("id"), value: column(row, id) });
        let added = self.place(record, row, plan)?;
        let (topic, route) = self.topic(row, plan.route)?;
        record.topic = topic;
        let payload = column(row, payload);
        let empty = payload.value.is_null() || payload.value.as_str() == Some("");
        if self.settings.tombstones && empty {
            record.value = SchemaAndValue::NULL;
            return Ok(Fate::Kept);
        }
        let payload = if self.settings.expand { self.expand(payload) } else { payload };
        record.value = if added.is_empty() {
            payload
        } else {
            let version = plan.version.and_then(|at| row.values()[at].as_i64()).and_then(|n| n.try_into().ok());
            let key = EnvelopeKey { row: row.schema().clone(), payload: payload.schema.clone(), route, version };
            let schema = self.envelope_schema(key, &added)?;
            let values = std::iter::once(payload.value).chain(added.into_iter().map(|(_, data)| data.value));
            Struct::new(schema, values.collect()).into()
        };
        Ok(Fate::Kept)
    }
}

impl Transform for EventRouter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if record.value.value.is_null() {
            return Ok(Fate::Dropped);
        }
        let Some(event) = envelope::take(record) else { return Ok(Fate::Kept) };
        let settings = &self.settings;
        let plan = self.plans.plan(event.schema(), |schema| Ok::<_, Error>(Plan::new(schema, settings)))?;
        let op = plan.positions.op.and_then(|at| event.values()[at].as_str());
        match op {
            Some("d") => return Ok(Fate::Dropped),
            Some("u") => return self.invalid_operation(&record.topic),
            _ => {}
        }
        let ts_ms = plan.ts_ms.and_then(|at| event.values()[at].as_i64());
        let after = plan.positions.after;
        let Some(row) = Positions::part(after, event.values()) else {
            let null = Value::Null;
            let found = after.map_or(&null, |at| &event.values()[at]);
            return Err(row::no_struct(found, None, "Read Outbox Event"));
        };
        let fields = plan.fields.clone();
        self.event(record, row, &fields, ts_ms)
    }
}

/// The number of the partition that a column holds.
fn partition(name: &str, value: &Value) -> Result<Option<i32>> {
    match value {
        Value::Null => Ok(None),
        Value::Int32(partition) => Ok(Some(*partition)),
        _ => Err(Error::data(format!("Field '{name}' is not of type INT32"))),
    }
}

/// The milliseconds of a column that holds a moment.
fn event_time(name: &str, data: &SchemaAndValue) -> Result<Option<i64>> {
    let schema = data.schema.as_ref();
    if schema.is_some_and(|schema| schema.ty != connect_api::Type::Int64) {
        return Err(Error::data(format!("Field '{name}' is not of type INT64")));
    }
    let Some(number) = data.value.as_i64() else { return Ok(None) };
    Ok(Some(match schema.and_then(|schema| schema.name.as_deref()) {
        Some("io.debezium.time.MicroTimestamp") => number / 1000,
        Some("io.debezium.time.NanoTimestamp") => number / 1_000_000,
        Some(logical::TIMESTAMP) => number,
        _ => number,
    }))
}

impl Plan {
    fn new(envelope: &Schema, settings: &Settings) -> Self {
        let positions = Positions::new(envelope);
        let row = positions.after.and_then(|at| Some(envelope.fields()?[at].schema.clone()));
        Self {
            positions,
            ts_ms: envelope.fields().and_then(|fields| fields.position("ts_ms")),
            fields: Arc::new(row.map(|row| RowPlan::new(&row, settings)).unwrap_or_default()),
        }
    }
}

impl RowPlan {
    fn new(row: &Schema, settings: &Settings) -> Self {
        let position = |name: &str| row.fields().and_then(|fields| fields.position(name));
        Self {
            id: position(&settings.id),
            key: position(&settings.key),
            payload: position(&settings.payload),
            route: position(&settings.route_by),
            timestamp: settings.timestamp.as_ref().and_then(|name| position(name)),
            version: settings.version.as_ref().and_then(|name| position(name)),
            placements: settings.placements.iter().map(|placement| position(&placement.field)).collect(),
        }
    }
}
