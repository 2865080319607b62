//! `/`, `/health` and `/connector-plugins`.

use serde_json::{Value, json};

use super::{
    body,
    dispatch::{Answer, Call, Handled},
    error::RestError,
};
use crate::{plugins::VERSION, validation};

/// Sixteen digits that name what this worker was built from; the JVM shows its commit there.
pub const COMMIT: &str = match option_env!("MILLRACE_COMMIT") {
    Some(commit) => commit,
    None => "0000000000000000",
};

pub fn root(call: &Call) -> Handled {
    let cluster = call.app.known_cluster_id();
    Ok(Answer::json(200, json!({"version": VERSION, "commit": COMMIT, "kafka_cluster_id": cluster})))
}

pub fn health(call: &Call) -> Handled {
    let answer = |status, word, message: String| Ok(Answer::json(status, json!({"status": word, "message": message})));
    let ready = call.app.services().is_ok() && call.app.herder.snapshot.borrow().generation >= 0;
    if ready {
        answer(200, "healthy", "Worker has completed startup and is ready to handle requests.".into())
    } else {
        answer(
            503,
            "starting",
            format!("Worker is still starting up. The worker is currently {}.", call.app.current_stage()),
        )
    }
}

pub fn list(call: &Call) -> Handled {
    let connectors_only = call.parameter("connectorsOnly").is_none_or(|text| text.eq_ignore_ascii_case("true"));
    let rows = call.app.plugins.list(connectors_only);
    let row = |row: &crate::plugins::Listed| json!({"class": row.class, "type": row.kind, "version": row.version});
    Ok(Answer::json(200, rows.iter().map(row).collect()))
}

pub fn config(call: &Call, name: &str) -> Handled {
    let plugin =
        call.app.plugins.find_any(name).ok_or_else(|| RestError::not_found(format!("Unknown plugin {name}.")))?;
    if let Some(range) = call.parameter("version") {
        ensure_version(&plugin, range)?;
    }
    let rows: Vec<Value> = validation::definitions(&plugin).iter().map(validation::Definition::to_json).collect();
    Ok(Answer::json(200, json!(rows)))
}

fn ensure_version(plugin: &crate::plugins::Listed, range: &str) -> Result<(), RestError> {
    validation::ensure_version(plugin.class, plugin.version, range).map_err(RestError::bad_request)
}

/// A class name, full or short, as the JVM compares them: without the word that all of them end with.
fn alias(class: &str) -> &str {
    class.strip_suffix("Connector").filter(|rest| !rest.is_empty()).unwrap_or(class)
}

pub async fn validate(call: &Call, name: &str) -> Handled {
    let config = body::config_body(&call.body)?;
    // What is missing or null is said by the validation itself.
    if let Some(Some(class)) = config.get("connector.class") {
        let canonical = |class: &str| call.app.plugins.find_connector(class).map(|plugin| plugin.class());
        let same = match canonical(class) {
            Some(found) => canonical(name) == Some(found),
            // Nobody here has this class, which the validation will say; asked for under its short name it is the same.
            None => alias(class).ends_with(alias(name)),
        };
        if class != name && !same {
            return Err(RestError::bad_request(format!(
                "Included connector type {class} does not match request type {name}"
            )));
        }
    }
    let report = validation::validate(&call.app, &config).await.map_err(|error| {
        let class = "org.apache.kafka.connect.runtime.rest.errors.BadRequestException";
        RestError::internal(format!("{class}: {}", error.message))
    })?;
    Ok(Answer::json(200, report.to_json()))
}
