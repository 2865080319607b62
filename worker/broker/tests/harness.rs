//! A broker in a process of its own that can be killed, and librdkafka as the client that judges it.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use connect_broker::{Broker, BrokerConfig};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder that goes with the test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("millrace-broker-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A broker process. Dropping it kills it.
pub(super) struct Process {
    child: Child,
    /// Kept open: after a minute the test binary says that its test still runs, and ends if nobody can hear that.
    _output: BufReader<ChildStdout>,
    pub(super) address: String,
}

/// Tells the test binary that it is to be a broker: the folder and the port.
const SERVE: &str = "MILLRACE_TEST_BROKER";

/// Tells the broker to clean up nothing on its own, as a comparison must not depend on when it does.
pub(super) const QUIET: &str = "MILLRACE_TEST_BROKER_QUIET";

impl Process {
    /// Starts a broker on the folder; port 0 takes a free one.
    pub(super) fn start(folder: &Folder, port: u16) -> Self {
        Self::start_with(folder, port, "exec \"$0\" \"$@\"")
    }

    /// Starts it through a shell that can set limits before.
    pub(super) fn start_with(folder: &Folder, port: u16, shell: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", shell])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "harness::serves_when_it_is_asked_to", "--nocapture"])
            .env(SERVE, format!("{port} {}", folder.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut lines = output.by_ref().lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("listening ").map(str::to_owned)).unwrap();
        Self { child, _output: output, address }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Not a test of anything when it runs among the others: it is the broker of [`Process`].
#[test]
fn serves_when_it_is_asked_to() {
    let Ok(asked) = std::env::var(SERVE) else { return };
    let (port, folder) = asked.split_once(' ').unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut config = BrokerConfig::new(folder, format!("127.0.0.1:{port}").parse().unwrap());
        if std::env::var_os(QUIET).is_some() {
            config.times.maintenance = Duration::from_secs(3600);
        }
        let broker = Broker::start(config).await.unwrap();
        println!("\nlistening {}", broker.address());
        std::future::pending::<()>().await;
    });
}

/// The settings of every client: they come back quickly after the broker was away.
pub(super) fn client(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", address)
        .set("reconnect.backoff.ms", "5")
        .set("reconnect.backoff.max.ms", "50")
        .set("retry.backoff.ms", "10")
        // Restarts of the broker are what is tested, not news.
        .set("log_level", "0");
    config
}

pub(super) fn admin(address: &str) -> AdminClient<DefaultClientContext> {
    client(address).create().unwrap()
}

pub(super) fn create_topic(address: &str, name: &str, partitions: i32) {
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let created = run(admin(address).create_topics([&topic], &AdminOptions::new())).unwrap();
    assert_eq!(created, [Ok(name.to_owned())]);
}

pub(super) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Every record of a topic as `(partition, value)`, each partition in its order.
pub(super) fn contents(address: &str, topic: &str, isolation: &str) -> Vec<(i32, String)> {
    let consumer: BaseConsumer = client(address)
        .set("group.id", "reads-all")
        .set("isolation.level", isolation)
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let partitions = metadata.topics()[0].partitions().len();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..i32::try_from(partitions).unwrap() {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut found, mut ended) = (Vec::new(), 0);
    let until = Instant::now() + PATIENCE;
    while ended < partitions {
        assert!(Instant::now() < until, "{topic} was not read to its end");
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => {
                let value = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
                found.push((message.partition(), value));
            }
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }
    found
}
