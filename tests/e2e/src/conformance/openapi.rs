//! The worker against its own description: schemathesis makes requests of `/openapi.json`, right ones and wrong ones, and
//! checks the answers against it.

use std::process::Command;

use serde_json::{Value, json};

use super::{Counts, Judged, Row, Scratch, golden, runner};
use crate::worker::Worker;

/// The connectors that the settings of schemathesis speak of, by the state they are to be in.
const CONNECTORS: [(&str, &str); 2] = [("paused", "PAUSED"), ("stopped", "STOPPED")];

pub(super) async fn judge(row: &Row) -> Judged {
    let folder = golden().join(&row.folder);
    let python = runner::python(&format!("{}/requirements.txt", row.folder))?;
    let dir = Scratch::of(row);
    let mut worker = Worker::with_broker(&dir).0.ready_after_start().await;
    row.expect(&worker);
    for (name, state) in CONNECTORS {
        let config = json!({"connector.class": "FileStreamSource", "file": dir.join("no-such-file"), "topic": "t"});
        let created = worker.post("/connectors", Some(json!({"name": name, "initial_state": state, "config": config})));
        assert_eq!(created.await.status, 201, "{name} is created");
    }
    let report = dir.join("report.json");
    let mut command = Command::new(python);
    command.args(["-c", "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"]);
    command.arg("--config-file").arg(folder.join("schemathesis.toml")).arg("run").arg("--no-color");
    command.arg(format!("{}/openapi.json", worker.url)).args(["--report", "json", "--report-json-path"]).arg(&report);
    // It leaves its notes in the folder that it runs in.
    command.current_dir(&*dir).env("SCHEMATHESIS_HOOKS", folder.join("hooks.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("waiting does not panic");
    let text = String::from_utf8_lossy(&output.expect("schemathesis can be run").stdout).into_owned();
    let mut counts = counts(&std::fs::read_to_string(&report).unwrap_or_default(), &text);
    if worker.get("/health").await.status != 200 || worker.log().contains("panicked at") {
        counts.fail(format!("the worker is not well afterwards:\n{}", worker.log()));
    }
    worker.stop().await;
    Ok(counts)
}

fn counts(report: &str, said: &str) -> Counts {
    let mut counts = Counts::default();
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    let number = |name: &str| report["test_cases"][name].as_u64().and_then(|number| usize::try_from(number).ok());
    match (number("generated"), number("with_failures"), report["complete"] == true) {
        (Some(generated), Some(failing), true) => {
            counts.passed = generated.saturating_sub(failing);
            counts.failed = failing + report["errors"].as_array().map_or(0, Vec::len);
        }
        _ => counts.failed = 1,
    }
    if counts.failed > 0 {
        counts.failures.push(said.split("= FAILURES =").last().unwrap_or_default().to_owned());
    }
    counts
}
