//! Cases captured from the JVM, as data.

use std::path::Path;

use connect_testkit::golden::Converters;

fn check(file: &str, passed: usize) {
    let converters = Converters {
        converters: connect_converters::CONVERTERS,
        header_converters: connect_converters::HEADER_CONVERTERS,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/converters");
    let report = converters.run(&folder.join(file));
    report.assert_none_failed();
    assert_eq!(
        report.passed, passed,
        "unknown: {:?}, not representable: {:?}",
        report.unknown, report.not_representable
    );
}

#[test]
fn json_converter_answers_as_the_jvm() {
    check("json.jsonl", 567);
}

#[test]
fn simple_converters_answer_as_the_jvm() {
    check("simple.jsonl", 311);
}

#[test]
fn header_converters_answer_as_the_jvm() {
    check("header.jsonl", 305);
}

/// What `Values.parseString` answered, as header text.
#[test]
fn header_text_is_read_as_the_jvm_reads_it() {
    check("parse.jsonl", 474);
}
