//! Connector configurations of real users: each is right, or refused with the name of what is missing here.
//!
//! They are not ours to ship, so they are read from beside the checkout, and the test says so when they are not there.

use connect_e2e::{
    services::{fresh_dir, repository},
    worker::Worker,
};
use serde_json::{Value, json};

/// Configurations that their own authors must have filled in before they worked, and what is wrong with them.
const UNFINISHED: [(&str, &str); 3] = [
    ("dbz-mysql__luisvillarreal__streaming-etl-workshop__main.json", "topic.prefix"),
    ("dbz-mysql__swpark6__debezium-diff__register-mysql.json", "topic.prefix"),
    ("es-sink__confluentinc__demo-scene__readme.json", "max.buffered.records"),
];

#[tokio::test]
async fn configurations_of_real_users_are_right_or_name_what_is_missing() {
    let folder = repository().join("../shared/real-configs");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is not there", folder.display());
        return;
    };
    let dir = fresh_dir("real_configs");
    let (worker, _) = Worker::with_broker(&dir);
    let mut worker = worker.ready_after_start().await;
    let mut problems = Vec::new();
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a file that was listed");
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut config = if body["config"].is_object() { body["config"].clone() } else { body.clone() };
        config["name"] = json!("real");
        let class = config["connector.class"].as_str().unwrap_or_default().to_owned();
        let short = class.rsplit('.').next().unwrap_or_default();
        let answer = worker.put(&format!("/connector-plugins/{short}/config/validate"), Some(config)).await;
        problems.extend(unexplained(&name, &class, answer.status, &answer.body));
    }
    assert_eq!(problems, [""; 0]);
    worker.stop().await;
    drop(worker);
    std::fs::remove_dir_all(dir).expect("the test's folder can be removed");
}

/// What is wrong with an answer beyond a missing plugin, a system that can't be reached from here, or an unfinished file.
fn unexplained(file: &str, class: &str, status: u16, body: &Value) -> Vec<String> {
    if status != 200 {
        let message = body["message"].as_str().unwrap_or_default();
        let names_it = message.contains(&format!("which name matches {class}"));
        return if names_it { Vec::new() } else { vec![format!("{file}: {status} {message}")] };
    }
    let away = [
        "Unable to connect: could not connect to ",
        "Could not connect to the servers of ",
        "could not read schema file ",
    ];
    let explained = |setting: &str, error: &str| {
        error.ends_with(" could not be found.")
            || away.iter().any(|start| error.starts_with(start))
            || UNFINISHED
                .iter()
                .any(|(unfinished, part)| *unfinished == file && (setting == *part || error.contains(part)))
    };
    let mut problems = Vec::new();
    for row in body["configs"].as_array().into_iter().flatten() {
        let setting = row["value"]["name"].as_str().unwrap_or_default();
        let errors = row["value"]["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
        problems.extend(
            errors.filter(|error| !explained(setting, error)).map(|error| format!("{file}: {setting}: {error}")),
        );
    }
    problems
}
