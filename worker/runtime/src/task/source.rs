//! The loop of a source task: poll, transform, convert, send, and store what Kafka has confirmed.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use connect_api::{Error, ErrorKind, Fate, Origin, Result, SourceOffset, SourceRecord, SourceTask};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::{sync::watch, time};

use super::{
    chain::Chain,
    convert::{Converters, EncodedRecord},
    dlq::Reporter,
    errors::{Backoff, Failure, Stage, Tolerance, Verdict, policy},
    kill_point::kill_point,
    retries::Retries,
    run::Goal,
    steps::Step,
    topics::TopicGate,
    tracker::{OffsetTracker, Ticket},
};
use crate::{
    kafka::producer::{Ack, Outgoing, Refusal, TicketProducer},
    metrics::stages::{self, BatchClock, Worked},
    storage::{offsets::OffsetStore, statuses::State},
};

/// Records on their way before the source must wait; the producer's own queue is bounded by bytes beside it.
const IN_FLIGHT_MAX: usize = 50_000;
/// Records after which acknowledgements are taken within one batch.
const ACKS_EVERY: usize = 2048;
/// The longest pause after a source said that its system is away.
const POLL_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Everything the loop needs but the task itself.
pub struct SourceLoop {
    pub chain: Chain,
    pub converters: Converters,
    pub reporter: Arc<Reporter>,
    pub producer: TicketProducer,
    pub topics: TopicGate,
    pub offsets: OffsetStore,
    /// Tells the task which offsets are stored.
    pub stored: watch::Sender<Vec<SourceOffset>>,
    pub goal: watch::Receiver<Goal>,
    pub flush_every: Duration,
    pub flush_timeout: Duration,
    pub changed: Box<dyn Fn(State) + Send + Sync>,
    pub state: Progress,
}

/// How far the records are.
#[derive(Default)]
pub struct Progress {
    tracker: OffsetTracker,
    /// Storable offsets that no flush has taken yet or that a flush failed to store.
    unstored: Vec<SourceOffset>,
    flush: Option<Flush>,
    acks: Vec<Ack>,
    clock: BatchClock,
}

struct Flush {
    began: Instant,
    offsets: Vec<SourceOffset>,
    writing: Pin<Box<dyn Future<Output = Result<()>> + Send>>,
}

/// Why the loop went on: for a turn of the loop, or to its end.
enum Turn {
    Again,
    Stop,
}

impl SourceLoop {
    /// Runs until it is told to stop, or the task or Kafka fails for good.
    pub async fn run(mut self, mut task: Box<dyn SourceTask>) -> Result<()> {
        let mut commit = time::interval_at(time::Instant::now() + self.flush_every, self.flush_every);
        commit.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut backoff = Backoff::new(POLL_PAUSE_MAX);
        let mut goal = self.goal.clone();
        loop {
            if *goal.borrow_and_update() == Goal::Stop {
                break;
            }
            let began = Instant::now();
            let polled = {
                // One future per batch, kept across the turns below: a poll that takes several steps, such as a
                // snapshot query, would otherwise start over at every acknowledgement.
                let mut poll = Worked::new(task.poll());
                let mut since = began;
                loop {
                    let room = self.state.tracker.in_flight() < IN_FLIGHT_MAX;
                    let running = *goal.borrow() == Goal::Run;
                    let (acks, worked) = (self.producer.acks().clone(), poll.time);
                    let outcome = tokio::select! {
                        biased;
                        changed = goal.changed() => {
                            if changed.is_err() || *goal.borrow_and_update() == Goal::Stop {
                                Some(None)
                            } else {
                                self.tell_state(*goal.borrow());
                                None
                            }
                        }
                        result = flushed(&mut self.state.flush) => {
                            self.flush_done(result);
                            None
                        }
                        _ = commit.tick() => {
                            self.begin_flush();
                            None
                        }
                        () = acks.ready() => {
                            self.take_acks()?;
                            None
                        }
                        polled = &mut poll, if running && room => Some(Some(polled)),
                    };
                    let waited_for = if room { stages::Stage::Read } else { stages::Stage::Ack };
                    since = self.spent(since, running.then_some(waited_for), poll.time - worked);
                    if let Some(outcome) = outcome {
                        break outcome;
                    }
                }
            };
            match polled {
                None => break,
                Some(Ok(batch)) => {
                    backoff.reset();
                    self.reporter.metrics.steps.done(Step::Poll);
                    self.reporter.metrics.batch_time.millis(began.elapsed());
                    if let Turn::Stop = self.send_batch(batch).await? {
                        break;
                    }
                }
                Some(Err(error)) if error.kind() == ErrorKind::Retriable => {
                    let pause = error.delay().unwrap_or_else(|| backoff.pause());
                    tracing::warn!(%error, pause_ms = pause.as_millis(), "could not poll, trying again");
                    self.reporter.metrics.steps.trouble(Step::Poll, &error);
                    self.wait(pause).await?;
                }
                Some(Err(error)) => {
                    self.finish().await;
                    return Err(error);
                }
            }
        }
        drop(task);
        self.finish().await;
        Ok(())
    }

