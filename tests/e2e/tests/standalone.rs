//! A worker that is alone: its connectors come from files, and its offsets outlive it in another.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use connect_e2e::{broker::Broker, lines::append, services::fresh_dir, wait, worker::Worker};
use serde_json::json;

const TEXT: &str = "org.apache.kafka.connect.storage.StringConverter";
const WITHIN: Duration = Duration::from_secs(60);

struct Files {
    dir: PathBuf,
    input: PathBuf,
    output: PathBuf,
    connectors: [PathBuf; 2],
}

/// A source from a file of lines and a sink to another, one connector as JSON and the other as properties.
fn files(test: &str) -> Files {
    let dir = fresh_dir(test);
    let (input, output) = (dir.join("in.txt"), dir.join("out.txt"));
    let source = json!({
        "name": "source",
        "config": {"connector.class": "FileStreamSource", "file": input, "topic": "lines", "value.converter": TEXT},
    });
    let sink = format!(
        "name=sink\nconnector.class=FileStreamSink\ntopics=lines\nfile={}\nvalue.converter={TEXT}\n",
        output.display()
    );
    let connectors = [dir.join("source.json"), dir.join("sink.properties")];
    std::fs::write(&connectors[0], source.to_string()).expect("the test's folder can be written");
    std::fs::write(&connectors[1], sink).expect("the test's folder can be written");
    Files { dir, input, output, connectors }
}

async fn reads(path: &Path, text: &str) {
    wait::until("the lines arrive", WITHIN, text.to_owned(), || async {
        std::fs::read_to_string(path).unwrap_or_default()
    })
    .await;
}

#[tokio::test]
async fn connectors_of_files_run_and_go_on_where_they_stopped() {
    let files = files("standalone_files");
    let broker = Broker::start(&files.dir.join("broker")).await;
    std::fs::write(&files.input, "one\ntwo\n").expect("the test's folder can be written");
    let worker = Worker::alone(&files.dir.join("worker"), &broker.bootstrap, &files.connectors);
    // The sink may come before the source has made the topic.
    worker.expects(&["Subscribed topic not available: lines"]);
    // The sink's group notices as soon as brokers allow that its member was killed.
    worker.property("consumer.session.timeout.ms", "6000");
    worker.property("consumer.heartbeat.interval.ms", "1000");
    let mut worker = worker.ready_after_start().await;
    reads(&files.output, "one\ntwo\n").await;
    worker.stop().await;

    std::fs::write(&files.input, "one\ntwo\nthree\n").expect("the test's folder can be written");
    worker.launch();
    worker.ready().await;
    reads(&files.output, "one\ntwo\nthree\n").await;
    let offsets = worker.get("/connectors/source/offsets").await;
    let partition = json!({"filename": files.input});
    let expected = json!({"offsets": [{"partition": partition, "offset": {"position": 14}}]});
    wait::until("the offset is stored", WITHIN, expected, || async {
        worker.get("/connectors/source/offsets").await.body
    })
    .await;
    assert_eq!(offsets.status, 200);
    let status = worker.get("/connectors/source/status").await.body;
    assert_eq!((&status["connector"]["state"], &status["tasks"][0]["state"]), (&json!("RUNNING"), &json!("RUNNING")));

    worker.kill();
    worker.launch();
    worker.ready().await;
    append(&files.input, "four\n");
    wait::until("the last line arrives", WITHIN, true, || async {
        std::fs::read_to_string(&files.output).unwrap_or_default().ends_with("three\nfour\n")
    })
    .await;
    worker.stop().await;
    drop((worker, broker));
    std::fs::remove_dir_all(files.dir).expect("the test's folder can be removed");
}

#[tokio::test]
async fn a_connector_file_that_is_wrong_ends_the_worker() {
    let files = files("standalone_wrong");
    let broker = Broker::start(&files.dir.join("broker")).await;
    std::fs::write(&files.connectors[1], "name=sink\nconnector.class=FileStreamSink\n")
        .expect("the test's folder can be written");
    let mut worker = Worker::alone(&files.dir.join("worker"), &broker.bootstrap, &files.connectors);
    // The right one may have begun by then.
    worker.expects(&["the file does not exist, waiting for it to be created"]);
    worker.launch();
    assert!(!worker.end().await);
    let log = worker.log();
    let last = log.lines().rev().find(|line| line.starts_with("millrace: ")).unwrap_or_default();
    assert_eq!(
        last,
        format!(
            "millrace: could not create the connector of {}: Connector configuration is invalid and contains the \
             following 2 error(s):",
            files.connectors[1].display()
        )
    );
    drop((worker, broker));
    std::fs::remove_dir_all(files.dir).expect("the test's folder can be removed");
}
