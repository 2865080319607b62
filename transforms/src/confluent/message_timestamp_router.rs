//! Confluent's `MessageTimestampRouter`: a topic by a time that the record holds.

use connect_api::{
    Config, Error, Fate, Logical, Origin, Props, Record, Result, Transform, TransformPlugin, Value, config, plugin,
};

use crate::{date_format::DateFormat, row, timestamp_converter::now_ms};

config! {
    /// Settings of Confluent's `MessageTimestampRouter`.
    pub(crate) struct MessageTimestampRouterConfig {
        /// The new topic; ${topic} and ${timestamp} stand for the old topic and the formatted time.
        #[config(key = "topic.format", group = "", importance = High, default = "${topic}-${timestamp}")]
        topic: String,
        /// How the time is written, as a pattern of Java's SimpleDateFormat, in UTC.
        #[config(key = "topic.timestamp.format", group = "", importance = High, default = "yyyyMMdd")]
        topic_timestamp: String,
        /// The fields of the value that may hold the time; the first that is there counts.
        #[config(key = "message.timestamp.keys", group = "", importance = High)]
        keys: Vec<String>,
        /// How a time that is a text is written in the record.
        #[config(key = "message.timestamp.format", group = "", importance = High, default = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX")]
        message_timestamp: String,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.MessageTimestampRouter",
    config: MessageTimestampRouterConfig::def,
    configure: |props| Ok(Box::new(MessageTimestampRouter::new(props)?)),
};

struct MessageTimestampRouter {
    topic: String,
    keys: Vec<String>,
    write: DateFormat,
    read: DateFormat,
}

impl MessageTimestampRouter {
    fn new(props: &Props) -> Result<Self> {
        let config: MessageTimestampRouterConfig = plugin::parse(props)?;
        let format = |key: &str, pattern: &str| {
            DateFormat::new(pattern)
                .map_err(|why| Error::config(format!("Invalid value {pattern} for configuration {key}: {why}")))
        };
        Ok(Self {
            topic: config.topic,
            keys: config.keys,
            write: format("topic.timestamp.format", &config.topic_timestamp)?,
            read: format("message.timestamp.format", &config.message_timestamp)?,
        })
    }

    fn moment(&self, value: &Value) -> Result<i64> {
        match value {
            Value::Int64(ms) => Ok(*ms),
            Value::String(text) => self
                .read
                .parse(text, now_ms())
                .ok_or_else(|| Error::data("the time in the record is not written as message.timestamp.format says")),
            Value::Logical(object) if matches!(**object, Logical::Date(_)) => match **object {
                Logical::Date(ms) => Ok(ms),
                _ => Ok(0),
            },
            other => Err(Error::data(format!("the time in the record is no time but {}", other.java_class()))),
        }
    }
}

impl Transform for MessageTimestampRouter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let field = |name: &String| match &record.value.value {
            Value::Struct(row) => row.get(name),
            Value::Map(pairs) => row::get(pairs, name),
            _ => None,
        };
        let found = self.keys.iter().filter_map(field).find(|value| !value.is_null());
        let Some(found) = found else {
            return Err(Error::data(format!("no time is found in a record of topic {}", record.topic)));
        };
        let text = self.write.write(self.moment(found)?);
        record.topic = self.topic.replace("${topic}", &record.topic).replace("${timestamp}", &text).into();
        Ok(Fate::Kept)
    }
}
