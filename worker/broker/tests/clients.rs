//! What librdkafka sees: topics and their settings, groups, transactions and fencing.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication},
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::harness::{Folder, PATIENCE, Process, admin, client, contents, create_topic, run};

fn producer(address: &str, transactional_id: &str) -> BaseProducer {
    let producer: BaseProducer = client(address).set("transactional.id", transactional_id).create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

fn send(producer: &BaseProducer, topic: &str, value: &str) {
    let record: BaseRecord<'_, (), _> = BaseRecord::to(topic).payload(value).partition(0);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
}

fn group(address: &str, group_id: &str) -> ClientConfig {
    let mut config = client(address);
    config
        .set("group.id", group_id)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "100");
    config
}

/// Polls the consumers in turn until the condition holds.
fn poll_until(consumers: &[&BaseConsumer], mut values: impl FnMut(usize, String), done: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "the condition never came to hold");
        for (index, consumer) in consumers.iter().enumerate() {
            if let Some(message) = consumer.poll(Duration::from_millis(20)) {
                let message = message.unwrap();
                values(index, String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
            }
        }
    }
}

fn next_value(consumer: &BaseConsumer) -> String {
    let found = std::cell::RefCell::new(None);
    poll_until(&[consumer], |_, value| *found.borrow_mut() = Some(value), || found.borrow().is_some());
    found.into_inner().unwrap()
}

