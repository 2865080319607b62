//! Source connectors: how records come in from another system.

use std::future::Future;

use async_trait::async_trait;

use crate::{Config, ConfigError, OffsetMap, Props, Result, SourceContext, SourceRecord};

/// Pulls changes out of another system. Created running; dropped to stop.
///
/// The worker runs this loop around it:
/// ```text
/// loop {
///     let batch = task.poll().await?;      // one future per batch, kept until it completes
///     transform, convert, send each record; store its offset once it and all before it are acknowledged
/// }
/// ```
#[async_trait]
pub trait SourceTask: Send {
    /// Waits for the next batch, in source order; it may be empty.
    ///
    /// The worker keeps the returned future until it completes, and drops it only to stop the task, so a poll may
    /// take as many steps as it needs. After a `Retriable` error the worker backs off and polls again.
    async fn poll(&mut self) -> Result<Vec<SourceRecord>>;
}

/// A source partition and the offset a user wants stored for it; `None` forgets the partition.
pub type OffsetChange<'a> = (&'a OffsetMap, Option<&'a OffsetMap>);

/// A kind of source connector: its configuration, how it splits into tasks, how a task starts.
pub trait SourceConnector: 'static {
    /// The `connector.class` users write.
    const CLASS: &'static str;
    /// What `/connector-plugins` and statuses show as its version.
    const VERSION: &'static str;
    type Config: Config + Send + Sync;
    type Task: SourceTask + 'static;

    /// Rules across settings, asked once each setting is right by itself.
    fn rules(_config: &Self::Config) -> Vec<ConfigError> {
        Vec::new()
    }

    /// Tries the configuration on the real system, asked by `/validate` when nothing else is wrong.
    fn check(_config: Self::Config) -> impl Future<Output = Vec<ConfigError>> + Send {
        std::future::ready(Vec::new())
    }

    /// Splits the work. One task by default, as a log has one reader.
    fn task_configs(_config: &Self::Config, props: &Props, _max_tasks: usize) -> Result<Vec<Props>> {
        Ok(vec![props.clone()])
    }

    /// Refuses offsets that its tasks could not start from (`alterOffsets`, KIP-875), asked before they are stored by
    /// `PATCH` or forgotten by `DELETE .../offsets`, while no task runs.
    fn check_offsets(_config: &Self::Config, _changes: &[OffsetChange<'_>]) -> Result<()> {
        Ok(())
    }

    /// Starts a task; an error fails it. `Retriable` errors are retried by the worker with back-off.
    fn start(config: Self::Config, context: SourceContext) -> impl Future<Output = Result<Self::Task>> + Send;
}
