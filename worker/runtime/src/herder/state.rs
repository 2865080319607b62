//! The herder: everything a worker decides, as a pure function of what it has seen. No I/O, no clock.
//!
//! `step` takes one event and answers with the actions it leads to. The shell ([`driver`](super::driver)) turns the
//! world into events and carries actions out; a deterministic test does the same with a simulated world.

mod requests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use connect_api::Props;

use super::{
    local::{Computed, Epoch, Local, Wanted},
    membership::{Membership, Timing},
    request::{Answer, Refusal, Reply, ReplyId, Request},
    restarts::{AutoRestart, Plan},
};
use crate::storage::{
    config_state::{Change, ConfigRecord, ConfigState, SessionKey, TargetState, TaskId},
    configs::{self, Write},
    statuses::{State, Subject},
};

/// Names a write to the config topic until it is done.
pub type Token = u64;

/// What happened in the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A record of the config topic, in order.
    ConfigRead(ConfigRecord),
    /// The end of the config topic was reached: at the start, or after [`Action::ReadConfig`].
    CaughtUp,
    CatchUpFailed,
    /// The JoinGroup of [`Action::Join`] was answered; the leader is told all members.
    Joined {
        generation: i32,
        member_id: String,
        protocol: i16,
        leads: bool,
        members: Vec<(String, Vec<u8>)>,
    },
    /// The SyncGroup of [`Action::Sync`] was answered.
    Synced {
        generation: i32,
        assignment: Vec<u8>,
    },
    /// The group asks its members to join again.
    RebalanceNeeded,
    /// The coordinator is out of reach or has forgotten this member: others may run its work now.
    GroupLost,
    /// The records of [`Action::WriteConfig`] were written and read back, or not.
    Written {
        token: Token,
        result: Result<(), String>,
    },
    Request {
        id: ReplyId,
        request: Request,
    },
    /// The task configurations of [`Action::StartConnector`], or the trace of its failure.
    ConnectorStarted {
        name: String,
        epoch: Epoch,
        result: Result<Vec<Props>, String>,
    },
    /// A task runs or is paused.
    TaskChanged {
        id: TaskId,
        epoch: Epoch,
        state: State,
    },
    /// A task has ended; the trace says why when it was not asked to.
    TaskEnded {
        id: TaskId,
        epoch: Epoch,
        failure: Option<String>,
    },
    SessionKeyMade(SessionKey),
    Tick {
        now_ms: u64,
    },
    Shutdown,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    ReadConfig,
    WriteConfig {
        token: Token,
        records: Vec<Write>,
    },
    /// Metadata by protocol name, the preferred one first.
    Join {
        protocols: Vec<(&'static str, Vec<u8>)>,
    },
    Sync {
        assignments: Vec<(String, Vec<u8>)>,
    },
    /// Leave the group; the next join is that of a stranger.
    Leave,
    StartConnector {
        name: String,
        epoch: Epoch,
        props: Props,
    },
    StartTask {
        id: TaskId,
        epoch: Epoch,
        props: Props,
        connector: Props,
        paused: bool,
    },
    StopTask {
        id: TaskId,
        epoch: Epoch,
    },
    PauseTask {
        id: TaskId,
        epoch: Epoch,
        paused: bool,
    },
    PutStatus {
        subject: Subject,
        state: State,
        trace: Option<String>,
        generation: i32,
    },
    /// A task of this worker is about to be restarted. Here it is shown so from now on; the topic learns of it, in the
    /// JVM's order, once the task has stopped. Whoever asks after the answer must not take the old life for the new one.
    ShowRestarting(TaskId),
    /// What becomes of a failed task whose connector wants restarts: something to tell the log.
    Planned {
        id: TaskId,
        plan: Plan,
    },
    /// Forget the topics a connector used.
    RemoveTopics(String),
    /// Remove the statuses of what is no longer configured.
    SweepStatuses,
    Reply {
        id: ReplyId,
        answer: Answer,
    },
    /// Task configurations that only the leader may write.
    SendTaskConfigs {
        leader_url: String,
        connector: String,
        tasks: Vec<Props>,
    },
    MakeSessionKey,
    SetLogger {
        namespace: String,
        level: String,
    },
    /// Everything has stopped and the group is left.
    Finished,
}