    /// Gives the time since then to the stages it was spent in; answers the time now.
    fn spent(&self, since: Instant, waited_for: Option<stages::Stage>, worked: Duration) -> Instant {
        let now = Instant::now();
        let times = &self.reporter.metrics.stages;
        times.add(stages::Stage::Decode, worked);
        if let Some(stage) = waited_for {
            times.add(stage, now.duration_since(since).saturating_sub(worked));
        }
        now
    }

    fn tell_state(&self, goal: Goal) {
        match goal {
            Goal::Run => (self.changed)(State::Running),
            Goal::Pause => {
                // Nobody polls now.
                self.reporter.metrics.steps.done(Step::Poll);
                (self.changed)(State::Paused);
            }
            Goal::Stop => {}
        }
    }

    /// Waits, taking acknowledgements meanwhile; ends early when told to stop.
    async fn wait(&mut self, pause: Duration) -> Result<()> {
        let mut goal = self.goal.clone();
        let began = Instant::now();
        let deadline = time::sleep(pause);
        tokio::pin!(deadline);
        while *goal.borrow_and_update() != Goal::Stop {
            let acks = self.producer.acks().clone();
            tokio::select! {
                () = &mut deadline => break,
                _ = goal.changed() => {}
                () = acks.ready() => self.take_acks()?,
            }
        }
        self.state.clock.waited(began.elapsed());
        Ok(())
    }

    async fn send_batch(&mut self, batch: Vec<SourceRecord>) -> Result<Turn> {
        if batch.is_empty() {
            return Ok(Turn::Again);
        }
        kill_point("after_poll");
        self.reporter.metrics.records_in.add(batch.len());
        self.reporter.metrics.batch_size.record(batch.len() as f64);
        self.state.clock.begin(batch.len());
        for (at, record) in batch.into_iter().enumerate() {
            self.state.clock.record(at);
            if let Turn::Stop = self.send(record).await? {
                return Ok(Turn::Stop);
            }
            // Long batches must not leave their acknowledgements lying.
            if at % ACKS_EVERY == ACKS_EVERY - 1 {
                self.take_acks_within_batch()?;
            }
        }
        kill_point("after_send");
        self.take_acks_within_batch()?;
        if self.state.tracker.in_flight() > 0 {
            self.reporter.metrics.steps.begin(Step::Ack);
        }
        let stages = [stages::Stage::Transform, stages::Stage::Convert, stages::Stage::Produce];
        self.state.clock.end(&self.reporter.metrics.stages, &stages);
        Ok(Turn::Again)
    }

    fn take_acks_within_batch(&mut self) -> Result<()> {
        let began = Instant::now();
        let result = self.take_acks();
        self.waited_for_acks(began);
        result
    }

    fn waited_for_acks(&mut self, began: Instant) {
        let waited = began.elapsed();
        self.reporter.metrics.stages.add(stages::Stage::Ack, waited);
        self.state.clock.waited(waited);
    }

