//! Records of a JVM worker's internal topics: they are read, and what was read is written again with the same bytes.
//!
//! The records of a topic are one history, so they are judged in order.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use connect_api::{OffsetMap, Props};
use connect_runtime::storage::{
    config_state::{ConfigRecord, ConfigState, TargetState, TaskId},
    configs, json,
    log::{Entry, SharedLog},
    memory::MemoryLog,
    offsets::{OffsetStore, OffsetsReader},
    statuses::{StatusReader, StatusStore, Subject},
};
use connect_testkit::golden::Outcome;
use serde_json::Value as Json;

/// Long enough for a log in memory, whose records are there at once.
const FLUSH_WITHIN: Duration = Duration::from_secs(10);

/// A record as text: what the three topics hold is JSON.
type Text = (String, Option<String>);

pub(crate) fn is(case: &Json) -> bool {
    case.get("timestamp_type").is_some()
}

pub(crate) fn id(case: &Json) -> String {
    format!("{} at {}/{}", case["key"].as_str().unwrap_or_default(), case["partition"], case["offset"])
}

/// Judges the records of one topic.
pub(crate) fn run(cases: &[Json]) -> Vec<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime without I/O");
    runtime.block_on(async {
        let mut worker = Worker::new();
        let mut outcomes = Vec::new();
        for case in cases {
            let record =
                (case["key"].as_str().unwrap_or_default().to_owned(), case["value"].as_str().map(str::to_owned));
            outcomes.push(match worker.written(&record).await {
                Some(written) if written == record => Outcome::Passed,
                Some(written) => Outcome::Failed(format!("expected {record:?}, wrote {written:?}")),
                None => Outcome::Failed(format!("{record:?} was not read")),
            });
        }
        outcomes
    })
}

/// What a worker has read of the topics, and what it would write.
struct Worker {
    configs: ConfigState,
    connectors: HashMap<String, Props>,
    statuses: StatusReader,
    offsets: OffsetsReader,
}

impl Worker {
    fn new() -> Self {
        Self {
            configs: ConfigState::default(),
            connectors: HashMap::new(),
            statuses: StatusReader::default(),
            offsets: OffsetsReader::default(),
        }
    }

    /// Reads a record and writes again what was read.
    async fn written(&mut self, record: &Text) -> Option<Text> {
        let (key, value) = record;
        if key.starts_with("status-") {
            self.status(record).await
        } else if key.starts_with('[') {
            self.offset(record).await
        } else {
            let bytes = value.clone().map(String::into_bytes);
            self.configs.apply(&ConfigRecord { offset: self.configs.offset + 1, key: key.clone(), value: bytes });
            match value {
                Some(value) => text(self.config(key, value)?),
                None => self.is_forgotten(key).then(|| record.clone()),
            }
        }
    }

    fn config(&mut self, key: &str, value: &str) -> Option<configs::Write> {
        let tree: Json = serde_json::from_str(value).ok()?;
        let properties = tree.get("properties").and_then(json::props_of);
        Some(if let Some(name) = key.strip_prefix("target-state-") {
            configs::target_state(name, TargetState::named(tree["state.v2"].as_str()?)?)
        } else if let Some(name) = key.strip_prefix("restart-connector-") {
            configs::restart(name, tree["include-tasks"].as_bool()?, tree["only-failed"].as_bool()?)
        } else if let Some(name) = key.strip_prefix("connector-") {
            self.connectors.insert(name.to_owned(), properties.clone()?);
            configs::connector(name, &properties?)
        } else if let Some(id) = key.strip_prefix("task-") {
            // Computed from the connector's record as the worker computes it, order of keys and all.
            let id = task_id(id)?;
            let connector = self.connectors.get(&id.connector)?;
            let class = format!("org.apache.kafka.connect.file.{}Connector", connector.get("connector.class")?);
            configs::task(&id, &configs::stored_task(connector, connector, &configs::task_class(&class)))
        } else if let Some(name) = key.strip_prefix("commit-") {
            configs::commit(name, tree["tasks"].as_u64()?.try_into().ok()?)
        } else if let Some(name) = key.strip_prefix("logger-cluster-") {
            configs::logger(name, tree["level"].as_str()?)
        } else if key == "session-key" {
            configs::session_key(self.configs.session_key.as_ref()?)
        } else {
            return None;
        })
    }

