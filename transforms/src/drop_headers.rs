//! `DropHeaders`: takes away headers by name.

use connect_api::{Config, Fate, Origin, Record, Result, Transform, TransformPlugin, config, plugin};

use crate::names::SomeNames;

config! {
    /// Settings of `DropHeaders`.
    pub(crate) struct DropHeadersConfig {
        /// The names of the headers to take away.
        #[config(key = "headers", group = "", importance = High)]
        headers: SomeNames,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "org.apache.kafka.connect.transforms.DropHeaders",
    config: DropHeadersConfig::def,
    configure: |props| {
        let config: DropHeadersConfig = plugin::parse(props)?;
        Ok(Box::new(DropHeaders { names: config.headers.0 }))
    },
};

struct DropHeaders {
    names: Vec<String>,
}

impl Transform for DropHeaders {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        record.headers.retain(|header| !self.names.iter().any(|name| header.key == name.as_str()));
        Ok(Fate::Kept)
    }
}
