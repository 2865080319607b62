//! The contract between connectors, transforms, converters and the worker.
//!
//! Everything a plugin author needs stands here and nothing else does: the data model, the task traits, the
//! configuration pattern and the errors. The crate does no I/O, has no clock and names no runtime; a connector that
//! compiles against it runs in any worker that does.

pub mod config;
pub mod config_key;
mod config_macro;
pub mod context;
pub mod converter;
pub mod data;
pub mod decimal;
pub mod error;
pub mod java;
pub mod java_text;
pub mod plugin;
pub mod record;
pub mod schema;
mod schema_cache;
pub mod sink;
pub mod source;
mod text;
mod text_repr;
pub mod time;
pub mod transform;
pub mod values;

pub use config::{Config, ConfigError, Password, Props, Setting};
pub use config_key::{ConfigDef, ConfigKey, ConfigType, Importance, MessageStyle, Width};
pub use context::{ErrantReporter, LogRecord, OffsetReader, SinkContext, SourceContext, TopicLog, TopicLogs};
pub use converter::{Converter, Encoded, HeaderConverter, RawHeader};
pub use data::{Logical, SchemaAndValue, Struct, Value};
pub use error::{Error, ErrorKind, Result};
pub use plugin::{ConverterPlugin, HeaderConverterPlugin, PredicatePlugin, SinkPlugin, SourcePlugin, TransformPlugin};
pub use record::{
    Header, Headers, OffsetMap, Offsets, Origin, Record, SinkRecord, SourceOffset, SourceRecord, TimestampType,
    TopicPartition,
};
pub use schema::{Field, Fields, Schema, SchemaBuilder, SchemaDef, Type};
pub use schema_cache::SchemaCache;
pub use sink::{SinkConnector, SinkTask};
pub use source::{OffsetChange, SourceConnector, SourceTask};
pub use text::Str;
pub use transform::{Fate, Predicate, Transform};

pub use async_trait::async_trait;
pub use bytes::Bytes;
