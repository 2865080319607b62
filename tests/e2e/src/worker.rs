//! The worker as a process: started from a properties file, spoken to over HTTP, stopped or killed.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{services, wait};

/// How long a worker may take to be ready, Kafka's first coordinator election included.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running worker with its folder: properties file and log.
pub struct Worker {
    pub url: String,
    pub dir: PathBuf,
    binary: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    child: Option<Child>,
    http: reqwest::Client,
    /// Parts of the warnings and errors that the test brings about.
    expected: Mutex<Vec<String>>,
}

/// An answer of the REST API.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// The body as JSON, or null where there is none.
    pub body: Value,
}

impl Worker {
    /// Writes the properties of a worker and starts it; ready when this returns.
    pub async fn start(dir: &Path, bootstrap: &str, group: &str) -> Self {
        let worker = Self::new(dir, bootstrap, group, binary());
        worker.ready_after_start().await
    }

    /// A worker that is not started yet.
    pub fn new(dir: &Path, bootstrap: &str, group: &str, binary: PathBuf) -> Self {
        let properties = format!(
            "group.id={group}\n\
             config.storage.topic={group}-configs\n\
             offset.storage.topic={group}-offsets\n\
             status.storage.topic={group}-status\n\
             config.storage.replication.factor=1\n\
             offset.storage.replication.factor=1\n\
             status.storage.replication.factor=1\n"
        );
        Self::of("connect-distributed", dir, bootstrap, &properties, binary)
    }

    /// A worker with a broker in its own process, not started yet, and where the broker will listen.
    pub fn with_broker(dir: &Path) -> (Self, String) {
        let bootstrap = format!("127.0.0.1:{}", services::free_port());
        let mut worker = Self::of("run", dir, &bootstrap, "", binary());
        let file = worker.arguments.pop().expect("the properties file is the last one");
        let data = dir.join("data").into_os_string();
        worker.arguments.extend(["--config".into(), file, "--data".into(), data, "--broker".into()]);
        worker.arguments.push(bootstrap.clone().into());
        (worker, bootstrap)
    }

    /// A worker that is alone, with its offsets in `offsets` of its folder, not started yet.
    pub fn alone(dir: &Path, bootstrap: &str, connectors: &[PathBuf]) -> Self {
        let properties = format!("offset.storage.file.filename={}\n", dir.join("offsets").display());
        let mut worker = Self::of("connect-standalone", dir, bootstrap, &properties, binary());
        worker.arguments.extend(connectors.iter().map(|file| file.clone().into_os_string()));
        worker
    }

    /// A worker without a properties file, not started yet; `port` names the variable for the port of its REST API.
    pub fn of_environment(dir: &Path, port: &str, variables: &[(&str, &str)]) -> Self {
        let mut worker = Self::of("connect-distributed", dir, "", "", binary());
        worker.arguments.truncate(1);
        let own = worker.url.rsplit(':').next().unwrap_or_default().to_owned();
        worker.environment(port, &own);
        variables.iter().for_each(|(name, value)| worker.environment(name, value));
        worker
    }

    fn of(mode: &'static str, dir: &Path, bootstrap: &str, own: &str, binary: PathBuf) -> Self {
        std::fs::create_dir_all(dir).expect("the worker's folder can be made");
        let port = services::free_port();
        let properties = format!(
            "bootstrap.servers={bootstrap}\n\
             listeners=http://127.0.0.1:{port}\n\
             key.converter=org.apache.kafka.connect.json.JsonConverter\n\
             value.converter=org.apache.kafka.connect.json.JsonConverter\n\
             offset.flush.interval.ms=500\n\
             {own}"
        );
        std::fs::write(dir.join("worker.properties"), properties).expect("the properties file can be written");
        Self {
            url: format!("http://127.0.0.1:{port}"),
            dir: dir.to_owned(),
            binary,
            arguments: vec![mode.into(), dir.join("worker.properties").into_os_string()],
            environment: Vec::new(),
            child: None,
            expected: Mutex::default(),
            http: reqwest::Client::builder().no_proxy().build().expect("an HTTP client without TLS settings"),
        }
    }

    /// Adds a line to the properties, in force at the next start.
    pub fn property(&self, name: &str, value: &str) {
        let mut file = OpenOptions::new().append(true).open(self.dir.join("worker.properties")).expect("just written");
        writeln!(file, "{name}={value}").expect("the properties file can be appended to");
    }

    /// Sets an environment variable for the next starts.
    pub fn environment(&mut self, name: &str, value: &str) {
        self.environment.retain(|(key, _)| key != name);
        self.environment.push((name.into(), value.into()));
    }

