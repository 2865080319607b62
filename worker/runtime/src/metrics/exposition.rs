//! All figures as text for Prometheus, under the names that dashboards of the JVM worker ask for.
//!
//! A figure is first described as the JVM does: group, tags, attribute. From that follow its names in the families in
//! use: those of the jmx_exporter example (which Strimzi shares), and those of Confluent's stacks, which for numbers are
//! also those of Strimzi's own reporter.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Instant};

use prometheus::{
    TextEncoder,
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};

use super::TaskMetrics;
use crate::{
    herder::driver::Snapshot,
    rest::App,
    storage::{
        config_state::TaskId,
        statuses::{State, Subject},
    },
};

type Labels = Vec<(&'static str, String)>;

/// Samples by metric name, so that each name is written as one block.
#[derive(Default)]
struct Samples(BTreeMap<String, Vec<(Labels, f64)>>);

impl Samples {
    fn add(&mut self, name: impl Into<String>, labels: Labels, value: f64) {
        self.0.entry(name.into()).or_default().push((labels, value));
    }

    /// A numeric attribute of a JVM group, in all families.
    fn number(&mut self, group: &str, attribute: &str, labels: &Labels, value: f64) {
        let attribute = attribute.replace('-', "_");
        self.add(format!("{}_{attribute}", jmx_prefix(group)), labels.clone(), value);
        let mut aggregate = labels.clone();
        if group == "connect-worker-metrics" && labels.is_empty() {
            aggregate.push(("connector", "aggregate".into()));
        }
        self.add(format!("kafka_connect_{}_{attribute}", group.replace('-', "_")), aggregate, value);
    }

    /// An attribute that is text: a constant 1 with the text as a label.
    fn text(&mut self, group: &str, attribute: &'static str, labels: &Labels, value: &str) {
        let label = match attribute {
            "connector-class" => "connector_class",
            "connector-type" => "connector_type",
            "connector-version" => "connector_version",
            "leader-name" => "leader_name",
            "connect-protocol" => "connect_protocol",
            other => other,
        };
        let mut labelled = labels.clone();
        labelled.push((label, value.to_owned()));
        let group_name = group.replace('-', "_");
        self.add(format!("{}_{label}", jmx_prefix(group)), labelled.clone(), 1.0);
        self.add(format!("kafka_connect_{group_name}"), labelled.clone(), 1.0);
        self.add(format!("kafka_connect_{group_name}_{label}_info"), labelled, 1.0);
    }

    fn render(self) -> String {
        let families: Vec<MetricFamily> = self.0.into_iter().map(|(name, samples)| family(name, samples)).collect();
        let mut out = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut out) {
            tracing::warn!(%error, "could not write all metrics");
        }
        out
    }
}

fn family(name: String, samples: Vec<(Labels, f64)>) -> MetricFamily {
    let counter = name.ends_with("_total") || name.ends_with("_sum");
    let metric = |(labels, value): (Labels, f64)| {
        let pair = |(label, text): (&str, String)| {
            let mut pair = LabelPair::default();
            pair.set_name(label.to_owned());
            pair.set_value(text);
            pair
        };
        let mut metric = Metric::from_label(labels.into_iter().map(pair).collect());
        if counter {
            let mut number = Counter::default();
            number.set_value(value);
            metric.set_counter(number);
        } else {
            let mut number = Gauge::default();
            number.set_value(value);
            metric.set_gauge(number);
        }
        metric
    };
    let mut family = MetricFamily::default();
    family.set_name(name);
    family.set_field_type(if counter { MetricType::COUNTER } else { MetricType::GAUGE });
    family.set_metric(samples.into_iter().map(metric).collect());
    family
}

fn jmx_prefix(group: &str) -> &'static str {
    match group {
        "connect-worker-metrics" => "kafka_connect_worker",
        "connect-worker-rebalance-metrics" => "kafka_connect_worker_rebalance",
        "connect-coordinator-metrics" => "kafka_connect_coordinator",
        "connector-metrics" => "kafka_connect_connector",
        "connector-task-metrics" => "kafka_connect_connector_task",
        "source-task-metrics" => "kafka_connect_source_task",
        "sink-task-metrics" => "kafka_connect_sink_task",
        "task-error-metrics" => "kafka_connect_task_error",
        _ => "kafka_connect",
    }
}