    async fn send(&mut self, record: SourceRecord) -> Result<Turn> {
        let SourceRecord { mut record, source } = record;
        // A dropped record counts as acknowledged in its place, so that the offset behind it can be stored.
        let ticket = self.state.tracker.submit(&source);
        let transformed = self.chain.apply(&mut record, Origin::Source(&source));
        self.state.clock.leaves(stages::Stage::Transform);
        match transformed {
            Ok(Fate::Kept) => {}
            Ok(Fate::Dropped) => {
                self.reporter.metrics.skipped.add(1);
                self.state.tracker.ack(ticket);
                return Ok(Turn::Again);
            }
            Err(failure) => return self.skip_or_fail(failure, ticket, &source),
        }
        if !self.topics.is_open(&record.topic) {
            let began = Instant::now();
            self.open_topic(&record.topic).await?;
            self.state.clock.waited(began.elapsed());
        }
        let mut retries: Option<Retries> = None;
        loop {
            let failure = match self.converters.encode(&record) {
                Ok(encoded) => {
                    self.state.clock.leaves(stages::Stage::Convert);
                    let outgoing = outgoing(&record, &encoded);
                    let sent = self.producer.send(&outgoing, ticket.into());
                    self.state.clock.leaves(stages::Stage::Produce);
                    match sent {
                        Ok(()) => {
                            if retries.is_some() {
                                self.reporter.metrics.steps.done(Step::Convert);
                            }
                            return Ok(Turn::Again);
                        }
                        Err(Refusal::Full) => {
                            if let Turn::Stop = self.wait_for_room().await? {
                                return Ok(Turn::Stop);
                            }
                            continue;
                        }
                        Err(Refusal::Failed(error)) => refused(&record.topic, &error),
                    }
                }
                Err(failure) => failure,
            };
            match retries.get_or_insert_with(|| Retries::new(&self.reporter)).next(&failure) {
                Some(pause) => {
                    self.reporter.metrics.steps.trouble(Step::Convert, &failure.error);
                    self.wait(pause).await?;
                }
                None => {
                    self.reporter.metrics.steps.done(Step::Convert);
                    return self.skip_or_fail(failure, ticket, &source);
                }
            }
            if *self.goal.borrow() == Goal::Stop {
                return Ok(Turn::Stop);
            }
        }
    }

    async fn open_topic(&mut self, topic: &connect_api::Str) -> Result<()> {
        let mut backoff = Backoff::new(POLL_PAUSE_MAX);
        self.reporter.metrics.steps.begin(Step::Topic);
        loop {
            match self.topics.open(topic).await {
                Err(error) if error.kind() == ErrorKind::Retriable && *self.goal.borrow() != Goal::Stop => {
                    let pause = backoff.pause();
                    tracing::warn!(%error, topic = topic.as_str(), "could not look at the topic, trying again");
                    self.reporter.metrics.steps.trouble(Step::Topic, &error);
                    self.wait(pause).await?;
                }
                result => {
                    self.reporter.metrics.steps.done(Step::Topic);
                    return result;
                }
            }
        }
    }

    fn skip_or_fail(&mut self, failure: Failure, ticket: Ticket, source: &SourceOffset) -> Result<Turn> {
        self.reporter.metrics.record_errors.add(1);
        self.reporter.source(&failure, source);
        match policy(failure.error.kind(), failure.stage, self.reporter.config.tolerance, false) {
            Verdict::Skip => {
                self.reporter.metrics.skipped.add(1);
                self.state.tracker.ack(ticket);
                Ok(Turn::Again)
            }
            Verdict::Fail(reason) => Err(failure.into_fatal(reason)),
            Verdict::Retry => Err(failure.into_fatal(super::errors::Reason::NotTolerated)),
        }
    }

    /// The producer's queue is full: wait for acknowledgements, or for the end.
    async fn wait_for_room(&mut self) -> Result<Turn> {
        let acks = self.producer.acks().clone();
        let mut goal = self.goal.clone();
        let began = Instant::now();
        self.reporter.metrics.steps.begin(Step::Ack);
        tokio::select! {
            () = acks.ready() => self.take_acks()?,
            () = time::sleep(Duration::from_millis(100)) => {}
            _ = goal.changed() => {}
        }
        self.waited_for_acks(began);
        Ok(if *goal.borrow_and_update() == Goal::Stop { Turn::Stop } else { Turn::Again })
    }

    /// Takes all acknowledgements that have arrived. A lost record fails the task unless that is tolerated.
    fn take_acks(&mut self) -> Result<()> {
        let mut batch = std::mem::take(&mut self.state.acks);
        self.producer.acks().take(&mut batch);
        let (mut confirmed, mut result, arrived) = (0, Ok(()), !batch.is_empty());
        for Ack { ticket, error } in batch.drain(..) {
            match error {
                None => {
                    confirmed += 1;
                    self.state.tracker.ack(ticket.into());
                }
                Some(error) => result = result.and(self.lost(&error, ticket)),
            }
        }
        self.state.acks = batch;
        self.reporter.metrics.records_out.add(confirmed);
        self.reporter.metrics.active.set(self.state.tracker.in_flight());
        if arrived {
            self.reporter.metrics.steps.progress(Step::Ack, self.state.tracker.in_flight() > 0);
        }
        result
    }

