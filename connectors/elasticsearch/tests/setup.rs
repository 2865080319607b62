//! What every test needs: a task on a server, records, and a place for bad records.

use std::sync::{Arc, Mutex};

use connect_api::{
    Config, ErrantReporter, Error, Headers, Offsets, Props, Record, Result, SchemaAndValue, SinkConnector, SinkContext,
    SinkRecord, SinkTask, TimestampType, TopicPartition, Value,
};
use connect_elasticsearch::{ElasticsearchSink, ElasticsearchSinkTask, config::ElasticsearchConfig};

pub(crate) const TOPIC: &str = "orders";

/// Collects what is reported instead of written.
#[derive(Default)]
pub(crate) struct Errants(pub Mutex<Vec<(i64, String)>>);

impl ErrantReporter for Errants {
    fn report(&self, record: &SinkRecord, error: Error) -> Result<()> {
        self.0.lock().expect("reports").push((record.offset, error.to_string()));
        Ok(())
    }
}

pub(crate) fn props(url: &str, settings: &[(&str, &str)]) -> Props {
    let base = [("connection.url", url), ("schema.ignore", "true"), ("retry.backoff.ms", "1"), ("topics", TOPIC)];
    let all = base.iter().chain(settings);
    all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) async fn start(url: &str, settings: &[(&str, &str)]) -> ElasticsearchSinkTask {
    start_with(url, settings, None).await
}

pub(crate) async fn start_with(
    url: &str,
    settings: &[(&str, &str)],
    errant: Option<Arc<dyn ErrantReporter>>,
) -> ElasticsearchSinkTask {
    let config = ElasticsearchConfig::parse(&props(url, settings)).expect("the settings are right");
    let wrong = ElasticsearchSink::rules(&config);
    assert!(wrong.is_empty(), "{wrong:?}");
    let context = SinkContext { connector: "test".into(), task: 0, errant };
    ElasticsearchSink::start(config, context).await.expect("the task starts")
}

/// A record with a text key and a schemaless value written as JSON; `null` is a tombstone.
pub(crate) fn record(offset: i64, key: Option<&str>, json: &str) -> SinkRecord {
    let value = value(&serde_json::from_str(json).expect("JSON in a test"));
    let key = key.map_or(SchemaAndValue::NULL, |key| SchemaAndValue::schemaless(key.into()));
    sink_record(offset, key, SchemaAndValue::schemaless(value))
}

pub(crate) fn sink_record(offset: i64, key: SchemaAndValue, value: SchemaAndValue) -> SinkRecord {
    SinkRecord {
        record: Record {
            topic: TOPIC.into(),
            partition: Some(0),
            key,
            value,
            timestamp: Some(1_700_000_000_123),
            headers: Headers::default(),
        },
        origin: origin(),
        offset,
        timestamp_type: TimestampType::CreateTime,
    }
}

pub(crate) fn origin() -> TopicPartition {
    TopicPartition { topic: TOPIC.into(), partition: 0 }
}

fn value(json: &serde_json::Value) -> Value {
    use serde_json::Value as J;
    match json {
        J::Null => Value::Null,
        J::Bool(b) => Value::Boolean(*b),
        J::Number(n) => n.as_i64().map_or_else(|| Value::Float64(n.as_f64().expect("a number")), Value::Int64),
        J::String(text) => text.as_str().into(),
        J::Array(items) => Value::Array(items.iter().map(value).collect()),
        J::Object(members) => Value::Map(members.iter().map(|(key, v)| (key.as_str().into(), value(v))).collect()),
    }
}

/// The offset that is safe to commit when the worker has read up to `current`.
pub(crate) async fn safe(task: &mut ElasticsearchSinkTask, current: i64) -> Option<i64> {
    let offsets = Offsets::from([(origin(), current)]);
    task.pre_commit(offsets).await.expect("offsets").get(&origin()).copied()
}

/// Waits until everything that was put is finished, one way or the other.
pub(crate) async fn drain(task: &mut ElasticsearchSinkTask) {
    task.close(&[]).await.expect("closing nothing");
}

/// The failure that ended the task.
pub(crate) async fn failure(task: &mut ElasticsearchSinkTask) -> String {
    drain(task).await;
    task.put(&[]).await.expect_err("the task has failed").to_string()
}
