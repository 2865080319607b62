//! A task's converters: record data to the bytes of a topic and back.

use bytes::Bytes;
use connect_api::{
    Converter, Encoded, Error, Header, HeaderConverter, Props, RawHeader, Record, Result, SchemaAndValue, Str,
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
}

/// What a record became; borrowed from the converters until the next one.
pub struct EncodedRecord<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Vec<RawHeader>,
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
    pub headers: Vec<Header>,
}

impl Converters {
    /// A converter that the connector names takes its settings from the connector, else both come from the worker.
    pub fn build(connector: &Props, worker: &Props, plugins: &Plugins) -> Result<Self> {
        Ok(Self {
            key: converter("key.converter", Side::Key, (connector, worker), plugins)?,
            value: converter("value.converter", Side::Value, (connector, worker), plugins)?,
            header: header_converter((connector, worker), plugins)?,
            buffer: Vec::new(),
        })
    }

    /// Headers, key and value, in this order; converters may add headers.
    pub fn encode(&mut self, record: &Record) -> Result<EncodedRecord<'_>, Failure> {
        self.buffer.clear();
        let mut headers = Vec::with_capacity(record.headers.len());
        for header in &record.headers {
            let start = self.buffer.len();
            let (class, converter) = &mut self.header;
            let failed = |error| Failure { stage: Stage::HeaderConverter, class, error };
            let encoded =
                converter.serialize(&record.topic, &header.key, &header.value, &mut self.buffer).map_err(failed)?;
            let value = match encoded {
                Encoded::Null => None,
                Encoded::Bytes => Some(Bytes::copy_from_slice(&self.buffer[start..])),
            };
            self.buffer.truncate(start);
            headers.push(RawHeader { key: header.key.clone(), value });
        }
        let (class, converter) = &mut self.key;
        let failed = |error| Failure { stage: Stage::KeyConverter, class, error };
        let key = converter.serialize(&record.topic, &mut headers, &record.key, &mut self.buffer).map_err(failed)?;
        let middle = self.buffer.len();
        let (class, converter) = &mut self.value;
        let failed = |error| Failure { stage: Stage::ValueConverter, class, error };
        let value =
            converter.serialize(&record.topic, &mut headers, &record.value, &mut self.buffer).map_err(failed)?;
        let slice = |encoded, range| match encoded {
            Encoded::Null => None,
            Encoded::Bytes => Some(range),
        };
        Ok(EncodedRecord {
            key: slice(key, &self.buffer[..middle]),
            value: slice(value, &self.buffer[middle..]),
            headers,
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