    fn lost(&mut self, error: &KafkaError, ticket: usize) -> Result<()> {
        let failure = refused("", error);
        self.reporter.metrics.record_errors.add(1);
        self.reporter.source(&failure, &error.to_string());
        if self.reporter.config.tolerance == Tolerance::All {
            self.reporter.metrics.skipped.add(1);
            self.state.tracker.ack(ticket.into());
            return Ok(());
        }
        Err(Error::fatal("Unrecoverable exception from producer send callback").caused_by(failure.error))
    }

    fn begin_flush(&mut self) {
        self.collect();
        if self.state.flush.is_some() || self.state.unstored.is_empty() {
            return;
        }
        kill_point("before_offset_write");
        let offsets = std::mem::take(&mut self.state.unstored);
        let (store, connector, copy) = (self.offsets.clone(), self.reporter.id.connector.clone(), offsets.clone());
        let within = self.flush_timeout;
        let writing = Box::pin(async move {
            time::timeout(within, store.write_sources(&connector, &copy))
                .await
                .unwrap_or_else(|_| Err(Error::retriable(format!("no answer within {} ms", within.as_millis()))))
        });
        self.reporter.metrics.steps.begin(Step::Commit);
        self.state.flush = Some(Flush { began: Instant::now(), offsets, writing });
    }

    /// Adds what has become storable to what is still unstored; newer offsets take the place of older ones.
    fn collect(&mut self) {
        for newer in self.state.tracker.take_committable() {
            match self.state.unstored.iter_mut().find(|older| older.partition == newer.partition) {
                Some(older) => *older = newer,
                None => self.state.unstored.push(newer),
            }
        }
    }

    fn flush_done(&mut self, result: Result<()>) {
        let Some(flush) = self.state.flush.take() else { return };
        self.reporter.metrics.commit_time.millis(flush.began.elapsed());
        match result {
            Ok(()) => {
                kill_point("after_offset_write");
                self.reporter.metrics.commits.add(1);
                self.reporter.metrics.steps.done(Step::Commit);
                // Nobody need listen.
                self.stored.send_replace(flush.offsets);
            }
            Err(error) => {
                self.reporter.metrics.commit_failures.add(1);
                tracing::warn!(%error, "could not store offsets, trying again with the next");
                self.reporter.metrics.steps.trouble(Step::Commit, &error);
                for older in flush.offsets {
                    if !self.state.unstored.iter().any(|newer| newer.partition == older.partition) {
                        self.state.unstored.push(older);
                    }
                }
            }
        }
    }

    /// Waits for what is on its way, as long as the flush timeout allows, and stores what has arrived.
    async fn finish(&mut self) {
        let deadline = time::Instant::now() + self.flush_timeout;
        while self.state.tracker.in_flight() > 0 {
            let acks = self.producer.acks().clone();
            if time::timeout_at(deadline, acks.ready()).await.is_err() {
                tracing::warn!(
                    records = self.state.tracker.in_flight(),
                    "stopped before Kafka confirmed all records, they will be sent again"
                );
                break;
            }
            if let Err(error) = self.take_acks() {
                tracing::warn!(%error, "a record was lost while stopping, it will be sent again");
                break;
            }
        }
        if self.state.flush.is_some() {
            let result = flushed(&mut self.state.flush).await;
            self.flush_done(result);
        }
        self.begin_flush();
        if self.state.flush.is_some() {
            let result = flushed(&mut self.state.flush).await;
            self.flush_done(result);
        }
    }
}

/// The end of the flush under way; never, when there is none.
async fn flushed(flush: &mut Option<Flush>) -> Result<()> {
    match flush {
        Some(flush) => flush.writing.as_mut().await,
        None => std::future::pending().await,
    }
}

fn outgoing<'a>(record: &'a connect_api::Record, encoded: &'a EncodedRecord<'_>) -> Outgoing<'a> {
    Outgoing {
        topic: &record.topic,
        partition: record.partition,
        key: encoded.key,
        value: encoded.value,
        timestamp: record.timestamp,
        headers: encoded.headers,
        headers_revision: encoded.headers_revision,
    }
}

fn refused(topic: &str, error: &KafkaError) -> Failure {
    let hint = match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            "; create the topic, or set topic.creation.default.partitions and .replication.factor"
        }
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
            "; raise producer.override.max.request.size and the topic's max.message.bytes"
        }
        _ => "",
    };
    let what = if topic.is_empty() { String::new() } else { format!(" to topic {topic}") };
    let message = format!("could not send a record{what}: {error}{hint}");
    let error = Error::data(message).caused_by(error.clone());
    Failure { stage: Stage::Produce, class: "org.apache.kafka.clients.producer.KafkaProducer", error }
}
