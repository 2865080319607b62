//! Clients of Kafka Connect that others wrote: a script of ours does with each what its users do.

use std::process::Command;

use super::{Judged, NotHere, Row, golden, remove, runner, scratch};
use crate::{services::scripts, worker::Worker};

pub(super) async fn judge(row: &Row) -> Judged {
    let folder = golden().join(&row.folder);
    let mut client = match row.option("language") {
        "java" => {
            let mut java = Command::new("java");
            java.arg("-cp").arg(jars(row)?).arg(folder.join("Client.java"));
            java
        }
        _ => {
            let mut python = Command::new(runner::python(&format!("{}/requirements.txt", row.folder))?);
            python.arg(folder.join("client.py"));
            python
        }
    };
    let dir = scratch(row);
    let file = dir.join("lines.txt");
    std::fs::write(&file, "one\ntwo\n").expect("the row's folder can be written");
    let mut worker = Worker::with_broker(&dir).0.ready_after_start().await;
    client.arg(&worker.url).arg(&file);
    let counts = runner::counts(client).await;
    worker.stop().await;
    drop(worker);
    remove(&dir);
    Ok(counts)
}

/// The class path of the client and what it needs.
fn jars(row: &Row) -> Result<String, NotHere> {
    let pom = golden().join(&row.folder).join("pom.xml");
    let output = Command::new(scripts().join("java.sh")).arg(pom).output().expect("the script can be run");
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(NotHere(runner::reason("the jars of the client can't be had", &output))),
    }
}
