//! Lines of a file, and test data, on their way through a worker that is killed.

use std::{collections::BTreeSet, fmt::Write, path::Path, time::Duration};

use connect_e2e::{
    services::{Service, fresh_dir},
    topics, wait,
    worker::{Worker, binary},
};
use serde_json::json;

const LINES: usize = 100_000;
const TEXT: &str = "org.apache.kafka.connect.storage.StringConverter";

/// A worker whose death its group and its topics' consumers notice at once.
async fn quick_worker(dir: &Path, bootstrap: &str, group: &str) -> Worker {
    let worker = Worker::new(&dir.join("worker"), bootstrap, group, binary());
    for name in ["session.timeout.ms", "consumer.session.timeout.ms"] {
        worker.property(name, "1500");
    }
    worker.property("heartbeat.interval.ms", "400");
    worker.property("consumer.heartbeat.interval.ms", "400");
    worker.property("scheduled.rebalance.max.delay.ms", "0");
    worker.ready_after_start().await
}

#[tokio::test]
async fn a_killed_worker_loses_no_line() {
    let dir = fresh_dir("lines");
    let bootstrap = format!("127.0.0.1:{}", Service::Kafka.shared());
    let id = std::process::id();
    let mut worker = quick_worker(&dir, &bootstrap, &format!("lines-{id}")).await;
    // The sink may come before the source has made the topic.
    worker.expects(&[&format!("Subscribed topic not available: lines-{id}")]);
    let (input, output, topic) = (dir.join("in.txt"), dir.join("out.txt"), format!("lines-{id}"));
    let text = (0..LINES).fold(String::new(), |mut text, line| {
        writeln!(text, "line {line:06}").expect("writing to memory does not fail");
        text
    });
    std::fs::write(&input, text).expect("the test's folder can be written");
    let source = json!({"connector.class": "FileStreamSource", "file": input, "topic": topic, "value.converter": TEXT});
    let sink = json!({"connector.class": "FileStreamSink", "topics": topic, "file": output, "value.converter": TEXT});
    assert_eq!(worker.create("source", source).await.status, 201);
    assert_eq!(worker.create("sink", sink).await.status, 201);

    let last = format!("line {:06}", LINES - 1);
    for killed_at in [1, LINES / 2] {
        wait::until("lines arrive", Duration::from_secs(120), true, || async {
            let text = std::fs::read_to_string(&output).unwrap_or_default();
            text.lines().count() >= killed_at
        })
        .await;
        worker.kill();
        worker.launch();
        worker.ready().await;
    }
    wait::until("the last line arrives", Duration::from_secs(120), true, || async {
        std::fs::read_to_string(&output).unwrap_or_default().ends_with(&format!("{last}\n"))
    })
    .await;
    let text = std::fs::read_to_string(&output).expect("the sink's file can be read");
    // The kill may leave a part of a line, which stands in a line of its own and comes again.
    let whole: BTreeSet<&str> = text.lines().filter(|line| line.len() == last.len()).collect();
    assert_eq!(whole.len(), LINES, "every line arrived");
    worker.stop().await;
    drop(worker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}

#[tokio::test]
async fn test_data_goes_on_where_it_was_and_ends_as_told() {
    let dir = fresh_dir("datagen");
    let bootstrap = format!("127.0.0.1:{}", Service::Kafka.shared());
    let id = std::process::id();
    let mut worker = quick_worker(&dir, &bootstrap, &format!("datagen-{id}")).await;
    worker.expects(&["Stopping connector: generated the configured 60 number of messages"]);
    let topic = format!("ratings-{id}");
    let config = json!({
        "connector.class": "DatagenConnector", "quickstart": "ratings", "kafka.topic": topic, "max.interval": 100,
        "iterations": 60, "key.converter": TEXT, "value.converter.schemas.enable": "false",
    });
    assert_eq!(worker.create("ratings", config).await.status, 201);
    wait::until("offsets are stored", Duration::from_secs(60), true, || async {
        let offsets = worker.get("/connectors/ratings/offsets").await.body;
        offsets["offsets"][0]["offset"]["current.iteration"].as_i64() >= Some(1)
    })
    .await;
    worker.kill();
    worker.launch();
    worker.ready().await;
    let failure = worker.failure("ratings").await;
    assert!(failure.contains("Stopping connector: generated the configured 60 number of messages"), "{failure}");
    let keys: BTreeSet<i64> = topics::read(&bootstrap, &topic)
        .iter()
        .map(|record| record.key.as_deref().and_then(|key| key.parse().ok()).expect("a key is a number"))
        .collect();
    assert_eq!(keys, (1..=60).collect(), "ratings count on over the kill");
    worker.stop().await;
    drop(worker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
