//! The REST API: scenarios that `replay.py` replays, for each variant of the worker's settings.

use std::collections::BTreeMap;

use super::{Counts, Judged, Row, Scratch, golden, runner};
use crate::{
    broker::Broker,
    worker::{Worker, binary},
};

/// The group that the scenarios count on.
const GROUP: &str = "connect-lab";

pub(super) async fn judge(row: &Row, variants: &BTreeMap<String, BTreeMap<String, String>>) -> Judged {
    let mode = row.option("mode");
    let dir = Scratch::of(row);
    let broker = Broker::start(&dir.join("broker")).await;
    let mut counts = Counts::default();
    for variant in &row.files {
        let dir = dir.join(variant);
        let worker = match mode {
            "standalone" => Worker::alone(&dir, &broker.bootstrap, &[]),
            _ => Worker::new(&dir, &broker.bootstrap, GROUP, binary()),
        };
        for (name, value) in &variants[variant] {
            worker.property(name, value);
        }
        let mut worker = worker.ready_after_start().await;
        row.expect(&worker);
        let mut runner = runner::runner("rest/replay.py")?;
        runner.args([&worker.url, "--mode", mode, "--worker", variant]);
        if let Some(differences) = &row.differences {
            runner.arg("--differences").arg(golden().join(differences));
        }
        counts.add(runner::counts(runner).await);
        worker.stop().await;
    }
    Ok(counts)
}
