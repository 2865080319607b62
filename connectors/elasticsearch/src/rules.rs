//! Rules across settings: what can't be used together, and what is needed together.
//!
//! Messages name the settings in quotes, as REST answers show messages without the setting they belong to.

use std::collections::HashSet;

use connect_api::{ConfigError, Password, Setting};

use crate::config::{ElasticsearchConfig, ExternalUsage, NullValues, SecurityProtocol, WriteMethod};

/// Everything that is wrong with the settings taken together.
pub(crate) fn broken(config: &ElasticsearchConfig) -> Vec<ConfigError> {
    let mut broken = Broken(Vec::new());
    credentials(config, &mut broken);
    proxy(config, &mut broken);
    kerberos(config, &mut broken);
    https(config, &mut broken);
    data_streams(config, &mut broken);
    external_resources(config, &mut broken);
    lists(config, &mut broken);
    batching(config, &mut broken);
    broken.0
}

struct Broken(Vec<ConfigError>);

impl Broken {
    /// Attaches one message to every setting that it is about.
    fn say(&mut self, keys: &[&str], message: impl Into<String>) {
        let message = message.into();
        self.0.extend(keys.iter().map(|key| ConfigError::new(*key, message.clone())));
    }
}

fn credentials(config: &ElasticsearchConfig, broken: &mut Broken) {
    let connection = &config.connection;
    if connection.username.is_some() != connection.password.is_some() {
        broken.say(
            &["connection.username", "connection.password"],
            "Both 'connection.username' and 'connection.password' must be set, or neither.",
        );
    }
    if connection.api_key.is_some() && connection.username.is_some() {
        broken.say(
            &["connection.api.key", "connection.username"],
            "Either 'connection.api.key' or 'connection.username' can be set, not both.",
        );
    }
}

fn proxy(config: &ElasticsearchConfig, broken: &mut Broken) {
    let connection = &config.connection;
    let user = !connection.proxy_username.is_empty();
    let password = connection.proxy_password.as_ref().map(Password::reveal).is_some_and(|text| !text.is_empty());
    if user != password {
        broken.say(
            &["proxy.username", "proxy.password"],
            "Both 'proxy.username' and 'proxy.password' must be set, or neither.",
        );
    }
    if (user || password) && connection.proxy_host.is_empty() {
        broken.say(
            &["proxy.host", "proxy.username", "proxy.password"],
            "'proxy.username' and 'proxy.password' need 'proxy.host'.",
        );
    }
}

fn kerberos(config: &ElasticsearchConfig, broken: &mut Broken) {
    let connection = &config.connection;
    let keys = ["kerberos.user.principal", "kerberos.keytab.path"];
    match (&connection.kerberos_principal, &connection.kerberos_keytab) {
        (None, None) => {}
        (Some(_), Some(_)) => broken.say(
            &keys,
            "Kerberos ('kerberos.user.principal', 'kerberos.keytab.path') is not supported; \
             use 'connection.username' or 'connection.api.key'.",
        ),
        _ => broken.say(&keys, "Both 'kerberos.user.principal' and 'kerberos.keytab.path' must be set, or neither."),
    }
}

fn https(config: &ElasticsearchConfig, broken: &mut Broken) {
    let given: Vec<String> = config.connection.https.given.keys().map(|key| format!("elastic.https.{key}")).collect();
    match (config.connection.security, given.as_slice()) {
        (SecurityProtocol::Plaintext, [first, ..]) => broken.say(
            &["elastic.security.protocol"],
            format!("'elastic.security.protocol' must be SSL when settings such as '{first}' are given."),
        ),
        (SecurityProtocol::Ssl, []) => broken.say(
            &["elastic.security.protocol"],
            "'elastic.security.protocol' is SSL, so at least one setting that starts with 'elastic.https.' is needed.",
        ),
        (SecurityProtocol::Plaintext, []) | (SecurityProtocol::Ssl, [_, ..]) => {}
    }
    if config.connection.security == SecurityProtocol::Ssl
        && let Err(message) = crate::tls::check(&config.connection.https)
    {
        broken.say(&["elastic.security.protocol"], message);
    }
}

