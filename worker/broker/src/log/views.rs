//! What a log tells its callers.

use bytes::Bytes;

/// Who appends. A coordinator's records carry no sequence numbers, and only it may write control batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Client,
    Coordinator,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    Abort,
    Commit,
}

/// Who ends a transaction, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTransaction {
    pub producer_id: i64,
    pub epoch: i16,
    pub marker: Marker,
    pub coordinator_epoch: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: i64,
    pub last_offset: i64,
    /// -1 unless the topic stamps the time of append; of a duplicate the greatest timestamp of the batch.
    pub log_append_time: i64,
    pub log_start_offset: i64,
    /// The batch was here already: the offsets are those it got then, nothing was written.
    pub duplicate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampOffset {
    pub timestamp: i64,
    pub offset: i64,
}

/// A producer as `DescribeProducers` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerView {
    pub producer_id: i64,
    pub epoch: i16,
    /// -1 when none is known.
    pub last_sequence: i32,
    pub last_timestamp: i64,
    /// -1 before the first marker.
    pub coordinator_epoch: i32,
    /// -1 when no transaction is open.
    pub txn_start_offset: i64,
}

/// What one pass of compaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    pub bytes_before: u64,
    pub bytes_after: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// One record of an internal log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    pub offset: i64,
    pub timestamp: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<RecordHeader>,
    /// -1 when not idempotent.
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub transactional: bool,
    /// A marker that ends the producer's transaction; its key and value are Kafka's own.
    pub marker: Option<Marker>,
}

/// What a log needs to open again without a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedLog(pub(super) Vec<u8>);
