//! Makes records: rows in their envelopes, schema changes, transactions and heartbeats.

use std::sync::Arc;

use connect_api::{
    Header, Headers, OffsetMap, Record, SchemaAndValue, SchemaBuilder, SourceOffset, SourceRecord, Str, Struct, Value,
};
use connect_cdc::envelope::{Change, Now, Operation};
use connect_cdc::schema_change::{SchemaChange, SchemaChanges};
use connect_cdc::source_info::{Micros, SnapshotMarker, SourceInfo};
use tokio::sync::mpsc;

use crate::catalog::PlannedTable;
use crate::config::Settings;

/// The version that records and plugins name: the one whose form they have.
pub const VERSION: &str = "3.6.3.Final";

/// Makes the records of one task.
pub struct RecordMaker {
    pub source_info: SourceInfo,
    pub server: Str,
    partition: Arc<OffsetMap>,
    context: Headers,
    schema_changes: SchemaChanges,
    schema_topic: Str,
    tombstones: bool,
}

/// Where a record comes from: what `source` says of it.
#[derive(Clone, Debug)]
pub struct Origin {
    pub time: Micros,
    pub snapshot: SnapshotMarker,
    pub server_id: u32,
    pub gtid: Option<Str>,
    pub file: Str,
    pub position: u64,
    pub row: usize,
    pub thread: Option<u32>,
    pub query: Option<Str>,
}

/// One change of a row, with its columns as they were read.
pub struct RowChange {
    pub operation: Operation,
    pub before: Option<Vec<Value>>,
    pub after: Option<Vec<Value>>,
    /// Places in the running transaction: of the one record, or of delete and create.
    pub transaction: [Value; 2],
    pub offsets: Offsets,
}

/// The offsets of the records of one change: of all but the last, and of the last. A change that makes several
/// records is done only with the last of them.
pub struct Offsets {
    pub before: Arc<OffsetMap>,
    pub after: Arc<OffsetMap>,
}

impl RecordMaker {
    pub fn new(settings: &Settings, task: u32) -> Self {
        let server = Str::from(settings.server.prefix.as_str());
        let connector = settings.connector();
        let int64 = || SchemaBuilder::int64().build();
        let string = || SchemaBuilder::string().build();
        let optional = || SchemaBuilder::string().optional().build();
        let fields = [
            ("table", optional()),
            ("server_id", int64()),
            ("gtid", optional()),
            ("file", string()),
            ("pos", int64()),
            ("row", SchemaBuilder::int32().build()),
            ("thread", SchemaBuilder::int64().optional().build()),
            ("query", optional()),
        ];
        let schema_name = match settings.server.mariadb {
            true => "io.debezium.connector.mariadb.Source",
            false => "io.debezium.connector.mysql.Source",
        };
        let source_info = SourceInfo::new(schema_name, VERSION, connector, server.clone(), &fields);
        let run = uuid::Uuid::new_v4().to_string();
        let context = match settings.shared.work.extended_headers {
            true => vec![
                header("__debezium.context.connectorLogicalName", &server),
                header("__debezium.context.taskId", &task.to_string()),
                header("__debezium.context.connectorName", connector),
                header("__debezium.context.runId", &run),
            ],
            false => Vec::new(),
        };
        let context = Headers::from(context);
        Self {
            schema_changes: SchemaChanges::new(connector, source_info.schema()),
            source_info,
            partition: Arc::new(OffsetMap(vec![("server".into(), Value::String(server.clone()))])),
            server,
            context,
            schema_topic: settings.topic_names().schema_changes().into(),
            tombstones: settings.shared.events.tombstones,
        }
    }

    pub fn partition(&self) -> &Arc<OffsetMap> {
        &self.partition
    }

    pub fn offset(&self, offset: Arc<OffsetMap>) -> SourceOffset {
        SourceOffset { partition: self.partition.clone(), offset }
    }