#[test]
fn topics_are_made_grown_configured_and_deleted() {
    let folder = Folder::new();
    let broker = Process::start(&folder, 0);
    let admin = admin(&broker.address);
    let options = AdminOptions::new();
    let good = NewTopic::new("t", 2, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
    let many = NewTopic::new("many", 1, TopicReplication::Fixed(3));
    let odd = NewTopic::new("odd", 1, TopicReplication::Fixed(1)).set("no.such", "1");
    let name = NewTopic::new("bad name", 1, TopicReplication::Fixed(1));
    assert_eq!(
        run(admin.create_topics([&good, &many, &odd, &name], &options)).unwrap(),
        [
            Ok("t".to_owned()),
            Err(("many".to_owned(), RDKafkaErrorCode::InvalidReplicationFactor)),
            Err(("odd".to_owned(), RDKafkaErrorCode::InvalidConfig)),
            Err(("bad name".to_owned(), RDKafkaErrorCode::InvalidTopic)),
        ]
    );
    assert_eq!(
        run(admin.create_topics([&good], &options)).unwrap(),
        [Err(("t".to_owned(), RDKafkaErrorCode::TopicAlreadyExists))]
    );
    let grown = run(admin.create_partitions([&NewPartitions::new("t", 5)], &options)).unwrap();
    assert_eq!(grown, [Ok("t".to_owned())]);
    let metadata = admin.inner().fetch_metadata(Some("t"), PATIENCE).unwrap();
    assert_eq!(metadata.topics()[0].partitions().len(), 5);

    let topic = ResourceSpecifier::Topic("t");
    let altered = run(admin.alter_configs([&AlterConfig::new(topic).set("retention.ms", "5000")], &options)).unwrap();
    assert_eq!(altered.len(), 1);
    assert!(altered[0].is_ok());
    let described = run(admin.describe_configs([&topic], &options)).unwrap().remove(0).unwrap();
    let value = |name| described.get(name).unwrap().value.clone().unwrap();
    assert_eq!((value("retention.ms"), value("cleanup.policy")), ("5000".to_owned(), "delete".to_owned()));
    assert_eq!(run(admin.delete_topics(&["t"], &options)).unwrap(), [Ok("t".to_owned())]);
    assert_eq!(
        run(admin.delete_topics(&["t"], &options)).unwrap(),
        [Err(("t".to_owned(), RDKafkaErrorCode::UnknownTopicOrPartition))]
    );
}

#[test]
fn two_members_share_the_partitions_and_one_inherits_all() {
    let folder = Folder::new();
    let broker = Process::start(&folder, 0);
    create_topic(&broker.address, "shared", 4);
    let first: BaseConsumer = group(&broker.address, "pair").create().unwrap();
    let second: BaseConsumer = group(&broker.address, "pair").create().unwrap();
    first.subscribe(&["shared"]).unwrap();
    second.subscribe(&["shared"]).unwrap();
    let held = |consumer: &BaseConsumer| consumer.assignment().unwrap().count();
    poll_until(&[&first, &second], |_, _| (), || held(&first) == 2 && held(&second) == 2);
    drop(second);
    poll_until(&[&first], |_, _| (), || held(&first) == 4);

    let listed = first.fetch_group_list(Some("pair"), PATIENCE).unwrap();
    let listed = &listed.groups()[0];
    assert_eq!((listed.state(), listed.protocol_type(), listed.protocol()), ("Stable", "consumer", "range"));
    assert_eq!(listed.members().len(), 1);
    assert_eq!(listed.members()[0].client_host(), "/127.0.0.1");
}

#[test]
fn a_group_goes_on_where_it_committed() {
    let folder = Folder::new();
    let broker = Process::start(&folder, 0);
    create_topic(&broker.address, "lines", 1);
    let producer = producer(&broker.address, "writer");
    producer.begin_transaction().unwrap();
    send(&producer, "lines", "one");
    send(&producer, "lines", "two");
    producer.commit_transaction(PATIENCE).unwrap();
    {
        let consumer: BaseConsumer = group(&broker.address, "reader").create().unwrap();
        consumer.subscribe(&["lines"]).unwrap();
        assert_eq!(next_value(&consumer), "one");
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset("lines", 0, Offset::Offset(1)).unwrap();
        consumer.commit(&offsets, CommitMode::Sync).unwrap();
    }
    let consumer: BaseConsumer = group(&broker.address, "reader").create().unwrap();
    consumer.subscribe(&["lines"]).unwrap();
    assert_eq!(next_value(&consumer), "two");
}

#[test]
fn only_committed_transactions_are_seen_and_a_zombie_is_fenced() {
    let folder = Folder::new();
    let broker = Process::start(&folder, 0);
    let address = broker.address.as_str();
    create_topic(address, "t", 1);
    let zombie = producer(address, "id");
    zombie.begin_transaction().unwrap();
    send(&zombie, "t", "aborted");
    zombie.abort_transaction(PATIENCE).unwrap();
    zombie.begin_transaction().unwrap();
    send(&zombie, "t", "committed");
    zombie.commit_transaction(PATIENCE).unwrap();
    zombie.begin_transaction().unwrap();
    send(&zombie, "t", "left open");
    let seen =
        |isolation| -> Vec<String> { contents(address, "t", isolation).into_iter().map(|(_, value)| value).collect() };
    assert_eq!(seen("read_committed"), ["committed"]);
    assert_eq!(seen("read_uncommitted"), ["aborted", "committed", "left open"]);

    let next = producer(address, "id");
    match zombie.commit_transaction(PATIENCE) {
        Err(KafkaError::Transaction(error)) => assert!(error.is_fatal(), "{error:?}"),
        other => panic!("a zombie's commit gave {other:?}"),
    }
    next.begin_transaction().unwrap();
    send(&next, "t", "after");
    next.commit_transaction(PATIENCE).unwrap();
    assert_eq!(seen("read_committed"), ["committed", "after"]);
}

#[test]
fn offsets_of_a_transaction_count_with_it() {
    let folder = Folder::new();
    let broker = Process::start(&folder, 0);
    let address = broker.address.as_str();
    create_topic(address, "in", 1);
    let producer = producer(address, "copier");
    let consumer: BaseConsumer = group(address, "copier").create().unwrap();
    consumer.subscribe(&["in"]).unwrap();
    poll_until(&[&consumer], |_, _| (), || consumer.assignment().unwrap().count() == 1);
    let committed = || {
        let mut asked = TopicPartitionList::new();
        asked.add_partition("in", 0);
        consumer.committed_offsets(asked, PATIENCE).unwrap().elements()[0].offset()
    };
    let mut offsets = TopicPartitionList::new();
    for (offset, commits, expected) in
        [(7, false, Offset::Invalid), (8, true, Offset::Offset(8)), (9, false, Offset::Offset(8))]
    {
        offsets.add_partition_offset("in", 0, Offset::Offset(offset)).unwrap();
        producer.begin_transaction().unwrap();
        let member = consumer.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&offsets, &member, PATIENCE).unwrap();
        if commits {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
        assert_eq!(committed(), expected);
        offsets = TopicPartitionList::new();
    }
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_by_the_broker() {
    let folder = Folder::new();
    let broker = Process::start(&folder, 0);
    create_topic(&broker.address, "t", 1);
    let slow: BaseProducer =
        client(&broker.address).set("transactional.id", "slow").set("transaction.timeout.ms", "1000").create().unwrap();
    slow.init_transactions(PATIENCE).unwrap();
    slow.begin_transaction().unwrap();
    send(&slow, "t", "never");
    let consumer: BaseConsumer =
        client(&broker.address).set("group.id", "g").set("isolation.level", "read_committed").create().unwrap();
    // The stable end of the log moves beyond the record and the marker only when the transaction has ended.
    let until = Instant::now() + PATIENCE;
    while consumer.fetch_watermarks("t", 0, PATIENCE).unwrap() != (0, 2) {
        assert!(Instant::now() < until, "the transaction was never ended");
    }
    assert_eq!(contents(&broker.address, "t", "read_committed"), []);
}
