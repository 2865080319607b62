//! Starting a task from its configuration, and seeing it to its end.

use std::{future::Future, sync::Arc, time::Duration};

use connect_api::{
    ErrantReporter, Error, ErrorKind, Props, Result, SinkContext, SinkPlugin, SourceContext, SourcePlugin,
};
use regex::Regex;
use tokio::sync::watch;

use super::{
    chain::{Chain, names},
    convert::Converters,
    dlq::{DeadLetters, Reportable, Reporter, SinkErrantReporter},
    errors::{Backoff, ErrorConfig},
    sink::{Position, SinkLoop, Topics},
    source::{Progress, SourceLoop},
    steps::Step,
    topics::{TopicGate, TopicRules},
};
use crate::{
    config::{ProducerKind, WorkerSettings},
    kafka::{
        admin::Admin,
        client::{Role, java_props, overrides},
        consumer::SinkConsumer,
        log_producer::LogProducer,
        producer::TicketProducer,
        topic_logs::KafkaTopicLogs,
    },
    metrics::{Metrics, TaskMetrics},
    plugins::{ConnectorPlugin, Plugins},
    storage::{
        config_state::TaskId,
        offsets::{ConnectorOffsets, OffsetStore},
        statuses::{State, StatusStore},
    },
};

/// What a running task is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Run,
    Pause,
    Stop,
}

/// What all tasks of a worker share.
pub struct Shared {
    pub settings: WorkerSettings,
    pub plugins: Plugins,
    pub metrics: Metrics,
    pub statuses: StatusStore,
    pub offsets: OffsetStore,
}

/// One task to be run, with all variables put in.
pub struct TaskStart {
    pub id: TaskId,
    pub props: Props,
    pub connector: Props,
    pub goal: watch::Receiver<Goal>,
    pub changed: Box<dyn Fn(State) + Send + Sync>,
    pub metrics: Arc<TaskMetrics>,
}

const START_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Runs a task to its end. An error is why it failed.
pub async fn run(start: TaskStart, shared: Arc<Shared>) -> Result<()> {
    let class = start.connector.get("connector.class").map(String::as_str).unwrap_or_default();
    match shared.plugins.find_connector(class) {
        Some(ConnectorPlugin::Source(plugin)) => run_source(plugin, start, &shared).await,
        Some(ConnectorPlugin::Sink(plugin)) => run_sink(plugin, start, &shared).await,
        None => Err(Error::config(format!("this worker has no connector of class {class}"))),
    }
}

async fn run_source(plugin: &'static SourcePlugin, start: TaskStart, shared: &Shared) -> Result<()> {
    let TaskStart { id, props, connector, mut goal, changed, metrics } = start;
    let worker = &shared.settings;
    let reporter = reporter(&id, &connector, metrics, None)?;
    let chain = Chain::build(&connector, &shared.plugins)?;
    let converters = Converters::build(&connector, &worker.props, &shared.plugins)?;
    let producer = match worker.config.producer {
        ProducerKind::Kafka => {
            TicketProducer::kafka(&client(worker, &connector, Role::Producer, &id), &shared.metrics.clients)?
        }
        ProducerKind::Null => TicketProducer::null(),
    };
    let rules = match TopicRules::of(&connector)?.filter(|_| worker.config.topic_creation) {
        Some(rules) => Some((rules, Admin::new(&client(worker, &connector, Role::Admin, &id))?)),
        None => None,
    };
    let tracking = worker.config.topic_tracking.then(|| shared.statuses.clone());
    let (stored, stored_view) = watch::channel(Vec::new());
    let context = || SourceContext {
        connector: id.connector.as_str().into(),
        task: id.task,
        offsets: Arc::new(ConnectorOffsets { connector: id.connector.clone(), store: shared.offsets.clone() }),
        stored: stored_view.clone(),
        logs: Arc::new(KafkaTopicLogs { worker: java_props(worker, Role::Admin, &format!("{id}-log"), &Props::new()) }),
    };
    if !wait_until_wanted(&mut goal, changed.as_ref()).await {
        return Ok(());
    }
    let Some(task) =
        start_with_retries(&mut goal, &reporter.metrics, || (plugin.start)(props.clone(), context())).await?
    else {
        return Ok(());
    };
    changed(State::Running);
    let source = SourceLoop {
        chain,
        converters,
        reporter,
        producer,
        topics: TopicGate::new(id, rules, tracking),
        offsets: shared.offsets.clone(),
        stored,
        goal,
        flush_every: worker.config.offset_flush_interval,
        flush_timeout: worker.config.offset_flush_timeout,
        changed,
        state: Progress::default(),
    };
    source.run(task).await
}

