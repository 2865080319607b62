//! `golden FILE...`: runs files of golden cases, says what failed, and counts.
//!
//! A file holds a case a line, of any of the formats in `tests/golden/{transforms,converters,values}`. Where this
//! project answers otherwise on purpose, its own answer is expected: `differences.jsonl` of those folders is part of
//! the program, so that it judges a copy of the files anywhere. Exits with 1 when a case failed.
//!
//! `golden --answers FILE...` prints instead, for each failed case of a transform, what this project answers: the
//! start of a line of `differences.jsonl`, which needs its reason.

mod numbers;
mod pipeline;
mod values;

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use connect_testkit::golden::{Converters, Outcome, Report, Transforms, cases, differences, differences_of, shown};
use serde_json::{Value as Json, json};

const CONVERTERS: Converters =
    Converters { converters: connect_converters::CONVERTERS, header_converters: connect_converters::HEADER_CONVERTERS };

/// The newest version's cases are judged as that version answers; older ones by what their settings meant then.
const STRICT: &[(&str, &str)] = &[("millrace.compat.strict", "true")];

fn transforms(extra: &'static [(&'static str, &'static str)]) -> Transforms {
    Transforms { transforms: connect_transforms::TRANSFORMS, predicates: connect_transforms::PREDICATES, extra }
}

/// On-purpose differences of a kind of cases.
fn known_differences(kind: Kind) -> BTreeMap<String, Json> {
    differences_of(match kind {
        Kind::Transforms => include_str!("../../../golden/transforms/differences.jsonl"),
        Kind::Converters => include_str!("../../../golden/converters/differences.jsonl"),
        Kind::Values => include_str!("../../../golden/values/differences.jsonl"),
    })
}

#[derive(Clone, Copy)]
enum Kind {
    Transforms,
    Converters,
    Values,
}

impl Kind {
    fn of(case: &Json) -> Self {
        if case.get("converter").is_some() {
            Kind::Converters
        } else if case.get("transform").is_some() || case.get("chain").is_some() {
            Kind::Transforms
        } else {
            Kind::Values
        }
    }
}

/// The settings that transforms get besides their own, by the version that the file's name tells.
fn extra(file: &Path) -> &'static [(&'static str, &'static str)] {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let old = name.ends_with("_2_7") || name.ends_with("_1_9");
    if old { &[] } else { STRICT }
}

fn run_file(file: &Path) -> Report {
    let cases = cases(file);
    let mut report = Report::default();
    let Some(kind) = cases.first().map(Kind::of) else { return report };
    let mut different = known_differences(kind);
    if let Some(folder) = file.parent() {
        different.extend(differences(folder));
    }
    let transforms = transforms(extra(file));
    for case in &cases {
        let id = case["id"].as_str().unwrap_or_default();
        let expected = different.get(id).unwrap_or(&case["expect"]);
        let outcome = match kind {
            Kind::Transforms if case["op"] == "pipeline" => pipeline::run(case, expected, &transforms),
            Kind::Transforms => transforms.run_case(case, &different),
            Kind::Converters => CONVERTERS.run_case(case, &different),
            Kind::Values => values::run(case, expected),
        };
        report.add(id, outcome);
    }
    report
}

fn print_answers(file: &Path) {
    let failed: Vec<String> = run_file(file).failed;
    let transforms = transforms(extra(file));
    for case in cases(file) {
        let id = case["id"].as_str().unwrap_or_default();
        let failed = failed.iter().any(|failure| failure.starts_with(&format!("{id}: ")));
        if failed && let Ok(answer) = transforms.answer(&case) {
            println!("{}", json!({ "id": id, "why": "", "expect": answer }));
        }
    }
}

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: golden [--answers] FILE...");
        return ExitCode::from(2);
    }
    if files[0] == "--answers" {
        files.iter().skip(1).for_each(|file| print_answers(Path::new(file)));
        return ExitCode::SUCCESS;
    }
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for file in &files {
        let report = run_file(Path::new(file));
        for failure in &report.failed {
            println!("FAILED {failure}");
        }
        for (class, count) in &report.unknown {
            println!("SKIPPED {count} cases of {class}");
        }
        for what in &report.not_representable {
            println!("SKIPPED {what}");
        }
        if files.len() > 1 {
            println!("{file}: {} passed, {} failed, {} skipped", report.passed, report.failed.len(), report.skipped());
        }
        passed += report.passed;
        failed += report.failed.len();
        skipped += report.skipped();
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    ExitCode::from(u8::from(failed > 0))
}

/// A case's answer against the expected one, both as JSON.
fn judge(expected: &Json, found: &Json) -> Outcome {
    match expected == found {
        true => Outcome::Passed,
        false => Outcome::Failed(format!("expected {}, got {}", shown(expected), shown(found))),
    }
}
