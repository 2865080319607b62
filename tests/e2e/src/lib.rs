//! What a user has at hand: a worker to start and kill, its REST API, a database, topics and an index.
//!
//! Nothing here knows the crates of the worker; everything goes through the binary and the wire.

pub mod broker;
pub mod conformance;
pub mod database;
pub mod index;
pub mod lines;
pub mod pipeline;
pub mod topics;
pub mod wait;
pub mod worker;

pub use connect_testkit::services;
