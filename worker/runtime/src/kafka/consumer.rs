//! The consumer of sink tasks: batches of messages, and rebalances handed to the task's own loop.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use connect_api::{Error, Offsets, Props, RawHeader, Result, Str, TimestampType, TopicPartition};
use futures_util::{FutureExt, StreamExt};
use rdkafka::{
    ClientContext, Message, Offset, Timestamp, TopicPartitionList,
    bindings::rd_kafka_resp_err_t as RdError,
    client::OAuthToken,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol, StreamConsumer},
    error::KafkaError,
    statistics::Statistics,
};

use super::{
    client::{LogContext, Role, librdkafka},
    producer::raw_headers,
};
use crate::metrics::clients::Clients;

/// A consumed message with bytes of its own.
#[derive(Clone, Debug)]
pub struct Consumed {
    pub origin: TopicPartition,
    pub offset: i64,
    pub timestamp: Option<i64>,
    pub timestamp_type: TimestampType,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<RawHeader>,
}

/// What the group decided; it takes effect when the loop calls [`SinkConsumer::assign`] or [`SinkConsumer::unassign`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebalance {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
}

/// What came of a commit that was not waited for, and how long it took.
pub struct CommitOutcome {
    pub result: std::result::Result<(), String>,
    pub took: Duration,
}

/// Collects what the client reports while it is polled.
pub struct SinkContext {
    rebalances: Mutex<Vec<Rebalance>>,
    commits: Mutex<Vec<CommitOutcome>>,
    /// Nobody handles rebalances any more: partitions are given back at once.
    closing: AtomicBool,
    own: LogContext,
}

impl ClientContext for SinkContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.own.generate_oauth_token(config)
    }
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.own.log(level, facility, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        self.own.error(error, reason);
    }
    fn stats(&self, statistics: Statistics) {
        self.own.stats(statistics);
    }
}

impl ConsumerContext for SinkContext {
    /// Only takes note: the task's loop puts, commits and closes first, which may take a while.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RdError, partitions: &mut TopicPartitionList) {
        if self.closing.load(Ordering::Acquire) {
            // Closing waits until the partitions are given back.
            if let Err(error) = consumer.unassign() {
                tracing::debug!(%error, "could not give partitions back while closing");
            }
            return;
        }
        let list = partitions.elements().iter().map(|e| topic_partition(e.topic(), e.partition())).collect();
        let rebalance = match error {
            RdError::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assigned(list),
            _ => Rebalance::Revoked(list),
        };
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).push(rebalance);
    }
}

