//! The topics a source task writes to: created by its connector's rules, and noted down.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use connect_api::{Error, Props, Result, Str};
use fancy_regex::Regex;

use super::chain::{names, prefixed};
use crate::{
    kafka::admin::{Admin, Created, TopicSpec},
    storage::{config_state::TaskId, statuses::StatusStore},
};

/// What a connector says about topics that don't exist (`topic.creation.*`).
pub struct TopicRules(Vec<Group>);

struct Group {
    include: Option<Regex>,
    exclude: Option<Regex>,
    partitions: i32,
    replicas: i32,
    settings: Props,
}

impl TopicRules {
    /// `None` when the connector leaves creation to the brokers.
    pub fn of(connector: &Props) -> Result<Option<Self>> {
        if !connector.contains_key("topic.creation.default.replication.factor")
            && !connector.contains_key("topic.creation.default.partitions")
        {
            return Ok(None);
        }
        let default = Group::of(connector, "default", None)?;
        let mut groups = Vec::new();
        for name in names(connector, "topic.creation.groups").filter(|name| name != "default") {
            groups.push(Group::of(connector, &name, Some(&default))?);
        }
        groups.push(default);
        Ok(Some(Self(groups)))
    }

    /// The first group whose patterns the name matches in full; the last one matches all.
    pub fn spec(&self, topic: &str) -> TopicSpec {
        // A pattern that gives up on a name, as one that goes back and forth too often does, is not for it.
        let full = |pattern: &Regex| pattern.is_match(topic).unwrap_or(false);
        let matches =
            |group: &&Group| group.include.as_ref().is_none_or(full) && !group.exclude.as_ref().is_some_and(full);
        let group = self.0.iter().find(matches).unwrap_or_else(|| self.0.last().expect("the default group is there"));
        TopicSpec {
            name: topic.to_owned(),
            partitions: group.partitions,
            replicas: group.replicas,
            settings: group.settings.clone(),
        }
    }
}

impl Group {
    fn of(connector: &Props, name: &str, default: Option<&Group>) -> Result<Self> {
        let mut props = prefixed(connector, &format!("topic.creation.{name}."));
        let mut number = |key: &str, inherited: Option<i32>| match props.shift_remove(key) {
            Some(text) => match text.trim().parse() {
                Ok(number) if number == -1 || number > 0 => Ok(number),
                _ => Err(Error::config(format!(
                    "topic.creation.{name}.{key} must be positive, or -1 for the brokers' default, not {text}"
                ))),
            },
            None => inherited.ok_or_else(|| Error::config(format!("topic.creation.{name}.{key} is missing"))),
        };
        let replicas = number("replication.factor", default.map(|group| group.replicas))?;
        let partitions = number("partitions", default.map(|group| group.partitions))?;
        let mut pattern = |key: &str| match props.shift_remove(key) {
            Some(list) => alternatives(&list)
                .map(Some)
                .map_err(|error| Error::config(format!("topic.creation.{name}.{key} is no list of patterns: {error}"))),
            None => Ok(None),
        };
        let include = pattern("include")?.filter(|_| default.is_some());
        let exclude = pattern("exclude")?.filter(|_| default.is_some());
        if default.is_some() && include.is_none() {
            return Err(Error::config(format!("topic.creation.{name}.include is missing")));
        }
        Ok(Self { include, exclude, partitions, replicas, settings: props })
    }
}

fn alternatives(list: &str) -> std::result::Result<Regex, String> {
    let parts: Vec<&str> = list.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    Regex::new(&format!("^(?:{})$", parts.join("|"))).map_err(|error| error.to_string())
}

/// Sees each topic of a task once, before its first record.
pub struct TopicGate {
    id: TaskId,
    rules: Option<(TopicRules, Admin)>,
    tracking: Option<StatusStore>,
    seen: HashSet<Str>,
    last: Str,
    /// Topics are noted anew after they were forgotten on request.
    forgotten: Arc<AtomicU64>,
    forgotten_seen: u64,
}

