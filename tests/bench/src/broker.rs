//! The broker inside: a million records of 200 bytes in and out by librdkafka, many partitions, and both in one process.

use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use connect_e2e::{
    services::{Service, free_port, fresh_dir},
    worker::binary,
};
use rdkafka::{
    ClientConfig, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer},
};

use crate::{
    Figure, Target,
    process::{cpu_seconds, memory_mb},
};

const RECORD_BYTES: usize = 200;
const PARTITIONS: i32 = 3;
const MANY_PARTITIONS: i32 = 2_000;
const ROUNDS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(120);

/// The worker's binary in one of its forms that have a broker.
struct Process {
    child: Child,
    bootstrap: String,
    /// From exec until it answers, or until the worker is healthy.
    ready: Duration,
}

impl Process {
    fn broker(data: &Path) -> Self {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let mut command = Command::new(binary());
        command.args(["broker", "--listen", &listen, "--data"]).arg(data);
        Self::start(command, listen.clone(), || answers(&listen))
    }

    fn both(data: &Path) -> Self {
        let (kafka, rest) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
        let mut command = Command::new(binary());
        command.args(["run", "--broker", &kafka, "--listen", &rest, "--data"]).arg(data);
        Self::start(command, kafka, || healthy(&rest))
    }

    fn start(mut command: Command, bootstrap: String, ready: impl Fn() -> bool) -> Self {
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("the worker's binary can be run");
        while !ready() {
            assert!(begun.elapsed() < PATIENCE, "{command:?} is not ready");
            std::thread::yield_now();
        }
        Self { child, bootstrap, ready: begun.elapsed() }
    }

    fn cpu(&self) -> f64 {
        cpu_seconds(self.child.id())
    }

    fn rss_mb(&self) -> f64 {
        memory_mb(self.child.id(), "VmRSS")
    }

    /// An orderly end, so that the next start finds everything in order.
    fn stop(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "could not signal the process");
        self.child.wait().expect("a child can be reaped");
    }
}

/// Whether the broker answers a request for its versions: it listens before its logs are open.
fn answers(address: &str) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    // Ten bytes: ApiVersions (18) in version 0, correlation id 1, no client id.
    let asked = stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
    asked.is_ok() && stream.read_exact(&mut [0; 4]).is_ok()
}

/// One request by hand: an HTTP client's own start would be part of what is measured.
fn healthy(address: &str) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

/// Records in and out, beside real Kafka on the same machine; then many partitions, a restart, and the whole in one process.
pub(crate) async fn measure(records: u64) -> Vec<Figure> {
    tokio::task::spawn_blocking(move || {
        let mut figures = flow(records);
        figures.extend(many_partitions());
        figures.extend(both_in_one());
        figures
    })
    .await
    .expect("a measurement does not panic")
}

fn flow(records: u64) -> Vec<Figure> {
    let dir = fresh_dir("bench_broker");
    let broker = Process::broker(&dir);
    let kafka = format!("127.0.0.1:{}", Service::Kafka.shared());
    let begun = broker.cpu();
    // In turns, and the fastest of each: what else the machine does slows down both.
    let mut best = [f64::INFINITY; 4];
    for round in 0..ROUNDS {
        let [wrote, read] = in_and_out(&broker.bootstrap, records, round);
        let [kafka_wrote, kafka_read] = in_and_out(&kafka, records, round);
        for (best, seconds) in best.iter_mut().zip([wrote, read, kafka_wrote, kafka_read]) {
            *best = best.min(seconds);
        }
    }
    let [wrote, read, kafka_wrote, kafka_read] = best;
    let cpu = (broker.cpu() - begun) / f64::from(ROUNDS);
    let rss = broker.rss_mb();
    broker.stop();
    drop(std::fs::remove_dir_all(&dir));
    let rate = |seconds: f64| records as f64 / seconds;
    vec![
        Figure {
            name: "cpu_seconds_per_million_in_and_out".into(),
            value: cpu / records as f64 * 1e6,
            target: Target::AtMost(0.6),
        },
        Figure { name: "records_per_second_in".into(), value: rate(wrote), target: Target::AtLeast(rate(kafka_wrote)) },
        Figure { name: "records_per_second_out".into(), value: rate(read), target: Target::AtLeast(rate(kafka_read)) },
        Figure { name: "rss_mb_after".into(), value: rss, target: Target::None },
    ]
}

