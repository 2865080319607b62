//! `RegexRouter`: another topic for records whose topic matches.

use std::collections::HashMap;

use connect_api::{Config, Fate, Origin, Props, Record, Result, Str, Transform, TransformPlugin, config, plugin};

use crate::java_regex::{JavaRegex, Replacement};

config! {
    /// Settings of `RegexRouter`.
    pub(crate) struct RegexRouterConfig {
        /// The regular expression that the whole topic must match.
        #[config(key = "regex", group = "", importance = High)]
        regex: JavaRegex,
        /// The new topic; $1 and ${name} stand for groups of the match.
        #[config(key = "replacement", group = "", importance = High)]
        replacement: String,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "org.apache.kafka.connect.transforms.RegexRouter",
    config: RegexRouterConfig::def,
    configure: |props| Ok(Box::new(RegexRouter::new(props)?)),
};

/// More topics than this are not remembered; a task seldom has more than a few.
const ROUTES_MAX: usize = 10_000;

struct RegexRouter {
    regex: JavaRegex,
    replacement: Replacement,
    /// Where topics go; the topics of a task come again and again.
    routes: HashMap<Str, Str>,
    /// The route taken last: most records of a task follow one of the same topic.
    last: Option<(Str, Str)>,
}

impl RegexRouter {
    fn new(props: &Props) -> Result<Self> {
        let config: RegexRouterConfig = plugin::parse(props)?;
        Ok(Self {
            regex: config.regex,
            replacement: Replacement::new(&config.replacement),
            routes: HashMap::new(),
            last: None,
        })
    }

    fn route(&mut self, topic: &Str) -> Result<Str> {
        let route = match self.regex.matches(topic)? {
            true => self.regex.replace_first(topic, &self.replacement)?.into(),
            false => topic.clone(),
        };
        if self.routes.len() >= ROUTES_MAX {
            self.routes.clear();
        }
        self.routes.insert(topic.detached(), route.clone());
        Ok(route)
    }
}

impl Transform for RegexRouter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if let Some((topic, route)) = &self.last
            && *topic == record.topic
        {
            record.topic = route.clone();
            return Ok(Fate::Kept);
        }
        let route = match self.routes.get(&record.topic) {
            Some(route) => route.clone(),
            None => self.route(&record.topic)?,
        };
        self.last = Some((record.topic.detached(), route.clone()));
        record.topic = route;
        Ok(Fate::Kept)
    }
}
