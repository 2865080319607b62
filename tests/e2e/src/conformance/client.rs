//! Clients of Kafka Connect that others wrote, or that a generator of others makes: a script of ours does with each what
//! its users do.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{Judged, NotHere, Row, Scratch, golden, runner};
use crate::{services::scripts, worker::Worker};

pub(super) async fn judge(row: &Row) -> Judged {
    let folder = golden().join(&row.folder);
    let dir = Scratch::of(row);
    let mut worker = Worker::with_broker(&dir).0.ready_after_start().await;
    row.expect(&worker);
    let mut client = match row.option("language") {
        "go" => built(&folder, &dir)?,
        "openapi" => generated(&folder, &dir, &worker).await?,
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
    let file = dir.join("lines.txt");
    std::fs::write(&file, "one\ntwo\n").expect("the row's folder can be written");
    client.arg(&worker.url).arg(&file);
    let counts = runner::counts(client).await;
    worker.stop().await;
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

/// A program with clients of the registry.
fn built(folder: &Path, dir: &Path) -> Result<Command, NotHere> {
    let module = copied(folder, dir, &["go.mod", "go.sum", "main.go"])?;
    go(&module, &["build", "-o", "run", "."])?;
    Ok(Command::new(module.join("run")))
}

/// A Go module where it can be built, with the steps that both share and what it needs.
fn copied(folder: &Path, dir: &Path, files: &[&str]) -> Result<PathBuf, NotHere> {
    let module = dir.join("client");
    std::fs::create_dir_all(&module).expect("the row's folder can be written");
    for file in files {
        std::fs::copy(folder.join(file), module.join(file)).expect("a file of the client can be copied");
    }
    std::fs::copy(folder.join("../steps.go"), module.join("steps.go")).expect("the steps can be copied");
    go(&module, &["mod", "download"])?;
    Ok(module)
}

/// A program with the client that oapi-codegen makes of what the worker says of itself.
async fn generated(folder: &Path, dir: &Path, worker: &Worker) -> Result<Command, NotHere> {
    let module = copied(folder, dir, &["go.mod", "go.sum", "main.go", "oapi-codegen.yaml"])?;
    std::fs::create_dir_all(module.join("connect")).expect("the row's folder can be written");
    let description = worker.get("/openapi.json").await.body.to_string();
    std::fs::write(module.join("openapi.json"), description).expect("the row's folder can be written");
    // From here on a failure is the description's.
    let made = go(&module, &["tool", "oapi-codegen", "-config", "oapi-codegen.yaml", "openapi.json"])
        .and_then(|()| go(&module, &["build", "-o", "run", "."]));
    assert!(made.is_ok(), "no client can be made of /openapi.json: {made:?}");
    Ok(Command::new(module.join("run")))
}

fn go(module: &Path, arguments: &[&str]) -> Result<(), NotHere> {
    let output = Command::new("go").args(arguments).current_dir(module).output();
    let output = output.map_err(|error| NotHere(format!("go can't be run: {error}")))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(NotHere(runner::reason(&format!("go {}", arguments.join(" ")), &output))),
    }
}
