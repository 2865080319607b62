//! Golden cases captured from the JVM: the typed notation, and running converters and transforms against them.
//!
//! A folder under `tests/golden` holds `*.jsonl` files, one case a line, and may hold `differences.jsonl`: cases in
//! which this project answers otherwise on purpose, by id, each with its own expected answer and the reason.

mod compare;
mod configdef;
mod converters;
mod notation;
mod render;
mod transforms;

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value as Json;

pub use compare::{MapOrder, config_error, error, same_data};
pub use configdef::configdef_differences;
pub use converters::Converters;
pub use notation::{NotRepresentable, data, props, record, schema, value};
pub use render::{data_json, differing_places, record_json, schema_json, shown, value_json};
pub use transforms::{ChainAnswer, Transforms};

/// What became of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed(String),
    /// Its class is not among those given.
    Unknown(String),
    /// It holds a Java object that the data model has no place for.
    NotRepresentable(String),
}

/// What became of all cases of a run.
#[derive(Debug, Default)]
pub struct Report {
    pub passed: usize,
    pub failed: Vec<String>,
    pub unknown: BTreeMap<String, usize>,
    /// By what it is.
    pub not_representable: BTreeMap<String, usize>,
}

impl Report {
    /// How many cases were not run: their class is not there, or the data model has no place for what they hold.
    pub fn skipped(&self) -> usize {
        self.unknown.values().chain(self.not_representable.values()).sum()
    }

    pub fn add(&mut self, id: &str, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed(why) => self.failed.push(format!("{id}: {why}")),
            Outcome::Unknown(class) => *self.unknown.entry(class).or_default() += 1,
            Outcome::NotRepresentable(what) => *self.not_representable.entry(what).or_default() += 1,
        }
    }

    /// Panics with the first failures when a case failed.
    pub fn assert_none_failed(&self) {
        let shown: Vec<&str> = self.failed.iter().take(FAILURES_SHOWN).map(String::as_str).collect();
        assert!(self.failed.is_empty(), "{} cases failed:\n{}", self.failed.len(), shown.join("\n"));
    }
}

/// Enough to see a pattern, few enough to read.
const FAILURES_SHOWN: usize = 60;

/// The cases of a file in order.
///
/// # Panics
/// When the file cannot be read or a line is no JSON: golden files are part of the repository.
pub fn cases(file: &Path) -> Vec<Json> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("could not read {}: {error}", file.display()));
    let case = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().filter(|line| !line.is_empty()).map(case).collect()
}

/// Expected answers that differ from the JVM's on purpose, by the id of the case.
pub fn differences(folder: &Path) -> BTreeMap<String, Json> {
    let file = folder.join("differences.jsonl");
    if !file.exists() {
        return BTreeMap::new();
    }
    by_id(cases(&file))
}

/// The same, of the text of such a file.
pub fn differences_of(text: &str) -> BTreeMap<String, Json> {
    by_id(text.lines().map(|line| serde_json::from_str(line).expect("a line of differences is JSON")).collect())
}

fn by_id(cases: Vec<Json>) -> BTreeMap<String, Json> {
    let difference = |case: Json| {
        let id = case["id"].as_str().expect("a difference names its case").to_owned();
        assert!(case["why"].is_string(), "{id}: a difference has a reason");
        (id, case["expect"].clone())
    };
    cases.into_iter().map(difference).collect()
}