impl Action {
    /// The generation is put in on the way out.
    pub fn status(subject: Subject, state: State) -> Self {
        Action::PutStatus { subject, state, trace: None, generation: 0 }
    }

    pub fn failed(subject: Subject, trace: String) -> Self {
        Action::PutStatus { subject, state: State::Failed, trace: Some(trace), generation: 0 }
    }

    pub fn done(id: ReplyId) -> Self {
        Action::Reply { id, answer: Ok(Reply::Done) }
    }

    pub fn refused(id: ReplyId, message: String) -> Self {
        Action::Reply { id, answer: Err(Refusal::Failed(message)) }
    }

    pub fn gave_up(id: ReplyId) -> Self {
        let message = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)";
        Action::Reply { id, answer: Err(Refusal::Conflict(message.into())) }
    }
}

/// What happens once a write is done.
#[derive(Clone, Debug, PartialEq)]
enum AfterWrite {
    Answer(ReplyId, Reply),
    /// Task configurations of a connector.
    Tasks(String),
    Nothing,
}

/// Requests that wait for the end of a rebalance; beyond this many the client is told to come back.
const WAITING_MAX: usize = 1000;

/// Time for task configurations to come back by the config topic before they are handed in again.
const HAND_IN_AGAIN_MS: u64 = 5000;

/// One worker's view of the cluster and of its own part in it.
#[derive(Clone, Debug)]
pub struct Herder {
    /// Shared with readers outside; changed only here, by what the config topic says. (Invariant 5)
    pub config: Arc<ConfigState>,
    pub membership: Membership,
    pub local: Local,
    loaded: bool,
    writes: BTreeMap<Token, AfterWrite>,
    tokens: Token,
    waiting: VecDeque<(ReplyId, Request)>,
    session_key_asked: bool,
    shutting_down: bool,
}

impl Herder {
    /// The herder of one worker of a cluster.
    pub fn new(url: &str, timing: Timing) -> Self {
        Self::with(Membership::new(url, timing))
    }

    /// The herder of a worker that is alone: nothing is ever rebalanced.
    pub fn alone(url: &str) -> Self {
        Self::with(Membership::alone(url))
    }

    fn with(membership: Membership) -> Self {
        Self {
            config: Arc::default(),
            membership,
            local: Local::default(),
            loaded: false,
            writes: BTreeMap::new(),
            tokens: 0,
            waiting: VecDeque::new(),
            session_key_asked: false,
            shutting_down: false,
        }
    }

