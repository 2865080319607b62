//! The broker in the binary as a process of its own: a Kafka that is there at once, for tests of something else.

use std::{
    fs::File,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{services, wait, worker::binary};

const READY_WITHIN: Duration = Duration::from_secs(20);

/// A running broker; it ends with this value.
pub struct Broker {
    pub bootstrap: String,
    child: Child,
}

impl Broker {
    /// Starts a broker with its data and its log in the folder; ready when this returns.
    pub async fn start(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).expect("the broker's folder can be made");
        let bootstrap = format!("127.0.0.1:{}", services::free_port());
        let log = File::create(dir.join("broker.log")).expect("the log can be opened");
        let mut command = Command::new(binary());
        command.arg("broker").arg("--data").arg(dir.join("data")).args(["--listen", &bootstrap]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let broker = Self { bootstrap, child: child.expect("the worker's binary can be run") };
        wait::until("the broker listens", READY_WITHIN, true, || async {
            TcpStream::connect(&broker.bootstrap).is_ok()
        })
        .await;
        broker
    }

    /// Lets the broker answer nothing any more, without ending it or its connections.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "could not signal the broker");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // One that has died already is as gone as one that is killed now.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
