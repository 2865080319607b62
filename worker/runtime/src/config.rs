//! The worker's own settings, under the names of the JVM worker.

mod known;

use std::time::Duration;

use connect_api::{Config, Error, Password, Props, Result, config, config::Problem, config::Setting, config_key};

use crate::providers::Providers;

pub(crate) use known::is_read;

connect_api::setting_enum! {
    /// Which group protocols a worker offers (`connect.protocol`).
    pub enum GroupProtocol {
        Eager = "eager",
        Compatible = "compatible",
        #[default]
        Sessioned = "sessioned",
    }
}

connect_api::setting_enum! {
    /// How far exactly-once support for sources is rolled out.
    pub enum ExactlyOnceSource {
        #[default]
        Disabled = "disabled",
        Preparing = "preparing",
        Enabled = "enabled",
    }
}

connect_api::setting_enum! {
    /// Where records of source tasks go; `null` acknowledges without sending, for benchmarks.
    pub enum ProducerKind {
        #[default]
        Kafka = "kafka",
        Null = "null",
    }
}

/// Which client settings connectors may override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverridePolicy {
    All,
    None,
    Principal,
    Allowlist,
}

impl Setting for OverridePolicy {
    const TYPE: config_key::ConfigType = config_key::ConfigType::String;
    /// By its alias or its class. A policy that is not known must not be taken for one that allows everything.
    fn parse(text: &str) -> std::result::Result<Self, Problem> {
        let name = text.trim().rsplit('.').next().unwrap_or_default();
        match name.strip_suffix("ConnectorClientConfigOverridePolicy").unwrap_or(name) {
            "All" => Ok(Self::All),
            "None" => Ok(Self::None),
            "Principal" => Ok(Self::Principal),
            "Allowlist" => Ok(Self::Allowlist),
            _ => Err(Problem::Because("There are the policies All, None, Principal and Allowlist".into())),
        }
    }
}

/// A number of at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtLeastOne(pub i32);

impl Setting for AtLeastOne {
    const TYPE: config_key::ConfigType = config_key::ConfigType::Int;
    fn parse(text: &str) -> std::result::Result<Self, Problem> {
        match i32::parse(text)? {
            n if n >= 1 => Ok(Self(n)),
            _ => Err(Problem::Because("Value must be at least 1".into())),
        }
    }
}

/// A number of partitions or replicas: at least one, or -1 for the broker's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub i32);

impl Setting for Count {
    const TYPE: config_key::ConfigType = config_key::ConfigType::Int;
    fn parse(text: &str) -> std::result::Result<Self, Problem> {
        match i32::parse(text)? {
            n if n >= 1 || n == -1 => Ok(Self(n)),
            _ => Err(Problem::Because("Value must be -1 to use the Kafka broker default, or at least 1".into())),
        }
    }
}

