//! Bytes of the JVM worker: what it wrote is read and written again without a difference.

use std::path::PathBuf;

use connect_runtime::{
    herder::protocol::{Assignment, Metadata, Work},
    storage::{
        config_state::{ConfigRecord, ConfigState, TargetState, TaskId},
        configs, json,
    },
};
use serde_json::Value;

fn golden(path: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn task_id(text: &str) -> TaskId {
    let (connector, task) = text.rsplit_once('-').unwrap();
    TaskId::new(connector, task.parse().unwrap())
}

fn work(value: &Value, connectors: &str, tasks: &str) -> Work {
    let texts = |name: &str| -> Vec<String> {
        let list = value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    Work {
        connectors: texts(connectors).into_iter().collect(),
        tasks: texts(tasks).iter().map(|t| task_id(t)).collect(),
    }
}

fn assignment(value: &Value, version: i16) -> Assignment {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| value.get(name).and_then(Value::as_i64).unwrap_or(0);
    Assignment {
        version: value.get("version").and_then(Value::as_i64).map_or(version, |v| v as i16),
        error: number("error") as i16,
        leader: text("leader"),
        leader_url: text("leader_url"),
        offset: number("config_offset"),
        assigned: work(value, "connectors", "tasks"),
        revoked: work(value, "revoked_connectors", "revoked_tasks"),
        delay_ms: number("delay_ms") as i32,
    }
}

/// Where several connectors stand in one list, the JVM's hash order decides; readers don't care.
fn one_name(work: &Work) -> bool {
    let tasks = work.tasks.iter().map(|id| &id.connector);
    work.connectors.iter().chain(tasks).collect::<std::collections::BTreeSet<_>>().len() <= 1
}

#[test]
fn group_metadata_and_assignments_have_the_bytes_of_the_jvm() {
    let (mut exact, mut read) = (0, 0);
    for (file, version) in [("sessioned", 2), ("compatible", 1), ("eager", 0)] {
        let cases: Vec<Value> = serde_json::from_str(&golden(&format!("group-protocol/{file}.json"))).unwrap();
        for case in &cases {
            let bytes = unhex(case["hex"].as_str().unwrap());
            let value = &case["value"];
            let (written, sorted) = if case["kind"] == "assignment" {
                let expected = assignment(value, version);
                assert_eq!(Assignment::decode(&bytes).unwrap(), expected, "{case}");
                (expected.encode(), one_name(&expected.assigned) && one_name(&expected.revoked))
            } else {
                let running = value.get("assignment").filter(|running| !running.is_null());
                let running = running.map(|running| assignment(running, version));
                let sorted = running.as_ref().is_none_or(|r| one_name(&r.assigned) && one_name(&r.revoked));
                let url = value["url"].as_str().unwrap().to_owned();
                let metadata = Metadata { url, offset: value["config_offset"].as_i64().unwrap(), running };
                let decoded = Metadata::decode(&bytes).unwrap();
                assert_eq!((&decoded.url, decoded.offset), (&metadata.url, metadata.offset), "{case}");
                if metadata.running.is_some() {
                    assert_eq!(decoded.running, metadata.running, "{case}");
                }
                (metadata.encode(version), sorted)
            };
            read += 1;
            if sorted {
                exact += 1;
                assert_eq!(written, bytes, "{case}");
            } else {
                assert_eq!(written.len(), bytes.len(), "{case}");
            }
        }
    }
    assert!(exact > 80 && read > exact, "{exact} of {read}");
}

#[test]
fn odd_input_is_read_as_the_jvm_reads_it() {
    let cases: Vec<Value> = serde_json::from_str(&golden("group-protocol/reader-tolerance.json")).unwrap();
    for case in &cases {
        let Some(hex) = case["hex"].as_str() else { continue };
        let bytes = unhex(hex);
        let result = &case["result"];
        match (case["read"].as_str().unwrap(), result.get("exception").is_some()) {
            ("metadata", true) => assert!(Metadata::decode(&bytes).is_err(), "{case}"),
            ("metadata", false) => {
                let expected = Metadata {
                    url: result["url"].as_str().unwrap().to_owned(),
                    offset: result["config_offset"].as_i64().unwrap(),
                    running: Some(assignment(&result["assignment"], 1)),
                };
                assert_eq!(Metadata::decode(&bytes).unwrap(), expected, "{case}");
            }
            (_, true) => assert!(Assignment::decode(&bytes).is_err(), "{case}"),
            (_, false) => assert_eq!(Assignment::decode(&bytes).unwrap(), assignment(result, 1), "{case}"),
        }
    }
}

struct Record {
    key: String,
    value: Option<String>,
}

fn records(file: &str) -> Vec<Record> {
    let text = golden(&format!("internal-topics/{file}"));
    let record = |line: &str| {
        let tree: Value = serde_json::from_str(line).unwrap();
        Record { key: tree["key"].as_str().unwrap().to_owned(), value: tree["value"].as_str().map(str::to_owned) }
    };
    text.lines().filter(|line| !line.is_empty()).map(record).collect()
}

#[test]
fn config_records_are_written_with_the_bytes_of_the_jvm() {
    let mut checked = 0;
    let mut connectors = std::collections::HashMap::new();
    for record in records("connect-configs.jsonl") {
        let Some(value) = &record.value else { continue };
        let tree: Value = serde_json::from_str(value).unwrap();
        let properties = tree.get("properties").and_then(json::props_of);
        let key = record.key.as_str();
        let written = if let Some(name) = key.strip_prefix("target-state-") {
            configs::target_state(name, TargetState::named(tree["state.v2"].as_str().unwrap()).unwrap())
        } else if let Some(name) = key.strip_prefix("restart-connector-") {
            let flag = |name: &str| tree[name].as_bool().unwrap();
            configs::restart(name, flag("include-tasks"), flag("only-failed"))
        } else if let Some(name) = key.strip_prefix("connector-") {
            connectors.insert(name.to_owned(), properties.clone().unwrap());
            configs::connector(name, &properties.unwrap())
        } else if let Some(id) = key.strip_prefix("task-") {
            // Computed from the connector's record as the worker computes it, order of keys and all.
            let id = task_id(id);
            let connector = &connectors[&id.connector];
            let class = format!("org.apache.kafka.connect.file.{}Connector", connector["connector.class"]);
            configs::task(&id, &configs::stored_task(connector, connector, &configs::task_class(&class)))
        } else if let Some(name) = key.strip_prefix("commit-") {
            configs::commit(name, tree["tasks"].as_u64().unwrap() as usize)
        } else if let Some(name) = key.strip_prefix("logger-cluster-") {
            configs::logger(name, tree["level"].as_str().unwrap())
        } else {
            let mut state = ConfigState::default();
            let value = Some(value.clone().into_bytes());
            state.apply(&ConfigRecord { offset: 0, key: key.to_owned(), value });
            configs::session_key(&state.session_key.expect("the one key that is left"))
        };
        let written = (written.0, written.1.map(|bytes| String::from_utf8(bytes).unwrap()));
        assert_eq!(written, (record.key.clone(), record.value.clone()));
        checked += 1;
    }
    assert_eq!(checked, 45);
}

#[test]
fn the_config_topic_of_the_jvm_folds_to_what_it_said() {
    let mut state = ConfigState::default();
    for (offset, record) in records("connect-configs.jsonl").into_iter().enumerate() {
        let value = record.value.map(String::into_bytes);
        state.apply(&ConfigRecord { offset: offset as i64, key: record.key, value });
    }
    assert_eq!(state.offset, 53);
    assert_eq!(state.connectors().collect::<Vec<_>>(), ["inip", "inir", "uni ü\"\\/é"]);
    assert_eq!(state.target("inip"), TargetState::Paused);
    assert_eq!((state.tasks("inip").len(), state.tasks("inir").len()), (0, 1));
}
