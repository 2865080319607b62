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

#[test]
fn debezium_transforms_answer_as_version_3() {
    check("debezium.jsonl", &[("millrace.compat.strict", "true")], 206);
}

#[test]
fn old_settings_mean_what_they_meant_in_version_2() {
    check("debezium_2_7.jsonl", &[], 273);
}

#[test]
fn apache_transforms_answer_as_the_jvm() {
    check("apache.jsonl", &[("millrace.compat.strict", "true")], 1591);
}

#[test]
fn transforms_answer_random_records_as_the_jvm() {
    check("fuzz.jsonl", &[("millrace.compat.strict", "true")], 336);
}

#[test]
fn settings_are_those_of_the_jvm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/configdef");
    let mut differences = Vec::new();
    for plugin in connect_transforms::TRANSFORMS {
        differences.extend(configdef_differences((plugin.config)(), &folder, plugin.class));
    }
    for plugin in connect_transforms::PREDICATES {
        differences.extend(configdef_differences((plugin.config)(), &folder, plugin.class));
    }
    assert_eq!(differences, Vec::<String>::new());
}
