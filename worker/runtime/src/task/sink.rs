//! The loop of a sink task: consume, convert, transform, put, and commit what the task calls safe.

mod delivery;

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use connect_api::{ErrorKind, Offsets, Result, SinkTask, TopicPartition};
use regex::Regex;
use tokio::{sync::watch, time};

use super::{
    chain::Chain,
    convert::Converters,
    dlq::{Reportable, Reporter},
    run::Goal,
    steps::Step,
};
use crate::{
    kafka::{
        admin::Admin,
        consumer::{self, Rebalance, SinkConsumer},
    },
    metrics::stages::{self, BatchClock},
    storage::{
        config_state::TaskId,
        statuses::{State, StatusStore},
    },
};

/// An empty put at least this often, so that a task can see to what it has under way.
const IDLE: Duration = Duration::from_secs(1);
/// How long the end of a task waits for its group to know.
const CLOSE: Duration = Duration::from_secs(3);

/// Which topics a sink reads.
pub enum Topics {
    Named(Vec<String>),
    /// All topics that match in full; looked up again now and then.
    Matching {
        pattern: Regex,
        admin: Admin,
        refresh: Duration,
    },
}

/// Everything the loop needs but the task itself.
pub struct SinkLoop {
    pub id: TaskId,
    pub consumer: SinkConsumer,
    pub topics: Topics,
    pub chain: Chain,
    pub converters: Converters,
    pub reporter: Arc<Reporter>,
    /// Kept when the task may report single records.
    pub reportable: Option<Arc<Reportable>>,
    pub tracking: Option<StatusStore>,
    pub goal: watch::Receiver<Goal>,
    pub batch_max: usize,
    pub commit_every: Duration,
    pub changed: Box<dyn Fn(State) + Send + Sync>,
    pub state: Position,
}

/// Where the task stands in its partitions.
#[derive(Default)]
pub struct Position {
    assigned: BTreeSet<TopicPartition>,
    /// Next offsets after all that was put.
    current: Offsets,
    committed: Offsets,
    /// Where reading began in each partition.
    began: Offsets,
    /// Offsets of the commit under way; they count once Kafka says so.
    committing: Option<Offsets>,
    /// Consumed while the consumer was polled only to stay in the group.
    early: Vec<consumer::Consumed>,
    subscribed: Vec<String>,
    seen: BTreeSet<connect_api::Str>,
    /// Topics are noted anew after they were forgotten on request.
    forgotten: Option<Arc<AtomicU64>>,
    forgotten_seen: u64,
    paused: bool,
    /// At the last commit the sink had records and called none of them safe.
    held: bool,
    clock: BatchClock,
}

impl SinkLoop {
    /// Runs until it is told to stop, or the task or Kafka fails for good.
    pub async fn run(mut self, mut task: Box<dyn SinkTask>) -> Result<()> {
        let result = self.turns(task.as_mut()).await;
        // What was put before is safe to commit even when the last batch failed.
        let partitions: Vec<TopicPartition> = self.state.assigned.iter().cloned().collect();
        let closed = match &result {
            Ok(()) => self.give_back(task.as_mut(), &partitions, false).await,
            Err(_) => Ok(()),
        };
        drop(task);
        self.consumer.close(CLOSE).await;
        result.and(closed)
    }

    async fn turns(&mut self, task: &mut dyn SinkTask) -> Result<()> {
        let mut next_commit = time::Instant::now() + self.commit_every;
        let mut next_lookup = time::Instant::now();
        let mut goal = self.goal.clone();
        loop {
            match *goal.borrow_and_update() {
                Goal::Stop => return Ok(()),
                wanted => self.follow(wanted)?,
            }
            if time::Instant::now() >= next_lookup {
                next_lookup = time::Instant::now() + self.look_up_topics()?;
            }
            self.rebalance(task).await?;
            if time::Instant::now() >= next_commit {
                next_commit = time::Instant::now() + self.commit_every;
                let began = Instant::now();
                self.commit(task).await?;
                self.reporter.metrics.stages.add(stages::Stage::Commit, began.elapsed());
            }
            self.settle_commits();
            let batch = match std::mem::take(&mut self.state.early) {
                early if early.is_empty() => {
                    let wait = IDLE.min(next_commit.saturating_duration_since(time::Instant::now()));
                    let began = Instant::now();
                    let batch = tokio::select! {
                        batch = self.consumer.poll(self.batch_max, wait) => batch?,
                        _ = goal.changed() => continue,
                    };
                    self.reporter.metrics.stages.add(stages::Stage::Read, began.elapsed());
                    batch
                }
                early => early,
            };
            if !self.state.paused {
                self.deliver(task, batch).await?;
            }
        }
    }

