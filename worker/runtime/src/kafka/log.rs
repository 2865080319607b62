//! A topic that is read from its beginning by every worker and never forgotten (`KafkaBasedLog` in the JVM).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{Error, Props, Result};
use futures_util::{StreamExt, future::Either};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    client::{LogContext, Role, librdkafka},
    log_producer::{Delivery, LogProducer, LogWrite},
    trouble,
};
use crate::{
    metrics::clients::Clients,
    storage::{
        configs::Write,
        log::{Entry, Log},
    },
};

/// How long one question about end offsets may take.
const QUESTION: Duration = Duration::from_secs(10);
/// A worker asks for few reads at once; more than these wait.
const COMMANDS_MAX: usize = 64;

/// An open log. Cloning shares it; its reader ends when all clones are gone.
#[derive(Clone)]
pub struct KafkaLog {
    topic: Arc<str>,
    producer: LogProducer,
    commands: mpsc::Sender<oneshot::Sender<Result<()>>>,
    /// The next offset to be read of each partition.
    positions: watch::Receiver<Vec<i64>>,
}

impl KafkaLog {
    /// Opens the log and begins to read. Each record goes to `on_entry` in the order of its partition.
    pub fn open(
        topic: &str,
        partitions: i32,
        (java, clients): (&Props, &Clients),
        producer: LogProducer,
        on_entry: impl FnMut(Entry) + Send + 'static,
    ) -> Result<Self> {
        let (mut config, context) = librdkafka(java, Role::Consumer)?;
        config.set("enable.partition.eof", "true").set("enable.auto.commit", "false");
        // For a partition whose first records are gone already, see `assign`.
        config.set("auto.offset.reset", "earliest");
        // A partition that was made this moment has no leader yet; the client would look again after half a second.
        config.set("fetch.error.backoff.ms", "50");
        if config.get("group.id").is_none() {
            // Never joined: partitions are assigned by hand. librdkafka insists on a name.
            config.set("group.id", format!("log-{topic}"));
        }
        let context = context.telling(&mut config, clients, Role::Consumer);
        let consumer: StreamConsumer<LogContext> = config
            .create_with_context(context)
            .map_err(|error| Error::config(format!("could not make a consumer of {topic}: {error}")))?;
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let count = usize::try_from(partitions).unwrap_or_default();
        let (positions_out, positions) = watch::channel(vec![0; count]);
        let reader = Reader {
            topic: topic.into(),
            consumer: Arc::new(consumer),
            producer: producer.clone(),
            state: Positions::new(count),
            waiting: Vec::new(),
            positions: positions_out,
        };
        tokio::spawn(reader.run(inbox, on_entry));
        Ok(Self { topic: topic.into(), producer, commands, positions })
    }

    async fn send(&self, records: &[Write]) -> Result<Vec<Delivery>> {
        let mut sent = Vec::with_capacity(records.len());
        for (key, value) in records {
            let (key, value) = (Some(key.as_bytes()), value.as_deref());
            loop {
                match self.producer.send(LogWrite { topic: &self.topic, key, value, ..LogWrite::default() }) {
                    Ok(delivery) => break sent.push(delivery),
                    Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Err(error) => return Err(self.refused(&error)),
                }
            }
        }
        Ok(sent)
    }

    async fn delivered(&self, delivery: Delivery) -> Result<(i32, i64)> {
        match delivery.await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(error)) => Err(self.refused(&error)),
            Err(_) => Err(Error::retriable(format!("the producer closed before a record reached {}", self.topic))),
        }
    }

    fn refused(&self, error: &KafkaError) -> Error {
        Error::retriable(format!("could not write to topic {}: {error}", self.topic)).caused_by(error.clone())
    }
}

#[async_trait]
impl Log for KafkaLog {
    async fn read_to_end(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let gone = |()| Error::fatal(format!("the reader of topic {} has ended", self.topic));
        self.commands.send(reply).await.map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }

