//! `StringConverter`: any value as its Java text, and text back.

use bytes::Bytes;
use connect_api::{
    Converter, ConverterPlugin, Encoded, Error, HeaderConverter, HeaderConverterPlugin, Props, RawHeader, Result,
    Schema, SchemaAndValue, SchemaBuilder, Str, Value, config, java_text, plugin,
};

use crate::side::{ConverterSide, with_header, with_side};

const CLASS: &str = "org.apache.kafka.connect.storage.StringConverter";

pub(crate) const STRING: ConverterPlugin = ConverterPlugin {
    class: CLASS,
    config: <StringConfig as connect_api::Config>::def,
    configure: |props, side| {
        StringConverter::new(&with_side(props, side)).map(|converter| Box::new(converter) as Box<dyn Converter>)
    },
};

pub(crate) const STRING_HEADER: HeaderConverterPlugin = HeaderConverterPlugin {
    class: CLASS,
    config: <StringConfig as connect_api::Config>::def,
    configure: |props| {
        StringConverter::new(&with_header(props)).map(|converter| Box::new(converter) as Box<dyn HeaderConverter>)
    },
};

config! {
    /// Settings of `StringConverter`.
    pub struct StringConfig {
        #[config(flatten)]
        pub side: ConverterSide,
        /// The character set of the text: UTF-8, UTF-16, UTF-16BE, UTF-16LE, ISO-8859-1 or US-ASCII.
        #[config(key = "converter.encoding", group = "", importance = High, default = "UTF-8", display = "Encoding", width = Medium)]
        pub encoding: String,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    /// Written big-endian with a byte order mark, read as its mark says.
    Utf16,
    Utf16Be,
    Utf16Le,
    Latin1,
    Ascii,
}

/// Writes text; reads optional strings.
pub struct StringConverter {
    encoding: Encoding,
    schema: Schema,
    /// Reused between values that are no strings.
    text: String,
}

impl StringConverter {
    pub fn new(props: &Props) -> Result<Self> {
        let config: StringConfig = plugin::parse(props)?;
        let Some(encoding) = Encoding::of(&config.encoding) else {
            let message = format!("Unsupported encoding {}", config.encoding);
            return Err(Error::config(message).class("org.apache.kafka.common.errors.SerializationException"));
        };
        Ok(Self { encoding, schema: SchemaBuilder::string().optional().build(), text: String::new() })
    }

    fn write(&mut self, data: &SchemaAndValue, out: &mut Vec<u8>) -> Encoded {
        match &data.value {
            Value::Null => return Encoded::Null,
            Value::String(text) => self.encoding.encode(text, out),
            value => {
                self.text.clear();
                java_text::write(value, data.schema.as_ref(), &mut self.text);
                self.encoding.encode(&self.text, out);
            }
        }
        Encoded::Bytes
    }

    fn read(&self, bytes: Option<Bytes>) -> SchemaAndValue {
        let value = bytes.map_or(Value::Null, |bytes| Value::String(self.encoding.decode(bytes)));
        SchemaAndValue::new(self.schema.clone(), value)
    }
}

impl Converter for StringConverter {
    fn serialize(
        &mut self,
        _topic: &str,
        _headers: &mut Vec<RawHeader>,
        data: &SchemaAndValue,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        Ok(self.write(data, out))
    }

    fn deserialize(&mut self, _topic: &str, _headers: &[RawHeader], bytes: Option<Bytes>) -> Result<SchemaAndValue> {
        Ok(self.read(bytes))
    }
}

impl HeaderConverter for StringConverter {
    fn serialize(&mut self, _topic: &str, _key: &str, data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<Encoded> {
        Ok(self.write(data, out))
    }

    fn deserialize(&mut self, _topic: &str, _key: &str, bytes: Option<Bytes>) -> Result<SchemaAndValue> {
        Ok(self.read(bytes))
    }
}

impl Encoding {
    fn of(name: &str) -> Option<Self> {
        let names: &[(&[&str], Encoding)] = &[
            (&["utf-8", "utf8"], Encoding::Utf8),
            (&["utf-16", "utf16"], Encoding::Utf16),
            (&["utf-16be"], Encoding::Utf16Be),
            (&["utf-16le"], Encoding::Utf16Le),
            (&["iso-8859-1", "iso8859_1", "latin1", "iso_8859_1"], Encoding::Latin1),
            (&["us-ascii", "ascii"], Encoding::Ascii),
        ];
        let known = |(names, _): &&(&[&str], Encoding)| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        names.iter().find(known).map(|(_, encoding)| *encoding)
    }

    fn encode(self, text: &str, out: &mut Vec<u8>) {
        let single = |limit: u32| move |c: char| if u32::from(c) < limit { c as u8 } else { b'?' };
        match self {
            Encoding::Utf8 => out.extend_from_slice(text.as_bytes()),
            Encoding::Utf16 => {
                out.extend_from_slice(&[0xfe, 0xff]);
                out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
            }
            Encoding::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Encoding::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Encoding::Latin1 => out.extend(text.chars().map(single(0x100))),
            Encoding::Ascii => out.extend(text.chars().map(single(0x80))),
        }
    }

    fn decode(self, bytes: Bytes) -> Str {
        match self {
            Encoding::Utf8 => {
                Str::from_utf8(bytes.clone()).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into())
            }
            Encoding::Utf16 if bytes.starts_with(&[0xff, 0xfe]) => utf16(&bytes[2..], u16::from_le_bytes),
            Encoding::Utf16 if bytes.starts_with(&[0xfe, 0xff]) => utf16(&bytes[2..], u16::from_be_bytes),
            Encoding::Utf16 | Encoding::Utf16Be => utf16(&bytes, u16::from_be_bytes),
            Encoding::Utf16Le => utf16(&bytes, u16::from_le_bytes),
            Encoding::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
            Encoding::Ascii => {
                let character = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' };
                bytes.iter().map(character).collect::<String>().into()
            }
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Str {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    let mut text = String::from_utf16_lossy(&units);
    if !rest.is_empty() {
        text.push('\u{fffd}');
    }
    text.into()
}
