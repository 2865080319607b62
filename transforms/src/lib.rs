//! Single Message Transforms and predicates, one file each, planned per schema.

mod cast;
mod confluent;
pub mod date_format;
mod debezium;
mod drop_headers;
mod extract_field;
mod extract_timestamp;
mod field_path;
mod filter;
mod flatten;
mod header_from;
mod hidden;
mod hoist_field;
mod insert_field;
mod insert_header;
pub mod java_number;
pub mod java_regex;
mod mask_field;
mod names;
mod predicates;
mod regex_router;
mod replace_field;
mod row;
mod set_schema_metadata;
mod side;
mod timestamp_converter;
mod timestamp_router;
mod value_to_key;

pub use date_format::DateFormat;

use connect_api::{PredicatePlugin, TransformPlugin};

/// Every transform, as a row of the worker's table.
pub static TRANSFORMS: &[TransformPlugin] = &[
    cast::KEY,
    cast::VALUE,
    drop_headers::PLUGIN,
    extract_field::KEY,
    extract_field::VALUE,
    filter::PLUGIN,
    flatten::KEY,
    flatten::VALUE,
    header_from::KEY,
    header_from::VALUE,
    hoist_field::KEY,
    hoist_field::VALUE,
    insert_field::KEY,
    insert_field::VALUE,
    insert_header::PLUGIN,
    mask_field::KEY,
    mask_field::VALUE,
    regex_router::PLUGIN,
    replace_field::KEY,
    replace_field::VALUE,
    set_schema_metadata::KEY,
    set_schema_metadata::VALUE,
    timestamp_converter::KEY,
    timestamp_converter::VALUE,
    timestamp_router::PLUGIN,
    value_to_key::PLUGIN,
    debezium::by_logical_table_router::PLUGIN,
    debezium::cloud_event::PLUGIN,
    debezium::decode_logical_message::PLUGIN,
    debezium::enforce_record_size::PLUGIN,
    debezium::event_router::PLUGIN,
    debezium::event_router::mongo::PLUGIN,
    debezium::extract_changed_record_state::PLUGIN,
    debezium::extract_new_record_state::PLUGIN,
    debezium::extract_new_record_state::unwrap_from_envelope::PLUGIN,
    debezium::extract_schema_to_new_record::PLUGIN,
    debezium::geometry::FORMAT,
    debezium::geometry::SWAP,
    debezium::header_to_value::PLUGIN,
    debezium::jdbc_names::COLLECTIONS,
    debezium::jdbc_names::FIELDS,
    debezium::mongodb::extract_new_document_state::PLUGIN,
    debezium::partition_routing::PLUGIN,
    debezium::read_to_insert_event::PLUGIN,
    debezium::schema_change_event_filter::PLUGIN,
    debezium::scripting::content_based_router::PLUGIN,
    debezium::scripting::filter::PLUGIN,
    debezium::timezone_converter::PLUGIN,
    debezium::vector_to_json::PLUGIN,
    confluent::apache::FLATTEN_KEY,
    confluent::apache::FLATTEN_VALUE,
    confluent::apache::REPLACE_FIELD_KEY,
    confluent::apache::REPLACE_FIELD_VALUE,
    confluent::drop::KEY,
    confluent::drop::VALUE,
    confluent::extract_topic::HEADER,
    confluent::extract_topic::KEY,
    confluent::extract_topic::VALUE,
    confluent::filter::KEY,
    confluent::filter::VALUE,
    confluent::message_timestamp_router::PLUGIN,
    confluent::null_filter::PLUGIN,
    confluent::tombstone_handler::PLUGIN,
    extract_timestamp::KEY,
    extract_timestamp::VALUE,
];

/// Every predicate, as a row of the worker's table.
pub static PREDICATES: &[PredicatePlugin] =
    &[predicates::HAS_HEADER_KEY, predicates::RECORD_IS_TOMBSTONE, predicates::TOPIC_NAME_MATCHES];
