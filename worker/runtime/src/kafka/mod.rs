//! The only place that knows librdkafka and the wire protocol.

pub mod admin;
mod admin_login;
pub mod client;
pub mod connection;
pub mod consumer;
pub mod group;
mod jaas;
pub mod log;
pub mod log_producer;
mod oauth;
pub mod offsets;
mod polled;
pub mod producer;
mod sasl;
mod security;
mod table;
mod tls;
pub mod topic_logs;
pub mod trouble;

pub(crate) use security::is_secret;
pub(crate) use table::is_of_a_client as is_client_property;
