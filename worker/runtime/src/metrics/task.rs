//! The figures of one task. They stay while its failure can be seen, until it is stopped or started again.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use connect_api::Props;

use super::{
    families::{CONNECT, Labels, Samples},
    figures::{Counter, Level, Meter, Spread, Tide, share},
    stages::{Stage, StageTimes},
};
use crate::{
    plugins::{ConnectorPlugin, KAFKA_VERSION, Plugins},
    storage::{config_state::TaskId, statuses::State},
    task::{
        chain::{names, prefixed},
        convert::in_force,
        steps::Steps,
    },
};

#[derive(Debug, Default)]
pub struct TaskMetrics {
    pub facts: Facts,
    pub ratios: Ratios,
    pub stages: StageTimes,
    pub steps: Steps,
    /// Records polled from the source, or consumed for the sink.
    pub records_in: Meter,
    /// Records that Kafka confirmed, or that were put.
    pub records_out: Meter,
    /// Records on their way: not confirmed by Kafka yet, or consumed and not committed yet.
    pub active: Tide,
    pub partitions: Level,
    pub batch_size: Spread,
    /// Time of a poll, or of a put.
    pub batch_time: Spread,
    pub commit_time: Spread,
    pub commits: Meter,
    pub commit_failures: Meter,
    /// Commits that were due while the one before was still under way.
    pub commit_skips: Meter,
    /// Commits begun.
    pub commit_number: Counter,
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
    pub fn of(facts: Facts) -> Self {
        Self { facts, ..Self::default() }
    }

    pub fn failed(&self) {
        self.record_failures.add(1);
        self.last_error_ms.store(crate::now_ms(), Ordering::Relaxed);
    }

    /// Writes the task's beans, and how long it has been stuck when it may be that long open at most.
    pub fn write(&self, id: &TaskId, state: Option<State>, stuck_after: Option<Duration>, samples: &mut Samples) {
        let tags: Labels = vec![("connector", id.connector.clone()), ("task", id.task.to_string())];
        self.write_task(&tags, state, samples);
        if self.facts.is_sink {
            self.write_sink(&tags, samples);
        } else {
            self.write_source(&tags, samples);
        }
        self.write_errors(&tags, samples);
        if let Some(after) = stuck_after {
            let now = Instant::now();
            let late = self.steps.late(now, after).filter(|late| late.step.matters_in(state));
            let seconds = late.map_or(0.0, |late| now.duration_since(late.since).as_secs_f64());
            samples.add("millrace_task_stuck_seconds", tags.clone(), seconds);
        }
        let stages: &[Stage] = if self.facts.is_sink { &Stage::SINK } else { &Stage::SOURCE };
        for stage in stages {
            let mut labels = tags.clone();
            labels.push(("stage", stage.name().to_owned()));
            samples.add("millrace_task_stage_seconds_total", labels, self.stages.seconds(*stage));
        }
    }

    fn write_task(&self, tags: &Labels, state: Option<State>, samples: &mut Samples) {
        for (kind, group, attributes) in [
            ("transform", "connector-transform-metrics", ["transform-class", "transform-version"]),
            ("predicate", "connector-predicate-metrics", ["predicate-class", "predicate-version"]),
        ] {
            let plugins = if kind == "transform" { &self.facts.transforms } else { &self.facts.predicates };
            for (alias, class) in plugins {
                let mut tags = tags.clone();
                tags.push((kind, alias.clone()));
                let mut bean = samples.bean(CONNECT, group, tags);
                bean.text(attributes[0], class);
                bean.text(attributes[1], KAFKA_VERSION);
            }
        }
        let mut bean = samples.bean(CONNECT, "connector-task-metrics", tags.clone());
        if let Some(state) = state {
            bean.text("status", &state.name().to_ascii_lowercase());
        }
        for (attribute, value) in &self.facts.texts {
            bean.text(attribute, value);
        }
        let (running, paused) = self.ratios.read(Instant::now());
        bean.number("running-ratio", running);
        bean.number("pause-ratio", paused);
        bean.number("batch-size-avg", self.batch_size.average());
        bean.number("batch-size-max", self.batch_size.max());
        bean.number("offset-commit-avg-time-ms", self.commit_time.average());
        bean.number("offset-commit-max-time-ms", self.commit_time.max());
        let (good, bad) = (self.commits.recent(), self.commit_failures.recent());
        bean.number("offset-commit-success-percentage", share(good, bad));
        bean.number("offset-commit-failure-percentage", share(bad, good));
    }

    fn write_source(&self, tags: &Labels, samples: &mut Samples) {
        let mut bean = samples.bean(CONNECT, "source-task-metrics", tags.clone());
        bean.number("source-record-poll-total", self.records_in.total());
        bean.number("source-record-poll-rate", self.records_in.per_second());
        bean.number("source-record-write-total", self.records_out.total());
        bean.number("source-record-write-rate", self.records_out.per_second());
        bean.number("source-record-active-count", self.active.now());
        bean.number("source-record-active-count-avg", self.active.average());
        bean.number("source-record-active-count-max", self.active.max());
        bean.number("poll-batch-avg-time-ms", self.batch_time.average());
        bean.number("poll-batch-max-time-ms", self.batch_time.max());
    }

