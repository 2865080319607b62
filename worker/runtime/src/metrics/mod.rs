//! Figures of tasks, counted where they arise and read by `/metrics`.

pub mod exposition;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::storage::config_state::TaskId;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number as it is now.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    pub fn set(&self, n: usize) {
        self.0.store(i64::try_from(n).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Average and maximum over the last minute, as the JVM's sensors give them: two windows of 30 seconds.
#[derive(Debug, Default)]
pub struct Spread(Mutex<[Window; 2]>);

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    since: Option<Instant>,
    count: u64,
    sum: f64,
    max: f64,
}

const WINDOW: Duration = Duration::from_secs(30);

impl Spread {
    pub fn record(&self, value: f64) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if windows[0].since.is_none_or(|since| now.duration_since(since) > WINDOW) {
            windows[1] = windows[0];
            windows[0] = Window { since: Some(now), ..Window::default() };
        }
        let window = &mut windows[0];
        window.count += 1;
        window.sum += value;
        window.max = window.max.max(value);
    }

    pub fn millis(&self, time: Duration) {
        self.record(time.as_secs_f64() * 1000.0);
    }

    /// Average and maximum, unless nothing was recorded lately.
    pub fn read(&self) -> Option<(f64, f64)> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let live = windows.iter().filter(|w| w.since.is_some_and(|since| now.duration_since(since) <= 2 * WINDOW));
        let (count, sum, max) =
            live.fold((0, 0.0, 0.0_f64), |(count, sum, max), w| (count + w.count, sum + w.sum, max.max(w.max)));
        (count > 0).then(|| (sum / count as f64, max))
    }
}

/// The figures of one task. Those of a failed task stay until it is started again.
#[derive(Debug, Default)]
pub struct TaskMetrics {
    pub is_sink: bool,
    /// Records polled from the source, or consumed for the sink.
    pub records_in: Counter,
    /// Records that Kafka confirmed, or that were put.
    pub records_out: Counter,
    pub active: Level,
    pub partitions: Level,
    pub batch_size: Spread,
    /// Time of a poll, or of a put.
    pub batch_time: Spread,
    pub commit_time: Spread,
    pub commits: Counter,
    pub commit_failures: Counter,
    pub record_failures: Counter,
    pub record_errors: Counter,
    pub skipped: Counter,
    pub retries: Counter,
    pub errors_logged: Counter,
    pub dead_letters: Counter,
    pub dead_letter_failures: Counter,
    pub last_error_ms: AtomicI64,
}

impl TaskMetrics {
    pub fn failed(&self) {
        self.record_failures.add(1);
        self.last_error_ms.store(crate::now_ms(), Ordering::Relaxed);
    }
}

/// The figures of all tasks of this worker.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<TaskId, Arc<TaskMetrics>>>>);

impl Metrics {
    /// New figures for a task that starts.
    pub fn begin(&self, id: &TaskId, is_sink: bool) -> Arc<TaskMetrics> {
        let metrics = Arc::new(TaskMetrics { is_sink, ..TaskMetrics::default() });
        self.lock().insert(id.clone(), metrics.clone());
        metrics
    }

    pub fn remove(&self, id: &TaskId) {
        self.lock().remove(id);
    }

    pub fn all(&self) -> Vec<(TaskId, Arc<TaskMetrics>)> {
        self.lock().iter().map(|(id, metrics)| (id.clone(), metrics.clone())).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TaskId, Arc<TaskMetrics>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
