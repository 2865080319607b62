//! A disk that is full: writes are refused with Kafka's error, and nothing that was acknowledged is lost.

use std::time::Duration;

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{FutureProducer, FutureRecord},
};

use super::harness::{Folder, Process, client, contents, create_topic, run};

fn producer(address: &str) -> FutureProducer {
    client(address).set("message.send.max.retries", "0").create().unwrap()
}

async fn send(producer: &FutureProducer, value: &str) -> Result<(), KafkaError> {
    let record: FutureRecord<'_, (), _> = FutureRecord::to("full").payload(value);
    producer.send(record, Duration::ZERO).await.map(drop).map_err(|(error, _)| error)
}

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing() {
    let folder = Folder::new();
    // No file may grow beyond a mebibyte, which to a write looks like a disk that is full.
    let limited = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\"";
    let mut broker = Process::start_with(&folder, 0, limited);
    let address = broker.address.clone();
    create_topic(&address, "full", 1);
    let filler = "x".repeat(10_000);
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    run(async {
        let producer = producer(&address);
        for number in 0..200 {
            let value = format!("{number} {filler}");
            match send(&producer, &value).await {
                Ok(()) => kept.push((0, value)),
                Err(error) => refused.push(error),
            }
        }
    });
    let storage = KafkaError::MessageProduction(RDKafkaErrorCode::KafkaStorageError);
    assert!(kept.len() > 50, "{} were kept", kept.len());
    assert_eq!(refused, vec![storage; 200 - kept.len()]);
    assert_eq!(contents(&address, "full", "read_committed"), kept, "reading goes on");

    broker.kill();
    let broker = Process::start(&folder, broker.port());
    run(async { send(&producer(&broker.address), "room again").await.unwrap() });
    kept.push((0, "room again".to_owned()));
    assert_eq!(contents(&broker.address, "full", "read_committed"), kept);
}
