//! The shell around the herder's state machine: turns the world into events and carries actions out.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    connectors::{connector_version, task_configs},
    group_loop::GroupCommand,
    request::{Answer, Refusal, ReplyId, Request},
    restarts::Plan,
    state::{Action, Event, Herder, Token},
    tasks::Tasks,
    watch::Watch,
};
use crate::{
    logging::Loggers,
    providers::Providers,
    storage::{
        config_state::{ConfigState, SessionKey, TaskId},
        configs::Write,
        log::SharedLog,
        statuses::{Status, Subject},
    },
    task::run::Shared,
};

/// What others may see of the herder.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub config: Arc<ConfigState>,
    pub ready: bool,
    pub leads: bool,
    pub leader_url: Option<String>,
    pub member_id: String,
    pub generation: i32,
    pub protocol_version: i16,
    pub connectors: Vec<String>,
    /// Those of them whose tasks are not yet known.
    pub settling: Vec<String>,
    /// Those that could not be started.
    pub failed: Vec<String>,
    pub tasks: usize,
    /// Rebalances completed since the start, and when the last one ended.
    pub rebalances: u64,
    pub last_rebalance: Option<Instant>,
}

/// How long a request may wait for its answer, as in the JVM.
pub const REQUEST_WAIT: Duration = Duration::from_secs(90);
const TICK: Duration = Duration::from_millis(250);

/// The way to ask the herder. Cloning shares it.
#[derive(Clone)]
pub struct HerderHandle {
    /// Unbounded, for records of the config topic must not be lost; what comes in is bounded by that topic, by the
    /// number of tasks, and by the requests the REST server takes.
    pub events: mpsc::UnboundedSender<Event>,
    pub snapshot: watch::Receiver<Snapshot>,
    replies: Replies,
}

type Replies = Arc<Mutex<(ReplyId, HashMap<ReplyId, oneshot::Sender<Answer>>)>>;

impl HerderHandle {
    /// Asks and waits for the answer.
    pub async fn ask(&self, request: Request) -> Answer {
        let (sender, answer) = oneshot::channel();
        let id = {
            let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
            replies.0 += 1;
            let id = replies.0;
            replies.1.insert(id, sender);
            id
        };
        let stopping = || Refusal::Failed("the worker is shutting down".into());
        self.events.send(Event::Request { id, request }).map_err(|_| stopping())?;
        match tokio::time::timeout(REQUEST_WAIT, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(stopping()),
            Err(_) => Err(Refusal::Failed("Request timed out".into())),
        }
    }

    pub fn config(&self) -> Arc<ConfigState> {
        self.snapshot.borrow().config.clone()
    }
}

/// Both ends of the herder before it runs.
pub struct Mailbox {
    events: mpsc::UnboundedReceiver<Event>,
    snapshot: watch::Sender<Snapshot>,
    replies: Replies,
}

pub fn mailbox() -> (HerderHandle, Mailbox) {
    let (events, inbox) = mpsc::unbounded_channel();
    let (publish, snapshot) = watch::channel(Snapshot::default());
    let replies = Replies::default();
    let handle = HerderHandle { events, snapshot, replies: replies.clone() };
    (handle, Mailbox { events: inbox, snapshot: publish, replies })
}

/// What the shell carries actions out with.
pub struct Shell {
    pub shared: Arc<Shared>,
    pub providers: Providers,
    pub worker_id: String,
    pub configs: SharedLog,
    pub group: mpsc::UnboundedSender<GroupCommand>,
    pub handle: HerderHandle,
    pub loggers: Loggers,
    pub tasks: Tasks,
    pub watch: Watch,
    /// Writes to the config topic, one after the other.
    pub writes: mpsc::UnboundedSender<(Token, Vec<Write>)>,
}

