//! Debezium's transforms.

pub(crate) mod by_logical_table_router;
pub(crate) mod cloud_event;
pub(crate) mod decode_logical_message;
pub(crate) mod enforce_record_size;
mod envelope;
pub(crate) mod event_router;
pub(crate) mod extract_changed_record_state;
pub(crate) mod extract_new_record_state;
pub(crate) mod extract_schema_to_new_record;
pub(crate) mod geometry;
pub(crate) mod header_to_value;
pub(crate) mod jdbc_names;
pub(crate) mod mongodb;
mod murmur;
mod naming;
pub(crate) mod partition_routing;
pub(crate) mod read_to_insert_event;
mod rows;
pub(crate) mod schema_change_event_filter;
pub(crate) mod scripting;
mod settings;
pub(crate) mod timezone_converter;
pub(crate) mod vector_to_json;
mod wkb;
mod zone;
mod zone_rules;
