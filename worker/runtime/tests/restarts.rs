//! Failed tasks that start again by themselves: when they do, and what calls it off.

use connect_api::Props;
use connect_runtime::{
    herder::{
        request::Request,
        restarts::Plan,
        state::{Action, Event},
    },
    storage::{
        config_state::{TargetState, TaskId},
        statuses::{State, Subject},
    },
};

use crate::alone::{Alone, told};

const FAILED: &str = "c-0 is FAILED";

fn config(attempts: u16) -> Props {
    let settings = [
        ("connector.class", "C".to_owned()),
        ("millrace.auto.restart.max.attempts", attempts.to_string()),
        ("millrace.auto.restart.backoff.ms", "1000".to_owned()),
        ("millrace.auto.restart.backoff.max.ms", "3000".to_owned()),
        ("millrace.auto.restart.healthy.ms", "60000".to_owned()),
    ];
    settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A worker with one running task whose clock stands still unless it is told.
struct World {
    worker: Alone,
    now_ms: u64,
}

impl World {
    fn new(attempts: u16) -> Self {
        let mut world = Self { worker: Alone::new(), now_ms: 1_000_000 };
        world.wait(0);
        world.worker.ask(Request::Create { name: "c".into(), props: config(attempts), initial: None });
        world.runs();
        world
    }

    fn task(&self) -> (TaskId, u64) {
        let id = TaskId::new("c", 0);
        let epoch = self.worker.herder.local.tasks[&id].epoch;
        (id, epoch)
    }

    /// The task tells that it runs.
    fn runs(&mut self) {
        let (id, epoch) = self.task();
        self.worker.give(Event::TaskChanged { id, epoch, state: State::Running });
    }

    /// The task fails; what is done about it.
    fn fails(&mut self) -> Vec<String> {
        self.worker.done.clear();
        let (id, epoch) = self.task();
        self.worker.give(Event::TaskEnded { id, epoch, failure: Some("it broke".into()) });
        self.done()
    }

    /// Time passes; what is done meanwhile.
    fn wait(&mut self, ms: u64) -> Vec<String> {
        self.worker.done.clear();
        self.now_ms += ms;
        self.worker.give(Event::Tick { now_ms: self.now_ms });
        self.done()
    }

    fn done(&self) -> Vec<String> {
        self.worker.done.iter().map(told).collect()
    }
}

fn planned(attempt: u16, of: u16, pause_ms: u64) -> String {
    told(&Action::Planned { id: TaskId::new("c", 0), plan: Plan::Restart { attempt, of, pause_ms } })
}

#[test]
fn a_failed_task_stays_failed_until_its_pause_is_over() {
    let mut world = World::new(2);
    let (id, epoch) = world.task();
    world.worker.done.clear();
    world.worker.give(Event::TaskEnded { id: id.clone(), epoch, failure: Some("it broke".into()) });
    let failed = Action::PutStatus {
        subject: Subject::Task(id.clone()),
        state: State::Failed,
        trace: Some("it broke".into()),
        generation: 0,
    };
    let plan = Plan::Restart { attempt: 1, of: 2, pause_ms: 1000 };
    assert_eq!(world.worker.done, [failed, Action::Planned { id, plan }]);
    assert_eq!(world.wait(999), [""; 0]);
    assert_eq!(world.wait(1), ["c-0 is UNASSIGNED", "start task c-0"]);
    assert_eq!(world.wait(1_000_000), [""; 0], "it runs");
}

#[test]
fn pauses_grow_until_it_is_given_up() {
    let mut world = World::new(3);
    for (attempt, pause_ms) in [(1, 1000), (2, 2000), (3, 3000)] {
        assert_eq!(world.fails(), [FAILED.to_owned(), planned(attempt, 3, pause_ms)]);
        assert_eq!(world.wait(pause_ms), ["c-0 is UNASSIGNED", "start task c-0"]);
        world.runs();
    }
    let given_up = Action::Planned { id: TaskId::new("c", 0), plan: Plan::GivenUp { attempts: 3 } };
    assert_eq!(world.fails(), [FAILED.to_owned(), told(&given_up)]);
    assert_eq!(world.wait(1_000_000), [""; 0]);
}

#[test]
fn health_begins_the_count_anew() {
    let mut world = World::new(3);
    world.fails();
    world.wait(1000);
    world.runs();
    world.wait(59_999);
    assert_eq!(world.fails(), [FAILED.to_owned(), planned(2, 3, 2000)]);
    world.wait(2000);
    world.runs();
    world.wait(60_000);
    assert_eq!(world.fails(), [FAILED.to_owned(), planned(1, 3, 1000)]);
}

#[test]
fn who_acts_on_a_failed_task_calls_its_restart_off() {
    let name = || "c".to_owned();
    let target = |target| Request::SetTarget { name: name(), target };
    let check = |requests: Vec<Request>, left_failed: bool| {
        let mut world = World::new(3);
        world.fails();
        let shown = format!("{requests:?}");
        for request in requests {
            world.worker.ask(request);
        }
        let none: [&str; 0] = [];
        assert_eq!(world.wait(1_000_000), none, "{shown}");
        let tasks = &world.worker.herder.local.tasks;
        let failed = tasks.values().any(|task| format!("{:?}", task.phase) == "Failed");
        assert_eq!(failed, left_failed, "{shown}");
    };
    check(vec![Request::RestartTask { id: TaskId::new("c", 0) }], false);
    check(vec![Request::Restart { name: name(), include_tasks: true, only_failed: true }], false);
    check(vec![target(TargetState::Paused)], true);
    check(vec![target(TargetState::Paused), target(TargetState::Started)], true);
    check(vec![target(TargetState::Stopped)], false);
    check(vec![Request::Delete { name: name() }], false);
    // The new configuration reaches the task, which is started with it at once.
    check(vec![Request::Put { name: name(), props: config(5) }], false);
}

#[test]
fn after_a_restart_by_hand_the_count_begins_anew() {
    let mut world = World::new(1);
    world.fails();
    world.worker.ask(Request::RestartTask { id: TaskId::new("c", 0) });
    world.runs();
    assert_eq!(world.fails(), [FAILED.to_owned(), planned(1, 1, 1000)]);
}

#[test]
fn nothing_is_planned_where_it_is_not_wanted() {
    let mut world = World::new(0);
    assert_eq!(world.fails(), [FAILED]);
    let mut world = World::new(3);
    world.worker.give(Event::Shutdown);
    assert_eq!(world.fails().first().map(String::as_str), Some("c-0 is UNASSIGNED"));
}
