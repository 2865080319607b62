//! `SchemaChangeEventFilter`: leaves out events of kinds of schema changes.

use connect_api::{
    Config, Error, Fate, Origin, Props, Record, Result, Struct, Transform, TransformPlugin, Value, config,
};

use super::settings;

config! {
    /// Settings of `SchemaChangeEventFilter`.
    pub(crate) struct SchemaChangeEventFilterConfig {
        /// The kinds of changes to leave out: CREATE, ALTER, DROP, TRUNCATE of tables, DATABASE for all else.
        #[config(key = "schema.change.event.exclude.list", group = "", importance = High, display = "Schema change event exclude list", width = Short)]
        excluded: Option<String>,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.SchemaChangeEventFilter",
    config: SchemaChangeEventFilterConfig::def,
    configure: |props| Ok(Box::new(SchemaChangeEventFilter::new(props)?)),
};

const KINDS: [&str; 5] = ["CREATE", "ALTER", "DROP", "TRUNCATE", "DATABASE"];

struct SchemaChangeEventFilter {
    excluded: Vec<String>,
}

impl SchemaChangeEventFilter {
    fn new(props: &Props) -> Result<Self> {
        let text = settings::required(props, "schema.change.event.exclude.list")?;
        let excluded: Vec<String> = text.split(',').map(|kind| kind.trim().to_owned()).collect();
        if let Some(unknown) = excluded.iter().find(|kind| !KINDS.contains(&kind.as_str())) {
            let message =
                format!("No enum constant io.debezium.schema.SchemaChangeEvent.SchemaChangeEventType.{unknown}");
            return Err(Error::config(message).class("java.lang.IllegalArgumentException"));
        }
        Ok(Self { excluded })
    }

    fn excludes(&self, event: &Struct) -> bool {
        let excluded = |kind: &str| self.excluded.iter().any(|known| known == kind);
        match event.get("tableChanges") {
            Some(Value::Array(changes)) if !changes.is_empty() => changes.iter().all(|change| {
                let kind = change.as_struct().and_then(|change| change.get("type")).and_then(Value::as_str);
                kind.is_some_and(excluded)
            }),
            _ => excluded("DATABASE"),
        }
    }
}

impl Transform for SchemaChangeEventFilter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let name = record.value.schema.as_ref().and_then(|schema| schema.name.as_ref());
        if !name.is_some_and(|name| name.ends_with(".SchemaChangeValue")) {
            return Ok(Fate::Kept);
        }
        // Schema changes are so few that their fields are found by name.
        let excluded = record.value.value.as_struct().is_some_and(|event| self.excludes(event));
        Ok(Fate::kept_if(!excluded))
    }
}