/// A consumer in the group of its connector.
pub struct SinkConsumer {
    /// Absent only while dropping.
    inner: Option<Arc<StreamConsumer<SinkContext>>>,
    /// The commit under way, if any.
    commit: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl SinkConsumer {
    pub fn new(java: &Props, clients: &Clients) -> Result<Self> {
        let (mut config, own) = librdkafka(java, Role::Consumer)?;
        // A topic that comes after its sink is found as soon as the JVM's consumer finds it; librdkafka would look
        // again after five minutes.
        config.set("topic.metadata.refresh.interval.ms", "2000");
        let context = SinkContext {
            own: own.telling(&mut config, clients, Role::Consumer),
            rebalances: Mutex::default(),
            commits: Mutex::default(),
            closing: AtomicBool::new(false),
        };
        let inner: StreamConsumer<SinkContext> = config
            .create_with_context(context)
            .map_err(|error| Error::config(format!("could not make a consumer: {error}")))?;
        Ok(Self { inner: Some(Arc::new(inner)), commit: Mutex::default() })
    }

    fn client(&self) -> &StreamConsumer<SinkContext> {
        self.inner.as_ref().expect("the client is taken only by drop")
    }

    /// Leaves the group and waits until it knows, as far as the patience goes.
    pub async fn close(mut self, patience: Duration) {
        let Some(client) = self.inner.take() else { return };
        client.context().closing.store(true, Ordering::Release);
        let commit = self.commit.lock().unwrap_or_else(PoisonError::into_inner).take();
        let closing = async {
            // The commit holds the client too, and the last one to let go of it closes it.
            if let Some(commit) = commit {
                drop(commit.await);
            }
            drop(tokio::task::spawn_blocking(move || drop(client)).await);
        };
        if tokio::time::timeout(patience, closing).await.is_err() {
            tracing::warn!("the consumer takes long to leave its group, going on without it");
        }
    }

    pub fn subscribe(&self, topics: &[String]) -> Result<()> {
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        self.client().subscribe(&names).map_err(|error| kafka("subscribe to the topics", error))
    }

    /// Waits up to `wait` for the first message and takes up to `max` that are there. Rebalances are served meanwhile.
    pub async fn poll(&self, max: usize, wait: Duration) -> Result<Vec<Consumed>> {
        let mut stream = self.client().stream();
        let mut batch = Batch::default();
        let mut next = tokio::time::timeout(wait, stream.next()).await.ok().flatten();
        while let Some(message) = next {
            match message {
                Ok(message) => batch.push(&message),
                Err(error) if super::admin::is_transient(&error) => {
                    tracing::debug!(%error, "consumer reports an error, going on");
                }
                Err(error @ KafkaError::MessageConsumption(_)) => {
                    // Topics that are not there yet, or no longer: others go on, and the client has told the log.
                    tracing::debug!(%error, "consumer reports an error, going on");
                    break;
                }
                Err(error) => return Err(kafka("consume", error)),
            }
            if batch.messages.len() >= max || self.has_rebalance() {
                break;
            }
            next = stream.next().now_or_never().flatten();
        }
        Ok(batch.finish())
    }

    fn has_rebalance(&self) -> bool {
        !self.client().context().rebalances.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub fn take_rebalances(&self) -> Vec<Rebalance> {
        std::mem::take(&mut *self.client().context().rebalances.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn take_commits(&self) -> Vec<CommitOutcome> {
        std::mem::take(&mut *self.client().context().commits.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn assign(&self, partitions: &[TopicPartition]) -> Result<()> {
        let list = list_of(partitions)?;
        match self.client().rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.client().incremental_assign(&list),
            _ => self.client().assign(&list),
        }
        .map_err(|error| kafka("take the assigned partitions", error))
    }

    pub fn unassign(&self, partitions: &[TopicPartition]) -> Result<()> {
        match self.client().rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.client().incremental_unassign(&list_of(partitions)?),
            _ => self.client().unassign(),
        }
        .map_err(|error| kafka("give the revoked partitions back", error))
    }

    /// Whether the partitions are someone else's already, so that committing is in vain.
    pub fn is_lost(&self) -> bool {
        self.client().assignment_lost()
    }

    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.client().pause(&list_of(partitions)?).map_err(|error| kafka("pause", error))
    }

    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.client().resume(&list_of(partitions)?).map_err(|error| kafka("resume", error))
    }

    /// Commits without waiting; the outcome comes through [`SinkConsumer::take_commits`].
    ///
    /// The client's own way to do so tells nobody what came of it: librdkafka reports it only to a callback, which its
    /// Rust binding does not set. So a thread waits for the answer.
    pub fn commit_async(&self, offsets: &Offsets) -> Result<()> {
        let list = committed_list(offsets)?;
        let Some(client) = self.inner.clone() else { return Ok(()) };
        let commit = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let result = client.commit(&list, CommitMode::Sync).map_err(|error| error.to_string());
            let outcome = CommitOutcome { result, took: began.elapsed() };
            client.context().commits.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        });
        *self.commit.lock().unwrap_or_else(PoisonError::into_inner) = Some(commit);
        Ok(())
    }

    pub fn commit_sync(&self, offsets: &Offsets) -> Result<()> {
        let list = committed_list(offsets)?;
        tokio::task::block_in_place(|| self.client().commit(&list, CommitMode::Sync))
            .map_err(|error| kafka("commit offsets", error))
    }

