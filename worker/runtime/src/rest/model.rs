//! JSON of connectors, statuses and plugins.

use connect_api::Props;
use serde_json::{Map, Value, json};

use crate::{
    plugins::{ConnectorPlugin, Plugins},
    storage::{
        config_state::ConfigState,
        statuses::{Status, StatusStore, Subject},
    },
};

/// A connector as `GET /connectors/{c}` shows it; `None` when there is none.
pub fn connector_info(name: &str, config: &ConfigState, plugins: &Plugins) -> Option<Value> {
    let props = config.connector(name)?;
    Some(connector(name, props, config.tasks(name).len(), plugins))
}

/// A connector with this many tasks.
pub fn connector(name: &str, props: &Props, tasks: usize, plugins: &Plugins) -> Value {
    let tasks: Vec<Value> = (0..tasks).map(|task| json!({"connector": name, "task": task})).collect();
    json!({"name": name, "config": shown(props, plugins), "tasks": tasks, "type": kind(props, plugins)})
}

/// A configuration as it may be shown: what the plugin or a Kafka client calls a password stays hidden. (Invariant 8)
///
/// Variables of config providers are shown as they are, for they are no secret; that lets clients write back what they read.
pub fn shown(props: &Props, plugins: &Plugins) -> Value {
    let definition = plugin_of(props, plugins).map(ConnectorPlugin::config);
    let is_password = |key: &str| {
        definition.and_then(|def| def.key(key)).is_some_and(|key| key.ty == connect_api::ConfigType::Password)
    };
    let member = |(key, value): (&String, &String)| {
        let hidden = (is_password(key) || crate::kafka::is_secret(key)) && !crate::providers::has_variable(value);
        (key.clone(), Value::String(if hidden { HIDDEN.into() } else { value.clone() }))
    };
    Value::Object(props.iter().map(member).collect())
}

/// What stands in place of a password, and what a client that writes back what it read sends for it.
pub const HIDDEN: &str = "[hidden]";

fn plugin_of(props: &Props, plugins: &Plugins) -> Option<ConnectorPlugin> {
    plugins.find_connector(props.get("connector.class")?)
}

/// `source`, `sink`, or `unknown` when this worker does not have the plugin.
pub fn kind(props: &Props, plugins: &Plugins) -> &'static str {
    plugin_of(props, plugins).map_or("unknown", ConnectorPlugin::kind)
}

/// A connector with its tasks as `GET /connectors/{c}/status` shows it; `None` when nothing was ever reported.
pub fn connector_status(name: &str, config: &ConfigState, statuses: &StatusStore, plugins: &Plugins) -> Option<Value> {
    let status = statuses.get(&Subject::Connector(name.to_owned()))?;
    let tasks: Vec<Value> = statuses.tasks(name).iter().map(|(task, status)| task_status(*task, status)).collect();
    let kind = config.connector(name).map_or("unknown", |props| kind(props, plugins));
    Some(json!({"name": name, "connector": state(&status), "tasks": tasks, "type": kind}))
}

pub fn task_status(task: u32, status: &Status) -> Value {
    let mut members = Map::new();
    members.insert("id".into(), json!(task));
    if let Value::Object(state) = state(status) {
        members.extend(state);
    }
    Value::Object(members)
}

/// The trace is left out when there is none; an unknown version is null.
fn state(status: &Status) -> Value {
    let mut members = Map::new();
    members.insert("state".into(), json!(status.state.name()));
    members.insert("worker_id".into(), json!(status.worker_id));
    members.insert("version".into(), json!(status.version));
    if let Some(trace) = &status.trace {
        members.insert("trace".into(), json!(trace));
    }
    // Ours, and seldom: clients of the JVM's worker that refuse what they don't know see it only when all is not well.
    if let Some(stuck) = &status.stuck {
        members.insert("stuck".into(), json!({"since": stuck.since, "stage": stuck.stage, "detail": stuck.detail}));
    }
    Value::Object(members)
}
