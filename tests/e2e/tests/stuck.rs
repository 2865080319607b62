//! A task that runs but does not get on can be seen, and one that has nothing to do can't be taken for one.

use std::time::Duration;

use connect_e2e::{broker::Broker, services::fresh_dir, wait, worker::Worker};
use serde_json::{Value, json};

const TEXT: &str = "org.apache.kafka.connect.storage.StringConverter";
const SOON: Duration = Duration::from_secs(60);

/// The stage in which the source's task is stuck.
async fn stage(worker: &Worker) -> Value {
    let status = worker.get("/connectors/source/status").await.body;
    assert_eq!(status["tasks"][0]["state"], "RUNNING", "a task that is stuck is running: {status}");
    let of_task = worker.get("/connectors/source/tasks/0/status").await.body;
    if status["tasks"][0] == of_task { status["tasks"][0]["stuck"]["stage"].clone() } else { Value::Null }
}

/// The values of a figure.
async fn figures(worker: &Worker, series: &str) -> Vec<f64> {
    let page = worker.get("/metrics").await.body.as_str().unwrap_or_default().to_owned();
    let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse().ok());
    page.lines().filter(|line| line.starts_with(series)).filter_map(value).collect()
}

/// Which tasks have been stuck for some time, by the figures.
async fn stuck(worker: &Worker) -> Vec<bool> {
    figures(worker, "millrace_task_stuck_seconds{").await.iter().map(|seconds| *seconds > 0.0).collect()
}

async fn seconds_of_reading(worker: &Worker) -> f64 {
    let series = "millrace_task_stage_seconds_total{connector=\"source\",task=\"0\",stage=\"read\"}";
    figures(worker, series).await.iter().sum()
}

#[tokio::test]
async fn a_task_that_waits_for_kafka_in_vain_is_shown_as_stuck() {
    let dir = fresh_dir("stuck");
    let broker = Broker::start(&dir.join("broker")).await;
    let input = dir.join("in.txt");
    let append = |line: &str| connect_e2e::lines::append(&input, &format!("{line}\n"));
    append("one");
    let source = json!({
        "name": "source",
        "config": {"connector.class": "FileStreamSource", "file": input, "topic": "lines", "value.converter": TEXT},
    });
    let file = dir.join("source.json");
    std::fs::write(&file, source.to_string()).expect("the test's folder can be written");
    for strict in [false, true] {
        let worker =
            Worker::alone(&dir.join(format!("worker-{strict}")), &broker.bootstrap, std::slice::from_ref(&file));
        worker.property("millrace.task.stuck.after.ms", "1500");
        worker.property("millrace.compat.strict", &strict.to_string());
        let mut worker = worker.ready_after_start().await;
        worker.expects(&["task is RUNNING but stuck, Kafka confirms no more records"]);
        wait::until("the first line is stored", SOON, true, || async {
            worker.get("/connectors/source/offsets").await.body["offsets"][0]["offset"].is_object()
        })
        .await;
        // Longer without a line than a step may take: that is no standstill.
        wait::until("the source has waited for long", SOON, true, || async { seconds_of_reading(&worker).await > 2.0 })
            .await;
        assert_eq!((stage(&worker).await, stuck(&worker).await), (Value::Null, vec![false]));

        broker.freeze();
        append("two");
        wait::until("the figures say so", SOON, vec![true], || async { stuck(&worker).await }).await;
        let warned = || worker.log().matches("task is RUNNING but stuck, Kafka confirms no more records; see").count();
        wait::until("the log says so", SOON, 1, || async { warned() }).await;
        let shown = if strict { Value::Null } else { json!("ack") };
        wait::until("the status says so", SOON, shown, || async { stage(&worker).await }).await;
        broker.thaw();
        wait::until("the figures take it back", SOON, vec![false], || async { stuck(&worker).await }).await;
        wait::until("the status takes it back", SOON, Value::Null, || async { stage(&worker).await }).await;
        assert_eq!(warned(), 1, "it is told once");
        worker.stop().await;
    }
    drop(broker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
