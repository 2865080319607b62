//! Writes to Elasticsearch and OpenSearch by bulk requests.
//!
//! The way of a record: `convert` makes it an operation with a document by `document`, appended to a `bulk`; the
//! `queue` holds bulks until they are due; `deliver` sends them through `client` and sees each operation to its end;
//! the `tracker` knows which offsets are safe. `sink` ties these together, `resource` prepares indices before.

mod answer;
mod bulk;
mod check;
mod client;
pub mod config;
mod convert;
mod deliver;
pub mod document;
mod error;
mod json;
mod mapping;
mod queue;
mod resource;
mod retry;
mod rules;
mod setting;
mod sink;
mod tls;
mod tracker;

use connect_api::SinkPlugin;

pub use sink::{ElasticsearchSink, ElasticsearchSinkTask, OldOpenSearchSink, OpenSearchSink};

/// The sinks of this crate, as the worker's table takes them.
pub static SINKS: &[SinkPlugin] =
    &[SinkPlugin::of::<ElasticsearchSink>(), SinkPlugin::of::<OpenSearchSink>(), SinkPlugin::of::<OldOpenSearchSink>()];