/// The whole page.
pub fn render(app: &App) -> String {
    let mut samples = Samples::default();
    process(&mut samples);
    worker(app, &mut samples);
    if let Ok(services) = app.services() {
        connectors(app, &mut samples);
        for (id, metrics) in services.shared.metrics.all() {
            let state = services.shared.statuses.get(&Subject::Task(id.clone())).map(|status| status.state);
            task(&id, &metrics, state, &mut samples);
        }
    }
    samples.render()
}

fn process(samples: &mut Samples) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may hold blanks: fields are counted from behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    // Linux counts in hundredths of a second, and in pages of 4 KiB, on all machines this runs on.
    samples.add("process_cpu_seconds_total", Vec::new(), (field(11) + field(12)) / 100.0);
    let resident = field(21) * 4096.0;
    samples.add("process_resident_memory_bytes", Vec::new(), resident);
    samples.add("jvm_memory_used_bytes", vec![("area", "heap".into())], resident);
    samples.add("jvm_memory_bytes_used", vec![("area", "heap".into())], resident);
    samples.add("jvm_threads_current", Vec::new(), field(17));
}

fn worker(app: &App, samples: &mut Samples) {
    let snapshot = app.herder.snapshot.borrow().clone();
    let none = Labels::new();
    samples.number("connect-worker-metrics", "connector-count", &none, snapshot.connectors.len() as f64);
    samples.number("connect-worker-metrics", "task-count", &none, snapshot.tasks as f64);
    if app.settings.cluster().is_some() {
        membership(app, &snapshot, samples);
    }
    let version = vec![("version", crate::plugins::VERSION.to_owned())];
    samples.add("kafka_connect_version_info", version.clone(), 1.0);
    samples.add("kafka_connect_app_info", version, 1.0);
}

/// This worker's place in its group.
fn membership(app: &App, snapshot: &Snapshot, samples: &mut Samples) {
    let none = Labels::new();
    let client = vec![("client_id", format!("connect-{}", app.settings.worker_id()))];
    samples.number("connect-coordinator-metrics", "assigned-connectors", &client, snapshot.connectors.len() as f64);
    samples.number("connect-coordinator-metrics", "assigned-tasks", &client, snapshot.tasks as f64);
    let group = "connect-worker-rebalance-metrics";
    samples.number(group, "rebalancing", &none, if snapshot.ready { 0.0 } else { 1.0 });
    samples.number(group, "epoch", &none, f64::from(snapshot.generation));
    samples.number(group, "completed-rebalances-total", &none, snapshot.rebalances as f64);
    let since =
        snapshot.last_rebalance.map_or(f64::INFINITY, |at| Instant::now().duration_since(at).as_millis() as f64);
    samples.number(group, "time-since-last-rebalance-ms", &none, since);
    if let Some(leader) = &snapshot.leader_url {
        samples.text(group, "leader-name", &none, leader);
    }
    let protocol =
        ["EAGER", "COMPATIBLE", "SESSIONED"][usize::try_from(snapshot.protocol_version.clamp(0, 2)).unwrap_or(0)];
    samples.text(group, "connect-protocol", &none, protocol);
}

/// Each connector's series come from the worker that owns it, one status at a time.
fn connectors(app: &App, samples: &mut Samples) {
    let Ok(services) = app.services() else { return };
    let config = app.herder.config();
    for name in app.herder.snapshot.borrow().connectors.iter() {
        let labels: Labels = vec![("connector", name.clone())];
        let statuses = &services.shared.statuses;
        if let Some(status) = statuses.get(&Subject::Connector(name.clone())) {
            samples.text("connector-metrics", "status", &labels, &status.state.name().to_ascii_lowercase());
        }
        if let Some(plugin) = config.connector(name).and_then(|p| app.plugins.find_connector(p.get("connector.class")?))
        {
            samples.text("connector-metrics", "connector-class", &labels, plugin.class());
            samples.text("connector-metrics", "connector-type", &labels, plugin.kind());
            samples.text("connector-metrics", "connector-version", &labels, plugin.version());
        }
        let tasks = statuses.tasks(name);
        samples.number("connect-worker-metrics", "connector-total-task-count", &labels, tasks.len() as f64);
        for state in
            [State::Running, State::Paused, State::Failed, State::Unassigned, State::Destroyed, State::Restarting]
        {
            let count = tasks.iter().filter(|(_, status)| status.state == state).count();
            let attribute = format!("connector-{}-task-count", state.name().to_ascii_lowercase());
            samples.number("connect-worker-metrics", &attribute, &labels, count as f64);
        }
    }
}