async fn run_sink(plugin: &'static SinkPlugin, start: TaskStart, shared: &Shared) -> Result<()> {
    let TaskStart { id, props, connector, mut goal, changed, metrics } = start;
    let worker = &shared.settings;
    let clients = &shared.metrics.clients;
    let admin = || Admin::new(&client(worker, &connector, Role::Admin, &id));
    let dlq = || LogProducer::new(&dlq_client(worker, &connector, &id), Some(clients));
    let letters = DeadLetters::open(&connector, admin, dlq).await?;
    let reporter = reporter(&id, &connector, metrics, letters)?;
    let chain = Chain::build(&connector, &shared.plugins)?;
    let converters = Converters::build(&connector, &worker.props, &shared.plugins)?;
    let java = consumer_props(worker, &connector, &id);
    let number = |key: &str, default: u64| java.get(key).and_then(|text| text.trim().parse().ok()).unwrap_or(default);
    let batch_max = usize::try_from(number("max.poll.records", 500)).unwrap_or(500).max(1);
    let refresh = Duration::from_millis(number("metadata.max.age.ms", 300_000));
    let topics = topics(&connector, refresh, admin)?;
    let reports = reporter.dead_letters.is_some() || reporter.config.log;
    let reportable = reports.then(|| Arc::new(Reportable::default()));
    let errant = reportable.clone().map(|reportable| {
        Arc::new(SinkErrantReporter { reporter: reporter.clone(), reportable }) as Arc<dyn ErrantReporter>
    });
    let context = || SinkContext { connector: id.connector.as_str().into(), task: id.task, errant: errant.clone() };
    if !wait_until_wanted(&mut goal, changed.as_ref()).await {
        return Ok(());
    }
    let Some(task) =
        start_with_retries(&mut goal, &reporter.metrics, || (plugin.start)(props.clone(), context())).await?
    else {
        return Ok(());
    };
    let consumer = SinkConsumer::new(&java, clients)?;
    changed(State::Running);
    let sink = SinkLoop {
        id,
        consumer,
        topics,
        chain,
        converters,
        reporter,
        reportable,
        tracking: worker.config.topic_tracking.then(|| shared.statuses.clone()),
        goal: goal.clone(),
        batch_max,
        commit_every: worker.config.offset_flush_interval,
        changed,
        state: Position::default(),
    };
    let result = sink.run(task).await;
    // A batch that was given up because of the stop is no failure: it comes again.
    if *goal.borrow() == Goal::Stop { Ok(()) } else { result }
}

fn reporter(
    id: &TaskId,
    connector: &Props,
    metrics: Arc<TaskMetrics>,
    dead_letters: Option<DeadLetters>,
) -> Result<Arc<Reporter>> {
    let config: ErrorConfig = connect_api::plugin::parse(connector)?;
    Ok(Arc::new(Reporter { id: id.clone(), config, dead_letters, metrics }))
}

fn client(worker: &WorkerSettings, connector: &Props, role: Role, id: &TaskId) -> Props {
    let name = match role {
        Role::Producer => "producer",
        Role::Consumer => "consumer",
        Role::Admin => "adminclient",
    };
    java_props(worker, role, &format!("connector-{name}-{id}"), &overrides(connector, role))
}

fn dlq_client(worker: &WorkerSettings, connector: &Props, id: &TaskId) -> Props {
    let overrides = overrides(connector, Role::Producer);
    java_props(worker, Role::Producer, &format!("connector-dlq-producer-{id}"), &overrides)
}

/// The consumer of a sink, in the group `connect-<name>` unless the connector overrides it.
pub fn consumer_props(worker: &WorkerSettings, connector: &Props, id: &TaskId) -> Props {
    let mut overrides = overrides(connector, Role::Consumer);
    overrides.entry("group.id".into()).or_insert_with(|| format!("connect-{}", id.connector));
    java_props(worker, Role::Consumer, &format!("connector-consumer-{id}"), &overrides)
}

fn topics(connector: &Props, refresh: Duration, admin: impl FnOnce() -> Result<Admin>) -> Result<Topics> {
    match connector.get("topics.regex").filter(|pattern| !pattern.trim().is_empty()) {
        Some(text) => {
            let pattern = Regex::new(&format!("^(?:{text})$"))
                .map_err(|error| Error::config(format!("topics.regex is no regular expression: {error}")))?;
            Ok(Topics::Matching { pattern, admin: admin()?, refresh })
        }
        None => Ok(Topics::Named(names(connector, "topics").collect())),
    }
}

/// A task that is paused from the beginning is not started before it is resumed; false when it is to stop.
async fn wait_until_wanted(goal: &mut watch::Receiver<Goal>, changed: &(dyn Fn(State) + Send + Sync)) -> bool {
    if *goal.borrow() == Goal::Pause {
        changed(State::Paused);
    }
    // The other end goes away only when the task is to stop.
    goal.wait_for(|goal| *goal != Goal::Pause).await.is_ok_and(|goal| *goal == Goal::Run)
}

/// Starts a task; while its system is away, again and again. `None` when it is told to stop meanwhile.
async fn start_with_retries<T, F>(
    goal: &mut watch::Receiver<Goal>,
    metrics: &TaskMetrics,
    mut start: impl FnMut() -> F,
) -> Result<Option<T>>
where
    F: Future<Output = Result<T>>,
{
    let mut backoff = Backoff::new(START_PAUSE_MAX);
    metrics.steps.begin(Step::Start);
    loop {
        let result = tokio::select! {
            result = start() => result,
            _ = goal.wait_for(|goal| *goal == Goal::Stop) => return Ok(None),
        };
        match result {
            Ok(task) => {
                metrics.steps.done(Step::Start);
                return Ok(Some(task));
            }
            Err(error) if error.kind() == ErrorKind::Retriable => {
                let pause = error.delay().unwrap_or_else(|| backoff.pause());
                tracing::warn!(
                    error = error.trace().trim_end(),
                    pause_ms = pause.as_millis(),
                    "could not start, trying again"
                );
                metrics.steps.trouble(Step::Start, &error);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = goal.wait_for(|goal| *goal == Goal::Stop) => return Ok(None),
                }
            }
            Err(error) => return Err(error),
        }
    }
}
