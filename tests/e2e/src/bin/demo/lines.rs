//! The job that needs no other system: test data through transforms into a topic, and from there into a file.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::parts::{Parts, WorkerProcess};

/// The first line comes after the source's first pause; one that takes longer is not coming.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Posts the connectors and prints each line as it comes into the file.
pub(crate) async fn show(worker: &WorkerProcess, count: Option<u64>) -> Result<(), String> {
    let (connectors, file) = Parts::embedded_files();
    let mut at = length(&file);
    for connector in connectors {
        worker.post(&connector).await?;
    }
    println!("\nTo look around, in another terminal:");
    println!("  curl {}/connectors?expand=status", worker.url);
    println!("  kcat -b {} -t demo.orders -o -5 -e", worker.kafka);
    println!("The worker writes its log to {}. Ctrl-C stops it.\n", worker.log.display());
    let (mut shown, mut last) = (0, Instant::now());
    while count.is_none_or(|count| shown < count) {
        for line in new_lines(&file, &mut at)? {
            println!("  {}  {line}", file.display());
            shown += 1;
            last = Instant::now();
        }
        if let Some(failure) = worker.failure().await {
            return Err(failure);
        }
        if last.elapsed() > ARRIVES_WITHIN {
            return Err(format!("no line came within {ARRIVES_WITHIN:?}; see the worker's log"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

fn length(file: &Path) -> usize {
    std::fs::metadata(file).map_or(0, |metadata| usize::try_from(metadata.len()).unwrap_or(usize::MAX))
}

/// Whole lines behind `at`, which moves behind them.
fn new_lines(file: &Path, at: &mut usize) -> Result<Vec<String>, String> {
    if length(file) <= *at {
        return Ok(Vec::new());
    }
    let bytes = std::fs::read(file).map_err(|error| format!("could not read {}: {error}", file.display()))?;
    let new = bytes.get(*at..).unwrap_or_default();
    let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    *at += whole;
    Ok(String::from_utf8_lossy(&new[..whole]).lines().map(str::to_owned).collect())
}