    /// Takes one event in; the actions are to be carried out in order.
    pub fn step(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::ConfigRead(record) => self.config_read(&record, &mut actions),
            Event::Written { token, result } => self.written(token, result, &mut actions),
            Event::Request { id, request } => self.request(id, request, &mut actions),
            Event::ConnectorStarted { name, epoch, result } => {
                self.connector_started(&name, epoch, result, &mut actions);
            }
            Event::TaskChanged { id, epoch, state } => {
                let now_ms = self.membership.now_ms;
                self.local.task_changed((&id, epoch), state, now_ms, &mut actions);
            }
            Event::TaskEnded { id, epoch, failure } => {
                if self.local.task_ended((&id, epoch), failure, &mut actions) {
                    self.plan_restart(&id, &mut actions);
                }
            }
            Event::SessionKeyMade(key) => {
                self.session_key_asked = false;
                self.write(vec![configs::session_key(&key)], AfterWrite::Nothing, &mut actions);
            }
            Event::Tick { now_ms } => self.tick(now_ms, &mut actions),
            Event::Shutdown => {
                self.shutting_down = true;
                self.membership.give_up_work();
                actions.extend(self.waiting.drain(..).map(|(id, _)| Action::gave_up(id)));
            }
            Event::CaughtUp if !self.loaded => {
                self.loaded = true;
                self.membership.ask_to_rejoin();
            }
            group => self.membership.step(group, &self.config, &mut actions),
        }
        self.settle(&mut actions);
        self.stamp(&mut actions);
        actions
    }

    pub fn leads(&self) -> bool {
        self.membership.leads
    }

    /// Whether this worker is an established member that may answer for the cluster.
    pub fn is_ready(&self) -> bool {
        self.loaded && self.membership.is_stable()
    }

    /// Brings local work in line, and joins the group again when that is due.
    fn settle(&mut self, actions: &mut Vec<Action>) {
        if !self.shutting_down {
            self.membership.take_all_if_alone(&self.config);
        }
        let wanted = Wanted {
            assigned: &self.membership.assigned,
            config: &self.config,
            may_start: self.membership.is_stable() && !self.shutting_down,
        };
        self.local.reconcile(&wanted, actions);
        if self.shutting_down {
            if self.local.work().is_empty() && self.membership.leave(actions) {
                actions.push(Action::Finished);
            }
            return;
        }
        let was_stable = self.membership.is_stable();
        self.membership.join_when_due(&mut self.local, &self.config, actions);
        // What stops now still says so, and only then its status can go.
        if !self.local.is_stopping() && self.membership.take_settled() && self.leads() {
            actions.push(Action::SweepStatuses);
            self.renew_session_key(actions);
        }
        if was_stable && self.membership.is_stable() {
            while let Some((id, request)) = self.waiting.pop_front() {
                self.request(id, request, actions);
            }
        }
    }

    fn stamp(&self, actions: &mut [Action]) {
        for action in actions {
            if let Action::PutStatus { generation, .. } = action {
                *generation = self.membership.generation;
            }
        }
    }

    fn config_read(&mut self, record: &ConfigRecord, actions: &mut Vec<Action>) {
        let known = record.key.strip_prefix("connector-").is_some_and(|name| self.config.contains(name));
        let change = Arc::make_mut(&mut self.config).apply(record);
        if !self.loaded {
            return;
        }
        match change {
            // Who changes a connector decides on its failed tasks too.
            Some(Change::Connector(name)) if known => self.local.restarts.cancel_all(&name),
            Some(Change::Connector(_)) => self.membership.ask_to_rejoin(),
            Some(Change::Removed(name)) => {
                self.membership.ask_to_rejoin();
                // The JVM's worker that is alone goes on listing the topics of what it has deleted.
                if self.leads() && !self.membership.is_alone() {
                    actions.push(Action::RemoveTopics(name));
                }
            }
            Some(Change::Tasks(name)) => {
                self.local.outdate_tasks(&name);
                self.membership.ask_to_rejoin();
            }
            Some(Change::Restart { connector, include_tasks, only_failed }) => {
                self.local.restart(&connector, (include_tasks, only_failed), actions);
            }
            Some(Change::Logger { namespace, level }) => actions.push(Action::SetLogger { namespace, level }),
            Some(Change::Target(_) | Change::SessionKey) | None => {}
        }
    }

    /// A task of a connector that wants it, and is to run, is started again after a pause.
    fn plan_restart(&mut self, id: &TaskId, actions: &mut Vec<Action>) {
        let wanted = self.config.target(&id.connector) == TargetState::Started && !self.shutting_down;
        let settings = self.config.connector(&id.connector).and_then(AutoRestart::of).filter(|_| wanted);
        if let Some(settings) = settings {
            let plan = self.local.restarts.failed(id, &settings, self.membership.now_ms);
            actions.push(Action::Planned { id: id.clone(), plan });
        }
    }

    fn written(&mut self, token: Token, result: Result<(), String>, actions: &mut Vec<Action>) {
        match (self.writes.remove(&token), result) {
            (Some(AfterWrite::Answer(id, reply)), Ok(())) => actions.push(Action::Reply { id, answer: Ok(reply) }),
            (Some(AfterWrite::Answer(id, _)), Err(message)) => actions.push(Action::refused(id, message)),
            // Those who wait for the tasks see them as soon as they stand in the topic.
            (Some(AfterWrite::Tasks(_)), _) => self.hand_in_tasks(actions),
            (Some(AfterWrite::Nothing) | None, _) => {}
        }
    }

    fn connector_started(
        &mut self,
        name: &str,
        epoch: Epoch,
        result: Result<Vec<Props>, String>,
        actions: &mut Vec<Action>,
    ) {
        let (tasks, failure) = match result {
            Ok(tasks) => (tasks, None),
            Err(trace) => (Vec::new(), Some(trace)),
        };
        if self.local.connector_started((name, epoch), failure, actions)
            && let Some(connector) = self.local.connectors.get_mut(name)
        {
            connector.computed = Some(Computed { tasks, again_at_ms: 0 });
            self.hand_in_tasks(actions);
        }
    }

    /// Has computed task configurations written, again and again until they stand in the config topic: a write may fail,
    /// its answer may be lost, and the leader may change.
    fn hand_in_tasks(&mut self, actions: &mut Vec<Action>) {
        if !self.membership.is_stable() {
            return;
        }
        let now_ms = self.membership.now_ms;
        let mut due = Vec::new();
        for (name, connector) in &mut self.local.connectors {
            let Some(computed) = &mut connector.computed else { continue };
            let under_way = self.writes.values().any(|after| *after == AfterWrite::Tasks(name.clone()));
            if !self.config.tasks_outdated(name, &computed.tasks) {
                connector.computed = None;
            } else if now_ms >= computed.again_at_ms && !under_way {
                computed.again_at_ms = now_ms + HAND_IN_AGAIN_MS;
                due.push((name.clone(), computed.tasks.clone()));
            }
        }
        for (name, tasks) in due {
            if self.leads() {
                self.write_tasks(&name, &tasks, actions);
            } else if let Some(leader_url) = self.membership.leader_url.clone() {
                actions.push(Action::SendTaskConfigs { leader_url, connector: name, tasks });
            }
        }
    }

    fn write_tasks(&mut self, name: &str, tasks: &[Props], actions: &mut Vec<Action>) {
        self.write(task_records(name, tasks), AfterWrite::Tasks(name.to_owned()), actions);
    }

    fn write(&mut self, records: Vec<Write>, after: AfterWrite, actions: &mut Vec<Action>) {
        self.tokens += 1;
        self.writes.insert(self.tokens, after);
        actions.push(Action::WriteConfig { token: self.tokens, records });
    }

    fn tick(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        self.membership.tick(now_ms);
        self.local.restart_due_tasks(now_ms);
        self.hand_in_tasks(actions);
        if self.membership.is_stable() && self.leads() {
            self.renew_session_key(actions);
        }
    }

    /// The leader of a sessioned group publishes a key, and a new one before the old has become stale.
    fn renew_session_key(&mut self, actions: &mut Vec<Action>) {
        let now_ms = self.membership.now_ms;
        let ttl_ms = self.membership.timing.session_key_ttl_ms;
        let fresh = |key: &SessionKey| u64::try_from(key.created_ms).unwrap_or(0).saturating_add(ttl_ms) > now_ms;
        let needed = self.membership.protocol_version >= 2 && !self.config.session_key.as_ref().is_some_and(fresh);
        if needed && !self.session_key_asked {
            self.session_key_asked = true;
            actions.push(Action::MakeSessionKey);
        }
    }
}

/// The records that make these the tasks of a connector.
fn task_records(name: &str, tasks: &[Props]) -> Vec<Write> {
    let record = |(at, props): (usize, &Props)| configs::task(&TaskId::new(name, at as u32), props);
    tasks.iter().enumerate().map(record).chain([configs::commit(name, tasks.len())]).collect()
}
