//! Kafka client properties by their Java names, translated to librdkafka's.

use std::sync::Arc;

use connect_api::{Error, Props, Result};
use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    statistics::Statistics,
};

use super::{jaas, trouble};
use crate::{
    config::WorkerSettings,
    metrics::clients::{self, ClientFigures, Clients},
};

/// Sends what librdkafka has to say to the worker's log, and its figures to the worker's.
#[derive(Clone, Debug, Default)]
pub struct LogContext {
    figures: Option<Arc<ClientFigures>>,
}

impl LogContext {
    pub fn with(figures: Option<ClientFigures>) -> Self {
        Self { figures: figures.map(Arc::new) }
    }
}

impl ClientContext for LogContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(figures) = &self.figures {
            figures.error(&error);
        }
        log_error(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        if let Some(figures) = &self.figures {
            figures.take(&statistics);
        }
    }
}

impl rdkafka::consumer::ConsumerContext for LogContext {}

/// One line of librdkafka's own log; it says more than a worker's log should, so most is for debugging.
pub fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(facility, "kafka client: {message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::debug!(facility, "kafka client: {message}"),
        _ => tracing::trace!(facility, "kafka client: {message}"),
    }
}

/// An error that librdkafka reports beside any call, such as a lost connection it is about to restore.
pub fn log_error(error: &KafkaError, reason: &str) {
    // The end of a partition is news only to the one who reads it.
    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
        return;
    }
    if trouble::is_lost_connection(error) && !trouble::tell_now(error) {
        tracing::debug!(%error, "kafka client: {reason}");
        return;
    }
    tracing::warn!("kafka client: {reason}");
}

/// What a client is for; some settings belong to one side only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Producer,
    Consumer,
    Admin,
}

impl Role {
    /// The prefix of its settings in worker properties, and, with `override.`, in connectors'.
    pub fn prefix(self) -> &'static str {
        match self {
            Role::Producer => "producer.",
            Role::Consumer => "consumer.",
            Role::Admin => "admin.",
        }
    }
}

/// What the JVM worker sets for the producers of source tasks and of its own topics.
///
/// One request in flight keeps the order of records without idempotence, which needs more rights. (Invariant 3)
const PRODUCER_BASE: &[(&str, &str)] = &[
    ("acks", "all"),
    ("max.in.flight.requests.per.connection", "1"),
    ("enable.idempotence", "false"),
    ("delivery.timeout.ms", "2147483647"),
];

const CONSUMER_BASE: &[(&str, &str)] = &[("auto.offset.reset", "earliest"), ("enable.auto.commit", "false")];

/// The Java properties of a client of a connector or of the worker itself, by precedence: base, the worker's common
/// settings, the worker's for this role, the connector's.
pub fn java_props(worker: &WorkerSettings, role: Role, client_id: &str, overrides: &Props) -> Props {
    let mut props = Props::new();
    let base = match role {
        Role::Producer => PRODUCER_BASE,
        Role::Consumer => CONSUMER_BASE,
        Role::Admin => &[],
    };
    let mut put = |key: &str, value: &str| {
        props.insert(key.to_owned(), value.to_owned());
    };
    base.iter().for_each(|(key, value)| put(key, value));
    put("client.id", client_id);
    for (key, value) in &worker.props {
        if is_common(key) {
            put(key, value);
        }
    }
    for (key, value) in &worker.props {
        // `admin.listeners` and what belongs to it are the worker's own REST settings, not the admin client's.
        if let Some(key) = key.strip_prefix(role.prefix()).filter(|key| !key.starts_with("listeners")) {
            put(key, value);
        }
    }
    overrides.iter().for_each(|(key, value)| put(key, value));
    props
}

/// A connector's `producer.override.*`, `consumer.override.*` or `admin.override.*`, without the prefix.
pub fn overrides(connector: &Props, role: Role) -> Props {
    let prefix = format!("{}override.", role.prefix());
    let strip = |(key, value): (&String, &String)| key.strip_prefix(&prefix).map(|key| (key.to_owned(), value.clone()));
    connector.iter().filter_map(strip).collect()
}

fn is_common(key: &str) -> bool {
    matches!(key, "bootstrap.servers" | "security.protocol" | "client.dns.lookup" | "metadata.max.age.ms")
        || ["ssl.", "sasl."].iter().any(|prefix| key.starts_with(prefix))
}

