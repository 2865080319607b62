//! Sink connectors: how records go out to another system.

use std::future::Future;

use async_trait::async_trait;

use crate::{Config, ConfigError, Offsets, Props, Result, SinkContext, SinkRecord, TopicPartition};

/// Writes records to another system. Created running; dropped to stop.
///
/// The worker calls `open`, then `put` and `pre_commit` in turn, then `close`; never two at a time.
#[async_trait]
pub trait SinkTask: Send {
    /// Given partitions to own, before any of their records.
    async fn open(&mut self, _partitions: &[TopicPartition]) -> Result<()> {
        Ok(())
    }

    /// Takes a batch, possibly an empty one. After a `Retriable` error the worker passes the same batch again, so a
    /// task that took part of it before must know the records it already has.
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()>;

    /// Names the offsets that are safe to commit, given those that were put. It may wait for what is under way.
    async fn pre_commit(&mut self, current: Offsets) -> Result<Offsets> {
        Ok(current)
    }

    /// Partitions about to be lost, after a last `pre_commit`; forget their records.
    async fn close(&mut self, _partitions: &[TopicPartition]) -> Result<()> {
        Ok(())
    }
}

/// A kind of sink connector: its configuration, how it splits into tasks, how a task starts.
pub trait SinkConnector: 'static {
    /// The `connector.class` users write.
    const CLASS: &'static str;
    /// What `/connector-plugins` and statuses show as its version.
    const VERSION: &'static str;
    type Config: Config + Send + Sync;
    type Task: SinkTask + 'static;

    /// Rules across settings, asked once each setting is right by itself.
    fn rules(_config: &Self::Config) -> Vec<ConfigError> {
        Vec::new()
    }

    /// Tries the configuration on the real system, asked by `/validate` when nothing else is wrong.
    fn check(_config: Self::Config) -> impl Future<Output = Vec<ConfigError>> + Send {
        std::future::ready(Vec::new())
    }

    /// One configuration per task; all alike by default, as the consumer group splits the partitions.
    fn task_configs(_config: &Self::Config, props: &Props, max_tasks: usize) -> Result<Vec<Props>> {
        Ok(vec![props.clone(); max_tasks])
    }

    /// Starts a task; an error fails it. `Retriable` errors are retried by the worker with back-off.
    fn start(config: Self::Config, context: SinkContext) -> impl Future<Output = Result<Self::Task>> + Send;
}