config! {
    /// Settings of every worker.
    pub struct WorkerConfig {
        /// Brokers to connect to first, as `host:port,host:port`.
        #[config(key = "bootstrap.servers", group = "Worker", importance = High)]
        pub bootstrap_servers: String,
        /// Name of this worker towards the brokers.
        #[config(key = "client.id", group = "Worker", importance = Low, default = "")]
        pub client_id: String,
        /// Converter of record keys for connectors that name none.
        #[config(key = "key.converter", group = "Converters", importance = High)]
        pub key_converter: String,
        /// Converter of record values for connectors that name none.
        #[config(key = "value.converter", group = "Converters", importance = High)]
        pub value_converter: String,
        /// Converter of headers for connectors that name none.
        #[config(key = "header.converter", group = "Converters", importance = Low, default = "org.apache.kafka.connect.storage.SimpleHeaderConverter")]
        pub header_converter: String,
        /// How long reading the configuration topic may take after a rebalance.
        #[config(key = "worker.sync.timeout.ms", group = "Group", importance = Medium, default = "3000")]
        pub sync_timeout: Duration,
        /// Time between writes of source offsets.
        #[config(key = "offset.flush.interval.ms", group = "Offsets", importance = Low, default = "60000")]
        pub offset_flush_interval: Duration,
        /// How long a write of offsets may take, and how long a stopping task waits for its records.
        #[config(key = "offset.flush.timeout.ms", group = "Offsets", importance = Low, default = "5000")]
        pub offset_flush_timeout: Duration,
        /// How long tasks may take to stop, all together.
        #[config(key = "task.shutdown.graceful.timeout.ms", group = "Offsets", importance = Low, default = "5000")]
        pub task_shutdown_timeout: Duration,
        /// Names of the providers of configuration values.
        #[config(key = "config.providers", group = "Providers", importance = Low, default = "")]
        pub providers: Vec<String>,
        #[config(prefix = "config.providers.")]
        pub provider_settings: Props,
        /// Which client settings connectors may override: All, None, Principal (who they log in as) or Allowlist.
        #[config(key = "connector.client.config.override.policy", group = "Connectors", importance = Low, default = "All")]
        pub override_policy: OverridePolicy,
        /// Client settings that the policy `Allowlist` permits.
        #[config(key = "connector.client.config.override.allowlist", group = "Connectors", importance = Low, default = "")]
        pub override_allowlist: Vec<String>,
        /// Whether source tasks create topics by the rules of their connector.
        #[config(key = "topic.creation.enable", group = "Topics", importance = Low, default = "true")]
        pub topic_creation: bool,
        /// Whether the topics of each connector are recorded.
        #[config(key = "topic.tracking.enable", group = "Topics", importance = Low, default = "true")]
        pub topic_tracking: bool,
        /// Whether the recorded topics may be forgotten on request.
        #[config(key = "topic.tracking.allow.reset", group = "Topics", importance = Low, default = "true")]
        pub topic_tracking_reset: bool,
        /// Addresses of the REST server.
        #[config(key = "listeners", group = "REST", importance = Low, default = "http://:8083")]
        pub listeners: Vec<String>,
        /// Addresses of the admin resources; empty to switch them off, absent to serve them with the others.
        #[config(key = "admin.listeners", group = "REST", importance = Low)]
        pub admin_listeners: Option<String>,
        /// Host name that other workers and clients reach this worker by.
        #[config(key = "rest.advertised.host.name", group = "REST", importance = Low)]
        pub advertised_host: Option<String>,
        /// Port that other workers and clients reach this worker by.
        #[config(key = "rest.advertised.port", group = "REST", importance = Low)]
        pub advertised_port: Option<u16>,
        /// Origins that browsers may call from.
        #[config(key = "access.control.allow.origin", group = "REST", importance = Low, default = "")]
        pub cors_origins: Vec<String>,
        /// Methods that browsers may call with.
        #[config(key = "access.control.allow.methods", group = "REST", importance = Low, default = "")]
        pub cors_methods: Vec<String>,
        /// Headers added to every answer.
        #[config(key = "response.http.headers.config", group = "REST", importance = Low, default = "")]
        pub response_headers: String,
        /// Level of log lines: error, warn, info, debug, trace, or directives such as `info,connect_mysql=debug`.
        #[config(key = "millrace.log", group = "Millrace", importance = Low, default = "info")]
        pub log: String,
        /// How long a task may wait for what ought to happen by itself, such as Kafka's confirmations or the end of a put,
        /// before its status says that it is stuck; 0 to never say so.
        #[config(key = "millrace.task.stuck.after.ms", group = "Millrace", importance = Low, default = "300000")]
        pub stuck_after_limit: Duration,
        /// Whether answers hold nothing but what the JVM's worker answers.
        #[config(key = "millrace.compat.strict", group = "Millrace", importance = Low, default = "false")]
        pub strict: bool,
        /// Where records of source tasks go; for benchmarks.
        #[config(key = "millrace.producer", group = "Millrace", importance = Low, default = "kafka")]
        pub producer: ProducerKind,
        /// Password of the client's private key.
        #[config(key = "ssl.key.password", group = "Security", importance = High)]
        pub key_password: Option<Password>,
    }
}

