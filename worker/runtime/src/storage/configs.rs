//! Records of the config topic as the JVM worker writes them.

use base64::Engine;
use connect_api::{Props, java};

use super::{
    config_state::{SessionKey, TargetState, TaskId},
    json,
};

/// A record to be written: key, and value or tombstone.
pub type Write = (String, Option<Vec<u8>>);

pub fn connector(name: &str, props: &Props) -> Write {
    (format!("connector-{name}"), Some(properties(props)))
}

pub fn task(id: &TaskId, props: &Props) -> Write {
    (format!("task-{id}"), Some(properties(props)))
}

pub fn commit(name: &str, tasks: usize) -> Write {
    (format!("commit-{name}"), Some(format!("{{\"tasks\":{tasks}}}").into_bytes()))
}

/// Readers before 3.5 know no STOPPED and see PAUSED.
pub fn target_state(name: &str, target: TargetState) -> Write {
    let old = if target == TargetState::Stopped { TargetState::Paused } else { target };
    let value = format!("{{\"state\":\"{}\",\"state.v2\":\"{}\"}}", old.name(), target.name());
    (format!("target-state-{name}"), Some(value.into_bytes()))
}

/// What makes a connector go away; its tasks, commits and offsets stay in their topics.
pub fn removal(name: &str) -> [Write; 2] {
    [(format!("connector-{name}"), None), (format!("target-state-{name}"), None)]
}

pub fn restart(name: &str, include_tasks: bool, only_failed: bool) -> Write {
    let value = format!("{{\"include-tasks\":{include_tasks},\"only-failed\":{only_failed}}}");
    (format!("restart-connector-{name}"), Some(value.into_bytes()))
}

pub fn session_key(key: &SessionKey) -> Write {
    let text = base64::engine::general_purpose::STANDARD.encode(&key.key);
    let (algorithm, created) = (&key.algorithm, key.created_ms);
    let value = format!("{{\"key\":\"{text}\",\"algorithm\":\"{algorithm}\",\"creation-timestamp\":{created}}}");
    ("session-key".into(), Some(value.into_bytes()))
}

pub fn logger(namespace: &str, level: &str) -> Write {
    (format!("logger-cluster-{namespace}"), Some(format!("{{\"level\":\"{level}\"}}").into_bytes()))
}

fn properties(props: &Props) -> Vec<u8> {
    let mut out = String::from("{\"properties\":");
    json::write_props(props, &mut out);
    out.push('}');
    out.into_bytes()
}

/// Task configurations as the leader writes them: with the task's class, in the order of the JVM's hash maps, and
/// with variables where the connector's configuration has them, never the values. (Invariant 8)
pub fn stored_task(connector: &Props, task: &Props, task_class: &str) -> Props {
    let mut stored = task.clone();
    stored.insert("task.class".into(), task_class.to_owned());
    for (key, value) in &mut stored {
        if let Some(raw) = connector.get(key).filter(|raw| crate::providers::has_variable(raw)) {
            value.clone_from(raw);
        }
    }
    hash_ordered(&stored)
}

/// Properties in the order in which a copied `java.util.HashMap` would list them.
pub fn hash_ordered(props: &Props) -> Props {
    let order = java::hash_map_copy_order(props.keys().map(String::as_str));
    let at = |at: usize| props.get_index(at).map(|(key, value)| (key.clone(), value.clone()));
    order.into_iter().filter_map(at).collect()
}

/// The JVM's class of a connector's tasks, by the habits of those who name them.
pub fn task_class(connector_class: &str) -> String {
    match connector_class.strip_suffix("Connector") {
        Some(stem) if !connector_class.starts_with("io.debezium.") => format!("{stem}Task"),
        _ => format!("{connector_class}Task"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties;

    #[test]
    fn a_task_is_stored_with_the_bytes_of_the_jvm() {
        let connector = properties::parse(
            "connector.class=FileStreamSource\ntasks.max=1\nfile=/tmp/it/in.txt\ntopic=t\nbatch.size=10\nname=src\n",
        );
        let class = task_class("org.apache.kafka.connect.file.FileStreamSourceConnector");
        let (key, value) = task(&TaskId::new("src", 0), &stored_task(&connector, &connector, &class));
        assert_eq!(key, "task-src-0");
        assert_eq!(
            String::from_utf8(value.unwrap()).unwrap(),
            r#"{"properties":{"connector.class":"FileStreamSource","file":"/tmp/it/in.txt","task.class":"org.apache.kafka.connect.file.FileStreamSourceTask","tasks.max":"1","batch.size":"10","name":"src","topic":"t"}}"#
        );
    }

    #[test]
    fn a_variable_is_stored_instead_of_its_value() {
        let connector = properties::parse("password=${file:/s:p}\nuser=u\n");
        let task = properties::parse("password=secret\nuser=u2\n");
        let stored = stored_task(&connector, &task, "T");
        assert_eq!(stored.get("password").map(String::as_str), Some("${file:/s:p}"));
        assert_eq!(stored.get("user").map(String::as_str), Some("u2"));
    }

    #[test]
    fn classes_of_tasks_follow_their_makers() {
        assert_eq!(
            task_class("io.debezium.connector.mysql.MySqlConnector"),
            "io.debezium.connector.mysql.MySqlConnectorTask"
        );
        assert_eq!(
            task_class("io.confluent.connect.elasticsearch.ElasticsearchSinkConnector"),
            "io.confluent.connect.elasticsearch.ElasticsearchSinkTask"
        );
    }
}
