//! Settings of plugins, as the worker tells them: `GET /connector-plugins/{class}/config`, and answers of validation.
//!
//! The texts of `documentation` are our own. Other differences stand in a file, by the name of the golden one, with
//! their reason: members of settings that are something else here.

use std::{collections::BTreeMap, fs};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Counts, Judged, Row, Scratch, golden};
use crate::worker::Worker;

const NO_PLUGIN: &str = "settings of plugins that this worker does not have";
const OLDER: &str = "settings of a version that was superseded";

/// What is different in one golden file.
#[derive(Deserialize)]
struct Difference {
    /// For whoever reads the file.
    #[serde(rename = "why")]
    _why: String,
    /// Settings that are not listed here.
    #[serde(default)]
    absent: Vec<String>,
    /// Settings that only this worker lists; what is said of them is not compared.
    #[serde(default)]
    added: Vec<String>,
    /// Members by the name of the setting.
    settings: BTreeMap<String, Map<String, Value>>,
}

pub(super) async fn judge(row: &Row) -> Judged {
    let folder = row.folder()?;
    let mut files: Vec<String> = fs::read_dir(&folder)
        .expect("a folder of golden files")
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().strip_suffix(".json").map(str::to_owned))
        .filter(|name| *name != "index" && *name != "differences")
        .filter(|name| row.files.is_empty() || row.files.iter().any(|start| name.starts_with(start.as_str())))
        .collect();
    files.sort();
    let different: BTreeMap<String, Difference> = match &row.differences {
        Some(file) => read(&golden().join(file)),
        None => BTreeMap::new(),
    };
    let dir = Scratch::of(row);
    let mut worker = Worker::with_broker(&dir).0.ready_after_start().await;
    row.expect(&worker);
    let mut counts = Counts::default();
    for name in files {
        let mut golden: Value = read(&folder.join(format!("{name}.json")));
        if let Some(difference) = different.get(&name) {
            lay_over(&mut golden, difference);
        }
        let found = if name.starts_with("validate-") {
            let class = golden["request"]["connector.class"].as_str().unwrap_or_default();
            let path = format!("/connector-plugins/{class}/config/validate");
            worker.put(&path, Some(golden["request"].clone())).await
        } else if name.contains('@') {
            counts.skip(OLDER, 1);
            continue;
        } else {
            worker.get(&format!("/connector-plugins/{name}/config")).await
        };
        if found.status == 404 {
            counts.skip(NO_PLUGIN, 1);
            continue;
        }
        let expected = golden.get("response").unwrap_or(&golden);
        let mut differences = Vec::new();
        compare(expected, &found.body, "", &mut differences);
        match differences.is_empty() {
            true => counts.passed += 1,
            false => counts.fail(format!("{name}:\n  {}", differences.join("\n  "))),
        }
    }
    worker.stop().await;
    Ok(counts)
}

fn read<T: for<'a> Deserialize<'a>>(file: &std::path::Path) -> T {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn lay_over(golden: &mut Value, difference: &Difference) {
    let settings = if golden.is_array() { &mut *golden } else { &mut golden["response"]["configs"] };
    let Some(settings) = settings.as_array_mut() else { return };
    settings.retain(|setting| !difference.absent.iter().any(|absent| name(setting) == Some(absent)));
    settings.extend(difference.added.iter().map(|added| json!({"name": added})));
    for setting in settings {
        let Some(members) = difference.settings.get(name(setting).unwrap_or_default()) else { continue };
        // In an answer of validation the definition stands beside the value.
        let definition = if setting["definition"].is_object() { &mut setting["definition"] } else { setting };
        for (member, value) in members {
            definition[member] = value.clone();
        }
    }
}

/// Definitions in a list are matched by their names, so that one too many is one difference.
fn compare(expected: &Value, found: &Value, path: &str, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(wanted), Value::Object(_)) => {
            for (name, value) in wanted.iter().filter(|(name, _)| *name != "documentation") {
                compare(value, &found[name], &format!("{path}.{name}"), differences);
            }
        }
        (Value::Array(wanted), Value::Array(answered))
            if wanted.iter().chain(answered).all(|item| name(item).is_some()) =>
        {
            for item in wanted {
                let label = name(item).unwrap_or_default();
                match answered.iter().find(|other| name(other) == name(item)) {
                    Some(other) => compare(item, other, &format!("{path}[{label}]"), differences),
                    None => differences.push(format!("{path}[{label}] is missing")),
                }
            }
            let known = |item: &&Value| wanted.iter().any(|other| name(other) == name(item));
            let surplus = answered.iter().filter(|item| !known(item));
            differences.extend(surplus.map(|item| format!("{path}[{}] is too many", name(item).unwrap_or_default())));
        }
        (Value::Array(wanted), Value::Array(answered)) if path.ends_with(".recommended_values") => {
            // Each worker recommends the plugins that it has.
            let (wanted, answered) = (common(wanted, answered), common(answered, wanted));
            if wanted != answered {
                differences.push(format!("{path} is {answered:?} and not {wanted:?}"));
            }
        }
        _ if expected == found => {}
        _ => differences.push(format!("{path} is {found} and not {expected}")),
    }
}

