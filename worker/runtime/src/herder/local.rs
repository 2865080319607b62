//! What runs on this worker: connectors and tasks as small state machines, moved towards what they should be.

use std::collections::BTreeMap;

use connect_api::Props;

use super::{protocol::Work, request::ReplyId, restarts::Restarts, state::Action};
use crate::storage::{
    config_state::{ConfigState, TargetState, TaskId},
    statuses::{State, Subject},
};

/// Tells one start of a connector or task from the next, so that late news of an old one changes nothing.
pub type Epoch = u64;

/// A connector that is assigned to this worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Connector {
    pub epoch: Epoch,
    pub phase: ConnectorPhase,
    props: Props,
    target: TargetState,
    /// Who waits for the restart to end.
    pub reply: Option<ReplyId>,
    /// The task configurations it computed, until the config topic has them.
    pub computed: Option<Computed>,
}

/// Task configurations on their way to the config topic: written, or sent to the leader, until they are read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Computed {
    pub tasks: Vec<Props>,
    pub again_at_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectorPhase {
    /// Its task configurations are being computed.
    Starting,
    Running,
    Paused,
    Stopped,
    Failed,
}

/// A task that is assigned to this worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub epoch: Epoch,
    pub phase: TaskPhase,
    props: Props,
    paused: bool,
    /// To be stopped and started again.
    renew: Option<Renew>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskPhase {
    /// Starting, running or paused: the task's own loop knows.
    Alive,
    Stopping,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renew {
    /// New configurations were committed.
    Outdated,
    /// A user asked for it; `announce` shows it in the status.
    Restart { announce: bool },
    /// It has failed, and its connector wants it to be tried again.
    Again,
}

/// All that runs here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Local {
    pub connectors: BTreeMap<String, Connector>,
    pub tasks: BTreeMap<TaskId, Task>,
    pub restarts: Restarts,
    epochs: Epoch,
}

/// What should be: the assigned work, the configurations, and whether new work may be started now.
pub struct Wanted<'a> {
    pub assigned: &'a Work,
    pub config: &'a ConfigState,
    pub may_start: bool,
}

impl Local {
    /// Moves everything one step towards what is wanted. Called again after each event, it comes to rest.
    pub fn reconcile(&mut self, wanted: &Wanted<'_>, actions: &mut Vec<Action>) {
        self.drop_connectors(wanted, actions);
        for name in &wanted.assigned.connectors {
            if let Some(props) = wanted.config.connector(name) {
                self.reconcile_connector(name, (props, wanted.config.target(name)), wanted.may_start, actions);
            }
        }
        self.stop_tasks(wanted, actions);
        if wanted.may_start {
            self.start_tasks(wanted, actions);
        }
    }

    /// What this worker runs, as it tells the group.
    pub fn work(&self) -> Work {
        Work { connectors: self.connectors.keys().cloned().collect(), tasks: self.tasks.keys().cloned().collect() }
    }

    /// Connectors whose tasks are being computed or written.
    pub fn settling(&self) -> impl Iterator<Item = &String> {
        self.connectors_that(|connector| connector.phase == ConnectorPhase::Starting || connector.computed.is_some())
    }

    /// Connectors that could not be started.
    pub fn failed(&self) -> impl Iterator<Item = &String> {
        self.connectors_that(|connector| connector.phase == ConnectorPhase::Failed)
    }

    fn connectors_that(&self, are: impl Fn(&Connector) -> bool) -> impl Iterator<Item = &String> {
        self.connectors.iter().filter(move |(_, connector)| are(connector)).map(|(name, _)| name)
    }

    /// Whether something is still on its way down.
    pub fn is_stopping(&self) -> bool {
        self.tasks.values().any(|task| task.phase == TaskPhase::Stopping)
    }

    fn next_epoch(&mut self) -> Epoch {
        self.epochs += 1;
        self.epochs
    }

    fn drop_connectors(&mut self, wanted: &Wanted<'_>, actions: &mut Vec<Action>) {
        let keep = |name: &String| wanted.assigned.connectors.contains(name) && wanted.config.contains(name);
        let gone: Vec<String> = self.connectors.keys().filter(|name| !keep(name)).cloned().collect();
        for name in gone {
            if let Some(connector) = self.connectors.remove(&name) {
                actions.extend(connector.reply.map(Action::gave_up));
                actions.push(Action::status(Subject::Connector(name), State::Unassigned));
            }
        }
    }

