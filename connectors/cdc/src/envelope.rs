//! The envelope around a change: before, after, source, operation and times.

use std::time::{SystemTime, UNIX_EPOCH};

use connect_api::{Schema, SchemaBuilder, Str, Struct, Value};

/// What happened to a row or table (`op`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Create,
    Update,
    Delete,
    /// A row that a snapshot read.
    Read,
    Truncate,
}

impl Operation {
    pub fn code(self) -> &'static str {
        match self {
            Operation::Create => "c",
            Operation::Update => "u",
            Operation::Delete => "d",
            Operation::Read => "r",
            Operation::Truncate => "t",
        }
    }
}

/// The wall clock, read once per record.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    nanos: i64,
}

impl Now {
    pub fn read() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { nanos: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX) }
    }

    pub fn millis(self) -> i64 {
        self.nanos / 1_000_000
    }

    pub fn micros(self) -> i64 {
        self.nanos / 1000
    }
}

/// The envelope of one table.
#[derive(Clone, Debug)]
pub struct Envelope {
    schema: Schema,
}

/// One change, ready to be put into its envelope.
pub struct Change {
    pub operation: Operation,
    pub before: Value,
    pub after: Value,
    pub source: Value,
    /// The `event.block` of the running transaction, where those are wanted.
    pub transaction: Value,
}

/// Where an envelope's `source` stands.
pub const SOURCE_POSITION: usize = 2;

impl Envelope {
    pub fn new(name: String, row: &Schema, source: &Schema) -> Self {
        let optional_row = row.to_builder().optional().build();
        let optional_int64 = SchemaBuilder::int64().optional().build();
        let schema = SchemaBuilder::structure([
            ("before", optional_row.clone()),
            ("after", optional_row),
            ("source", source.clone()),
            ("transaction", transaction_block()),
            ("op", SchemaBuilder::string().build()),
            ("ts_ms", optional_int64.clone()),
            ("ts_us", optional_int64.clone()),
            ("ts_ns", optional_int64),
        ])
        .name(name)
        .version(2)
        .build();
        Self { schema }
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The schema that the rows in `before` and `after` must carry.
    pub fn row_schema(&self) -> &Schema {
        let fields = self.schema.fields().expect("an envelope is a struct");
        &fields.iter().next().expect("an envelope starts with `before`").schema
    }

    pub fn wrap(&self, change: Change, now: Now) -> Struct {
        Struct::new(
            self.schema.clone(),
            vec![
                change.before,
                change.after,
                change.source,
                change.transaction,
                Value::String(Str::from_static(change.operation.code())),
                Value::Int64(now.millis()),
                Value::Int64(now.micros()),
                Value::Int64(now.nanos),
            ],
        )
    }
}

/// The schema of `transaction` inside an envelope.
pub fn transaction_block() -> Schema {
    static BLOCK: std::sync::OnceLock<Schema> = std::sync::OnceLock::new();
    let build = || {
        SchemaBuilder::structure([
            ("id", SchemaBuilder::string().build()),
            ("total_order", SchemaBuilder::int64().build()),
            ("data_collection_order", SchemaBuilder::int64().build()),
        ])
        .name("event.block")
        .version(1)
        .optional()
        .build()
    };
    BLOCK.get_or_init(build).clone()
}
