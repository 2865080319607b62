//! Topics that connectors use as logs of their own, such as a schema history, on any cluster.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{Error, LogRecord, Props, Result, TopicLog, TopicLogs};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};

use super::{
    admin::{Admin, TopicSpec},
    client::{LogContext, Role, librdkafka},
    log_producer::{LogProducer, LogWrite},
};

const QUESTION: Duration = Duration::from_secs(15);
/// How long reading on may bring nothing before the log is taken to be out of reach.
const SILENCE: Duration = Duration::from_secs(30);

/// Opens logs for one connector, with the worker's security settings beneath its own.
pub struct KafkaTopicLogs {
    pub worker: Props,
}

#[async_trait]
impl TopicLogs for KafkaTopicLogs {
    async fn open(&self, topic: &str, client: &Props) -> Result<Box<dyn TopicLog>> {
        let mut producer = side(&self.worker, client, Role::Producer);
        for (key, value) in [("acks", "all"), ("max.in.flight.requests.per.connection", "1")] {
            producer.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
        Ok(Box::new(KafkaTopicLog {
            topic: topic.to_owned(),
            admin: Admin::new(&side(&self.worker, client, Role::Admin))?,
            producer: LogProducer::new(&producer, None)?,
            consumer: side(&self.worker, client, Role::Consumer),
        }))
    }
}

/// The properties of one of a log's clients: the worker's, the connector's for all of them, the connector's for this one.
fn side(worker: &Props, client: &Props, role: Role) -> Props {
    let mut props = Props::new();
    // A log on another cluster has nothing to do with the worker's own security.
    let servers = client.get("bootstrap.servers");
    if servers.is_none_or(|servers| worker.get("bootstrap.servers") == Some(servers)) {
        props.extend(worker.clone());
    }
    let roles = ["producer.", "consumer.", "admin."];
    let common = client.iter().filter(|(key, _)| !roles.iter().any(|prefix| key.starts_with(prefix)));
    props.extend(common.map(|(key, value)| (key.clone(), value.clone())));
    // Debezium makes its admin client of the producer's settings, and users write no others.
    let prefixes: &[&str] = if role == Role::Admin { &["producer.", "admin."] } else { &[role.prefix()] };
    for prefix in prefixes {
        let own = |(key, value): (&String, &String)| Some((key.strip_prefix(prefix)?.to_owned(), value.clone()));
        props.extend(client.iter().filter_map(own));
    }
    props
}

struct KafkaTopicLog {
    topic: String,
    admin: Admin,
    producer: LogProducer,
    consumer: Props,
}

#[async_trait]
impl TopicLog for KafkaTopicLog {
    async fn exists(&mut self) -> Result<bool> {
        Ok(self.admin.topics()?.contains(&self.topic))
    }

    async fn create(&mut self, settings: &Props) -> Result<()> {
        let mut settings = settings.clone();
        let replicas = settings.shift_remove("replication.factor").and_then(|text| text.parse().ok()).unwrap_or(-1);
        let spec = TopicSpec { name: self.topic.clone(), partitions: 1, replicas, settings };
        self.admin.create(&spec).await.map(drop)
    }

    async fn read(&mut self) -> Result<Vec<LogRecord>> {
        let (mut config, context) = librdkafka(&self.consumer, Role::Consumer)?;
        config.set("enable.partition.eof", "true").set("enable.auto.commit", "false");
        config.set("group.id", format!("log-{}", self.topic)).set("allow.auto.create.topics", "false");
        let consumer: BaseConsumer<LogContext> = config
            .create_with_context(context)
            .map_err(|error| Error::config(format!("could not make a consumer of {}: {error}", self.topic)))?;
        let topic = self.topic.clone();
        let reading = tokio::task::spawn_blocking(move || read_all(&consumer, &topic));
        reading.await.map_err(|error| Error::fatal(format!("reading topic {} died: {error}", self.topic)))?
    }

    async fn append(&mut self, records: Vec<LogRecord>) -> Result<()> {
        let failed = |error: &KafkaError| Error::retriable(format!("could not write to topic {}: {error}", self.topic));
        let mut sent = Vec::with_capacity(records.len());
        for record in &records {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let out = LogWrite { topic: &self.topic, partition: Some(0), key, value, ..LogWrite::default() };
            // The client's queue may be full of what was sent before: wait for it instead of failing.
            loop {
                match self.producer.send(out.clone()) {
                    Ok(delivery) => break sent.push(delivery),
                    Err(KafkaError::MessageProduction(rdkafka::error::RDKafkaErrorCode::QueueFull)) => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Err(error) => return Err(failed(&error)),
                }
            }
        }
        for delivery in sent {
            match delivery.await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(failed(&error)),
                Err(_) => return Err(Error::retriable(format!("could not write to topic {}: closed", self.topic))),
            }
        }
        Ok(())
    }
}

fn read_all(consumer: &BaseConsumer<LogContext>, topic: &str) -> Result<Vec<LogRecord>> {
    let failed = |error: &KafkaError| Error::retriable(format!("could not read topic {topic}: {error}"));
    // A topic that is not there holds nothing.
    let (_, end) = match consumer.fetch_watermarks(topic, 0, QUESTION) {
        Ok(range) => range,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(failed(&error)),
    };
    let mut records = Vec::new();
    if end == 0 {
        return Ok(records);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).map_err(|error| failed(&error))?;
    consumer.assign(&list).map_err(|error| failed(&error))?;
    loop {
        match consumer.poll(SILENCE) {
            Some(Ok(message)) => {
                records.push(LogRecord {
                    key: message.key().map(Bytes::copy_from_slice),
                    value: message.payload().map(Bytes::copy_from_slice),
                });
                if message.offset() + 1 >= end {
                    return Ok(records);
                }
            }
            // The partition was assigned after its end was asked for, so this end is no older one.
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(records),
            Some(Err(error)) if super::admin::is_transient(&error) => {}
            Some(Err(error)) => return Err(failed(&error)),
            None => return Err(Error::retriable(format!("topic {topic} did not answer within 30 seconds"))),
        }
    }
}

fn is_missing(error: &KafkaError) -> bool {
    use rdkafka::error::RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties;

    #[test]
    fn a_log_elsewhere_has_its_own_login_and_its_admin_client_the_producers() {
        let worker = properties::parse("bootstrap.servers=here:1\nsasl.mechanism=PLAIN\nclient.id=w\n");
        let check = |client: &str, role: Role, expected: &str| {
            let mut found: Vec<String> = side(&worker, &properties::parse(client), role)
                .into_iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            found.sort_unstable();
            assert_eq!(found.join(" "), expected, "{role:?}");
        };
        let elsewhere = "bootstrap.servers=there:1\nproducer.sasl.mechanism=P\nconsumer.sasl.mechanism=C\n";
        check(elsewhere, Role::Producer, "bootstrap.servers=there:1 sasl.mechanism=P");
        check(elsewhere, Role::Admin, "bootstrap.servers=there:1 sasl.mechanism=P");
        check(elsewhere, Role::Consumer, "bootstrap.servers=there:1 sasl.mechanism=C");
        let here = "bootstrap.servers=here:1\nclient.id=h\n";
        check(here, Role::Consumer, "bootstrap.servers=here:1 client.id=h sasl.mechanism=PLAIN");
    }
}
