//! The tasks that run in this process: each alone, so that a panic or a hang of one is no other's.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use connect_api::Props;
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
};
use tracing::Instrument;

use super::{local::Epoch, state::Event};
use crate::{
    metrics::{Facts, Metrics, TaskMetrics},
    storage::{config_state::TaskId, statuses::State},
    task::run::{self, Goal, Shared, TaskStart},
};

/// Handles of the tasks that were started and not yet told to stop.
pub struct Tasks {
    running: HashMap<TaskId, Running>,
    events: mpsc::UnboundedSender<Event>,
    /// How long a task may take to stop before it is cut off.
    patience: Duration,
}

struct Running {
    epoch: Epoch,
    goal: watch::Sender<Goal>,
    abort: AbortHandle,
}

impl Tasks {
    pub fn new(events: mpsc::UnboundedSender<Event>, patience: Duration) -> Self {
        Self { running: HashMap::new(), events, patience }
    }

    pub fn start(
        &mut self,
        (id, epoch): (TaskId, Epoch),
        resolved: connect_api::Result<(Props, Props)>,
        paused: bool,
        shared: &Arc<Shared>,
    ) {
        let (goal, goal_view) = watch::channel(if paused { Goal::Pause } else { Goal::Run });
        // A task whose secrets can't be had fails before anything is known of it.
        let facts = resolved.as_ref().map_or_else(
            |_| Facts::default(),
            |(props, connector)| Facts::of(props, connector, &shared.settings.props, &shared.plugins),
        );
        let metrics = shared.metrics.begin(&id, facts);
        let began = Beginning::new(&shared.metrics, &metrics);
        let (events, name, begun) = (self.events.clone(), id.clone(), began.clone());
        let changed = Box::new(move |state| {
            begun.entered(state);
            drop(events.send(Event::TaskChanged { id: name.clone(), epoch, state }));
        });
        let (task_id, shared) = (id.clone(), shared.clone());
        let work = async move {
            let (props, connector) = resolved?;
            run::run(TaskStart { id: task_id, props, connector, goal: goal_view, changed, metrics }, shared).await
        };
        let span = tracing::info_span!("task", connector = id.connector, task = id.task);
        let task = tokio::spawn(Box::pin(work).instrument(span.clone()));
        let abort = task.abort_handle();
        let (events, name) = (self.events.clone(), id.clone());
        tokio::spawn(
            async move {
                let failure = match task.await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => {
                        tracing::error!(error = error.trace().trim_end(), "task failed");
                        Some(error.trace())
                    }
                    Err(error) if error.is_panic() => {
                        let text = panic_text(error.into_panic().as_ref());
                        tracing::error!(panic = text, "task panicked");
                        Some(format!("java.lang.Error: the task panicked: {text}\n"))
                    }
                    Err(_) => Some("the task was cut off because it did not stop in time".to_owned()),
                };
                began.ended(failure.is_some());
                drop(events.send(Event::TaskEnded { id: name, epoch, failure }));
            }
            .instrument(span),
        );
        self.running.insert(id, Running { epoch, goal, abort });
    }

    pub fn pause(&self, id: &TaskId, epoch: Epoch, paused: bool) {
        if let Some(task) = self.running.get(id).filter(|task| task.epoch == epoch) {
            task.goal.send_replace(if paused { Goal::Pause } else { Goal::Run });
        }
    }

    /// Tells a task to stop; cuts it off when it does not in time.
    pub fn stop(&mut self, id: &TaskId, epoch: Epoch) {
        let Some(task) = self.running.get(id).filter(|task| task.epoch == epoch) else { return };
        task.goal.send_replace(Goal::Stop);
        let abort = task.abort.clone();
        let (goal, patience, id) = (task.goal.clone(), self.patience, id.clone());
        tokio::spawn(async move {
            // All receivers are gone once the task's loop has ended.
            if tokio::time::timeout(patience, goal.closed()).await.is_err() && !abort.is_finished() {
                tracing::warn!(connector = id.connector, task = id.task, "task did not stop in time and is cut off");
                abort.abort();
            }
        });
    }
}

/// Counts a start of a task once it has led to something, and the time the task spends in its states.
#[derive(Clone)]
struct Beginning {
    all: Metrics,
    task: Arc<TaskMetrics>,
    settled: Arc<AtomicBool>,
}

impl Beginning {
    fn new(all: &Metrics, task: &Arc<TaskMetrics>) -> Self {
        all.task_starts.attempts.add(1);
        Self { all: all.clone(), task: task.clone(), settled: Arc::default() }
    }

    fn entered(&self, state: State) {
        self.task.ratios.enter(Some(state));
        if !self.settled.swap(true, Ordering::Relaxed) {
            self.all.task_starts.successes.add(1);
        }
    }

    fn ended(&self, failed: bool) {
        self.task.ratios.enter(None);
        // A task that was stopped before it was up has neither succeeded nor failed.
        if failed && !self.settled.swap(true, Ordering::Relaxed) {
            self.all.task_starts.failures.add(1);
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".into())
}