    async fn append_and_read(&self, records: Vec<Write>) -> Result<()> {
        let mut last: Vec<(i32, i64)> = Vec::new();
        for sent in self.send(&records).await? {
            last.push(self.delivered(sent).await?);
        }
        let mut positions = self.positions.clone();
        let reached = |positions: &Vec<i64>| {
            last.iter().all(|(partition, offset)| {
                usize::try_from(*partition).ok().and_then(|at| positions.get(at)).is_some_and(|next| next > offset)
            })
        };
        positions
            .wait_for(reached)
            .await
            .map(drop)
            .map_err(|_| Error::fatal(format!("the reader of topic {} has ended", self.topic)))
    }

    async fn append(&self, records: Vec<Write>) -> Result<()> {
        for sent in self.send(&records).await? {
            self.delivered(sent).await?;
        }
        Ok(())
    }
}

/// Where the reader stands in each partition, and how far it must get.
struct Positions {
    next: Vec<i64>,
    /// The end that a request waits for; -1 when none does.
    wanted: Vec<i64>,
    /// Whether the client said that it has reached the end, and has brought nothing since.
    at_end: Vec<bool>,
    /// Where reading was told to go on last; none when it is `i64::MAX`.
    sought: Vec<i64>,
}

impl Positions {
    fn new(count: usize) -> Self {
        Self {
            next: vec![0; count],
            wanted: vec![-1; count],
            at_end: vec![false; count],
            sought: vec![i64::MAX; count],
        }
    }

    /// Whether a record was read before. The client carries out a seek behind our back, so that a record that was on its
    /// way comes once more afterwards; readers that count what they read must not see it twice. A record from before the
    /// place that was sought is none of these: then the log itself has gone back, and is read again.
    fn is_repeated(&mut self, partition: i32, offset: i64) -> bool {
        let Some(at) = usize::try_from(partition).ok().filter(|at| *at < self.next.len()) else { return false };
        if offset < self.sought[at] {
            self.sought[at] = i64::MAX;
        }
        (self.sought[at]..self.next[at]).contains(&offset)
    }

    fn reached(&self) -> bool {
        self.next.iter().zip(&self.wanted).all(|(next, wanted)| next >= wanted)
    }
}

struct Reader {
    topic: String,
    consumer: Arc<StreamConsumer<LogContext>>,
    producer: LogProducer,
    state: Positions,
    waiting: Vec<oneshot::Sender<Result<()>>>,
    positions: watch::Sender<Vec<i64>>,
}

