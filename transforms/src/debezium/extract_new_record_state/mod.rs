//! `ExtractNewRecordState`: a change event becomes the row as it is now.
//!
//! The row's values are moved out of the envelope and changed in place, by a plan made once per envelope schema.

mod config;
mod field;
mod plan;
pub(crate) mod unwrap_from_envelope;

use connect_api::{
    Config, Error, Header, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaCache, Str, Struct, Transform,
    TransformPlugin, Value,
};

pub(crate) use config::{Deletes, Mode, Tombstones, old_modes};
pub(crate) use field::{FieldReference, LocatedField};

use config::{Settings, UnwrapConfig};
use plan::EnvelopePlan;

use super::envelope::names_envelope;

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.ExtractNewRecordState",
    config: UnwrapConfig::def,
    configure: |props| Ok(Box::new(ExtractNewRecordState::new(props)?)),
};

struct ExtractNewRecordState {
    settings: Settings,
    plans: SchemaCache<EnvelopePlan>,
}

/// What an envelope says has happened.
enum Change {
    /// The row as it is now, and as it was.
    Row {
        after: Struct,
    },
    Delete {
        before: Value,
    },
    /// A truncated table, a message: nothing that is a row.
    Other,
}

impl ExtractNewRecordState {
    fn new(props: &Props) -> Result<Self> {
        Ok(Self::of(Settings::new(props)?))
    }

    fn of(settings: Settings) -> Self {
        Self { settings, plans: SchemaCache::default() }
    }
}

impl Transform for ExtractNewRecordState {
    fn apply(&mut self, mut record: Record, _origin: Origin<'_>) -> Result<Option<Record>> {
        if record.value.value.is_null() {
            return Ok(self.tombstone(record));
        }
        if !record.value.schema.as_ref().is_some_and(names_envelope) {
            return Ok(Some(record));
        }
        let Value::Struct(envelope) = record.value.value else {
            return Err(Error::data("could not unwrap a value whose schema is an envelope but which is no struct"));
        };
        record.value = SchemaAndValue::NULL;
        let settings = &self.settings;
        let plan = self.plans.plan(envelope.schema(), |schema| EnvelopePlan::new(schema, settings))?;
        unwrap(record, envelope, plan, settings)
    }
}

impl ExtractNewRecordState {
    fn tombstone(&self, mut record: Record) -> Option<Record> {
        if self.settings.tombstones == Tombstones::Drop {
            return None;
        }
        for header in &self.settings.headers {
            record.headers.push(Header { key: header.target.clone(), value: SchemaAndValue::NULL });
        }
        Some(record)
    }
}

fn unwrap(
    mut record: Record,
    envelope: Struct,
    plan: &mut EnvelopePlan,
    settings: &Settings,
) -> Result<Option<Record>> {
    let mut added = Vec::with_capacity(plan.added.len());
    for field in &plan.added {
        added.push(field.value(envelope.values())?);
    }
    let headers = plan.headers.iter().map(|field| field.header(envelope.values())).collect::<Vec<Header>>();
    let mut values = envelope.into_values();
    let change = plan.change(&mut values);
    let dropped = dropped_fields(&record, settings)?;
    let deleted = match change {
        Change::Other => return Ok(None),
        Change::Delete { .. } if settings.deletes == Deletes::Drop => return Ok(None),
        Change::Delete { .. } => true,
        Change::Row { .. } => false,
    };
    let row = match change {
        Change::Row { after } => Some(after),
        Change::Delete { before: Value::Struct(before) } => Some(before),
        _ => None,
    };
    if let Some(field) = &settings.route_by
        && let Some(topic) = row.as_ref().map(|row| routed(row, field)).transpose()?.flatten()
    {
        record.topic = topic;
    }
    // Without any, the record's own stay as they are, shared or not there at all.
    if !headers.is_empty() {
        record.headers.extend(headers);
    }
    record.value = match settings.deletes {
        Deletes::TombstoneWithSchema if deleted => {
            SchemaAndValue { schema: plan.row_schema.clone(), value: Value::Null }
        }
        Deletes::Tombstone if deleted => SchemaAndValue::NULL,
        _ => {
            let row = row.ok_or_else(|| only_structs("source field insertion"))?;
            plan.rebuild(row, added, deleted, &dropped)?
        }
    };
    if settings.drop_from_key && !dropped.is_empty() {
        record.key = plan.rebuild_key(record.key, &dropped)?;
    }
    Ok(Some(record))
}

fn only_structs(purpose: &str) -> Error {
    Error::data(format!("Only Struct objects supported for [{purpose}], found: null"))
}

/// The topic that the row's field names; none where it is null.
fn routed(row: &Struct, field: &str) -> Result<Option<Str>> {
    let Some(at) = row.schema().fields().and_then(|fields| fields.position(field)) else {
        return Err(Error::data(format!("{field} is not a valid field name")));
    };
    match &row.values()[at] {
        Value::String(topic) => Ok(Some(topic.clone())),
        Value::Null if field_schema(row, at).is_some_and(|schema| schema.ty == connect_api::Type::String) => Ok(None),
        _ => Err(Error::data(format!("Field '{field}' is not of type STRING"))),
    }
}

fn field_schema(row: &Struct, at: usize) -> Option<&Schema> {
    row.schema().fields().map(|fields| &fields[at].schema)
}

/// The names that the record's header lists.
fn dropped_fields(record: &Record, settings: &Settings) -> Result<Vec<Str>> {
    let Some(name) = &settings.drop_header else { return Ok(Vec::new()) };
    let Some(header) = record.headers.iter().rev().find(|header| header.key == name.as_str()) else {
        return Ok(Vec::new());
    };
    match &header.value.value {
        Value::Null => Ok(Vec::new()),
        Value::Array(names) => Ok(names.iter().filter_map(Value::as_str).map(Str::from).collect()),
        value => {
            let class = value.java_class();
            let message = format!("class {class} cannot be cast to class java.util.List");
            Err(Error::data(message).class("java.lang.ClassCastException"))
        }
    }
}
