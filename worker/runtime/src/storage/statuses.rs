//! The status topic: how connectors and tasks fare, and which topics connectors use.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use connect_api::Result;
use tokio::sync::mpsc;

use super::{
    config_state::TaskId,
    json,
    log::{Entry, SharedLog},
};
use crate::task::steps::Stuck;

/// States of connectors and tasks (`AbstractStatus.State`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Unassigned,
    Running,
    Paused,
    Failed,
    Restarting,
    Stopped,
    Destroyed,
}

impl State {
    pub const ALL: [State; 7] = [
        State::Unassigned,
        State::Running,
        State::Paused,
        State::Failed,
        State::Restarting,
        State::Stopped,
        State::Destroyed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            State::Unassigned => "UNASSIGNED",
            State::Running => "RUNNING",
            State::Paused => "PAUSED",
            State::Failed => "FAILED",
            State::Restarting => "RESTARTING",
            State::Stopped => "STOPPED",
            State::Destroyed => "DESTROYED",
        }
    }

    /// Written only when it overwrites no newer worker's word: a zombie's goodbye must not hide who runs now.
    fn is_safe_only(self) -> bool {
        matches!(self, State::Unassigned | State::Failed)
    }
}

/// What is reported on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Connector(String),
    Task(TaskId),
}

impl Subject {
    fn key(&self) -> String {
        match self {
            Subject::Connector(name) => format!("status-connector-{name}"),
            Subject::Task(id) => format!("status-task-{id}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub state: State,
    pub trace: Option<String>,
    pub worker_id: String,
    pub generation: i32,
    pub version: Option<String>,
    /// Ours: a task that runs but does not get on. The JVM's workers overlook the member that is written for it.
    pub stuck: Option<Stuck>,
}

impl Status {
    fn to_json(&self) -> String {
        let mut out = format!("{{\"state\":\"{}\",\"trace\":", self.state.name());
        let text = |text: Option<&str>, out: &mut String| match text {
            Some(text) => json::write_text(text, out),
            None => out.push_str("null"),
        };
        text(self.trace.as_deref(), &mut out);
        out.push_str(",\"worker_id\":");
        json::write_text(&self.worker_id, &mut out);
        out.push_str(&format!(",\"generation\":{},\"version\":", self.generation));
        text(self.version.as_deref(), &mut out);
        if let Some(Stuck { since, stage, detail }) = &self.stuck {
            for (name, value) in [(",\"stuck\":{\"since\":", since), (",\"stage\":", stage), (",\"detail\":", detail)] {
                out.push_str(name);
                text(Some(value), &mut out);
            }
            out.push('}');
        }
        out.push('}');
        out
    }

    fn of_json(bytes: &[u8]) -> Option<Self> {
        let tree: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        let text = |name: &str| tree.get(name).and_then(|v| v.as_str()).map(str::to_owned);
        let stuck = |name: &str| tree.get("stuck")?.get(name)?.as_str().map(str::to_owned);
        let state = text("state")?;
        Some(Self {
            state: State::ALL.into_iter().find(|known| known.name() == state)?,
            trace: text("trace"),
            worker_id: text("worker_id")?,
            generation: i32::try_from(tree.get("generation")?.as_i64()?).ok()?,
            version: text("version"),
            stuck: stuck("since").zip(stuck("stage")).zip(stuck("detail")).map(|((since, stage), detail)| Stuck {
                since,
                stage,
                detail,
            }),
        })
    }
}

/// What the topic said last, by subject.
#[derive(Default)]
struct Cache {
    statuses: BTreeMap<Subject, Status>,
    /// Topics by connector.
    topics: BTreeMap<String, BTreeSet<String>>,
    /// How many of this worker's own writes about a subject are still to be read back. They count from when they are
    /// made, so that whoever asked for a change sees it; what is read back of them is no news.
    own: BTreeMap<Subject, u32>,
    /// Grows whenever a topic is forgotten, so that tasks note it anew when they use it again.
    forgotten: Arc<AtomicU64>,
}

/// The statuses of the cluster as this worker has read them, and the way to add to them.
#[derive(Clone)]
pub struct StatusStore {
    cache: Arc<RwLock<Cache>>,
    writes: mpsc::Sender<(String, Option<Vec<u8>>)>,
    /// Statuses put but not yet in Kafka.
    pending: Arc<AtomicUsize>,
    pub log: SharedLog,
}

/// Statuses that wait for Kafka; beyond this many the oldest tasks of a worker would be long forgotten.
const WRITES_MAX: usize = 100_000;
const RETRY: Duration = Duration::from_secs(1);

/// Takes in what the log reads. Given to its log before the store exists.
#[derive(Clone, Default)]
pub struct StatusReader(Arc<RwLock<Cache>>);

impl StatusReader {
    pub fn take(&self, entry: &Entry) {
        let Some(key) = entry.key.as_deref().and_then(|key| std::str::from_utf8(key).ok()) else { return };
        let mut cache = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(rest) = key.strip_prefix("status-topic-") {
            let Some((topic, connector)) = rest.split_once(":connector-") else { return };
            let topics = cache.topics.entry(connector.to_owned()).or_default();
            match entry.value {
                Some(_) => drop(topics.insert(topic.to_owned())),
                None => {
                    topics.remove(topic);
                    cache.forgotten.fetch_add(1, Ordering::AcqRel);
                }
            }
        } else if let Some(subject) = subject_of(key) {
            if cache.is_own(&subject) {
                return;
            }
            match entry.value.as_deref().map(Status::of_json) {
                None => drop(cache.statuses.remove(&subject)),
                Some(None) => tracing::warn!(key, "status record can't be read, ignored"),
                Some(Some(status)) => cache.take(subject, status),
            }
        }
    }
}

impl Cache {
    /// Whether a record that was read is one this worker has counted when it wrote it.
    fn is_own(&mut self, subject: &Subject) -> bool {
        let Some(count) = self.own.get_mut(subject) else { return false };
        *count -= 1;
        if *count == 0 {
            self.own.remove(subject);
        }
        true
    }

    fn take(&mut self, subject: Subject, status: Status) {
        let older_goodbye = status.state == State::Unassigned
            && self.statuses.get(&subject).is_some_and(|known| {
                known.state == State::Running
                    && known.generation >= status.generation
                    && known.worker_id != status.worker_id
            });
        if !older_goodbye {
            self.statuses.insert(subject, status);
        }
    }
}

fn subject_of(key: &str) -> Option<Subject> {
    if let Some(name) = key.strip_prefix("status-connector-") {
        return Some(Subject::Connector(name.to_owned()));
    }
    let (connector, task) = key.strip_prefix("status-task-")?.rsplit_once('-')?;
    Some(Subject::Task(TaskId::new(connector, task.parse().ok()?)))
}

impl StatusStore {
    pub fn new(reader: &StatusReader, log: SharedLog) -> Self {
        let (writes, inbox) = mpsc::channel(WRITES_MAX);
        let pending = Arc::new(AtomicUsize::new(0));
        tokio::spawn(write_all(log.clone(), inbox, pending.clone()));
        Self { cache: reader.0.clone(), writes, pending, log }
    }

    /// Reports a status. It is written behind the caller's back, in order, again and again until Kafka has it.
    pub fn put(&self, subject: &Subject, status: &Status) {
        if status.state == State::Destroyed {
            return self.remove(subject);
        }
        let newer = self.read(|cache| {
            cache
                .statuses
                .get(subject)
                .is_some_and(|known| known.worker_id != status.worker_id && known.generation > status.generation)
        });
        if !(status.state.is_safe_only() && newer) {
            self.count(subject, Some(status.clone()));
            self.write(subject.key(), Some(status.to_json().into_bytes()));
        }
    }

    /// Shows what has a status as restarting, without a word to the topic.
    pub fn show_restarting(&self, subject: &Subject) {
        let mut cache = self.cache.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(status) = cache.statuses.get_mut(subject) {
            (status.state, status.version, status.trace) = (State::Restarting, None, None);
        }
    }

    pub fn remove(&self, subject: &Subject) {
        self.count(subject, None);
        self.write(subject.key(), None);
    }

    fn count(&self, subject: &Subject, status: Option<Status>) {
        let mut cache = self.cache.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *cache.own.entry(subject.clone()).or_default() += 1;
        match status {
            Some(status) => drop(cache.statuses.insert(subject.clone(), status)),
            None => drop(cache.statuses.remove(subject)),
        }
    }

    /// A number that grows whenever a connector's topics are forgotten.
    pub fn forgotten(&self) -> Arc<AtomicU64> {
        self.read(|cache| cache.forgotten.clone())
    }

    /// Notes that a connector's task used a topic.
    pub fn put_topic(&self, id: &TaskId, topic: &str, now_ms: i64) {
        let mut out = String::from("{\"topic\":{\"name\":");
        json::write_text(topic, &mut out);
        out.push_str(",\"connector\":");
        json::write_text(&id.connector, &mut out);
        out.push_str(&format!(",\"task\":{},\"discoverTimestamp\":{now_ms}}}}}", id.task));
        self.write(topic_key(&id.connector, topic), Some(out.into_bytes()));
    }

    pub fn remove_topics(&self, connector: &str) {
        for topic in self.topics(connector) {
            self.write(topic_key(connector, &topic), None);
        }
    }

    pub fn topics(&self, connector: &str) -> Vec<String> {
        self.read(|cache| cache.topics.get(connector).map(|t| t.iter().cloned().collect()).unwrap_or_default())
    }

    pub fn get(&self, subject: &Subject) -> Option<Status> {
        self.read(|cache| cache.statuses.get(subject).cloned())
    }

    /// The tasks of a connector that have a status, in order.
    pub fn tasks(&self, connector: &str) -> Vec<(u32, Status)> {
        self.read(|cache| {
            let mine = |(subject, status): (&Subject, &Status)| match subject {
                Subject::Task(id) if id.connector == connector => Some((id.task, status.clone())),
                _ => None,
            };
            cache.statuses.iter().filter_map(mine).collect()
        })
    }

    pub fn subjects(&self) -> Vec<Subject> {
        self.read(|cache| cache.statuses.keys().cloned().collect())
    }

    /// Waits until all that was put is in Kafka and read back, as far as `within` allows.
    pub async fn flush(&self, within: Duration) -> Result<()> {
        let drained = async {
            while self.pending.load(Ordering::Acquire) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            self.log.read_to_end().await
        };
        tokio::time::timeout(within, drained).await.unwrap_or(Ok(()))
    }

    fn read<T>(&self, look: impl FnOnce(&Cache) -> T) -> T {
        look(&self.cache.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn write(&self, key: String, value: Option<Vec<u8>>) {
        self.pending.fetch_add(1, Ordering::AcqRel);
        if self.writes.try_send((key, value)).is_err() {
            self.pending.fetch_sub(1, Ordering::AcqRel);
            tracing::error!("too many statuses wait for Kafka, one is dropped");
        }
    }
}

fn topic_key(connector: &str, topic: &str) -> String {
    format!("status-topic-{topic}:connector-{connector}")
}

async fn write_all(log: SharedLog, mut inbox: mpsc::Receiver<(String, Option<Vec<u8>>)>, pending: Arc<AtomicUsize>) {
    while let Some(record) = inbox.recv().await {
        while let Err(error) = log.append(vec![record.clone()]).await {
            tracing::warn!(%error, key = record.0, "could not write a status, trying again");
            tokio::time::sleep(RETRY).await;
        }
        pending.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn status(state: State, worker: &str, generation: i32) -> Status {
        Status { state, trace: None, worker_id: worker.into(), generation, version: Some("4.3.1".into()), stuck: None }
    }

    fn entry(key: &str, value: Option<String>) -> Entry {
        let key = Some(Bytes::copy_from_slice(key.as_bytes()));
        Entry { partition: 0, offset: 0, key, value: value.map(Bytes::from) }
    }

    #[test]
    fn a_status_has_the_bytes_of_the_jvm() {
        let written = status(State::Running, "127.0.0.1:18110", 2).to_json();
        assert_eq!(
            written,
            r#"{"state":"RUNNING","trace":null,"worker_id":"127.0.0.1:18110","generation":2,"version":"4.3.1"}"#
        );
        assert_eq!(Status::of_json(written.as_bytes()), Some(status(State::Running, "127.0.0.1:18110", 2)));
    }

    #[test]
    fn a_status_may_say_that_its_task_is_stuck() {
        let stuck = Stuck { since: "1970-01-01T00:00:00Z".into(), stage: "put".into(), detail: "no \"room\"".into() };
        let status = Status { stuck: Some(stuck), ..status(State::Running, "w:1", 2) };
        let written = status.to_json();
        assert_eq!(
            written,
            r#"{"state":"RUNNING","trace":null,"worker_id":"w:1","generation":2,"version":"4.3.1","stuck":{"since":"1970-01-01T00:00:00Z","stage":"put","detail":"no \"room\""}}"#
        );
        assert_eq!(Status::of_json(written.as_bytes()), Some(status));
    }

    #[test]
    fn a_late_goodbye_does_not_hide_who_runs_now() {
        let reader = StatusReader::default();
        reader.take(&entry("status-task-a-b-0", Some(status(State::Running, "new:1", 5).to_json())));
        reader.take(&entry("status-task-a-b-0", Some(status(State::Unassigned, "old:1", 4).to_json())));
        let cache = reader.0.read().unwrap();
        assert_eq!(cache.statuses[&Subject::Task(TaskId::new("a-b", 0))], status(State::Running, "new:1", 5));
    }

    #[test]
    fn topics_come_and_go() {
        let reader = StatusReader::default();
        reader.take(&entry("status-topic-t:connector-c", Some("{}".into())));
        assert_eq!(reader.0.read().unwrap().topics["c"].len(), 1);
        reader.take(&entry("status-topic-t:connector-c", None));
        assert!(reader.0.read().unwrap().topics["c"].is_empty());
    }
}
