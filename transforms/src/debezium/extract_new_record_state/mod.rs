//! `ExtractNewRecordState`: a change event becomes the row as it is now.
//!
//! The row's values are moved out of the envelope and changed in place, by a plan made once per envelope schema.

mod config;
mod field;
mod plan;
pub(crate) mod unwrap_from_envelope;

use connect_api::{
    Config, Error, Fate, Header, Origin, Props, Record, Result, Schema, SchemaAndValue, SchemaCache, Str, Struct,
    Transform, TransformPlugin, Value,
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

/// What an envelope says has happened, and which of its parts is the row.
enum Change {
    Row {
        after: usize,
    },
    Delete {
        before: Option<usize>,
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
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if record.value.value.is_null() {
            return Ok(self.tombstone(record));
        }
        if !record.value.schema.as_ref().is_some_and(names_envelope) {
            return Ok(Fate::Kept);
        }
        let Value::Struct(envelope) = &record.value.value else {
            return Err(Error::data("could not unwrap a value whose schema is an envelope but which is no struct"));
        };
        let settings = &self.settings;
        let plan = self.plans.plan(envelope.schema(), |schema| EnvelopePlan::new(schema, settings))?;
        unwrap(record, plan, settings)
    }
}

impl ExtractNewRecordState {
    fn tombstone(&self, record: &mut Record) -> Fate {
        if self.settings.tombstones == Tombstones::Drop {
            return Fate::Dropped;
        }
        for header in &self.settings.headers {
            record.headers.push(Header { key: header.target.clone(), value: SchemaAndValue::NULL });
        }
        Fate::Kept
    }
}

/// Puts the row in the place of the change event that the record carries.
fn unwrap(record: &mut Record, plan: &mut EnvelopePlan, settings: &Settings) -> Result<Fate> {
    let Value::Struct(envelope) = &mut record.value.value else { return Ok(Fate::Kept) };
    let values = envelope.values_mut();
    let (at, deleted) = match plan.change(values) {
        Change::Other => return Ok(Fate::Dropped),
        Change::Delete { .. } if settings.deletes == Deletes::Drop => return Ok(Fate::Dropped),
        Change::Delete { before } => (before, true),
        Change::Row { after } => (Some(after), false),
    };
    let dropped = dropped_fields(&record.headers, settings)?;
    // Without any, the record's own stay as they are, shared or not there at all.
    if !plan.headers.is_empty() {
        record.headers.extend(plan.headers.iter().map(|field| field.header(values)));
    }
    plan.take_added(values)?;
    if let Some(field) = &settings.route_by
        && let Some(row) = at.and_then(|at| values[at].as_struct())
        && let Some(topic) = routed(row, field)?
    {
        record.topic = topic;
    }
    match settings.deletes {
        Deletes::TombstoneWithSchema if deleted => {
            record.value = SchemaAndValue { schema: plan.row_schema.clone(), value: Value::Null };
        }
        Deletes::Tombstone if deleted => record.value = SchemaAndValue::NULL,
        _ => {
            // The row takes the envelope's place as it is and is changed there: each move costs more than the changes.
            record.value.value = at.map(|at| std::mem::take(&mut values[at])).unwrap_or_default();
            let Value::Struct(row) = &mut record.value.value else {
                return Err(only_structs("source field insertion"));
            };
            plan.rebuild(row, deleted, &dropped)?;
            record.value.schema = Some(row.schema().clone());
        }
    }
    if settings.drop_from_key
        && !dropped.is_empty()
        && let Value::Struct(key) = &mut record.key.value
    {
        plan.rebuild_key(key, &dropped)?;
        record.key.schema = Some(key.schema().clone());
    }
    Ok(Fate::Kept)
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
fn dropped_fields(headers: &[Header], settings: &Settings) -> Result<Vec<Str>> {
    let Some(name) = &settings.drop_header else { return Ok(Vec::new()) };
    let Some(header) = headers.iter().rev().find(|header| header.key == name.as_str()) else {
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
