//! What happens when servers fail, refuse, or answer late.

use std::{sync::Arc, time::Duration};

use connect_api::{ErrorKind, SinkRecord, SinkTask};
use serde_json::json;

use crate::{
    server::{Fault, Server},
    setup::{Errants, TOPIC, drain, failure, record, safe, start, start_with},
};

fn three() -> Vec<SinkRecord> {
    ["a", "b", "c"].into_iter().zip(0..).map(|(key, n)| record(n, Some(key), &format!("{{\"v\":{n}}}"))).collect()
}

fn all_three() -> serde_json::Value {
    json!({"a": {"v": 0}, "b": {"v": 1}, "c": {"v": 2}})
}

/// Puts three records against a fault; everything must be written in the end.
async fn survives(fault: Fault, settings: &[(&str, &str)]) -> Server {
    let server = Server::start().await;
    server.fault(fault);
    let mut task = start(&server.url, settings).await;
    task.put(&three()).await.expect("put");
    drain(&mut task).await;
    task.put(&[]).await.expect("nothing failed");
    assert_eq!(json!(server.sources(TOPIC)), all_three());
    assert_eq!(safe(&mut task, 3).await, Some(3));
    server
}

#[tokio::test]
async fn a_failed_call_is_made_again() {
    for status in [429, 500, 503, 408] {
        let server = survives(Fault::Reject(status), &[]).await;
        assert_eq!(server.state().bulks.len(), 2);
    }
    survives(Fault::Drop, &[]).await;
}

