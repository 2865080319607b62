//! The processes of the demo: started in order, stopped in reverse.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use connect_e2e::services;
use serde_json::Value;

/// How long the worker may take to be healthy, on a machine that has much else to do.
const WORKER_READY_WITHIN: Duration = Duration::from_secs(60);

/// What the demo started, and where.
#[derive(Default)]
pub(crate) struct Parts {
    started: Vec<(&'static str, PathBuf)>,
    pub(crate) mariadb: bool,
    pub(crate) database_port: u16,
    pub(crate) search: String,
    pub(crate) worker: Option<WorkerProcess>,
}

impl Parts {
    /// Brings up the database and the search engine, each on what the machine has before anything is fetched.
    pub(crate) fn start_services(&mut self) -> Result<(), String> {
        self.database_port = self.first_that_starts(&databases())?;
        let search = self.first_that_starts(&[
            Candidate::new("Elasticsearch", "search").arguments(&["8.19.21"]),
            Candidate::new("OpenSearch", "search").arguments(&["os-2.19.6"]),
        ])?;
        self.search = format!("http://127.0.0.1:{search}");
        Ok(())
    }

    fn first_that_starts(&mut self, candidates: &[Candidate]) -> Result<u16, String> {
        let mut reasons = Vec::new();
        for candidate in candidates {
            match self.up(candidate) {
                Ok(port) => {
                    self.mariadb |= candidate.script == "mariadb";
                    return Ok(port);
                }
                Err(reason) => {
                    println!("  {reason}");
                    reasons.push(reason);
                }
            }
        }
        Err(reasons.join("; "))
    }

    fn up(&mut self, candidate: &Candidate) -> Result<u16, String> {
        let (name, script, begun) = (candidate.name, candidate.script, Instant::now());
        let dir = state().join(name.to_lowercase());
        println!("  {name:<14} starting ...");
        let output = Command::new(services::scripts().join(format!("{script}.sh")))
            .arg("up")
            .arg(&dir)
            .args(candidate.arguments)
            .envs(candidate.program.iter().map(|(variable, path)| (variable, path)))
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("could not run tests/services/{script}.sh: {error}"))?;
        self.started.push((script, dir));
        let port: u16 = String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .map_err(|_| format!("{name} could not be started"))?;
        println!("  {name:<14} {:<28} ready in {:.1} s", format!("127.0.0.1:{port}"), begun.elapsed().as_secs_f64());
        Ok(port)
    }

    /// The files of the main job to post, in order.
    pub(crate) fn connector_files(&self) -> Vec<PathBuf> {
        let source = if self.mariadb { "SOURCE_MARIADB_01.json" } else { "SOURCE_MYSQL_01.json" };
        [source, "SINK_ELASTIC_01.json"].map(|file| config().join(file)).into()
    }

    /// The files of the job that needs no other system, and the file that it writes.
    pub(crate) fn embedded_files() -> (Vec<PathBuf>, PathBuf) {
        (["SOURCE_DATAGEN_01.json", "SINK_FILE_01.json"].map(|file| config().join(file)).into(), lines_file())
    }

    /// A command that runs SQL on the database of the demo.
    pub(crate) fn sql_command(&self, statement: &str) -> String {
        format!("mysql -h 127.0.0.1 -P {} -u root -e \"{statement}\"", self.database_port)
    }

    /// Stops the worker first, as it reads and writes the others.
    pub(crate) async fn stop(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.stop().await;
        }
        for (script, dir) in self.started.drain(..).rev() {
            let status = Command::new(services::scripts().join(format!("{script}.sh"))).arg("down").arg(&dir).status();
            if !status.is_ok_and(|status| status.success()) {
                eprintln!("could not stop {script} in {}", dir.display());
            }
        }
    }
}

/// The worker of the demo.
pub(crate) struct WorkerProcess {
    pub(crate) url: String,
    /// Where its broker listens.
    pub(crate) kafka: String,
    pub(crate) log: PathBuf,
    child: Child,
    http: reqwest::Client,
}

