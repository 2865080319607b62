//! Broker and worker in one process: nothing but the binary is needed, and `kill -9` takes both at once.

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use connect_e2e::{lines::append, services::fresh_dir, topics, wait, worker::Worker};
use serde_json::json;

const LINES: usize = 20_000;
const TEXT: &str = "org.apache.kafka.connect.storage.StringConverter";
/// Less than the 45 s of a consumer's session: a sink that waited for its dead predecessor would be late.
const SOON: Duration = Duration::from_secs(40);

#[tokio::test]
async fn a_killed_process_goes_on_at_once_and_loses_no_line() {
    let dir = fresh_dir("embedded");
    let (worker, bootstrap) = Worker::with_broker(&dir);
    let mut worker = worker.ready_after_start().await;
    // The sink may come before the source has made the topic.
    worker.expects(&["Subscribed topic not available: lines"]);
    let (input, output) = (dir.join("in.txt"), dir.join("out.txt"));
    let text = (0..LINES).fold(String::new(), |mut text, line| {
        writeln!(text, "line {line:06}").expect("writing to memory does not fail");
        text
    });
    std::fs::write(&input, text).expect("the test's folder can be written");
    let source = json!({
        "connector.class": "FileStreamSource", "file": input, "topic": "lines", "value.converter": TEXT
    });
    let sink = json!({
        "connector.class": "FileStreamSink", "topics": "lines", "file": output, "value.converter": TEXT
    });
    assert_eq!(worker.create("source", source).await.status, 201);
    assert_eq!(worker.create("sink", sink).await.status, 201);
    let count = || std::fs::read_to_string(&output).unwrap_or_default().lines().count();
    for more in [1, LINES / 4, LINES / 2] {
        wait::until("lines arrive", SOON, true, || async { count() >= more }).await;
        worker.kill();
        worker.launch();
        worker.ready().await;
    }
    let whole = || -> BTreeSet<String> {
        let text = std::fs::read_to_string(&output).unwrap_or_default();
        // The kill may leave a part of a line, which stands in a line of its own and comes again.
        text.lines().filter(|line| line.len() == "line 000000".len()).map(str::to_owned).collect()
    };
    wait::until("every line arrives", SOON, LINES, || async { whole().len() }).await;
    // What Kafka's clients read of the topic is what went through: each line, in order where it came first.
    let mut seen = BTreeSet::new();
    let records = topics::read(&bootstrap, "lines");
    let first: Vec<String> =
        records.into_iter().filter_map(|r| r.value).filter(|line| seen.insert(line.clone())).collect();
    assert_eq!(first.len(), LINES);
    assert!(first.is_sorted(), "lines came in their order");
    worker.stop().await;
    drop(worker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}

#[tokio::test]
async fn a_data_folder_serves_one_process_at_a_time() {
    let dir = fresh_dir("embedded_twice");
    let (first, _) = Worker::with_broker(&dir);
    let mut first = first.ready_after_start().await;
    let (mut second, _) = Worker::with_broker(&dir);
    second.launch();
    wait::until("the second says why it can't start", SOON, true, || async {
        second.log().lines().any(|line| line.starts_with("millrace:"))
    })
    .await;
    let log = second.log();
    let complaint = log.lines().find(|line| line.starts_with("millrace:")).unwrap_or_default();
    assert!(complaint.contains("could not start the broker") && complaint.contains("data"), "{log}");
    wait::until("the first goes on", SOON, 200, || async { first.get("/").await.status }).await;
    first.stop().await;
    drop((first, second));
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}

/// The outcome of each commit comes back to the sink, or it would wait for the first one for ever.
#[tokio::test]
async fn a_running_sink_commits_again_and_again() {
    let dir = fresh_dir("embedded_commits");
    let (worker, _) = Worker::with_broker(&dir);
    let mut worker = worker.ready_after_start().await;
    // The sink may come before the source has made the topic.
    worker.expects(&["Subscribed topic not available: lines"]);
    let (input, output) = (dir.join("in.txt"), dir.join("out.txt"));
    std::fs::write(&input, "").expect("the test's folder can be written");
    let source = json!({
        "connector.class": "FileStreamSource", "file": input, "topic": "lines", "value.converter": TEXT
    });
    let sink = json!({
        "connector.class": "FileStreamSink", "topics": "lines", "file": output, "value.converter": TEXT
    });
    for (name, config) in [("source", source), ("sink", sink)] {
        let created = worker.create(name, config).await;
        assert_eq!(created.status, 201, "{}", created.body);
    }
    for lines in 1..=3 {
        append(&input, "line\n");
        let partition = json!({"kafka_topic": "lines", "kafka_partition": 0});
        let expected = json!({"offsets": [{"partition": partition, "offset": {"kafka_offset": lines}}]});
        wait::until("the line is committed", SOON, expected, || async {
            worker.get("/connectors/sink/offsets").await.body
        })
        .await;
    }
    worker.stop().await;
    drop(worker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
