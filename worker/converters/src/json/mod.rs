//! `JsonConverter`: JSON with the schema in an envelope, or without one.

mod literal;
mod names;
mod number;
mod parse;
mod plans;
mod read;
mod read_schema;
mod schema_parse;
mod schema_text;
mod text;
mod write;

use bytes::Bytes;
use connect_api::{
    Config, ConfigType, Converter, ConverterPlugin, Encoded, Error, HeaderConverter, HeaderConverterPlugin, Props,
    RawHeader, Result, Schema, SchemaAndValue, Setting, config, config::Problem, plugin,
};

use crate::side::{ConverterSide, with_header, with_side};

use parse::{Parsed, Parser, Token};
use plans::{ReadPlans, WritePlans};
use read_schema::Node;
use write::WriteOptions;

const CLASS: &str = "org.apache.kafka.connect.json.JsonConverter";

pub(crate) const JSON: ConverterPlugin = ConverterPlugin {
    class: CLASS,
    config: JsonConfig::def,
    configure: |props, side| Ok(Box::new(JsonConverter::new(&with_side(props, side))?)),
};

pub(crate) const JSON_HEADER: HeaderConverterPlugin = HeaderConverterPlugin {
    class: CLASS,
    config: JsonConfig::def,
    configure: |props| Ok(Box::new(JsonConverter::new(&with_header(props))?)),
};

config! {
    /// Settings of `JsonConverter`.
    pub struct JsonConfig {
        #[config(flatten)]
        pub side: ConverterSide,
        /// Whether each message carries its schema, as an envelope of the members schema and payload.
        #[config(key = "schemas.enable", group = "Schemas", importance = High, default = "true", display = "Enable Schemas", width = Medium)]
        pub schemas: bool,
        /// How many schemas are remembered, each with its prepared form.
        #[config(key = "schemas.cache.size", group = "Schemas", importance = High, default = "1000", display = "Schema Cache Size", width = Medium)]
        pub cache_size: u32,
        /// The schema of messages that carry none, as JSON. Only read where schemas are enabled.
        #[config(key = "schema.content", group = "Schemas", importance = High, display = "Schema Content", width = Medium)]
        pub content: Option<String>,
        /// How decimals are written: BASE64 for their exact bytes, NUMERIC for a JSON number. Both are read.
        #[config(key = "decimal.format", group = "Serialization", importance = Low, default = "BASE64", display = "Decimal Format", width = Medium)]
        pub decimals: DecimalFormat,
        /// Whether a field that is null is written and read as its default, where it has one.
        #[config(key = "replace.null.with.default", group = "Serialization", importance = Low, default = "true", display = "Replace null with default", width = Medium)]
        pub replace_nulls: bool,
    }
}

/// How decimals are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalFormat {
    Base64,
    Numeric,
}

impl Setting for DecimalFormat {
    const TYPE: ConfigType = ConfigType::String;

    fn parse(text: &str) -> Result<Self, Problem> {
        match text.trim() {
            t if t.eq_ignore_ascii_case("base64") => Ok(Self::Base64),
            t if t.eq_ignore_ascii_case("numeric") => Ok(Self::Numeric),
            _ => Err("String must be one of (case insensitive): NUMERIC, BASE64".to_owned().into()),
        }
    }
}

/// Reads and writes JSON. Plans per schema make both a walk over prepared bytes.
pub struct JsonConverter {
    envelope: bool,
    /// The schema of messages without an envelope, and how it is read.
    content: Option<(Schema, Node)>,
    write: WritePlans,
    read: ReadPlans,
}

impl JsonConverter {
    pub fn new(props: &Props) -> Result<Self> {
        let config: JsonConfig = plugin::parse(props)?;
        let replace_nulls = config.replace_nulls;
        let content = match &config.content {
            Some(text) if config.schemas && !text.is_empty() => {
                schema_parse::from_setting(text, replace_nulls).map_err(|error| *error)?
            }
            _ => None,
        };
        let options = WriteOptions { decimals: config.decimals, replace_nulls };
        Ok(Self {
            envelope: config.schemas,
            content: content.map(|schema| (schema.clone(), Node::new(&schema, replace_nulls))),
            write: WritePlans::new(options, config.schemas, config.cache_size),
            read: ReadPlans::new(replace_nulls, config.cache_size),
        })
    }

