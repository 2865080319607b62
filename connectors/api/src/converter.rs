//! Converters: record data to the bytes of a topic and back.

use bytes::Bytes;

use crate::{Result, SchemaAndValue, Str};

/// What a serialization left in the output buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// Kafka's null: the buffer was not touched.
    Null,
    /// The bytes appended to the buffer, possibly none.
    Bytes,
}

/// A header as it stands in a Kafka record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawHeader {
    pub key: Str,
    pub value: Option<Bytes>,
}

/// Converts keys or values (`Converter` in the JVM: `fromConnectData` and `toConnectData`).
///
/// One instance serves one side of one task, so it may keep a plan per schema. A `Retriable` error is retried within
/// `errors.retry.timeout`, any other goes through `errors.tolerance`.
pub trait Converter: Send {
    /// Appends the bytes of `data` to `out`, which holds what the caller put there before. May add headers.
    fn serialize(
        &mut self,
        topic: &str,
        headers: &mut Vec<RawHeader>,
        data: &SchemaAndValue,
        out: &mut Vec<u8>,
    ) -> Result<Encoded>;

    /// Reads bytes of a topic; `None` is Kafka's null. May look at headers.
    fn deserialize(&mut self, topic: &str, headers: &[RawHeader], bytes: Option<Bytes>) -> Result<SchemaAndValue>;
}

/// Converts header values (`HeaderConverter` in the JVM).
pub trait HeaderConverter: Send {
    fn serialize(&mut self, topic: &str, key: &str, data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<Encoded>;
    fn deserialize(&mut self, topic: &str, key: &str, bytes: Option<Bytes>) -> Result<SchemaAndValue>;
}