    fn reconcile_connector(
        &mut self,
        name: &str,
        (props, target): (&Props, TargetState),
        may_start: bool,
        actions: &mut Vec<Action>,
    ) {
        match self.connectors.get_mut(name) {
            None if may_start => self.start_connector(name, (props, target), None, actions),
            None => {}
            Some(connector) if connector.props != *props => {
                let reply = connector.reply.take();
                actions.push(Action::status(Subject::Connector(name.to_owned()), State::Unassigned));
                self.start_connector(name, (props, target), reply, actions);
            }
            Some(connector) if connector.target != target => {
                connector.target = target;
                let failed = connector.phase == ConnectorPhase::Failed;
                // What has failed stays visible as failed until it is stopped or restarted.
                if !(failed && target != TargetState::Stopped) {
                    let reply = connector.reply.take();
                    self.start_connector(name, (props, target), reply, actions);
                }
            }
            Some(_) => {}
        }
    }

    fn start_connector(
        &mut self,
        name: &str,
        (props, target): (&Props, TargetState),
        reply: Option<ReplyId>,
        actions: &mut Vec<Action>,
    ) {
        let epoch = self.next_epoch();
        let (phase, state) = match target {
            TargetState::Started => (ConnectorPhase::Starting, None),
            TargetState::Paused => (ConnectorPhase::Paused, Some(State::Paused)),
            TargetState::Stopped => (ConnectorPhase::Stopped, Some(State::Stopped)),
        };
        match state {
            None => actions.push(Action::StartConnector { name: name.to_owned(), epoch, props: props.clone() }),
            Some(state) => {
                actions.push(Action::status(Subject::Connector(name.to_owned()), state));
                actions.extend(reply.map(Action::done));
            }
        }
        let reply = reply.filter(|_| target == TargetState::Started);
        self.connectors
            .insert(name.to_owned(), Connector { epoch, phase, props: props.clone(), target, reply, computed: None });
    }

    /// Restarts a connector at once; false when it does not run here.
    pub fn restart_connector(
        &mut self,
        name: &str,
        (announce, reply): (bool, Option<ReplyId>),
        actions: &mut Vec<Action>,
    ) -> bool {
        let Some(connector) = self.connectors.get(name).cloned() else { return false };
        let subject = Subject::Connector(name.to_owned());
        actions.push(Action::status(subject.clone(), State::Unassigned));
        if announce {
            actions.push(Action::status(subject, State::Restarting));
        }
        self.start_connector(name, (&connector.props, connector.target), reply, actions);
        true
    }

    /// Marks a task to be stopped and started again; false when it does not run here.
    pub fn restart_task(&mut self, id: &TaskId, announce: bool) -> bool {
        let Some(task) = self.tasks.get_mut(id) else { return false };
        task.renew = Some(Renew::Restart { announce });
        true
    }

    /// Marks a connector's tasks to be started anew with what was committed.
    pub fn outdate_tasks(&mut self, connector: &str) {
        for (_, task) in self.tasks.iter_mut().filter(|(id, _)| id.connector == connector) {
            task.renew.get_or_insert(Renew::Outdated);
        }
    }

    fn stop_tasks(&mut self, wanted: &Wanted<'_>, actions: &mut Vec<Action>) {
        let mut gone = Vec::new();
        for (id, task) in &mut self.tasks {
            let config = wanted.config.task(id).filter(|_| wanted.assigned.tasks.contains(id));
            let stop = task.renew.is_some() || config.is_none_or(|props| *props != task.props);
            match task.phase {
                TaskPhase::Alive if stop => {
                    task.phase = TaskPhase::Stopping;
                    actions.push(Action::StopTask { id: id.clone(), epoch: task.epoch });
                }
                TaskPhase::Failed if stop => gone.push(id.clone()),
                TaskPhase::Alive => {
                    let paused = wanted.config.target(&id.connector) != TargetState::Started;
                    if paused {
                        self.restarts.cancel(id);
                    }
                    if paused != task.paused {
                        task.paused = paused;
                        actions.push(Action::PauseTask { id: id.clone(), epoch: task.epoch, paused });
                    }
                }
                // What was paused is its user's to wake.
                TaskPhase::Failed if wanted.config.target(&id.connector) != TargetState::Started => {
                    self.restarts.cancel(id);
                }
                TaskPhase::Failed | TaskPhase::Stopping => {}
            }
        }
        for id in gone {
            self.remove_task(&id, actions);
        }
    }

