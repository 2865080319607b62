//! The figures at `/metrics`: which of the JVM's there are under which names, and that they tell what happened.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use connect_e2e::{
    lines::append,
    services::{fresh_dir, repository},
    wait,
    worker::Worker,
};
use serde_json::json;

const TEXT: &str = "org.apache.kafka.connect.storage.StringConverter";
const SOON: Duration = Duration::from_secs(60);

/// Why a figure of the JVM is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// Counts Java objects.
    Java,
    /// The same figure stands under `app-info` with the tag `client-id`, which dashboards ask for.
    OlderName,
    /// No family of dashboards has a name for it.
    NoName,
    /// librdkafka's and our own connections have no selector of Java's NIO, and count no time of it.
    NoSelector,
    /// No client here logs in again on a connection that is logged in.
    NoReauthentication,
    /// librdkafka has no such figure.
    Untold,
    /// librdkafka's admin client is polled for its answers only, so it can't tell its figures.
    AdminIsMute,
    /// The worker's own connection goes to one node, its coordinator: the group's figures are that node's.
    OneNode,
    /// Only clients that send transactions have it, which is not done yet.
    NoTransactions,
}

/// Rows of the table that are not served: domain, group and tags, attributes, and why.
const UNSERVED: &[(&str, &str, &str, &str, Why)] = &[
    ("*", "kafka-metrics-count", "*", "count", Why::Java),
    ("kafka.connect", "app-info", "id", "CommitId StartTimeMs", Why::OlderName),
    ("kafka.consumer kafka.producer kafka.admin.client", "app-info", "id", "*", Why::NoName),
    ("kafka.consumer kafka.producer kafka.admin.client", "app-info", "client-id", "*", Why::NoName),
    ("kafka.admin.client", "admin-client-metrics", "client-id", "*", Why::AdminIsMute),
    ("kafka.admin.client", "admin-client-node-metrics", "client-id,node-id", "*", Why::AdminIsMute),
    ("kafka.connect", "connect-node-metrics", "client-id,node-id", "*", Why::OneNode),
    (
        "*",
        "*",
        "client-id",
        "io-ratio io-time-ns-avg io-time-ns-total io-wait-ratio io-wait-time-ns-avg io-wait-time-ns-total select-rate \
         select-total",
        Why::NoSelector,
    ),
    (
        "*",
        "*",
        "client-id",
        "failed-reauthentication-rate failed-reauthentication-total reauthentication-latency-avg \
         reauthentication-latency-max successful-authentication-no-reauth-total successful-reauthentication-rate \
         successful-reauthentication-total",
        Why::NoReauthentication,
    ),
    (
        "kafka.producer",
        "producer-metrics",
        "client-id",
        "txn-abort-time-ns-total txn-begin-time-ns-total txn-commit-time-ns-total txn-init-time-ns-total \
         txn-prepare-time-ns-total txn-send-offsets-time-ns-total",
        Why::NoTransactions,
    ),
    (
        "kafka.producer",
        "producer-metrics",
        "client-id",
        "batch-split-rate batch-split-total buffer-exhausted-rate buffer-exhausted-total bufferpool-wait-ratio \
         bufferpool-wait-time-ns-total compression-rate-avg flush-time-ns-total metadata-wait-time-ns-total \
         record-retry-rate record-retry-total record-size-max request-size-max successful-authentication-rate \
         successful-authentication-total waiting-threads",
        Why::Untold,
    ),
    (
        "kafka.producer",
        "producer-topic-metrics",
        "client-id,topic",
        "compression-rate record-error-rate record-error-total record-retry-rate record-retry-total",
        Why::Untold,
    ),
    ("kafka.producer", "producer-node-metrics", "client-id,node-id", "request-size-max", Why::Untold),
    ("kafka.consumer", "consumer-node-metrics", "client-id,node-id", "request-size-max", Why::Untold),
    (
        "kafka.consumer",
        "consumer-metrics",
        "client-id",
        "commit-sync-time-ns-total committed-time-ns-total last-poll-seconds-ago poll-idle-ratio-avg request-size-max \
         successful-authentication-rate successful-authentication-total time-between-poll-avg time-between-poll-max",
        Why::Untold,
    ),
    (
        "kafka.consumer",
        "consumer-coordinator-metrics",
        "client-id",
        "commit-latency-avg commit-latency-max failed-rebalance-rate-per-hour failed-rebalance-total \
         heartbeat-response-time-max join-time-avg join-time-max last-heartbeat-seconds-ago \
         partition-assigned-latency-avg partition-assigned-latency-max partition-lost-latency-avg \
         partition-lost-latency-max partition-revoked-latency-avg partition-revoked-latency-max rebalance-latency-avg \
         rebalance-latency-max rebalance-latency-total sync-time-avg sync-time-max",
        Why::Untold,
    ),
    (
        "kafka.consumer",
        "consumer-fetch-manager-metrics",
        "client-id",
        "fetch-latency-avg fetch-latency-max fetch-size-max records-lead-min",
        Why::Untold,
    ),
    (
        "kafka.consumer",
        "consumer-fetch-manager-metrics",
        "client-id,topic",
        "fetch-size-avg fetch-size-max records-per-request-avg",
        Why::Untold,
    ),
    (
        "kafka.consumer",
        "consumer-fetch-manager-metrics",
        "client-id,topic,partition",
        "preferred-read-replica records-lag-avg records-lag-max records-lead records-lead-avg records-lead-min",
        Why::Untold,
    ),
];

