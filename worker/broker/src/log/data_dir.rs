//! The data directory: its lock, its clean-shutdown marker and the folders of its partitions.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{LogConfig, LogError, PartitionLog, SavedLog};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    pub topic: String,
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// The locked data directory of this process. The lock ends with the value or with the process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// Creates the directory if need be, locks it, reads and removes the clean-shutdown marker, and ends
    /// deletions that were under way.
    pub fn open(_path: &Path) -> Result<Self, LogError> {
        todo!()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the last process closed this directory in order.
    pub fn clean(&self) -> bool {
        todo!()
    }

    /// The partitions that have a folder here, in order of topic and number.
    pub fn partitions(&self) -> Result<Vec<TopicPartition>, LogError> {
        todo!()
    }

    /// Opens the log of a partition, creating its folder if there is none. After a clean shutdown this
    /// touches no file.
    pub fn open_log(&self, _at: &TopicPartition, _config: LogConfig, _now_ms: i64) -> Result<PartitionLog, LogError> {
        todo!()
    }

    /// Deletes a partition: its folder is renamed to `<topic>-<n>.<unique>-delete` first, so that a crash in the
    /// middle does not bring half of it back. The log must have been dropped or not be used any more.
    pub fn delete_log(&self, _at: &TopicPartition) -> Result<(), LogError> {
        todo!()
    }

    /// Writes the clean-shutdown marker with what [`PartitionLog::close_clean`] gave for every log, and
    /// gives the lock back.
    pub fn close(self, _logs: Vec<(TopicPartition, SavedLog)>) -> Result<(), LogError> {
        todo!()
    }
}
