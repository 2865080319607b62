//! The connectors and their task: takes records, fills bulks, answers which offsets are safe.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use connect_api::{
    ConfigError, ErrantReporter, Error, Offsets, Result, SinkConnector, SinkContext, SinkRecord, SinkTask,
    TopicPartition, async_trait,
};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::{
    check,
    client::Client,
    config::ElasticsearchConfig,
    convert::{Converter, Outcome},
    deliver::Sender,
    queue::{Filling, Limits, Queue},
    resource::Resources,
    retry::Retry,
    rules,
};

/// Records that are converted at a time, so that the sender is never kept waiting for long.
const TURN: usize = 256;

macro_rules! connectors {
    ($($(#[doc = $doc:literal])* $name:ident = $class:literal, $version:literal;)+) => {$(
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub struct $name;

        impl SinkConnector for $name {
            const CLASS: &'static str = $class;
            const VERSION: &'static str = $version;
            type Config = ElasticsearchConfig;
            type Task = ElasticsearchSinkTask;

            fn rules(config: &ElasticsearchConfig) -> Vec<ConfigError> {
                rules::broken(config)
            }

            async fn check(config: ElasticsearchConfig) -> Vec<ConfigError> {
                check::check(config).await
            }

            async fn start(config: ElasticsearchConfig, context: SinkContext) -> Result<ElasticsearchSinkTask> {
                ElasticsearchSinkTask::start(config, context)
            }
        }
    )+};
}

connectors! {
    /// Confluent's Elasticsearch sink by name and settings, for Elasticsearch and OpenSearch alike.
    ElasticsearchSink = "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector", "15.1.3";
    /// Aiven's OpenSearch sink by name, from release 4.
    OpenSearchSink = "io.aiven.kafka.connect.opensearch.OpenSearchSinkConnector", "4.0.1";
    /// Aiven's OpenSearch sink by the name of releases 1 to 3.
    OldOpenSearchSink = "io.aiven.kafka.connect.opensearch.OpensearchSinkConnector", "3.1.1";
}

/// Writes the records of its partitions.
pub struct ElasticsearchSinkTask {
    queue: Arc<Queue>,
    resources: Resources,
    converter: Converter,
    errant: Option<Arc<dyn ErrantReporter>>,
    drop_invalid: bool,
    flush_synchronously: bool,
    flush_timeout: Duration,
    /// The sender; it ends with the task.
    sender: JoinSet<()>,
}

impl ElasticsearchSinkTask {
    fn start(config: ElasticsearchConfig, context: SinkContext) -> Result<Self> {
        warn_of_old_settings(&config);
        let config = Arc::new(config);
        let client = Arc::new(Client::new(&config.connection)?);
        let retry = Retry {
            max_retries: u32::try_from(config.connection.max_retries.count()).unwrap_or(u32::MAX),
            first_wait: ms(config.connection.retry_backoff_ms.get()),
        };
        let queue = Arc::new(Queue::new(limits(&config)));
        let mut sender = JoinSet::new();
        sender.spawn(
            Sender {
                queue: queue.clone(),
                client: client.clone(),
                retry,
                malformed: config.conversion.malformed,
                data_streams: config.to_data_streams(),
                errant: context.errant.clone(),
            }
            .run(),
        );
        Ok(Self {
            queue,
            resources: Resources::new(config.clone(), client, retry),
            converter: Converter::new(config.clone()),
            errant: context.errant,
            drop_invalid: config.conversion.drop_invalid,
            flush_synchronously: config.batching.flush_synchronously,
            flush_timeout: ms(config.batching.flush_timeout_ms.get()),
            sender,
        })
    }

    fn ensure_alive(&mut self) -> Result<()> {
        if let Some(error) = self.queue.failure() {
            return Err(error);
        }
        match self.sender.try_join_next() {
            None => Ok(()),
            Some(_) => Err(Error::fatal("the sender of bulk requests has ended unexpectedly")),
        }
    }

    /// Waits until some records may come; answers how many.
    async fn room(&mut self) -> Result<usize> {
        let deadline = Instant::now() + self.flush_timeout;
        loop {
            if let Some(room) = self.queue.room() {
                return Ok(room);
            }
            self.queue.flush();
            self.progress_until(deadline).await.map_err(|TimedOut| {
                Error::fatal(
                    "Could not make space in the internal buffer fast enough. Consider increasing 'flush.timeout.ms' \
                     or 'max.buffered.records'.",
                )
            })?;
            self.ensure_alive()?;
        }
    }

    /// Sends everything and waits for it; true when nothing is left.
    async fn drain(&mut self) -> bool {
        let deadline = Instant::now() + self.flush_timeout;
        self.queue.flush();
        while !self.queue.is_empty() {
            if self.queue.failed() || self.progress_until(deadline).await.is_err() {
                return false;
            }
        }
        true
    }

    async fn progress_until(&self, deadline: Instant) -> Result<(), TimedOut> {
        tokio::time::timeout_at(deadline.into(), self.queue.progress()).await.map_err(|_| TimedOut)
    }

    fn take(&mut self, records: &[SinkRecord]) -> Result<()> {
        let (resources, converter) = (&mut self.resources, &mut self.converter);
        let (errant, drop_invalid) = (self.errant.as_deref(), self.drop_invalid);
        self.queue.fill(|filling| {
            records.iter().try_for_each(|record| take_one(record, resources, converter, filling, errant, drop_invalid))
        })
    }
}

struct TimedOut;

#[allow(clippy::too_many_arguments, reason = "the parts of the task, borrowed one by one")]
fn take_one(
    record: &SinkRecord,
    resources: &mut Resources,
    converter: &mut Converter,
    filling: &mut Filling<'_>,
    errant: Option<&dyn ErrantReporter>,
    drop_invalid: bool,
) -> Result<()> {
    let Some(ticket) = filling.tracker.take(&record.origin, record.offset) else { return Ok(()) };
    let resource = resources.get(&record.record.topic)?;
    match converter.append(record, resource, filling.bulk()) {
        Ok(Outcome::Lines(order)) => {
            filling.bulk().push(order, ticket);
            filling.close_when_full();
        }
        Ok(Outcome::Nothing) => filling.tracker.finish(ticket),
        Ok(Outcome::Ignored(reason)) => {
            if let Some(errant) = errant {
                errant.report(record, Error::data(reason))?;
            }
            filling.tracker.finish(ticket);
        }
        Err(error) => {
            let place = format!("{}-{} offset {}", record.origin.topic, record.origin.partition, record.offset);
            if drop_invalid {
                warn!(%error, "skipped a record that can't be made a document: {place}");
            }
            let message = format!("could not make a document of the record at {place}: {error}");
            if let Some(errant) = errant {
                errant.report(record, error)?;
            }
            if !drop_invalid {
                return Err(Error::data(message));
            }
            filling.tracker.finish(ticket);
        }
    }
    Ok(())
}

#[async_trait]
impl SinkTask for ElasticsearchSinkTask {
    async fn open(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.queue.open(partitions);
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        self.ensure_alive()?;
        let mut rest = records;
        while !rest.is_empty() {
            let room = self.room().await?;
            let (now, later) = rest.split_at(room.min(TURN).min(rest.len()));
            self.resources.prepare(now).await?;
            self.take(now)?;
            rest = later;
        }
        Ok(())
    }

    async fn pre_commit(&mut self, current: Offsets) -> Result<Offsets> {
        if !self.flush_synchronously {
            self.queue.flush();
            return Ok(self.queue.safe(current));
        }
        if self.drain().await {
            Ok(current)
        } else {
            debug!("not all records could be written before the commit");
            Ok(Offsets::new())
        }
    }

    async fn close(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        // What is under way could arrive after what the next owner of the partitions writes.
        if !self.drain().await {
            warn!("gave partitions back while records of them were still being written");
        }
        self.queue.close(partitions);
        Ok(())
    }
}

fn limits(config: &ElasticsearchConfig) -> Limits {
    let batching = &config.batching;
    Limits {
        operations: batching.batch_size.count(),
        bytes: usize::try_from(batching.bulk_bytes.get()).ok(),
        linger: ms(batching.linger_ms.get()),
        in_flight: batching.max_in_flight.count(),
        buffered: batching.max_buffered.count(),
    }
}

fn ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

fn warn_of_old_settings(config: &ElasticsearchConfig) {
    if !config.old.topic_index.pairs().is_empty() {
        warn!("'topic.index.map' is a setting of releases before 11 and is honoured; prefer a RegexRouter transform");
    }
    if config.old.type_name.is_some() {
        debug!("'type.name' has no effect: servers since 7 have no mapping types");
    }
}
