//! The Elasticsearch sink: scenarios that `run.py` runs against a real engine and against its own stub.

use super::{Judged, Row, Scratch, runner};
use crate::{services::Service, worker::Worker};

pub(super) async fn judge(row: &Row) -> Judged {
    let dir = Scratch::of(row);
    let bootstrap = format!("127.0.0.1:{}", Service::Kafka.shared());
    let target = format!("http://127.0.0.1:{}", Service::Elasticsearch.shared());
    let group = format!("golden-es-{}", std::process::id());
    let mut worker = Worker::start(&dir.join("worker"), &bootstrap, &group).await;
    row.expect(&worker);
    let mut runner = runner::runner("es-sink/run.py")?;
    runner.args(["--connect", &worker.url, "--bootstrap", &bootstrap, "--target", &target]);
    let counts = runner::counts(runner).await;
    worker.stop().await;
    Ok(counts)
}
