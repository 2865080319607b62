//! The table: what each property of Java's Kafka clients is for librdkafka.
//!
//! Properties about TLS and login aren't here: they depend on each other and have places of their own (`tls`, `jaas`).

use super::client::Role;

/// What becomes of one Java property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// librdkafka's names and values for it.
    Set(Vec<(&'static str, String)>),
    /// It has a meaning inside the JVM only, or is the default here: nothing changes without it.
    Understood,
    /// It would have changed something that can't be had here; why.
    Lost(&'static str),
    /// No client of Java knows it.
    Unknown,
}

/// Whose property it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    All,
    Producer,
    Consumer,
}

/// How a value is written for librdkafka.
#[derive(Clone, Copy, Debug)]
enum Value {
    Same,
    /// A number that librdkafka takes within these limits only; beyond them, the nearest is meant.
    Within(i64, i64),
    /// As `Within`, where Java writes -1 for what librdkafka calls 0: never, or the system's default.
    MinusOneIsZero(i64),
    Lowercase,
    With(fn(&str) -> String),
}

use Of::{All, Consumer, Producer};
use Value::{Lowercase, MinusOneIsZero, Same, With, Within};

const INT_MAX: i64 = i32::MAX as i64;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Java's name, librdkafka's, and how the value is written. Sorted as Kafka's documentation groups them.
const TABLE: &[(Of, &str, &str, Value)] = &[
    (All, "bootstrap.servers", "bootstrap.servers", With(without_protocols)),
    (All, "client.id", "client.id", Same),
    (All, "client.rack", "client.rack", Same),
    (All, "client.dns.lookup", "client.dns.lookup", With(dns_lookup)),
    (All, "metadata.max.age.ms", "metadata.max.age.ms", Within(1, DAY_MS)),
    (All, "metadata.recovery.strategy", "metadata.recovery.strategy", Lowercase),
    (All, "metadata.recovery.rebootstrap.trigger.ms", "metadata.recovery.rebootstrap.trigger.ms", Within(0, INT_MAX)),
    (All, "connections.max.idle.ms", "connections.max.idle.ms", MinusOneIsZero(INT_MAX)),
    (All, "reconnect.backoff.ms", "reconnect.backoff.ms", Within(0, HOUR_MS)),
    (All, "reconnect.backoff.max.ms", "reconnect.backoff.max.ms", Within(0, HOUR_MS)),
    (All, "retry.backoff.ms", "retry.backoff.ms", Within(1, 300_000)),
    (All, "retry.backoff.max.ms", "retry.backoff.max.ms", Within(1, 300_000)),
    (All, "send.buffer.bytes", "socket.send.buffer.bytes", MinusOneIsZero(100_000_000)),
    (All, "receive.buffer.bytes", "socket.receive.buffer.bytes", MinusOneIsZero(100_000_000)),
    (All, "socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.ms", Within(1000, INT_MAX)),
    (All, "enable.metrics.push", "enable.metrics.push", Lowercase),
    (All, "security.protocol", "security.protocol", Lowercase),
    (Producer, "acks", "acks", With(acks)),
    (Producer, "linger.ms", "linger.ms", Within(0, 900_000)),
    (Producer, "batch.size", "batch.size", Within(1, INT_MAX)),
    (Producer, "compression.type", "compression.type", Lowercase),
    (Producer, "max.in.flight.requests.per.connection", "max.in.flight.requests.per.connection", Within(1, 1_000_000)),
    (Producer, "enable.idempotence", "enable.idempotence", Lowercase),
    (Producer, "request.timeout.ms", "request.timeout.ms", Within(1, 900_000)),
    (Producer, "delivery.timeout.ms", "message.timeout.ms", Within(0, INT_MAX)),
    (Producer, "max.request.size", "message.max.bytes", Within(1000, 1_000_000_000)),
    (Producer, "buffer.memory", "queue.buffering.max.kbytes", With(kilobytes)),
    (Producer, "retries", "message.send.max.retries", Within(0, INT_MAX)),
    (Producer, "transactional.id", "transactional.id", Same),
    (Producer, "transaction.timeout.ms", "transaction.timeout.ms", Within(1000, INT_MAX)),
    (Consumer, "group.id", "group.id", Same),
    (Consumer, "group.instance.id", "group.instance.id", Same),
    (Consumer, "group.protocol", "group.protocol", Lowercase),
    (Consumer, "group.remote.assignor", "group.remote.assignor", Same),
    (Consumer, "session.timeout.ms", "session.timeout.ms", Within(1, HOUR_MS)),
    (Consumer, "heartbeat.interval.ms", "heartbeat.interval.ms", Within(1, HOUR_MS)),
    (Consumer, "max.poll.interval.ms", "max.poll.interval.ms", Within(1, DAY_MS)),
    (Consumer, "partition.assignment.strategy", "partition.assignment.strategy", With(assignors)),
    (Consumer, "auto.offset.reset", "auto.offset.reset", With(offset_reset)),
    (Consumer, "enable.auto.commit", "enable.auto.commit", Lowercase),
    (Consumer, "auto.commit.interval.ms", "auto.commit.interval.ms", Within(0, DAY_MS)),
    (Consumer, "isolation.level", "isolation.level", Lowercase),
    (Consumer, "fetch.min.bytes", "fetch.min.bytes", Within(1, 100_000_000)),
    (Consumer, "fetch.max.wait.ms", "fetch.wait.max.ms", Within(0, 300_000)),
    (Consumer, "max.partition.fetch.bytes", "max.partition.fetch.bytes", Within(1, 1_000_000_000)),
    (Consumer, "check.crcs", "check.crcs", Lowercase),
    (Consumer, "allow.auto.create.topics", "allow.auto.create.topics", Lowercase),
];

/// Properties that mean something to a JVM, to its metrics, or to the way in which Java's clients wait.
const UNDERSTOOD: &[&str] = &[
    "auto.include.jmx.reporter",
    "config.providers",
    "default.api.timeout.ms",
    "default.list.key.serde.inner",
    "exclude.internal.topics",
    "key.deserializer",
    "key.serializer",
    "max.block.ms",
    "max.poll.records",
    "metadata.max.idle.ms",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "partitioner.adaptive.partitioning.enable",
    "partitioner.availability.timeout.ms",
    "socket.connection.setup.timeout.max.ms",
    "transaction.two.phase.commit.enable",
    "value.deserializer",
    "value.serializer",
];

/// Prefixes of the same: metrics of the JVM, and the settings of interceptors, which are told of by their class.
const UNDERSTOOD_PREFIXES: &[&str] = &["metrics.context.", "confluent.monitoring.interceptor.", "confluent.metrics."];

/// What one Java property of a client in this role becomes.
pub(super) fn fate(key: &str, value: &str, role: Role) -> Fate {
    if let Some(settings) = special(key, value, role) {
        return settings;
    }
    let applies = |of: Of| match of {
        All => true,
        Producer => role == Role::Producer,
        Consumer => role == Role::Consumer,
    };
    if let Some((_, _, name, how)) = TABLE.iter().find(|(of, java, _, _)| applies(*of) && *java == key) {
        return Fate::Set(vec![(*name, how.write(value))]);
    }
    let understood = UNDERSTOOD_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        // A worker's own settings go to all of its clients, those of other roles among them.
        || is_of_a_client(key);
    if understood { Fate::Understood } else { Fate::Unknown }
}

/// Whether any of Java's clients has this property.
pub(crate) fn is_of_a_client(key: &str) -> bool {
    TABLE.iter().any(|(_, java, _, _)| *java == key)
        || UNDERSTOOD.contains(&key)
        || matches!(key, "request.timeout.ms" | "fetch.max.bytes")
}

/// Properties that become several, or whose value decides what they are.
fn special(key: &str, value: &str, role: Role) -> Option<Fate> {
    let set = |name, value: String| Some(Fate::Set(vec![(name, value)]));
    match (role, key) {
        // A consumer that asks for less than the largest message of brokers still gets that one, in both clients.
        (Role::Consumer, "fetch.max.bytes") => {
            let bytes = Within(1000, 2_147_483_135).write(value);
            let largest = Within(1000, 1_000_000).write(&bytes);
            Some(Fate::Set(vec![("fetch.max.bytes", bytes), ("message.max.bytes", largest)]))
        }
        (Role::Consumer | Role::Admin, "request.timeout.ms") => {
            set("socket.timeout.ms", Within(10, 300_000).write(value))
        }
        (Role::Producer, "compression.gzip.level" | "compression.lz4.level" | "compression.zstd.level") => {
            // Of the levels, that of the type in use is put in where the types are known (`client`).
            Some(Fate::Understood)
        }
        (Role::Producer, "partitioner.class") => Some(partitioner(value)),
        (Role::Producer, "partitioner.ignore.keys") if value.trim().eq_ignore_ascii_case("true") => {
            set("partitioner", "random".into())
        }
        (Role::Producer, "partitioner.ignore.keys") => Some(Fate::Understood),
        (_, "interceptor.classes") if value.trim().is_empty() => Some(Fate::Understood),
        (_, "interceptor.classes") => Some(Fate::Lost("interceptors are Java classes and don't run")),
        (_, "security.providers") if !value.trim().is_empty() => {
            Some(Fate::Lost("security providers are Java classes; OpenSSL's are used"))
        }
        _ => None,
    }
}

fn partitioner(class: &str) -> Fate {
    match class.trim().rsplit('.').next().unwrap_or_default() {
        "" | "DefaultPartitioner" => Fate::Understood,
        // Both place records without looking at keys.
        "RoundRobinPartitioner" | "UniformStickyPartitioner" => Fate::Set(vec![("partitioner", "random".into())]),
        _ => Fate::Lost("partitioners are Java classes; records go where the default partitioner puts them"),
    }
}

impl Value {
    fn write(self, java: &str) -> String {
        let java = java.trim();
        match self {
            Same => java.to_owned(),
            Lowercase => java.to_ascii_lowercase(),
            With(write) => write(java),
            // What is no number is refused by librdkafka, with the name of the property.
            Within(least, most) => {
                java.parse::<i64>().map_or(java.to_owned(), |number| number.clamp(least, most).to_string())
            }
            MinusOneIsZero(most) => {
                java.parse::<i64>().map_or(java.to_owned(), |number| number.clamp(0, most).to_string())
            }
        }
    }
}

/// Brokers may be written with the name of a listener before them, `SASL_SSL://host:port`.
fn without_protocols(servers: &str) -> String {
    let bare = |server: &str| server.trim().rsplit("://").next().unwrap_or_default().to_owned();
    servers.split(',').map(bare).filter(|server| !server.is_empty()).collect::<Vec<_>>().join(",")
}

fn dns_lookup(value: &str) -> String {
    // `default` was the name before Kafka 3, and meant the first address only, which nobody wants.
    if value == "default" { "use_all_dns_ips".into() } else { value.to_owned() }
}

fn acks(value: &str) -> String {
    if value == "-1" { "all".into() } else { value.to_ascii_lowercase() }
}

fn kilobytes(value: &str) -> String {
    value.parse::<u64>().map_or(value.to_owned(), |bytes| (bytes / 1024).clamp(1, 2_147_483_647).to_string())
}

fn offset_reset(value: &str) -> String {
    match value.to_ascii_lowercase().as_str() {
        "none" => "error".into(),
        other => other.to_owned(),
    }
}

fn assignors(classes: &str) -> String {
    let name = |class: &str| match class.trim().rsplit('.').next().unwrap_or_default() {
        "RoundRobinAssignor" => "roundrobin",
        "CooperativeStickyAssignor" => "cooperative-sticky",
        // librdkafka has no eager sticky assignor; its members can't be mixed with others' anyway.
        _ => "range",
    };
    let mut names: Vec<&str> = classes.split(',').map(name).collect();
    names.dedup();
    // A consumer can't mix eager and cooperative strategies in librdkafka: the first one decides.
    let cooperative = names.first() == Some(&"cooperative-sticky");
    names.retain(|name| (*name == "cooperative-sticky") == cooperative);
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(role: Role, key: &str, value: &str, expected: &[(&'static str, &str)]) {
        let expected = expected.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        assert_eq!(fate(key, value, role), Fate::Set(expected), "{key}={value}");
    }

    #[test]
    fn values_are_written_as_librdkafka_takes_them() {
        use Role::{Admin, Consumer, Producer};
        check(Producer, "acks", "-1", &[("acks", "all")]);
        check(Producer, "buffer.memory", "65536", &[("queue.buffering.max.kbytes", "64")]);
        check(Producer, "batch.size", "0", &[("batch.size", "1")]);
        check(Producer, "delivery.timeout.ms", "120000", &[("message.timeout.ms", "120000")]);
        check(Producer, "partitioner.class", "a.RoundRobinPartitioner", &[("partitioner", "random")]);
        check(Producer, "linger.ms", "soon", &[("linger.ms", "soon")]);
        check(Consumer, "auto.offset.reset", "none", &[("auto.offset.reset", "error")]);
        check(Consumer, "max.poll.interval.ms", "2147483647", &[("max.poll.interval.ms", "86400000")]);
        check(Consumer, "request.timeout.ms", "40000", &[("socket.timeout.ms", "40000")]);
        let fetch = [("fetch.max.bytes", "2147483135"), ("message.max.bytes", "1000000")];
        check(Consumer, "fetch.max.bytes", "2147483647", &fetch);
        let fetch = [("fetch.max.bytes", "50000"), ("message.max.bytes", "50000")];
        check(Consumer, "fetch.max.bytes", "50000", &fetch);
        check(
            Consumer,
            "partition.assignment.strategy",
            "o.CooperativeStickyAssignor,o.RangeAssignor",
            &[("partition.assignment.strategy", "cooperative-sticky")],
        );
        check(Admin, "connections.max.idle.ms", "-1", &[("connections.max.idle.ms", "0")]);
        check(Admin, "receive.buffer.bytes", "-1", &[("socket.receive.buffer.bytes", "0")]);
        check(Admin, "bootstrap.servers", "SSL://a:1, b:2,", &[("bootstrap.servers", "a:1,b:2")]);
        check(Admin, "security.protocol", "SASL_SSL", &[("security.protocol", "sasl_ssl")]);
        check(Admin, "client.dns.lookup", "default", &[("client.dns.lookup", "use_all_dns_ips")]);
    }

    #[test]
    fn what_only_java_has_is_known_and_what_is_lost_is_said() {
        for key in ["max.poll.records", "metric.reporters", "metrics.context.x", "max.block.ms", "linger.ms"] {
            assert_eq!(fate(key, "1", Role::Consumer), Fate::Understood, "{key}");
        }
        for (key, value) in [("interceptor.classes", "x.Y"), ("partitioner.class", "x.Mine")] {
            assert!(matches!(fate(key, value, Role::Producer), Fate::Lost(_)), "{key}");
        }
        assert_eq!(fate("intercepter.classes", "x", Role::Producer), Fate::Unknown);
    }

    #[test]
    fn librdkafka_takes_every_name_of_the_table() {
        for (of, java, name, _) in TABLE {
            let role = if *of == Of::Consumer { Role::Consumer } else { Role::Producer };
            let sample = match *java {
                "group.protocol" => "classic",
                "isolation.level" => "read_committed",
                "compression.type" => "zstd",
                "security.protocol" => "SASL_SSL",
                "client.dns.lookup" => "use_all_dns_ips",
                "metadata.recovery.strategy" => "REBOOTSTRAP",
                "auto.offset.reset" => "earliest",
                "acks" => "all",
                key if key.starts_with("enable.") || matches!(key, "check.crcs" | "allow.auto.create.topics") => "true",
                _ => "2147483647",
            };
            let mut config = rdkafka::ClientConfig::new();
            if let Fate::Set(pairs) = fate(java, sample, role) {
                pairs.iter().for_each(|(name, value)| {
                    config.set(*name, value);
                });
            }
            let checked = config.create_native_config();
            assert!(checked.is_ok(), "{java} as {name}: {:?}", checked.err());
        }
    }
}
