//! The producer of source tasks: a ticket per record goes out with it and comes back when Kafka has it.

use std::{
    mem,
    sync::{Arc, Mutex},
};

use connect_api::{Props, RawHeader, Result};
use rdkafka::{
    ClientContext, Message,
    client::OAuthToken,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DeliveryResult, ProducerContext},
    statistics::Statistics,
};
use tokio::sync::Notify;

use super::{
    client::{LogContext, Role, librdkafka},
    polled::PolledProducer,
};
use crate::metrics::clients::Clients;

/// What became of one record.
#[derive(Debug)]
pub struct Ack {
    pub ticket: usize,
    /// Where the record went wrong; `None` when all replicas have it.
    pub error: Option<KafkaError>,
}

/// A record ready for Kafka; it borrows everything, for the client copies it.
#[derive(Debug)]
pub struct Outgoing<'a> {
    pub topic: &'a str,
    pub partition: Option<i32>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub timestamp: Option<i64>,
    pub headers: &'a [RawHeader],
    /// Equal for equal headers of successive records, so that the client's form of them is made once.
    pub headers_revision: u64,
}

/// Why a record was not taken.
#[derive(Debug)]
pub enum Refusal {
    /// Too much is on its way; wait for acknowledgements and send it again.
    Full,
    Failed(KafkaError),
}

/// Acknowledgements on their way from the client's thread to the task's loop, handed over in batches.
#[derive(Default)]
pub struct Acks {
    arrived: Mutex<Vec<Ack>>,
    notify: Notify,
}

impl Acks {
    fn push(&self, ack: Ack) {
        let mut arrived = self.arrived.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        arrived.push(ack);
        // One wake-up per batch: the loop takes all that is there.
        if arrived.len() == 1 {
            self.notify.notify_one();
        }
    }

    /// Swaps what has arrived into `batch`, which must be empty; its room is used again.
    pub fn take(&self, batch: &mut Vec<Ack>) {
        let mut arrived = self.arrived.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        mem::swap(&mut *arrived, batch);
    }

    /// Waits until at least one acknowledgement is there.
    pub async fn ready(&self) {
        loop {
            if !self.arrived.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_empty() {
                return;
            }
            self.notify.notified().await;
        }
    }
}

/// Sends records and collects their acknowledgements.
pub enum TicketProducer {
    Kafka {
        client: Box<PolledProducer<Context>>,
        acks: Arc<Acks>,
        /// The last headers in the client's form.
        headers: Option<(u64, OwnedHeaders)>,
    },
    /// Acknowledges at once: benchmarks measure everything but Kafka with it.
    Null { acks: Arc<Acks> },
}

/// Hands delivery reports to [`Acks`]; runs on the client's own thread and never blocks.
pub struct Context {
    acks: Arc<Acks>,
    own: LogContext,
}

impl ClientContext for Context {
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

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let error = result.as_ref().err().map(|(error, _)| error.clone());
        if error.is_some() {
            self.own.lost_record();
        }
        self.acks.push(Ack { ticket, error });
    }
}

impl TicketProducer {
    pub fn kafka(java: &Props, clients: &Clients) -> Result<Self> {
        let acks = Arc::new(Acks::default());
        let (mut config, own) = librdkafka(java, Role::Producer)?;
        let own = own.telling(&mut config, clients, Role::Producer);
        let client = PolledProducer::new(&config, Context { acks: acks.clone(), own })?;
        Ok(Self::Kafka { client: Box::new(client), acks, headers: None })
    }

    pub fn null() -> Self {
        Self::Null { acks: Arc::default() }
    }

    pub fn acks(&self) -> &Arc<Acks> {
        match self {
            Self::Kafka { acks, .. } | Self::Null { acks } => acks,
        }
    }

    /// Gives a record to the client. Its ticket comes back through [`Acks`] exactly once, unless it is refused here.
    pub fn send(&mut self, record: &Outgoing<'_>, ticket: usize) -> Result<(), Refusal> {
        match self {
            Self::Null { acks } => {
                acks.push(Ack { ticket, error: None });
                Ok(())
            }
            Self::Kafka { client, headers, .. } => {
                let mut base = BaseRecord::<[u8], [u8], usize>::with_opaque_to(record.topic, ticket);
                base.key = record.key;
                base.payload = record.value;
                base.partition = record.partition;
                base.timestamp = record.timestamp;
                base.headers = client_headers(record, headers);
                match client.send(base) {
                    Ok(()) => Ok(()),
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Err(Refusal::Full),
                    Err((error, _)) => Err(Refusal::Failed(error)),
                }
            }
        }
    }
}

/// The record's headers in the client's form, which it takes with the record: a copy of the last ones where they are equal.
fn client_headers(record: &Outgoing<'_>, last: &mut Option<(u64, OwnedHeaders)>) -> Option<OwnedHeaders> {
    if record.headers.is_empty() {
        return None;
    }
    match last {
        Some((revision, headers)) if *revision == record.headers_revision => Some(headers.clone()),
        _ => {
            let headers = owned_headers(record.headers);
            *last = Some((record.headers_revision, headers.clone()));
            Some(headers)
        }
    }
}

/// Headers in the client's form.
pub fn owned_headers(headers: &[RawHeader]) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(headers.len());
    headers
        .iter()
        .fold(empty, |all, header| all.insert(Header { key: header.key.as_str(), value: header.value.as_deref() }))
}

/// The headers of a consumed message.
pub fn raw_headers<M: Message>(message: &M) -> Vec<RawHeader> {
    use rdkafka::message::Headers;
    let Some(headers) = message.headers() else { return Vec::new() };
    headers
        .iter()
        .map(|header| RawHeader { key: header.key.into(), value: header.value.map(bytes::Bytes::copy_from_slice) })
        .collect()
}
