//! The storage engine: one log of record batches per partition, in segments on disk.
//!
//! Everything here is synchronous and knows no network: a caller holds one lock per [`PartitionLog`].
//! A batch is kept byte for byte as the client sent it; only the fields outside its checksum (base
//! offset, leader epoch) are written anew, unless the topic stamps the time of append.
//!
//! What survives what: an append that returned is in the page cache, so `kill -9` loses nothing;
//! [`PartitionLog::flush`] and the checkpoints of [`PartitionLog::maintain`] put it on the disk itself.

mod append;
mod batch;
mod codec;
mod compaction;
mod config;
mod data_dir;
mod errors;
mod files;
mod index;
mod partition;
mod producers;
mod read;
mod record;
mod recovery;
mod retention;
mod scan;
mod segment;
mod state;
mod views;

pub(crate) use batch::FirstBatch;
pub use compaction::{Compaction, CompactionOutput};
pub use config::{CleanupPolicy, LogConfig, TimestampType};
pub use data_dir::{DataDir, TopicPartition};
pub use errors::{AppendError, ConfigError, LogError, ReadError};
pub use partition::PartitionLog;
pub use read::Batches;
pub use views::{
    AbortedTransaction, Appended, Compacted, EndTransaction, LogRecord, Marker, Origin, ProducerView, RecordHeader,
    SavedLog, TimestampOffset,
};