/// Runs the herder until it has shut down.
pub async fn run(mut herder: Herder, mut shell: Shell, mut mailbox: Mailbox) {
    let began = Instant::now();
    let mut tick = tokio::time::interval(TICK);
    // Session keys have a date, so the clock starts at the date of the start and runs evenly from there.
    let start_ms = u64::try_from(crate::now_ms()).unwrap_or(0);
    let mut snapshot = Snapshot::default();
    let mut rebalancing: Option<Instant> = None;
    loop {
        let event = tokio::select! {
            event = mailbox.events.recv() => match event {
                Some(event) => event,
                None => return,
            },
            _ = tick.tick() => {
                let passed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                Event::Tick { now_ms: start_ms + passed }
            }
        };
        let quiet = matches!(event, Event::Tick { .. });
        if quiet {
            shell.watch.look(Instant::now(), &shell.shared, &shell.worker_id);
        }
        if let Event::ConnectorStarted { result, .. } = &event {
            let starts = &shell.shared.metrics.connector_starts;
            if result.is_ok() { &starts.successes } else { &starts.failures }.add(1);
        }
        let actions = herder.step(event);
        if actions.iter().any(|action| matches!(action, Action::Join { .. })) {
            rebalancing.get_or_insert_with(Instant::now);
        } else if herder.is_ready()
            && let Some(began) = rebalancing.take()
        {
            shell.shared.metrics.group.settled.millis(began.elapsed());
        }
        // What was asked can be seen by the time it is answered.
        if !quiet || !actions.is_empty() || snapshot.ready != herder.is_ready() {
            publish(&herder, &mut snapshot, &mailbox.snapshot);
        }
        for action in actions {
            if action == Action::Finished {
                return;
            }
            shell.carry_out(action, &mailbox.replies);
        }
    }
}

fn publish(herder: &Herder, last: &mut Snapshot, out: &watch::Sender<Snapshot>) {
    let was_ready = last.ready;
    let membership = &herder.membership;
    last.config = herder.config.clone();
    last.ready = herder.is_ready();
    last.leads = herder.leads();
    last.leader_url.clone_from(&membership.leader_url);
    last.member_id = membership.member_id().to_owned();
    last.generation = membership.generation;
    last.protocol_version = membership.protocol_version;
    last.connectors = herder.local.connectors.keys().cloned().collect();
    last.settling = herder.local.settling().cloned().collect();
    last.failed = herder.local.failed().cloned().collect();
    last.tasks = herder.local.tasks.len();
    if last.ready && !was_ready {
        last.rebalances += 1;
        last.last_rebalance = Some(Instant::now());
    }
    out.send_replace(last.clone());
}

