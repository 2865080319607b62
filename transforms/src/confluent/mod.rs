//! Confluent's transforms that need no service: the ones that people's configurations name.

pub(crate) mod apache;
pub(crate) mod drop;
pub(crate) mod extract_topic;
pub(crate) mod filter;
pub(crate) mod message_timestamp_router;
pub(crate) mod null_filter;
pub(crate) mod tombstone_handler;