config! {
    /// Settings of a worker that is one of a cluster.
    pub struct ClusterConfig {
        /// Name of the cluster of workers this worker belongs to.
        #[config(key = "group.id", group = "Worker", importance = High)]
        pub group_id: String,
        /// Topic that holds the configurations of connectors and tasks.
        #[config(key = "config.storage.topic", group = "Storage", importance = High)]
        pub config_topic: String,
        /// Topic that holds the offsets of source connectors.
        #[config(key = "offset.storage.topic", group = "Storage", importance = High)]
        pub offset_topic: String,
        /// Topic that holds the statuses of connectors and tasks.
        #[config(key = "status.storage.topic", group = "Storage", importance = High)]
        pub status_topic: String,
        /// Replicas of the configuration topic when the worker creates it; -1 for the broker's default.
        #[config(key = "config.storage.replication.factor", group = "Storage", importance = Low, default = "3")]
        pub config_replicas: Count,
        /// Replicas of the offset topic when the worker creates it; -1 for the broker's default.
        #[config(key = "offset.storage.replication.factor", group = "Storage", importance = Low, default = "3")]
        pub offset_replicas: Count,
        /// Partitions of the offset topic when the worker creates it; -1 for the broker's default.
        #[config(key = "offset.storage.partitions", group = "Storage", importance = Low, default = "25")]
        pub offset_partitions: Count,
        /// Replicas of the status topic when the worker creates it; -1 for the broker's default.
        #[config(key = "status.storage.replication.factor", group = "Storage", importance = Low, default = "3")]
        pub status_replicas: Count,
        /// Partitions of the status topic when the worker creates it; -1 for the broker's default.
        #[config(key = "status.storage.partitions", group = "Storage", importance = Low, default = "5")]
        pub status_partitions: Count,
        #[config(prefix = "config.storage.")]
        pub config_topic_settings: Props,
        #[config(prefix = "offset.storage.")]
        pub offset_topic_settings: Props,
        #[config(prefix = "status.storage.")]
        pub status_topic_settings: Props,
        /// How long the coordinator waits for a heartbeat before it gives up on this worker.
        #[config(key = "session.timeout.ms", group = "Group", importance = High, default = "10000")]
        pub session_timeout: Duration,
        /// How long a worker may take to join once a rebalance began.
        #[config(key = "rebalance.timeout.ms", group = "Group", importance = High, default = "60000")]
        pub rebalance_timeout: Duration,
        /// Time between heartbeats.
        #[config(key = "heartbeat.interval.ms", group = "Group", importance = High, default = "3000")]
        pub heartbeat_interval: Duration,
        /// Group protocols this worker offers.
        #[config(key = "connect.protocol", group = "Group", importance = Low, default = "sessioned")]
        pub protocol: GroupProtocol,
        /// How long work of a lost worker waits for its return.
        #[config(key = "scheduled.rebalance.max.delay.ms", group = "Group", importance = Low, default = "300000")]
        pub rebalance_delay_max: Duration,
        /// How long a worker that could not catch up stays out of an eager group.
        #[config(key = "worker.unsync.backoff.ms", group = "Group", importance = Medium, default = "300000")]
        pub unsync_backoff: Duration,
        /// How long a session key lives.
        #[config(key = "inter.worker.key.ttl.ms", group = "Signing", importance = Low, default = "3600000")]
        pub session_key_ttl: Duration,
        /// Whether source tasks write exactly once.
        #[config(key = "exactly.once.source.support", group = "Exactly once", importance = High, default = "disabled")]
        pub exactly_once: ExactlyOnceSource,
    }
}

config! {
    /// Settings of a worker that is alone.
    pub struct StandaloneConfig {
        /// File that holds the offsets of source connectors.
        #[config(key = "offset.storage.file.filename", group = "Storage", importance = High)]
        pub offset_file: String,
    }
}

impl WorkerConfig {
    /// After which time a task that does not get on is stuck; none when nobody wants to know.
    pub fn stuck_after(&self) -> Option<Duration> {
        Some(self.stuck_after_limit).filter(|limit| !limit.is_zero())
    }
}

/// How a worker keeps its state and shares its work.
#[derive(Clone, Debug)]
pub enum Mode {
    /// State in three topics, work shared with the other members of a group.
    Distributed(Box<ClusterConfig>),
    /// Offsets in a file, all else in memory, and all work here.
    Standalone(StandaloneConfig),
}

/// The worker's settings and the properties they were read from, with config providers resolved.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    pub config: WorkerConfig,
    pub mode: Mode,
    pub props: Props,
    /// What connectors' configurations may refer to.
    pub providers: Providers,
    /// What the user should be told of them once there is a log.
    pub notes: Vec<String>,
}

impl WorkerSettings {
    /// The settings of one worker of a cluster. Every wrong one is named in the one error.
    pub fn distributed(props: &Props) -> Result<Self> {
        Self::of(props, |cluster| Mode::Distributed(Box::new(cluster)))
    }

