//! The predicates: what decides whether a transform applies to a record.

use std::{collections::HashMap, sync::OnceLock};

use connect_api::{Config, ConfigDef, Predicate, PredicatePlugin, Props, Record, Result, Str, config, plugin};

use crate::{
    java_regex::{JavaRegex, NonEmptyRegex},
    names::NonEmpty,
};

config! {
    /// Settings of `TopicNameMatches`.
    pub(crate) struct TopicNameMatchesConfig {
        /// The regular expression that the whole topic must match.
        #[config(key = "pattern", group = "", importance = Medium)]
        pattern: NonEmptyRegex,
    }
}

config! {
    /// Settings of `HasHeaderKey`.
    pub(crate) struct HasHeaderKeyConfig {
        /// The name of the header.
        #[config(key = "name", group = "", importance = Medium)]
        name: NonEmpty,
    }
}

pub(crate) const TOPIC_NAME_MATCHES: PredicatePlugin = PredicatePlugin {
    class: "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
    config: TopicNameMatchesConfig::def,
    configure: |props| Ok(Box::new(TopicNameMatches::new(props)?)),
};

pub(crate) const HAS_HEADER_KEY: PredicatePlugin = PredicatePlugin {
    class: "org.apache.kafka.connect.transforms.predicates.HasHeaderKey",
    config: HasHeaderKeyConfig::def,
    configure: |props| {
        let config: HasHeaderKeyConfig = plugin::parse(props)?;
        Ok(Box::new(HasHeaderKey { name: config.name.0 }))
    },
};

pub(crate) const RECORD_IS_TOMBSTONE: PredicatePlugin = PredicatePlugin {
    class: "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
    config: no_settings,
    configure: |_props| Ok(Box::new(RecordIsTombstone)),
};

/// The definition of a plugin that has no settings.
pub(crate) fn no_settings() -> &'static ConfigDef {
    static NONE: OnceLock<ConfigDef> = OnceLock::new();
    NONE.get_or_init(ConfigDef::default)
}

/// More topics than this are not remembered; a task seldom has more than a few.
const TOPICS_MAX: usize = 10_000;

struct TopicNameMatches {
    regex: JavaRegex,
    known: HashMap<Str, bool>,
}

impl TopicNameMatches {
    fn new(props: &Props) -> Result<Self> {
        let config: TopicNameMatchesConfig = plugin::parse(props)?;
        Ok(Self { regex: config.pattern.0, known: HashMap::new() })
    }
}

impl Predicate for TopicNameMatches {
    fn test(&mut self, record: &Record) -> Result<bool> {
        if let Some(known) = self.known.get(&record.topic) {
            return Ok(*known);
        }
        let matches = self.regex.matches(&record.topic)?;
        if self.known.len() >= TOPICS_MAX {
            self.known.clear();
        }
        self.known.insert(record.topic.detached(), matches);
        Ok(matches)
    }
}

struct HasHeaderKey {
    name: String,
}

impl Predicate for HasHeaderKey {
    fn test(&mut self, record: &Record) -> Result<bool> {
        Ok(record.headers.iter().any(|header| header.key == self.name.as_str()))
    }
}

struct RecordIsTombstone;

impl Predicate for RecordIsTombstone {
    fn test(&mut self, record: &Record) -> Result<bool> {
        Ok(record.value.value.is_null())
    }
}
