//! Confluent's `NullFilter`: drops records without a value.

use connect_api::{ConfigDef, Fate, Origin, Record, Result, Transform, TransformPlugin};

static NO_SETTINGS: std::sync::LazyLock<ConfigDef> = std::sync::LazyLock::new(ConfigDef::default);

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.confluent.transforms.NullFilter",
    config: || &NO_SETTINGS,
    configure: |_| Ok(Box::new(NullFilter)),
};

struct NullFilter;

impl Transform for NullFilter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        Ok(Fate::kept_if(!record.value.value.is_null()))
    }
}
