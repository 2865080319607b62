//! What is there after the broker was away, whether it was stopped or killed.

use std::time::Duration;

use connect_broker::{Broker, BrokerConfig};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    producer::{BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer},
};

use super::harness::{Folder, PATIENCE, Process, client, contents, create_topic};

fn committed(address: &str, topic: &str) -> Offset {
    let consumer: BaseConsumer = client(address).set("group.id", "g").create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, 0);
    consumer.committed_offsets(asked, PATIENCE).unwrap().elements()[0].offset()
}

fn commit(address: &str, topic: &str, offset: i64) {
    let consumer: BaseConsumer = client(address).set("group.id", "g").create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(topic, 0, Offset::Offset(offset)).unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
}

#[test]
fn a_kill_keeps_topics_offsets_and_open_transactions() {
    let folder = Folder::new();
    let mut broker = Process::start(&folder, 0);
    let address = broker.address.clone();
    create_topic(&address, "t", 1);
    commit(&address, "t", 5);
    let producer: BaseProducer = client(&address).set("transactional.id", "id").create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    let record: BaseRecord<'_, (), _> = BaseRecord::to("t").payload("open").partition(0);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();

    broker.kill();
    let _broker = Process::start(&folder, broker.port());
    assert_eq!(committed(&address, "t"), Offset::Offset(5));
    assert_eq!(contents(&address, "t", "read_committed"), []);
    // The producer never learned of the kill, and its transaction goes on.
    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(contents(&address, "t", "read_committed"), [(0, "open".to_owned())]);
}

#[test]
fn a_member_goes_on_with_its_generation_after_a_kill() {
    let folder = Folder::new();
    let mut broker = Process::start(&folder, 0);
    let address = broker.address.clone();
    create_topic(&address, "t", 1);
    let consumer: BaseConsumer = client(&address)
        .set("group.id", "g")
        .set("session.timeout.ms", "30000")
        .set("heartbeat.interval.ms", "50")
        .create()
        .unwrap();
    consumer.subscribe(&["t"]).unwrap();
    while consumer.assignment().unwrap().count() == 0 {
        assert!(consumer.poll(Duration::from_millis(20)).is_none());
    }
    broker.kill();
    let _broker = Process::start(&folder, broker.port());
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("t", 0, Offset::Offset(3)).unwrap();
    // The commit carries member id and generation, which only a broker that remembers them takes.
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
    assert_eq!(committed(&address, "t"), Offset::Offset(3));
}

#[test]
fn a_broker_that_was_shut_down_starts_again_with_everything() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = || {
        let config = BrokerConfig::new(folder.path(), "127.0.0.1:0".parse().unwrap());
        runtime.block_on(Broker::start(config)).unwrap()
    };
    let broker = start();
    let address = broker.bootstrap_servers();
    create_topic(&address, "t", 3);
    runtime.block_on(async {
        let producer: FutureProducer = client(&address).create().unwrap();
        let record: FutureRecord<'_, (), _> = FutureRecord::to("t").payload("kept").partition(1);
        producer.send(record, PATIENCE).await.map_err(|(error, _)| error).unwrap();
    });
    commit(&address, "t", 2);
    runtime.block_on(broker.shutdown()).unwrap();

    let broker = start();
    let address = broker.bootstrap_servers();
    assert_eq!(contents(&address, "t", "read_committed"), [(1, "kept".to_owned())]);
    assert_eq!(committed(&address, "t"), Offset::Offset(2));
    // The offsets topic is a partition too.
    assert_eq!(broker.metrics().partitions, 4);
    let config = BrokerConfig::new(folder.path(), "127.0.0.1:0".parse().unwrap());
    let Err(second) = runtime.block_on(Broker::start(config)) else { panic!("two brokers share a directory") };
    assert!(second.to_string().contains("locked by another process"), "{second}");
    runtime.block_on(broker.shutdown()).unwrap();
}
