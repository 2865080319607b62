//! `millrace connect-distributed`: brings a worker up, keeps it running, and takes it down in order.

use std::{path::Path, sync::Arc, time::Duration};

use connect_api::{Error, ErrorKind, Props, Result};
use futures_util::future::try_join_all;
use tokio::sync::mpsc;

use crate::{
    config::{Count, WorkerSettings},
    herder::{
        driver::{self, HerderHandle, Mailbox, Shell, mailbox},
        group_loop::{self, Beat},
        membership::Timing,
        state::{Event, Herder},
        tasks::Tasks,
    },
    kafka::{
        admin::{Admin, InternalTopic, TopicSpec},
        client::{Role, java_props},
        connection::ensure_reachable,
        group::{GroupTimeouts, KafkaGroup},
        log::{KafkaLog, LogProducer, log_producer},
    },
    logging::Loggers,
    metrics::Metrics,
    plugins::Plugins,
    providers::Providers,
    rest::{App, Services},
    shutdown,
    storage::{
        config_state::ConfigRecord,
        offsets::{OffsetStore, OffsetsReader},
        statuses::{StatusReader, StatusStore},
    },
    task::run::Shared,
};

/// Runs a worker from its properties file until it is told to stop. An error is why it could not go on.
pub async fn run(file: &Path, plugins: Plugins) -> Result<()> {
    let settings = WorkerSettings::load(file)?;
    let loggers = Loggers::install(&settings.config.log)?;
    serve(settings, loggers, plugins).await
}

/// As [`run`], with settings that come from elsewhere.
pub async fn serve(settings: WorkerSettings, loggers: Loggers, plugins: Plugins) -> Result<()> {
    let (handle, mailbox) = mailbox();
    let app = App::new(settings.clone(), plugins.clone(), handle.clone(), loggers.clone());
    let server = crate::rest::serve(app.clone()).await?;
    tracing::info!(worker = settings.worker_id(), version = crate::plugins::VERSION, "worker is starting");
    let stop = shutdown::signal();
    tokio::pin!(stop);
    let worker = tokio::select! {
        worker = start(&settings, plugins, &app, handle.clone()) => worker?,
        () = &mut stop => {
            tracing::info!("stopped before the worker was up");
            return Ok(());
        }
    };
    let statuses = worker.shell.shared.statuses.clone();
    let running = tokio::spawn(worker.run(mailbox));
    let asked = async {
        stop.await;
        tracing::info!("shutting down: tasks stop, offsets are committed");
        // The herder lives until it has taken this in.
        drop(handle.events.send(Event::Shutdown));
    };
    let mut running = running;
    tokio::select! {
        ended = &mut running => ended.map_err(|error| Error::fatal(format!("the herder died: {error}")))?,
        () = asked => {
            let patience = settings.config.task_shutdown_timeout + LEAVE;
            if tokio::time::timeout(patience, &mut running).await.is_err() {
                tracing::warn!("shutdown took too long, the rest is left as it is");
            }
        }
    }
    // Best effort: Kafka may be what is broken.
    if let Err(error) = statuses.flush(Duration::from_secs(3)).await {
        tracing::warn!(%error, "the last statuses may not have been written");
    }
    server.abort();
    tracing::info!("worker has stopped");
    Ok(())
}

/// Time for the last writes and for leaving the group, after tasks have stopped.
const LEAVE: Duration = Duration::from_secs(5);
/// The longest pause between tries to reach Kafka at the start.
const START_PAUSE_MAX: Duration = Duration::from_secs(10);

/// A worker that has read its topics and is about to join its group.
struct Worker {
    herder: Herder,
    shell: Shell,
    group: KafkaGroup,
    commands: mpsc::UnboundedReceiver<group_loop::GroupCommand>,
    writes: mpsc::UnboundedReceiver<(u64, Vec<crate::storage::configs::Write>)>,
    beat: Beat,
}