fn task(id: &TaskId, metrics: &TaskMetrics, state: Option<State>, samples: &mut Samples) {
    let labels: Labels = vec![("connector", id.connector.clone()), ("task", id.task.to_string())];
    if let Some(state) = state {
        samples.text("connector-task-metrics", "status", &labels, &state.name().to_ascii_lowercase());
    }
    let mut number = |group: &str, attribute: &str, value: f64| samples.number(group, attribute, &labels, value);
    let count = |counter: &super::Counter| counter.get() as f64;
    let (batch_avg, batch_max) = metrics.batch_size.read().unwrap_or_default();
    number("connector-task-metrics", "batch-size-avg", batch_avg);
    number("connector-task-metrics", "batch-size-max", batch_max);
    let (commit_avg, commit_max) = metrics.commit_time.read().unwrap_or_default();
    number("connector-task-metrics", "offset-commit-avg-time-ms", commit_avg);
    number("connector-task-metrics", "offset-commit-max-time-ms", commit_max);
    let (good, bad) = (count(&metrics.commits), count(&metrics.commit_failures));
    let share = |part: f64| if good + bad > 0.0 { part / (good + bad) } else { 0.0 };
    number("connector-task-metrics", "offset-commit-success-percentage", share(good));
    number("connector-task-metrics", "offset-commit-failure-percentage", share(bad));
    number("connector-task-metrics", "running-ratio", if state == Some(State::Running) { 1.0 } else { 0.0 });
    number("connector-task-metrics", "pause-ratio", if state == Some(State::Paused) { 1.0 } else { 0.0 });
    let (time_avg, time_max) = metrics.batch_time.read().unwrap_or_default();
    if metrics.is_sink {
        let group = "sink-task-metrics";
        number(group, "sink-record-read-total", count(&metrics.records_in));
        number(group, "sink-record-send-total", count(&metrics.records_out));
        number(group, "sink-record-active-count", metrics.active.get() as f64);
        number(group, "partition-count", metrics.partitions.get() as f64);
        number(group, "put-batch-avg-time-ms", time_avg);
        number(group, "put-batch-max-time-ms", time_max);
        number(group, "offset-commit-completion-total", good);
    } else {
        let group = "source-task-metrics";
        number(group, "source-record-poll-total", count(&metrics.records_in));
        number(group, "source-record-write-total", count(&metrics.records_out));
        number(group, "source-record-active-count", metrics.active.get() as f64);
        number(group, "poll-batch-avg-time-ms", time_avg);
        number(group, "poll-batch-max-time-ms", time_max);
    }
    let group = "task-error-metrics";
    number(group, "total-record-failures", count(&metrics.record_failures));
    number(group, "total-record-errors", count(&metrics.record_errors));
    number(group, "total-records-skipped", count(&metrics.skipped));
    number(group, "total-retries", count(&metrics.retries));
    number(group, "total-errors-logged", count(&metrics.errors_logged));
    number(group, "deadletterqueue-produce-requests", count(&metrics.dead_letters));
    number(group, "deadletterqueue-produce-failures", count(&metrics.dead_letter_failures));
    number(group, "last-error-timestamp", metrics.last_error_ms.load(Ordering::Relaxed) as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_appears_under_the_names_of_all_families() {
        let mut samples = Samples::default();
        let labels = vec![("connector", "a\"b".to_owned())];
        samples.number("source-task-metrics", "source-record-poll-total", &labels, 3.0);
        samples.text("connector-metrics", "status", &labels, "running");
        let expected = r##"# TYPE kafka_connect_connector_metrics gauge
kafka_connect_connector_metrics{connector="a\"b",status="running"} 1
# TYPE kafka_connect_connector_metrics_status_info gauge
kafka_connect_connector_metrics_status_info{connector="a\"b",status="running"} 1
# TYPE kafka_connect_connector_status gauge
kafka_connect_connector_status{connector="a\"b",status="running"} 1
# TYPE kafka_connect_source_task_metrics_source_record_poll_total counter
kafka_connect_source_task_metrics_source_record_poll_total{connector="a\"b"} 3
# TYPE kafka_connect_source_task_source_record_poll_total counter
kafka_connect_source_task_source_record_poll_total{connector="a\"b"} 3
"##;
        assert_eq!(samples.render(), expected);
    }
}
