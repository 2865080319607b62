//! `millrace connect-distributed`: a worker that shares its state and its work with others through Kafka.

use std::{path::Path, sync::Arc, time::Duration};

use connect_api::{Error, Props, Result};
use futures_util::future::try_join_all;

use crate::{
    config::{ClusterConfig, Count, Mode, WorkerSettings},
    environment::Environment,
    herder::{
        driver::HerderHandle,
        group_loop::Beat,
        membership::Timing,
        state::{Event, Herder},
    },
    kafka::{
        admin::{Admin, InternalTopic, TopicSpec},
        client::{Role, java_props},
        connection::ensure_reachable,
        group::{GroupTimeouts, KafkaGroup},
        log::KafkaLog,
        log_producer::LogProducer,
    },
    logging::Loggers,
    metrics::clients::Clients,
    plugins::Plugins,
    properties,
    rest::App,
    storage::{
        log::{Entry, Log},
        offsets::OffsetsReader,
        statuses::StatusReader,
    },
    worker::{self, Parts, config_reader, until_reachable},
};

/// Runs a worker until it is told to stop, from its properties file, or from the environment when there is none. An
/// error is why it could not go on.
pub async fn run(file: Option<&Path>, plugins: Plugins) -> Result<()> {
    let settings = match file {
        Some(file) => WorkerSettings::distributed(&properties::load(file)?)?,
        None => of_environment(Environment::of_process())?,
    };
    let loggers = Loggers::install(&settings.config.log)?;
    serve(&settings, loggers, plugins).await
}

fn of_environment(environment: Environment) -> Result<WorkerSettings> {
    let mut settings = WorkerSettings::distributed(&environment.props).map_err(|error| {
        Error::config(format!("{} (read from variables such as CONNECT_BOOTSTRAP_SERVERS)", error.message()))
    })?;
    settings.notes.extend(environment.notes);
    Ok(settings)
}

/// As [`run`], with settings that come from elsewhere.
pub async fn serve(settings: &WorkerSettings, loggers: Loggers, plugins: Plugins) -> Result<()> {
    let start = async |app: &Arc<App>, handle: &HerderHandle| match &settings.mode {
        Mode::Distributed(cluster) => start(settings, cluster, app, handle).await,
        Mode::Standalone(_) => Err(Error::config("a distributed worker needs group.id and the names of its topics")),
    };
    worker::serve(settings, loggers, plugins, start, async |_: &App| Ok(())).await
}

async fn start(
    settings: &WorkerSettings,
    cluster: &ClusterConfig,
    app: &Arc<App>,
    handle: &HerderHandle,
) -> Result<Parts> {
    app.stage("connecting to Kafka and creating the internal topics");
    let admin_props = client(settings, Role::Admin, "admin");
    let [configs, offsets, statuses] = topics(cluster);
    let topics = [&configs, &offsets, &statuses];
    let servers = &settings.config.bootstrap_servers;
    let (counts, cluster_id) = until_reachable(servers, async || ensure_all(&admin_props, &topics).await).await?;
    app.cluster_id(cluster_id.clone());
    tracing::info!(cluster = cluster_id, "connected to Kafka");
    let clients = &app.metrics.clients;
    let producer = LogProducer::new(&client(settings, Role::Producer, "logs"), Some(clients))?;
    let status_reader = StatusReader::default();
    let reader = status_reader.clone();
    let status_log =
        open((settings, clients), &statuses, counts[2], producer.clone(), move |entry| reader.take(&entry))?;
    let offset_reader = OffsetsReader::default();
    let reader = offset_reader.clone();
    let offset_log =
        open((settings, clients), &offsets, counts[1], producer.clone(), move |entry| reader.take(&entry))?;
    let config_log = open((settings, clients), &configs, counts[0], producer, config_reader(handle))?;
    app.stage("reading the internal topics");
    tokio::join!(
        read_to_end(&offset_log, "offsets"),
        read_to_end(&status_log, "statuses"),
        read_to_end(&config_log, "configurations")
    );
    drop(handle.events.send(Event::CaughtUp));
    app.stage("ensuring membership in the cluster");
    let (group, beat) = membership(settings, cluster, app);
    Ok(Parts {
        herder: Herder::new(&format!("http://{}/", settings.worker_id()), timing(cluster)),
        configs: Arc::new(config_log),
        offsets: (offset_reader, Arc::new(offset_log)),
        statuses: (status_reader, Arc::new(status_log)),
        group: Some((Box::new(group), beat)),
    })
}

fn timing(cluster: &ClusterConfig) -> Timing {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Timing {
        protocol: cluster.protocol,
        rebalance_delay_max_ms: millis(cluster.rebalance_delay_max),
        session_key_ttl_ms: millis(cluster.session_key_ttl),
        unsync_backoff_ms: millis(cluster.rebalance_delay_max.min(cluster.unsync_backoff) / 10),
    }
}

fn membership(settings: &WorkerSettings, cluster: &ClusterConfig, app: &App) -> (KafkaGroup, Beat) {
    let timeouts = GroupTimeouts {
        session: cluster.session_timeout,
        rebalance: cluster.rebalance_timeout,
        request: Duration::from_secs(10).min(cluster.session_timeout),
    };
    let java = java_props(settings, Role::Admin, &settings.group_client_id(), &Props::new());
    let beat = Beat { every: cluster.heartbeat_interval, session: cluster.session_timeout };
    (KafkaGroup::new(&cluster.group_id, java, timeouts, app.metrics.connection.clone()), beat)
}

fn client(settings: &WorkerSettings, role: Role, suffix: &str) -> Props {
    let config = &settings.config;
    let group = settings.cluster().map(|cluster| &cluster.group_id);
    let base = group.filter(|_| config.client_id.is_empty()).unwrap_or(&config.client_id);
    java_props(settings, role, &format!("{base}-{suffix}"), &Props::new())
}

fn open(
    (settings, clients): (&WorkerSettings, &Clients),
    topic: &InternalTopic,
    partitions: i32,
    producer: LogProducer,
    on_entry: impl FnMut(Entry) + Send + 'static,
) -> Result<KafkaLog> {
    let suffix = topic.setting.split('.').next().unwrap_or_default();
    let java = client(settings, Role::Consumer, &format!("{suffix}s"));
    KafkaLog::open(&topic.spec.name, partitions, (&java, clients), producer, on_entry)
}

fn topics(config: &ClusterConfig) -> [InternalTopic; 3] {
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

async fn ensure_all(admin_props: &Props, topics: &[&InternalTopic]) -> Result<Found> {
    // The admin client only says that time has passed; this says why.
    ensure_reachable(admin_props).await?;
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
