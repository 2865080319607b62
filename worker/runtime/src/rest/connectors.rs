//! `/connectors`: reading, writing and steering connectors and their tasks.

use connect_api::Props;
use serde_json::{Value, json};

use super::{
    App,
    body::{self, CreateRequest, RawConfig},
    dispatch::{Answer, Call, Handled},
    error::RestError,
    model::{self, HIDDEN},
    route::{Route, percent_encode},
};
use crate::{
    herder::{
        driver::REQUEST_WAIT,
        request::{Reply, Request},
    },
    storage::{
        config_state::{TargetState, TaskId},
        statuses::{State, Status, StatusStore, Subject},
    },
    validation,
};

pub async fn handle(call: &Call) -> Handled {
    match (&call.route, call.method.as_str()) {
        (Route::Connectors, "GET") => list(call),
        (Route::Connectors, _) => create(call).await,
        (Route::Connector(name), "GET") => info(call, name),
        (Route::Connector(name), _) => {
            ask(call, Request::Delete { name: name.clone() }).await?;
            Ok(Answer::empty(204))
        }
        (Route::Config(name), "GET") => config(call, name),
        (Route::Config(name), "PUT") => put_config(call, name).await,
        (Route::Config(name), _) => patch_config(call, name).await,
        (Route::Status(name), _) => status(call, name),
        (Route::Tasks(name), "GET") => tasks(call, name),
        (Route::Tasks(name), _) => super::forward::receive_task_configs(call, name).await,
        (Route::Fence(_), _) => super::forward::receive_fence(call),
        (Route::TaskStatus(name, task), _) => task_status(call, name, task),
        (Route::TaskRestart(name, task), _) => restart_task(call, name, task).await,
        (Route::Restart(name), _) => restart(call, name).await,
        (Route::Pause(name), _) => target(call, name, TargetState::Paused, 202).await,
        (Route::Resume(name), _) => target(call, name, TargetState::Started, 202).await,
        (Route::Stop(name), _) => target(call, name, TargetState::Stopped, 204).await,
        (Route::Topics(name), _) => topics(call, name),
        (Route::TopicsReset(name), _) => reset_topics(call, name),
        _ => Err(RestError::not_found("HTTP 404 Not Found")),
    }
}

pub async fn ask(call: &Call, request: Request) -> Result<Reply, RestError> {
    // Nothing is answered for the cluster before this worker knows its state.
    call.app.services()?;
    call.app.herder.ask(request).await.map_err(|refusal| super::forward::remember(call, refusal))
}

fn list(call: &Call) -> Handled {
    call.app.services()?;
    let config = call.app.herder.config();
    let expand: Vec<&str> = call.query.iter().filter(|(key, _)| key == "expand").map(|(_, v)| v.as_str()).collect();
    if expand.is_empty() {
        return Ok(Answer::json(200, json!(config.connectors().collect::<Vec<_>>())));
    }
    let mut all = serde_json::Map::new();
    for name in config.connectors() {
        let mut entry = serde_json::Map::new();
        let statuses = &call.app.services()?.shared.statuses;
        for what in &expand {
            match *what {
                "status" => match model::connector_status(name, &config, statuses, &call.app.plugins) {
                    Some(status) => drop(entry.insert("status".into(), status)),
                    None => {
                        entry.clear();
                        break;
                    }
                },
                "info" => {
                    drop(entry.insert("info".into(), json!(model::connector_info(name, &config, &call.app.plugins))))
                }
                _ => {}
            }
        }
        if !entry.is_empty() || !expand.contains(&"status") {
            all.insert(name.to_owned(), Value::Object(entry));
        }
    }
    Ok(Answer::json(200, Value::Object(all)))
}

async fn create(call: &Call) -> Handled {
    let (name, props, initial) = checked(&call.app, body::create_body(&call.body)?).await?;
    ask(call, Request::Create { name: name.clone(), props: props.clone(), initial }).await?;
    created(call, &name, &props).await
}

/// Creates a connector for one who asks without HTTP; answers its name.
pub async fn create_for(app: &App, request: CreateRequest) -> Result<String, RestError> {
    let (name, props, initial) = checked(app, request).await?;
    app.herder.ask(Request::Create { name: name.clone(), props, initial }).await?;
    settled(app, &name).await?;
    Ok(name)
}

/// What is to be created, when nothing is wrong with it.
async fn checked(app: &App, request: CreateRequest) -> Result<(String, Props, Option<TargetState>), RestError> {
    let name = request.name.unwrap_or_default().trim().to_owned();
    let initial = request.initial_state.as_deref().map(initial_state).transpose()?;
    let config = with_name(request.config, &name)?;
    let props = validated(app, &name, config).await?;
    Ok((name, props, initial))
}

