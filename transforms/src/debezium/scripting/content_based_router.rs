//! `ContentBasedRouter`: an expression names the topic.

use connect_api::{Config, Fate, Origin, Props, Record, Result, Str, Transform, TransformPlugin, config};

use super::{ExpressionText, Look, Script, operand::Operand};

config! {
    /// Settings of `ContentBasedRouter`.
    pub(crate) struct ContentBasedRouterConfig {
        /// The topics whose records are looked at; all where it is not given.
        #[config(key = "topic.regex", group = "", importance = Low, display = "Topic regex", width = Long)]
        topics: Option<String>,
        /// The language of the expression: jsr223.groovy, or jsr223.graal.js for JavaScript.
        #[config(key = "language", group = "", importance = High, display = "Expression language", width = Medium)]
        language: Option<String>,
        /// The expression, whose text is the topic; null keeps the topic. It knows key, value, keySchema, valueSchema,
        /// topic and header.
        #[config(key = "topic.expression", group = "", importance = High, display = "Topic name expression", width = Medium)]
        expression: Option<ExpressionText>,
        /// What becomes of records without a value: keep, drop, or evaluate the expression.
        #[config(key = "null.handling.mode", group = "", importance = Low, default = "keep", display = "Handle null records", width = Short)]
        nulls: String,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.ContentBasedRouter",
    config: ContentBasedRouterConfig::def,
    configure: |props| Ok(Box::new(ContentBasedRouter::new(props)?)),
};

struct ContentBasedRouter {
    script: Script,
}

impl ContentBasedRouter {
    fn new(props: &Props) -> Result<Self> {
        Ok(Self { script: Script::new(props, "topic.expression")? })
    }
}

impl Transform for ContentBasedRouter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        match self.script.look(record)? {
            Look::Away => return Ok(Fate::Kept),
            Look::Drop => return Ok(Fate::Dropped),
            Look::Evaluate => {}
        }
        let topic: Option<Str> = match self.script.evaluate(record)? {
            Operand::Null => None,
            Operand::Text(topic) => Some(topic.as_ref().into()),
            other => {
                let why = format!("the topic is {}, no text", other.kind());
                return Err(self.script.failure(record, &why));
            }
        };
        if let Some(topic) = topic {
            record.topic = topic;
        }
        Ok(Fate::Kept)
    }
}
