//! Parallel requests, and the order of what is in them.

use std::sync::Arc;

use connect_api::SinkTask;
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    server::{Fault, Server},
    setup::{TOPIC, drain, record, safe, start},
};

#[tokio::test]
async fn bulks_are_really_under_way_at_the_same_time_and_never_too_many() {
    let server = Server::start().await;
    let release = Arc::new(Notify::new());
    server.state().always = Some(Fault::Hold(release.clone()));
    let settings = [("batch.size", "1"), ("max.in.flight.requests", "3"), ("max.buffered.records", "100")];
    let mut task = start(&server.url, &settings).await;
    let records: Vec<_> = (0..12).map(|n| record(n, Some(&format!("k{n}")), "{}")).collect();
    task.put(&records).await.expect("put");
    for finished in 0..12 {
        let expected = (12 - finished).min(3);
        wait_until(|| {
            let state = server.state();
            state.in_flight == expected && state.bulks.len() == finished + expected
        })
        .await;
        release.notify_one();
    }
    drain(&mut task).await;
    assert_eq!(server.state().in_flight_max, 3);
    assert_eq!(server.sources(TOPIC).len(), 12);
}

#[tokio::test]
async fn two_bulks_in_flight_never_hold_the_same_document() {
    let server = Server::start().await;
    let release = Arc::new(Notify::new());
    server.fault(Fault::Hold(release.clone()));
    let mut task = start(&server.url, &[("batch.size", "2"), ("write.method", "upsert")]).await;
    let keys = ["a", "b", "c", "a", "d", "e"];
    let records: Vec<_> =
        keys.iter().zip(0..).map(|(key, n)| record(n, Some(key), &format!("{{\"v\":{n}}}"))).collect();
    task.put(&records).await.expect("put");
    wait_until(|| server.state().bulks.len() == 1).await;
    // The second one holds `a`, and the third one must not overtake it.
    tokio::task::yield_now().await;
    assert_eq!(server.state().bulks, [vec!["a", "b"]]);
    release.notify_one();
    drain(&mut task).await;
    assert_eq!(server.state().overlaps, Vec::<String>::new());
    assert_eq!(server.sources(TOPIC)["a"], json!({"v": 3}));
    assert_eq!(safe(&mut task, 6).await, Some(6));
}

#[tokio::test]
async fn offsets_are_held_back_behind_a_bulk_in_flight() {
    let server = Server::start().await;
    let release = Arc::new(Notify::new());
    server.fault(Fault::Hold(release.clone()));
    let mut task = start(&server.url, &[("batch.size", "1")]).await;
    task.put(&[record(3, Some("a"), "{}"), record(4, Some("b"), "{}")]).await.expect("put");
    wait_until(|| server.sources(TOPIC).contains_key("b")).await;
    assert_eq!(safe(&mut task, 5).await, Some(3));
    release.notify_one();
    drain(&mut task).await;
    assert_eq!(safe(&mut task, 5).await, Some(5));
}

#[tokio::test]
async fn a_synchronous_flush_waits_for_everything() {
    let server = Server::start().await;
    let mut task = start(&server.url, &[("flush.synchronously", "true"), ("linger.ms", "60000")]).await;
    task.put(&[record(0, Some("a"), "{}"), record(1, Some("b"), "{}")]).await.expect("put");
    assert_eq!(safe(&mut task, 2).await, Some(2));
    assert_eq!(server.sources(TOPIC).len(), 2);
}

#[tokio::test]
async fn a_commit_sends_what_lingers() {
    let server = Server::start().await;
    let mut task = start(&server.url, &[("linger.ms", "60000")]).await;
    task.put(&[record(0, Some("a"), "{}")]).await.expect("put");
    assert_eq!(safe(&mut task, 1).await, Some(0));
    wait_until(|| server.sources(TOPIC).len() == 1).await;
}

#[tokio::test]
async fn batches_end_by_number_and_by_bytes() {
    let sizes = async |settings: &[(&str, &str)]| {
        let server = Server::start().await;
        let mut all = vec![("max.in.flight.requests", "1"), ("linger.ms", "60000")];
        all.extend_from_slice(settings);
        let mut task = start(&server.url, &all).await;
        let text = format!("{{\"v\":\"{}\"}}", "x".repeat(100));
        let records: Vec<_> = (0..5).map(|n| record(n, Some(&format!("k{n}")), &text)).collect();
        task.put(&records).await.expect("put");
        drain(&mut task).await;
        let state = server.state();
        state.bulks.iter().map(Vec::len).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&[("batch.size", "2")]).await, [2, 2, 1]);
    assert_eq!(sizes(&[("bulk.size.bytes", "200")]).await, [2, 2, 1]);
    assert_eq!(sizes(&[("bulk.size.bytes", "-1")]).await, [5]);
}

/// Waits for something the server sees; fails the test when it does not come.
async fn wait_until(mut seen: impl FnMut() -> bool) {
    let waiting = async {
        while !seen() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.expect("it happens in time");
}