impl TopicGate {
    pub fn new(id: TaskId, rules: Option<(TopicRules, Admin)>, tracking: Option<StatusStore>) -> Self {
        let forgotten = tracking.as_ref().map(StatusStore::forgotten).unwrap_or_default();
        let forgotten_seen = forgotten.load(Ordering::Acquire);
        Self { id, rules, tracking, seen: HashSet::new(), last: Str::default(), forgotten, forgotten_seen }
    }

    /// Whether the topic may be written to without further ado.
    pub fn is_open(&mut self, topic: &Str) -> bool {
        let forgotten = self.forgotten.load(Ordering::Relaxed);
        if forgotten != self.forgotten_seen {
            self.forgotten_seen = forgotten;
            self.seen.clear();
            self.last = Str::default();
        }
        if self.last == *topic {
            return true;
        }
        let seen = self.seen.contains(topic);
        if seen {
            self.last = topic.clone();
        }
        seen
    }

    /// Creates the topic where the connector has rules for it, and notes its use.
    pub async fn open(&mut self, topic: &Str) -> Result<()> {
        if let Some((rules, admin)) = &self.rules
            && admin.partitions(topic)?.is_none()
        {
            match admin.create(&rules.spec(topic)).await? {
                Created::Created => tracing::info!(topic = topic.as_str(), "created topic"),
                Created::Existed => {}
                Created::NotAllowed => {
                    tracing::warn!(topic = topic.as_str(), "not allowed to create topic, left to the brokers");
                }
            }
        }
        if let Some(statuses) = &self.tracking {
            statuses.put_topic(&self.id, topic, crate::now_ms());
        }
        // The name may be a slice of a large buffer, which must not live as long as the task.
        self.seen.insert(topic.detached());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties;

    #[test]
    fn the_first_group_that_matches_decides() {
        let rules = TopicRules::of(&properties::parse(
            "topic.creation.default.replication.factor=1\ntopic.creation.default.partitions=2\n\
             topic.creation.groups=big,small\ntopic.creation.big.include=a.*,b\ntopic.creation.big.exclude=ab\n\
             topic.creation.big.partitions=9\ntopic.creation.big.cleanup.policy=compact\n\
             topic.creation.small.include=.*b\ntopic.creation.small.partitions=1\n",
        ))
        .expect("right rules")
        .expect("rules are given");
        let check = |topic: &str, partitions: i32, settings: &str| {
            let expected =
                TopicSpec { name: topic.into(), partitions, replicas: 1, settings: properties::parse(settings) };
            assert_eq!(rules.spec(topic), expected);
        };
        check("aa", 9, "cleanup.policy=compact");
        check("ab", 1, "");
        check("zzz", 2, "");
        assert!(TopicRules::of(&Props::new()).expect("none are given").is_none());
    }

    #[test]
    fn wrong_rules_are_named() {
        let check = |rules: &str, problem: &str| {
            let text = format!("topic.creation.default.replication.factor=-1\n{rules}");
            let error = TopicRules::of(&properties::parse(&text)).err().expect(problem);
            assert!(error.message().starts_with(problem), "{}", error.message());
        };
        check("", "topic.creation.default.partitions is missing");
        check(
            "topic.creation.default.partitions=0\n",
            "topic.creation.default.partitions must be positive, or -1 for the brokers' default, not 0",
        );
        let group = "topic.creation.default.partitions=1\ntopic.creation.groups=a\n";
        check(group, "topic.creation.a.include is missing");
        check(&format!("{group}topic.creation.a.include=(\n"), "topic.creation.a.include is no list of patterns");
        // Users write Java's expressions.
        let group = format!("{group}topic.creation.a.include=(?!x).*\ntopic.creation.a.partitions=7\n");
        let rules =
            TopicRules::of(&properties::parse(&format!("topic.creation.default.replication.factor=-1\n{group}")));
        let rules = rules.expect("right rules").expect("rules are given");
        assert_eq!((rules.spec("ab").partitions, rules.spec("xb").partitions), (7, 1));
    }
}
