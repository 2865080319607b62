//! `FieldNameTransformation` and `CollectionNameTransformation`: names as a database would have them.

use std::collections::HashMap;

use connect_api::{
    Config, Error, Fate, Field, Origin, Props, Record, Result, Str, Transform, TransformPlugin, config, plugin,
};

use super::rows::{FieldChange, RowChanges};

config! {
    /// Settings of `FieldNameTransformation`.
    pub(crate) struct FieldNameConfig {
        /// What the names of fields begin with.
        #[config(key = "column.naming.prefix", group = "", importance = Low, default = "", display = "Column Name Prefix")]
        prefix: String,
        /// What the names of fields end with.
        #[config(key = "column.naming.suffix", group = "", importance = Low, default = "", display = "Column Name Suffix")]
        suffix: String,
        /// How names are written: default, snake_case, camel_case, upper_case or lower_case.
        #[config(key = "column.naming.style", group = "", importance = Low, default = "default", display = "Column Naming Style")]
        style: String,
    }
}

config! {
    /// Settings of `CollectionNameTransformation`.
    pub(crate) struct CollectionNameConfig {
        /// What names of topics begin with.
        #[config(key = "collection.naming.prefix", group = "", importance = Low, default = "")]
        prefix: String,
        /// What names of topics end with.
        #[config(key = "collection.naming.suffix", group = "", importance = Low, default = "")]
        suffix: String,
        /// How names are written: default, snake_case, camel_case, upper_case or lower_case.
        #[config(key = "collection.naming.style", group = "", importance = Low, default = "default")]
        style: String,
    }
}

pub(crate) const FIELDS: TransformPlugin = TransformPlugin {
    class: "io.debezium.connector.jdbc.transforms.FieldNameTransformation",
    config: FieldNameConfig::def,
    configure: |props| {
        let config: FieldNameConfig = plugin::parse(props)?;
        let naming = Naming::new(props, "column", config.style, (config.prefix, config.suffix))?;
        Ok(Box::new(FieldNames { naming, keys: RowChanges::default(), values: RowChanges::default() }))
    },
};

pub(crate) const COLLECTIONS: TransformPlugin = TransformPlugin {
    class: "io.debezium.connector.jdbc.transforms.CollectionNameTransformation",
    config: CollectionNameConfig::def,
    configure: |props| {
        let config: CollectionNameConfig = plugin::parse(props)?;
        let naming = Naming::new(props, "collection", config.style, (config.prefix, config.suffix))?;
        Ok(Box::new(CollectionNames { naming, topics: HashMap::new() }))
    },
};

#[derive(Clone, Copy)]
enum Style {
    AsIs,
    Snake,
    Camel,
    Upper,
    Lower,
}

struct Naming {
    prefix: String,
    suffix: String,
    style: Style,
}

impl Naming {
    /// Prefix and suffix are taken as they are written, blanks and all.
    fn new(props: &Props, what: &str, style: String, (prefix, suffix): (String, String)) -> Result<Self> {
        let style = match style.to_uppercase().as_str() {
            "DEFAULT" => Style::AsIs,
            "SNAKE_CASE" => Style::Snake,
            "CAMEL_CASE" => Style::Camel,
            "UPPER_CASE" => Style::Upper,
            "LOWER_CASE" => Style::Lower,
            _ => {
                let allowed = "SNAKE_CASE, CAMEL_CASE, UPPER_CASE, LOWER_CASE, DEFAULT";
                let message = format!("Invalid naming style: {style}. Allowed styles are: {allowed}");
                return Err(Error::config(message).class("io.debezium.DebeziumException"));
            }
        };
        let given = |part: &str, parsed: String| props.get(&format!("{what}.naming.{part}")).cloned().unwrap_or(parsed);
        Ok(Self { prefix: given("prefix", prefix), suffix: given("suffix", suffix), style })
    }

    fn name(&self, name: &str) -> Str {
        let styled = match self.style {
            Style::AsIs => name.to_owned(),
            Style::Snake => snake_case(name),
            Style::Camel => camel_case(name),
            Style::Upper => name.to_uppercase(),
            Style::Lower => name.to_lowercase(),
        };
        format!("{}{styled}{}", self.prefix, self.suffix).into()
    }
}

/// Words in lower case between underscores; a word ends before a capital, before digits and at any other sign.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut last = ' ';
    for c in name.chars() {
        let separator = !c.is_alphanumeric();
        let starts = (c.is_uppercase() && (last.is_lowercase() || last.is_numeric()))
            || (c.is_numeric() && last.is_alphabetic());
        if (separator || starts) && !out.ends_with('_') && !out.is_empty() {
            out.push('_');
        }
        if !separator {
            out.extend(c.to_lowercase());
        }
        last = c;
    }
    out
}

fn camel_case(name: &str) -> String {
    let snake = snake_case(name);
    let mut words = snake.split('_').filter(|word| !word.is_empty());
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut chars = word.chars();
        out.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        out.push_str(chars.as_str());
    }
    out
}

struct FieldNames {
    naming: Naming,
    keys: RowChanges<()>,
    values: RowChanges<()>,
}

impl Transform for FieldNames {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let naming = &self.naming;
        let change = |field: &Field| {
            let name = naming.name(&field.name);
            let changed = name != field.name;
            changed.then(|| FieldChange { field: Field { name, schema: field.schema.clone() }, convert: None })
        };
        let key = std::mem::take(&mut record.key);
        record.key = self.keys.changed(key, change, |(), value| Ok(value))?;
        self.values.apply(record, change, |(), value| Ok(value))?;
        Ok(Fate::Kept)
    }
}

/// More topics than this are not remembered.
const TOPICS_MAX: usize = 10_000;

struct CollectionNames {
    naming: Naming,
    topics: HashMap<Str, Str>,
}

impl Transform for CollectionNames {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if let Some(topic) = self.topics.get(&record.topic) {
            record.topic = topic.clone();
            return Ok(Fate::Kept);
        }
        let topic = self.naming.name(&record.topic);
        if self.topics.len() >= TOPICS_MAX {
            self.topics.clear();
        }
        self.topics.insert(record.topic.detached(), topic.clone());
        record.topic = topic;
        Ok(Fate::Kept)
    }
}
