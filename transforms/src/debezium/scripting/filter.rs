//! Debezium's `Filter`: keeps the records for which an expression is true.

use connect_api::{Config, Error, Fate, Origin, Props, Record, Result, Transform, TransformPlugin, config};

use super::{ExpressionText, Look, Script, operand::Operand};

config! {
    /// Settings of Debezium's `Filter`.
    pub(crate) struct FilterConfig {
        /// The topics whose records are looked at; all where it is not given.
        #[config(key = "topic.regex", group = "", importance = Low, display = "Topic regex", width = Long)]
        topics: Option<String>,
        /// The language of the condition: jsr223.groovy, or jsr223.graal.js for JavaScript.
        #[config(key = "language", group = "", importance = High, display = "Expression language", width = Medium)]
        language: Option<String>,
        /// The expression, true for records to keep. It knows key, value, keySchema, valueSchema, topic and header.
        #[config(key = "condition", group = "", importance = High, display = "Filtering condition", width = Medium)]
        condition: Option<ExpressionText>,
        /// What becomes of records without a value: keep, drop, or evaluate the condition.
        #[config(key = "null.handling.mode", group = "", importance = Low, default = "keep", display = "Handle null records", width = Short)]
        nulls: String,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.Filter",
    config: FilterConfig::def,
    configure: |props| Ok(Box::new(Filter::new(props)?)),
};

struct Filter {
    script: Script,
}

impl Filter {
    fn new(props: &Props) -> Result<Self> {
        Ok(Self { script: Script::new(props, "condition")? })
    }
}

impl Transform for Filter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        match self.script.look(record)? {
            Look::Away => return Ok(Fate::Kept),
            Look::Drop => return Ok(Fate::Dropped),
            Look::Evaluate => {}
        }
        let keep = match self.script.evaluate(record)? {
            Operand::Boolean(keep) => keep,
            Operand::Null => {
                return Err(Error::data("the condition is null").class("java.lang.NullPointerException"));
            }
            other => {
                let why = format!("the condition is {}, no boolean", other.kind());
                return Err(self.script.failure(record, &why));
            }
        };
        Ok(Fate::kept_if(keep))
    }
}
