//! One partition that is open: its log behind a lock, and the fetches that wait for it to grow.

use std::sync::{Arc, Mutex};

use kafka_protocol::error::ResponseError;
use tokio::sync::Notify;

use crate::{
    log::{LogConfig, PartitionLog, SavedLog, TopicPartition},
    refusal::Refusal,
    sync::lock,
};

#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) at: TopicPartition,
    /// `None` once the partition is deleted or the broker has closed it.
    log: Mutex<Option<PartitionLog>>,
    /// Fetches to wake when records come. Short: one for each consumer that waits.
    waiting: Mutex<Vec<Arc<Notify>>>,
}

impl Partition {
    pub(crate) fn new(at: TopicPartition, log: PartitionLog) -> Self {
        Self { at, log: Mutex::new(Some(log)), waiting: Mutex::new(Vec::new()) }
    }

    /// Works on the log alone. Sections are short: nothing inside waits for anything but the disk.
    pub(crate) fn with_log<T>(&self, work: impl FnOnce(&mut PartitionLog) -> T) -> Result<T, Refusal> {
        let mut guard = self.log.lock().map_err(|_| {
            // A log whose code panicked may be half changed in memory; its files are whole at the next start.
            Refusal::new(ResponseError::KafkaStorageError, format!("log of {} failed earlier; restart", self.at))
        })?;
        match guard.as_mut() {
            Some(log) => Ok(work(log)),
            None => Err(unknown(&self.at.topic, self.at.partition)),
        }
    }

    /// Calls `waiter` when the partition next changes.
    pub(crate) fn watch(&self, waiter: &Arc<Notify>) {
        lock(&self.waiting).push(waiter.clone());
    }

    pub(crate) fn unwatch(&self, waiter: &Arc<Notify>) {
        lock(&self.waiting).retain(|other| !Arc::ptr_eq(other, waiter));
    }

    /// Wakes the fetches that wait. They are few, and each looks for itself whether it has enough.
    pub(crate) fn changed(&self) {
        for waiter in lock(&self.waiting).iter() {
            waiter.notify_one();
        }
    }

    pub(crate) fn reconfigure(&self, config: LogConfig) -> Result<(), Refusal> {
        self.with_log(|log| log.reconfigure(config))
    }

    /// Ends the log for a deletion: whoever still holds the partition is told that it is gone.
    pub(crate) fn retire(&self) {
        if let Ok(mut log) = self.log.lock() {
            *log = None;
        }
        self.changed();
    }

    /// Ends the log for a shutdown and gives what the next start needs; nothing when it is gone or damaged.
    pub(crate) fn close(&self) -> Option<SavedLog> {
        let saved = self.log.lock().ok()?.take().map(|mut log| log.close_clean());
        self.changed();
        match saved? {
            Ok(saved) => Some(saved),
            Err(error) => {
                tracing::warn!(topic = self.at.topic, partition = self.at.partition, %error, "could not close a log");
                None
            }
        }
    }
}

pub(crate) fn unknown(topic: &str, partition: i32) -> Refusal {
    Refusal::new(ResponseError::UnknownTopicOrPartition, format!("topic partition {topic}-{partition} does not exist"))
}
