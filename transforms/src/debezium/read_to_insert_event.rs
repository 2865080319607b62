//! `ReadToInsertEvent`: what a snapshot read counts as inserted.

use connect_api::{Fate, Origin, Record, Result, Str, Transform, TransformPlugin, Value};

use super::{
    envelope::{self, Positions},
    extract_schema_to_new_record::NO_SETTINGS,
};

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.connector.mysql.transforms.ReadToInsertEvent",
    config: || &NO_SETTINGS,
    configure: |_| Ok(Box::new(ReadToInsertEvent)),
};

struct ReadToInsertEvent;

impl Transform for ReadToInsertEvent {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if envelope::of(record).is_none() {
            return Ok(Fate::Kept);
        }
        if let Value::Struct(event) = &mut record.value.value
            && let Some(at) = Positions::new(event.schema()).op
            && event.values()[at].as_str() == Some("r")
        {
            event.values_mut()[at] = Value::String(Str::from_static("c"));
        }
        Ok(Fate::Kept)
    }
}
