//! `InsertHeader`: adds a header with a fixed value.

use connect_api::{
    Config, Error, Fate, Header, Origin, Props, Record, Result, Str, Transform, TransformPlugin, config, plugin, values,
};

config! {
    /// Settings of `InsertHeader`.
    pub(crate) struct InsertHeaderConfig {
        /// The name of the header.
        #[config(key = "header", group = "", importance = High)]
        header: String,
        /// The value, read as header text is: 5 is a number, true a boolean, 2020-01-02 a date.
        #[config(key = "value.literal", group = "", importance = High)]
        literal: String,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "org.apache.kafka.connect.transforms.InsertHeader",
    config: InsertHeaderConfig::def,
    configure: |props| Ok(Box::new(InsertHeader::new(props)?)),
};

struct InsertHeader {
    header: Header,
}

impl InsertHeader {
    fn new(props: &Props) -> Result<Self> {
        let config: InsertHeaderConfig = plugin::parse(props)?;
        let literal = Str::from(config.literal);
        let Some(value) = values::parse(&literal) else {
            return Err(Error::config("could not read value.literal: it is nested too deeply"));
        };
        Ok(Self { header: Header { key: config.header.into(), value } })
    }
}

impl Transform for InsertHeader {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        record.headers.push(self.header.clone());
        Ok(Fate::Kept)
    }
}
