//! Reads the lines of a file as records, and appends records to a file as lines.
//!
//! The way of a line: `input` reads bytes in chunks, `lines` finds the ends of lines in them without copying, `source`
//! makes records of them. Back: `sink` writes the text of each value and `output` appends it to the file.

pub mod config;
mod error;
mod input;
mod lines;
mod offset;
mod output;
mod sink;
mod source;

use connect_api::{SinkPlugin, SourcePlugin};

pub use sink::{FileStreamSink, FileStreamSinkTask};
pub use source::{FileStreamSource, FileStreamSourceTask};

/// The version of Apache Kafka whose connectors these answer as.
const VERSION: &str = "4.3.1";

/// The source of this crate, as the worker's table takes it.
pub static SOURCE: SourcePlugin = SourcePlugin::of::<FileStreamSource>();
/// The sink of this crate, as the worker's table takes it.
pub static SINK: SinkPlugin = SinkPlugin::of::<FileStreamSink>();
