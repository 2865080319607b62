//! `ExtractTimestamp` of jcustenborder's collection: the record's time is what a field says.

use connect_api::{
    Config, Error, Fate, Logical, Origin, Props, Record, Result, Transform, TransformPlugin, Value, config, plugin,
    plugin::Side,
};

use crate::{row, side::half};

config! {
    /// Settings of `ExtractTimestamp`.
    pub(crate) struct ExtractTimestampConfig {
        /// The field with the time: a timestamp, or a number of milliseconds since 1970.
        #[config(key = "field.name", group = "", importance = High)]
        field: String,
    }
}

pub(crate) const KEY: TransformPlugin = TransformPlugin {
    class: "com.github.jcustenborder.kafka.connect.transform.common.ExtractTimestamp$Key",
    config: ExtractTimestampConfig::def,
    configure: |props| Ok(Box::new(ExtractTimestamp::new(props, Side::Key)?)),
};

pub(crate) const VALUE: TransformPlugin = TransformPlugin {
    class: "com.github.jcustenborder.kafka.connect.transform.common.ExtractTimestamp$Value",
    config: ExtractTimestampConfig::def,
    configure: |props| Ok(Box::new(ExtractTimestamp::new(props, Side::Value)?)),
};

struct ExtractTimestamp {
    side: Side,
    field: String,
}

impl ExtractTimestamp {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: ExtractTimestampConfig = plugin::parse(props)?;
        Ok(Self { side, field: config.field })
    }
}

impl Transform for ExtractTimestamp {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let found = match &half(record, self.side).value {
            Value::Struct(row) => row.get(&self.field).cloned(),
            Value::Map(pairs) => row::get(pairs, &self.field).cloned(),
            _ => None,
        };
        let ms = match found {
            Some(Value::Int64(ms)) => Some(ms),
            Some(Value::Logical(object)) => match *object {
                Logical::Date(ms) => Some(ms),
                _ => None,
            },
            _ => None,
        };
        let missing = || Error::data(format!("the field {} holds no time", self.field));
        record.timestamp = Some(ms.ok_or_else(missing)?);
        Ok(Fate::Kept)
    }
}
