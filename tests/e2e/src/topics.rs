//! Kafka topics as their users see them: records written and read.

use std::time::Duration;

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::RDKafkaErrorCode,
    producer::{BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer},
};

/// How long a broker may take to answer; generous, because it shares two cores with everything else.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// A record as text; null stays null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRecord {
    pub key: Option<String>,
    pub value: Option<String>,
    pub headers: Vec<(String, Option<String>)>,
}

/// All records of a topic that are there now, partition by partition.
pub fn read(bootstrap: &str, topic: &str) -> Vec<TopicRecord> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "millrace-e2e-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer can be made");
    let metadata = consumer.fetch_metadata(Some(topic), ANSWERS_WITHIN).expect("the broker answers");
    let partitions = metadata.topics()[0].partitions().len();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        let partition = i32::try_from(partition).expect("a topic has few partitions");
        assignment.add_partition_offset(topic, partition, Offset::Beginning).expect("a valid offset");
    }
    consumer.assign(&assignment).expect("partitions can be assigned");
    let mut records = Vec::new();
    let mut ended = 0;
    while ended < partitions {
        match consumer.poll(ANSWERS_WITHIN) {
            Some(Ok(message)) => records.push(text_record(&message)),
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => panic!("{topic}: {error}"),
            None => panic!("{topic}: the broker did not answer"),
        }
    }
    records
}

fn text_record(message: &impl Message) -> TopicRecord {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = message.headers().map(|headers| {
        use rdkafka::message::Headers;
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(text))).collect()
    });
    TopicRecord {
        key: message.key().map(text),
        value: message.payload().map(text),
        headers: headers.unwrap_or_default(),
    }
}

/// Writes many records in order, as fast as the broker takes them.
pub fn write_all(bootstrap: &str, topic: &str, records: &[(Option<&str>, Option<&str>)]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .create()
        .expect("a producer can be made");
    for (key, value) in records {
        let mut record: BaseRecord<'_, str, str> = BaseRecord::to(topic);
        record.key = *key;
        record.payload = *value;
        while let Err((error, unsent)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{topic}: {error}");
            producer.poll(Duration::from_millis(10));
            record = unsent;
        }
    }
    producer.flush(ANSWERS_WITHIN).unwrap_or_else(|error| panic!("{topic}: {error}"));
}

/// Writes records in order and waits for the broker.
pub async fn write(bootstrap: &str, topic: &str, records: &[(Option<&str>, Option<&str>)]) {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("linger.ms", "0")
        .create()
        .expect("a producer can be made");
    for (key, value) in records {
        let mut record: FutureRecord<'_, str, str> = FutureRecord::to(topic);
        record.key = *key;
        record.payload = *value;
        producer.send(record, ANSWERS_WITHIN).await.unwrap_or_else(|(error, _)| panic!("{topic}: {error}"));
    }
}
