//! Kafka client properties by their Java names, translated to librdkafka's.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use connect_api::{Props, Result};
use rdkafka::{
    ClientConfig, ClientContext,
    client::OAuthToken,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    statistics::Statistics,
};

use super::{
    oauth::TokenSource,
    security,
    table::{self, Fate},
    trouble,
};
use crate::{
    config::WorkerSettings,
    metrics::clients::{self, ClientFigures, Clients},
};

/// Sends what librdkafka has to say to the worker's log and its figures to the worker's, and answers when it asks for a
/// token.
#[derive(Clone, Default)]
pub struct LogContext {
    figures: Option<Arc<ClientFigures>>,
    tokens: Option<Arc<TokenSource>>,
}

impl LogContext {
    /// For a client that is about to be made: makes it tell its figures. Only for clients that are polled all the time:
    /// in others what they tell would pile up.
    pub fn telling(self, config: &mut ClientConfig, clients: &Clients, role: Role) -> Self {
        config.set("statistics.interval.ms", clients::EVERY.as_millis().to_string());
        let figures = clients.begin(role, config.get("client.id").unwrap_or_default());
        Self { figures: Some(Arc::new(figures)), ..self }
    }

    pub(super) fn lost_record(&self) {
        if let Some(figures) = &self.figures {
            figures.lost_record();
        }
    }

    /// Where tokens come from, for a client that logs in with them.
    pub(super) fn tokens(&self) -> Option<&Arc<TokenSource>> {
        self.tokens.as_ref()
    }
}

