//! `make run`: the main job of Millrace, made visible. A row changed in MySQL becomes a document in Elasticsearch.
//!
//! Brings up a database and a search engine, starts broker and worker in one process, posts `config/demo/*.json`,
//! changes rows and prints each change as it arrives in the index. Where database or search engine can't be had, it shows
//! a job that needs neither. Ctrl-C stops everything; the next start resumes where it stopped.

mod changes;
mod lines;
mod parts;

use std::time::{Duration, Instant};

use changes::Changes;
use parts::{Parts, WorkerProcess};

/// Pause between two changes, long enough to read one and short enough not to wait for the next.
const CHANGE_EVERY: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `make run CHANGES=5` ends by itself after five changes; without it the demo runs until Ctrl-C.
    let count = std::env::var("CHANGES").ok().and_then(|text| text.parse().ok());
    println!("Millrace: a row changed in the database becomes a document in the search index\n");
    let mut parts = Parts::default();
    let outcome = tokio::select! {
        outcome = demonstrate(&mut parts, count) => outcome,
        () = stop_signal() => {
            println!("\nstopping what this demo started");
            Ok(())
        }
    };
    parts.stop().await;
    if let Err(reason) = outcome {
        eprintln!("error: {reason}");
        std::process::exit(1);
    }
    println!("stopped; `make run` goes on from here");
}

async fn demonstrate(parts: &mut Parts, count: Option<u64>) -> Result<(), String> {
    let services = parts.start_services();
    let started = Instant::now();
    parts.worker = Some(WorkerProcess::start(parts).await?);
    let worker = parts.worker.as_ref().expect("started on the line above");
    println!(
        "  {:<14} {:<28} ready in {} ms, {} MB, with a Kafka broker on {}",
        "Millrace",
        worker.url,
        started.elapsed().as_millis(),
        worker.memory_mb(),
        worker.kafka
    );
    match services {
        Ok(()) => main_job(parts, worker, count).await?,
        Err(reason) => {
            println!(
                "\nThe main job can't run here: {reason}.\nShown instead: test data through transforms into a file.\n"
            );
            lines::show(worker, count).await?;
        }
    }
    println!("\nthe worker used {} MB", worker.memory_mb());
    Ok(())
}

async fn main_job(parts: &Parts, worker: &WorkerProcess, count: Option<u64>) -> Result<(), String> {
    let mut changes = Changes::prepare(parts).await?;
    let posted = Instant::now();
    for file in parts.connector_files() {
        worker.post(&file).await?;
    }
    let documents = changes.wait_for_all_rows(worker).await?;
    println!(
        "\n{documents} rows are in the index {} after {:.1} s\n",
        changes.index_url(),
        posted.elapsed().as_secs_f64()
    );
    print_hints(parts, worker, &changes);
    let mut done = 0;
    while count.is_none_or(|count| done < count) {
        changes.one().await?;
        done += 1;
        tokio::time::sleep(CHANGE_EVERY).await;
    }
    Ok(())
}

fn print_hints(parts: &Parts, worker: &WorkerProcess, changes: &Changes) {
    println!("To look around, in another terminal:");
    println!("  curl {}/connectors?expand=status", worker.url);
    println!("  curl {}/metrics", worker.url);
    println!("  curl '{}/_search?pretty'", changes.index_url());
    println!("  kcat -b {} -t asgard.demo.CUSTOMERS -o -5 -e", worker.kafka);
    println!("  {}", parts.sql_command("UPDATE demo.CUSTOMERS SET comments='hello' WHERE id=1"));
    println!("The worker writes its log to {}. Ctrl-C stops everything.\n", worker.log.display());
}

async fn stop_signal() {
    let mut terminate =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).expect("signals can be listened to");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => (),
        _ = terminate.recv() => (),
    }
}
