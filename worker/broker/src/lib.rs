//! A single-node broker that speaks Kafka's protocol, embedded in the worker.

pub mod log;
