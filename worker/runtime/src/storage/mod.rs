//! What workers know: configurations, offsets, statuses. A cluster keeps it in three compacted topics; a worker that is
//! alone keeps offsets in a file and all else in memory.

pub mod config_state;
pub mod configs;
pub mod json;
pub mod log;
pub mod memory;
pub mod offset_file;
pub mod offsets;
pub mod statuses;