/// The first reason for which a row is not served.
fn reason(domain: &str, group: &str, tags: &str, attribute: &str) -> Option<Why> {
    let fits = |pattern: &str, text: &str| pattern == "*" || pattern.split(' ').any(|word| word == text);
    let row = UNSERVED
        .iter()
        .find(|(d, g, t, a, _)| fits(d, domain) && fits(g, group) && (*t == "*" || *t == tags) && fits(a, attribute));
    row.map(|row| row.4)
}

/// A page of figures: the samples by name and labels.
struct Page(BTreeMap<String, BTreeMap<Vec<(String, String)>, String>>);

impl Page {
    async fn of(worker: &Worker) -> Self {
        let text = worker.get("/metrics").await.body.as_str().unwrap_or_default().to_owned();
        let mut page = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').expect("a sample ends with its value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            // No value of this test holds a comma or a quote.
            let labels = labels.trim_end_matches('}').split(',').filter_map(|label| label.split_once('='));
            let labels = labels.map(|(label, text)| (label.to_owned(), text.trim_matches('"').to_owned())).collect();
            let samples: &mut BTreeMap<_, _> = page.entry(name.to_owned()).or_default();
            assert_eq!(samples.insert(labels, value.to_owned()), None, "{line} stands there twice");
        }
        Self(page)
    }

    /// Whether there is a sample with labels of these names.
    fn has(&self, name: &str, labels: &str) -> bool {
        let wanted: BTreeSet<&str> =
            labels.split(',').filter_map(|label| label.split('=').next()).filter(|label| !label.is_empty()).collect();
        let Some(samples) = self.0.get(name) else { return false };
        samples.keys().any(|labels| labels.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>() == wanted)
    }

    /// The value of one sample; empty when it is not there.
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> String {
        let labels: Vec<(String, String)> = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        self.0.get(name).and_then(|samples| samples.get(&labels)).cloned().unwrap_or_default()
    }
}

/// Rows of the golden table without their figure, and rows that have it though they are listed as not served.
fn unexpected(page: &Page, table: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [domain, group, tags, attribute, _, jmx, jmx_labels, stacks, stacks_labels, short, reporter, _] = cells[..]
        else {
            panic!("{line}")
        };
        let names = [(jmx, jmx_labels), (stacks, stacks_labels), (short, stacks_labels)];
        let mut named = names.iter().filter(|(name, _)| !name.is_empty()).peekable();
        let served = named.peek().is_some() && named.all(|(name, labels)| page.has(name, labels));
        // Of Strimzi's reporter the names alone: where it shares a name with Confluent's rules, their labels stand there.
        let served = served && (reporter.is_empty() || page.0.contains_key(reporter));
        let why = reason(domain, group, tags, attribute);
        if served == why.is_some() {
            found.push(format!("{domain} {group} {{{tags}}} {attribute}: served {served}, {why:?}"));
        }
    }
    found
}

