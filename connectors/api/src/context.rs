//! What the worker gives a task: its name, stored offsets, logs of its own, and a place for bad records.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use crate::{Error, OffsetMap, Props, Result, SinkRecord, SourceOffset};

/// What a source task is started with.
pub struct SourceContext {
    pub connector: Arc<str>,
    pub task: u32,
    /// Offsets that were stored before; read them before the first record.
    pub offsets: Arc<dyn OffsetReader>,
    /// The newest offset stored for each source partition since the task started, in no order.
    ///
    /// A source that must tell its system how far it got (a PostgreSQL slot) watches it in its own loop; it takes the
    /// place of `commit()` and `commitRecord()`.
    pub stored: watch::Receiver<Vec<SourceOffset>>,
    /// Topics that the connector itself reads and writes, such as a schema history.
    pub logs: Arc<dyn TopicLogs>,
}

/// Reads offsets that the worker stored for this connector (`OffsetStorageReader`).
#[async_trait]
pub trait OffsetReader: Send + Sync {
    /// The offset stored for a source partition; equality of partitions ignores the order of entries.
    async fn read(&self, partition: &OffsetMap) -> Result<Option<OffsetMap>>;
}

/// Opens topics that a connector uses as its own log, so that connectors need not know Kafka.
#[async_trait]
pub trait TopicLogs: Send + Sync {
    /// Opens a single-partition topic. `client` holds Kafka client properties by their Java names, above all
    /// `bootstrap.servers`; keys with the prefixes `producer.` and `consumer.` belong to one side only.
    async fn open(&self, topic: &str, client: &Props) -> Result<Box<dyn TopicLog>>;
}

/// A topic with one partition as an append-only log.
#[async_trait]
pub trait TopicLog: Send {
    async fn exists(&mut self) -> Result<bool>;
    /// Creates the topic with one partition and these topic settings; an existing topic is no error.
    async fn create(&mut self, settings: &Props) -> Result<()>;
    /// All records from the first to the last that is there now, in order.
    async fn read(&mut self) -> Result<Vec<LogRecord>>;
    /// Appends records in order and waits until Kafka has them all.
    async fn append(&mut self, records: Vec<LogRecord>) -> Result<()>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
}

/// What a sink task is started with.
pub struct SinkContext {
    pub connector: Arc<str>,
    pub task: u32,
    /// Takes single bad records; `None` when neither a dead letter queue nor error logging is configured.
    pub errant: Option<Arc<dyn ErrantReporter>>,
}

/// Takes a record that a sink can't write, so that the others go on (`ErrantRecordReporter`, KIP-610).
pub trait ErrantReporter: Send + Sync {
    /// Hands the record to the dead letter queue and the log. An error means that it is not tolerated: the sink
    /// returns it and the task fails. The worker waits for the queue before it commits the record's offset.
    fn report(&self, record: &SinkRecord, error: Error) -> Result<()>;
}
