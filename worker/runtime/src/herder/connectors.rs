//! What a connector is besides its tasks: its class, and the way it splits its work.

use connect_api::{Error, Props, Result};

use crate::{
    plugins::{ConnectorPlugin, Plugins},
    storage::configs::{stored_task, task_class},
};

/// The configurations of a connector's tasks, as they are stored.
pub fn task_configs(name: &str, raw: &Props, resolved: &Props, plugins: &Plugins) -> Result<Vec<Props>> {
    let class = raw.get("connector.class").map(String::as_str).unwrap_or_default();
    let plugin = plugins.find_connector(class).ok_or_else(|| {
        Error::fatal(format!(
            "Failed to find any class that implements Connector and which name matches {class}, available connectors are: {}",
            plugins.available()
        ))
    })?;
    let max = raw.get("tasks.max").and_then(|text| text.trim().parse().ok()).unwrap_or(1_usize);
    let tasks = match plugin {
        ConnectorPlugin::Source(plugin) => (plugin.task_configs)(resolved, max)?,
        ConnectorPlugin::Sink(plugin) => (plugin.task_configs)(resolved, max)?,
    };
    ensure_tasks_max(name, tasks.len(), max, raw)?;
    let task_class = task_class(plugin.class());
    Ok(tasks.iter().map(|task| stored_task(raw, task, &task_class)).collect())
}

fn ensure_tasks_max(name: &str, count: usize, max: usize, raw: &Props) -> Result<()> {
    if count <= max {
        return Ok(());
    }
    let enforced = raw.get("tasks.max.enforce").is_none_or(|text| !text.trim().eq_ignore_ascii_case("false"));
    let message = format!(
        "The connector {name} has generated {count} tasks, which is greater than {max}, the maximum number of tasks it is configured to create."
    );
    if enforced {
        return Err(Error::fatal(format!(
            "{message} This behavior should be considered a bug and is disallowed. If necessary, it can be permitted by \
             reconfiguring the connector with 'tasks.max.enforce' set to false; however, this option will be removed in a \
             future release of Kafka Connect."
        ))
        .class("org.apache.kafka.connect.runtime.TooManyTasksException"));
    }
    tracing::warn!(connector = name, "{message} It runs them because tasks.max.enforce is false");
    Ok(())
}

/// The version of a connector's plugin; unknown when this worker has no such plugin.
pub fn connector_version(props: &Props, plugins: &Plugins) -> Option<String> {
    let plugin = plugins.find_connector(props.get("connector.class")?)?;
    Some(plugin.version().to_owned())
}
