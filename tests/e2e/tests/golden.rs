//! What the originals answered, replayed against the worker by the same runners that captured it (`tests/golden`).

use std::{path::Path, process::Command};

use connect_e2e::{
    services::{Service, fresh_dir, repository, scripts},
    worker::Worker,
};

/// Scenarios of `tests/golden/mysql` that hold record for record.
const MYSQL: [&str; 18] = [
    "001", "002", "004", "014", "017", "027", "029", "038", "048", "060", "061", "080", "081", "091", "093", "103",
    "104", "130",
];

#[tokio::test]
async fn the_mysql_source_writes_what_debezium_writes() {
    let dir = fresh_dir("golden_mysql");
    // The runner empties the servers before each scenario, so they are no one else's.
    let mysql = Service::Mysql.own(&dir.join("mysql"));
    let mariadb = Service::Mariadb.own(&dir.join("mariadb"));
    let bootstrap = format!("127.0.0.1:{}", Service::Kafka.shared());
    let mut worker =
        Worker::start(&dir.join("worker"), &bootstrap, &format!("golden-mysql-{}", std::process::id())).await;
    let mut runner = runner("mysql/check.py");
    runner.args(MYSQL).args(["--connect", &worker.url, "--bootstrap", &bootstrap]);
    runner.args(["--mysql-port", &mysql.port.to_string(), "--mariadb-port", &mariadb.port.to_string()]);
    passes(runner, &worker).await;
    worker.stop().await;
    drop((worker, mysql, mariadb));
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}

/// What the scenarios bring about on purpose.
const EXPECTED_OF_THE_SINK: [&str; 6] = [
    "task failed error=",
    "skipped a record that can't be made a document",
    "'topic.index.map' is a setting of releases before 11",
    "ignored a malformed document",
    "could not write a bulk, it is sent again",
    "Subscribed topic not available: ",
];

#[tokio::test]
async fn the_elasticsearch_sink_does_what_is_documented() {
    let dir = fresh_dir("golden_es");
    let bootstrap = format!("127.0.0.1:{}", Service::Kafka.shared());
    let target = format!("http://127.0.0.1:{}", Service::Elasticsearch.shared());
    let mut worker = Worker::start(&dir.join("worker"), &bootstrap, &format!("golden-es-{}", std::process::id())).await;
    worker.expects(&EXPECTED_OF_THE_SINK);
    let mut runner = runner("es-sink/run.py");
    runner.args(["--connect", &worker.url, "--bootstrap", &bootstrap, "--target", &target]);
    passes(runner, &worker).await;
    worker.stop().await;
    drop(worker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}

pub(crate) fn runner(script: &str) -> Command {
    let golden = repository().join("tests/golden");
    let mut command = Command::new(python(&golden.join("requirements.txt")));
    command.arg(golden.join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn python(requirements: &Path) -> String {
    let output = Command::new(scripts().join("python.sh")).arg(requirements).output().expect("the script can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub(crate) async fn passes(mut runner: Command, worker: &Worker) {
    let output = tokio::task::spawn_blocking(move || runner.output()).await.expect("waiting does not panic");
    let output = output.expect("the runner can be run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default().to_owned();
    println!("{text}");
    let failed = !output.status.success() || !last.ends_with(" 0 failed") || last.starts_with("0 ");
    assert!(!failed, "{last}\n{}\n{}", String::from_utf8_lossy(&output.stderr), worker.log_file().display());
}