fn initial_state(text: &str) -> Result<TargetState, RestError> {
    let state = match text.to_ascii_uppercase().as_str() {
        "RUNNING" => Some(TargetState::Started),
        other => TargetState::named(other).filter(|state| *state != TargetState::Started),
    };
    state.ok_or_else(|| {
        RestError::internal(format!(
            "Cannot construct instance of `org.apache.kafka.connect.runtime.rest.entities.CreateConnectorRequest$InitialState`, \
             problem: No enum constant org.apache.kafka.connect.runtime.rest.entities.CreateConnectorRequest.InitialState.{}",
            text.to_uppercase()
        ))
    })
}

/// The answer to a creation. In a cluster the tasks are computed behind it.
async fn created(call: &Call, name: &str, props: &Props) -> Handled {
    settled(&call.app, name).await?;
    let tasks = if call.app.settings.cluster().is_some() { 0 } else { call.app.herder.config().tasks(name).len() };
    let body = model::connector(name, props, tasks, &call.app.plugins);
    let location = format!("{}/connectors/{}", call.base_url(), percent_encode(name));
    Ok(Answer { location: Some(location), ..Answer::json(201, body) })
}

/// Waits until a connector's tasks are known: a worker that is alone answers only then, as the JVM's does.
async fn settled(app: &App, name: &str) -> Result<(), RestError> {
    if app.settings.cluster().is_some() {
        return Ok(());
    }
    let mut herder = app.herder.snapshot.clone();
    let settled = herder.wait_for(|herder| !herder.settling.iter().any(|connector| connector == name));
    match tokio::time::timeout(REQUEST_WAIT, settled).await {
        Ok(Ok(herder)) if herder.failed.iter().any(|connector| connector == name) => {
            Err(RestError::internal(format!("Failed to transition connector {name} to state STARTED")))
        }
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(RestError::internal("the worker is shutting down")),
        Err(_) => Err(RestError::internal("Request timed out")),
    }
}

/// Puts the connector's name in and refuses another one.
fn with_name(mut config: RawConfig, name: &str) -> Result<RawConfig, RestError> {
    match config.get("name") {
        Some(Some(given)) if given != name => Err(RestError::bad_request(format!(
            "Connector name configuration ({given}) doesn't match connector name in the URL ({name})"
        ))),
        _ => {
            // A null name keeps its place.
            config.insert("name".to_owned(), Some(name.to_owned()));
            Ok(config)
        }
    }
}