#[tokio::test]
async fn the_figures_are_those_of_the_jvm_under_the_names_of_its_dashboards() {
    let dir = fresh_dir("metrics");
    let (worker, _) = Worker::with_broker(&dir);
    let mut worker = worker.ready_after_start().await;
    worker.expects(&["Tolerance exceeded in error handler", "Subscribed topic not available: "]);
    let (input, output) = (dir.join("in.txt"), dir.join("out.txt"));
    let lines = |from: usize, to: usize| (from..to).map(|line| format!("line {line}\n")).collect::<String>();
    std::fs::write(&input, lines(0, 1500)).expect("the test's folder can be written");
    let source = json!({
        "connector.class": "FileStreamSource", "file": input, "topic": "lines", "value.converter": TEXT,
        "transforms": "hoist,back", "transforms.hoist.type": "org.apache.kafka.connect.transforms.HoistField$Value",
        "transforms.hoist.field": "line", "transforms.back.field": "line", "transforms.back.predicate": "ours",
        "transforms.back.type": "org.apache.kafka.connect.transforms.ExtractField$Value", "predicates": "ours",
        "predicates.ours.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
        "predicates.ours.pattern": "lines",
    });
    let sink = json!({
        "connector.class": "FileStreamSink", "topics": "lines", "file": output, "value.converter": TEXT,
        "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "letters",
        "errors.deadletterqueue.topic.replication.factor": "1",
    });
    // Lines are no JSON.
    let broken = json!({"connector.class": "FileStreamSink", "topics": "lines", "file": dir.join("none.txt")});
    for (name, config) in [("source", source), ("sink", sink), ("broken", broken)] {
        assert_eq!(worker.create(name, config).await.status, 201, "{name}");
    }
    worker.reaches("broken", "FAILED").await;
    let table = std::fs::read_to_string(repository().join("tests/golden/metrics/table.tsv")).expect("a golden file");
    // Clients tell their figures every few seconds.
    wait::until("all figures are there", SOON, Vec::new(), || async { unexpected(&Page::of(&worker).await, &table) })
        .await;

    let task = |connector| [("connector", connector), ("task", "0")];
    wait::until(
        "all lines are put and committed",
        SOON,
        ["1500", "1500", "1500", "1500", "0"].map(str::to_owned),
        || async {
            let page = Page::of(&worker).await;
            [
                page.value("kafka_connect_source_task_source_record_poll_total", &task("source")),
                page.value("kafka_connect_source_task_source_record_write_total", &task("source")),
                page.value("kafka_connect_sink_task_sink_record_read_total", &task("sink")),
                page.value("kafka_connect_sink_task_metrics_sink_record_send_total", &task("sink")),
                page.value("kafka_connect_sink_task_sink_record_active_count", &task("sink")),
            ]
        },
    )
    .await;
    // Offsets are committed again and again, not just once.
    append(&input, &lines(1500, 1600));
    let expected = json!({"offsets": [
        {"partition": {"kafka_topic": "lines", "kafka_partition": 0}, "offset": {"kafka_offset": 1600}}
    ]});
    wait::until("the new lines are committed too", SOON, expected, || async {
        worker.get("/connectors/sink/offsets").await.body
    })
    .await;

    let page = Page::of(&worker).await;
    let connector = |name| [("connector", name)];
    for (name, labels, expected) in [
        ("kafka_connect_worker_connector_count", &[][..], "3"),
        ("kafka_connect_connect_worker_metrics_task_count", &connector("aggregate")[..], "3"),
        ("kafka_connect_worker_connector_startup_success_total", &[], "3"),
        ("kafka_connect_worker_connector_failed_task_count", &connector("broken"), "1"),
        ("kafka_connect_worker_connector_failed_task_count", &connector("sink"), "0"),
        ("kafka_connect_task_error_total_record_failures", &task("broken"), "1"),
        ("kafka_connect_sink_task_partition_count", &task("sink"), "1"),
    ] {
        assert_eq!(page.value(name, labels), expected, "{name}{labels:?}");
    }
    let failed = [("connector", "broken"), ("task", "0"), ("status", "failed")];
    assert_eq!(page.value("kafka_connect_connector_task_status", &failed), "1", "a failed task keeps its figures");
    for (connector, stages) in [
        ("source", &["read", "decode", "transform", "convert", "produce", "ack"][..]),
        ("sink", &["read", "convert", "transform", "put", "commit"]),
    ] {
        for stage in stages {
            let labels = [("connector", connector), ("task", "0"), ("stage", stage)];
            let seconds = page.value("millrace_task_stage_seconds_total", &labels);
            assert!(seconds.parse::<f64>().is_ok_and(|seconds| seconds > 0.0), "{connector} {stage}: {seconds}");
        }
    }
    assert_eq!(worker.put("/connectors/broken/stop", None).await.status, 204);
    wait::until("a stopped task has no figures", SOON, String::new(), || async {
        Page::of(&worker).await.value("kafka_connect_task_error_total_record_failures", &task("broken"))
    })
    .await;
    worker.stop().await;
    drop(worker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}
