//! What the JVM's own converter and transforms cost for the same payloads, in the same run.

use std::{collections::HashMap, path::Path, process::Command};

/// Nanoseconds per record by payload and case.
#[derive(Default)]
pub(crate) struct Costs(HashMap<(String, String), f64>);

impl Costs {
    /// Measures them, half a minute long. Nothing where Java can't be had, with a word about it.
    pub(crate) fn measure() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let jars = output(Command::new(here.join("../services/java.sh")).arg(here.join("jvm/pom.xml")));
        let told = jars.and_then(|jars| {
            let mut java = Command::new("java");
            java.args(["-XX:+UseSerialGC", "-Xmx384m", "-cp", jars.trim()]);
            output(java.arg(here.join("jvm/Cost.java")).arg(here.join("../golden/bench")))
        });
        let Some(told) = told else {
            eprintln!("the JVM could not be measured beside; only our own figures follow");
            return Self::default();
        };
        let line = |line: &str| {
            let mut parts = line.split('\t').map(str::to_owned);
            Some(((parts.next()?, parts.next()?), parts.next()?.parse().ok()?))
        };
        Self(told.lines().filter_map(line).collect())
    }

    pub(crate) fn of(&self, payload: &str, case: &str) -> Option<f64> {
        self.0.get(&(payload.to_owned(), case.to_owned())).copied()
    }
}

/// What a program prints, if it succeeds; its errors go where ours go.
fn output(command: &mut Command) -> Option<String> {
    let answer = command.stderr(std::process::Stdio::inherit()).output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).into_owned())
}