    pub fn launch(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file()).expect("the log can be opened");
        let errors: File = log.try_clone().expect("a file handle can be cloned");
        let child = Command::new(&self.binary)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn();
        self.child = Some(child.expect("the worker's binary can be run"));
    }

    /// Starts it and waits until it is healthy.
    pub async fn ready_after_start(mut self) -> Self {
        self.launch();
        self.ready().await;
        self
    }

    pub async fn ready(&self) {
        wait::until("the worker is healthy", READY_WITHIN, Some(200), || async {
            self.http.get(format!("{}/health", self.url)).send().await.ok().map(|answer| answer.status().as_u16())
        })
        .await;
    }

    pub fn log_file(&self) -> PathBuf {
        self.dir.join("worker.log")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The test brings about warnings or errors with these words in them; any other fails it.
    pub fn expects(&self, words: &[&str]) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.extend(words.iter().map(|word| (*word).to_owned()));
    }

    /// Fails when the log has warnings or errors that nobody said to expect: each is either a defect or noise that a user
    /// should not read. Dropping the worker does this too, where the log is still there.
    pub fn has_told_nothing_unexpected(&self) {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |line: &&str| {
            let level = line.split_whitespace().nth(1);
            let known = || expected.iter().any(|words| line.contains(words.as_str()));
            matches!(level, Some("WARN" | "ERROR")) && !known()
        };
        let log = self.log();
        let unexpected: Vec<&str> = log.lines().filter(told).collect();
        assert!(unexpected.is_empty(), "nobody expects these lines of the log:\n{}", unexpected.join("\n"));
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the worker was started").id()
    }

    /// Whether the process has ended by itself, and reaps it if so.
    pub fn ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// Waits until the process ends by itself; whether it ended well.
    pub async fn end(&mut self) -> bool {
        let mut child = self.child.take().expect("the worker was started");
        let status = tokio::task::spawn_blocking(move || child.wait()).await.expect("waiting does not panic");
        status.expect("a child can be reaped").success()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A worker that already killed itself at a kill point is as dead as one that is killed now.
            child.kill().unwrap_or_default();
            child.wait().expect("a killed child can be reaped");
        }
    }

    /// `kill -TERM`, and waits for a clean end.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "could not signal the worker");
        let status = tokio::task::spawn_blocking(move || child.wait()).await.expect("waiting does not panic");
        assert!(status.expect("a child can be reaped").success(), "the worker ended with an error:\n{}", self.log());
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(reqwest::Method::GET, path, None).await
    }

    pub async fn put(&self, path: &str, body: Option<Value>) -> Answer {
        self.request(reqwest::Method::PUT, path, body).await
    }

    pub async fn post(&self, path: &str, body: Option<Value>) -> Answer {
        self.request(reqwest::Method::POST, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request(reqwest::Method::DELETE, path, None).await
    }

    async fn request(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.log()));
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap_or_default();
        Answer {
            status,
            body: serde_json::from_str(&text).unwrap_or(if text.is_empty() { Value::Null } else { json!(text) }),
        }
    }

    /// Creates a connector, retrying while the worker says that it is rebalancing.
    pub async fn create(&self, name: &str, config: Value) -> Answer {
        let body = json!({"name": name, "config": config});
        wait::some("the worker takes requests", READY_WITHIN, || async {
            let answer = self.post("/connectors", Some(body.clone())).await;
            let rebalancing = answer.status == 409 && !answer.body.to_string().contains("already exists");
            (!rebalancing).then_some(answer)
        })
        .await
    }

    /// Waits until the connector and all its tasks are in this state, at least one task.
    pub async fn reaches(&self, connector: &str, state: &str) {
        wait::until(&format!("{connector} is {state}"), READY_WITHIN, true, || async {
            let status = self.get(&format!("/connectors/{connector}/status")).await.body;
            let tasks = status["tasks"].as_array().cloned().unwrap_or_default();
            !tasks.is_empty() && tasks.iter().all(|task| task["state"] == state)
        })
        .await;
    }

    /// The trace of the first task once it has failed.
    pub async fn failure(&self, connector: &str) -> String {
        wait::some(&format!("{connector} fails"), READY_WITHIN, || async {
            let status = self.get(&format!("/connectors/{connector}/status")).await.body;
            let failed =
                |part: &Value| (part["state"] == "FAILED").then(|| part["trace"].as_str().unwrap_or("").to_owned());
            status["tasks"]
                .as_array()
                .and_then(|tasks| tasks.iter().find_map(failed))
                .or_else(|| failed(&status["connector"]))
        })
        .await
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("--- log of the worker in {}\n{}", self.dir.display(), self.log());
        } else {
            self.has_told_nothing_unexpected();
        }
    }
}

/// The worker's binary: `MILLRACE_BIN`, or built once beside the tests.
pub fn binary() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            if let Some(path) = std::env::var_os("MILLRACE_BIN") {
                return path.into();
            }
            let tests = std::env::current_exe().expect("a test knows its own path");
            let profile =
                tests.ancestors().find(|dir| dir.join(".cargo-lock").exists()).expect("tests lie in the target folder");
            let mut build = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
            build.args(["build", "--quiet", "--package", "millrace", "--target-dir"]);
            build.arg(profile.parent().expect("a profile lies in the target folder"));
            if profile.ends_with("release") {
                build.arg("--release");
            }
            let status = build.current_dir(services::repository()).status();
            assert!(status.is_ok_and(|s| s.success()), "the worker could not be built");
            profile.join("millrace")
        })
        .clone()
}
