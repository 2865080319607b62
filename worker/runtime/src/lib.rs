//! Everything that makes plugins run: herder, tasks, topics, REST, metrics.

pub mod config;
pub mod distributed;
pub mod environment;
pub mod herder;
pub mod kafka;
pub mod logging;
pub mod metrics;
pub mod plugins;
pub mod properties;
pub mod providers;
pub mod rest;
pub mod shutdown;
pub mod standalone;
pub mod storage;
pub mod task;
pub mod validation;
mod worker;

pub use plugins::Plugins;

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