    fn source(&self, origin: &Origin, database: &Str, table: Value) -> Value {
        let mut values = self.source_info.start(origin.time, origin.snapshot, database.clone());
        let text = |text: &Option<Str>| text.clone().map_or(Value::Null, Value::String);
        values.extend([
            table,
            Value::Int64(origin.server_id.into()),
            text(&origin.gtid),
            Value::String(origin.file.clone()),
            Value::Int64(i64::try_from(origin.position).unwrap_or(i64::MAX)),
            Value::Int32(i32::try_from(origin.row).unwrap_or(i32::MAX)),
            origin.thread.map_or(Value::Null, |thread| Value::Int64(thread.into())),
            text(&origin.query),
        ]);
        Value::Struct(Struct::new(self.source_info.schema().clone(), values))
    }

    /// Makes the records of one row's change. An update of the key is a delete and a create.
    pub fn row(&self, table: &PlannedTable, change: RowChange, origin: &Origin, output: &mut Output) {
        let plan = &table.plan;
        let RowChange { operation, before, after, transaction: [place, second_place], offsets } = change;
        let moved = match (&before, &after) {
            (Some(before), Some(after)) => plan.has_key() && !plan.same_key(before, after),
            _ => false,
        };
        let mut rows = Rows { maker: self, table, origin, offsets, now: Now::read(), output };
        match (before, after) {
            (Some(before), Some(after)) if moved => {
                let (old, new) = (plan.key(&before), plan.key(&after));
                rows.delete(old.clone(), rows.deleted(before, place), &[("__debezium.newkey", &new)], Order::Earlier);
                let create = Change {
                    operation: Operation::Create,
                    before: Value::Null,
                    after: plan.row(after),
                    source: Value::Null,
                    transaction: second_place,
                };
                rows.change(new, create, &[("__debezium.oldkey", &old)], Order::Last);
            }
            (Some(before), None) => {
                let key = plan.key(&before);
                rows.delete(key, rows.deleted(before, place), &[], Order::Last);
            }
            (before, after) => {
                let key = after.as_ref().map_or(SchemaAndValue::NULL, |after| plan.key(after));
                let change = Change {
                    operation,
                    before: before.map_or(Value::Null, |row| plan.row(row)),
                    after: after.map_or(Value::Null, |row| plan.row(row)),
                    source: Value::Null,
                    transaction: place,
                };
                rows.change(key, change, &[], Order::Last);
            }
        }
    }

    /// A schema change message; `table` lists the tables that the statement names.
    pub fn schema_change(
        &self,
        change: SchemaChange<'_>,
        origin: &Origin,
        table: Option<String>,
        offset: Arc<OffsetMap>,
    ) -> SourceRecord {
        let table = table.map_or(Value::Null, Value::from);
        let source = self.source(origin, &change.database.into(), table);
        let message = SchemaChange { source, ..change };
        let (key, value) = self.schema_changes.message(message, Now::read());
        self.control(self.schema_topic.clone(), (key, value), self.context.clone(), offset)
    }

    /// A record of a topic that has one partition in use.
    pub fn control(
        &self,
        topic: Str,
        (key, value): (SchemaAndValue, SchemaAndValue),
        headers: Headers,
        offset: Arc<OffsetMap>,
    ) -> SourceRecord {
        let record = Record { topic, partition: Some(0), key, value, timestamp: None, headers };
        SourceRecord { record, source: self.offset(offset) }
    }
}

/// The records of one row while they are made.
struct Rows<'a> {
    maker: &'a RecordMaker,
    table: &'a PlannedTable,
    origin: &'a Origin,
    offsets: Offsets,
    now: Now,
    output: &'a mut Output,
}

/// Whether a record is the last one of its change. Invariant 7: a stop between the records of one change makes all of
/// them again.
#[derive(Clone, Copy)]
enum Order {
    Earlier,
    Last,
}

