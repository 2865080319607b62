//! `TimestampRouter`: a topic by the record's time.

use connect_api::{Config, Error, Fate, Origin, Props, Record, Result, Transform, TransformPlugin, config, plugin};

use crate::date_format::DateFormat;

config! {
    /// Settings of `TimestampRouter`.
    pub(crate) struct TimestampRouterConfig {
        /// The new topic; ${topic} and ${timestamp} stand for the old topic and the formatted time.
        #[config(key = "topic.format", group = "", importance = High, default = "${topic}-${timestamp}")]
        topic: String,
        /// How the time is written, as a pattern of Java's SimpleDateFormat, in UTC.
        #[config(key = "timestamp.format", group = "", importance = High, default = "yyyyMMdd")]
        timestamp: String,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "org.apache.kafka.connect.transforms.TimestampRouter",
    config: TimestampRouterConfig::def,
    configure: |props| Ok(Box::new(TimestampRouter::new(props)?)),
};

struct TimestampRouter {
    topic: String,
    /// A wrong pattern shows at the first record, as in the JVM.
    timestamp: Result<DateFormat, String>,
}

impl TimestampRouter {
    fn new(props: &Props) -> Result<Self> {
        let config: TimestampRouterConfig = plugin::parse(props)?;
        Ok(Self { topic: config.topic, timestamp: DateFormat::new(&config.timestamp) })
    }
}

impl Transform for TimestampRouter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let Some(ms) = record.timestamp else {
            return Err(Error::data(format!("Timestamp missing on record: topic {}", record.topic)));
        };
        let format = self
            .timestamp
            .as_ref()
            .map_err(|message| Error::data(message.clone()).class("java.lang.IllegalArgumentException"))?;
        let topic = self.topic.replace("${topic}", &record.topic).replace("${timestamp}", &format.write(ms));
        record.topic = topic.into();
        Ok(Fate::Kept)
    }
}
