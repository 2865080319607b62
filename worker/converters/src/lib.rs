//! Converters: record data to the bytes of a topic and back.

mod bytes;
mod header;
mod json;
mod primitive;
mod side;
mod string;

pub use bytes::ByteArrayConverter;
pub use header::SimpleHeaderConverter;
pub use json::{DecimalFormat, JsonConfig, JsonConverter};
pub use side::ConverterSide;
pub use string::{StringConfig, StringConverter};

use connect_api::{ConverterPlugin, HeaderConverterPlugin};

/// Every converter, as a row of the worker's table.
pub static CONVERTERS: &[ConverterPlugin] = &[
    json::JSON,
    string::STRING,
    bytes::BYTE_ARRAY,
    primitive::BOOLEAN_CONVERTER,
    primitive::DOUBLE_CONVERTER,
    primitive::FLOAT_CONVERTER,
    primitive::INTEGER_CONVERTER,
    primitive::LONG_CONVERTER,
    primitive::SHORT_CONVERTER,
];

/// Every header converter, as a row of the worker's table.
pub static HEADER_CONVERTERS: &[HeaderConverterPlugin] = &[
    header::SIMPLE_HEADER,
    json::JSON_HEADER,
    string::STRING_HEADER,
    bytes::BYTE_ARRAY_HEADER,
    primitive::BOOLEAN_HEADER,
    primitive::DOUBLE_HEADER,
    primitive::FLOAT_HEADER,
    primitive::INTEGER_HEADER,
    primitive::LONG_HEADER,
    primitive::SHORT_HEADER,
];
