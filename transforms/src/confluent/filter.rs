//! Confluent's `Filter`: keeps or drops the records that a JSON path with a condition finds something in.

use connect_api::{
    Config, ConfigType, Error, Fate, Origin, Props, Record, Result, SchemaAndValue, Setting, Transform,
    TransformPlugin, Value, config, config::Problem, plugin, plugin::Side, setting_enum,
};

use crate::{
    debezium::scripting::{Condition, Outcome},
    row,
    side::half,
};

setting_enum! {
    /// What becomes of the records that are found.
    pub(crate) enum FilterType { #[default] Include = "include", Exclude = "exclude" }
}

setting_enum! {
    /// What becomes of records that lack what the condition looks at.
    pub(crate) enum Missing { #[default] Fail = "fail", Include = "include", Exclude = "exclude" }
}

/// `$.path[?(condition)]`, where `@` in the condition stands for what the path leads to.
#[derive(Clone, Debug)]
pub(crate) struct PathCondition {
    path: Vec<String>,
    condition: String,
}

impl Setting for PathCondition {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> std::result::Result<Self, Problem> {
        let unsupported = || Problem::Because("write $[?(condition)] or $.path[?(condition)]".to_owned());
        let text = text.trim();
        let rest = text.strip_prefix('$').ok_or_else(unsupported)?;
        let (path, condition) = rest.split_once("[?(").ok_or_else(unsupported)?;
        let condition = condition.strip_suffix(")]").ok_or_else(unsupported)?;
        let path = path.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        // The condition's columns are those of the whole text.
        let offset = text.len() - ")]".len() - condition.len();
        Condition::parse(condition).map_err(|(column, why)| {
            Problem::Because(format!("at column {}: {why}", column + text[..offset].chars().count()))
        })?;
        Ok(Self { path, condition: condition.to_owned() })
    }
}

config! {
    /// Settings of Confluent's `Filter`.
    pub(crate) struct FilterConfig {
        /// The records that are looked for: a JSON path that ends with a condition, such as $[?(@.op == 'd')].
        #[config(key = "filter.condition", group = "", importance = High)]
        condition: PathCondition,
        /// Whether the records that are found are kept (include) or dropped (exclude).
        #[config(key = "filter.type", group = "", importance = High)]
        filter_type: FilterType,
        /// What becomes of records that lack what the condition looks at: fail, include or exclude them.
        #[config(key = "missing.or.null.behavior", group = "", importance = Medium, default = "fail")]
        missing: Missing,
    }
}

pub(crate) const KEY: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.Filter$Key",
    config: FilterConfig::def,
    configure: |props| Ok(Box::new(Filter::new(props, Side::Key)?)),
};

pub(crate) const VALUE: TransformPlugin = TransformPlugin {
    class: "io.confluent.connect.transforms.Filter$Value",
    config: FilterConfig::def,
    configure: |props| Ok(Box::new(Filter::new(props, Side::Value)?)),
};

struct Filter {
    side: Side,
    path: Vec<String>,
    condition: Condition,
    filter_type: FilterType,
    missing: Missing,
}

impl Filter {
    fn new(props: &Props, side: Side) -> Result<Self> {
        let config: FilterConfig = plugin::parse(props)?;
        let condition = Condition::parse(&config.condition.condition).map_err(|(_, why)| Error::config(why))?;
        let (filter_type, missing) = (config.filter_type, config.missing);
        Ok(Self { side, path: config.condition.path, condition, filter_type, missing })
    }

    fn found<'a>(&self, data: &'a SchemaAndValue) -> Option<&'a Value> {
        let mut value = &data.value;
        for name in &self.path {
            value = match value {
                Value::Struct(row) => row.get(name)?,
                Value::Map(pairs) => row::get(pairs, name)?,
                _ => return None,
            };
        }
        (!value.is_null()).then_some(value)
    }
}

impl Transform for Filter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let data = half(record, self.side);
        let outcome = self.found(data).map_or(Outcome::Missing, |value| self.condition.holds(value));
        let keep = match (outcome, self.missing) {
            (Outcome::True, _) => self.filter_type == FilterType::Include,
            (Outcome::False, _) => self.filter_type == FilterType::Exclude,
            (Outcome::Missing, Missing::Include) => true,
            (Outcome::Missing, Missing::Exclude) => false,
            (Outcome::Missing, Missing::Fail) => {
                return Err(Error::data(format!("a record of topic {} lacks what the filter looks at", record.topic)));
            }
        };
        Ok(Fate::kept_if(keep))
    }
}
