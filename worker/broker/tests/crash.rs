//! Two hundred kills: every acknowledged record is there once, in order, and every transaction as a whole or not.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use rdkafka::{
    ClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{
        BaseProducer, BaseRecord, DefaultProducerContext, DeliveryResult, Producer, ProducerContext, ThreadedProducer,
    },
};

use super::harness::{Folder, PATIENCE, Process, client, contents, create_topic};

const ROUNDS: usize = 200;
const PARTITIONS: i32 = 3;
/// Records under way, so that a kill meets some of them.
const IN_FLIGHT: i32 = 200;

/// Tells of every record that is acknowledged.
struct Acknowledged(Mutex<mpsc::Sender<u64>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = Box<u64>;

    fn delivery(&self, result: &DeliveryResult<'_>, sequence: Self::DeliveryOpaque) {
        match result {
            Ok(_) => self.0.lock().unwrap().send(*sequence).unwrap(),
            Err((error, _)) => panic!("an idempotent producer gave up on {sequence}: {error}"),
        }
    }
}

/// Sends numbers until it is told to stop, then waits until all are acknowledged.
fn send_numbers(address: &str, acknowledged: mpsc::Sender<u64>, stop: &AtomicBool) -> u64 {
    let producer: BaseProducer<Acknowledged> = client(address)
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", "300000")
        .set("linger.ms", "1")
        .set("batch.num.messages", "20")
        .create_with_context(Acknowledged(Mutex::new(acknowledged)))
        .unwrap();
    let mut next = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        if producer.in_flight_count() < IN_FLIGHT {
            let text = next.to_string();
            let partition = i32::try_from(next % 3).unwrap();
            let record: BaseRecord<'_, (), _, _> =
                BaseRecord::with_opaque_to("numbers", Box::new(next)).payload(&text).partition(partition);
            producer.send(record).map_err(|(error, _)| error).unwrap();
            next += 1;
        } else {
            producer.poll(Duration::from_millis(1));
        }
    }
    producer.flush(PATIENCE * 2).unwrap();
    next
}

/// How transactions ended as far as their producer knows.
#[derive(Default)]
struct Ended {
    committed: BTreeSet<u64>,
    aborted: BTreeSet<u64>,
    unknown: BTreeSet<u64>,
}

type Transactional = ThreadedProducer<DefaultProducerContext>;

const TRANSACTION_RECORDS: u64 = 6;

fn run_transactions(address: &str, stop: &AtomicBool) -> Ended {
    let mut ended = Ended::default();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        // An abort waits for deliveries, which somebody else must take in the meantime.
        let producer: Transactional = client(address)
            .set("transactional.id", "crash")
            .set("transaction.timeout.ms", "60000")
            .set("message.timeout.ms", "60000")
            .set("linger.ms", "1")
            .create()
            .unwrap();
        if producer.init_transactions(PATIENCE).is_err() {
            continue;
        }
        while !stop.load(Ordering::Relaxed) && one_transaction(&producer, number, &mut ended).is_ok() {
            number += 1;
        }
        // A fatal error costs the producer; the next one fences it.
        number += 1;
    }
    ended
}

/// An error means that the producer can't be used any more.
fn one_transaction(producer: &Transactional, number: u64, ended: &mut Ended) -> Result<(), KafkaError> {
    producer.begin_transaction()?;
    for index in 0..TRANSACTION_RECORDS {
        let text = format!("{number}/{index}");
        let partition = i32::try_from(index % 3).unwrap();
        let record: BaseRecord<'_, (), _> = BaseRecord::to("transactions").payload(&text).partition(partition);
        if let Err((error, _)) = producer.send(record) {
            ended.unknown.insert(number);
            return Err(error);
        }
    }
    if number % 5 == 4 {
        return abort(producer, number, ended);
    }
    match retried(|| producer.commit_transaction(PATIENCE)) {
        Ok(()) => drop(ended.committed.insert(number)),
        Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => return abort(producer, number, ended),
        Err(error) => {
            ended.unknown.insert(number);
            return Err(error);
        }
    }
    Ok(())
}