    fn write_sink(&self, tags: &Labels, samples: &mut Samples) {
        let mut bean = samples.bean(CONNECT, "sink-task-metrics", tags.clone());
        bean.number("sink-record-read-total", self.records_in.total());
        bean.number("sink-record-read-rate", self.records_in.per_second());
        bean.number("sink-record-send-total", self.records_out.total());
        bean.number("sink-record-send-rate", self.records_out.per_second());
        bean.number("sink-record-active-count", self.active.now());
        bean.number("sink-record-active-count-avg", self.active.average());
        bean.number("sink-record-active-count-max", self.active.max());
        bean.number("partition-count", self.partitions.get() as f64);
        bean.number("put-batch-avg-time-ms", self.batch_time.average());
        bean.number("put-batch-max-time-ms", self.batch_time.max());
        bean.number("offset-commit-seq-no", self.commit_number.get() as f64);
        bean.number("offset-commit-completion-total", self.commits.total());
        bean.number("offset-commit-completion-rate", self.commits.per_second());
        bean.number("offset-commit-skip-total", self.commit_skips.total());
        bean.number("offset-commit-skip-rate", self.commit_skips.per_second());
    }

    fn write_errors(&self, tags: &Labels, samples: &mut Samples) {
        let mut bean = samples.bean(CONNECT, "task-error-metrics", tags.clone());
        bean.number("total-record-failures", self.record_failures.get() as f64);
        bean.number("total-record-errors", self.record_errors.get() as f64);
        bean.number("total-records-skipped", self.skipped.get() as f64);
        bean.number("total-retries", self.retries.get() as f64);
        bean.number("total-errors-logged", self.errors_logged.get() as f64);
        bean.number("deadletterqueue-produce-requests", self.dead_letters.get() as f64);
        bean.number("deadletterqueue-produce-failures", self.dead_letter_failures.get() as f64);
        bean.number("last-error-timestamp", self.last_error_ms.load(Ordering::Relaxed) as f64);
    }
}

/// What a task is made of. It does not change while the task lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub is_sink: bool,
    /// Attributes of the task's own bean.
    pub texts: Vec<(&'static str, String)>,
    /// Classes by alias.
    pub transforms: Vec<(String, &'static str)>,
    pub predicates: Vec<(String, &'static str)>,
}

impl Facts {
    /// Classes only, and of those only what this worker knows: no other setting reaches a label. (Invariant 8)
    pub fn of(task: &Props, connector: &Props, worker: &Props, plugins: &Plugins) -> Self {
        let mut facts = Self::default();
        let mut text = |attribute, value: &str| facts.texts.push((attribute, value.to_owned()));
        let plugin = connector.get("connector.class").and_then(|class| plugins.find_connector(class));
        if let Some(plugin) = plugin {
            text("connector-class", plugin.class());
            text("connector-type", plugin.kind());
            text("connector-version", plugin.version());
            text("task-class", task.get("task.class").map_or("", String::as_str));
            text("task-version", plugin.version());
        }
        for (setting, class, version) in [
            ("key.converter", "key-converter-class", "key-converter-version"),
            ("value.converter", "value-converter-class", "value-converter-version"),
        ] {
            if let Some(plugin) = plugins.find_converter(in_force(setting, (connector, worker)).0) {
                text(class, plugin.class);
                text(version, KAFKA_VERSION);
            }
        }
        let named = in_force("header.converter", (connector, worker)).0;
        let named = if named.is_empty() { "SimpleHeaderConverter" } else { named };
        if let Some(plugin) = plugins.find_header_converter(named) {
            text("header-converter-class", plugin.class);
            text("header-converter-version", KAFKA_VERSION);
        }
        let class = |list: &str, alias: &str| prefixed(connector, &format!("{list}.{alias}.")).get("type").cloned();
        for alias in names(connector, "transforms") {
            let plugin = class("transforms", &alias).and_then(|class| plugins.find_transform(&class));
            facts.transforms.extend(plugin.map(|plugin| (alias, plugin.class)));
        }
        for alias in names(connector, "predicates") {
            let plugin = class("predicates", &alias).and_then(|class| plugins.find_predicate(&class));
            facts.predicates.extend(plugin.map(|plugin| (alias, plugin.class)));
        }
        facts.is_sink = matches!(plugin, Some(ConnectorPlugin::Sink(_)));
        facts
    }
}

/// How much of its life a task has been running, and paused.
#[derive(Debug)]
pub struct Ratios(Mutex<Times>);

#[derive(Debug)]
struct Times {
    began: Instant,
    state: Option<State>,
    since: Instant,
    running: Duration,
    paused: Duration,
}

impl Default for Ratios {
    fn default() -> Self {
        let now = Instant::now();
        let (running, paused) = (Duration::ZERO, Duration::ZERO);
        Self(Mutex::new(Times { began: now, state: None, since: now, running, paused }))
    }
}

impl Ratios {
    /// The task enters a state; none when it has ended.
    pub fn enter(&self, state: Option<State>) {
        let now = Instant::now();
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (times.running, times.paused) = times.at(now);
        times.state = state;
        times.since = now;
    }

    fn read(&self, now: Instant) -> (f64, f64) {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (running, paused) = times.at(now);
        let life = now.duration_since(times.began).as_secs_f64();
        let ratio = |time: Duration| if life > 0.0 { time.as_secs_f64() / life } else { 0.0 };
        (ratio(running), ratio(paused))
    }
}

impl Times {
    fn at(&self, now: Instant) -> (Duration, Duration) {
        let passed = now.duration_since(self.since);
        match self.state {
            Some(State::Running) => (self.running + passed, self.paused),
            Some(State::Paused) => (self.running, self.paused + passed),
            _ => (self.running, self.paused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_the_whole_life() {
        let ratios = Ratios::default();
        let began = ratios.0.lock().unwrap().began;
        *ratios.0.lock().unwrap() = Times {
            began,
            state: Some(State::Paused),
            since: began + Duration::from_secs(30),
            running: Duration::from_secs(10),
            paused: Duration::ZERO,
        };
        assert_eq!(ratios.read(began + Duration::from_secs(40)), (0.25, 0.25));
        ratios.0.lock().unwrap().state = None;
        assert_eq!(ratios.read(began + Duration::from_secs(40)), (0.25, 0.0));
    }
}
