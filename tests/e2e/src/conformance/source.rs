//! The MySQL and MariaDB source: scenarios that `check.py` runs against real servers, record for record.

use super::{Judged, Row, Scratch, runner};
use crate::{services::Service, worker::Worker};

pub(super) async fn judge(row: &Row) -> Judged {
    let dir = Scratch::of(row);
    // The runner empties the servers before each scenario, so they are no one else's.
    let mysql = Service::Mysql.own(&dir.join("mysql"));
    let mariadb = Service::Mariadb.own(&dir.join("mariadb"));
    let bootstrap = format!("127.0.0.1:{}", Service::Kafka.shared());
    let group = format!("golden-mysql-{}", std::process::id());
    let mut worker = Worker::start(&dir.join("worker"), &bootstrap, &group).await;
    row.expect(&worker);
    let mut runner = runner::runner("mysql/check.py")?;
    runner.args(&row.files).args(["--connect", &worker.url, "--bootstrap", &bootstrap]);
    runner.args(["--mysql-port", &mysql.port.to_string(), "--mariadb-port", &mariadb.port.to_string()]);
    let counts = runner::counts(runner).await;
    worker.stop().await;
    Ok(counts)
}
