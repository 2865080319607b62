//! Where failed records go: the log, and for sinks the dead letter queue with its context headers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use connect_api::{
    ErrantReporter, Error, Props, RawHeader, Result, SinkRecord, Str, TimestampType, TopicPartition, config,
};

use super::{
    convert::RawMessage,
    errors::{ErrorConfig, Failure, Reason, Stage, Tolerance},
};
use crate::{
    kafka::{
        admin::{Admin, TopicSpec},
        log_producer::{Delivery, LogProducer, LogWrite},
        producer::owned_headers,
    },
    metrics::TaskMetrics,
    storage::config_state::TaskId,
};

config! {
    /// Where a sink's bad records go.
    pub struct DeadLetterConfig {
        /// Topic for bad records; none when empty.
        #[config(key = "errors.deadletterqueue.topic.name", group = "Error Handling", importance = Medium, default = "")]
        pub topic: String,
        /// Replicas of that topic when it is created.
        #[config(key = "errors.deadletterqueue.topic.replication.factor", group = "Error Handling", importance = Medium, default = "3")]
        pub replicas: i16,
        /// Whether headers tell where and why a record failed.
        #[config(key = "errors.deadletterqueue.context.headers.enable", group = "Error Handling", importance = Medium, default = "false")]
        pub context_headers: bool,
    }
}

/// A consumed record as it was, for reports about it.
#[derive(Clone, Debug)]
pub struct Consumed {
    pub origin: TopicPartition,
    pub offset: i64,
    pub timestamp: Option<i64>,
    pub timestamp_type: TimestampType,
    pub raw: RawMessage,
}

/// The dead letter queue of one task.
pub struct DeadLetters {
    config: DeadLetterConfig,
    producer: LogProducer,
    /// Letters on their way; they are awaited before the offsets of their records are committed.
    sent: Mutex<Vec<Delivery>>,
}

impl DeadLetters {
    /// Opens the queue, creating its topic when missing; `None` when the connector has none.
    pub async fn open(
        props: &Props,
        admin: impl FnOnce() -> Result<Admin>,
        producer: impl FnOnce() -> Result<LogProducer>,
    ) -> Result<Option<Self>> {
        let config: DeadLetterConfig = connect_api::plugin::parse(props)?;
        if config.topic.is_empty() {
            return Ok(None);
        }
        let admin = admin()?;
        if admin.partitions(&config.topic)?.is_none() {
            let spec = TopicSpec {
                name: config.topic.clone(),
                partitions: 1,
                replicas: config.replicas.into(),
                settings: Props::new(),
            };
            admin.create(&spec).await?;
        }
        Ok(Some(Self { config, producer: producer()?, sent: Mutex::default() }))
    }

    fn send(&self, id: &TaskId, failure: &Failure, record: &Consumed) -> Result<()> {
        let mut headers = record.raw.headers.clone();
        if self.config.context_headers {
            headers.extend(context_headers(id, failure, record));
        }
        let letter = LogWrite {
            topic: &self.config.topic,
            partition: None,
            key: record.raw.key.as_deref(),
            value: record.raw.value.as_deref(),
            timestamp: record.timestamp,
            headers: Some(owned_headers(&headers)),
        };
        let failed = |error| {
            Error::fatal(format!("could not write to the dead letter queue {}", self.config.topic)).caused_by(error)
        };
        let delivery = self.producer.send(letter).map_err(failed)?;
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(delivery);
        Ok(())
    }

    /// Waits until Kafka has all letters. A lost letter fails the task: it would be the record's silent end.
    async fn flush(&self, metrics: &TaskMetrics) -> Result<()> {
        let sent = std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner));
        for delivery in sent {
            let lost = match delivery.await {
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the producer was closed".into(),
            };
            metrics.dead_letter_failures.add(1);
            return Err(Error::fatal(format!(
                "could not write to the dead letter queue {}: {lost}",
                self.config.topic
            )));
        }
        Ok(())
    }
}

