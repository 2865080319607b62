//! A task's converters: record data to the bytes of a topic and back.

use bytes::Bytes;
use connect_api::{
    Converter, Encoded, Error, Header, HeaderConverter, Headers, Props, RawHeader, Record, Result, SchemaAndValue, Str,
    plugin::Side,
};

use super::{
    chain::prefixed,
    errors::{Failure, Stage},
};
use crate::plugins::Plugins;

/// Key, value and header converter of one task, and the buffers they write into.
pub struct Converters {
    key: (&'static str, Box<dyn Converter>),
    value: (&'static str, Box<dyn Converter>),
    header: (&'static str, Box<dyn HeaderConverter>),
    buffer: Vec<u8>,
    headers: EncodedHeaders,
}

/// What a record became; borrowed from the converters until the next one.
pub struct EncodedRecord<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [RawHeader],
    /// Stays as it was while the headers do, so that what was made of them can be used again.
    pub headers_revision: u64,
}

/// The headers of the last record as they go to Kafka. Most records of a source carry the very same ones.
#[derive(Default)]
struct EncodedHeaders {
    topic: Str,
    of: Headers,
    raw: Vec<RawHeader>,
    /// How many of `raw` were made of `of`; converters of key and value may add theirs behind them.
    converted: usize,
    revision: u64,
}

impl EncodedHeaders {
    /// Makes `raw` what the record's headers are, without any that a converter added for the record before.
    fn encode(&mut self, record: &Record, converter: &mut dyn HeaderConverter, buffer: &mut Vec<u8>) -> Result<()> {
        if self.of.shares(&record.headers) && self.topic == record.topic {
            if self.raw.len() > self.converted {
                self.raw.truncate(self.converted);
                self.revision += 1;
            }
            return Ok(());
        }
        // Half-made headers must not pass for those of an earlier record.
        self.of = Headers::default();
        self.revision += 1;
        self.converted = 0;
        self.raw.clear();
        for header in &record.headers {
            buffer.clear();
            let value = match converter.serialize(&record.topic, &header.key, &header.value, buffer)? {
                Encoded::Null => None,
                Encoded::Bytes => Some(Bytes::copy_from_slice(buffer)),
            };
            self.raw.push(RawHeader { key: header.key.clone(), value });
        }
        self.converted = self.raw.len();
        self.topic = record.topic.clone();
        self.of = record.headers.clone();
        Ok(())
    }

    /// Notices headers that the converters of key and value have added.
    fn settle(&mut self) {
        if self.raw.len() > self.converted {
            self.revision += 1;
        }
    }
}

/// The bytes of a consumed message.
#[derive(Clone, Debug, Default)]
pub struct RawMessage {
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<RawHeader>,
}

/// Data of a message.
pub struct Decoded {
    pub key: SchemaAndValue,
    pub value: SchemaAndValue,
    pub headers: Headers,
}

impl Converters {
    /// A converter that the connector names takes its settings from the connector, else both come from the worker.
    pub fn build(connector: &Props, worker: &Props, plugins: &Plugins) -> Result<Self> {
        Ok(Self {
            key: converter("key.converter", Side::Key, (connector, worker), plugins)?,
            value: converter("value.converter", Side::Value, (connector, worker), plugins)?,
            header: header_converter((connector, worker), plugins)?,
            buffer: Vec::new(),
            headers: EncodedHeaders::default(),
        })
    }

    /// Headers, key and value, in this order; converters may add headers.
    pub fn encode(&mut self, record: &Record) -> Result<EncodedRecord<'_>, Failure> {
        let (class, converter) = &mut self.header;
        let failed = |error| Failure { stage: Stage::HeaderConverter, class, error };
        self.headers.encode(record, converter.as_mut(), &mut self.buffer).map_err(failed)?;
        self.buffer.clear();
        let headers = &mut self.headers.raw;
        let (class, converter) = &mut self.key;
        let failed = |error| Failure { stage: Stage::KeyConverter, class, error };
        let key = converter.serialize(&record.topic, headers, &record.key, &mut self.buffer).map_err(failed)?;
        let middle = self.buffer.len();
        let (class, converter) = &mut self.value;
        let failed = |error| Failure { stage: Stage::ValueConverter, class, error };
        let value = converter.serialize(&record.topic, headers, &record.value, &mut self.buffer).map_err(failed)?;
        self.headers.settle();
        let slice = |encoded, range| match encoded {
            Encoded::Null => None,
            Encoded::Bytes => Some(range),
        };
        Ok(EncodedRecord {
            key: slice(key, &self.buffer[..middle]),
            value: slice(value, &self.buffer[middle..]),
            headers: &self.headers.raw,
            headers_revision: self.headers.revision,
        })
    }

    /// Key, value and headers of a message, in this order.
    pub fn decode(&mut self, topic: &Str, raw: &RawMessage) -> Result<Decoded, Failure> {
        let (class, converter) = &mut self.key;
        let failed = |error| Failure { stage: Stage::KeyConverter, class, error };
        let key = converter.deserialize(topic, &raw.headers, raw.key.clone()).map_err(failed)?;
        let (class, converter) = &mut self.value;
        let failed = |error| Failure { stage: Stage::ValueConverter, class, error };
        let value = converter.deserialize(topic, &raw.headers, raw.value.clone()).map_err(failed)?;
        let (class, converter) = &mut self.header;
        let headers = raw.headers.iter().map(|header| {
            let value = converter.deserialize(topic, &header.key, header.value.clone());
            let failed = |error| Failure { stage: Stage::HeaderConverter, class, error };
            Ok(Header { key: header.key.clone(), value: value.map_err(failed)? })
        });
        Ok(Decoded { key, value, headers: headers.collect::<Result<_, Failure>>()? })
    }
}

/// The class in force under a setting, and the properties it takes its own settings from.
pub fn in_force<'a>(setting: &str, (connector, worker): (&'a Props, &'a Props)) -> (&'a str, &'a Props) {
    match connector.get(setting) {
        Some(class) => (class, connector),
        None => (worker.get(setting).map(String::as_str).unwrap_or_default(), worker),
    }
}

fn converter(
    setting: &str,
    side: Side,
    props: (&Props, &Props),
    plugins: &Plugins,
) -> Result<(&'static str, Box<dyn Converter>)> {
    let (class, source) = in_force(setting, props);
    let plugin = plugins
        .find_converter(class)
        .ok_or_else(|| Error::config(format!("{setting} names the unknown class {class}")))?;
    Ok((plugin.class, (plugin.configure)(&prefixed(source, &format!("{setting}.")), side)?))
}

const SIMPLE_HEADERS: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";

fn header_converter(props: (&Props, &Props), plugins: &Plugins) -> Result<(&'static str, Box<dyn HeaderConverter>)> {
    let (class, source) = in_force("header.converter", props);
    let class = if class.is_empty() { SIMPLE_HEADERS } else { class };
    let plugin = plugins
        .find_header_converter(class)
        .ok_or_else(|| Error::config(format!("header.converter names the unknown class {class}")))?;
    Ok((plugin.class, (plugin.configure)(&prefixed(source, "header.converter."))?))
}
