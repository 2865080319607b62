//! Confluent's `ExtractTopic`: the topic is what a field of the record says.

use connect_api::{
    Config, Error, Fate, Origin, Props, Record, Result, SchemaAndValue, Transform, TransformPlugin, Value, config,
    plugin,
};

use crate::row;

config! {
    /// Settings of Confluent's `ExtractTopic`.
    pub(crate) struct ExtractTopicConfig {
        /// The field with the topic; the whole key or value where it is empty, a header's name for headers.
        #[config(key = "field", group = "", importance = Medium, default = "")]
        field: String,
        /// Whether a record without the field keeps its topic instead of failing.
        #[config(key = "skip.missing.or.null", group = "", importance = Low, default = "false")]
        skip: bool,
    }
}

pub(crate) const KEY: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.ExtractTopic$Key",
    config: ExtractTopicConfig::def,
    configure: |props| Ok(Box::new(ExtractTopic::new(props, Place::Key)?)),
};

pub(crate) const VALUE: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.ExtractTopic$Value",
    config: ExtractTopicConfig::def,
    configure: |props| Ok(Box::new(ExtractTopic::new(props, Place::Value)?)),
};

pub(crate) const HEADER: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.ExtractTopic$Header",
    config: ExtractTopicConfig::def,
    configure: |props| Ok(Box::new(ExtractTopic::new(props, Place::Header)?)),
};

#[derive(Clone, Copy)]
enum Place {
    Key,
    Value,
    Header,
}

struct ExtractTopic {
    place: Place,
    field: String,
    skip: bool,
}

impl ExtractTopic {
    fn new(props: &Props, place: Place) -> Result<Self> {
        let config: ExtractTopicConfig = plugin::parse(props)?;
        Ok(Self { place, field: config.field, skip: config.skip })
    }

    fn found<'a>(&self, record: &'a Record) -> Option<&'a Value> {
        let within = |data: &'a SchemaAndValue| match (&data.value, self.field.as_str()) {
            (value, "") => Some(value),
            (Value::Struct(row), field) => row.get(field),
            (Value::Map(pairs), field) => row::get(pairs, field),
            _ => None,
        };
        match self.place {
            Place::Key => within(&record.key),
            Place::Value => within(&record.value),
            Place::Header => {
                let header = record.headers.iter().rev().find(|header| header.key == self.field.as_str());
                header.map(|header| &header.value.value)
            }
        }
    }
}

impl Transform for ExtractTopic {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let topic = match self.found(record) {
            Some(Value::String(topic)) if !topic.is_empty() => Some(topic.clone()),
            None | Some(Value::Null) => None,
            Some(other) => {
                let class = other.java_class();
                return Err(Error::data(format!("the topic in {:?} is no text but {class}", self.field)));
            }
        };
        match topic {
            Some(topic) => record.topic = topic,
            None if self.skip => {}
            None => return Err(Error::data(format!("no topic is found in {:?}", self.field))),
        }
        Ok(Fate::Kept)
    }
}