fn abort(producer: &Transactional, number: u64, ended: &mut Ended) -> Result<(), KafkaError> {
    match retried(|| producer.abort_transaction(PATIENCE)) {
        Ok(()) => drop(ended.aborted.insert(number)),
        // A transaction that cannot be aborted by its producer is aborted by the next; it is never committed.
        Err(error) => {
            ended.aborted.insert(number);
            return Err(error);
        }
    }
    Ok(())
}

fn retried(end: impl Fn() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    loop {
        match end() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() => {}
            Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) => {}
            done => return done,
        }
    }
}

/// Numbers that look random and can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn two_hundred_kills_lose_nothing_and_repeat_nothing() {
    let seed =
        std::env::var("CRASH_SEED").map_or_else(|_| u64::from(std::process::id()) + 1, |seed| seed.parse().unwrap());
    println!("CRASH_SEED={seed}");
    let mut dice = Dice(seed);
    let folder = Folder::new();
    let mut broker = Process::start(&folder, 0);
    let (address, port) = (broker.address.clone(), broker.port());
    create_topic(&address, "numbers", PARTITIONS);
    create_topic(&address, "transactions", PARTITIONS);

    let stop = Arc::new(AtomicBool::new(false));
    let (sender, acknowledged) = mpsc::channel();
    let numbers = thread::spawn({
        let (address, stop) = (address.clone(), stop.clone());
        move || send_numbers(&address, sender, &stop)
    });
    let transactions = thread::spawn({
        let (address, stop) = (address.clone(), stop.clone());
        move || run_transactions(&address, &stop)
    });
    let mut known = Vec::new();
    for _ in 0..ROUNDS {
        // The kill comes after some acknowledgements, sometimes before the first.
        for _ in 0..dice.below(150) {
            known.push(acknowledged.recv_timeout(PATIENCE).expect("the broker acknowledges again after a kill"));
        }
        broker.kill();
        broker = Process::start(&folder, port);
    }
    stop.store(true, Ordering::Relaxed);
    let sent = numbers.join().unwrap();
    known.extend(acknowledged.try_iter());
    let ended = transactions.join().unwrap();

    known.sort_unstable();
    assert_eq!(known, (0..sent).collect::<Vec<_>>(), "every number is acknowledged once");
    assert_eq!(contents_by_partition(&address, "numbers"), expected_numbers(sent));
    check_transactions(&address, &ended);
    println!("{sent} records, {} transactions committed", ended.committed.len());
}

fn contents_by_partition(address: &str, topic: &str) -> Vec<Vec<String>> {
    let mut partitions = vec![Vec::new(); 3];
    for (partition, value) in contents(address, topic, "read_committed") {
        partitions[usize::try_from(partition).unwrap()].push(value);
    }
    partitions
}

fn expected_numbers(sent: u64) -> Vec<Vec<String>> {
    (0..3).map(|partition| (partition..sent).step_by(3).map(|number| number.to_string()).collect()).collect()
}

fn check_transactions(address: &str, ended: &Ended) {
    let found: Vec<String> =
        contents(address, "transactions", "read_committed").into_iter().map(|(_, value)| value).collect();
    let once: BTreeSet<&String> = found.iter().collect();
    assert_eq!(once.len(), found.len(), "no record of a transaction is there twice");
    let visible: BTreeSet<u64> = found.iter().map(|value| value.split_once('/').unwrap().0.parse().unwrap()).collect();
    let missing: Vec<&u64> = ended.committed.difference(&visible).collect();
    assert_eq!(missing, [&0; 0], "every committed transaction is there");
    let shown: Vec<&u64> = ended.aborted.intersection(&visible).collect();
    assert_eq!(shown, [&0; 0], "no aborted transaction is there");
    let records = usize::try_from(TRANSACTION_RECORDS).unwrap();
    assert_eq!(found.len(), visible.len() * records, "a transaction is there as a whole");
    assert!(!ended.committed.is_empty());
}