    /// Pauses or resumes: the consumer stays in the group either way.
    fn follow(&mut self, goal: Goal) -> Result<()> {
        let pause = goal == Goal::Pause;
        if pause == self.state.paused {
            return Ok(());
        }
        self.state.paused = pause;
        let partitions: Vec<TopicPartition> = self.state.assigned.iter().cloned().collect();
        if pause {
            self.consumer.pause(&partitions)?;
            (self.changed)(State::Paused);
        } else {
            self.consumer.resume(&partitions)?;
            (self.changed)(State::Running);
        }
        Ok(())
    }

    /// Subscribes to what is to be read; answers when to look again.
    fn look_up_topics(&mut self) -> Result<Duration> {
        let (wanted, again) = match &self.topics {
            Topics::Named(names) => (names.clone(), Duration::from_secs(3600)),
            Topics::Matching { pattern, admin, refresh } => match admin.topics() {
                Ok(names) => {
                    let full = |name: &String| pattern.find(name).is_some_and(|found| found.as_str() == name);
                    (names.into_iter().filter(full).collect(), *refresh)
                }
                Err(error) => {
                    tracing::warn!(%error, "could not look for topics, trying again");
                    (self.state.subscribed.clone(), Duration::from_secs(5))
                }
            },
        };
        if wanted != self.state.subscribed && !wanted.is_empty() {
            self.consumer.subscribe(&wanted)?;
            self.state.subscribed = wanted;
        }
        Ok(again)
    }

    async fn rebalance(&mut self, task: &mut dyn SinkTask) -> Result<()> {
        for rebalance in self.consumer.take_rebalances() {
            self.reporter.metrics.steps.begin(Step::Partitions);
            match rebalance {
                Rebalance::Assigned(partitions) => {
                    self.consumer.assign(&partitions)?;
                    if self.state.paused {
                        self.consumer.pause(&partitions)?;
                    }
                    self.state.assigned.extend(partitions.iter().cloned());
                    task.open(&partitions).await?;
                    tracing::info!(partitions = partitions.len(), "partitions assigned");
                }
                Rebalance::Revoked(partitions) => {
                    let lost = self.consumer.is_lost();
                    self.give_back(task, &partitions, lost).await?;
                    self.consumer.unassign(&partitions)?;
                    tracing::info!(partitions = partitions.len(), lost, "partitions revoked");
                }
            }
            self.reporter.metrics.steps.done(Step::Partitions);
            self.reporter.metrics.partitions.set(self.state.assigned.len());
        }
        Ok(())
    }

