//! Broker and worker in one process, and the broker alone.

use std::{net::SocketAddr, path::Path};

use connect_api::{Error, Props, Result};
use connect_broker::{Broker, BrokerConfig, RunningBroker};
use connect_runtime::{Plugins, config::WorkerSettings, distributed, logging::Loggers, properties, shutdown};

use crate::command::Run;

const LOG: &str = "info";

/// Runs both until told to stop. The worker stops first, as its last offsets go to the broker.
pub(crate) async fn run(options: &Run, plugins: Plugins) -> Result<()> {
    let given = match &options.config {
        Some(file) => properties::load(file)?,
        None => Props::new(),
    };
    let loggers = Loggers::install(given.get("millrace.log").map_or(LOG, String::as_str))?;
    let mut config = BrokerConfig::new(&options.data, options.broker);
    // The one worker of the group is here, so there is nobody to wait for; and whoever was a member before this
    // process started was killed with its predecessor, so that nothing need wait for their sessions to end.
    config.times.initial_rebalance_delay = std::time::Duration::ZERO;
    config.forget_members = true;
    let broker = start(config).await?;
    let outcome = match WorkerSettings::distributed(&worker_properties(options, given, broker.address())) {
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

/// A log has up to two files open, and every client a connection; shells give 1,024 to all of them.
const OPEN_FILES: u64 = 1 << 16;

async fn start(config: BrokerConfig) -> Result<RunningBroker> {
    match rlimit::increase_nofile_limit(OPEN_FILES) {
        Ok(limit) => tracing::debug!(limit, "files may be open at once"),
        Err(error) => {
            tracing::warn!(%error, "could not raise the limit of open files, which bounds topics and clients")
        }
    }
    let broker = Broker::start(config).await;
    broker.map_err(|error| Error::fatal("could not start the broker").caused_by(error))
}

async fn stop(broker: RunningBroker) -> Result<()> {
    let stopped = broker.shutdown().await;
    stopped.map_err(|error| Error::fatal("the broker could not put its data in order").caused_by(error))
}

/// What `worker.properties` would say, with what the user's own file says on top. Kafka and the REST API are where the
/// command line puts them.
fn worker_properties(options: &Run, given: Props, broker: SocketAddr) -> Props {
    let defaults = [
        ("group.id", "millrace"),
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("config.storage.topic", "connect-configs"),
        ("offset.storage.topic", "connect-offsets"),
        ("status.storage.topic", "connect-status"),
        ("config.storage.replication.factor", "1"),
        ("offset.storage.replication.factor", "1"),
        ("status.storage.replication.factor", "1"),
        // Each partition of the offsets costs a file and memory; one writer needs few.
        ("offset.storage.partitions", "5"),
        ("status.storage.partitions", "5"),
        // No other worker could come back to take the work of a dead one.
        ("scheduled.rebalance.max.delay.ms", "0"),
    ];
    let mut props: Props = defaults.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
    props.extend(given);
    props.insert("bootstrap.servers".into(), broker.to_string());
    if let Some(listen) = options.listen {
        props.insert("listeners".into(), format!("http://{listen}"));
    }
    props
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_file_goes_before_the_defaults_but_not_before_the_command_line() {
        let address = |text: &str| text.parse().expect("an address");
        let listen = Some(address("0.0.0.0:1"));
        let run = Run { data: "d".into(), listen, broker: address("127.0.0.1:0"), config: None };
        let given = properties::parse("group.id=mine\nlisteners=http://:9\nbootstrap.servers=elsewhere:9\nx=y\n");
        let props = worker_properties(&run, given, address("127.0.0.1:2"));
        let shown = ["group.id", "listeners", "bootstrap.servers", "x", "offset.storage.partitions"];
        let shown: Vec<&str> = shown.iter().filter_map(|key| props.get(*key)).map(String::as_str).collect();
        assert_eq!(shown, ["mine", "http://0.0.0.0:1", "127.0.0.1:2", "y", "5"]);
    }
}
