//! The names of figures: described once as the JVM describes its beans, written as each family of dashboards asks for it.
//!
//! Families in use: that of the jmx_exporter example, which Strimzi shares; that of Confluent's stacks, with an exporter
//! before and after version 1.0; and that of Strimzi's own reporter, which for most numbers is the second one.

use std::collections::BTreeMap;

use prometheus::{
    TextEncoder,
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};

pub type Labels = Vec<(&'static str, String)>;

/// Samples by metric name, so that each name is written as one block.
#[derive(Default)]
pub struct Samples(BTreeMap<String, Vec<(Labels, f64)>>);

/// Whose figures they are: `domain:type=group,tag=value`.
pub struct Bean<'a> {
    samples: &'a mut Samples,
    domain: &'static str,
    group: &'static str,
    tags: Labels,
}

pub const CONNECT: &str = "kafka.connect";

impl Samples {
    pub fn add(&mut self, name: impl Into<String>, labels: Labels, value: f64) {
        self.0.entry(name.into()).or_default().push((labels, value));
    }

    pub fn bean(&mut self, domain: &'static str, group: &'static str, tags: Labels) -> Bean<'_> {
        Bean { samples: self, domain, group, tags }
    }

    pub fn render(self) -> String {
        let families: Vec<MetricFamily> = self.0.into_iter().map(|(name, samples)| family(name, samples)).collect();
        let mut out = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut out) {
            tracing::warn!(%error, "could not write all metrics");
        }
        out
    }
}

impl Bean<'_> {
    /// An attribute that is a number.
    pub fn number(&mut self, attribute: &str, value: f64) {
        let names = Names::of(self.domain, self.group, attribute);
        let mut stacks = spelled(&self.tags, '_');
        // Confluent's rules tell the worker's own figures from those of its connectors by this name.
        if self.group == "connect-worker-metrics" && stacks.is_empty() {
            stacks.push(("connector", "aggregate".into()));
        }
        if let Some(short) = names.stacks_short() {
            self.samples.add(short, stacks.clone(), value);
        }
        self.samples.add(names.stacks, stacks, value);
        self.samples.add(names.jmx, spelled(&self.tags, '\0'), value);
    }

    /// An attribute that is text: a constant 1 with the text as a label.
    pub fn text(&mut self, attribute: &'static str, value: &str) {
        let names = Names::of(self.domain, self.group, attribute);
        let label = (label_of(attribute), value.to_owned());
        let with = |mut labels: Labels| {
            labels.push(label.clone());
            labels
        };
        let stacks = with(spelled(&self.tags, '_'));
        self.samples.add(format!("{}_info", names.stacks), stacks.clone(), 1.0);
        // Of connectors, Confluent's rules have one name for all texts.
        let one = (self.group == "connector-metrics").then(|| "kafka_connect_connector_metrics".to_owned());
        self.samples.add(one.unwrap_or(names.stacks), stacks, 1.0);
        self.samples.add(names.jmx, with(spelled(&self.tags, '\0')), 1.0);
    }
}

/// What one attribute is called.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    jmx: String,
    stacks: String,
}

impl Names {
    fn of(domain: &str, group: &str, attribute: &str) -> Self {
        let underscored = |text: &str| text.replace(['-', '.'], "_");
        let (domain_name, attribute) = (underscored(domain), underscored(attribute));
        let short = underscored(short_group(domain, group));
        let between = if short.is_empty() { "" } else { "_" };
        Self {
            jmx: format!("{domain_name}_{short}{between}{attribute}"),
            stacks: format!("{domain_name}_{}_{attribute}", underscored(group)),
        }
    }

    /// Exporters since 1.0, and Strimzi's reporter, take `_total` off what is no counter to them.
    fn stacks_short(&self) -> Option<&str> {
        self.stacks.strip_suffix("_total")
    }
}

