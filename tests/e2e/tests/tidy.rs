//! The repository checks its own style: sizes, names, words and the direction of dependencies.

use std::{
    fs,
    path::{Path, PathBuf},
};

use connect_e2e::services::repository;

/// Lines of a source file without its tests; beyond it a file holds two ideas.
const FILE_LINES_MAX: usize = 600;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = ["utils", "util", "common", "helpers", "misc", "manager", "base", "types"];

fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in ["connectors", "transforms", "worker", "tests"] {
        collect(&repository().join(folder), &mut files);
    }
    files.into_iter().map(|file| (file.clone(), fs::read_to_string(&file).expect("a source file is UTF-8"))).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != "golden" {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn shown(file: &Path) -> String {
    file.strip_prefix(repository()).unwrap_or(file).display().to_string()
}

#[test]
fn files_hold_one_idea() {
    let mut long = Vec::new();
    for (file, text) in sources() {
        // A crate's `tests` folder holds scenarios in a row, which may be many.
        if shown(&file).contains("/tests/") {
            continue;
        }
        let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
        if lines > FILE_LINES_MAX {
            long.push(format!("{} has {lines} lines", shown(&file)));
        }
    }
    assert_eq!(long, [""; 0]);
}

#[test]
fn modules_are_named_after_what_is_in_them() {
    let empty = |file: &&(PathBuf, String)| {
        let stem = file.0.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        EMPTY_NAMES.contains(&stem.as_str())
    };
    let found: Vec<String> = sources().iter().filter(empty).map(|(file, _)| shown(file)).collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn every_file_says_what_it_is() {
    let silent = |(_, text): &&(PathBuf, String)| !text.starts_with("//!");
    let found: Vec<String> = sources().iter().filter(silent).map(|(file, _)| shown(file)).collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn no_test_is_switched_off_and_nothing_is_left_undone() {
    let words = [
        concat!("#[ig", "nore"),
        concat!("todo", "!("),
        concat!("unimple", "mented!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
    ];
    let mut found = Vec::new();
    for (file, text) in sources() {
        found.extend(words.iter().filter(|word| text.contains(**word)).map(|word| format!("{}: {word}", shown(&file))));
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn dependencies_point_one_way() {
    let ours = |folder: &str| -> Vec<String> {
        let text =
            fs::read_to_string(repository().join(folder).join("Cargo.toml")).expect("every crate has a manifest");
        let dependencies = text.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        dependencies
            .lines()
            .filter_map(|line| line.strip_prefix("connect-"))
            .filter_map(|rest| rest.split(['.', ' ']).next())
            .map(str::to_owned)
            .collect()
    };
    let check = |folder: &str, allowed: &[&str]| {
        let wrong: Vec<String> = ours(folder).into_iter().filter(|name| !allowed.contains(&name.as_str())).collect();
        assert_eq!(wrong, [""; 0], "{folder} may depend on {allowed:?} only");
    };
    check("connectors/api", &[]);
    check("connectors/cdc", &["api"]);
    check("connectors/mysql", &["api", "cdc"]);
    check("connectors/elasticsearch", &["api"]);
    check("connectors/datagen", &["api"]);
    check("connectors/file", &["api"]);
    check("transforms", &["api"]);
    check("worker/broker", &[]);
    check("worker/converters", &["api"]);
    check("worker/runtime", &["api", "converters"]);
    check("tests/kit", &["api"]);
    // The kit stays free of the product, which depends on it for its tests; the program that judges both is apart.
    check("tests/kit/golden", &["api", "testkit", "transforms", "converters", "runtime"]);
    check("tests/e2e", &["testkit"]);
}

#[test]
fn files_that_users_copy_are_well_formed() {
    for folder in ["config/demo", "config/connectors"] {
        for entry in fs::read_dir(repository().join(folder)).expect("a folder of the repository").flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let text = fs::read_to_string(&path).expect("a file of the repository");
                let body: serde_json::Value =
                    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", shown(&path)));
                assert!(body["config"]["connector.class"].is_string(), "{} can be posted", shown(&path));
            }
        }
    }
}
