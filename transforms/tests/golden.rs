//! Cases captured from the JVM, as data.

use std::path::Path;

use connect_testkit::golden::{Transforms, configdef_differences};

fn check(file: &str, extra: &'static [(&'static str, &'static str)], passed: usize) {
    let transforms =
        Transforms { transforms: connect_transforms::TRANSFORMS, predicates: connect_transforms::PREDICATES, extra };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/transforms");
    let report = transforms.run(&folder.join(file));
    report.assert_none_failed();
    assert_eq!(
        report.passed, passed,
        "unknown: {:?}, not representable: {:?}",
        report.unknown, report.not_representable
    );
}

/// The newest version ignores settings of older ones.
const STRICT: &[(&str, &str)] = &[("millrace.compat.strict", "true")];

#[test]
fn debezium_transforms_answer_as_version_3() {
    check("debezium.jsonl", STRICT, 994);
}

#[test]
fn old_settings_mean_what_they_meant_in_version_2() {
    check("debezium_2_7.jsonl", &[], 329);
}

#[test]
fn old_settings_mean_what_they_meant_in_version_1() {
    check("debezium_1_9.jsonl", &[], 235);
}

#[test]
fn apache_transforms_answer_as_the_jvm() {
    check("apache.jsonl", STRICT, 1591);
}

/// Those that begin and end with bytes are run by the program `golden`, which has converters.
#[test]
fn transforms_answer_random_records_as_the_jvm() {
    check("fuzz.jsonl", STRICT, 336);
}

/// Transforms whose settings nobody recorded: they are not part of the versions that were captured.
const UNRECORDED: [&str; 3] =
    ["io.confluent.", "com.github.jcustenborder.", "io.debezium.transforms.UnwrapFromEnvelope"];

#[test]
fn settings_are_those_of_the_jvm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/configdef");
    let mut differences = Vec::new();
    let recorded = |class: &str| !UNRECORDED.iter().any(|start| class.starts_with(start));
    for plugin in connect_transforms::TRANSFORMS.iter().filter(|plugin| recorded(plugin.class)) {
        differences.extend(configdef_differences((plugin.config)(), &folder, plugin.class));
    }
    for plugin in connect_transforms::PREDICATES {
        differences.extend(configdef_differences((plugin.config)(), &folder, plugin.class));
    }
    assert_eq!(differences, Vec::<String>::new());
}
