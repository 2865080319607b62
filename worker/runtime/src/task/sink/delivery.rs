//! A consumed batch on its way to the sink: converted, transformed, and put again and again until it is there.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use connect_api::{Error, ErrorKind, Fate, Offsets, Origin, Record, Result, SinkRecord, SinkTask, TopicPartition};
use tokio::time;

use super::{IDLE, SinkLoop};
use crate::{
    kafka::consumer,
    metrics::stages,
    task::{
        convert::RawMessage,
        dlq::Consumed,
        errors::{Backoff, Failure, Verdict, policy},
        retries::Retries,
        run::Goal,
        steps::Step,
    },
};

/// How long a put may run before the consumer is polled beside it, which keeps its place in the group.
const BESIDE: Duration = Duration::from_secs(2);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(60);

impl SinkLoop {
    pub(super) async fn deliver(&mut self, task: &mut dyn SinkTask, batch: Vec<consumer::Consumed>) -> Result<()> {
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
                Some(pause) => {
                    self.reporter.metrics.steps.trouble(Step::Convert, &failure.error);
                    self.stay_in_group(pause).await?;
                }
                None => {
                    self.reporter.metrics.steps.done(Step::Convert);
                    return self.skip_or_fail(failure, &consumed);
                }
            }
            if *self.goal.borrow() == Goal::Stop {
                return Err(stopped());
            }
        };
        if retries.is_some() {
            self.reporter.metrics.steps.done(Step::Convert);
        }
        self.state.clock.leaves(stages::Stage::Convert);
        let mut record = Record {
            topic: consumed.origin.topic.clone(),
            partition: Some(consumed.origin.partition),
            key: decoded.key,
            value: decoded.value,
            timestamp: consumed.timestamp,
            headers: decoded.headers,
        };
        let origin =
            Origin::Sink { origin: &consumed.origin, offset: consumed.offset, timestamp_type: consumed.timestamp_type };
        let transformed = self.chain.apply(&mut record, origin);
        self.state.clock.leaves(stages::Stage::Transform);
        match transformed {
            Ok(Fate::Kept) => {
                if let Some(reportable) = &self.reportable {
                    reportable.keep(&consumed);
                }
                let Consumed { origin, offset, timestamp_type, .. } = consumed;
                Ok(Some(SinkRecord { record, origin, offset, timestamp_type }))
            }
            Ok(Fate::Dropped) => {
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
        self.reporter.metrics.steps.begin(Step::Put);
        loop {
            let began = Instant::now();
            let result = self.put_once(task, records).await;
            self.reporter.metrics.stages.add(stages::Stage::Put, began.elapsed());
            match result {
                Ok(()) => {
                    self.reporter.metrics.steps.done(Step::Put);
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
                    self.reporter.metrics.steps.trouble(Step::Put, &error);
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
