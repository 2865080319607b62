//! What the config topic says, as a pure fold over its records.
//!
//! All workers of a cluster fold the same records in the same order, so equal offsets mean equal states.

use std::collections::{BTreeMap, BTreeSet};

use connect_api::Props;

use super::json;

/// One record of the config topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRecord {
    pub offset: i64,
    pub key: String,
    pub value: Option<Vec<u8>>,
}

/// What users want of a connector (`TargetState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetState {
    #[default]
    Started,
    Paused,
    Stopped,
}

impl TargetState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Started, Self::Paused, Self::Stopped].into_iter().find(|state| state.name() == name)
    }
}

/// A task of a connector, numbered from zero.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    pub connector: String,
    pub task: u32,
}

impl TaskId {
    pub fn new(connector: &str, task: u32) -> Self {
        Self { connector: connector.to_owned(), task }
    }
}

impl std::fmt::Display for TaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.connector, self.task)
    }
}

/// The key by which workers sign what they tell each other.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey {
    pub key: Vec<u8>,
    pub algorithm: String,
    pub created_ms: i64,
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionKey({}, [hidden])", self.algorithm)
    }
}

/// What a record changed, for those who act on changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Connector(String),
    Removed(String),
    Tasks(String),
    Target(String),
    Restart { connector: String, include_tasks: bool, only_failed: bool },
    SessionKey,
    Logger { namespace: String, level: String },
}

#[derive(Clone, Debug, Default, PartialEq)]
struct ConnectorConfig {
    props: Option<Props>,
    target: Option<TargetState>,
    tasks: Vec<Props>,
    /// Task records since the last commit.
    pending: BTreeMap<u32, Props>,
    /// The connector's configuration when its tasks were last committed (KAFKA-9228).
    applied: Option<Props>,
    inconsistent: bool,
}

/// The configurations of a cluster up to an offset. (Invariant 5)
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigState {
    /// Offset of the last record plus one; -1 before any. Workers compare it in the group's metadata.
    pub offset: i64,
    connectors: BTreeMap<String, ConnectorConfig>,
    pub session_key: Option<SessionKey>,
}

impl Default for ConfigState {
    fn default() -> Self {
        Self { offset: -1, connectors: BTreeMap::new(), session_key: None }
    }
}

impl ConfigState {
    pub fn connectors(&self) -> impl Iterator<Item = &str> {
        self.connectors.iter().filter(|(_, c)| c.props.is_some()).map(|(name, _)| name.as_str())
    }

    pub fn contains(&self, name: &str) -> bool {
        self.connector(name).is_some()
    }

    /// A connector's configuration as its user wrote it, variables and all.
    pub fn connector(&self, name: &str) -> Option<&Props> {
        self.connectors.get(name)?.props.as_ref()
    }

    pub fn target(&self, name: &str) -> TargetState {
        self.connectors.get(name).and_then(|c| c.target).unwrap_or_default()
    }

    /// The committed task configurations; none while they are inconsistent.
    pub fn tasks(&self, name: &str) -> &[Props] {
        match self.connectors.get(name) {
            Some(connector) if !connector.inconsistent => &connector.tasks,
            _ => &[],
        }
    }

    pub fn task(&self, id: &TaskId) -> Option<&Props> {
        self.tasks(&id.connector).get(id.task as usize)
    }

    pub fn task_ids(&self) -> BTreeSet<TaskId> {
        let ids = |name: &str| (0..self.tasks(name).len()).map(|at| at as u32).collect::<Vec<u32>>();
        self.connectors().flat_map(|name| ids(name).into_iter().map(|task| TaskId::new(name, task))).collect()
    }

    /// Whether tasks must be written anew: their configurations differ, or the connector's does from the one that was
    /// in force when they were written.
    pub fn tasks_outdated(&self, name: &str, tasks: &[Props]) -> bool {
        let Some(connector) = self.connectors.get(name) else { return false };
        let same = |a: &Props, b: &Props| a.len() == b.len() && a.iter().all(|(key, value)| b.get(key) == Some(value));
        let tasks_differ = self.tasks(name).len() != tasks.len()
            || !self.tasks(name).iter().zip(tasks).all(|(stored, wanted)| same(stored, wanted));
        let applied_differs = match (&connector.applied, &connector.props) {
            (Some(applied), Some(props)) => !same(applied, props),
            (None, _) => true,
            (_, None) => false,
        };
        connector.inconsistent || tasks_differ || applied_differs
    }

