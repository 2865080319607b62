//! Figures of the worker, its tasks and its clients: counted where they arise and read by `/metrics`.

pub mod clients;
pub mod exposition;
pub mod families;
pub mod figures;
pub mod stages;
pub mod task;
pub mod worker;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

pub use self::task::{Facts, TaskMetrics};
use self::{
    clients::Clients,
    worker::{ConnectionFigures, GroupFigures, Startups},
};
use crate::storage::config_state::TaskId;

/// All figures of this worker. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<All>);

#[derive(Debug)]
pub struct All {
    pub started_ms: i64,
    pub connector_starts: Startups,
    pub task_starts: Startups,
    pub group: Arc<GroupFigures>,
    pub connection: Arc<ConnectionFigures>,
    pub clients: Clients,
    tasks: Mutex<BTreeMap<TaskId, Arc<TaskMetrics>>>,
}

impl Default for All {
    fn default() -> Self {
        Self {
            started_ms: crate::now_ms(),
            connector_starts: Startups::default(),
            task_starts: Startups::default(),
            group: Arc::default(),
            connection: Arc::default(),
            clients: Clients::default(),
            tasks: Mutex::default(),
        }
    }
}

impl std::ops::Deref for Metrics {
    type Target = All;

    fn deref(&self) -> &All {
        &self.0
    }
}

impl Metrics {
    /// New figures for a task that starts.
    pub fn begin(&self, id: &TaskId, facts: Facts) -> Arc<TaskMetrics> {
        let metrics = Arc::new(TaskMetrics::of(facts));
        self.tasks().insert(id.clone(), metrics.clone());
        metrics
    }

    pub fn remove(&self, id: &TaskId) {
        self.tasks().remove(id);
    }

    pub fn all(&self) -> Vec<(TaskId, Arc<TaskMetrics>)> {
        self.tasks().iter().map(|(id, metrics)| (id.clone(), metrics.clone())).collect()
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, BTreeMap<TaskId, Arc<TaskMetrics>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