impl Worker {
    async fn run(self, mailbox: Mailbox) {
        let events = self.shell.handle.events.clone();
        let group = tokio::spawn(group_loop::run(Box::new(self.group), self.commands, events.clone(), self.beat));
        let writer = tokio::spawn(driver::write_configs(self.shell.configs.clone(), self.writes, events));
        driver::run(self.herder, self.shell, mailbox).await;
        // The shell is gone, and with it the channels of these two; the group leaves first.
        if tokio::time::timeout(LEAVE, group).await.is_err() {
            tracing::warn!("could not leave the group in time");
        }
        writer.abort();
    }
}

async fn start(settings: &WorkerSettings, plugins: Plugins, app: &Arc<App>, handle: HerderHandle) -> Result<Worker> {
    let config = &settings.config;
    app.stage("connecting to Kafka and creating the internal topics");
    let admin_props = client(settings, Role::Admin, "admin");
    let [configs, offsets, statuses] = topics(settings);
    let (counts, cluster_id) =
        until_reachable(&admin_props, &[&configs, &offsets, &statuses], &config.bootstrap_servers).await?;
    app.cluster_id(cluster_id.clone());
    tracing::info!(cluster = cluster_id, "connected to Kafka");
    let producer = log_producer(&client(settings, Role::Producer, "logs"))?;
    let status_reader = StatusReader::default();
    let reader = status_reader.clone();
    let status_log = open(settings, &statuses, counts[2], producer.clone(), move |entry| reader.take(&entry))?;
    let offset_reader = OffsetsReader::default();
    let reader = offset_reader.clone();
    let offset_log = open(settings, &offsets, counts[1], producer.clone(), move |entry| reader.take(&entry))?;
    let events = handle.events.clone();
    let config_log = open(settings, &configs, counts[0], producer, move |entry| {
        let Some(key) = entry.key.and_then(|key| String::from_utf8(key.to_vec()).ok()) else { return };
        let record = ConfigRecord { offset: entry.offset, key, value: entry.value.map(|value| value.to_vec()) };
        // The herder goes away only at the end of the worker.
        drop(events.send(Event::ConfigRead(record)));
    })?;
    app.stage("reading the internal topics");
    tokio::join!(
        read_to_end(&offset_log, "offsets"),
        read_to_end(&status_log, "statuses"),
        read_to_end(&config_log, "configurations")
    );
    drop(handle.events.send(Event::CaughtUp));
    app.stage("ensuring membership in the cluster");
    let shared = Arc::new(Shared {
        settings: settings.clone(),
        plugins,
        metrics: Metrics::default(),
        statuses: StatusStore::new(&status_reader, status_log),
        offsets: OffsetStore::new(&offset_reader, offset_log),
    });
    app.ready(Services { shared: shared.clone() });
    Ok(assemble(settings, shared, config_log, app, handle))
}

fn assemble(
    settings: &WorkerSettings,
    shared: Arc<Shared>,
    configs: KafkaLog,
    app: &Arc<App>,
    handle: HerderHandle,
) -> Worker {
    let config = &settings.config;
    let (group_commands, commands) = mpsc::unbounded_channel();
    let (write_out, writes) = mpsc::unbounded_channel();
    let worker_id = settings.worker_id();
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let timing = Timing {
        protocol: config.protocol,
        rebalance_delay_max_ms: millis(config.rebalance_delay_max),
        session_key_ttl_ms: millis(config.session_key_ttl),
        unsync_backoff_ms: millis(config.rebalance_delay_max.min(config.unsync_backoff) / 10),
    };
    let timeouts = GroupTimeouts {
        session: config.session_timeout,
        rebalance: config.rebalance_timeout,
        request: Duration::from_secs(10).min(config.session_timeout),
    };
    let client_id = if config.client_id.is_empty() { format!("connect-{worker_id}") } else { config.client_id.clone() };
    let java = java_props(settings, Role::Admin, &client_id, &Props::new());
    Worker {
        herder: Herder::new(&format!("http://{worker_id}/"), timing),
        shell: Shell {
            providers: Providers::of(&settings.props),
            worker_id,
            configs,
            group: group_commands,
            loggers: app.loggers.clone(),
            tasks: Tasks::new(handle.events.clone(), config.task_shutdown_timeout),
            writes: write_out,
            handle,
            shared,
        },
        group: KafkaGroup::new(&config.group_id, java, timeouts),
        commands,
        writes,
        beat: Beat { every: config.heartbeat_interval, session: config.session_timeout },
    }
}

