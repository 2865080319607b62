//! The log of one partition.

use std::{ops::ControlFlow, path::Path};

use bytes::Bytes;

use super::{AppendError, LogConfig, LogError, ReadError};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: i64,
    pub last_offset: i64,
    /// -1 unless the topic stamps the time of append.
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

#[derive(Debug)]
pub struct PartitionLog {}

impl PartitionLog {
    /// Opens the log in `dir`. With `saved` (of a clean shutdown) no file is touched; without, everything
    /// after the last checkpoint is read and a torn tail is cut off.
    pub fn open(_dir: &Path, _config: LogConfig, _saved: Option<&SavedLog>, _now_ms: i64) -> Result<Self, LogError> {
        todo!()
    }

    /// Appends one or more record batches as they came from the client.
    pub fn append(&mut self, _records: &[u8], _origin: Origin, _now_ms: i64) -> Result<Appended, AppendError> {
        todo!()
    }

    /// Ends the producer's transaction in this partition.
    pub fn append_control(
        &mut self,
        _producer_id: i64,
        _epoch: i16,
        _marker: Marker,
        _coordinator_epoch: i32,
        _now_ms: i64,
    ) -> Result<Appended, AppendError> {
        todo!()
    }

    /// Whole batches from the one that holds `from`, up to but without the batch that starts at or after
    /// `up_to`. Empty when there is nothing to give. Never more than `max_bytes`, unless `at_least_one`
    /// and the first batch alone is larger.
    pub fn read(&self, _from: i64, _up_to: i64, _max_bytes: usize, _at_least_one: bool) -> Result<Bytes, ReadError> {
        todo!()
    }

    /// Bytes of whole batches between `from` and `up_to`, roughly: for `min_bytes` of a fetch.
    pub fn available_bytes(&self, _from: i64) -> u64 {
        todo!()
    }

    /// Every record at or after `from`, decoded, until the visitor breaks. For internal logs.
    pub fn for_each_record(
        &self,
        _from: i64,
        _visit: impl FnMut(LogRecord) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        todo!()
    }

    pub fn start_offset(&self) -> i64 {
        todo!()
    }

    /// One beyond the last record; with one node also the high watermark.
    pub fn end_offset(&self) -> i64 {
        todo!()
    }

    pub fn last_stable_offset(&self) -> i64 {
        todo!()
    }

    /// Aborted transactions that have records in `from..to`.
    pub fn aborted_in(&self, _from: i64, _to: i64) -> Vec<AbortedTransaction> {
        todo!()
    }

    /// The first record whose timestamp is at least `timestamp`.
    pub fn offset_for_timestamp(&self, _timestamp: i64) -> Result<Option<TimestampOffset>, ReadError> {
        todo!()
    }

    /// The first record with the greatest timestamp.
    pub fn max_timestamp_offset(&self) -> Result<Option<TimestampOffset>, ReadError> {
        todo!()
    }

    /// Moves the start of the log to `offset`; says where it is now. It never moves back.
    pub fn delete_records_before(&mut self, _offset: i64) -> Result<i64, ReadError> {
        todo!()
    }

    pub fn producers(&self) -> Vec<ProducerView> {
        todo!()
    }

    pub fn size_bytes(&self) -> u64 {
        todo!()
    }

    pub fn config(&self) -> &LogConfig {
        todo!()
    }

    pub fn reconfigure(&mut self, _config: LogConfig) {
        todo!()
    }

    /// Rolls the active segment by age, deletes segments beyond retention, forgets idle producers,
    /// writes a checkpoint when much was appended since the last, and lets go of files and indexes that
    /// were not used since the last call. Meant to be called every few seconds to minutes.
    pub fn maintain(&mut self, _now_ms: i64) -> Result<(), LogError> {
        todo!()
    }

    /// One pass of compaction, if the topic is compacted and dirty enough. Holds the log for as long as it
    /// takes: where that matters use `compaction`, `Compaction::run` and `install`.
    pub fn compact(&mut self, _now_ms: i64, _memory_bytes_max: usize) -> Result<Option<Compacted>, LogError> {
        todo!()
    }

    /// Puts everything on the disk itself.
    pub fn flush(&mut self) -> Result<(), LogError> {
        todo!()
    }

    /// Flushes, and gives what the next open needs. The log must not be changed afterwards.
    pub fn close_clean(&mut self) -> Result<SavedLog, LogError> {
        todo!()
    }
}
