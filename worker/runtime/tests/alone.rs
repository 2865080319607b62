//! The herder of a worker that is alone: it has no group to ask, and yet decides as one that leads.

use connect_api::Props;
use connect_runtime::{
    herder::{
        request::{Refusal, Reply, Request},
        state::{Action, Event, Herder},
    },
    storage::{
        config_state::{ConfigRecord, TargetState, TaskId},
        configs::Write,
        statuses::{State, Subject},
    },
};

/// A herder with its log: what it writes is read back at once, as a worker that is alone does.
pub(crate) struct Alone {
    pub(crate) herder: Herder,
    written: i64,
    /// What it did besides writing.
    pub(crate) done: Vec<Action>,
}

impl Alone {
    pub(crate) fn new() -> Self {
        let mut alone = Self { herder: Herder::alone("http://w:8083/"), written: 0, done: Vec::new() };
        alone.give(Event::CaughtUp);
        alone
    }

    pub(crate) fn give(&mut self, event: Event) {
        for action in self.herder.step(event) {
            match action {
                Action::WriteConfig { token, records } => {
                    records.into_iter().for_each(|record| self.read(record));
                    self.give(Event::Written { token, result: Ok(()) });
                }
                Action::StartConnector { name, epoch, props } => {
                    self.done.push(Action::StartConnector { name: name.clone(), epoch, props: Props::new() });
                    self.give(Event::ConnectorStarted { name, epoch, result: Ok(vec![props]) });
                }
                action => self.done.push(action),
            }
        }
    }

    fn read(&mut self, (key, value): Write) {
        self.written += 1;
        self.give(Event::ConfigRead(ConfigRecord { offset: self.written - 1, key, value }));
    }

    /// Asks, and tells what it did for it.
    pub(crate) fn ask(&mut self, request: Request) -> Vec<String> {
        self.done.clear();
        self.give(Event::Request { id: 1, request });
        self.done.iter().map(told).collect()
    }
}

pub(crate) fn told(action: &Action) -> String {
    match action {
        Action::StartConnector { name, .. } => format!("start connector {name}"),
        Action::StartTask { id, paused, .. } => format!("start task {id}{}", if *paused { " paused" } else { "" }),
        Action::StopTask { id, .. } => format!("stop task {id}"),
        Action::PutStatus { subject: Subject::Connector(name), state, generation, .. } => {
            format!("{name} is {} in generation {generation}", state.name())
        }
        Action::PutStatus { subject: Subject::Task(id), state, .. } => format!("{id} is {}", state.name()),
        Action::Reply { answer: Ok(reply), .. } => format!("answer {reply:?}"),
        Action::Reply { answer: Err(refusal), .. } => format!("refuse {refusal:?}"),
        other => format!("{other:?}"),
    }
}

fn create(name: &str) -> Request {
    let props = Props::from_iter([("connector.class".to_owned(), "C".to_owned())]);
    Request::Create { name: name.into(), props, initial: None }
}

#[test]
fn a_connector_and_its_tasks_run_without_a_group() {
    let mut alone = Alone::new();
    assert!(alone.herder.is_ready() && alone.herder.leads());
    let mut done = alone.ask(create("c"));
    done.sort();
    assert_eq!(
        done,
        [
            "SweepStatuses",
            "SweepStatuses",
            "answer Created",
            "c is RUNNING in generation 0",
            "start connector c",
            "start task c-0"
        ]
    );
    assert_eq!(alone.herder.local.settling().count(), 0);
}

#[test]
fn the_statuses_of_stopped_tasks_go_only_when_they_have_stopped() {
    let mut alone = Alone::new();
    alone.ask(create("c"));
    let done = alone.ask(Request::SetTarget { name: "c".into(), target: TargetState::Stopped });
    assert_eq!(done, ["stop task c-0", "c is STOPPED in generation 0", "answer Done"]);
    alone.done.clear();
    let id = TaskId::new("c", 0);
    let epoch = alone.herder.local.tasks[&id].epoch;
    alone.give(Event::TaskEnded { id: id.clone(), epoch, failure: None });
    let unassigned =
        Action::PutStatus { subject: Subject::Task(id), state: State::Unassigned, trace: None, generation: 0 };
    assert_eq!(alone.done, [unassigned, Action::SweepStatuses]);
}

#[test]
fn a_restart_is_to_be_seen_before_it_is_answered() {
    let mut alone = Alone::new();
    alone.ask(create("c"));
    let done = alone.ask(Request::Restart { name: "c".into(), include_tasks: true, only_failed: false });
    assert_eq!(
        done,
        [
            "c is UNASSIGNED in generation 0",
            "c is RESTARTING in generation 0",
            "start connector c",
            "c is RUNNING in generation 0",
            "ShowRestarting(TaskId { connector: \"c\", task: 0 })",
            "stop task c-0",
            "answer Done",
        ]
    );
    let mut alone = Alone::new();
    alone.ask(create("c"));
    let done = alone.ask(Request::RestartTask { id: TaskId::new("c", 0) });
    assert_eq!(done, ["ShowRestarting(TaskId { connector: \"c\", task: 0 })", "answer Done", "stop task c-0"]);
}

#[test]
fn what_is_unknown_is_refused_in_the_words_of_this_mode() {
    let mut alone = Alone::new();
    let mut refusal = |request| alone.ask(request).join(", ");
    let refused = |refusal: Refusal| format!("refuse {refusal:?}");
    assert_eq!(
        refusal(Request::SetTarget { name: "c".into(), target: TargetState::Stopped }),
        refused(Refusal::Failed("No connector `c` configured".into()))
    );
    assert_eq!(
        refusal(Request::RestartTask { id: TaskId::new("c", 0) }),
        refused(Refusal::Failed(
            "Failed to start task c-0 since it is not a recognizable type (source or sink)".into()
        ))
    );
    refusal(create("c"));
    assert_eq!(
        refusal(Request::RestartTask { id: TaskId::new("c", 9) }),
        refused(Refusal::NotFound("Task c-9 not found".into()))
    );
}

#[test]
fn shutting_down_needs_no_goodbye_from_a_group() {
    let mut alone = Alone::new();
    alone.ask(create("c"));
    alone.done.clear();
    alone.give(Event::Shutdown);
    let id = TaskId::new("c", 0);
    let epoch = alone.herder.local.tasks[&id].epoch;
    alone.give(Event::TaskEnded { id, epoch, failure: None });
    assert_eq!(alone.done.last(), Some(&Action::Finished));
    let created = alone.ask(create("d"));
    assert!(!created.contains(&format!("answer {:?}", Reply::Created)), "{created:?}");
}
