//! The producer of few records that are each waited for: those of logs and dead letters.

use std::{result, sync::Arc};

use connect_api::{Props, Result};
use rdkafka::{
    ClientContext, Message, Statistics,
    client::OAuthToken,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::OwnedHeaders,
    producer::{BaseRecord, DeliveryResult, ProducerContext},
};
use tokio::sync::oneshot;

use super::{
    client::{LogContext, Role, librdkafka},
    polled::PolledProducer,
};
use crate::metrics::clients::Clients;

/// Partition and offset of a record that Kafka has, or why it hasn't. Closed without an answer with its producer.
pub type Delivery = oneshot::Receiver<result::Result<(i32, i64), KafkaError>>;

/// A record to be written; it borrows everything, for the client copies it.
#[derive(Clone, Debug, Default)]
pub struct LogWrite<'a> {
    pub topic: &'a str,
    /// The partitioner chooses by key where there is none.
    pub partition: Option<i32>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub timestamp: Option<i64>,
    pub headers: Option<OwnedHeaders>,
}

/// Cloning shares it.
#[derive(Clone)]
pub struct LogProducer(Arc<PolledProducer<Answering>>);

/// Hands each delivery report to the one who waits for it.
pub struct Answering(LogContext);

impl ClientContext for Answering {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, config: Option<&str>) -> result::Result<OAuthToken, Box<dyn std::error::Error>> {
        self.0.generate_oauth_token(config)
    }
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
    fn stats(&self, statistics: Statistics) {
        self.0.stats(statistics);
    }
}

impl ProducerContext for Answering {
    type DeliveryOpaque = Box<oneshot::Sender<result::Result<(i32, i64), KafkaError>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiting: Self::DeliveryOpaque) {
        let answer = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        // The one who waited may be gone, which is no concern of the producer.
        drop(waiting.send(answer));
    }
}

impl LogProducer {
    /// One request in flight, acknowledged by all replicas. It tells its figures where there is someone to hear them.
    pub fn new(java: &Props, clients: Option<&Clients>) -> Result<Self> {
        let (mut config, mut context) = librdkafka(java, Role::Producer)?;
        // Records of logs are few and awaited one by one: waiting for company only delays answers.
        config.set("linger.ms", "0");
        if let Some(clients) = clients {
            context = context.telling(&mut config, clients, Role::Producer);
        }
        Ok(Self(Arc::new(PolledProducer::new(&config, Answering(context))?)))
    }

    /// Gives a record to the client, or says why it does not take it.
    pub fn send(&self, write: LogWrite<'_>) -> result::Result<Delivery, KafkaError> {
        let (answer, delivery) = oneshot::channel();
        let mut record = BaseRecord::<[u8], [u8], _>::with_opaque_to(write.topic, Box::new(answer));
        record.partition = write.partition;
        record.key = write.key;
        record.payload = write.value;
        record.timestamp = write.timestamp;
        record.headers = write.headers;
        match self.0.send(record) {
            Ok(()) => Ok(delivery),
            Err((error, _)) => Err(error),
        }
    }

    /// The client, for questions to the brokers.
    pub fn client(&self) -> &rdkafka::client::Client<impl ClientContext + use<>> {
        rdkafka::producer::Producer::client(&**self.0)
    }
}