impl Rows<'_> {
    fn headers(&self, keys: &[(&'static str, &SchemaAndValue)]) -> Headers {
        if keys.is_empty() {
            return self.maker.context.clone();
        }
        let keys = keys.iter().map(|(name, key)| Header { key: Str::from_static(name), value: (*key).clone() });
        keys.chain(self.maker.context.iter().cloned()).collect()
    }

    fn push(&mut self, key: SchemaAndValue, value: SchemaAndValue, headers: Headers, order: Order) {
        let topic = self.table.plan.topic.clone();
        let record = Record { topic, partition: None, key, value, timestamp: None, headers };
        let offset = match order {
            Order::Earlier => &self.offsets.before,
            Order::Last => &self.offsets.after,
        };
        self.output.push(SourceRecord { record, source: self.maker.offset(offset.clone()) });
    }

    fn change(
        &mut self,
        key: SchemaAndValue,
        mut change: Change,
        headers: &[(&'static str, &SchemaAndValue)],
        order: Order,
    ) {
        let table = Value::String(self.table.name.clone());
        change.source = self.maker.source(self.origin, &self.table.database, table);
        let value = self.table.plan.envelope.wrap(change, self.now).into();
        let headers = self.headers(headers);
        self.push(key, value, headers, order);
    }

    fn deleted(&self, before: Vec<Value>, transaction: Value) -> Change {
        Change {
            operation: Operation::Delete,
            before: self.table.plan.row(before),
            after: Value::Null,
            source: Value::Null,
            transaction,
        }
    }

    fn delete(
        &mut self,
        key: SchemaAndValue,
        change: Change,
        headers: &[(&'static str, &SchemaAndValue)],
        order: Order,
    ) {
        // A table without a key has them too, though nothing can be compacted by them: consumers count on it.
        match self.maker.tombstones {
            true => {
                let tombstone = (key.clone(), self.headers(headers));
                self.change(key, change, headers, Order::Earlier);
                self.push(tombstone.0, SchemaAndValue::NULL, tombstone.1, order);
            }
            false => self.change(key, change, headers, order),
        }
    }
}

fn header(key: &'static str, value: &str) -> Header {
    static TEXT: std::sync::OnceLock<connect_api::Schema> = std::sync::OnceLock::new();
    let schema = TEXT.get_or_init(|| SchemaBuilder::string().build()).clone();
    Header { key: Str::from_static(key), value: SchemaAndValue::new(schema, value.into()) }
}

/// Collects records into batches and hands them to `poll`.
pub struct Output {
    sender: mpsc::Sender<Vec<SourceRecord>>,
    batch: Vec<SourceRecord>,
    batch_max: usize,
    /// While a snapshot runs its newest record waits here: it may turn out to be the last one.
    held: Option<SourceRecord>,
    holding: bool,
}

impl Output {
    pub fn new(sender: mpsc::Sender<Vec<SourceRecord>>, batch_max: usize) -> Self {
        Self { sender, batch: Vec::new(), batch_max, held: None, holding: false }
    }

    pub fn push(&mut self, record: SourceRecord) {
        if !self.holding {
            self.batch.push(record);
        } else if let Some(earlier) = self.held.replace(record) {
            self.batch.push(earlier);
        }
    }

    pub fn is_full(&self) -> bool {
        self.batch.len() >= self.batch_max
    }

    /// Waits until the worker has taken an earlier batch, so that no more than two of them exist.
    pub async fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let next = Vec::with_capacity(self.batch.len());
        let mut batch = std::mem::replace(&mut self.batch, next);
        while batch.len() > self.batch_max {
            let rest = batch.split_off(self.batch_max);
            self.send(batch).await;
            batch = rest;
        }
        self.send(batch).await;
    }

    async fn send(&mut self, batch: Vec<SourceRecord>) {
        // The receiver lives as long as the future that this runs in.
        drop(self.sender.send(batch).await);
    }

    pub fn hold_last(&mut self) {
        self.holding = true;
    }

    /// Ends the holding; the record that came last is the caller's to mark and push.
    pub fn release(&mut self) -> Option<SourceRecord> {
        self.holding = false;
        self.held.take()
    }
}
