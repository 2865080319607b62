//! A single-node broker that speaks Kafka's protocol, embedded in the worker.
//!
//! [`Broker::start`] opens the data directory, listens and answers until [`RunningBroker::shutdown`]. The way of a
//! request: `connection` reads a frame, `wire` checks and decodes it, `api` has one function for each request, and
//! those work on `topics` (over [`log`], the storage engine), `group` and `transaction`.

mod api;
mod config;
mod connection;
mod core;
mod fields;
mod group;
pub mod log;
mod maintenance;
mod metrics;
mod refusal;
mod server;
mod state_log;
mod sync;
mod topics;
mod transaction;
mod wire;

pub use config::{BrokerConfig, Limits, Times};
pub use metrics::BrokerMetrics;
pub use server::{Broker, RunningBroker, StartError};

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
