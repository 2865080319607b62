//! The only place that knows librdkafka and the wire protocol.

pub mod admin;
pub mod client;
pub mod connection;
pub mod consumer;
pub mod group;
pub mod jaas;
pub mod log;
pub mod log_producer;
pub mod offsets;
mod polled;
pub mod producer;
mod sasl;
pub mod topic_logs;
pub mod trouble;
