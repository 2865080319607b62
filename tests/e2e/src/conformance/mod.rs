//! What the originals answered, all of it: `tests/golden/conformance.toml` names what is judged and by whom.
//!
//! `make conformance` runs every row, and the tests of `make test` take theirs from the same file.

mod cases;
mod client;
mod openapi;
mod readme;
mod rest;
mod runner;
mod settings;
mod sink;
mod source;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

pub use readme::{Table, table_rows};

use crate::{services::repository, worker::Worker};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conformance {
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
    /// The properties of workers that REST scenarios were captured from.
    #[serde(rename = "variant")]
    variants: BTreeMap<String, BTreeMap<String, String>>,
}

/// One line of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub name: String,
    judge: Judge,
    folder: String,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
    #[serde(default)]
    differences: Option<String>,
    #[serde(default)]
    tells: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Judge {
    Rest,
    Settings,
    Cases,
    Mysql,
    EsSink,
    Openapi,
    Client,
}

/// What became of the cases of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    /// What failed, as the judge says it.
    pub failures: Vec<String>,
    /// How many were not judged, by the reason.
    pub skipped: BTreeMap<String, usize>,
}

/// Why a row could not be run at all: a machine without network, or without what is not in the tree.
#[derive(Debug)]
pub struct NotHere(pub String);

pub type Judged = Result<Counts, NotHere>;

impl Counts {
    fn skip(&mut self, why: &str, count: usize) {
        *self.skipped.entry(why.to_owned()).or_default() += count;
    }

    fn fail(&mut self, what: String) {
        self.failed += 1;
        self.failures.push(what);
    }

    pub fn skipped(&self) -> usize {
        self.skipped.values().sum()
    }

    fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        for (why, count) in other.skipped {
            self.skip(&why, count);
        }
    }
}

impl Conformance {
    /// Reads the file.
    ///
    /// # Panics
    /// When it is not as it should be: it is part of the repository.
    pub fn read() -> Self {
        let file = golden().join("conformance.toml");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// Judges a row.
    ///
    /// # Panics
    /// When what is judged or what it needs can't be started.
    pub async fn judge(&self, row: &Row) -> Judged {
        if let Some(differences) = &row.differences {
            let found = golden().join(differences);
            assert!(found.exists(), "{}: there is no {}", row.name, found.display());
        }
        match row.judge {
            Judge::Rest => rest::judge(row, &self.variants).await,
            Judge::Settings => settings::judge(row).await,
            Judge::Cases => cases::judge(row),
            Judge::Mysql => source::judge(row).await,
            Judge::Openapi => openapi::judge(row).await,
            Judge::Client => client::judge(row).await,
            Judge::EsSink => sink::judge(row).await,
        }
    }

    /// For tests: judges the row of this name, which must be there whole.
    ///
    /// # Panics
    /// When a case failed or none passed.
    pub async fn assert_passes(&self, name: &str) {
        let row = self.rows.iter().find(|row| row.name == name).expect("a row of conformance.toml");
        let counts = self.judge(row).await.unwrap_or_else(|NotHere(why)| panic!("{name}: {why}"));
        assert!(counts.failed == 0 && counts.passed > 0, "{name}: {counts:#?}");
    }
}

impl Row {
    /// Where the original's answers are, if they are on this machine.
    fn folder(&self) -> Result<PathBuf, NotHere> {
        let Some(name) = self.folder.strip_prefix("shared:") else { return Ok(golden().join(&self.folder)) };
        let folder = match std::env::var_os("MILLRACE_GOLDEN") {
            Some(folder) => PathBuf::from(folder),
            None => repository().join("../shared/golden"),
        };
        let folder = folder.join(name);
        match folder.is_dir() {
            true => Ok(folder),
            false => Err(NotHere(format!("{} is not here (MILLRACE_GOLDEN names the folder)", folder.display()))),
        }
    }

    /// Tells the worker's log what the cases bring about on purpose.
    fn expect(&self, worker: &Worker) {
        let words: Vec<&str> = self.tells.iter().map(String::as_str).collect();
        worker.expects(&words);
    }

    fn option(&self, name: &str) -> &str {
        self.options.get(name).map(String::as_str).unwrap_or_else(|| panic!("{}: no option {name}", self.name))
    }
}

fn golden() -> PathBuf {
    repository().join("tests/golden")
}

/// A folder of a row's own for what it starts. It stays where the row panicked, for whoever looks for the reason.
struct Scratch(PathBuf);

impl Scratch {
    fn of(row: &Row) -> Self {
        let name: String = row.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        Self(crate::services::fresh_dir(&format!("conformance_{name}")))
    }
}

impl std::ops::Deref for Scratch {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking()
            && let Err(error) = std::fs::remove_dir_all(&self.0)
        {
            println!("could not remove {}: {error}", self.0.display());
        }
    }
}
