//! What can go wrong in the log. Each [`AppendError`] is one error of Kafka's protocol.

use std::{
    io,
    path::{Path, PathBuf},
};

/// A log or the data directory could not be opened, changed or closed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(
        "data directory {} is locked by another process; stop it or choose another directory", directory.display()
    )]
    Locked { directory: PathBuf },
    #[error("could not {action} {}", path.display())]
    Storage { action: &'static str, path: PathBuf, source: io::Error },
    #[error("topic partition {0} is already there")]
    Exists(String),
}

impl LogError {
    pub(super) fn at(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Storage { action, path: path.to_owned(), source }
    }
}

/// Why an append was refused. The log is unchanged afterwards, whatever the variant.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// `CORRUPT_MESSAGE` (2).
    #[error("corrupt record batch: {0}")]
    CorruptMessage(String),
    /// `MESSAGE_TOO_LARGE` (10).
    #[error("record batch of {size_bytes} bytes is larger than max.message.bytes = {limit_bytes}")]
    MessageTooLarge { size_bytes: usize, limit_bytes: usize },
    /// `RECORD_LIST_TOO_LARGE` (18).
    #[error("record batches of {size_bytes} bytes do not fit into one segment of {limit_bytes} bytes")]
    RecordListTooLarge { size_bytes: usize, limit_bytes: usize },
    /// `INVALID_RECORD` (87).
    #[error("invalid record: {0}")]
    InvalidRecord(String),
    /// `INVALID_TIMESTAMP` (32).
    #[error("timestamp {timestamp} is out of range, it must lie between {earliest} and {latest}")]
    InvalidTimestamp { timestamp: i64, earliest: i64, latest: i64 },
    /// `OUT_OF_ORDER_SEQUENCE_NUMBER` (45).
    #[error("out of order sequence number of producer {producer_id}: {sequence} after {last_sequence}")]
    OutOfOrderSequence { producer_id: i64, sequence: i32, last_sequence: i32 },
    /// `INVALID_PRODUCER_EPOCH` (47).
    #[error("epoch {epoch} of producer {producer_id} is older than the current {current_epoch}")]
    InvalidProducerEpoch { producer_id: i64, epoch: i16, current_epoch: i16 },
    /// `INVALID_TXN_STATE` (48).
    #[error("producer {producer_id} has a transaction open here and wrote outside of it")]
    InvalidTxnState { producer_id: i64 },
    /// `TRANSACTION_COORDINATOR_FENCED` (52).
    #[error("coordinator epoch {epoch} is older than the current {current_epoch}")]
    CoordinatorFenced { epoch: i32, current_epoch: i32 },
    /// `KAFKA_STORAGE_ERROR` (56). A full disk is one; nothing half-written stays.
    #[error("could not write to the log")]
    Storage(#[source] io::Error),
}

/// Why a read was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// `OFFSET_OUT_OF_RANGE` (1).
    #[error("offset {offset} is out of range, the log holds {start} to {end}")]
    OffsetOutOfRange { offset: i64, start: i64, end: i64 },
    /// `KAFKA_STORAGE_ERROR` (56).
    #[error("could not read the log")]
    Storage(#[from] io::Error),
}

/// A topic setting that cannot be taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid value {value} for configuration {key}: {reason}")]
pub struct ConfigError {
    pub key: String,
    pub value: String,
    pub reason: &'static str,
}