/// The configuration, when validation finds nothing wrong with it.
async fn validated(app: &App, name: &str, config: RawConfig) -> Result<Props, RestError> {
    let restored = restore_hidden(app, name, config);
    let report = validation::validate(app, &restored).await?;
    if report.error_count() > 0 {
        return Err(RestError::bad_request(report.refusal()));
    }
    Ok(restored.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
}

/// Clients that read a configuration and write it back send the mask of a password, and mean the password.
fn restore_hidden(app: &App, name: &str, config: RawConfig) -> RawConfig {
    let known = app.herder.config();
    let restore = |(key, value): (String, Option<String>)| {
        let masked = value.as_deref() == Some(HIDDEN);
        let old = known.connector(name).and_then(|props| props.get(&key)).filter(|_| masked);
        (key, old.cloned().or(value))
    };
    config.into_iter().map(restore).collect()
}

fn info(call: &Call, name: &str) -> Handled {
    call.app.services()?;
    let info = model::connector_info(name, &call.app.herder.config(), &call.app.plugins);
    Ok(Answer::json(200, info.ok_or_else(|| unknown(name))?))
}

fn unknown(name: &str) -> RestError {
    RestError::not_found(format!("Connector {name} not found"))
}

fn config(call: &Call, name: &str) -> Handled {
    call.app.services()?;
    let config = call.app.herder.config();
    let props = config.connector(name).ok_or_else(|| unknown(name))?;
    Ok(Answer::json(200, model::shown(props, &call.app.plugins)))
}

async fn put_config(call: &Call, name: &str) -> Handled {
    let config = with_name(body::config_body(&call.body)?, name)?;
    let props = validated(&call.app, name, config).await?;
    match ask(call, Request::Put { name: name.to_owned(), props: props.clone() }).await? {
        Reply::Created => created(call, name, &props).await,
        Reply::Done => {
            settled(&call.app, name).await?;
            info(call, name)
        }
    }
}

async fn patch_config(call: &Call, name: &str) -> Handled {
    let patch = match body::tree(&call.body)? {
        Some(tree) => body::config(&tree, "")?,
        None => {
            return Err(RestError::internal(
                "Cannot invoke \"java.util.Map.forEach(java.util.function.BiConsumer)\" because \"patch\" is null",
            ));
        }
    };
    call.app.services()?;
    let current = call.app.herder.config();
    let mut props = current.connector(name).ok_or_else(|| unknown(name))?.clone();
    for (key, value) in patch {
        match value {
            Some(value) if value == HIDDEN && props.contains_key(&key) => {}
            Some(value) => drop(props.insert(key, value)),
            None => drop(props.shift_remove(&key)),
        }
    }
    let raw: RawConfig = props.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    validated(&call.app, name, raw).await?;
    // The JVM's patched map lists its keys in hash order, and so does its record.
    let props = crate::storage::configs::hash_ordered(&props);
    ask(call, Request::Put { name: name.to_owned(), props }).await?;
    settled(&call.app, name).await?;
    info(call, name)
}

fn status(call: &Call, name: &str) -> Handled {
    let statuses = &call.app.services()?.shared.statuses;
    let status = model::connector_status(name, &call.app.herder.config(), statuses, &call.app.plugins);
    Ok(Answer::json(200, status.ok_or_else(|| RestError::not_found(format!("No status found for connector {name}")))?))
}

fn tasks(call: &Call, name: &str) -> Handled {
    call.app.services()?;
    let config = call.app.herder.config();
    if !config.contains(name) {
        return Err(unknown(name));
    }
    let task = |(at, props): (usize, &Props)| {
        let shown = model::shown(props, &call.app.plugins);
        json!({"id": {"connector": name, "task": at}, "config": shown})
    };
    let tasks: Vec<Value> = config.tasks(name).iter().enumerate().map(task).collect();
    Ok(Answer::json(200, json!(tasks)))
}

/// A path that is no number names nothing, as for the JVM's router.
fn task_number(text: &str) -> Result<u32, RestError> {
    text.parse().map_err(|_| RestError::not_found("HTTP 404 Not Found"))
}

fn task_status(call: &Call, name: &str, task: &str) -> Handled {
    let statuses = &call.app.services()?.shared.statuses;
    if task.parse::<i32>().is_ok_and(|number| number < 0) {
        return Err(RestError::not_found(format!("No status found for task {name}-{task}")));
    }
    let id = TaskId::new(name, task_number(task)?);
    let status = statuses.get(&Subject::Task(id.clone()));
    let status = status.ok_or_else(|| RestError::not_found(format!("No status found for task {id}")))?;
    Ok(Answer::json(200, model::task_status(id.task, &status)))
}

async fn restart_task(call: &Call, name: &str, task: &str) -> Handled {
    let id = TaskId::new(name, task_number(task)?);
    ask(call, Request::RestartTask { id }).await?;
    Ok(Answer::empty(204))
}

async fn restart(call: &Call, name: &str) -> Handled {
    let (include_tasks, only_failed) = (call.flag("includeTasks"), call.flag("onlyFailed"));
    if !include_tasks && !only_failed {
        ask(call, Request::RestartConnector { name: name.to_owned() }).await?;
        return Ok(Answer::empty(204));
    }
    let services = call.app.services()?;
    let plan = restart_plan(&services.shared.statuses, name, include_tasks, only_failed);
    ask(call, Request::Restart { name: name.to_owned(), include_tasks, only_failed }).await?;
    let config = call.app.herder.config();
    let kind = config.connector(name).map_or("unknown", |props| model::kind(props, &call.app.plugins));
    let (connector, tasks) =
        plan.ok_or_else(|| RestError::not_found(format!("Status for connector {name} not found")))?;
    let tasks: Vec<Value> = tasks.iter().map(|(task, status)| model::task_status(*task, status)).collect();
    let mut connector = model::task_status(0, &connector);
    if let Some(members) = connector.as_object_mut() {
        members.shift_remove("id");
    }
    Ok(Answer::json(202, json!({"name": name, "connector": connector, "tasks": tasks, "type": kind})))
}

/// What a restart will touch, shown as RESTARTING.
fn restart_plan(
    statuses: &StatusStore,
    name: &str,
    include_tasks: bool,
    only_failed: bool,
) -> Option<(Status, Vec<(u32, Status)>)> {
    let restarting = |status: Status, concerned: bool| {
        if concerned && (!only_failed || status.state == State::Failed) {
            Status { state: State::Restarting, ..status }
        } else {
            status
        }
    };
    let connector = restarting(statuses.get(&Subject::Connector(name.to_owned()))?, true);
    let tasks = statuses.tasks(name).into_iter();
    Some((connector, tasks.map(|(task, status)| (task, restarting(status, include_tasks))).collect()))
}

async fn target(call: &Call, name: &str, target: TargetState, status: u16) -> Handled {
    ask(call, Request::SetTarget { name: name.to_owned(), target }).await?;
    Ok(Answer::empty(status))
}

fn topics(call: &Call, name: &str) -> Handled {
    if !call.app.settings.config.topic_tracking {
        return Err(RestError::new(403, "Topic tracking is disabled."));
    }
    let topics = call.app.services()?.shared.statuses.topics(name);
    Ok(Answer::json(200, json!({name: {"topics": topics}})))
}

fn reset_topics(call: &Call, name: &str) -> Handled {
    let config = &call.app.settings.config;
    if !config.topic_tracking {
        return Err(RestError::new(403, "Topic tracking is disabled."));
    }
    if !config.topic_tracking_reset {
        return Err(RestError::new(403, "Topic tracking reset is disabled."));
    }
    call.app.services()?.shared.statuses.remove_topics(name);
    Ok(Answer::empty(202))
}
