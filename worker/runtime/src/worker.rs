//! A worker's life, whatever its mode: REST comes up, the mode brings its state, the herder runs, all goes down in order.

use std::{sync::Arc, time::Duration};

use connect_api::{Error, ErrorKind, Result};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    config::WorkerSettings,
    herder::{
        driver::{self, HerderHandle, Mailbox, Shell, mailbox},
        group_loop::{self, Beat},
        state::{Event, Herder},
        tasks::Tasks,
        watch::Watch,
    },
    kafka::group::Group,
    logging::Loggers,
    plugins::Plugins,
    rest::{App, Services},
    shutdown,
    storage::{
        config_state::ConfigRecord,
        log::{Entry, SharedLog},
        offsets::{OffsetStore, OffsetsReader},
        statuses::{StatusReader, StatusStore},
    },
    task::run::Shared,
};

/// Time for the last writes and for leaving the group, after tasks have stopped.
const LEAVE: Duration = Duration::from_secs(5);
/// The longest pause between tries to reach Kafka at the start.
const START_PAUSE_MAX: Duration = Duration::from_secs(10);

/// What a mode brings: where state is kept, who decides, and the group if there is one.
pub(crate) struct Parts {
    pub(crate) herder: Herder,
    pub(crate) configs: SharedLog,
    pub(crate) offsets: (OffsetsReader, SharedLog),
    pub(crate) statuses: (StatusReader, SharedLog),
    pub(crate) group: Option<(Box<dyn Group>, Beat)>,
}

/// Runs a worker until it is told to stop. `start` makes its parts; `begin` is what it does first once it is up, and an
/// error of it ends the worker.
pub(crate) async fn serve(
    settings: &WorkerSettings,
    loggers: Loggers,
    plugins: Plugins,
    start: impl AsyncFnOnce(&Arc<App>, &HerderHandle) -> Result<Parts>,
    begin: impl AsyncFnOnce(&App) -> Result<()>,
) -> Result<()> {
    let launched = std::time::Instant::now();
    let (handle, mailbox) = mailbox();
    let app = App::new(settings.clone(), plugins, handle.clone(), loggers);
    let server = crate::rest::serve(app.clone()).await?;
    tracing::info!(worker = settings.worker_id(), version = crate::plugins::VERSION, "worker is starting");
    for note in &settings.notes {
        tracing::warn!("{note}");
    }
    let stop = shutdown::signal();
    tokio::pin!(stop);
    let parts = tokio::select! {
        parts = start(&app, &handle) => parts?,
        () = &mut stop => {
            tracing::info!("stopped before the worker was up");
            return Ok(());
        }
    };
    let (statuses, mut running) = run(&app, parts, mailbox);
    let begun = async {
        match begin(&app).await {
            Ok(()) => std::future::pending().await,
            Err(error) => error,
        }
    };
    let url = format!("http://{}", settings.worker_id());
    let mut known = app.herder.snapshot.clone();
    let told = async {
        // A herder that ends is told of by the others.
        if known.wait_for(|snapshot| snapshot.generation >= 0).await.is_ok() {
            tracing::info!(url, took_ms = launched.elapsed().as_millis(), "worker is ready");
        }
        std::future::pending::<()>().await
    };
    let outcome = tokio::select! {
        () = told => None,
        ended = &mut running => Some(ended.map_err(|error| Error::fatal(format!("the herder died: {error}")))),
        error = begun => Some(Err(error)),
        () = stop => None,
    };
    if !running.is_finished() {
        tracing::info!("shutting down: tasks stop, offsets are committed");
        // The herder lives until it has taken this in.
        drop(handle.events.send(Event::Shutdown));
        let patience = settings.config.task_shutdown_timeout + LEAVE;
        if tokio::time::timeout(patience, running).await.is_err() {
            tracing::warn!("shutdown took too long, the rest is left as it is");
        }
    }
    // Best effort: Kafka may be what is broken.
    if let Err(error) = statuses.flush(Duration::from_secs(3)).await {
        tracing::warn!(%error, "the last statuses may not have been written");
    }
    server.abort();
    crate::kafka::trouble::worker_has_ended();
    tracing::info!("worker has stopped");
    outcome.unwrap_or(Ok(()))
}

/// Puts the parts together and lets the herder run.
fn run(app: &Arc<App>, parts: Parts, mailbox: Mailbox) -> (StatusStore, JoinHandle<()>) {
    let settings = &app.settings;
    let statuses = StatusStore::new(&parts.statuses.0, parts.statuses.1);
    let shared = Arc::new(Shared {
        settings: settings.clone(),
        plugins: app.plugins.clone(),
        metrics: app.metrics.clone(),
        statuses: statuses.clone(),
        offsets: OffsetStore::new(&parts.offsets.0, parts.offsets.1),
    });
    app.ready(Services { shared: shared.clone() });
    let handle = app.herder.clone();
    let (group_commands, commands) = mpsc::unbounded_channel();
    let (write_out, writes) = mpsc::unbounded_channel();
    let events = handle.events.clone();
    let writer = tokio::spawn(driver::write_configs(parts.configs.clone(), writes, events.clone()));
    // Without a group nobody hears the commands, and the herder of a worker that is alone has none but the goodbye.
    let group = parts
        .group
        .map(|(group, beat)| tokio::spawn(group_loop::run(group, commands, events, beat, app.metrics.group.clone())));
    let shell = Shell {
        providers: settings.providers.clone(),
        worker_id: settings.worker_id(),
        configs: parts.configs,
        group: group_commands,
        loggers: app.loggers.clone(),
        tasks: Tasks::new(handle.events.clone(), settings.config.task_shutdown_timeout),
        watch: Watch::new(&settings.config),
        writes: write_out,
        handle,
        shared,
    };
    let running = tokio::spawn(async move {
        driver::run(parts.herder, shell, mailbox).await;
        // The shell is gone, and with it the channels of these two; the group leaves first.
        if let Some(group) = group
            && tokio::time::timeout(LEAVE, group).await.is_err()
        {
            tracing::warn!("could not leave the group in time");
        }
        writer.abort();
    });
    (statuses, running)
}

/// Hands what is read of the configurations to the herder.
pub(crate) fn config_reader(handle: &HerderHandle) -> impl FnMut(Entry) + Send + 'static {
    let events = handle.events.clone();
    move |entry| {
        let Some(key) = entry.key.and_then(|key| String::from_utf8(key.to_vec()).ok()) else { return };
        let record = ConfigRecord { offset: entry.offset, key, value: entry.value.map(|value| value.to_vec()) };
        // The herder goes away only at the end of the worker.
        drop(events.send(Event::ConfigRead(record)));
    }
}

/// Asks something of Kafka; while it is away, again and again, with a line that says so.
pub(crate) async fn until_reachable<Found>(servers: &str, ask: impl AsyncFn() -> Result<Found>) -> Result<Found> {
    let mut pause = Duration::from_millis(500);
    loop {
        match ask().await {
            Err(error) if error.kind() == ErrorKind::Retriable => {
                tracing::warn!(%error, servers, "Kafka can't be reached or is not ready, trying again in {} ms", pause.as_millis());
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(START_PAUSE_MAX);
            }
            result => return result,
        }
    }
}