    fn write(&mut self, data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<()> {
        let plan = self.write.plan(data.schema.as_ref())?;
        out.extend_from_slice(&plan.prefix);
        plan.node.write(&data.value, out)?;
        if self.envelope {
            out.push(b'}');
        }
        Ok(())
    }

    /// Puts what a message says in the place of nothing.
    fn read(&mut self, bytes: &Bytes, data: &mut SchemaAndValue) -> Parsed<()> {
        if let Some((schema, node)) = &self.content {
            let mut parser = Parser::new(bytes);
            if parser.peek()? != Token::End {
                *data = SchemaAndValue::new(schema.clone(), node.read(&mut parser)?);
            }
            return Ok(());
        }
        if !self.envelope {
            return self.read.read_schemaless(&mut Parser::new(bytes), data);
        }
        // The long way repeats what failed, and judges the whole text before its parts, as the JVM does.
        if let Ok(true) = self.read.in_one_pass(&mut Parser::new(bytes), data) {
            return Ok(());
        }
        *data = SchemaAndValue::NULL;
        let mut parser = Parser::new(bytes);
        let (schema, payload) = spans(&mut parser)?;
        parser.seek(schema.0);
        self.read.plan(&mut parser, schema.1)?;
        parser.seek(payload.0);
        self.read.read(&mut parser, data)
    }
}

impl Converter for JsonConverter {
    fn serialize(
        &mut self,
        _topic: &str,
        _headers: &mut Vec<RawHeader>,
        data: &SchemaAndValue,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        if data.schema.is_none() && data.value.is_null() {
            return Ok(Encoded::Null);
        }
        let start = out.len();
        match self.write(data, out) {
            Ok(()) => Ok(Encoded::Bytes),
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    fn deserialize(&mut self, _topic: &str, _headers: &[RawHeader], bytes: Option<Bytes>) -> Result<SchemaAndValue> {
        let mut data = SchemaAndValue::NULL;
        if let Some(bytes) = bytes {
            self.read(&bytes, &mut data).map_err(|error| *error)?;
        }
        Ok(data)
    }
}

impl HeaderConverter for JsonConverter {
    fn serialize(&mut self, topic: &str, _key: &str, data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<Encoded> {
        Converter::serialize(self, topic, &mut Vec::new(), data, out)
    }

    fn deserialize(&mut self, topic: &str, _key: &str, bytes: Option<Bytes>) -> Result<SchemaAndValue> {
        Converter::deserialize(self, topic, &[], bytes)
    }
}

/// Where a value starts and ends.
type Span = (usize, usize);

/// Finds the two members of an envelope in any order; given twice, the last counts.
fn spans(parser: &mut Parser<'_>) -> Parsed<(Span, Span)> {
    let (mut schema, mut payload) = (None, None);
    if parser.peek()? != Token::Object {
        parser.skip_if_any()?;
        return Err(no_envelope());
    }
    let mut other = false;
    let mut more = !parser.open(b'}')?;
    while more {
        let name = parser.name()?;
        parser.peek()?;
        let start = parser.position();
        parser.skip()?;
        let span = Some((start, parser.position()));
        match &*name {
            b"schema" => schema = span,
            b"payload" => payload = span,
            _ => other = true,
        }
        more = parser.more(b'}')?;
    }
    match (schema, payload) {
        (Some(schema), Some(payload)) if !other => Ok((schema, payload)),
        _ => Err(no_envelope()),
    }
}

fn no_envelope() -> Box<Error> {
    Box::new(Error::data(
        "JsonConverter with schemas.enable requires \"schema\" and \"payload\" fields and may not contain additional \
         fields. If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter \
         configuration.",
    ))
}
