//! Which client settings a connector may override (`connector.client.config.override.policy`).

use connect_api::Props;

use super::report::{Definition, Report, Row};
use crate::{config::WorkerConfig, plugins::ConnectorPlugin};

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
            let refused = refusal(worker, setting);
            let errors: Vec<String> = refused.into_iter().collect();
            if errors.is_empty() {
                continue;
            }
            report.add(Row {
                definition: None::<Definition>,
                name: key.clone(),
                value: Some(value.clone()),
                recommended: Vec::new(),
                errors,
            });
        }
    }
}

fn refusal(worker: &WorkerConfig, setting: &str) -> Option<String> {
    let policy = worker.override_policy.rsplit('.').next().unwrap_or_default();
    let policy = policy.trim_end_matches("ConnectorClientConfigOverridePolicy");
    let allowed = match policy {
        "None" => false,
        "Principal" => matches!(setting, "security.protocol" | "sasl.jaas.config" | "sasl.mechanism"),
        "Allowlist" => worker.override_allowlist.iter().any(|known| known == setting),
        _ => true,
    };
    (!allowed).then(|| {
        format!("The '{policy}' policy does not allow '{setting}' to be overridden in the connector configuration.")
    })
}