impl Shell {
    fn carry_out(&mut self, action: Action, replies: &Replies) {
        match action {
            Action::ReadConfig => self.read_config(),
            // The receivers live as long as the worker; after that nothing is left to be done.
            Action::WriteConfig { token, records } => drop(self.writes.send((token, records))),
            Action::Join { protocols } => drop(self.group.send(GroupCommand::Join(protocols))),
            Action::Sync { assignments } => drop(self.group.send(GroupCommand::Sync(assignments))),
            Action::Leave => drop(self.group.send(GroupCommand::Leave)),
            Action::StartConnector { name, epoch, props } => self.start_connector(name, epoch, props),
            Action::StartTask { id, epoch, props, connector, paused } => {
                let resolve = |props| self.providers.resolve(props);
                let resolved = resolve(&props).and_then(|props| Ok((props, resolve(&connector)?)));
                self.tasks.start((id, epoch), resolved, paused, &self.shared);
            }
            Action::StopTask { id, epoch } => self.tasks.stop(&id, epoch),
            Action::PauseTask { id, epoch, paused } => self.tasks.pause(&id, epoch, paused),
            Action::ShowRestarting(id) => self.shared.statuses.show_restarting(&Subject::Task(id)),
            Action::PutStatus { subject, state, trace, generation } => {
                self.put_status(
                    &subject,
                    Status {
                        state,
                        trace,
                        worker_id: self.worker_id.clone(),
                        generation,
                        version: self.version(&subject),
                        stuck: None,
                    },
                );
            }
            Action::Planned { id, plan } => tell_plan(&id, &plan),
            Action::RemoveTopics(connector) => self.shared.statuses.remove_topics(&connector),
            Action::SweepStatuses => self.sweep_statuses(),
            Action::Reply { id, answer } => {
                let reply = replies.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&id);
                // Who asked may have gone away meanwhile.
                drop(reply.map(|reply| reply.send(answer)));
            }
            Action::SendTaskConfigs { leader_url, connector, tasks } => {
                crate::rest::forward::send_task_configs(&self.handle, &leader_url, connector, tasks);
            }
            Action::MakeSessionKey => self.make_session_key(),
            Action::SetLogger { namespace, level } => drop(self.loggers.set(&namespace, &level)),
            Action::Finished => {}
        }
    }

    fn read_config(&self) {
        let (log, events) = (self.configs.clone(), self.handle.events.clone());
        let within = self.shared.settings.config.sync_timeout;
        tokio::spawn(async move {
            let event = match tokio::time::timeout(within, log.read_to_end()).await {
                Ok(Ok(())) => Event::CaughtUp,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "could not read the config topic to its end");
                    Event::CatchUpFailed
                }
                Err(_) => Event::CatchUpFailed,
            };
            drop(events.send(event));
        });
    }

    fn start_connector(&self, name: String, epoch: u64, raw: connect_api::Props) {
        let (events, shared) = (self.handle.events.clone(), self.shared.clone());
        shared.metrics.connector_starts.attempts.add(1);
        let providers = self.providers.clone();
        // Plugins compute task configurations without waiting, but a slow one must not hold up the herder.
        tokio::spawn(async move {
            let (plugins, label) = (shared.plugins.clone(), name.clone());
            let computed = tokio::task::spawn_blocking(move || {
                let resolved = providers.resolve(&raw)?;
                task_configs(&label, &raw, &resolved, &plugins)
            })
            .await;
            let result = match computed {
                Ok(Ok(tasks)) => Ok(tasks),
                Ok(Err(error)) => {
                    tracing::error!(connector = name, error = error.trace().trim_end(), "connector failed to start");
                    Err(error.trace())
                }
                Err(_) => Err("java.lang.Error: the connector panicked while it computed its tasks\n".to_owned()),
            };
            drop(events.send(Event::ConnectorStarted { name, epoch, result }));
        });
    }

    fn put_status(&self, subject: &Subject, status: Status) {
        use crate::storage::statuses::State;
        let state = status.state.name();
        match subject {
            Subject::Connector(name) => tracing::info!(connector = name, state, "connector is now {state}"),
            Subject::Task(id) => tracing::info!(connector = id.connector, task = id.task, state, "task is now {state}"),
        }
        if let (Subject::Task(id), State::Unassigned) = (subject, status.state) {
            self.shared.metrics.remove(id);
        }
        let version = status.version.clone().filter(|_| !matches!(status.state, State::Unassigned | State::Restarting));
        self.shared.statuses.put(subject, &Status { version, ..status });
    }

    fn version(&self, subject: &Subject) -> Option<String> {
        let name = match subject {
            Subject::Connector(name) => name,
            Subject::Task(id) => &id.connector,
        };
        connector_version(self.handle.config().connector(name)?, &self.shared.plugins)
    }

    /// Statuses of what is no longer configured would be shown for ever.
    fn sweep_statuses(&self) {
        let config = self.handle.config();
        for subject in self.shared.statuses.subjects() {
            let stale = match &subject {
                Subject::Connector(name) => !config.contains(name),
                Subject::Task(id) => config.task(id).is_none(),
            };
            if stale {
                self.shared.statuses.remove(&subject);
            }
        }
    }

    fn make_session_key(&self) {
        let mut key = vec![0; 32];
        if let Err(error) = getrandom::fill(&mut key) {
            return tracing::error!(%error, "no random numbers, so no session key");
        }
        let key = SessionKey { key, algorithm: "HmacSHA256".into(), created_ms: crate::now_ms() };
        drop(self.handle.events.send(Event::SessionKeyMade(key)));
    }
}

fn tell_plan(id: &TaskId, plan: &Plan) {
    let (connector, task) = (&id.connector, id.task);
    match plan {
        Plan::Restart { attempt, of, pause_ms } => tracing::warn!(
            connector,
            task,
            "task failed and is started again in {pause_ms} ms, restart {attempt} of {of}; restarting, pausing or changing \
             it before calls that off"
        ),
        Plan::GivenUp { attempts } => tracing::error!(
            connector,
            task,
            "task failed again after {attempts} restarts in a row and stays failed; restart it once the reason is gone"
        ),
    }
}

/// Writes to the config topic in order, and tells when each write has been read back. (Invariant 5)
pub async fn write_configs(
    log: SharedLog,
    mut inbox: mpsc::UnboundedReceiver<(Token, Vec<Write>)>,
    events: mpsc::UnboundedSender<Event>,
) {
    while let Some((token, records)) = inbox.recv().await {
        let written = tokio::time::timeout(WRITE_WAIT, log.append_and_read(records)).await;
        let result = match written {
            Ok(result) => result.map_err(|error| format!("Error writing connector configuration to Kafka: {error}")),
            Err(_) => Err("Error writing connector configuration to Kafka: no answer in time".to_owned()),
        };
        if let Err(error) = &result {
            tracing::error!(error, "could not write to the config topic");
        }
        drop(events.send(Event::Written { token, result }));
    }
}

/// The JVM's budget for one write to the config topic.
const WRITE_WAIT: Duration = Duration::from_secs(30);