/// The headers of KIP-298: where the record came from, and what went wrong.
fn context_headers(id: &TaskId, failure: &Failure, record: &Consumed) -> Vec<RawHeader> {
    let text =
        |key: &'static str, value: String| RawHeader { key: Str::from_static(key), value: Some(Bytes::from(value)) };
    vec![
        text("__connect.errors.topic", record.origin.topic.to_string()),
        text("__connect.errors.partition", record.origin.partition.to_string()),
        text("__connect.errors.offset", record.offset.to_string()),
        text("__connect.errors.connector.name", id.connector.clone()),
        text("__connect.errors.task.id", id.task.to_string()),
        text("__connect.errors.stage", failure.stage.name().to_owned()),
        text("__connect.errors.class.name", failure.class.to_owned()),
        text("__connect.errors.exception.class.name", failure.error.java_class().to_owned()),
        text("__connect.errors.exception.message", failure.error.message().to_owned()),
        text("__connect.errors.exception.stacktrace", failure.error.trace()),
    ]
}

/// Reports failures of one task's records to the log and to its dead letters.
pub struct Reporter {
    pub id: TaskId,
    pub config: ErrorConfig,
    pub dead_letters: Option<DeadLetters>,
    pub metrics: Arc<TaskMetrics>,
}

impl Reporter {
    /// Reports a failed source record.
    pub fn source(&self, failure: &Failure, record: &dyn std::fmt::Debug) {
        self.metrics.failed();
        self.log(failure, || format!(", where source record is = {record:?}"));
    }

    /// Reports a failed sink record.
    pub fn sink(&self, failure: &Failure, record: &Consumed) -> Result<()> {
        self.metrics.failed();
        self.log(failure, || {
            let (topic, partition, offset) = (&record.origin.topic, record.origin.partition, record.offset);
            let timestamp = record.timestamp.map(|ms| format!(", timestamp={ms}")).unwrap_or_default();
            let kind = match record.timestamp_type {
                TimestampType::NoTimestampType => "NoTimestampType",
                TimestampType::CreateTime => "CreateTime",
                TimestampType::LogAppendTime => "LogAppendTime",
            };
            format!(
                ", where consumed record is {{topic='{topic}', partition={partition}, offset={offset}{timestamp}, timestampType={kind}}}"
            )
        });
        if let Some(letters) = &self.dead_letters {
            self.metrics.dead_letters.add(1);
            letters.send(&self.id, failure, record)?;
        }
        Ok(())
    }

    pub async fn flush(&self) -> Result<()> {
        match &self.dead_letters {
            Some(letters) => letters.flush(&self.metrics).await,
            None => Ok(()),
        }
    }

    fn log(&self, failure: &Failure, record: impl FnOnce() -> String) {
        if !self.config.log {
            return;
        }
        self.metrics.errors_logged.add(1);
        let (id, stage, class) = (&self.id, failure.stage.name(), failure.class);
        let record = if self.config.log_messages { record() } else { String::new() };
        tracing::error!(
            target: "org.apache.kafka.connect.runtime.errors.LogReporter",
            "Error encountered in task {id}. Executing stage '{stage}' with class '{class}'{record}. {}",
            failure.error.trace().trim_end()
        );
    }
}

/// Records that a sink may still report: kept from the put until their offsets are committed.
#[derive(Default)]
pub struct Reportable(Mutex<BTreeMap<(TopicPartition, i64), Consumed>>);

impl Reportable {
    pub fn keep(&self, record: &Consumed) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert((record.origin.clone(), record.offset), record.clone());
    }

    /// Forgets the records of a partition below an offset.
    pub fn forget(&self, partition: &TopicPartition, below: i64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(origin, offset), _| origin != partition || *offset >= below);
    }

    fn find(&self, record: &SinkRecord) -> Option<Consumed> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(record.origin.clone(), record.offset)).cloned()
    }
}

/// What a sink task is given to report single records with.
pub struct SinkErrantReporter {
    pub reporter: Arc<Reporter>,
    pub reportable: Arc<Reportable>,
}

impl ErrantReporter for SinkErrantReporter {
    fn report(&self, record: &SinkRecord, error: Error) -> Result<()> {
        let consumed = self.reportable.find(record).unwrap_or_else(|| Consumed {
            origin: record.origin.clone(),
            offset: record.offset,
            timestamp: record.record.timestamp,
            timestamp_type: record.timestamp_type,
            raw: RawMessage::default(),
        });
        let failure = Failure { stage: Stage::Put, class: "org.apache.kafka.connect.sink.SinkTask", error };
        self.reporter.metrics.record_errors.add(1);
        self.reporter.sink(&failure, &consumed)?;
        match self.reporter.config.tolerance {
            Tolerance::All => {
                self.reporter.metrics.skipped.add(1);
                Ok(())
            }
            Tolerance::None => Err(failure.into_fatal(Reason::NotTolerated)),
        }
    }
}
