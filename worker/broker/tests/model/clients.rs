//! What librdkafka makes of both brokers: records in every codec, transactions, offsets in them, fencing, topics.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::KafkaError,
    message::{Header, Headers, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::Model;
use crate::harness::{PATIENCE, client, run};

/// What a client saw, in the same words for both.
type Seen = Vec<String>;

pub(super) fn drive(model: &mut Model) {
    let name = format!("{}-client-{}", model.pair.run, model.pair.step);
    let codec = model.pair.random.pick(&["none", "gzip", "snappy", "lz4", "zstd"]);
    let partitions = model.pair.random.pick(&[1, 2]);
    let commits = model.pair.random.once_in(2);
    let start = model.start;
    let through = |address: &str| {
        let mut seen = make(address, &name, partitions);
        seen.extend(transact(address, &name, codec, commits, start));
        seen.extend(take_back(address, &name));
        seen
    };
    let here = through(&model.pair.ours.address);
    let there = through(&model.pair.kafka.address);
    model.pair.compare(&format!("librdkafka with {codec}, commits {commits}"), &here, &there);
}

fn admin(address: &str) -> AdminClient<DefaultClientContext> {
    client(address).create().unwrap()
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)))
}

fn make(address: &str, name: &str, partitions: i32) -> Seen {
    let admin = admin(address);
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let odd = NewTopic::new(name, 1, TopicReplication::Fixed(1)).set("no.such", "1");
    let mut seen = vec![
        format!("{:?}", run(admin.create_topics([&topic], &options()))),
        format!("{:?}", run(admin.create_topics([&odd], &options()))),
        format!("{:?}", run(admin.create_partitions([&NewPartitions::new(name, 1)], &options()))),
    ];
    let metadata = admin.inner().fetch_metadata(Some(name), PATIENCE).unwrap();
    let topic = &metadata.topics()[0];
    seen.push(format!("{:?} {} partitions", topic.error(), topic.partitions().len()));
    seen
}

fn take_back(address: &str, name: &str) -> Seen {
    let admin = admin(address);
    vec![format!("{:?}", run(admin.delete_topics(&[name], &options())))]
}

fn producer(config: &mut ClientConfig, codec: &str, id: &str) -> BaseProducer {
    let producer: BaseProducer =
        config.set("compression.codec", codec).set("transactional.id", id).set("linger.ms", "0").create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

/// One record at a time, so that both get the same batches.
fn send(producer: &BaseProducer, topic: &str, number: i64, start: i64) {
    let value = "v".repeat(usize::try_from(number).unwrap() * 300);
    let key = number.to_string();
    let headers = OwnedHeaders::new()
        .insert(Header { key: "number", value: Some(&key) })
        .insert(Header { key: "nothing", value: None::<&str> });
    let mut record = BaseRecord::to(topic).key(&key).partition(0).timestamp(start - 1000 + number).headers(headers);
    if number % 4 != 3 {
        record = record.payload(&value);
    }
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
}

/// A transaction that ends one way, one that ends the other, one that is left to a successor; with offsets in each.
fn transact(address: &str, name: &str, codec: &str, commits: bool, start: i64) -> Seen {
    let mut seen = Vec::new();
    let zombie = producer(&mut client(address), codec, name);
    let consumer: BaseConsumer = client(address).set("group.id", name).create().unwrap();
    let member = consumer.group_metadata().unwrap();
    for (number, ends_well) in [(1, commits), (2, !commits), (3, true)] {
        zombie.begin_transaction().unwrap();
        send(&zombie, name, number, start);
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(name, 0, Offset::Offset(number)).unwrap();
        seen.push(outcome(zombie.send_offsets_to_transaction(&offsets, &member, PATIENCE)));
        seen.push(outcome(if ends_well {
            zombie.commit_transaction(PATIENCE)
        } else {
            zombie.abort_transaction(PATIENCE)
        }));
    }
    zombie.begin_transaction().unwrap();
    send(&zombie, name, 5, start);
    let next = producer(&mut client(address), codec, name);
    seen.push(outcome(zombie.commit_transaction(PATIENCE)));
    next.begin_transaction().unwrap();
    send(&next, name, 6, start);
    seen.push(outcome(next.commit_transaction(PATIENCE)));
    next.begin_transaction().unwrap();
    seen.push(outcome(next.commit_transaction(PATIENCE)));
    for isolation in ["read_committed", "read_uncommitted"] {
        seen.extend(read(address, name, isolation));
    }
    let mut asked = TopicPartitionList::new();
    asked.add_partition(name, 0);
    seen.push(format!("{:?}", consumer.committed_offsets(asked.clone(), PATIENCE)));
    asked.set_partition_offset(name, 0, Offset::Offset(1)).unwrap();
    seen.push(format!("{:?}", consumer.commit(&asked, CommitMode::Sync)));
    seen.push(format!("{:?}", consumer.fetch_watermarks(name, 0, PATIENCE)));
    seen
}

fn outcome(result: Result<(), KafkaError>) -> String {
    match result {
        Ok(()) => "done".to_owned(),
        Err(KafkaError::Transaction(error)) => format!("{:?}, fatal {}", error.code(), error.is_fatal()),
        Err(error) => format!("{error:?}"),
    }
}

/// Every record of the first partition, with all that is in it.
fn read(address: &str, name: &str, isolation: &str) -> Seen {
    let consumer: BaseConsumer = client(address)
        .set("group.id", format!("{name}-reader"))
        .set("isolation.level", isolation)
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(name, 0, Offset::Beginning).unwrap();
    consumer.assign(&assignment).unwrap();
    let until = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        assert!(Instant::now() < until, "{name} was not read to its end");
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => {
                let headers = message.headers().map(|all| {
                    all.iter().map(|header| format!("{}={:?}", header.key, header.value)).collect::<Vec<_>>()
                });
                let (offset, time) = (message.offset(), message.timestamp());
                let length = message.payload().map(<[u8]>::len);
                seen.push(format!("{isolation} {offset} {time:?} {:?} {length:?} {headers:?}", message.key()));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return seen,
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }
}