    /// Goes back (or on) to an offset of an assigned partition; `None` where nothing was ever committed.
    pub fn seek(&self, at: &TopicPartition, offset: Option<i64>) -> Result<()> {
        let offset = offset.map_or(Offset::Beginning, Offset::Offset);
        let wait = Duration::from_secs(5);
        tokio::task::block_in_place(|| self.client().seek(&at.topic, at.partition, offset, wait))
            .map_err(|error| kafka("seek", error))
    }

    /// What the group has committed for these partitions.
    pub fn committed(&self, partitions: &[TopicPartition]) -> Result<Offsets> {
        let list = list_of(partitions)?;
        let wait = Duration::from_secs(15);
        let answer = tokio::task::block_in_place(|| self.client().committed_offsets(list, wait));
        let answer = answer.map_err(|error| kafka("ask for committed offsets", error))?;
        let elements = answer.elements();
        let offset = |e: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match e.offset() {
            Offset::Offset(offset) => Some((topic_partition(e.topic(), e.partition()), offset)),
            _ => None,
        };
        Ok(elements.iter().filter_map(offset).collect())
    }
}

impl Drop for SinkConsumer {
    /// Closing waits for the group's answer; that must not hold up the loops of other tasks.
    fn drop(&mut self) {
        if let Some(client) = self.inner.take() {
            client.context().closing.store(true, Ordering::Release);
            std::thread::spawn(move || drop(client));
        }
    }
}

/// Messages under collection: the bytes of all of them share one buffer.
#[derive(Default)]
struct Batch {
    bytes: BytesMut,
    messages: Vec<(Consumed, [Option<usize>; 2])>,
    /// The topic of the last message, so that equal names share one buffer.
    topic: Str,
}

impl Batch {
    fn push(&mut self, message: &impl Message) {
        if self.topic != *message.topic() {
            self.topic = message.topic().into();
        }
        let lengths = [message.key(), message.payload()].map(|part| {
            part.map(|bytes| {
                self.bytes.extend_from_slice(bytes);
                bytes.len()
            })
        });
        let (timestamp, timestamp_type) = match message.timestamp() {
            Timestamp::NotAvailable => (None, TimestampType::NoTimestampType),
            Timestamp::CreateTime(ms) => (Some(ms), TimestampType::CreateTime),
            Timestamp::LogAppendTime(ms) => (Some(ms), TimestampType::LogAppendTime),
        };
        let consumed = Consumed {
            origin: TopicPartition { topic: self.topic.clone(), partition: message.partition() },
            offset: message.offset(),
            timestamp,
            timestamp_type,
            key: None,
            value: None,
            headers: raw_headers(message),
        };
        self.messages.push((consumed, lengths));
    }

    fn finish(self) -> Vec<Consumed> {
        let mut bytes = self.bytes.freeze();
        let mut part = |length: Option<usize>| length.map(|length| bytes.split_to(length));
        let complete = |(mut message, [key, value]): (Consumed, [Option<usize>; 2])| {
            message.key = part(key);
            message.value = part(value);
            message
        };
        self.messages.into_iter().map(complete).collect()
    }
}

fn topic_partition(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition { topic: topic.into(), partition }
}

fn committed_list(offsets: &Offsets) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (at, offset) in offsets {
        list.add_partition_offset(&at.topic, at.partition, Offset::Offset(*offset))
            .map_err(|error| kafka("commit offsets", error))?;
    }
    Ok(list)
}

fn list_of(partitions: &[TopicPartition]) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for at in partitions {
        list.add_partition(&at.topic, at.partition);
    }
    Ok(list)
}

fn kafka(what: &str, error: KafkaError) -> Error {
    let kind = if super::admin::is_transient(&error) { Error::retriable } else { Error::fatal };
    kind(format!("could not {what}: {error}")).caused_by(error)
}
