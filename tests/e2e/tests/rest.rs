//! The REST API, by what the JVM worker answered (`tests/golden/rest`), in both modes and with each variant's settings.
//!
//! What is answered otherwise on purpose stands in `tests/golden/rest/differences`, a file for each scenario, with the
//! reasons in `tests/golden/DIFFERENCES.md`.

use std::path::Path;

use connect_e2e::{
    broker::Broker,
    services::{fresh_dir, repository},
    worker::{Worker, binary},
};

use crate::golden::{passes, runner};

/// The group that the scenarios count on.
const GROUP: &str = "connect-lab";
/// All variants of workers that scenarios were captured from, but that of exactly-once sources.
const VARIANTS: [(&str, &[(&str, &str)]); 7] = [
    ("default", &[]),
    ("cors", &[("access.control.allow.origin", "http://ui.example"), ("access.control.allow.methods", "GET,POST,PUT")]),
    ("headers", &[("response.http.headers.config", "add X-Lab:yes,set Cache-Control: no-cache")]),
    ("noreset", &[("topic.tracking.allow.reset", "false")]),
    ("adminoff", &[("admin.listeners", "")]),
    ("nooverride", &[("connector.client.config.override.policy", "None")]),
    (
        "providers",
        &[
            ("config.providers", "file,env"),
            ("config.providers.file.class", "org.apache.kafka.common.config.provider.FileConfigProvider"),
            ("config.providers.env.class", "org.apache.kafka.common.config.provider.EnvVarConfigProvider"),
        ],
    ),
];

#[tokio::test]
async fn a_worker_of_a_cluster_answers_as_the_jvm() {
    answers_as_the_jvm("distributed", |dir, bootstrap| Worker::new(dir, bootstrap, GROUP, binary())).await;
}

#[tokio::test]
async fn a_worker_that_is_alone_answers_as_the_jvm() {
    answers_as_the_jvm("standalone", |dir, bootstrap| Worker::alone(dir, bootstrap, &[])).await;
}

async fn answers_as_the_jvm(mode: &str, worker: impl Fn(&Path, &str) -> Worker) {
    let dir = fresh_dir(&format!("rest_{mode}"));
    let broker = Broker::start(&dir.join("broker")).await;
    for (variant, properties) in VARIANTS {
        let worker = worker(&dir.join(variant), &broker.bootstrap);
        for (name, value) in properties {
            worker.property(name, value);
        }
        let mut worker = worker.ready_after_start().await;
        // What the scenarios bring about on purpose.
        worker.expects(&["task failed error=", "connector failed", "Subscribed topic not available: "]);
        let mut runner = runner("rest/replay.py");
        runner.args([&worker.url, "--mode", mode, "--worker", variant, "--differences"]);
        runner.arg(repository().join("tests/golden/rest/differences"));
        passes(runner, &worker).await;
        worker.stop().await;
    }
    drop(broker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
