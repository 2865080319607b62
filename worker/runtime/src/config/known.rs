//! Which properties a worker knows, and what those of older versions are called now.

use connect_api::{Config, Props};

use super::{ClusterConfig, StandaloneConfig, WorkerConfig};

/// Settings of the JVM's worker without a meaning here: plugins are in the binary, and metrics go to `/metrics`.
const WITHOUT_MEANING: &[&str] = &[
    "auto.include.jmx.reporter",
    "connector.plugin.version",
    "header.converter.plugin.version",
    "inter.worker.key.generation.algorithm",
    "inter.worker.key.size",
    "inter.worker.signature.algorithm",
    "inter.worker.verification.algorithms",
    "internal.key.converter",
    "internal.value.converter",
    "key.converter.plugin.version",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "millrace.compat.strict",
    "plugin.discovery",
    "plugin.path",
    "value.converter.plugin.version",
];

/// What follows these is for others to read: clients, converters, providers, topics.
const PREFIXES: &[&str] = &[
    "admin.",
    "config.providers.",
    "config.storage.",
    "consumer.",
    "header.converter.",
    "internal.key.converter.",
    "internal.value.converter.",
    "key.converter.",
    "metrics.context.",
    "offset.storage.",
    "producer.",
    "sasl.",
    "ssl.",
    "status.storage.",
    "value.converter.",
];

/// Settings that would change something, and what.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("rest.advertised.listener", "the REST API is served over HTTP only"),
    ("rest.extension.classes", "REST extensions are Java classes"),
];

/// Whether a worker of any mode does something by the property itself.
pub(crate) fn is_read(key: &str) -> bool {
    [WorkerConfig::def(), ClusterConfig::def(), StandaloneConfig::def()].iter().any(|def| def.key(key).is_some())
}

fn is_known(key: &str) -> bool {
    is_read(key)
        || WITHOUT_MEANING.contains(&key)
        || WITHOUT_EFFECT.iter().any(|(known, _)| *known == key)
        || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        || crate::kafka::is_client_property(key)
}

/// What there is to say of properties that are not read. Their values may be secrets, and are not told. (Invariant 8)
pub(super) fn notes(props: &Props) -> Vec<String> {
    let mut notes = Vec::new();
    for (key, value) in props.iter().filter(|(_, value)| !value.trim().is_empty()) {
        match WITHOUT_EFFECT.iter().find(|(known, _)| known == key) {
            Some((_, why)) => notes.push(format!("{key} has no effect: {why}")),
            None if key == "listeners" && value.to_ascii_lowercase().contains("https://") => {
                notes.push("the https listeners are left out: the REST API is served over HTTP only".into());
            }
            None => {}
        }
    }
    let unknown: Vec<&str> = props.keys().map(String::as_str).filter(|key| !is_known(key)).collect();
    if !unknown.is_empty() {
        notes.push(format!("unknown settings are ignored: {}", unknown.join(", ")));
    }
    notes
}

/// Puts the settings of Kafka 2 and before under the names that they have now, and says so.
pub(super) fn with_old_names(mut props: Props) -> (Props, Vec<String>) {
    let host = props.shift_remove("rest.host.name").filter(|host| !host.trim().is_empty());
    let port = props.shift_remove("rest.port").filter(|port| !port.trim().is_empty());
    if (host.is_none() && port.is_none()) || props.contains_key("listeners") {
        return (props, Vec::new());
    }
    let (host, port) = (host.unwrap_or_default(), port.unwrap_or_else(|| super::DEFAULT_PORT.to_string()));
    let listeners = format!("http://{}:{}", host.trim(), port.trim());
    // What was the default then is the default now.
    let is_default = listeners == format!("http://:{}", super::DEFAULT_PORT);
    let note = format!("rest.host.name and rest.port are old names; say listeners={listeners}");
    props.insert("listeners".into(), listeners);
    (props, if is_default { Vec::new() } else { vec![note] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties;

    #[test]
    fn what_is_not_read_is_told_without_its_value() {
        let props = properties::parse(
            "group.id=g\nproducer.acks=all\nplugin.path=/x\nsasl.mechanism=PLAIN\nrequest.timeout.ms=1\n\
             zookeeper.connect=secret\nauto.create=secret\nrest.extension.classes=x.Y\nlisteners=HTTPS://:8443\n",
        );
        assert_eq!(
            notes(&props),
            [
                "rest.extension.classes has no effect: REST extensions are Java classes",
                "the https listeners are left out: the REST API is served over HTTP only",
                "unknown settings are ignored: zookeeper.connect, auto.create",
            ]
        );
    }

    #[test]
    fn the_port_of_old_is_a_listener_unless_there_are_listeners() {
        let read = |text: &str| {
            let (props, notes) = with_old_names(properties::parse(text));
            (props.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(), notes.len())
        };
        assert_eq!(read("rest.port=18083\n"), (vec!["listeners=http://:18083".into()], 1));
        assert_eq!(read("rest.port=8083\n"), (vec!["listeners=http://:8083".into()], 0));
        assert_eq!(read("rest.host.name=h\n"), (vec!["listeners=http://h:8083".into()], 1));
        assert_eq!(read("rest.port=1\nlisteners=http://:2\n"), (vec!["listeners=http://:2".into()], 0));
        assert_eq!(read("a=b\n"), (vec!["a=b".into()], 0));
    }
}
