//! Makes test data after a schema.
//!
//! A schema is Avro's, with `arg.properties` that say how values are made. `avro` reads it into a plan (`plan`): for each
//! type a Connect schema and a way to make values, whose parts are `arguments`, `literal`, `pattern` and `counter`.
//! `source` makes a record of each value and pauses between them. `quickstart` has schemas of our own.

mod arguments;
mod avro;
pub mod config;
mod counter;
mod error;
mod literal;
mod pattern;
mod plan;
mod quickstart;
mod random;
mod source;

use connect_api::SourcePlugin;

pub use source::{Datagen, DatagenTask};

/// The source of this crate, as the worker's table takes it.
pub static SOURCE: SourcePlugin = SourcePlugin::of::<Datagen>();
