//! When a connector takes a snapshot, and how the records of one are marked.

use connect_api::{SourceOffset, SourceRecord, Value};

use crate::envelope::SOURCE_POSITION;
use crate::source_info::{SNAPSHOT_POSITION, SnapshotMarker};

connect_api::setting_enum! {
    /// `snapshot.mode`
    pub enum SnapshotMode {
        #[default]
        Initial = "initial",
        Always = "always",
        InitialOnly = "initial_only",
        NoData = "no_data" | "schema_only",
        Recovery = "recovery" | "schema_only_recovery",
        WhenNeeded = "when_needed",
        ConfigurationBased = "configuration_based",
        /// Of versions before 3: stream from the first log that the server still has.
        Never = "never",
        Custom = "custom",
    }
}

/// `snapshot.mode.configuration.based.*`
#[derive(Clone, Copy, Debug, Default)]
pub struct ConfigurationBased {
    pub data: bool,
    pub schema: bool,
    pub stream: bool,
    pub on_schema_error: bool,
    pub on_data_error: bool,
}

/// What the stored offset says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Nothing,
    /// A snapshot began and did not end: it must be taken again from its start.
    Unfinished,
    Position,
}

/// What to read before streaming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    pub data: bool,
    pub schema: bool,
}

impl SnapshotMode {
    pub fn task(self, stored: Stored, configured: ConfigurationBased) -> Task {
        let first = stored != Stored::Position;
        match self {
            SnapshotMode::Initial | SnapshotMode::InitialOnly | SnapshotMode::WhenNeeded => {
                Task { data: first, schema: first }
            }
            SnapshotMode::Always => Task { data: true, schema: true },
            SnapshotMode::NoData => Task { data: false, schema: first },
            SnapshotMode::Recovery => Task { data: false, schema: true },
            SnapshotMode::Never | SnapshotMode::Custom => Task { data: false, schema: false },
            SnapshotMode::ConfigurationBased => {
                Task { data: configured.data && first, schema: configured.schema && first }
            }
        }
    }

    pub fn streams(self, configured: ConfigurationBased) -> bool {
        match self {
            SnapshotMode::InitialOnly => false,
            SnapshotMode::ConfigurationBased => configured.stream,
            _ => true,
        }
    }

    /// Whether a position that the server no longer has is answered with a new snapshot.
    pub fn on_lost_position(self, configured: ConfigurationBased) -> bool {
        match self {
            SnapshotMode::WhenNeeded => true,
            SnapshotMode::ConfigurationBased => configured.on_data_error,
            _ => false,
        }
    }

    /// Whether a missing schema history is answered with a snapshot of the structure.
    pub fn on_missing_history(self, configured: ConfigurationBased) -> bool {
        match self {
            SnapshotMode::Recovery => true,
            SnapshotMode::ConfigurationBased => configured.on_schema_error,
            _ => false,
        }
    }
}

/// Where a row stands in a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub first_table: bool,
    pub last_table: bool,
    pub first_row: bool,
    pub last_row: bool,
}

impl Place {
    pub fn marker(self) -> SnapshotMarker {
        match self {
            Place { last_row: true, last_table: true, .. } => SnapshotMarker::Last,
            Place { first_row: true, first_table: true, .. } => SnapshotMarker::First,
            Place { last_row: true, .. } => SnapshotMarker::LastInTable,
            Place { first_row: true, .. } => SnapshotMarker::FirstInTable,
            _ => SnapshotMarker::Snapshot,
        }
    }
}

/// Marks the last record of a snapshot, known only once the last table turned out to be empty.
pub fn mark_last(record: &mut SourceRecord, offset: SourceOffset) {
    record.source = offset;
    let Value::Struct(value) = &mut record.record.value.value else {
        return;
    };
    // A schema change message starts with its source, an envelope with the two rows.
    let at = match value.schema().fields().and_then(|fields| fields.position("source")) {
        Some(at) => at,
        None => SOURCE_POSITION,
    };
    if let Some(Value::Struct(source)) = value.values_mut().get_mut(at)
        && let Some(snapshot) = source.values_mut().get_mut(SNAPSHOT_POSITION)
    {
        *snapshot = SnapshotMarker::Last.value();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_decides_by_what_is_stored() {
        let check = |mode: SnapshotMode, stored: Stored, data: bool, schema: bool| {
            assert_eq!(mode.task(stored, ConfigurationBased::default()), Task { data, schema }, "{mode:?} {stored:?}");
        };
        check(SnapshotMode::Initial, Stored::Nothing, true, true);
        check(SnapshotMode::Initial, Stored::Unfinished, true, true);
        check(SnapshotMode::Initial, Stored::Position, false, false);
        check(SnapshotMode::NoData, Stored::Nothing, false, true);
        check(SnapshotMode::Recovery, Stored::Position, false, true);
        check(SnapshotMode::Always, Stored::Position, true, true);
    }

    #[test]
    fn a_row_is_marked_by_its_place() {
        let check = |bits: [bool; 4], expected: SnapshotMarker| {
            let [first_table, last_table, first_row, last_row] = bits;
            assert_eq!(Place { first_table, last_table, first_row, last_row }.marker(), expected);
        };
        check([true, true, true, true], SnapshotMarker::Last);
        check([true, false, true, true], SnapshotMarker::First);
        check([false, false, true, true], SnapshotMarker::LastInTable);
        check([false, false, true, false], SnapshotMarker::FirstInTable);
        check([false, true, false, false], SnapshotMarker::Snapshot);
    }
}