impl ClientContext for LogContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> std::result::Result<OAuthToken, Box<dyn std::error::Error>> {
        let tokens = self.tokens.as_ref().ok_or("this client does not log in with tokens")?;
        Ok(tokens.for_librdkafka()?)
    }

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
        if is_common(key, role) {
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

/// Settings of the worker itself that its clients share. The JVM hands all of them to its admin clients; of the others
/// it expects each to be told again with its prefix, and users who forgot that gain by their having them, too.
fn is_common(key: &str, role: Role) -> bool {
    matches!(key, "bootstrap.servers" | "security.protocol" | "client.dns.lookup" | "metadata.max.age.ms")
        || ["ssl.", "sasl."].iter().any(|prefix| key.starts_with(prefix))
        || (role == Role::Admin && key != "client.id" && table::is_of_a_client(key))
}

/// librdkafka's configuration for Java properties, and the context that it needs; what can't be had is told once.
pub fn librdkafka(props: &Props, role: Role) -> Result<(ClientConfig, LogContext)> {
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
    let [first, longest] = reconnect_backoff(props);
    config.set("reconnect.backoff.ms", first).set("reconnect.backoff.max.ms", longest);
    for (key, value) in props {
        if key.starts_with("ssl.") || key.starts_with("sasl.") {
            continue;
        }
        match table::fate(key, value, role) {
            Fate::Set(pairs) => pairs.into_iter().for_each(|(name, value)| {
                config.set(name, value);
            }),
            Fate::Understood => tracing::debug!(setting = key, "client setting without a meaning here"),
            Fate::Lost(why) if is_news(key) => tracing::warn!(setting = key, "client setting without effect: {why}"),
            Fate::Unknown if is_news(key) => tracing::warn!(setting = key, "unknown client setting is ignored"),
            Fate::Lost(_) | Fate::Unknown => {}
        }
    }
    if let Some(level) = compression_level(props).filter(|_| role == Role::Producer) {
        config.set("compression.level", level);
    }
    let tokens = security::put_into(&mut config, props)?;
    Ok((config, LogContext { figures: None, tokens }))
}

/// How long a client waits before it connects again, at first and at most. Java's defaults, a second at most: with
/// librdkafka's ten a Kafka that came back was out of reach for that long. As in Java, one of the two that is set bounds
/// the other.
fn reconnect_backoff(props: &Props) -> [String; 2] {
    const FIRST_MS: u64 = 50;
    const LONGEST_MS: u64 = 1000;
    let set = |key: &str| props.get(key).and_then(|text| text.trim().parse::<u64>().ok());
    let (first, longest) = match (set("reconnect.backoff.ms"), set("reconnect.backoff.max.ms")) {
        (Some(first), longest) => (first, longest.unwrap_or(first)),
        (None, Some(longest)) => (FIRST_MS.min(longest), longest),
        (None, None) => (FIRST_MS, LONGEST_MS),
    };
    [first, longest].map(|ms| ms.to_string())
}

/// Java has a level for each type of compression, librdkafka one for the type in use.
fn compression_level(props: &Props) -> Option<&str> {
    let kind = props.get("compression.type")?.trim().to_ascii_lowercase();
    props.get(&format!("compression.{kind}.level")).map(|level| level.trim())
}

/// Whether this is the first time that a setting is told of; each of a worker's many clients has the same ones.
pub(super) fn is_news(setting: &str) -> bool {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(setting.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties;

    #[test]
    fn java_names_become_librdkafka_names() {
        let props = properties::parse(
            "bootstrap.servers=b:1\nacks=-1\nmax.request.size=99000\nbuffer.memory=65536\ninterceptor.classes=x.Y\n\
             compression.type=zstd\ncompression.zstd.level=7\ncompression.gzip.level=3\nmax.block.ms=5\n",
        );
        let (config, _) = librdkafka(&props, Role::Producer).expect("all can be translated");
        for (key, expected) in [
            ("acks", "all"),
            ("message.max.bytes", "99000"),
            ("queue.buffering.max.kbytes", "64"),
            ("partitioner", "murmur2_random"),
            ("compression.level", "7"),
        ] {
            assert_eq!(config.get(key), Some(expected), "{key}");
        }
        for key in ["interceptor.classes", "max.block.ms"] {
            assert_eq!(config.get(key), None, "{key}");
        }
    }

    #[test]
    fn clients_connect_again_as_soon_as_those_of_java() {
        let backoff = |text: &str| {
            let (config, _) = librdkafka(&properties::parse(text), Role::Consumer).expect("all can be translated");
            ["reconnect.backoff.ms", "reconnect.backoff.max.ms"].map(|key| config.get(key).map(str::to_owned))
        };
        let both = |first: &str, longest: &str| [Some(first.to_owned()), Some(longest.to_owned())];
        assert_eq!(backoff(""), both("50", "1000"));
        assert_eq!(backoff("reconnect.backoff.max.ms=7000\n"), both("50", "7000"));
        assert_eq!(backoff("reconnect.backoff.max.ms=20\n"), both("20", "20"));
        assert_eq!(backoff("reconnect.backoff.ms=3000\n"), both("3000", "3000"));
        assert_eq!(backoff("reconnect.backoff.ms=70\nreconnect.backoff.max.ms=900\n"), both("70", "900"));
    }

    #[test]
    fn a_connector_overrides_the_worker() {
        let worker = crate::config::WorkerSettings::distributed(&properties::parse(
            "bootstrap.servers=b:1\ngroup.id=g\nconfig.storage.topic=c\noffset.storage.topic=o\nstatus.storage.topic=s\n\
             key.converter=K\nvalue.converter=V\nproducer.linger.ms=7\nproducer.acks=1\nconsumer.x=y\n\
             request.timeout.ms=5000\nsasl.mechanism=PLAIN\n",
        ))
        .expect("a right configuration");
        let connector = properties::parse("producer.override.acks=all\nproducer.override.linger.ms=9\n");
        let props = java_props(&worker, Role::Producer, "c-1", &overrides(&connector, Role::Producer));
        assert_eq!(props.get("acks").map(String::as_str), Some("all"));
        assert_eq!(props.get("linger.ms").map(String::as_str), Some("9"));
        assert_eq!(props.get("enable.idempotence").map(String::as_str), Some("false"));
        assert_eq!(props.get("x"), None);
        assert_eq!(props.get("sasl.mechanism").map(String::as_str), Some("PLAIN"));
        assert_eq!(props.get("request.timeout.ms"), None, "the JVM's worker gives this to its admin clients only");
        let admin = java_props(&worker, Role::Admin, "c-1", &Props::new());
        assert_eq!(admin.get("request.timeout.ms").map(String::as_str), Some("5000"));
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
        assert_eq!(own, ["client.id", "group.id", "retries"]);
    }
}