    /// Folds one record in and says what it changed. Records that can't be read change nothing, as in the JVM.
    pub fn apply(&mut self, record: &ConfigRecord) -> Option<Change> {
        let tree = match &record.value {
            Some(bytes) => match serde_json::from_slice::<serde_json::Value>(bytes) {
                Ok(tree) => Some(tree),
                Err(error) => {
                    tracing::warn!(key = record.key, offset = record.offset, %error, "config record is no JSON, ignored");
                    return None;
                }
            },
            None => None,
        };
        self.offset = record.offset + 1;
        let tree = tree.as_ref();
        let key = record.key.as_str();
        if let Some(name) = key.strip_prefix("target-state-") {
            self.apply_target(name, tree)
        } else if let Some(name) = key.strip_prefix("connector-") {
            self.apply_connector(name, tree)
        } else if let Some(rest) = key.strip_prefix("task-") {
            self.apply_task(rest, tree)
        } else if let Some(name) = key.strip_prefix("commit-") {
            self.apply_commit(name, tree)
        } else if let Some(name) = key.strip_prefix("restart-connector-") {
            let flag =
                |name: &str| tree.and_then(|t| t.get(name)).and_then(serde_json::Value::as_bool).unwrap_or(false);
            let (include_tasks, only_failed) = (flag("include-tasks"), flag("only-failed"));
            tree.map(|_| Change::Restart { connector: name.to_owned(), include_tasks, only_failed })
        } else if key == "session-key" {
            self.session_key = tree.and_then(session_key_of);
            self.session_key.as_ref().map(|_| Change::SessionKey)
        } else if let Some(namespace) = key.strip_prefix("logger-cluster-") {
            let level = tree?.get("level")?.as_str()?.to_owned();
            Some(Change::Logger { namespace: namespace.to_owned(), level })
        } else {
            None
        }
    }

    fn apply_target(&mut self, name: &str, tree: Option<&serde_json::Value>) -> Option<Change> {
        let entry = self.connectors.entry(name.to_owned()).or_default();
        let before = entry.target;
        entry.target = tree.and_then(|tree| {
            let state = |field: &str| tree.get(field).and_then(|v| v.as_str()).and_then(TargetState::named);
            state("state.v2").or_else(|| state("state"))
        });
        let changed = entry.target != before && entry.props.is_some();
        if entry.target.is_none() && entry.props.is_none() {
            self.connectors.remove(name);
        }
        changed.then(|| Change::Target(name.to_owned()))
    }

    fn apply_connector(&mut self, name: &str, tree: Option<&serde_json::Value>) -> Option<Change> {
        match tree.and_then(|tree| tree.get("properties")).and_then(json::props_of) {
            Some(props) => {
                let entry = self.connectors.entry(name.to_owned()).or_default();
                entry.props = Some(props);
                Some(Change::Connector(name.to_owned()))
            }
            None => self.connectors.remove(name).map(|_| Change::Removed(name.to_owned())),
        }
    }

    fn apply_task(&mut self, rest: &str, tree: Option<&serde_json::Value>) -> Option<Change> {
        let (name, number) = rest.rsplit_once('-')?;
        let number: u32 = number.parse().ok()?;
        let props = tree.and_then(|tree| tree.get("properties")).and_then(json::props_of)?;
        // Task records count only for connectors that exist; stale ones of deleted connectors linger in the topic.
        self.connectors.get_mut(name)?.pending.insert(number, props);
        None
    }

