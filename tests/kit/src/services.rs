//! Real services for tests: one instance of each, started by whichever test asks first (`tests/services`).

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A service that the scripts can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Mysql,
    Mariadb,
    Kafka,
    /// Kafka with listeners that ask for TLS and a login; see `tests/services/kafka/secure.sh`.
    SecureKafka,
    Elasticsearch,
    Opensearch,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Service::Mysql => "mysql",
            Service::Mariadb => "mariadb",
            Service::Kafka => "kafka",
            Service::SecureKafka => "secure-kafka",
            Service::Elasticsearch => "elasticsearch",
            Service::Opensearch => "opensearch",
        }
    }

    /// The port of the instance that all tests share. A test keeps to topics, tables and indices of its own.
    ///
    /// # Panics
    /// When the service can't be started; the script's own words are on standard error.
    pub fn shared(self) -> u16 {
        port(Command::new(scripts().join("shared.sh")).arg(self.name()))
    }

    /// An instance of the caller's own, to stop, break and start again; its data stays in `dir`.
    pub fn own(self, dir: &Path) -> Instance {
        let mut instance = Instance { service: self, dir: dir.to_owned(), port: 0 };
        instance.start();
        instance
    }
}

/// A service of one test alone; stopped when dropped.
pub struct Instance {
    service: Service,
    dir: PathBuf,
    pub port: u16,
}

impl Instance {
    /// Starts it again on the port it had.
    pub fn start(&mut self) {
        let (script, verb, version) = match self.service {
            Service::Elasticsearch => ("search", "up", Some("8.19.21")),
            Service::Opensearch => ("search", "up", Some("os-2.19.6")),
            Service::SecureKafka => ("kafka", "secure", None),
            service => (service.name(), "up", None),
        };
        let mut command = Command::new(scripts().join(format!("{script}.sh")));
        self.port = port(command.arg(verb).arg(&self.dir).args(version));
    }

    pub fn stop(&self) {
        let status = Command::new(scripts().join("kafka.sh")).arg("down").arg(&self.dir).status();
        assert!(status.is_ok_and(|s| s.success()), "could not stop {:?} in {}", self.service, self.dir.display());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The folder of the service scripts.
pub fn scripts() -> PathBuf {
    repository().join("tests/services")
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the checkout is where it was built")
}

/// A fresh folder for one test, outside the tree, that every user can enter (search engines run as their own).
pub fn fresh_dir(test: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("millrace-{test}-{}", std::process::id()));
    if dir.exists() {
        std::fs::remove_dir_all(&dir).expect("a left-over folder can be removed");
    }
    std::fs::create_dir_all(&dir).expect("the folder for temporary files can be written");
    dir
}

/// A port that was free a moment ago. It is taken from below the range of outgoing connections, so that none of them
/// has it by the time that its user listens.
pub fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let ours = (std::process::id() as u16).wrapping_mul(61);
    (0..u16::MAX)
        .map(|_| 10_000 + (ours.wrapping_add(NEXT.fetch_add(1, Relaxed)) % 5_000))
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("loopback has a free port")
}

fn port(command: &mut Command) -> u16 {
    let output = command.stderr(Stdio::inherit()).output().expect("the service scripts can be run");
    assert!(output.status.success(), "{command:?} failed");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or_else(|_| panic!("{command:?} printed no port: {text:?}"))
}
