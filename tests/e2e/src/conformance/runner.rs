//! Running the scripts that captured what the originals answered, and reading what they say.

use std::process::{Command, Output};

use super::{Counts, NotHere, golden};
use crate::services::scripts;

/// A script of `tests/golden` with the Python packages that it needs.
pub(super) fn runner(script: &str) -> Result<Command, NotHere> {
    let golden = golden();
    let mut command = Command::new(python("requirements.txt")?);
    command.arg(golden.join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

/// A Python with the packages of a file of `tests/golden`.
pub(super) fn python(requirements: &str) -> Result<String, NotHere> {
    let output = Command::new(scripts().join("python.sh")).arg(golden().join(requirements)).output();
    let output = output.expect("the script can be run");
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(NotHere(reason(&format!("the Python packages of {requirements} can't be had"), &output))),
    }
}

/// What a script that fetches things said when it could not.
pub(super) fn reason(what: &str, output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    format!("{what}: {}", last.unwrap_or_default())
}

/// Runs it and counts by its last line, `N passed, N failed`. What it said of failures is kept.
pub(super) async fn counts(mut command: Command) -> Counts {
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("waiting does not panic");
    let output = output.expect("the runner can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut counts = Counts::default();
    let said = text.lines().last().and_then(passed_and_failed);
    if let Some((passed, failed)) = said {
        (counts.passed, counts.failed) = (passed, failed);
    }
    if !output.status.success() || counts.failed > 0 || said.is_none() {
        counts.failed = counts.failed.max(1);
        counts.failures.extend(text.lines().map(str::to_owned));
        counts.failures.extend(String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned));
    }
    counts
}

fn passed_and_failed(line: &str) -> Option<(usize, usize)> {
    let mut counts = line.split(", ");
    let passed = counts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = counts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some((passed, failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(script: &str, passed: usize, failed: usize) {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        let counts = counts(shell).await;
        assert_eq!((counts.passed, counts.failed), (passed, failed), "{script}: {counts:?}");
    }

    #[tokio::test]
    async fn a_runner_that_says_nothing_or_ends_badly_has_failed() {
        check("echo PASS one; echo '3 passed, 0 failed'", 3, 0).await;
        check("echo '3 passed, 2 failed'; exit 1", 3, 2).await;
        check("echo '3 passed, 0 failed'; exit 1", 3, 1).await;
        check("echo PASS one", 0, 1).await;
        check("exit 0", 0, 1).await;
    }
}
