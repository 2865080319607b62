//! Cases of transforms, converters, values and bytes, which the program `golden` judges in its own process.

use std::{path::PathBuf, process::Command};

use super::{Counts, Judged, NotHere, Row};

pub(super) fn judge(row: &Row) -> Judged {
    let program = program()?;
    let folder = row.folder()?;
    let mut counts = Counts::default();
    for file in &row.files {
        let mut command = Command::new(&program);
        for (name, value) in &row.options {
            command.arg("--set").arg(format!("{name}={value}"));
        }
        let output = command.arg(folder.join(file)).output().expect("the program can be run");
        let text = String::from_utf8_lossy(&output.stdout);
        let judged = text.lines().last().and_then(count_line);
        for line in text.lines() {
            if let Some(failure) = line.strip_prefix("FAILED ") {
                counts.fail(format!("{file}: {failure}"));
            } else if let Some((count, why)) =
                line.strip_prefix("SKIPPED ").and_then(|rest| rest.split_once(" cases of "))
            {
                counts.skip(why, count.parse().unwrap_or(1));
            }
        }
        match judged {
            Some(passed) => counts.passed += passed,
            None => counts.fail(format!("{file}: {}", String::from_utf8_lossy(&output.stderr))),
        }
    }
    Ok(counts)
}

fn count_line(line: &str) -> Option<usize> {
    line.split_once(" passed, ")?.0.parse().ok()
}

/// The program is built beside this one.
fn program() -> Result<PathBuf, NotHere> {
    let mut folder = std::env::current_exe().expect("a program knows its own path");
    folder.pop();
    let program = folder.join("golden");
    match program.exists() {
        true => Ok(program),
        false => Err(NotHere(format!("{} is not built", program.display()))),
    }
}