/// librdkafka's configuration for Java properties; settings without an equal are named in one warning.
pub fn librdkafka(props: &Props, role: Role) -> Result<ClientConfig> {
    let mut config = ClientConfig::new();
    // librdkafka's defaults that hurt: its own partitioner places keys elsewhere than the JVM's, a consumer whose
    // queue is full sleeps a second, and queues take up to a gigabyte.
    match role {
        Role::Producer => {
            config.set("partitioner", "murmur2_random");
            config.set("queue.buffering.max.kbytes", "16384");
            config.set("queue.buffering.max.messages", "100000");
        }
        Role::Consumer => {
            config.set("fetch.queue.backoff.ms", "5");
            config.set("queued.min.messages", "10000");
            config.set("queued.max.messages.kbytes", "8192");
            // The JVM's rebalances wait for records to be put; librdkafka's default equals its.
            config.set("allow.auto.create.topics", "true");
        }
        Role::Admin => {}
    }
    config.set("log.connection.close", "false");
    let mut ignored = Vec::new();
    for (key, value) in props {
        if !translate(&mut config, (key, value), props, role)? {
            ignored.push(key.as_str());
        }
    }
    if !ignored.is_empty() {
        tracing::warn!(settings = ignored.join(","), "client settings without an equal here are ignored");
    }
    Ok(config)
}

/// Puts one setting in; false when librdkafka has nothing like it.
fn translate(config: &mut ClientConfig, (key, value): (&str, &str), props: &Props, role: Role) -> Result<bool> {
    if let Some(name) = renamed(key, role) {
        config.set(name, value);
        return Ok(true);
    }
    match key {
        "security.protocol" => {
            config.set(key, value.to_ascii_lowercase());
        }
        "sasl.jaas.config" => {
            let credentials = jaas::parse(value)?;
            config.set("sasl.username", credentials.username);
            config.set("sasl.password", credentials.password.reveal());
        }
        "buffer.memory" if role == Role::Producer => {
            let bytes: u64 = value.trim().parse().unwrap_or(32 << 20);
            config.set("queue.buffering.max.kbytes", (bytes / 1024).max(1).to_string());
        }
        "delivery.timeout.ms" if role == Role::Producer => {
            config.set("message.timeout.ms", value);
        }
        "acks" if role == Role::Producer => {
            config.set("acks", if value == "-1" { "all" } else { value });
        }
        "retries" if role == Role::Producer => {
            config.set("message.send.max.retries", value);
        }
        "auto.offset.reset" if role == Role::Consumer => {
            config.set(key, if value == "none" { "error" } else { value });
        }
        "partition.assignment.strategy" if role == Role::Consumer => {
            config.set(key, assignors(value));
        }
        "ssl.endpoint.identification.algorithm" => {
            config.set(key, if value.is_empty() { "none" } else { value });
        }
        key if key.starts_with("ssl.") => return tls(config, (key, value), props),
        _ => return Ok(is_java_only(key)),
    }
    Ok(true)
}

/// Figures for a client that is about to be made, and makes it tell them. Only for clients that are polled all the time:
/// in others what they tell would pile up.
pub fn telling(config: &mut ClientConfig, clients: &Clients, role: Role) -> ClientFigures {
    config.set("statistics.interval.ms", clients::EVERY.as_millis().to_string());
    clients.begin(role, config.get("client.id").unwrap_or_default())
}

