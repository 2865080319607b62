//! A failed task that starts again by itself once the reason is gone, and how it looks meanwhile.

use std::time::Duration;

use connect_e2e::{services::fresh_dir, wait, worker::Worker};
use serde_json::json;

const TEXT: &str = "org.apache.kafka.connect.storage.StringConverter";
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_failed_task_starts_again_by_itself_when_its_connector_wants_it() {
    let dir = fresh_dir("auto_restart");
    let (worker, _) = Worker::with_broker(&dir);
    let mut worker = worker.ready_after_start().await;
    worker.expects(&["could not read file", "task failed and is started again in"]);
    // The source can't read a folder.
    let input = dir.join("in.txt");
    std::fs::create_dir(&input).expect("the test's folder can be written");
    let config = |attempts: &str| {
        json!({
            "connector.class": "FileStreamSource", "file": input, "topic": "lines", "value.converter": TEXT,
            "millrace.auto.restart.max.attempts": attempts, "millrace.auto.restart.backoff.ms": "200",
            "millrace.auto.restart.backoff.max.ms": "400",
        })
    };
    let refused = worker.create("source", config("often")).await;
    let expected = "Invalid value often for configuration millrace.auto.restart.max.attempts: Not a number of type";
    assert_eq!(refused.status, 400);
    assert!(refused.body["message"].as_str().is_some_and(|text| text.contains(expected)), "{}", refused.body);

    assert_eq!(worker.create("source", config("1000")).await.status, 201);
    let told = || worker.log().matches("task failed and is started again in 400 ms, restart ").count();
    wait::until("several restarts are planned", SOON, true, || async { told() >= 3 }).await;
    let trace = worker.failure("source").await;
    assert!(trace.contains("in.txt"), "between restarts the status shows why it failed: {trace}");
    std::fs::remove_dir(&input).expect("the folder is empty");
    std::fs::write(&input, "one\n").expect("the test's folder can be written");
    worker.reaches("source", "RUNNING").await;
    wait::until("the line is sent", SOON, json!(4), || async {
        worker.get("/connectors/source/offsets").await.body["offsets"][0]["offset"]["position"].clone()
    })
    .await;

    // What fails without asking for restarts stays as it failed.
    let once = dir.join("once");
    std::fs::create_dir(&once).expect("the test's folder can be written");
    let mut plain = config("0");
    plain["file"] = json!(once);
    assert_eq!(worker.create("plain", plain).await.status, 201);
    let trace = worker.failure("plain").await;
    assert!(trace.contains("once"), "{trace}");
    assert!(!worker.log().lines().any(|line| line.contains("is started again") && line.contains("\"plain\"")));
    worker.stop().await;
    drop(worker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
