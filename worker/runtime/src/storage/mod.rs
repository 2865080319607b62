//! What a cluster of workers knows, kept in three compacted topics: configurations, offsets, statuses.

pub mod config_state;
pub mod configs;
pub mod json;
pub mod offsets;
pub mod statuses;