fn client(settings: &WorkerSettings, role: Role, suffix: &str) -> Props {
    let config = &settings.config;
    let base = if config.client_id.is_empty() { &config.group_id } else { &config.client_id };
    java_props(settings, role, &format!("{base}-{suffix}"), &Props::new())
}

fn open(
    settings: &WorkerSettings,
    topic: &InternalTopic,
    partitions: i32,
    producer: LogProducer,
    on_entry: impl FnMut(crate::kafka::log::Entry) + Send + 'static,
) -> Result<KafkaLog> {
    let suffix = topic.setting.split('.').next().unwrap_or_default();
    let java = client(settings, Role::Consumer, &format!("{suffix}s"));
    KafkaLog::open(&topic.spec.name, partitions, &java, producer, on_entry)
}

fn topics(settings: &WorkerSettings) -> [InternalTopic; 3] {
    let config = &settings.config;
    let topic = |name: &str, partitions: i32, replicas: Count, extra: &Props| {
        let own = ["topic", "replication.factor", "partitions", "cleanup.policy"];
        let mut settings: Props =
            extra.iter().filter(|(key, _)| !own.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
        settings.insert("cleanup.policy".into(), "compact".into());
        TopicSpec { name: name.to_owned(), partitions, replicas: replicas.0, settings }
    };
    [
        InternalTopic {
            spec: topic(&config.config_topic, 1, config.config_replicas, &config.config_topic_settings),
            setting: "config.storage.topic",
            purpose: "connector configurations",
            single_partition: true,
        },
        InternalTopic {
            spec: topic(
                &config.offset_topic,
                config.offset_partitions.0,
                config.offset_replicas,
                &config.offset_topic_settings,
            ),
            setting: "offset.storage.topic",
            purpose: "source connector offsets",
            single_partition: false,
        },
        InternalTopic {
            spec: topic(
                &config.status_topic,
                config.status_partitions.0,
                config.status_replicas,
                &config.status_topic_settings,
            ),
            setting: "status.storage.topic",
            purpose: "connector and task statuses",
            single_partition: false,
        },
    ]
}

/// The partitions of each internal topic, and the name of the Kafka cluster.
type Found = (Vec<i32>, Option<String>);

/// Creates and checks the topics; while Kafka is away, again and again, with a line that says so.
async fn until_reachable(admin_props: &Props, topics: &[&InternalTopic], servers: &str) -> Result<Found> {
    let mut pause = Duration::from_millis(500);
    loop {
        match ensure_all(admin_props, topics).await {
            Err(error) if error.kind() == ErrorKind::Retriable => {
                tracing::warn!(%error, servers, "Kafka can't be reached or is not ready, trying again in {} ms", pause.as_millis());
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(START_PAUSE_MAX);
            }
            result => return result,
        }
    }
}

async fn ensure_all(admin_props: &Props, topics: &[&InternalTopic]) -> Result<Found> {
    // The admin client only says that time has passed; this says why.
    let servers = admin_props.get("bootstrap.servers").map(String::as_str).unwrap_or_default();
    ensure_reachable(servers).await?;
    let admin = Admin::new(admin_props)?;
    let counts = try_join_all(topics.iter().map(|topic| topic.ensure(&admin))).await?;
    // The client knows by now; a new one would have to ask.
    Ok((counts, admin.cluster_id()))
}

async fn read_to_end(log: &KafkaLog, what: &str) {
    while let Err(error) = log.read_to_end().await {
        tracing::warn!(%error, "could not read the topic of {what}, trying again");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