    fn remove_task(&mut self, id: &TaskId, actions: &mut Vec<Action>) {
        let Some(task) = self.tasks.remove(id) else { return };
        if task.renew != Some(Renew::Again) {
            self.restarts.cancel(id);
        }
        actions.push(Action::status(Subject::Task(id.clone()), State::Unassigned));
        if task.renew == Some(Renew::Restart { announce: true }) {
            actions.push(Action::status(Subject::Task(id.clone()), State::Restarting));
        }
    }

    fn start_tasks(&mut self, wanted: &Wanted<'_>, actions: &mut Vec<Action>) {
        for id in &wanted.assigned.tasks {
            let (Some(props), Some(connector)) = (wanted.config.task(id), wanted.config.connector(&id.connector))
            else {
                continue;
            };
            if self.tasks.contains_key(id) {
                continue;
            }
            let epoch = self.next_epoch();
            let paused = wanted.config.target(&id.connector) != TargetState::Started;
            let task = Task { epoch, phase: TaskPhase::Alive, props: props.clone(), paused, renew: None };
            self.tasks.insert(id.clone(), task);
            actions.push(Action::StartTask {
                id: id.clone(),
                epoch,
                props: props.clone(),
                connector: connector.clone(),
                paused,
            });
        }
    }

    /// A task's loop has ended, by itself or because it was stopped. Answers whether it has failed.
    pub fn task_ended(
        &mut self,
        (id, epoch): (&TaskId, Epoch),
        failure: Option<String>,
        actions: &mut Vec<Action>,
    ) -> bool {
        let Some(task) = self.tasks.get_mut(id).filter(|task| task.epoch == epoch) else { return false };
        match (task.phase, failure) {
            (TaskPhase::Stopping, _) => {
                self.remove_task(id, actions);
                false
            }
            (_, failure) => {
                task.phase = TaskPhase::Failed;
                let trace = failure.unwrap_or_else(|| "the task ended without being asked to".into());
                actions.push(Action::failed(Subject::Task(id.clone()), trace));
                true
            }
        }
    }

    /// Marks the failed tasks whose pause is over to be started again.
    pub fn restart_due_tasks(&mut self, now_ms: u64) {
        for id in self.restarts.take_due(now_ms) {
            if let Some(task) = self.tasks.get_mut(&id).filter(|task| task.phase == TaskPhase::Failed) {
                task.renew.get_or_insert(Renew::Again);
            }
        }
    }

    /// A task tells that it runs or is paused.
    pub fn task_changed(
        &mut self,
        (id, epoch): (&TaskId, Epoch),
        state: State,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) {
        if self.tasks.get(id).is_some_and(|task| task.epoch == epoch && task.phase == TaskPhase::Alive) {
            if state == State::Running {
                self.restarts.running(id, now_ms);
            }
            actions.push(Action::status(Subject::Task(id.clone()), state));
        }
    }

    /// A connector's tasks were computed, or could not be. Answers whether it is still the same start.
    pub fn connector_started(
        &mut self,
        (name, epoch): (&str, Epoch),
        failure: Option<String>,
        actions: &mut Vec<Action>,
    ) -> bool {
        let Some(connector) = self.connectors.get_mut(name).filter(|connector| connector.epoch == epoch) else {
            return false;
        };
        let subject = Subject::Connector(name.to_owned());
        let reply = connector.reply.take();
        match failure {
            None => {
                connector.phase = ConnectorPhase::Running;
                actions.push(Action::status(subject, State::Running));
                actions.extend(reply.map(Action::done));
                true
            }
            Some(trace) => {
                connector.phase = ConnectorPhase::Failed;
                let message = format!("Failed to start connector: {name}");
                actions.extend(reply.map(|id| Action::refused(id, message)));
                actions.push(Action::failed(subject, trace));
                false
            }
        }
    }

    /// Restarts what a restart record asks for, as far as it runs here.
    pub fn restart(&mut self, name: &str, (include_tasks, only_failed): (bool, bool), actions: &mut Vec<Action>) {
        let failed = self.connectors.get(name).map(|c| c.phase == ConnectorPhase::Failed);
        if failed.is_some_and(|failed| failed || !only_failed) {
            self.restart_connector(name, (true, None), actions);
        }
        if include_tasks {
            for (id, task) in self.tasks.iter_mut().filter(|(id, _)| id.connector == name) {
                if task.phase == TaskPhase::Failed || !only_failed {
                    task.renew = Some(Renew::Restart { announce: true });
                    actions.push(Action::ShowRestarting(id.clone()));
                }
            }
        }
    }
}
