//! Debezium's transforms.

pub(crate) mod extract_new_record_state;
