//! Workers of one group: each takes a share of the tasks, any of them takes requests, and what a dead one leaves is taken over.

use std::{collections::BTreeMap, path::Path, time::Duration};

use connect_e2e::{
    services::{Service, fresh_dir},
    wait,
    worker::{Worker, binary},
};
use serde_json::json;

const CONNECTORS: usize = 4;
const TASKS: usize = 2;
/// A rebalance, and what a dead worker's session and the delay after it take.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

fn worker(dir: &Path, name: &str, bootstrap: &str, group: &str) -> Worker {
    let worker = Worker::new(&dir.join(name), bootstrap, group, binary());
    // The dead are noticed as soon as brokers allow, and what they leave is given away at once.
    worker.property("session.timeout.ms", "6000");
    worker.property("heartbeat.interval.ms", "1000");
    worker.property("scheduled.rebalance.max.delay.ms", "0");
    worker
}

fn id(worker: &Worker) -> String {
    worker.url.trim_start_matches("http://").to_owned()
}

/// How many running tasks and connectors each worker has, as this one tells.
async fn shares(teller: &Worker) -> BTreeMap<String, [usize; 2]> {
    let all = teller.get("/connectors?expand=status").await.body;
    let mut shares = BTreeMap::<String, [usize; 2]>::new();
    for connector in all.as_object().into_iter().flat_map(|all| all.values()) {
        let status = &connector["status"];
        let tasks = status["tasks"].as_array().cloned().unwrap_or_default();
        for (kind, part) in tasks.iter().map(|task| (0, task)).chain([(1, &status["connector"])]) {
            if part["state"] == "RUNNING" {
                shares.entry(part["worker_id"].as_str().unwrap_or_default().to_owned()).or_default()[kind] += 1;
            }
        }
    }
    shares
}

async fn settle(teller: &Worker, workers: &[&Worker]) {
    let each = [CONNECTORS * TASKS / workers.len(), CONNECTORS / workers.len()];
    let expected = workers.iter().map(|worker| (id(worker), each)).collect::<BTreeMap<_, _>>();
    wait::until("the work is shared evenly", SETTLED_WITHIN, expected, || shares(teller)).await;
}

#[tokio::test]
async fn workers_share_the_work_and_take_over_what_a_dead_one_leaves() {
    let dir = fresh_dir("cluster");
    let bootstrap = format!("127.0.0.1:{}", Service::Kafka.shared());
    let group = format!("cluster-{}", std::process::id());
    let (mut one, mut two) = (worker(&dir, "one", &bootstrap, &group), worker(&dir, "two", &bootstrap, &group));
    // At the same moment, so that both find the internal topics missing.
    one.launch();
    two.launch();
    one.ready().await;
    two.ready().await;

    for number in 0..CONNECTORS {
        let config = json!({
            "connector.class": "DatagenConnector", "quickstart": "ratings", "kafka.topic": format!("{group}-{number}"),
            "max.interval": "100", "tasks.max": TASKS.to_string(),
        });
        // The one that is not the leader hands the request on.
        let taker = if number % 2 == 0 { &one } else { &two };
        let answer = taker.create(&format!("data-{number}"), config).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    for teller in [&one, &two] {
        settle(teller, &[&one, &two]).await;
    }

    two.kill();
    settle(&one, &[&one]).await;
    two.launch();
    two.ready().await;
    settle(&two, &[&one, &two]).await;

    // An orderly end hands the work over without waiting for a session to end.
    one.stop().await;
    settle(&two, &[&two]).await;
    two.stop().await;
    drop((one, two));
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