#[tokio::test]
async fn a_lost_response_is_no_failure_and_writes_nothing_twice() {
    for settings in [&[] as &[_], &[("write.method", "upsert")], &[("key.ignore", "true")]] {
        let server = Server::start().await;
        server.fault(Fault::FailAfterWrite);
        let errants = Arc::new(Errants::default());
        let mut task = start_with(&server.url, settings, Some(errants.clone())).await;
        task.put(&three()).await.expect("put");
        drain(&mut task).await;
        task.put(&[]).await.expect("nothing failed");
        let sources: Vec<_> = server.sources(TOPIC).into_values().collect();
        assert_eq!(sources, [json!({"v": 0}), json!({"v": 1}), json!({"v": 2})]);
        assert_eq!(server.state().bulks.len(), 2);
        assert_eq!(*errants.0.lock().expect("reports"), []);
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_asked_for_again() {
    survives(Fault::Slow(Duration::from_millis(300)), &[("read.timeout.ms", "50"), ("max.retries", "20")]).await;
}

#[tokio::test]
async fn busy_items_are_sent_again_alone() {
    let server = survives(Fault::Items(vec!["b"], 429, "es_rejected_execution_exception"), &[]).await;
    assert_eq!(server.state().bulks, [vec!["a", "b", "c"], vec!["b"]]);
}

#[tokio::test]
async fn a_busy_upsert_takes_later_ones_of_its_document_along() {
    let server = Server::start().await;
    server.fault(Fault::SomeBusy(0));
    let mut task = start(&server.url, &[("write.method", "upsert"), ("behavior.on.null.values", "delete")]).await;
    let records = [
        record(0, Some("a"), r#"{"v":0,"x":0}"#),
        record(1, Some("b"), r#"{"v":1}"#),
        record(2, Some("a"), r#"{"v":2}"#),
    ];
    task.put(&records).await.expect("put");
    drain(&mut task).await;
    assert_eq!(json!(server.sources(TOPIC)), json!({"a": {"v": 2, "x": 0}, "b": {"v": 1}}));
    assert_eq!(server.state().bulks, [vec!["a", "b", "a"], vec!["a", "a"]]);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_split() {
    let server = Server::start().await;
    server.state().always = Some(Fault::LargerThan(1));
    let mut task = start(&server.url, &[]).await;
    task.put(&three()).await.expect("put");
    drain(&mut task).await;
    task.put(&[]).await.expect("nothing failed");
    assert_eq!(json!(server.sources(TOPIC)), all_three());
}

#[tokio::test]
async fn attempts_end() {
    let server = Server::start().await;
    server.state().always = Some(Fault::Reject(429));
    let mut task = start(&server.url, &[("max.retries", "2")]).await;
    task.put(&three()).await.expect("put");
    let message = failure(&mut task).await;
    let node = server.url.strip_prefix("http://").expect("a URL");
    assert_eq!(
        message,
        format!(
            "Failed to execute bulk request due to '{node} answered HTTP 429 (scripted_exception: scripted)' after 3 attempt(s)"
        )
    );
    assert_eq!(server.state().bulks.len(), 3);
    assert_eq!(safe(&mut task, 3).await, Some(0));
}

#[tokio::test]
async fn items_that_stay_busy_end_the_task() {
    let server = Server::start().await;
    server.state().always = Some(Fault::Items(vec!["b"], 429, "es_rejected_execution_exception"));
    let mut task = start(&server.url, &[("max.retries", "2")]).await;
    task.put(&three()).await.expect("put");
    assert_eq!(
        failure(&mut task).await,
        "Failed to execute bulk request due to 'es_rejected_execution_exception: scripted' after 3 attempt(s)"
    );
    assert_eq!(safe(&mut task, 3).await, Some(1));
}

#[tokio::test]
async fn a_refused_user_fails_at_once() {
    let server = Server::start().await;
    server.fault(Fault::Reject(401));
    let settings = [("connection.username", "u"), ("connection.password", "s3cret")];
    let mut task = start(&server.url, &settings).await;
    task.put(&three()).await.expect("put");
    let message = failure(&mut task).await;
    assert!(message.contains("answered HTTP 401"), "{message}");
    assert!(!message.contains("s3cret"), "{message}");
    assert_eq!(server.state().bulks.len(), 1);
}

#[tokio::test]
async fn a_malformed_document_is_what_the_settings_say() {
    let malformed = Fault::Items(vec!["b"], 400, "mapper_parsing_exception");
    for behavior in ["ignore", "warn"] {
        let server = Server::start().await;
        server.fault(malformed.clone());
        let errants = Arc::new(Errants::default());
        let settings = [("behavior.on.malformed.documents", behavior)];
        let mut task = start_with(&server.url, &settings, Some(errants.clone())).await;
        task.put(&three()).await.expect("put");
        drain(&mut task).await;
        task.put(&[]).await.expect("nothing failed");
        assert_eq!(json!(server.sources(TOPIC)), json!({"a": {"v": 0}, "c": {"v": 2}}));
        assert_eq!(safe(&mut task, 3).await, Some(3));
        let reports = errants.0.lock().expect("reports").clone();
        assert_eq!(reports, [(1, "Indexing failed: mapper_parsing_exception: scripted".to_owned())]);
    }
    let server = Server::start().await;
    server.fault(malformed);
    let mut task = start(&server.url, &[]).await;
    task.put(&three()).await.expect("put");
    let message = failure(&mut task).await;
    assert!(message.contains("mapper_parsing_exception"), "{message}");
    assert_eq!(safe(&mut task, 3).await, Some(1));
}

#[tokio::test]
async fn any_other_refusal_is_reported_and_fails_the_task() {
    let server = Server::start().await;
    server.fault(Fault::Items(vec!["b"], 403, "cluster_block_exception"));
    let errants = Arc::new(Errants::default());
    let mut task =
        start_with(&server.url, &[("behavior.on.malformed.documents", "ignore")], Some(errants.clone())).await;
    task.put(&three()).await.expect("put");
    assert_eq!(
        failure(&mut task).await,
        "Indexing record failed. Please check DLQ topic for errors. The server said: cluster_block_exception: scripted"
    );
    assert_eq!(json!(server.sources(TOPIC)), json!({"a": {"v": 0}, "c": {"v": 2}}));
    let reports = errants.0.lock().expect("reports").clone();
    assert_eq!(reports, [(1, "Indexing failed: cluster_block_exception: scripted".to_owned())]);
    assert_eq!(safe(&mut task, 3).await, Some(1));
}

#[tokio::test]
async fn a_server_that_is_away_is_left_out() {
    let server = Server::start().await;
    let urls = format!("http://127.0.0.1:1,{}", server.url);
    let mut task = start(&urls, &[("batch.size", "1"), ("max.retries", "0")]).await;
    task.put(&three()).await.expect("put");
    drain(&mut task).await;
    task.put(&[]).await.expect("nothing failed");
    assert_eq!(json!(server.sources(TOPIC)), all_three());
}

#[tokio::test]
async fn unreachable_servers_fail_the_task_with_their_address() {
    let mut task = start("http://u:s3cret@127.0.0.1:1", &[("max.retries", "1")]).await;
    let error = task.put(&three()).await.expect_err("no server is there");
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Fatal);
    assert!(message.starts_with("could not look for the index 'orders': could not reach 127.0.0.1:1: "), "{message}");
    assert!(!message.contains("s3cret"), "{message}");
}

#[tokio::test]
async fn an_index_that_can_not_be_made_is_named() {
    let server = Server::start().await;
    let refusal = json!({"error": {"type": "invalid_index_name_exception", "reason": "must be lowercase"}});
    server.state().scripted.insert("PUT /orders".to_owned(), (400, refusal));
    let mut task = start(&server.url, &[]).await;
    let message = task.put(&three()).await.expect_err("no index").to_string();
    let node = server.url.strip_prefix("http://").expect("a URL");
    assert_eq!(
        message,
        format!(
            "could not create the index 'orders': {node} answered HTTP 400 (invalid_index_name_exception: must be lowercase)"
        )
    );
}

#[tokio::test]
async fn another_task_may_make_the_index_first() {
    let server = Server::start().await;
    let exists = json!({"error": {"type": "resource_already_exists_exception", "reason": "exists"}});
    server.state().scripted.insert("PUT /orders".to_owned(), (400, exists));
    let mut task = start(&server.url, &[]).await;
    task.put(&three()).await.expect("put");
    drain(&mut task).await;
    assert_eq!(json!(server.sources(TOPIC)), all_three());
}

#[tokio::test]
async fn put_gives_up_when_no_room_comes() {
    let server = Server::start().await;
    server.state().always = Some(Fault::Hold(Arc::default()));
    let settings = [
        ("batch.size", "1"),
        ("max.in.flight.requests", "1"),
        ("max.buffered.records", "2"),
        ("flush.timeout.ms", "1000"),
    ];
    let mut task = start(&server.url, &settings).await;
    let message = task.put(&three()).await.expect_err("no room").to_string();
    assert_eq!(
        message,
        "Could not make space in the internal buffer fast enough. Consider increasing 'flush.timeout.ms' or 'max.buffered.records'."
    );
}