impl Reader {
    async fn run(mut self, mut commands: mpsc::Receiver<oneshot::Sender<Result<()>>>, mut on_entry: impl FnMut(Entry)) {
        let consumer = self.consumer.clone();
        if let Err(error) = self.assign() {
            tracing::error!(topic = self.topic, %error, "could not begin to read");
            return;
        }
        let mut messages = consumer.stream();
        loop {
            let next = std::pin::pin!(commands.recv());
            match futures_util::future::select(next, messages.next()).await {
                Either::Left((None, _)) => break,
                Either::Left((Some(reply), _)) => self.request(reply).await,
                Either::Right((Some(Ok(message)), _)) => {
                    if self.state.is_repeated(message.partition(), message.offset()) {
                        continue;
                    }
                    let entry = Entry {
                        partition: message.partition(),
                        offset: message.offset(),
                        key: message.key().map(Bytes::copy_from_slice),
                        value: message.payload().map(Bytes::copy_from_slice),
                    };
                    let (partition, offset) = (entry.partition, entry.offset);
                    on_entry(entry);
                    self.advance(partition, offset + 1);
                }
                Either::Right((Some(Err(KafkaError::PartitionEOF(partition))), _)) => self.at_end(partition),
                Either::Right((Some(Err(error)), _)) => {
                    // The client itself tells of lost connections, once for all topics.
                    if trouble::is_lost_connection(&error) {
                        tracing::debug!(topic = self.topic, %error, "could not read, trying again");
                    } else {
                        tracing::warn!(topic = self.topic, %error, "could not read, trying again");
                    }
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Either::Right((None, _)) => break,
            }
            self.answer();
        }
    }

    /// Begins at offset 0 instead of "the beginning", for which the client would ask the broker, each partition for
    /// itself, and send its first fetch when the first answer is there: if the partitions in that fetch are empty, it
    /// waits its half second, and so do all the others behind it. Where 0 is gone, the broker refuses and the client
    /// goes on as `auto.offset.reset` says.
    fn assign(&self) -> Result<()> {
        let mut list = TopicPartitionList::new();
        for partition in 0..self.state.next.len() {
            let partition = i32::try_from(partition).unwrap_or(i32::MAX);
            list.add_partition_offset(&self.topic, partition, Offset::Offset(0)).map_err(kafka_error)?;
        }
        self.consumer.assign(&list).map_err(kafka_error)
    }

    async fn request(&mut self, reply: oneshot::Sender<Result<()>>) {
        match self.ends().await {
            Ok(ends) => {
                for (at, end) in ends.into_iter().enumerate() {
                    let known = &mut self.state.wanted[at];
                    *known = (*known).max(end);
                    if self.state.next[at] < end && self.state.at_end[at] {
                        self.state.sought[at] = self.state.next[at];
                        self.seek(at);
                    }
                }
                self.waiting.push(reply);
            }
            // The one who asked may be gone, which is no concern of the reader.
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// Reads on from the same place. What was fetched before is thrown away, so that the next report of the end of
    /// the partition is newer than the end we were told: that is how markers and gaps at the end are got over.
    fn seek(&self, at: usize) {
        let (partition, offset) = (i32::try_from(at).unwrap_or(i32::MAX), Offset::Offset(self.state.next[at]));
        if let Err(error) = self.consumer.seek(&self.topic, partition, offset, Duration::ZERO) {
            tracing::debug!(topic = self.topic, partition, %error, "could not seek, waiting for records instead");
        }
    }

    async fn ends(&self) -> Result<Vec<i64>> {
        // The consumer's connections wait in long fetches, half a second each; the producer's are free to answer.
        let (producer, topic, count) = (self.producer.clone(), self.topic.clone(), self.state.next.len());
        let question = tokio::task::spawn_blocking(move || {
            let client = producer.client();
            let end = |at| client.fetch_watermarks(&topic, i32::try_from(at).unwrap_or(i32::MAX), QUESTION);
            (0..count).map(|at| end(at).map(|(_, high)| high)).collect::<std::result::Result<Vec<i64>, _>>()
        });
        let answer =
            question.await.map_err(|error| Error::fatal(format!("the question for end offsets died: {error}")))?;
        answer.map_err(|error| Error::retriable(format!("could not learn the end of topic {}: {error}", self.topic)))
    }

    fn at_end(&mut self, partition: i32) {
        let at = usize::try_from(partition).unwrap_or(usize::MAX);
        if let Some(wanted) = self.state.wanted.get(at).copied() {
            self.advance(partition, wanted.max(self.state.next[at]));
            self.state.at_end[at] = true;
        }
    }

    fn advance(&mut self, partition: i32, next: i64) {
        let at = usize::try_from(partition).unwrap_or(usize::MAX);
        if let Some(position) = self.state.next.get_mut(at) {
            *position = next;
            self.state.at_end[at] = false;
            self.positions.send_modify(|positions| positions[at] = next);
        }
    }

    fn answer(&mut self) {
        if self.state.reached() {
            // The one who asked may be gone, which is no concern of the reader.
            self.waiting.drain(..).for_each(|reply| drop(reply.send(Ok(()))));
        }
    }
}

fn kafka_error(error: KafkaError) -> Error {
    Error::retriable(error.to_string()).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_a_seek_brings_again_is_read_once() {
        let mut state = Positions::new(2);
        let mut read = |partition: i32, offset: i64, sought: Option<i64>| {
            let at = usize::try_from(partition).unwrap();
            if let Some(sought) = sought {
                state.sought[at] = sought;
            }
            let repeated = state.is_repeated(partition, offset);
            if !repeated {
                state.next[at] = offset + 1;
            }
            repeated
        };
        assert!(!read(0, 0, None));
        // On its way when the reader sought 1, and brought again by the seek.
        assert!(!read(0, 1, Some(1)));
        assert!(!read(0, 2, None));
        assert!(read(0, 1, None));
        assert!(read(0, 2, None));
        assert!(!read(0, 3, None));
        assert!(!read(1, 0, None));
        // The log was cut off and is read from its beginning.
        assert!(!read(0, 0, None));
        assert!(!read(0, 1, None));
    }
}
