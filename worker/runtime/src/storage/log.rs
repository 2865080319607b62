//! Where a worker's state is kept: records by key, in an order that all its readers see.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::Result;

use super::configs::Write;

/// One record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
}

/// A log that hands every record, old ones and own ones too, to the reader it was opened with: a topic that all workers
/// of a cluster read, or what a worker that is alone keeps for itself.
#[async_trait]
pub trait Log: Send + Sync {
    /// Waits until everything that is in the log now has been handed over.
    async fn read_to_end(&self) -> Result<()>;

    /// Appends records in order and waits until they are safe.
    async fn append(&self, records: Vec<Write>) -> Result<()>;

    /// Appends records in order, waits until they are safe and until this worker has read them.
    async fn append_and_read(&self, records: Vec<Write>) -> Result<()>;
}

pub type SharedLog = Arc<dyn Log>;
