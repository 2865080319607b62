//! The life of the broker: opening, listening, stopping.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::{
    config::BrokerConfig,
    connection,
    core::Core,
    log::LogError,
    maintenance,
    metrics::{self, BrokerMetrics},
    refusal::Refusal,
    topics::{OpenError, StoreError},
};

/// The broker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("could not listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not read the broker's own state: {reason}")]
    State { reason: String },
}

impl StartError {
    pub(crate) fn state(refusal: Refusal) -> Self {
        StartError::State { reason: refusal.message }
    }
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Store(error) => error.into(),
            OpenError::Log(error) => error.into(),
        }
    }
}

/// A broker to be started.
pub struct Broker;

/// A broker that answers. Dropping it stops it as a crash would: nothing that was acknowledged is lost, and the next
/// start checks the logs.
pub struct RunningBroker {
    address: SocketAddr,
    core: Arc<Core>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Broker {
    /// Opens the data directory and listens; when this returns, clients can connect. Reading the logs blocks the
    /// thread, which takes long only after a crash.
    pub async fn start(config: BrokerConfig) -> Result<RunningBroker, StartError> {
        let listen = |source| StartError::Listen { address: config.listen, source };
        // Bound before the logs are read, so that a port that is taken is told at once.
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let core = Arc::new(Core::open(config, address.port())?);
        let (stop, stopped) = watch::channel(false);
        let tasks = maintenance::spawn(&core, &stopped)
            .into_iter()
            .chain([tokio::spawn(accept(listener, core.clone(), stopped))])
            .collect();
        let data = core.config.data.display();
        tracing::info!(%address, %data, partitions = core.topics.partition_count(), "the broker is listening");
        Ok(RunningBroker { address, core, stop, tasks })
    }
}

impl RunningBroker {
    /// Where it listens; the port is the one that was found when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients take as `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        format!("{}:{}", self.core.host, self.core.port)
    }

    pub fn metrics(&self) -> BrokerMetrics {
        self.core.metrics()
    }

    /// Ends the connections after the request each is at, closes every log, and leaves a marker so that the next
    /// start need not look into them.
    pub async fn shutdown(mut self) -> Result<(), LogError> {
        self.stop.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!(%error, "a task of the broker panicked");
            }
        }
        self.core.topics.close()?;
        tracing::info!("the broker is closed");
        Ok(())
    }
}

impl Drop for RunningBroker {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Waits until the broker is asked to stop, or is dropped.
pub(crate) async fn stop_asked(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an order to stop as well.
    drop(stopped.wait_for(|stop| *stop).await);
}

async fn accept(listener: TcpListener, core: Arc<Core>, stopped: watch::Receiver<bool>) {
    let mut connections = tokio::task::JoinSet::new();
    let mut until = stopped.clone();
    loop {
        tokio::select! {
            () = stop_asked(&mut until) => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection ended in a panic");
                }
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    if let Some(place) = Place::take(&core) {
                        connections.spawn(serve(stream, peer, core.clone(), stopped.clone(), place));
                    } else {
                        metrics::add(&core.counters.connections_refused, 1);
                        tracing::warn!(%peer, limit = core.config.limits.connections, "too many connections, closed one");
                    }
                }
                // Too many open files, most likely: others must close before this can go on.
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

async fn serve(stream: TcpStream, peer: SocketAddr, core: Arc<Core>, stopped: watch::Receiver<bool>, _place: Place) {
    match connection::run(stream, &core, stopped).await {
        Ok(()) => tracing::debug!(%peer, "a connection is closed"),
        Err(error) if error.client_left() => tracing::debug!(%peer, %error, "a client left"),
        Err(error) => tracing::warn!(%peer, %error, "closed a connection"),
    }
}

/// One of the connections that are allowed; given back when dropped.
struct Place(Arc<Core>);

impl Place {
    fn take(core: &Arc<Core>) -> Option<Self> {
        let count: &AtomicUsize = &core.connections;
        let more = |now: usize| (now < core.config.limits.connections).then_some(now + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(core.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
