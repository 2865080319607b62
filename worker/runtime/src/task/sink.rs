//! The loop of a sink task: consume, convert, transform, put, and commit what the task calls safe.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use connect_api::{Error, ErrorKind, Offsets, Origin, Record, Result, SinkRecord, SinkTask, TopicPartition};
use regex::Regex;
use tokio::{sync::watch, time};

use super::{
    chain::Chain,
    convert::{Converters, RawMessage},
    dlq::{Consumed, Reportable, Reporter},
    errors::{Backoff, Failure, Verdict, policy},
    retries::Retries,
    run::Goal,
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
/// How long a put may run before the consumer is polled beside it, which keeps its place in the group.
const BESIDE: Duration = Duration::from_secs(2);
/// How long the end of a task waits for its group to know.
const CLOSE: Duration = Duration::from_secs(3);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(60);

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
        self.reporter.metrics.active.set(self.active());
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
        match self.safe_offsets(task).await {
            Ok(safe) if safe.is_empty() => Ok(()),
            Ok(safe) => {
                self.consumer.commit_async(&safe)?;
                self.reporter.metrics.commit_number.add(1);
                self.state.committing = Some(safe);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Fatal && self.reporter.dead_letters.is_some() => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the task could not say what is safe to commit, going back to the last commit");
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
                    self.reporter.metrics.active.set(self.active());
                }
                Err(error) => {
                    self.reporter.metrics.commit_failures.add(1);
                    tracing::warn!(error, "could not commit offsets, trying again with the next");
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

    async fn deliver(&mut self, task: &mut dyn SinkTask, batch: Vec<consumer::Consumed>) -> Result<()> {
        let mut records = Vec::with_capacity(batch.len());
        let mut reached = Offsets::new();
        if !batch.is_empty() {
            self.reporter.metrics.records_in.add(batch.len());
            self.reporter.metrics.batch_size.record(batch.len() as f64);
        }
        self.state.clock.begin(batch.len());
        for (at, message) in batch.into_iter().enumerate() {
            self.state.clock.record(at);
            // Per partition the last one wins, and records of one partition come in order. (Invariant 3)
            match reached.get_mut(&message.origin) {
                Some(offset) => *offset = message.offset + 1,
                None => {
                    reached.insert(message.origin.clone(), message.offset + 1);
                    self.state.began.entry(message.origin.clone()).or_insert(message.offset);
                }
            }
            self.track(&message.origin);
            if let Some(record) = self.convert(message).await? {
                records.push(record);
            }
        }
        let stages = [stages::Stage::Convert, stages::Stage::Transform];
        self.state.clock.end(&self.reporter.metrics.stages, &stages);
        self.put(task, &mut records).await?;
        let ours = |(at, _): &(TopicPartition, i64)| self.state.assigned.contains(at);
        let reached: Offsets = reached.into_iter().filter(ours).collect();
        if !reached.is_empty() {
            self.state.current.extend(reached);
            self.reporter.metrics.active.set(self.active());
        }
        Ok(())
    }

    fn track(&mut self, origin: &TopicPartition) {
        let Some(statuses) = &self.tracking else { return };
        let forgotten = self.state.forgotten.get_or_insert_with(|| statuses.forgotten()).load(Ordering::Relaxed);
        if forgotten != self.state.forgotten_seen {
            self.state.forgotten_seen = forgotten;
            self.state.seen.clear();
        }
        if !self.state.seen.contains(&origin.topic) {
            statuses.put_topic(&self.id, &origin.topic, crate::now_ms());
            self.state.seen.insert(origin.topic.detached());
        }
    }

    /// The record as the task sees it; `None` when it is dropped or tolerated as bad.
    async fn convert(&mut self, message: consumer::Consumed) -> Result<Option<SinkRecord>> {
        let consumed = Consumed {
            origin: message.origin,
            offset: message.offset,
            timestamp: message.timestamp,
            timestamp_type: message.timestamp_type,
            raw: RawMessage { key: message.key, value: message.value, headers: message.headers },
        };
        let mut retries: Option<Retries> = None;
        let decoded = loop {
            let failure = match self.converters.decode(&consumed.origin.topic, &consumed.raw) {
                Ok(decoded) => break decoded,
                Err(failure) => failure,
            };
            match retries.get_or_insert_with(|| Retries::new(&self.reporter)).next(&failure) {
                Some(pause) => self.stay_in_group(pause).await?,
                None => return self.skip_or_fail(failure, &consumed),
            }
            if *self.goal.borrow() == Goal::Stop {
                return Err(stopped());
            }
        };
        self.state.clock.leaves(stages::Stage::Convert);
        let record = Record {
            topic: consumed.origin.topic.clone(),
            partition: Some(consumed.origin.partition),
            key: decoded.key,
            value: decoded.value,
            timestamp: consumed.timestamp,
            headers: decoded.headers,
        };
        let origin =
            Origin::Sink { origin: &consumed.origin, offset: consumed.offset, timestamp_type: consumed.timestamp_type };
        let transformed = self.chain.apply(record, origin);
        self.state.clock.leaves(stages::Stage::Transform);
        match transformed {
            Ok(Some(record)) => {
                if let Some(reportable) = &self.reportable {
                    reportable.keep(&consumed);
                }
                let Consumed { origin, offset, timestamp_type, .. } = consumed;
                Ok(Some(SinkRecord { record, origin, offset, timestamp_type }))
            }
            Ok(None) => {
                self.reporter.metrics.skipped.add(1);
                Ok(None)
            }
            Err(failure) => self.skip_or_fail(failure, &consumed),
        }
    }

    fn skip_or_fail(&mut self, failure: Failure, consumed: &Consumed) -> Result<Option<SinkRecord>> {
        self.reporter.metrics.record_errors.add(1);
        self.reporter.sink(&failure, consumed)?;
        match policy(failure.error.kind(), failure.stage, self.reporter.config.tolerance, false) {
            Verdict::Fail(reason) => Err(failure.into_fatal(reason)),
            Verdict::Skip | Verdict::Retry => {
                self.reporter.metrics.skipped.add(1);
                Ok(None)
            }
        }
    }

    /// Puts a batch, again and again while the task says that its system may recover.
    async fn put(&mut self, task: &mut dyn SinkTask, records: &mut Vec<SinkRecord>) -> Result<()> {
        let mut backoff = Backoff::new(RETRY_PAUSE_MAX);
        loop {
            let began = Instant::now();
            let result = self.put_once(task, records).await;
            self.reporter.metrics.stages.add(stages::Stage::Put, began.elapsed());
            match result {
                Ok(()) => {
                    if !records.is_empty() {
                        self.reporter.metrics.batch_time.millis(began.elapsed());
                        self.reporter.metrics.records_out.add(records.len());
                    }
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Retriable => {
                    let pause = error.delay().unwrap_or_else(|| backoff.pause());
                    tracing::warn!(%error, pause_ms = pause.as_millis(), "could not put, trying the same batch again");
                    self.reporter.metrics.retries.add(1);
                    self.stay_in_group(pause).await?;
                    if *self.goal.borrow() == Goal::Stop {
                        return Err(stopped());
                    }
                    self.rebalance(task).await?;
                    records.retain(|record| self.state.assigned.contains(&record.origin));
                }
                Err(error) => {
                    self.reporter.metrics.failed();
                    let message = "Exiting WorkerSinkTask due to unrecoverable exception.";
                    return Err(Error::fatal(message).caused_by(error));
                }
            }
        }
    }

    /// One put; when it takes long the consumer is paused and polled beside it.
    async fn put_once(&mut self, task: &mut dyn SinkTask, records: &[SinkRecord]) -> Result<()> {
        let mut put = task.put(records);
        if let Ok(result) = time::timeout(BESIDE, &mut put).await {
            return result;
        }
        let partitions: Vec<TopicPartition> = self.state.assigned.iter().cloned().collect();
        self.consumer.pause(&partitions)?;
        let result = loop {
            tokio::select! {
                biased;
                result = &mut put => break result,
                early = self.consumer.poll(self.batch_max, IDLE) => self.state.early.extend(early?),
            }
        };
        if !self.state.paused {
            self.consumer.resume(&partitions)?;
        }
        result
    }

    /// Waits with all partitions paused; the consumer is polled, so that the group keeps it.
    async fn stay_in_group(&mut self, pause: Duration) -> Result<()> {
        let partitions: Vec<TopicPartition> = self.state.assigned.iter().cloned().collect();
        self.consumer.pause(&partitions)?;
        let (began, deadline) = (Instant::now(), time::Instant::now() + pause);
        let mut goal = self.goal.clone();
        goal.mark_unchanged();
        while time::Instant::now() < deadline && *goal.borrow() != Goal::Stop {
            let wait = IDLE.min(deadline.saturating_duration_since(time::Instant::now()));
            tokio::select! {
                early = self.consumer.poll(self.batch_max, wait) => self.state.early.extend(early?),
                _ = goal.changed() => {}
            }
        }
        self.state.clock.waited(began.elapsed());
        if !self.state.paused {
            self.consumer.resume(&partitions)?;
        }
        Ok(())
    }
}

/// Told to stop while a batch could not be put: it was not put, so it is not committed and comes again.
fn stopped() -> Error {
    Error::retriable("stopped before the batch could be put; its records come again")
}
