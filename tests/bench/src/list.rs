//! What it takes to list many connectors with their statuses, as dashboards and operators' tools do every few seconds.

use std::time::{Duration, Instant};

use connect_e2e::{services, wait, worker::Worker};
use serde_json::{Value, json};

use crate::{Figure, Target};

const CONNECTORS: usize = 500;
/// The first requests warm up what the later ones find.
const REQUESTS: usize = 21;
const PATH: &str = "/connectors?expand=status&expand=info";
const CREATED_WITHIN: Duration = Duration::from_secs(120);

/// Half of the connectors run a task that has no file to read yet, half are paused.
pub(crate) async fn many_connectors() -> Vec<Figure> {
    let dir = services::fresh_dir("bench_list");
    let worker = Worker::with_broker(&dir).0.ready_after_start().await;
    // The connectors' files are not there, which is no matter here.
    worker.expects(&["the file does not exist, waiting for it to be created"]);
    let begun = Instant::now();
    for number in 0..CONNECTORS {
        let name = format!("connector-{number:03}");
        let state = if number % 2 == 0 { "RUNNING" } else { "PAUSED" };
        let config = json!({
            "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "topic": name,
            "file": dir.join("no-such-file"), "transforms": "topic",
            "transforms.topic.type": "org.apache.kafka.connect.transforms.RegexRouter",
            "transforms.topic.regex": "(.*)", "transforms.topic.replacement": "$1",
        });
        let created = worker.post("/connectors", Some(json!({"name": name, "initial_state": state, "config": config})));
        assert_eq!(created.await.status, 201, "{name} is created");
    }
    let create_ms = begun.elapsed().as_secs_f64() * 1000.0 / CONNECTORS as f64;
    wait::until("all have the state they were created in", CREATED_WITHIN, CONNECTORS, || async {
        let all = worker.get(PATH).await.body;
        let members = all.as_object().into_iter().flatten();
        members.filter(|(_, connector)| is_settled(&connector["status"])).count()
    })
    .await;
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client without TLS settings");
    let mut times = Vec::with_capacity(REQUESTS);
    let mut bytes = 0;
    for _ in 0..REQUESTS {
        let asked = Instant::now();
        let answer = http.get(format!("{}{PATH}", worker.url)).send().await.expect("the worker answers");
        bytes = answer.bytes().await.expect("the answer is whole").len();
        times.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let figures = vec![
        Figure { name: "list_500_ms".into(), value: times[REQUESTS / 2], target: Target::AtMost(50.0) },
        Figure { name: "list_500_slowest_ms".into(), value: times[REQUESTS - 1], target: Target::None },
        Figure { name: "list_500_kb".into(), value: bytes as f64 / 1024.0, target: Target::None },
        Figure { name: "create_ms".into(), value: create_ms, target: Target::None },
    ];
    drop(worker);
    std::fs::remove_dir_all(&dir).expect("the benchmark's folder can be removed");
    figures
}

/// A connector that was created paused has no tasks before it is resumed.
fn is_settled(status: &Value) -> bool {
    status["connector"]["state"] == "PAUSED" || status["tasks"][0]["state"] == "RUNNING"
}
