//! Single Message Transforms and predicates, one file each, planned per schema.

mod debezium;
mod hidden;

use connect_api::{PredicatePlugin, TransformPlugin};

/// Every transform, as a row of the worker's table.
pub static TRANSFORMS: &[TransformPlugin] = &[debezium::extract_new_record_state::PLUGIN];

/// Every predicate, as a row of the worker's table.
pub static PREDICATES: &[PredicatePlugin] = &[];