    fn apply_commit(&mut self, name: &str, tree: Option<&serde_json::Value>) -> Option<Change> {
        let count = usize::try_from(tree?.get("tasks")?.as_i64()?).ok()?;
        let entry = self.connectors.get_mut(name)?;
        entry.props.as_ref()?;
        let mut tasks = Vec::with_capacity(count.min(TASKS_MAX));
        for at in 0..count.min(TASKS_MAX) {
            let pending = entry.pending.remove(&(at as u32));
            match pending.or_else(|| entry.tasks.get(at).cloned()) {
                Some(props) => tasks.push(props),
                None => break,
            }
        }
        entry.inconsistent = tasks.len() != count;
        if !entry.inconsistent {
            entry.tasks = tasks;
            entry.pending.clear();
            entry.applied.clone_from(&entry.props);
        }
        Some(Change::Tasks(name.to_owned()))
    }
}

/// No connector has more tasks; a record that says so is broken.
const TASKS_MAX: usize = 1 << 16;

fn session_key_of(tree: &serde_json::Value) -> Option<SessionKey> {
    use base64::Engine;
    Some(SessionKey {
        key: base64::engine::general_purpose::STANDARD.decode(tree.get("key")?.as_str()?).ok()?,
        algorithm: tree.get("algorithm")?.as_str()?.to_owned(),
        created_ms: tree.get("creation-timestamp")?.as_i64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(records: &[(&str, Option<&str>)]) -> (ConfigState, Vec<Option<Change>>) {
        let mut state = ConfigState::default();
        let mut changes = Vec::new();
        for (offset, (key, value)) in records.iter().enumerate() {
            let value = value.map(|text| text.as_bytes().to_vec());
            changes.push(state.apply(&ConfigRecord { offset: offset as i64, key: (*key).into(), value }));
        }
        (state, changes)
    }

    const CONNECTOR: (&str, Option<&str>) = ("connector-c-1", Some(r#"{"properties":{"a":"1"}}"#));
    const TASK: (&str, Option<&str>) = ("task-c-1-0", Some(r#"{"properties":{"t":"0"}}"#));
    const COMMIT: (&str, Option<&str>) = ("commit-c-1", Some(r#"{"tasks":1}"#));

    #[test]
    fn tasks_count_once_they_are_committed() {
        let (state, _) = fold(&[CONNECTOR, TASK]);
        assert_eq!(state.tasks("c-1").len(), 0);
        let (state, changes) = fold(&[CONNECTOR, TASK, COMMIT]);
        assert_eq!(state.tasks("c-1").len(), 1);
        assert_eq!(state.offset, 3);
        assert_eq!(changes[2], Some(Change::Tasks("c-1".into())));
        assert!(!state.tasks_outdated("c-1", state.tasks("c-1")));
    }

    #[test]
    fn a_commit_without_its_tasks_makes_the_connector_inconsistent() {
        let (state, _) = fold(&[CONNECTOR, COMMIT]);
        assert!(state.tasks("c-1").is_empty() && state.tasks_outdated("c-1", &[]));
    }

    #[test]
    fn a_commit_before_its_connector_is_ignored_and_tasks_are_written_anew() {
        let (state, changes) = fold(&[TASK, COMMIT, CONNECTOR]);
        assert_eq!(changes[1], None);
        assert!(state.tasks_outdated("c-1", &[]));
    }

    #[test]
    fn a_tombstone_takes_the_tasks_and_the_target_along() {
        let target = ("target-state-c-1", Some(r#"{"state":"PAUSED","state.v2":"STOPPED"}"#));
        let (state, _) = fold(&[CONNECTOR, TASK, COMMIT, target]);
        assert_eq!(state.target("c-1"), TargetState::Stopped);
        let (state, changes) = fold(&[CONNECTOR, target, ("connector-c-1", None), ("target-state-c-1", None)]);
        assert_eq!(changes[2..], [Some(Change::Removed("c-1".into())), None]);
        assert_eq!((state.contains("c-1"), state.target("c-1")), (false, TargetState::Started));
    }

    #[test]
    fn what_is_no_json_does_not_advance_the_offset() {
        let (state, _) = fold(&[CONNECTOR, ("connector-x", Some("{"))]);
        assert_eq!(state.offset, 1);
    }

    #[test]
    fn an_initial_state_precedes_its_connector() {
        let (state, _) = fold(&[("target-state-c-1", Some(r#"{"state":"PAUSED"}"#)), CONNECTOR]);
        assert_eq!(state.target("c-1"), TargetState::Paused);
    }
}
