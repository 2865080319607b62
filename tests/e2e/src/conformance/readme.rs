//! The table of results: on the terminal as rows end, and in README.md between two comments.

use std::path::PathBuf;

use super::{Conformance, Counts, Row};
use crate::services::repository;

const START: &str = "<!-- the lines down to the end mark are written by `make conformance` -->";
const END: &str = "<!-- end of what `make conformance` writes -->";
const HEAD: [&str; 2] = ["| judged against the originals | passed | failed | not judged |", "|---|---|---|---|"];

/// README.md with its table taken apart.
pub struct Table {
    file: PathBuf,
    before: String,
    lines: Vec<String>,
    after: String,
}

impl Table {
    /// # Panics
    /// When README.md has no place for the table.
    pub fn of_readme() -> Self {
        let file = repository().join("README.md");
        let text = std::fs::read_to_string(&file).expect("README.md can be read");
        let (before, rest) = text.split_once(START).expect("README.md has the start mark");
        let (table, after) = rest.split_once(END).expect("README.md has the end mark");
        let lines = table.lines().filter(|line| line.starts_with("| ")).skip(1).map(str::to_owned).collect();
        Self { file, before: before.to_owned(), lines, after: after.to_owned() }
    }

    /// The names of its rows.
    pub fn names(&self) -> Vec<&str> {
        self.lines.iter().map(|line| name_of(line)).collect()
    }

    /// Puts in the result of a row; those of other rows stay.
    pub fn put(&mut self, row: &Row, counts: &Counts) {
        let line = line(row, counts);
        match self.lines.iter_mut().find(|line| name_of(line) == row.name) {
            Some(old) => *old = line,
            None => self.lines.push(line),
        }
    }

    /// Writes README.md again, with the rows in the order of the file.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn write(mut self, conformance: &Conformance) {
        let place = |line: &String| conformance.rows.iter().position(|row| row.name == name_of(line));
        self.lines.retain(|line| place(line).is_some());
        self.lines.sort_by_key(place);
        let table = HEAD.iter().copied().chain(self.lines.iter().map(String::as_str)).collect::<Vec<_>>().join("\n");
        let text = format!("{}{START}\n{table}\n{END}{}", self.before, self.after);
        std::fs::write(&self.file, text).expect("README.md can be written");
    }
}

/// The names of the rows that the table must have.
pub fn table_rows(conformance: &Conformance) -> Vec<&str> {
    conformance.rows.iter().map(|row| row.name.as_str()).collect()
}

fn name_of(line: &str) -> &str {
    line.trim_start_matches("| ").split(" |").next().unwrap_or_default()
}

fn line(row: &Row, counts: &Counts) -> String {
    let reasons: Vec<String> = counts.skipped.iter().map(|(why, count)| format!("{count} {why}")).collect();
    format!("| {} | {} | {} | {} |", row.name, counts.passed, counts.failed, reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_was_not_judged_and_is_found_by_its_name() {
        let conformance = Conformance::read();
        let row = &conformance.rows[0];
        let mut counts = Counts { passed: 7, ..Counts::default() };
        counts.skip("dates", 2);
        counts.skip("maps", 1);
        let written = line(row, &counts);
        assert_eq!(written, format!("| {} | 7 | 0 | 2 dates; 1 maps |", row.name));
        assert_eq!(name_of(&written), row.name);
    }
}
