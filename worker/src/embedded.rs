//! Broker and worker in one process, and the broker alone.

use std::{net::SocketAddr, path::Path};

use connect_api::{Error, Props, Result};
use connect_broker::{Broker, BrokerConfig, RunningBroker};
use connect_runtime::{Plugins, config::WorkerSettings, distributed, logging::Loggers, shutdown};

use crate::command::Run;

const LOG: &str = "info";

/// Runs both until told to stop. The worker stops first, as its last offsets go to the broker.
pub(crate) async fn run(options: &Run, plugins: Plugins) -> Result<()> {
    let loggers = Loggers::install(LOG)?;
    let mut config = BrokerConfig::new(&options.data, options.broker);
    // The one worker of the group is here, so there is nobody to wait for; and whoever was a member before this
    // process started was killed with its predecessor, so that nothing need wait for their sessions to end.
    config.times.initial_rebalance_delay = std::time::Duration::ZERO;
    config.forget_members = true;
    let broker = start(config).await?;
    let outcome = match WorkerSettings::distributed(&properties(options, broker.address())) {
        Ok(settings) => distributed::serve(&settings, loggers, plugins).await,
        Err(error) => Err(error),
    };
    outcome.and(stop(broker).await)
}

/// Runs the broker until told to stop.
pub(crate) async fn broker(data: &Path, listen: SocketAddr) -> Result<()> {
    Loggers::install(LOG)?;
    let broker = start(BrokerConfig::new(data, listen)).await?;
    shutdown::signal().await;
    stop(broker).await
}

async fn start(config: BrokerConfig) -> Result<RunningBroker> {
    let data = config.data.clone();
    let broker = Broker::start(config).await;
    let broker = broker.map_err(|error| Error::fatal("could not start the broker").caused_by(error))?;
    tracing::info!(address = %broker.address(), data = %data.display(), "the broker is listening");
    Ok(broker)
}

async fn stop(broker: RunningBroker) -> Result<()> {
    let stopped = broker.shutdown().await;
    stopped.map_err(|error| Error::fatal("the broker could not put its data in order").caused_by(error))
}

/// What `worker.properties` would say.
fn properties(options: &Run, broker: SocketAddr) -> Props {
    let listener = format!("http://{}", options.listen);
    let pairs = [
        ("bootstrap.servers", broker.to_string()),
        ("group.id", "millrace".into()),
        ("listeners", listener),
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter".into()),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter".into()),
        ("config.storage.topic", "connect-configs".into()),
        ("offset.storage.topic", "connect-offsets".into()),
        ("status.storage.topic", "connect-status".into()),
        ("config.storage.replication.factor", "1".into()),
        ("offset.storage.replication.factor", "1".into()),
        ("status.storage.replication.factor", "1".into()),
        // Each partition of the offsets costs a file and memory; one writer needs few.
        ("offset.storage.partitions", "5".into()),
        ("status.storage.partitions", "5".into()),
        // No other worker could come back to take the work of a dead one.
        ("scheduled.rebalance.max.delay.ms", "0".into()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
