//! The program itself, on the files whose cases need transforms and converters, the worker's bytes, or neither.

use std::{path::Path, process::Command};

/// Runs one file and compares the line that counts.
fn check(file: &str, counts: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden");
    let output = Command::new(env!("CARGO_BIN_EXE_golden")).arg(folder.join(file)).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let shown: Vec<&str> = text.lines().filter(|line| !line.starts_with("SKIPPED")).collect();
    assert_eq!(shown.last(), Some(&counts), "{}", shown.join("\n"));
    assert!(output.status.success());
}

#[test]
fn random_records_pass_converters_and_transforms_as_in_the_jvm() {
    check("transforms/fuzz.jsonl", "741 passed, 0 failed, 0 skipped");
}

#[test]
fn numbers_are_written_and_read_as_in_java() {
    check("values/numbers.jsonl", "369 passed, 0 failed, 0 skipped");
}

/// What is skipped is in other time zones and languages than the transforms use.
#[test]
fn dates_are_written_and_read_as_in_java() {
    check("values/dates.jsonl", "525 passed, 0 failed, 128 skipped");
}

#[test]
fn patterns_match_and_replace_as_in_java() {
    check("values/regex.jsonl", "404 passed, 0 failed, 0 skipped");
}

#[test]
fn header_text_is_read_as_in_the_jvm() {
    check("values/fuzz.jsonl", "309 passed, 0 failed, 0 skipped");
}

/// What is skipped calls Java's builders and typed getters, which this project has no use for.
#[test]
fn single_values_answer_as_in_the_jvm() {
    check("values/values.jsonl", "1005 passed, 0 failed, 240 skipped");
}

#[test]
fn records_of_internal_topics_are_written_with_the_bytes_of_the_jvm() {
    check("internal-topics/connect-configs.jsonl", "53 passed, 0 failed, 0 skipped");
    check("internal-topics/connect-status.jsonl", "100 passed, 0 failed, 0 skipped");
    check("internal-topics/connect-offsets.jsonl", "8 passed, 0 failed, 0 skipped");
}

#[test]
fn group_metadata_and_assignments_have_the_bytes_of_the_jvm() {
    check("group-protocol/sessioned.json", "58 passed, 0 failed, 0 skipped");
    check("group-protocol/compatible.json", "58 passed, 0 failed, 0 skipped");
    check("group-protocol/eager.json", "26 passed, 0 failed, 0 skipped");
    check("group-protocol/join-protocols.json", "3 passed, 0 failed, 0 skipped");
}

#[test]
fn odd_input_of_the_group_is_read_as_the_jvm_reads_it() {
    check("group-protocol/reader-tolerance.json", "11 passed, 0 failed, 1 skipped");
}

#[test]
fn a_failed_case_fails_the_program() {
    let file = std::env::temp_dir().join(format!("golden-{}.jsonl", std::process::id()));
    let case = r#"{"id":"wrong","op":"parseDouble","text":"1","expect":{"f64":"2.0"}}"#;
    std::fs::write(&file, case).expect("a file can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_golden")).arg(&file).output().expect("the program runs");
    std::fs::remove_file(&file).expect("the file is there");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text, "FAILED wrong: f64: expected \"2.0\", got \"1.0\"\n0 passed, 1 failed, 0 skipped\n");
    assert_eq!(output.status.code(), Some(1));
}
