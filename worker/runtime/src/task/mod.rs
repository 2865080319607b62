//! The loops between a plugin's task and Kafka.

pub mod chain;
pub mod convert;
pub mod dlq;
pub mod errors;
mod kill_point;
pub mod retries;
pub mod run;
pub mod sink;
pub mod source;
pub mod steps;
pub mod topics;
pub mod tracker;