/// Settings whose meaning is equal, with the name librdkafka knows them by.
fn renamed(key: &str, role: Role) -> Option<&'static str> {
    let common = match key {
        "bootstrap.servers" => Some("bootstrap.servers"),
        "client.id" => Some("client.id"),
        "client.rack" => Some("client.rack"),
        "client.dns.lookup" => Some("client.dns.lookup"),
        "metadata.max.age.ms" => Some("metadata.max.age.ms"),
        "connections.max.idle.ms" => Some("connections.max.idle.ms"),
        "reconnect.backoff.ms" => Some("reconnect.backoff.ms"),
        "reconnect.backoff.max.ms" => Some("reconnect.backoff.max.ms"),
        "retry.backoff.ms" => Some("retry.backoff.ms"),
        "retry.backoff.max.ms" => Some("retry.backoff.max.ms"),
        "send.buffer.bytes" => Some("socket.send.buffer.bytes"),
        "receive.buffer.bytes" => Some("socket.receive.buffer.bytes"),
        "socket.connection.setup.timeout.ms" => Some("socket.connection.setup.timeout.ms"),
        "sasl.mechanism" => Some("sasl.mechanism"),
        "sasl.username" => Some("sasl.username"),
        "sasl.password" => Some("sasl.password"),
        "sasl.kerberos.service.name" => Some("sasl.kerberos.service.name"),
        _ => None,
    };
    common.or(match (role, key) {
        (Role::Producer, "linger.ms") => Some("linger.ms"),
        (Role::Producer, "batch.size") => Some("batch.size"),
        (Role::Producer, "compression.type") => Some("compression.type"),
        (Role::Producer, "max.in.flight.requests.per.connection") => Some("max.in.flight.requests.per.connection"),
        (Role::Producer, "enable.idempotence") => Some("enable.idempotence"),
        (Role::Producer, "request.timeout.ms") => Some("request.timeout.ms"),
        (Role::Producer, "max.request.size") => Some("message.max.bytes"),
        (Role::Producer, "transactional.id") => Some("transactional.id"),
        (Role::Producer, "transaction.timeout.ms") => Some("transaction.timeout.ms"),
        (Role::Consumer, "group.id") => Some("group.id"),
        (Role::Consumer, "group.instance.id") => Some("group.instance.id"),
        (Role::Consumer, "session.timeout.ms") => Some("session.timeout.ms"),
        (Role::Consumer, "heartbeat.interval.ms") => Some("heartbeat.interval.ms"),
        (Role::Consumer, "max.poll.interval.ms") => Some("max.poll.interval.ms"),
        (Role::Consumer, "enable.auto.commit") => Some("enable.auto.commit"),
        (Role::Consumer, "isolation.level") => Some("isolation.level"),
        (Role::Consumer, "fetch.min.bytes") => Some("fetch.min.bytes"),
        (Role::Consumer, "fetch.max.bytes") => Some("fetch.max.bytes"),
        (Role::Consumer, "fetch.max.wait.ms") => Some("fetch.wait.max.ms"),
        (Role::Consumer, "max.partition.fetch.bytes") => Some("max.partition.fetch.bytes"),
        (Role::Consumer, "check.crcs") => Some("check.crcs"),
        (Role::Consumer, "allow.auto.create.topics") => Some("allow.auto.create.topics"),
        _ => None,
    })
}

/// Settings that have a meaning only inside the JVM, or that the worker itself reads.
fn is_java_only(key: &str) -> bool {
    matches!(
        key,
        "max.poll.records" | "key.serializer" | "value.serializer" | "key.deserializer" | "value.deserializer"
    )
}

fn assignors(classes: &str) -> String {
    let name = |class: &str| match class.trim().rsplit('.').next().unwrap_or_default() {
        "RangeAssignor" => "range",
        "RoundRobinAssignor" => "roundrobin",
        "CooperativeStickyAssignor" => "cooperative-sticky",
        // librdkafka has no eager sticky assignor; its members can't be mixed with others' anyway.
        "StickyAssignor" => "range",
        _ => "range",
    };
    let mut names: Vec<&str> = classes.split(',').map(name).collect();
    names.dedup();
    // A consumer can't mix eager and cooperative strategies in librdkafka: the first one decides.
    let cooperative = names.first() == Some(&"cooperative-sticky");
    names.retain(|name| (*name == "cooperative-sticky") == cooperative);
    names.join(",")
}

