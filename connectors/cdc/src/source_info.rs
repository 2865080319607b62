//! The `source` block of an envelope: where a change came from.

use connect_api::{Schema, SchemaBuilder, Str, Value};

/// What `source.snapshot` says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotMarker {
    /// Streamed from the log.
    No,
    First,
    FirstInTable,
    Snapshot,
    LastInTable,
    Last,
    Incremental,
}

impl SnapshotMarker {
    /// Nothing for a streamed record: the schema's default says `false`.
    pub fn value(self) -> Value {
        let text = match self {
            SnapshotMarker::No => return Value::Null,
            SnapshotMarker::First => "first",
            SnapshotMarker::FirstInTable => "first_in_data_collection",
            SnapshotMarker::Snapshot => "true",
            SnapshotMarker::LastInTable => "last_in_data_collection",
            SnapshotMarker::Last => "last",
            SnapshotMarker::Incremental => "incremental",
        };
        Value::String(Str::from_static(text))
    }
}

/// A point in time as the source tells it, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub i64);

impl Micros {
    pub fn from_seconds(seconds: u32) -> Self {
        Self(i64::from(seconds) * 1_000_000)
    }

    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    pub fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

/// Makes `source` blocks: the schema and what is the same in all of them.
#[derive(Clone, Debug)]
pub struct SourceInfo {
    schema: Schema,
    version: Str,
    connector: Str,
    name: Str,
    width: usize,
}

/// Where [`SourceInfo::start`] puts `snapshot`, for the one record that is marked after it was made.
pub const SNAPSHOT_POSITION: usize = 4;

impl SourceInfo {
    /// `fields` follow the common ones, which all connectors share.
    pub fn new(
        schema_name: &'static str,
        version: &'static str,
        connector: &'static str,
        name: Str,
        fields: &[(&'static str, Schema)],
    ) -> Self {
        let int64 = || SchemaBuilder::int64().build();
        let optional_int64 = SchemaBuilder::int64().optional().build();
        let string = || SchemaBuilder::string().build();
        let common = [
            ("version", string()),
            ("connector", string()),
            ("name", string()),
            ("ts_ms", int64()),
            ("snapshot", snapshot_schema()),
            ("db", string()),
            ("sequence", SchemaBuilder::string().optional().build()),
            ("ts_us", optional_int64.clone()),
            ("ts_ns", optional_int64),
        ];
        let all = common.into_iter().chain(fields.iter().cloned());
        let schema = SchemaBuilder::structure(all).name(schema_name).version(1).build();
        let width = 9 + fields.len();
        // Text of the program itself is cloned for each record without counting.
        let (version, connector) = (Str::from_static(version), Str::from_static(connector));
        Self { schema, version, connector, name, width }
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The common values; the caller adds its own in the order of its fields.
    pub fn start(&self, time: Micros, snapshot: SnapshotMarker, database: Str) -> Vec<Value> {
        let mut values = Vec::with_capacity(self.width);
        values.extend([
            Value::String(self.version.clone()),
            Value::String(self.connector.clone()),
            Value::String(self.name.clone()),
            Value::Int64(time.millis()),
            snapshot.value(),
            Value::String(database),
            Value::Null,
            Value::Int64(time.0),
            Value::Int64(time.0.saturating_mul(1000)),
        ]);
        values
    }
}

fn snapshot_schema() -> Schema {
    SchemaBuilder::string()
        .name("io.debezium.data.Enum")
        .version(1)
        .parameter("allowed", "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental")
        .optional()
        .default_value("false".into())
        .build()
}
