//! Bad records, repeated records, and partitions that come and go.

use std::sync::Arc;

use connect_api::{ErrorKind, SchemaAndValue, SinkTask, Value};
use serde_json::json;

use crate::{
    server::Server,
    setup::{Errants, TOPIC, drain, origin, record, safe, sink_record, start, start_with},
};

#[tokio::test]
async fn a_record_without_value_fails_the_task_unless_told_otherwise() {
    let server = Server::start().await;
    let mut task = start(&server.url, &[]).await;
    let error = task.put(&[record(0, Some("a"), "null")]).await.expect_err("no value");
    assert_eq!(error.kind(), ErrorKind::Data);
    assert_eq!(
        error.to_string(),
        "could not make a document of the record at orders-0 offset 0: the record has no value; \
         set 'behavior.on.null.values' to ignore or delete"
    );
}

#[tokio::test]
async fn ignored_nulls_are_reported_and_done() {
    let server = Server::start().await;
    let errants = Arc::new(Errants::default());
    let mut task = start_with(&server.url, &[("behavior.on.null.values", "IGNORE")], Some(errants.clone())).await;
    task.put(&[record(0, Some("a"), "null"), record(1, Some("b"), r#"{"v":1}"#)]).await.expect("put");
    drain(&mut task).await;
    assert_eq!(*errants.0.lock().expect("reports"), [(0, "Cannot write null valued record.".to_owned())]);
    assert_eq!(safe(&mut task, 2).await, Some(2));
    assert_eq!(json!(server.sources(TOPIC)), json!({"b": {"v": 1}}));
}

#[tokio::test]
async fn bad_records_are_dropped_when_told_so() {
    let server = Server::start().await;
    let errants = Arc::new(Errants::default());
    let mut task = start_with(&server.url, &[("drop.invalid.message", "true")], Some(errants.clone())).await;
    let object = SchemaAndValue::schemaless(Value::Map(Vec::new()));
    let records = [
        sink_record(0, SchemaAndValue::NULL, object.clone()),
        sink_record(1, SchemaAndValue::schemaless(Value::Boolean(true)), object.clone()),
        sink_record(2, SchemaAndValue::schemaless("".into()), object.clone()),
        sink_record(3, SchemaAndValue::schemaless("k".repeat(513).into()), object),
        record(4, Some("good"), r#"{"v":1}"#),
    ];
    task.put(&records).await.expect("put");
    drain(&mut task).await;
    let reports = errants.0.lock().expect("reports").clone();
    let expected = [
        (0, "the record has no key to be its document's id; set 'key.ignore' to use topic, partition and offset"),
        (1, "BOOLEAN is not supported as the document id."),
        (2, "the record's key is empty and can't be its document's id"),
        (3, "the record's key is longer than 512 bytes and can't be its document's id"),
    ];
    assert_eq!(reports, expected.map(|(offset, text)| (offset, text.to_owned())));
    assert_eq!(json!(server.sources(TOPIC)), json!({"good": {"v": 1}}));
    assert_eq!(safe(&mut task, 5).await, Some(5));
}

#[tokio::test]
async fn schemas_that_are_needed_and_missing_fail_the_task() {
    let server = Server::start().await;
    let mut task = start(&server.url, &[("schema.ignore", "false"), ("behavior.on.null.values", "delete")]).await;
    task.put(&[record(0, Some("a"), "null")]).await.expect("a tombstone says nothing of fields");
    let error = task.put(&[record(1, Some("a"), "{}")]).await.expect_err("no schema");
    assert_eq!(error.to_string(), "Cannot infer mapping without schema.");
}

#[tokio::test]
async fn a_batch_that_is_put_again_is_written_once() {
    let server = Server::start().await;
    let mut task = start(&server.url, &[("linger.ms", "60000"), ("key.ignore", "true")]).await;
    let records = [record(0, None, r#"{"v":0}"#), record(1, None, r#"{"v":1}"#)];
    task.put(&records).await.expect("put");
    task.put(&records).await.expect("again");
    drain(&mut task).await;
    assert_eq!(server.state().bulks, [["orders+0+0", "orders+0+1"]]);
    assert_eq!(safe(&mut task, 2).await, Some(2));
}

#[tokio::test]
async fn a_partition_that_comes_back_starts_anew() {
    let server = Server::start().await;
    let mut task = start(&server.url, &[]).await;
    task.open(&[origin()]).await.expect("open");
    task.put(&[record(7, Some("a"), r#"{"v":1}"#)]).await.expect("put");
    task.close(&[origin()]).await.expect("close");
    assert_eq!(json!(server.sources(TOPIC)), json!({"a": {"v": 1}}));
    task.open(&[origin()]).await.expect("open");
    // From before: the new owner's commits are what counts.
    task.put(&[record(6, Some("b"), r#"{"v":2}"#), record(7, Some("a"), r#"{"v":1}"#)]).await.expect("put");
    drain(&mut task).await;
    assert_eq!(json!(server.sources(TOPIC)), json!({"a": {"v": 1}, "b": {"v": 2}}));
    assert_eq!(safe(&mut task, 8).await, Some(8));
}

#[tokio::test]
async fn compression_credentials_and_agents_are_sent() {
    let server = Server::start().await;
    let settings = [("connection.compression", "true"), ("connection.username", "u"), ("connection.password", "p")];
    let mut task = start(&server.url, &settings).await;
    task.put(&[record(0, Some("a"), r#"{"v":1}"#)]).await.expect("put");
    drain(&mut task).await;
    assert_eq!(json!(server.sources(TOPIC)), json!({"a": {"v": 1}}));
    let head = server.state().heads.pop().expect("a request").to_lowercase();
    for header in
        ["authorization: basic dtpw", "content-encoding: gzip", "accept-encoding: gzip", "application/x-ndjson"]
    {
        assert!(head.contains(header), "{head}");
    }
    assert!(!head.contains("compatible-with"), "{head}");
}