impl WorkerProcess {
    pub(crate) async fn start(parts: &Parts) -> Result<Self, String> {
        let (listen, kafka) = (usual_address(8083), usual_address(9092));
        let url = format!("http://{listen}");
        let log = state().join("worker.log");
        let file = File::create(&log).map_err(|error| format!("could not write {}: {error}", log.display()))?;
        let errors = file.try_clone().map_err(|error| format!("could not write {}: {error}", log.display()))?;
        let binary = connect_e2e::worker::binary();
        let child = Command::new(&binary)
            .arg("run")
            .args(["--listen", &listen, "--broker", &kafka, "--data"])
            .arg(state().join("data"))
            .arg("--config")
            .arg(config().join("worker.properties"))
            .env("DEMO_KAFKA", &kafka)
            .env("DEMO_FILE", lines_file())
            .env("DEMO_SEARCH", &parts.search)
            .env("DEMO_DATABASE_PORT", parts.database_port.to_string())
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("could not run {}: {error}", binary.display()))?;
        let http = reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
        let mut worker = Self { url, kafka, log, child, http };
        worker.wait_until_healthy().await?;
        Ok(worker)
    }

    async fn wait_until_healthy(&mut self) -> Result<(), String> {
        let end = Instant::now() + WORKER_READY_WITHIN;
        while Instant::now() < end {
            let answer = self.http.get(format!("{}/health", self.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the worker ended with {status}; its log is {}", self.log.display()));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("the worker was not ready within {WORKER_READY_WITHIN:?}; its log is {}", self.log.display()))
    }

    /// Posts a connector; one that exists from the last run goes on as it is.
    pub(crate) async fn post(&self, file: &Path) -> Result<(), String> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let body =
            std::fs::read_to_string(file).map_err(|error| format!("could not read {}: {error}", file.display()))?;
        let request =
            self.http.post(format!("{}/connectors", self.url)).header("content-type", "application/json").body(body);
        let answer = request.send().await.map_err(|error| format!("could not post {name}: {error}"))?;
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap_or_default();
        match status {
            201 => println!("  posted config/demo/{name}"),
            409 if text.contains("already exists") => println!("  config/demo/{name} is there from the last run"),
            _ => return Err(format!("config/demo/{name} was refused with {status}: {text}")),
        }
        Ok(())
    }

    /// The trace of a failed task, if there is one.
    pub(crate) async fn failure(&self) -> Option<String> {
        let answer = self.http.get(format!("{}/connectors?expand=status", self.url)).send().await.ok()?;
        let body: Value = answer.json().await.ok()?;
        body.as_object()?.iter().find_map(|(name, connector)| {
            let tasks = connector["status"]["tasks"].as_array()?;
            let failed = tasks.iter().find(|task| task["state"] == "FAILED")?;
            Some(format!("{name} failed: {}", failed["trace"].as_str().unwrap_or("no trace")))
        })
    }

    pub(crate) fn memory_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes: Option<u64> = line.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        kilobytes.unwrap_or_default() / 1024
    }

    async fn stop(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if !sent.is_ok_and(|status| status.success()) {
            eprintln!("could not stop the worker");
        }
        match tokio::task::spawn_blocking(move || self.child.wait()).await {
            Ok(Ok(_)) => (),
            _ => eprintln!("the worker could not be waited for"),
        }
    }
}

/// Where the demo keeps its data, so that the next start resumes.
fn state() -> PathBuf {
    let state = std::env::var_os("MILLRACE_STATE").map(PathBuf::from).unwrap_or_else(|| {
        let root = Path::new("/var/cache/millrace");
        match std::fs::create_dir_all(root.join("state")) {
            Ok(()) => root.join("state"),
            Err(_) => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/millrace/state"),
        }
    });
    let demo = state.join("demo");
    std::fs::create_dir_all(&demo).unwrap_or_else(|error| panic!("could not make {}: {error}", demo.display()));
    demo
}

/// What the sink of the embedded job writes.
fn lines_file() -> PathBuf {
    state().join("orders.txt")
}

/// The port that everyone expects, or another where that one is taken.
fn usual_address(port: u16) -> String {
    let port = match std::net::TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => port,
        Err(_) => services::free_port(),
    };
    format!("127.0.0.1:{port}")
}

fn config() -> PathBuf {
    services::repository().join("config/demo")
}

/// One way to get a service.
struct Candidate {
    name: &'static str,
    script: &'static str,
    arguments: &'static [&'static str],
    /// An installed server, as the variable that its script reads.
    program: Option<(&'static str, PathBuf)>,
}

impl Candidate {
    fn new(name: &'static str, script: &'static str) -> Self {
        Self { name, script, arguments: &[], program: None }
    }

    fn arguments(mut self, arguments: &'static [&'static str]) -> Self {
        self.arguments = arguments;
        self
    }

    fn installed(mut self, variable: &'static str, program: PathBuf) -> Self {
        self.program = Some((variable, program));
        self
    }
}

/// The databases to try: what is installed comes before what must be fetched.
fn databases() -> Vec<Candidate> {
    let mut candidates = Vec::new();
    if let Some(mysqld) = installed("mysqld").filter(|program| is_mysql(program)) {
        candidates.push(Candidate::new("MySQL", "mysql").installed("MYSQLD", mysqld));
    }
    if let Some(mariadbd) = installed("mariadbd") {
        candidates.push(Candidate::new("MariaDB", "mariadb").installed("MARIADBD", mariadbd));
    }
    candidates.push(Candidate::new("MySQL", "mysql"));
    candidates.push(Candidate::new("MariaDB", "mariadb"));
    candidates
}

fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/libexec"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// MariaDB installs its server under MySQL's name too.
fn is_mysql(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| !String::from_utf8_lossy(&output.stdout).contains("MariaDB"))
}
