//! Confluent's `TombstoneHandler`: what becomes of records without a value.

use connect_api::{
    Config, Error, Fate, Origin, Props, Record, Result, Transform, TransformPlugin, config, plugin, setting_enum,
};

setting_enum! {
    /// What becomes of a tombstone.
    pub(crate) enum Behavior {
        #[default]
        DropSilent = "drop_silent",
        DropWarn = "drop_warn",
        Ignore = "ignore",
        Fail = "fail",
    }
}

config! {
    /// Settings of Confluent's `TombstoneHandler`.
    pub(crate) struct TombstoneHandlerConfig {
        /// What becomes of records without a value: drop_silent, drop_warn, ignore (they pass) or fail.
        #[config(key = "behavior", group = "", importance = High, default = "drop_silent")]
        behavior: Behavior,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.TombstoneHandler",
    config: TombstoneHandlerConfig::def,
    configure: |props| Ok(Box::new(TombstoneHandler::new(props)?)),
};

struct TombstoneHandler {
    behavior: Behavior,
}

impl TombstoneHandler {
    fn new(props: &Props) -> Result<Self> {
        let config: TombstoneHandlerConfig = plugin::parse(props)?;
        Ok(Self { behavior: config.behavior })
    }
}

impl Transform for TombstoneHandler {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if !record.value.value.is_null() {
            return Ok(Fate::Kept);
        }
        match self.behavior {
            Behavior::DropSilent => Ok(Fate::Dropped),
            Behavior::DropWarn => {
                tracing::warn!("dropped a tombstone of topic {}", record.topic);
                Ok(Fate::Dropped)
            }
            Behavior::Ignore => Ok(Fate::Kept),
            Behavior::Fail => Err(Error::data(format!("a tombstone came to topic {}", record.topic))),
        }
    }
}
