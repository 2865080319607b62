//! Change events: their schema, and where their parts stand in it.

use connect_api::{Error, Record, Schema, Struct, Value};

/// Whether a schema is that of a change event.
pub(crate) fn names_envelope(schema: &Schema) -> bool {
    schema.name.as_ref().is_some_and(|name| name.ends_with(".Envelope"))
}

/// The change event that a record carries.
pub(crate) fn of(record: &Record) -> Option<&Struct> {
    record.value.schema.as_ref().filter(|schema| names_envelope(schema))?;
    record.value.value.as_struct()
}

/// Takes the change event out of a record, which is left without a value.
pub(crate) fn take(record: &mut Record) -> Option<Struct> {
    of(record)?;
    match std::mem::take(&mut record.value).value {
        Value::Struct(envelope) => Some(envelope),
        _ => None,
    }
}

/// `io.debezium.DebeziumException`, which the JVM's transforms throw for what they can't do.
pub(crate) fn failure(message: impl Into<String>) -> Error {
    Error::data(message).class("io.debezium.DebeziumException")
}

/// Where the parts of change events stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Positions {
    pub(crate) before: Option<usize>,
    pub(crate) after: Option<usize>,
    pub(crate) source: Option<usize>,
    pub(crate) op: Option<usize>,
}

impl Positions {
    pub(crate) fn new(schema: &Schema) -> Self {
        let position = |name: &str| schema.fields().and_then(|fields| fields.position(name));
        Self { before: position("before"), after: position("after"), source: position("source"), op: position("op") }
    }

    pub(crate) fn part(at: Option<usize>, values: &[Value]) -> Option<&Struct> {
        values[at?].as_struct()
    }
}
