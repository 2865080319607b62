//! `/admin/loggers`.

use serde_json::{Map, Value, json};

use super::{
    body,
    connectors::ask,
    dispatch::{Answer, Call, Handled},
    error::RestError,
};
use crate::{
    herder::request::Request,
    logging::{Level, Loggers},
};

fn shown(level: &Level) -> Value {
    json!({"level": level.name, "last_modified": level.modified_ms})
}

pub fn list(call: &Call) -> Handled {
    let all = call.app.loggers.all();
    let members: Map<String, Value> = all.iter().map(|(name, level)| (name.clone(), shown(level))).collect();
    Ok(Answer::json(200, Value::Object(members)))
}

pub fn get(call: &Call, name: &str) -> Handled {
    let all = call.app.loggers.all();
    let level = all.get(name).ok_or_else(|| RestError::not_found(format!("Logger {name} not found.")))?;
    Ok(Answer::json(200, shown(level)))
}

pub async fn set(call: &Call, name: &str) -> Handled {
    let missing = || RestError::bad_request("Desired 'level' parameter was not specified in request.");
    let tree = body::tree(&call.body)?.ok_or_else(|| {
        RestError::internal("Cannot invoke \"java.util.Map.get(Object)\" because \"levelMap\" is null")
    })?;
    let level = body::config(&tree, "")?.shift_remove("level").flatten().ok_or_else(missing)?;
    if level.is_empty() {
        return Err(RestError::internal("Illegal null or empty Level name."));
    }
    if !Loggers::is_level(&level) {
        return Err(RestError::not_found(format!("invalid log level '{level}'.")));
    }
    if call.parameter("scope").is_some_and(|scope| scope.eq_ignore_ascii_case("cluster")) {
        let level = level.to_ascii_uppercase();
        ask(call, Request::Logger { namespace: name.to_owned(), level }).await?;
        return Ok(Answer::empty(204));
    }
    Ok(Answer::json(200, json!(call.app.loggers.set(name, &level))))
}