    /// Commits what is safe, closes the partitions and forgets them.
    async fn give_back(&mut self, task: &mut dyn SinkTask, partitions: &[TopicPartition], lost: bool) -> Result<()> {
        if partitions.is_empty() {
            return Ok(());
        }
        if !lost {
            match self.safe_offsets(task).await {
                Ok(safe) if !safe.is_empty() => {
                    let began = Instant::now();
                    let result = self.consumer.commit_sync(&safe);
                    self.reporter.metrics.commit_time.millis(began.elapsed());
                    match result {
                        Ok(()) => self.reporter.metrics.commits.add(1),
                        Err(error) => {
                            self.reporter.metrics.commit_failures.add(1);
                            tracing::warn!(%error, "could not commit the last offsets, their records will be put again");
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "no offsets are safe to commit, records will be put again"),
            }
        }
        task.close(partitions).await?;
        for partition in partitions {
            self.state.assigned.remove(partition);
            self.state.current.remove(partition);
            self.state.committed.remove(partition);
            self.state.began.remove(partition);
            if let Some(reportable) = &self.reportable {
                reportable.forget(partition, i64::MAX);
            }
        }
        self.state.early.retain(|message| !partitions.contains(&message.origin));
        let active = self.active();
        self.reporter.metrics.active.set(active);
        if active == 0 {
            self.reporter.metrics.steps.done(Step::Commit);
        }
        Ok(())
    }

    /// The offsets the task names as safe, as far as they are ours and not committed already. (Invariant 2)
    async fn safe_offsets(&mut self, task: &mut dyn SinkTask) -> Result<Offsets> {
        // Letters on their way stand for records: what they replace is not safe before they are.
        self.reporter.flush().await?;
        let named = task.pre_commit(self.state.current.clone()).await?;
        let state = &self.state;
        let usable = |(at, offset): &(TopicPartition, i64)| {
            let reached = state.current.get(at).is_some_and(|current| offset <= current);
            if !reached {
                tracing::warn!(
                    topic = at.topic.as_str(),
                    partition = at.partition,
                    offset,
                    "the task named an offset that is not its own, ignored"
                );
            }
            reached && state.committed.get(at) != Some(offset)
        };
        Ok(named.into_iter().filter(usable).collect())
    }

    async fn commit(&mut self, task: &mut dyn SinkTask) -> Result<()> {
        if self.state.committing.is_some() {
            self.reporter.metrics.commit_skips.add(1);
            return Ok(());
        }
        if self.active() > 0 {
            self.reporter.metrics.steps.begin(Step::Commit);
        }
        match self.safe_offsets(task).await {
            Ok(safe) if safe.is_empty() => {
                // A sink may hold records for a while. Only when it finds nothing safe twice in a row it is waited for.
                let held = self.active() > 0;
                if !(held && self.state.held) {
                    self.reporter.metrics.steps.done(Step::Commit);
                }
                self.state.held = held;
                Ok(())
            }
            Ok(safe) => {
                self.consumer.commit_async(&safe)?;
                self.reporter.metrics.commit_number.add(1);
                self.state.committing = Some(safe);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Fatal && self.reporter.dead_letters.is_some() => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the task could not say what is safe to commit, going back to the last commit");
                self.reporter.metrics.steps.trouble(Step::Commit, &error);
                self.rewind()
            }
        }
    }

    /// Goes back to what is committed: records since then are put again.
    fn rewind(&mut self) -> Result<()> {
        let partitions: Vec<TopicPartition> = self.state.current.keys().cloned().collect();
        let committed = self.consumer.committed(&partitions)?;
        for at in &partitions {
            self.consumer.seek(at, committed.get(at).copied())?;
        }
        self.state.current.clear();
        self.state.early.clear();
        Ok(())
    }

    fn settle_commits(&mut self) {
        for outcome in self.consumer.take_commits() {
            let Some(offsets) = self.state.committing.take() else { continue };
            self.reporter.metrics.commit_time.millis(outcome.took);
            match outcome.result {
                Ok(()) => {
                    self.reporter.metrics.commits.add(1);
                    for (at, offset) in &offsets {
                        if let Some(reportable) = &self.reportable {
                            reportable.forget(at, *offset);
                        }
                    }
                    self.state.committed.extend(offsets);
                    self.state.held = false;
                    self.reporter.metrics.active.set(self.active());
                    self.reporter.metrics.steps.done(Step::Commit);
                }
                Err(error) => {
                    self.reporter.metrics.commit_failures.add(1);
                    tracing::warn!(error, "could not commit offsets, trying again with the next");
                    self.reporter.metrics.steps.trouble(Step::Commit, &error);
                }
            }
        }
    }

    /// Records that were put and are not committed, by their offsets.
    fn active(&self) -> usize {
        let state = &self.state;
        let open = |(at, current): (&TopicPartition, &i64)| {
            let done = state.committed.get(at).or_else(|| state.began.get(at)).unwrap_or(current);
            usize::try_from(current - done).unwrap_or(0)
        };
        state.current.iter().map(open).sum()
    }
}
