//! Everything that the connections and the background tasks of one broker share.

use std::sync::{Arc, atomic::AtomicUsize};

use kafka_protocol::{messages::BrokerId, protocol::StrBytes};
use tokio::sync::Semaphore;

use crate::{
    config::{BrokerConfig, millis},
    group::{Groups, state::GroupTimes},
    log::DataDir,
    metrics::{BrokerMetrics, Counters, count},
    server::StartError,
    topics::Topics,
    transaction::Transactions,
};

/// The number of the only node, Kafka's first.
pub(crate) const NODE: BrokerId = BrokerId(1);

pub(crate) struct Core {
    pub(crate) config: BrokerConfig,
    pub(crate) topics: Arc<Topics>,
    pub(crate) groups: Arc<Groups>,
    pub(crate) transactions: Transactions,
    pub(crate) counters: Counters,
    pub(crate) connections: AtomicUsize,
    /// Bytes of requests that may still be taken in.
    pub(crate) request_memory: Arc<Semaphore>,
    pub(crate) host: StrBytes,
    pub(crate) port: i32,
}

impl Core {
    /// Opens the data directory and everything in it.
    pub(crate) fn open(config: BrokerConfig, port: u16) -> Result<Self, StartError> {
        let directory = DataDir::open(&config.data)?;
        let topics = Arc::new(Topics::open(directory, config.limits.partitions)?);
        let times = GroupTimes { initial_delay: millis(config.times.initial_rebalance_delay) };
        let groups = Arc::new(Groups::open(topics.clone(), times).map_err(StartError::state)?);
        if config.forget_members {
            groups.forget_members();
        }
        let transaction_max = millis(config.times.transaction_max);
        let transactions =
            Transactions::open(topics.clone(), groups.clone(), transaction_max).map_err(StartError::state)?;
        let host = config.advertised_host.clone().unwrap_or_else(|| config.listen.ip().to_string());
        Ok(Self {
            topics,
            groups,
            transactions,
            counters: Counters::default(),
            connections: AtomicUsize::new(0),
            request_memory: Arc::new(Semaphore::new(config.limits.requests_bytes.max(config.limits.request_bytes))),
            host: StrBytes::from_string(host),
            port: config.advertised_port.unwrap_or(port).into(),
            config,
        })
    }

    pub(crate) fn metrics(&self) -> BrokerMetrics {
        let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        BrokerMetrics {
            bytes_in: count(&self.counters.bytes_in),
            bytes_out: count(&self.counters.bytes_out),
            requests: count(&self.counters.requests),
            connections: wide(self.connections.load(std::sync::atomic::Ordering::Relaxed)),
            connections_refused: count(&self.counters.connections_refused),
            partitions: wide(self.topics.partition_count()),
        }
    }
}