fn tls(config: &mut ClientConfig, (key, value): (&str, &str), props: &Props) -> Result<bool> {
    let store_type = |kind: &str| {
        let given = props.get(&format!("ssl.{kind}.type")).map(|text| text.to_ascii_uppercase());
        given.unwrap_or_else(|| match value.rsplit('.').next() {
            Some("pem" | "crt" | "cer") => "PEM".into(),
            Some("p12" | "pfx") => "PKCS12".into(),
            _ => "JKS".into(),
        })
    };
    match key {
        "ssl.truststore.certificates" => config.set("ssl.ca.pem", value),
        "ssl.keystore.key" => config.set("ssl.key.pem", value),
        "ssl.keystore.certificate.chain" => config.set("ssl.certificate.pem", value),
        "ssl.key.password" => config.set("ssl.key.password", value),
        "ssl.truststore.location" => match store_type("truststore").as_str() {
            "PEM" => config.set("ssl.ca.location", value),
            other => return Err(unsupported_store(key, other)),
        },
        "ssl.keystore.location" => match store_type("keystore").as_str() {
            "PEM" => config.set("ssl.key.location", value).set("ssl.certificate.location", value),
            "PKCS12" => config.set("ssl.keystore.location", value),
            other => return Err(unsupported_store(key, other)),
        },
        "ssl.keystore.password" if props.contains_key("ssl.keystore.location") => {
            config.set("ssl.keystore.password", value)
        }
        "ssl.keystore.password" | "ssl.truststore.password" | "ssl.truststore.type" | "ssl.keystore.type" => config,
        _ => return Ok(false),
    };
    Ok(true)
}

fn unsupported_store(key: &str, store: &str) -> Error {
    Error::config(format!(
        "{key} is a {store} store, which can't be read; convert it to PEM (keytool -exportcert -rfc, openssl pkcs12) \
         and set the type to PEM"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties;

    #[test]
    fn java_names_become_librdkafka_names() {
        let props = properties::parse(
            "bootstrap.servers=b:1\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-256\n\
             sasl.jaas.config=a.ScramLoginModule required username=\"u\" password=\"p\";\n\
             ssl.truststore.location=/t/ca.pem\nssl.truststore.type=PEM\nacks=-1\nmax.request.size=99\n\
             buffer.memory=65536\ninterceptor.classes=x.Y\n",
        );
        let config = librdkafka(&props, Role::Producer).expect("all can be translated");
        for (key, expected) in [
            ("security.protocol", "sasl_ssl"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
            ("ssl.ca.location", "/t/ca.pem"),
            ("acks", "all"),
            ("message.max.bytes", "99"),
            ("queue.buffering.max.kbytes", "64"),
            ("partitioner", "murmur2_random"),
        ] {
            assert_eq!(config.get(key), Some(expected), "{key}");
        }
        assert_eq!(config.get("interceptor.classes"), None);
    }

    #[test]
    fn a_java_key_store_is_refused_with_advice() {
        let error = librdkafka(&properties::parse("ssl.truststore.location=/t/x.jks\n"), Role::Consumer)
            .expect_err("JKS can't be read");
        assert!(error.message().contains("convert it to PEM"));
    }

    #[test]
    fn a_connector_overrides_the_worker() {
        let worker = crate::config::WorkerSettings::distributed(&properties::parse(
            "bootstrap.servers=b:1\ngroup.id=g\nconfig.storage.topic=c\noffset.storage.topic=o\nstatus.storage.topic=s\n\
             key.converter=K\nvalue.converter=V\nproducer.linger.ms=7\nproducer.acks=1\nconsumer.x=y\n",
        ))
        .expect("a right configuration");
        let connector = properties::parse("producer.override.acks=all\nproducer.override.linger.ms=9\n");
        let props = java_props(&worker, Role::Producer, "c-1", &overrides(&connector, Role::Producer));
        assert_eq!(props.get("acks").map(String::as_str), Some("all"));
        assert_eq!(props.get("linger.ms").map(String::as_str), Some("9"));
        assert_eq!(props.get("enable.idempotence").map(String::as_str), Some("false"));
        assert_eq!(props.get("x"), None);
    }

    #[test]
    fn the_admin_listener_is_no_setting_of_the_admin_client() {
        let worker = crate::config::WorkerSettings::distributed(&properties::parse(
            "bootstrap.servers=b:1\ngroup.id=g\nconfig.storage.topic=c\noffset.storage.topic=o\nstatus.storage.topic=s\n\
             key.converter=K\nvalue.converter=V\nadmin.listeners=\nadmin.listeners.https.ssl.protocol=x\nadmin.retries=7\n",
        ))
        .expect("a right configuration");
        let props = java_props(&worker, Role::Admin, "c-1", &Props::new());
        let own: Vec<&str> = props.keys().map(String::as_str).filter(|key| *key != "bootstrap.servers").collect();
        assert_eq!(own, ["client.id", "retries"]);
    }
}
