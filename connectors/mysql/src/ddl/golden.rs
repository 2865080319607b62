//! Every DDL statement of the golden scenarios gives the table changes that the JVM recorded.

use std::path::{Path, PathBuf};

use connect_cdc::{table::Tables, table_json};
use serde_json::{Value as Json, json};

use super::{Change, ChangeKind, Dialect, Parser};

/// A scenario: its first line says what it is about, the others are statements with the records they gave.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) head: Json,
    pub(crate) steps: Vec<Json>,
}

impl Scenario {
    pub(crate) fn dialect(&self) -> Dialect {
        if self.head["dialect"] == "mariadb" { Dialect::MariaDb } else { Dialect::MySql }
    }

    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.head["options"][name].as_str()
    }

    pub(crate) fn parser(&self) -> Parser {
        Parser::new(self.dialect(), self.option("include.schema.comments") == Some("true"))
    }
}

pub(crate) fn scenarios() -> Vec<Scenario> {
    scenarios_in(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/mysql-tables"))
}

pub(crate) fn scenarios_in(folder: &Path) -> Vec<Scenario> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let scenario = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let head: Json = lines.next().unwrap();
        Scenario { name: head["scenario"].as_str().unwrap().to_owned(), head, steps: lines.collect() }
    };
    files.iter().map(scenario).collect()
}

fn recorded(changes: &[Change]) -> Vec<Json> {
    let record = |change: &Change| {
        let table_changes: Vec<Json> = change.table_changes.iter().map(table_json::encode).collect();
        json!({"database": change.database, "ddl": change.ddl, "tableChanges": table_changes})
    };
    changes.iter().filter(|change| change.kind != ChangeKind::Truncate).map(record).collect()
}

fn check(scenario: &Scenario) -> Result<(), String> {
    let mut parser = scenario.parser();
    let mut tables = Tables::new(false);
    for step in &scenario.steps {
        let (database, statement) = (step["database"].as_str().unwrap(), step["statement"].as_str().unwrap());
        let changes = parser.apply(&mut tables, database, statement).map_err(|error| error.to_string())?;
        let expected = step["records"].as_array().unwrap();
        let found = recorded(&changes);
        if found != *expected {
            let line = |records: &[Json]| records.iter().map(Json::to_string).collect::<Vec<_>>().join("\n  ");
            return Err(format!("{statement}\nexpected\n  {}\nfound\n  {}", line(expected), line(&found)));
        }
    }
    Ok(())
}

/// Scenarios that differ on purpose; `tests/golden/DIFFERENCES.md` says why.
const DIFFERENT: &[&str] = &["132-mariadb-ddl", "167-ddl-rename-swap"];

#[test]
fn statements_give_the_recorded_table_changes() {
    let mut problems = String::new();
    for scenario in scenarios() {
        let expected = !DIFFERENT.contains(&scenario.name.as_str());
        match check(&scenario) {
            Err(problem) if expected => problems += &format!("{}: {problem}\n\n", scenario.name),
            Ok(()) if !expected => problems += &format!("{}: it does not differ any more\n\n", scenario.name),
            _ => {}
        }
    }
    assert!(problems.is_empty(), "{problems}");
}
