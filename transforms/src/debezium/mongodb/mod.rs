//! Documents of MongoDB in change events: MongoDB's extended JSON, made rows by the transforms of Debezium's connector.

mod document;
pub(crate) mod extended_json;
pub(crate) mod extract_new_document_state;

pub(crate) use document::{ArrayEncoding, Documents};
