//! Which client settings a connector may override (`connector.client.config.override.policy`), and with what.

use connect_api::Props;

use super::report::{Definition, Report, Row};
use crate::{
    config::{OverridePolicy, WorkerConfig},
    plugins::ConnectorPlugin,
    rest::model::HIDDEN,
};

/// Checks the overrides of the clients that such a connector has.
pub fn check(report: &mut Report, plugin: ConnectorPlugin, props: &Props, worker: &WorkerConfig) {
    let given = |key: &str| props.get(key).is_some_and(|text| !text.trim().is_empty());
    let prefixes: &[&str] = match plugin {
        ConnectorPlugin::Source(_) if given("topic.creation.default.partitions") => {
            &["producer.override.", "admin.override."]
        }
        ConnectorPlugin::Source(_) => &["producer.override."],
        ConnectorPlugin::Sink(_) if given("errors.deadletterqueue.topic.name") => {
            &["producer.override.", "consumer.override.", "admin.override."]
        }
        ConnectorPlugin::Sink(_) => &["consumer.override."],
    };
    for prefix in prefixes {
        for (key, value) in props.iter().filter(|(key, _)| key.starts_with(*prefix)) {
            let setting = &key[prefix.len()..];
            let known = SETTINGS.iter().find(|(name, _)| *name == setting).map(|(_, ty)| *ty);
            let errors = refusal(worker, setting).or_else(|| wrong_type(setting, known, value));
            // A setting that may hold a secret is never shown. (Invariant 8)
            let shown = if known == Some("PASSWORD") || crate::kafka::is_secret(setting) { HIDDEN } else { value };
            report.add(Row {
                definition: known.map(|ty| definition(key, ty)),
                name: key.clone(),
                value: Some(shown.to_owned()),
                recommended: Vec::new(),
                errors: errors.into_iter().collect(),
                visible: true,
            });
        }
    }
}

/// Settings of Java's clients that connectors override, with their types there; others are passed on as they are.
const SETTINGS: &[(&str, &str)] = &[
    ("acks", "STRING"),
    ("auto.offset.reset", "STRING"),
    ("batch.size", "INT"),
    ("bootstrap.servers", "LIST"),
    ("buffer.memory", "LONG"),
    ("client.id", "STRING"),
    ("client.rack", "STRING"),
    ("compression.type", "STRING"),
    ("delivery.timeout.ms", "INT"),
    ("enable.idempotence", "BOOLEAN"),
    ("fetch.max.bytes", "INT"),
    ("fetch.max.wait.ms", "INT"),
    ("fetch.min.bytes", "INT"),
    ("group.id", "STRING"),
    ("group.instance.id", "STRING"),
    ("heartbeat.interval.ms", "INT"),
    ("isolation.level", "STRING"),
    ("linger.ms", "LONG"),
    ("max.block.ms", "LONG"),
    ("max.in.flight.requests.per.connection", "INT"),
    ("max.partition.fetch.bytes", "INT"),
    ("max.poll.interval.ms", "INT"),
    ("max.poll.records", "INT"),
    ("max.request.size", "INT"),
    ("metadata.max.age.ms", "LONG"),
    ("request.timeout.ms", "INT"),
    ("retries", "INT"),
    ("sasl.jaas.config", "PASSWORD"),
    ("sasl.login.callback.handler.class", "CLASS"),
    ("sasl.mechanism", "STRING"),
    ("sasl.oauthbearer.client.credentials.client.id", "STRING"),
    ("sasl.oauthbearer.client.credentials.client.secret", "PASSWORD"),
    ("sasl.oauthbearer.scope", "STRING"),
    ("sasl.oauthbearer.token.endpoint.url", "STRING"),
    ("security.protocol", "STRING"),
    ("session.timeout.ms", "INT"),
    ("ssl.endpoint.identification.algorithm", "STRING"),
    ("ssl.key.password", "PASSWORD"),
    ("ssl.keystore.certificate.chain", "PASSWORD"),
    ("ssl.keystore.key", "PASSWORD"),
    ("ssl.keystore.location", "STRING"),
    ("ssl.keystore.password", "PASSWORD"),
    ("ssl.keystore.type", "STRING"),
    ("ssl.truststore.certificates", "PASSWORD"),
    ("ssl.truststore.location", "STRING"),
    ("ssl.truststore.password", "PASSWORD"),
    ("ssl.truststore.type", "STRING"),
    ("transactional.id", "STRING"),
];

fn definition(key: &str, ty: &'static str) -> Definition {
    Definition {
        name: key.to_owned(),
        ty,
        required: false,
        default: None,
        importance: "MEDIUM",
        doc: String::new(),
        group: None,
        order: -1,
        width: "NONE",
        display: key.to_owned(),
    }
}

fn wrong_type(setting: &str, ty: Option<&str>, value: &str) -> Option<String> {
    let (text, ty) = (value.trim(), ty?);
    let problem = match ty {
        "INT" => text.parse::<i32>().is_err().then_some("Not a number of type INT"),
        "LONG" => text.parse::<i64>().is_err().then_some("Not a number of type LONG"),
        "BOOLEAN" => (!["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)))
            .then_some("Expected value to be either true or false"),
        _ => None,
    };
    problem.map(|problem| format!("Invalid value {value} for configuration {setting}: {problem}"))
}

fn refusal(worker: &WorkerConfig, setting: &str) -> Option<String> {
    let policy = worker.override_policy;
    let allowed = match policy {
        OverridePolicy::All => true,
        OverridePolicy::None => false,
        OverridePolicy::Principal => matches!(setting, "security.protocol" | "sasl.jaas.config" | "sasl.mechanism"),
        OverridePolicy::Allowlist => worker.override_allowlist.iter().any(|known| known == setting),
    };
    (!allowed).then(|| {
        format!("The '{policy:?}' policy does not allow '{setting}' to be overridden in the connector configuration.")
    })
}
