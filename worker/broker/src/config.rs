//! What whoever embeds the broker sets. The names of Kafka's settings stand beside ours where there are such.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Where everything is kept (`log.dirs`).
    pub data: PathBuf,
    /// Where to listen (`listeners`); port 0 takes a free one.
    pub listen: SocketAddr,
    /// The host that clients are told (`advertised.listeners`); the address of the listener when there is none.
    pub advertised_host: Option<String>,
    /// The port that clients are told; that of the listener when there is none.
    pub advertised_port: Option<u16>,
    /// Whether a topic is made when a client asks for it (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Partitions of a topic that doesn't say (`num.partitions`).
    pub default_partitions: i32,
    /// Members of groups ended with the last broker, as clients in the broker's own process do. Those that live on
    /// are told that they are unknown and join again.
    pub forget_members: bool,
    pub limits: Limits,
    pub times: Times,
}

/// What one process takes at most, so that no client can exhaust it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time (`max.connections`); one more is closed at once.
    pub connections: usize,
    /// Bytes of one request (`socket.request.max.bytes`).
    pub request_bytes: usize,
    /// Bytes of all requests that are being read or handled (`queued.max.request.bytes`). One request always fits.
    pub requests_bytes: usize,
    /// Bytes of one answer to a fetch (`fetch.max.bytes`); a single larger batch is still sent.
    pub fetch_bytes: usize,
    /// Partitions of all topics together. Each costs some kilobytes of memory.
    pub partitions: usize,
    /// Memory for one pass of compaction.
    pub compaction_bytes: usize,
    /// Bytes of the metadata of one committed offset (`offset.metadata.max.bytes`).
    pub offset_metadata_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2_000,
            request_bytes: 100 * 1024 * 1024,
            requests_bytes: 128 * 1024 * 1024,
            fetch_bytes: 16 * 1024 * 1024,
            partitions: 20_000,
            compaction_bytes: 32 * 1024 * 1024,
            offset_metadata_bytes: 4_096,
        }
    }
}

/// How long things last. The defaults are Kafka's unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// A connection without a request for so long is closed (`connections.max.idle.ms`).
    pub connection_idle: Duration,
    /// A request that has begun must have arrived by then, and an answer must have been taken.
    pub transfer: Duration,
    /// How long the first rebalance of a group waits for more members (`group.initial.rebalance.delay.ms`, there 3 s:
    /// on one node members come within milliseconds of each other).
    pub initial_rebalance_delay: Duration,
    /// Bounds of what a member may ask for (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
    pub session_min: Duration,
    pub session_max: Duration,
    /// Offsets of a group without members are kept for so long (`offsets.retention.minutes`).
    pub offsets_retention: Duration,
    /// The longest transaction (`transaction.max.timeout.ms`).
    pub transaction_max: Duration,
    /// A transactional id that nobody uses is kept for so long (`transactional.id.expiration.ms`).
    pub transactional_id_retention: Duration,
    /// How often segments are rolled, deleted and compacted (`log.retention.check.interval.ms`, there 5 min).
    pub maintenance: Duration,
}

impl Default for Times {
    fn default() -> Self {
        const HOUR: u64 = 60 * 60;
        Self {
            connection_idle: Duration::from_secs(10 * 60),
            transfer: Duration::from_secs(60),
            initial_rebalance_delay: Duration::from_millis(100),
            session_min: Duration::from_secs(6),
            session_max: Duration::from_secs(30 * 60),
            offsets_retention: Duration::from_secs(7 * 24 * HOUR),
            transaction_max: Duration::from_secs(15 * 60),
            transactional_id_retention: Duration::from_secs(7 * 24 * HOUR),
            maintenance: Duration::from_secs(15),
        }
    }
}

impl BrokerConfig {
    /// A broker on loopback.
    pub fn new(data: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self {
            data: data.into(),
            listen,
            advertised_host: None,
            advertised_port: None,
            auto_create_topics: true,
            default_partitions: 1,
            forget_members: false,
            limits: Limits::default(),
            times: Times::default(),
        }
    }
}

/// A duration as the protocol has it.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