fn data_streams(config: &ElasticsearchConfig, broken: &mut Broken) {
    let stream = &config.stream;
    let ty = stream.ty.name().is_some();
    if ty == stream.dataset.text().is_empty() {
        broken.say(
            &["data.stream.type", "data.stream.dataset"],
            "Both 'data.stream.type' and 'data.stream.dataset' must be set, or neither.",
        );
    }
    if !config.to_data_streams() {
        if !stream.timestamp_fields.is_empty() {
            broken.say(
                &["data.stream.timestamp.field"],
                "'data.stream.timestamp.field' needs a data stream: set 'data.stream.type' and 'data.stream.dataset'.",
            );
        }
        return;
    }
    if config.conversion.write_method == WriteMethod::Upsert {
        broken.say(&["write.method"], "Data streams can't be merged into: 'write.method' must be 'insert'.");
    }
    if config.conversion.null_values == NullValues::Delete {
        broken.say(
            &["behavior.on.null.values"],
            "Data streams can't be deleted from: 'behavior.on.null.values' must not be 'delete'.",
        );
    }
}

fn external_resources(config: &ElasticsearchConfig, broken: &mut Broken) {
    const USAGE: &str = "external.resource.usage";
    const MAPPING: &str = "topic.to.external.resource.mapping";
    let pairs = config.external.mapping.pairs();
    let used = config.external.usage != ExternalUsage::Disabled;
    if used == pairs.is_empty() {
        broken.say(&[USAGE, MAPPING], format!("Both '{USAGE}' and '{MAPPING}' must be set, or neither."));
    }
    if !used || pairs.is_empty() {
        return;
    }
    if config.stream.ty.name().is_some() || !config.stream.dataset.text().is_empty() {
        broken.say(
            &[USAGE, "data.stream.type", "data.stream.dataset"],
            format!("'{USAGE}' can't be used together with 'data.stream.type' and 'data.stream.dataset'."),
        );
    }
    if pairs.len() > config.external.max_mappings.count() {
        let limit = config.external.max_mappings.get();
        broken.say(&[MAPPING], format!("'{MAPPING}' has {} entries, at most {limit} are allowed.", pairs.len()));
    }
    let mut names = HashSet::new();
    if let Some((_, name)) = pairs.iter().find(|(_, name)| !names.insert(name)) {
        broken.say(&[MAPPING], format!("'{MAPPING}' names the resource '{name}' twice."));
    }
    // `topics.regex` can't be compared: which topics there are is known only when records come.
    let Some(topics) = config.topics.get("").map(|text| Vec::<String>::parse(text).unwrap_or_default()) else { return };
    if let Some(topic) = topics.iter().find(|topic| config.external.mapping.get(topic).is_none()) {
        broken.say(&[MAPPING], format!("'{MAPPING}' has no resource for the topic '{topic}'."));
    }
    if let Some((topic, _)) = pairs.iter().find(|(topic, _)| !topics.contains(topic)) {
        broken.say(&[MAPPING], format!("'{MAPPING}' maps '{topic}', which is not one of 'topics'."));
    }
}

fn lists(config: &ElasticsearchConfig, broken: &mut Broken) {
    let conversion = &config.conversion;
    let mut both = |all: bool, some: &[String], key: &str, list: &str| {
        if all && !some.is_empty() {
            broken.say(
                &[key, list],
                format!("'{list}' can't be used when '{key}' is true, as it is then so for every topic."),
            );
        }
    };
    both(conversion.key_ignore, &conversion.topic_key_ignore, "key.ignore", "topic.key.ignore");
    both(conversion.schema_ignore, &conversion.topic_schema_ignore, "schema.ignore", "topic.schema.ignore");
}

fn batching(config: &ElasticsearchConfig, broken: &mut Broken) {
    let batching = &config.batching;
    if batching.linger_ms.get() > batching.flush_timeout_ms.get() {
        broken.say(
            &["linger.ms", "flush.timeout.ms"],
            format!(
                "'linger.ms' ({}) must not be larger than 'flush.timeout.ms' ({}).",
                batching.linger_ms.get(),
                batching.flush_timeout_ms.get()
            ),
        );
    }
    let needed = i64::from(batching.batch_size.get()) * i64::from(batching.max_in_flight.get());
    if i64::from(batching.max_buffered.get()) < needed {
        broken.say(
            &["max.buffered.records", "batch.size", "max.in.flight.requests"],
            format!(
                "'max.buffered.records' ({}) must be at least 'batch.size' x 'max.in.flight.requests' ({needed}).",
                batching.max_buffered.get()
            ),
        );
    }
}
