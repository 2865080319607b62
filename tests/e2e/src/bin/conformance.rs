//! `make conformance`: judges the worker by everything that the originals answered (`tests/golden/conformance.toml`).
//!
//! Prints a line a row and a last one `N passed, N failed, N skipped`, and writes the table of README.md. With
//! arguments only the rows run whose names hold one of them; the other lines of the table stay. Exits with 1 when
//! anything failed. `MILLRACE_BIN` is the worker that is judged.

use std::{process::ExitCode, time::Instant};

use connect_e2e::conformance::{Conformance, Counts, NotHere, Row, Table};

/// Lines of a row's failures: enough to see what is wrong.
const FAILURES_SHOWN: usize = 400;

#[tokio::main]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let conformance: &'static Conformance = Box::leak(Box::new(Conformance::read()));
    let mut table = Table::of_readme();
    let mut total = Counts::default();
    let mut absent = 0;
    let chosen = |row: &&Row| wanted.is_empty() || wanted.iter().any(|part| row.name.contains(part.as_str()));
    println!("{:<56} {:>7} {:>7} {:>8}", "", "passed", "failed", "skipped");
    for row in conformance.rows.iter().filter(chosen) {
        let started = Instant::now();
        // What a row needs may fail to start, which is the failure of this row alone.
        let judged = tokio::spawn(conformance.judge(row)).await;
        let counts = match judged {
            Ok(Ok(counts)) => counts,
            Ok(Err(NotHere(why))) => {
                println!("{:<56} {:>7} {:>7} {:>8}  {why}", row.name, "-", "-", "all");
                absent += 1;
                continue;
            }
            Err(panic) => Counts { failed: 1, failures: vec![panic.to_string()], ..Counts::default() },
        };
        println!(
            "{:<56} {:>7} {:>7} {:>8}  {} s",
            row.name,
            counts.passed,
            counts.failed,
            counts.skipped(),
            started.elapsed().as_secs()
        );
        for failure in counts.failures.iter().flat_map(|text| text.lines()).take(FAILURES_SHOWN) {
            println!("    {failure}");
        }
        for (why, count) in &counts.skipped {
            println!("    skipped: {count} {why}");
        }
        table.put(row, &counts);
        total.passed += counts.passed;
        total.failed += counts.failed;
        for (why, count) in counts.skipped {
            *total.skipped.entry(why).or_default() += count;
        }
    }
    table.write(conformance);
    if absent > 0 {
        println!("{absent} rows could not be run here; README.md keeps what they answered last");
    }
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped());
    ExitCode::from(u8::from(total.failed > 0 || total.passed == 0))
}