    /// Whether what a tombstone speaks of is gone; a target state that is gone is the first one.
    fn is_forgotten(&self, key: &str) -> bool {
        if let Some(name) = key.strip_prefix("target-state-") {
            self.configs.target(name) == TargetState::Started
        } else if let Some(name) = key.strip_prefix("connector-") {
            self.configs.connectors().all(|known| known != name)
        } else {
            false
        }
    }

    async fn status(&self, (key, value): &Text) -> Option<Text> {
        self.statuses.take(&entry(key, value.as_deref()));
        let (log, written) = log();
        // A writer that has read nothing yet has nothing newer that would hold a status back.
        let store = StatusStore::new(&StatusReader::default(), log.clone());
        let known = StatusStore::new(&self.statuses, log);
        if let Some(rest) = key.strip_prefix("status-topic-") {
            let (topic, connector) = rest.split_once(":connector-")?;
            let Some(value) = value else {
                let forgotten = known.topics(connector).iter().all(|other| other != topic);
                return forgotten.then(|| (key.clone(), None));
            };
            let tree: Json = serde_json::from_str(value).ok()?;
            let task = tree["topic"]["task"].as_u64()?.try_into().ok()?;
            let found_at = tree["topic"]["discoverTimestamp"].as_i64()?;
            store.put_topic(&TaskId::new(connector, task), topic, found_at);
        } else {
            let subject = match key.strip_prefix("status-connector-") {
                Some(name) => Subject::Connector(name.to_owned()),
                None => Subject::Task(task_id(key.strip_prefix("status-task-")?)?),
            };
            match (known.get(&subject), value) {
                (None, None) => return Some((key.clone(), None)),
                (Some(status), Some(_)) => store.put(&subject, &status),
                _ => return None,
            }
        }
        store.flush(FLUSH_WITHIN).await.ok()?;
        written.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn offset(&self, (key, value): &Text) -> Option<Text> {
        self.offsets.take(&entry(key, value.as_deref()));
        let tree: Json = serde_json::from_str(key).ok()?;
        let (connector, partition) = (tree[0].as_str()?, json::map_of(&tree[1])?);
        let (log, written) = log();
        let known = OffsetStore::new(&self.offsets, log.clone()).list(connector).await.ok()?;
        let offset: Option<&OffsetMap> = known.iter().find(|(place, _)| *place == partition).map(|(_, offset)| offset);
        if offset.is_some() != value.is_some() {
            return None;
        }
        // The key too is written anew, by a store that does not know it.
        OffsetStore::new(&OffsetsReader::default(), log).write(connector, &[(&partition, offset)]).await.ok()?;
        written.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

fn entry(key: &str, value: Option<&str>) -> Entry {
    let bytes = |text: &str| text.as_bytes().to_vec().into();
    Entry { partition: 0, offset: 0, key: Some(bytes(key)), value: value.map(bytes) }
}

fn log() -> (SharedLog, Arc<Mutex<Vec<Text>>>) {
    let written = Arc::new(Mutex::new(Vec::new()));
    let keep = written.clone();
    let log = MemoryLog::new(move |entry: Entry| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let record = (entry.key.as_deref().map(text).unwrap_or_default(), entry.value.as_deref().map(text));
        keep.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    });
    (Arc::new(log), written)
}

fn text((key, value): configs::Write) -> Option<Text> {
    let value = match value {
        Some(bytes) => Some(String::from_utf8(bytes).ok()?),
        None => None,
    };
    Some((key, value))
}

fn task_id(text: &str) -> Option<TaskId> {
    let (connector, task) = text.rsplit_once('-')?;
    Some(TaskId::new(connector, task.parse().ok()?))
}