/// What is no plugin, and the plugins that are in the other list too. The JVM names one as often as it has versions.
fn common<'a>(list: &'a [Value], other: &[Value]) -> Vec<&'a Value> {
    let is_plugin = |value: &Value| value.as_str().is_some_and(|text| text.matches('.').count() > 2);
    let mut kept: Vec<&Value> = list.iter().filter(|value| !is_plugin(value) || other.contains(value)).collect();
    kept.dedup();
    kept
}

fn name(item: &Value) -> Option<&str> {
    item["name"].as_str().or_else(|| item["value"]["name"].as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: Value, found: Value, differences: &[&str]) {
        let mut seen = Vec::new();
        compare(&expected, &found, "", &mut seen);
        assert_eq!(seen, differences);
    }

    #[test]
    fn settings_are_compared_by_their_names() {
        let key =
            |name: &str, default: Value| json!({"name": name, "default_value": default, "documentation": name.len()});
        check(json!([key("a", json!(1))]), json!([{"name": "a", "default_value": 1, "documentation": "other"}]), &[]);
        check(
            json!([key("a", json!("1")), key("b", Value::Null)]),
            json!([key("c", Value::Null), key("a", json!("2"))]),
            &["[a].default_value is \"2\" and not \"1\"", "[b] is missing", "[c] is too many"],
        );
    }

    #[test]
    fn workers_recommend_the_plugins_that_they_have() {
        let recommended = |list: Value| json!({"recommended_values": list});
        let theirs = recommended(json!(["org.apache.kafka.A", "org.apache.kafka.A", "io.confluent.connect.B", "none"]));
        check(theirs.clone(), recommended(json!(["com.github.other.C", "org.apache.kafka.A", "none"])), &[]);
        check(
            theirs,
            recommended(json!(["org.apache.kafka.A"])),
            &[
                ".recommended_values is [String(\"org.apache.kafka.A\")] and not [String(\"org.apache.kafka.A\"), String(\"none\")]",
            ],
        );
    }

    #[test]
    fn differences_on_purpose_are_laid_over() {
        let difference = Difference {
            _why: String::new(),
            absent: vec!["a".to_owned()],
            added: vec!["c".to_owned()],
            settings: BTreeMap::from([("b".to_owned(), Map::from_iter([("type".to_owned(), json!("INT"))]))]),
        };
        let mut golden = json!([{"name": "a"}, {"name": "b", "type": "LONG"}]);
        lay_over(&mut golden, &difference);
        assert_eq!(golden, json!([{"name": "b", "type": "INT"}, {"name": "c"}]));
        let mut answer = json!({"response": {"configs": [{"definition": {"name": "b"}, "value": {"name": "b"}}]}});
        lay_over(&mut answer, &difference);
        assert_eq!(answer["response"]["configs"][0]["definition"], json!({"name": "b", "type": "INT"}));
    }
}
