//! The storage engine: one log of record batches per partition, in segments on disk.
//!
//! Everything here is synchronous and knows no network: a caller holds one lock per [`PartitionLog`].
//! A batch is kept byte for byte as the client sent it; only the fields outside its checksum (base
//! offset, leader epoch) are written anew, unless the topic stamps the time of append.
//!
//! What survives what: an append that returned is in the page cache, so `kill -9` loses nothing;
//! [`PartitionLog::flush`] and the checkpoints of [`PartitionLog::maintain`] put it on the disk itself.

mod config;
mod data_dir;
mod errors;
mod partition;

pub use config::{CleanupPolicy, LogConfig, TimestampType};
pub use data_dir::{DataDir, TopicPartition};
pub use errors::{AppendError, ConfigError, LogError, ReadError};
pub use partition::{
    AbortedTransaction, Appended, Compacted, LogRecord, Marker, Origin, PartitionLog, ProducerView, RecordHeader,
    SavedLog, TimestampOffset,
};