/// Seconds to write the records and to read them again.
fn in_and_out(bootstrap: &str, records: u64, round: u32) -> [f64; 2] {
    let topic = format!("bench-{}-{round}-{}", std::process::id(), bootstrap.replace([':', '.'], "-"));
    create(bootstrap, &topic, PARTITIONS);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .set("batch.size", "262144")
        .create()
        .expect("a producer can be made");
    let (payload, begun) = (vec![b'x'; RECORD_BYTES], Instant::now());
    for number in 0..records {
        let key = format!("key-{number:08}");
        let mut record = BaseRecord::to(&topic).key(&key).payload(&payload);
        loop {
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    producer.poll(Duration::from_millis(1));
                }
                Err((error, _)) => panic!("{error}"),
            }
        }
        if number % 1000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(PATIENCE).expect("the records arrive");
    let wrote = begun.elapsed().as_secs_f64();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", &topic)
        .set("enable.auto.commit", "false")
        .set("fetch.queue.backoff.ms", "5")
        .create()
        .expect("a consumer can be made");
    let mut all = TopicPartitionList::new();
    (0..PARTITIONS).for_each(|partition| {
        all.add_partition_offset(&topic, partition, rdkafka::Offset::Beginning).expect("a partition from its start");
    });
    consumer.assign(&all).expect("partitions can be assigned");
    let (begun, mut seen) = (Instant::now(), 0);
    while seen < records {
        assert!(begun.elapsed() < PATIENCE, "{seen} of {records} records were read");
        match consumer.poll(Duration::from_secs(1)) {
            Some(Ok(message)) => {
                assert_eq!(message.payload_len(), RECORD_BYTES);
                seen += 1;
            }
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }
    [wrote, begun.elapsed().as_secs_f64()]
}

fn many_partitions() -> Vec<Figure> {
    let dir = fresh_dir("bench_partitions");
    let broker = Process::broker(&dir);
    create(&broker.bootstrap, "many", MANY_PARTITIONS);
    let rss = broker.rss_mb();
    broker.stop();
    let again = Process::broker(&dir);
    let ready = again.ready;
    again.stop();
    drop(std::fs::remove_dir_all(&dir));
    vec![
        Figure { name: "rss_mb_with_2000_partitions".into(), value: rss, target: Target::AtMost(20.0) },
        Figure {
            name: "ready_ms_with_2000_partitions".into(),
            value: ready.as_secs_f64() * 1000.0,
            target: Target::AtMost(50.0),
        },
    ]
}

fn both_in_one() -> Vec<Figure> {
    let dir = fresh_dir("bench_both");
    Process::both(&dir).stop();
    let both = Process::both(&dir);
    // Idle for a while, as its memory is only then what it keeps.
    tokio::runtime::Handle::current().block_on(tokio::time::sleep(Duration::from_secs(5)));
    let (ready, rss) = (both.ready, both.rss_mb());
    both.stop();
    drop(std::fs::remove_dir_all(&dir));
    vec![
        Figure {
            name: "broker_and_worker_ready_ms".into(),
            value: ready.as_secs_f64() * 1000.0,
            target: Target::AtMost(200.0),
        },
        Figure { name: "broker_and_worker_rss_mb".into(), value: rss, target: Target::AtMost(25.0) },
    ]
}

fn create(bootstrap: &str, topic: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("an admin client can be made");
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let runtime = tokio::runtime::Handle::current();
    let results = runtime.block_on(admin.create_topics([&topic], &options)).expect("the brokers answer");
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}