    /// The settings of a worker that is alone. Every wrong one is named in the one error.
    pub fn standalone(props: &Props) -> Result<Self> {
        Self::of(props, Mode::Standalone)
    }

    fn of<Own: Config>(props: &Props, mode: impl FnOnce(Own) -> Mode) -> Result<Self> {
        let (providers, mut notes) = Providers::of(props)?;
        let (props, old_names) = known::with_old_names(providers.resolve(props)?);
        notes.extend(old_names);
        notes.extend(known::notes(&props));
        match (WorkerConfig::parse(&props), Own::parse(&props)) {
            (Ok(config), Ok(own)) => Ok(Self { config, mode: mode(own), props, providers, notes }),
            (config, own) => {
                let errors = [config.err(), own.err()].into_iter().flatten().flatten();
                let lines: Vec<String> = errors.map(|error| error.message).collect();
                Err(Error::config(format!("the worker configuration is wrong: {}", lines.join("; "))))
            }
        }
    }

    /// The cluster's settings, unless this worker is alone.
    pub fn cluster(&self) -> Option<&ClusterConfig> {
        match &self.mode {
            Mode::Distributed(cluster) => Some(cluster),
            Mode::Standalone(_) => None,
        }
    }

    /// The address under which this worker is known: `host:port`.
    pub fn worker_id(&self) -> String {
        let (host, port) = self.listen_address();
        let host = self.config.advertised_host.clone().unwrap_or(match host.as_str() {
            "" | "0.0.0.0" | "[::]" => local_host_name(),
            _ => host,
        });
        format!("{host}:{}", self.config.advertised_port.unwrap_or(port))
    }

    /// The name of this worker's own client in its group.
    pub fn group_client_id(&self) -> String {
        let given = &self.config.client_id;
        if given.is_empty() { format!("connect-{}", self.worker_id()) } else { given.clone() }
    }

    /// Host (may be empty for all interfaces) and port of the first plain listener.
    pub fn listen_address(&self) -> (String, u16) {
        let listener = self.config.listeners.iter().find(|l| l.to_ascii_lowercase().starts_with("http://"));
        let address = listener.map_or("", |l| &l["http://".len()..]).trim_end_matches('/');
        match address.rsplit_once(':') {
            Some((host, port)) => (host.to_owned(), port.parse().unwrap_or(DEFAULT_PORT)),
            None => (address.to_owned(), DEFAULT_PORT),
        }
    }
}

const DEFAULT_PORT: u16 = 8083;

fn local_host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties;

    fn minimal() -> Props {
        properties::parse(
            "bootstrap.servers=b:9092\ngroup.id=g\nconfig.storage.topic=c\noffset.storage.topic=o\n\
             status.storage.topic=s\nkey.converter=K\nvalue.converter=V\n",
        )
    }

    #[test]
    fn a_worker_that_is_alone_needs_a_file_and_no_group() {
        let file = "bootstrap.servers=b:9092\nkey.converter=K\nvalue.converter=V\n";
        let error = WorkerSettings::standalone(&properties::parse(file)).expect_err("no file is given");
        assert!(error.message().contains("offset.storage.file.filename"), "{}", error.message());
        let file = format!("{file}offset.storage.file.filename=/tmp/o\n");
        let settings = WorkerSettings::standalone(&properties::parse(&file)).expect("a right configuration");
        assert!(settings.cluster().is_none());
    }

    #[test]
    fn the_jvm_worker_file_is_understood() {
        let mut props = minimal();
        props.insert("listeners".into(), "http://127.0.0.1:18083".into());
        let settings = WorkerSettings::distributed(&props).expect("a right configuration");
        let cluster = settings.cluster().expect("a cluster's worker");
        assert_eq!(settings.worker_id(), "127.0.0.1:18083");
        assert_eq!(cluster.offset_partitions, Count(25));
        assert_eq!(cluster.protocol, GroupProtocol::Sessioned);
    }

    #[test]
    fn all_missing_settings_are_named_at_once() {
        let error = WorkerSettings::distributed(&Props::new()).expect_err("nothing is given");
        assert!(error.message().contains("bootstrap.servers") && error.message().contains("value.converter"));
    }
}
