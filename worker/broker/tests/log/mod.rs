//! The storage engine's scenarios: what a log promises about records, offsets, producers and crashes.

mod append;
mod batches;
mod compaction;
mod data_dir;
mod recovery;
mod retention;
mod transactions;