/// The part of a group's name that the jmx_exporter example keeps.
fn short_group<'a>(domain: &str, group: &'a str) -> &'a str {
    let group = group.strip_suffix("-metrics").unwrap_or(group);
    let kind = match domain {
        "kafka.admin.client" => "admin-client",
        other => other.strip_prefix("kafka.").unwrap_or(other),
    };
    match group.strip_prefix(kind) {
        // The example has no rule of its own for the nodes a worker's group is connected to.
        Some("" | "-node") if kind == "connect" => "",
        Some("") => "",
        Some(rest) => rest.strip_prefix('-').unwrap_or(group),
        None => group,
    }
}

fn label_of(attribute: &'static str) -> &'static str {
    match attribute {
        "connector-class" => "connector_class",
        "connector-type" => "connector_type",
        "connector-version" => "connector_version",
        "task-class" => "task_class",
        "task-version" => "task_version",
        "key-converter-class" => "key_converter_class",
        "key-converter-version" => "key_converter_version",
        "value-converter-class" => "value_converter_class",
        "value-converter-version" => "value_converter_version",
        "header-converter-class" => "header_converter_class",
        "header-converter-version" => "header_converter_version",
        "transform-class" => "transform_class",
        "transform-version" => "transform_version",
        "predicate-class" => "predicate_class",
        "predicate-version" => "predicate_version",
        "leader-name" => "leader_name",
        "connect-protocol" => "connect_protocol",
        other => other,
    }
}

/// Tags as labels: `client_id` in one family, `clientid` in the other.
fn spelled(tags: &Labels, between: char) -> Labels {
    let name = |tag: &'static str| match (tag, between) {
        ("client-id", '_') => "client_id",
        ("client-id", _) => "clientid",
        ("node-id", '_') => "node_id",
        ("node-id", _) => "nodeid",
        (other, _) => other,
    };
    tags.iter().map(|(tag, value)| (name(tag), value.clone())).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_appears_under_the_names_of_all_families() {
        let mut samples = Samples::default();
        let labels = vec![("connector", "a\"b".to_owned())];
        samples.bean(CONNECT, "source-task-metrics", labels.clone()).number("source-record-poll-total", 3.0);
        samples.bean(CONNECT, "connector-metrics", labels).text("status", "running");
        samples.bean(CONNECT, "connect-worker-metrics", Labels::new()).number("task-count", 2.0);
        let client = vec![("client-id", "c".to_owned())];
        samples.bean("kafka.consumer", "consumer-metrics", client).number("connection-count", f64::NAN);
        let expected = r##"# TYPE kafka_connect_connect_worker_metrics_task_count gauge
kafka_connect_connect_worker_metrics_task_count{connector="aggregate"} 2
# TYPE kafka_connect_connector_metrics gauge
kafka_connect_connector_metrics{connector="a\"b",status="running"} 1
# TYPE kafka_connect_connector_metrics_status_info gauge
kafka_connect_connector_metrics_status_info{connector="a\"b",status="running"} 1
# TYPE kafka_connect_connector_status gauge
kafka_connect_connector_status{connector="a\"b",status="running"} 1
# TYPE kafka_connect_source_task_metrics_source_record_poll gauge
kafka_connect_source_task_metrics_source_record_poll{connector="a\"b"} 3
# TYPE kafka_connect_source_task_metrics_source_record_poll_total counter
kafka_connect_source_task_metrics_source_record_poll_total{connector="a\"b"} 3
# TYPE kafka_connect_source_task_source_record_poll_total counter
kafka_connect_source_task_source_record_poll_total{connector="a\"b"} 3
# TYPE kafka_connect_worker_task_count gauge
kafka_connect_worker_task_count 2
# TYPE kafka_consumer_connection_count gauge
kafka_consumer_connection_count{clientid="c"} NaN
# TYPE kafka_consumer_consumer_metrics_connection_count gauge
kafka_consumer_consumer_metrics_connection_count{client_id="c"} NaN
"##;
        assert_eq!(samples.render(), expected);
    }
}
