//! `golden [--set NAME=VALUE]... FILE...`: runs files of golden cases, says what failed, and counts.
//!
//! A file holds cases of any of the formats in `tests/golden/{transforms,converters,values,internal-topics}`, one a line,
//! or a list of those in `group-protocol`. Where this project answers otherwise on purpose, its own answer is expected:
//! `differences.jsonl` of those folders is part of the program, so that it judges a copy of the files anywhere. With
//! `--set` transforms get these settings beside their own; without, those that fit the version that the file's name
//! tells. Exits with 1 when a case failed.
//!
//! `golden --answers FILE...` prints instead, for each failed case of a transform, what this project answers: the
//! start of a line of `differences.jsonl`, which needs its reason.

mod group;
mod numbers;
mod pipeline;
mod topics;
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
        Kind::Group | Kind::Topics => "",
    })
}

#[derive(Clone, Copy)]
enum Kind {
    Transforms,
    Converters,
    Values,
    Group,
    Topics,
}

impl Kind {
    fn of(case: &Json) -> Self {
        if topics::is(case) {
            Kind::Topics
        } else if group::is(case) {
            Kind::Group
        } else if case.get("converter").is_some() {
            Kind::Converters
        } else if case.get("transform").is_some() || case.get("chain").is_some() {
            Kind::Transforms
        } else {
            Kind::Values
        }
    }
}

/// Settings that transforms get besides their own.
type Extra = &'static [(&'static str, &'static str)];

/// Those that fit the version that the file's name tells.
fn by_name(file: &Path) -> Extra {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let old = name.ends_with("_2_7") || name.ends_with("_1_9");
    if old { &[] } else { STRICT }
}

/// A list is one document; all else is a case a line.
fn read(file: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    match serde_json::from_str(&text) {
        Ok(Json::Array(list)) => list,
        _ => cases(file),
    }
}

fn run_file(file: &Path, extra: Extra) -> Report {
    let cases = read(file);
    let mut report = Report::default();
    let Some(kind) = cases.first().map(Kind::of) else { return report };
    let mut different = known_differences(kind);
    if let Some(folder) = file.parent() {
        different.extend(differences(folder));
    }
    if let Kind::Topics = kind {
        topics::run(&cases).into_iter().zip(&cases).for_each(|(outcome, case)| report.add(&topics::id(case), outcome));
        return report;
    }
    let transforms = transforms(extra);
    for (at, case) in cases.iter().enumerate() {
        if let Kind::Group = kind {
            report.add(&group::id(case, at), group::run(case));
            continue;
        }
        let id = case["id"].as_str().unwrap_or_default();
        let expected = different.get(id).unwrap_or(&case["expect"]);
        let outcome = match kind {
            Kind::Transforms if case["op"] == "pipeline" => pipeline::run(case, expected, &transforms),
            Kind::Transforms => transforms.run_case(case, &different),
            Kind::Converters => CONVERTERS.run_case(case, &different),
            Kind::Values | Kind::Group | Kind::Topics => values::run(case, expected),
        };
        report.add(id, outcome);
    }
    report
}

fn print_answers(file: &Path) {
    let failed: Vec<String> = run_file(file, by_name(file)).failed;
    let transforms = transforms(by_name(file));
    for case in cases(file) {
        let id = case["id"].as_str().unwrap_or_default();
        let failed = failed.iter().any(|failure| failure.starts_with(&format!("{id}: ")));
        if failed && let Ok(answer) = transforms.answer(&case) {
            println!("{}", json!({ "id": id, "why": "", "expect": answer }));
        }
    }
}

fn main() -> ExitCode {
    let mut files = Vec::new();
    let mut set: Vec<(&'static str, &'static str)> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument != "--set" {
            files.push(argument);
        } else if let Some((name, value)) = arguments.next().unwrap_or_default().leak().split_once('=') {
            set.push((name, value));
        }
    }
    let set: Extra = set.leak();
    if files.is_empty() {
        eprintln!("usage: golden [--answers] [--set NAME=VALUE]... FILE...");
        return ExitCode::from(2);
    }
    if files[0] == "--answers" {
        files.iter().skip(1).for_each(|file| print_answers(Path::new(file)));
        return ExitCode::SUCCESS;
    }
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for file in &files {
        let file = Path::new(file);
        let report = run_file(file, if set.is_empty() { by_name(file) } else { set });
        for failure in &report.failed {
            println!("FAILED {failure}");
        }
        for (class, count) in &report.unknown {
            println!("SKIPPED {count} cases of {class}");
        }
        for (what, count) in &report.not_representable {
            println!("SKIPPED {count} cases of {what}");
        }
        if files.len() > 1 {
            println!(
                "{}: {} passed, {} failed, {} skipped",
                file.display(),
                report.passed,
                report.failed.len(),
                report.skipped()
            );
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
