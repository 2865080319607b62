//! Cases captured from the JVM, as data.

use std::path::Path;

use connect_testkit::golden::{Converters, configdef_differences};

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

#[test]
fn converters_answer_random_values_as_the_jvm() {
    check("fuzz.jsonl", 532);
}

#[test]
fn settings_are_those_of_the_jvm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/configdef");
    let mut differences = Vec::new();
    for plugin in connect_converters::CONVERTERS {
        differences.extend(configdef_differences((plugin.config)(), &folder, plugin.class));
    }
    for plugin in connect_converters::HEADER_CONVERTERS {
        differences.extend(configdef_differences((plugin.config)(), &folder, plugin.class));
    }
    assert_eq!(differences, Vec::<String>::new());
}
