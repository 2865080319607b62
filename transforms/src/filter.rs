//! `Filter`: drops every record; a predicate decides which ones reach it.

use connect_api::{Fate, Origin, Record, Result, Transform, TransformPlugin};

use crate::predicates::no_settings;

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "org.apache.kafka.connect.transforms.Filter",
    config: no_settings,
    configure: |_props| Ok(Box::new(Filter)),
};

struct Filter;

impl Transform for Filter {
    fn apply(&mut self, _record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        Ok(Fate::Dropped)
    }
}
