//! `/openapi.json`: the REST API for those who generate clients or forms from it. The JVM worker serves no such document.

use serde_json::{Map, Value, json};

use super::dispatch::{Answer, Handled};

/// One operation: method, what it does, its query parameters, its body and what it answers.
struct Operation {
    method: &'static str,
    summary: &'static str,
    query: &'static [&'static str],
    /// Name of the body's schema.
    body: Option<&'static str>,
    status: &'static str,
    /// Name of the answer's schema; none where nothing is said of its form.
    answer: Option<&'static str>,
}

const fn operation(method: &'static str, summary: &'static str, status: &'static str) -> Operation {
    Operation { method, summary, query: &[], body: None, status, answer: None }
}

impl Operation {
    const fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    const fn takes(self, body: &'static str) -> Self {
        Self { body: Some(body), ..self }
    }

    const fn gives(self, answer: &'static str) -> Self {
        Self { answer: Some(answer), ..self }
    }

    fn to_json(&self, path: &str) -> Value {
        let parameter = |name: &str, place: &str| json!({"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}});
        let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters: Vec<Value> = in_path
            .map(|name| parameter(name, "path"))
            .chain(self.query.iter().map(|name| parameter(name, "query")))
            .collect();
        let mut answer = json!({"description": "done"});
        if let Some(schema) = self.answer {
            answer["content"] = content(schema);
        }
        let refused = json!({"description": "why it is not done", "content": content("Error")});
        let mut whole = json!({
            "summary": self.summary,
            "parameters": parameters,
            "responses": {self.status: answer, "default": refused},
        });
        if let Some(body) = self.body {
            whole["requestBody"] = json!({"required": true, "content": content(body)});
        }
        whole
    }
}

fn content(schema: &str) -> Value {
    json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}})
}

/// All that users call; what workers ask of each other is left out.
const PATHS: &[(&str, &[Operation])] = &[
    ("/", &[operation("get", "the versions of the worker and its cluster", "200")]),
    ("/health", &[operation("get", "whether the worker is up", "200")]),
    (
        "/connectors",
        &[
            operation("get", "the names of all connectors", "200").query(&["expand"]),
            operation("post", "create a connector", "201").takes("CreateConnectorRequest").gives("Connector"),
        ],
    ),
    (
        "/connectors/{connector}",
        &[
            operation("get", "a connector", "200").gives("Connector"),
            operation("delete", "stop a connector and forget it", "204"),
        ],
    ),
    (
        "/connectors/{connector}/config",
        &[
            operation("get", "a connector's configuration", "200").gives("Config"),
            operation("put", "create a connector or replace its configuration", "200")
                .takes("Config")
                .gives("Connector"),
            operation("patch", "change some settings; null removes one", "200").takes("Config").gives("Connector"),
        ],
    ),
    (
        "/connectors/{connector}/status",
        &[operation("get", "how a connector and its tasks fare", "200").gives("Status")],
    ),
    (
        "/connectors/{connector}/restart",
        &[operation("post", "restart a connector", "204").query(&["includeTasks", "onlyFailed"])],
    ),
    ("/connectors/{connector}/pause", &[operation("put", "pause a connector and its tasks", "202")]),
    ("/connectors/{connector}/resume", &[operation("put", "let a connector go on", "202")]),
    ("/connectors/{connector}/stop", &[operation("put", "stop a connector and drop its tasks", "204")]),
    (
        "/connectors/{connector}/tasks",
        &[operation("get", "a connector's tasks with their configurations", "200").gives("Tasks")],
    ),
    ("/connectors/{connector}/tasks/{task}/status", &[operation("get", "how a task fares", "200")]),
    ("/connectors/{connector}/tasks/{task}/restart", &[operation("post", "restart a task", "204")]),
    ("/connectors/{connector}/topics", &[operation("get", "the topics a connector has used", "200")]),
    ("/connectors/{connector}/topics/reset", &[operation("put", "forget the topics a connector has used", "202")]),
    (
        "/connectors/{connector}/offsets",
        &[
            operation("get", "how far a connector has got", "200").gives("Offsets"),
            operation("patch", "move a stopped connector", "200").takes("Offsets"),
            operation("delete", "let a stopped connector begin anew", "200"),
        ],
    ),
    ("/connector-plugins", &[operation("get", "the plugins that this worker has", "200").query(&["connectorsOnly"])]),
    ("/connector-plugins/{plugin}/config", &[operation("get", "the settings of a plugin", "200").query(&["version"])]),
    (
        "/connector-plugins/{plugin}/config/validate",
        &[operation("put", "what is wrong with a configuration", "200").takes("Config")],
    ),
    ("/admin/loggers", &[operation("get", "the levels of all loggers", "200")]),
    (
        "/admin/loggers/{logger}",
        &[
            operation("get", "the level of a logger", "200"),
            operation("put", "set the level of a logger and those below it", "200").query(&["scope"]).takes("Level"),
        ],
    ),
    ("/metrics", &[operation("get", "all figures, for Prometheus", "200")]),
];

pub fn document() -> Handled {
    let operations = |path: &str, operations: &[Operation]| -> Value {
        let members = operations.iter().map(|operation| (operation.method.to_owned(), operation.to_json(path)));
        Value::Object(members.collect())
    };
    let paths: Map<String, Value> =
        PATHS.iter().map(|(path, all)| ((*path).to_owned(), operations(path, all))).collect();
    Ok(Answer::json(
        200,
        json!({
            "openapi": "3.0.3",
            "info": {"title": "Kafka Connect REST API", "version": crate::plugins::VERSION},
            "paths": paths,
            "components": {"schemas": schemas()},
        }),
    ))
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    let nullable = json!({"type": "string", "nullable": true});
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    let map = json!({"type": "object", "additionalProperties": true});
    let nullable_map = json!({"type": "object", "additionalProperties": true, "nullable": true});
    let state = object(json!({"state": text, "worker_id": text, "version": nullable, "trace": text}));
    let stuck = object(json!({"since": text, "stage": text, "detail": text}));
    let task = object(json!({
        "id": {"type": "integer"}, "state": text, "worker_id": text, "version": nullable, "trace": text, "stuck": stuck,
    }));
    json!({
        "Config": {"type": "object", "additionalProperties": nullable},
        "CreateConnectorRequest": object(json!({
            "name": text,
            "config": {"$ref": "#/components/schemas/Config"},
            "initial_state": {"type": "string", "enum": ["RUNNING", "PAUSED", "STOPPED"]},
        })),
        "Connector": object(json!({
            "name": text,
            "config": {"$ref": "#/components/schemas/Config"},
            "tasks": {"type": "array", "items": object(json!({"connector": text, "task": {"type": "integer"}}))},
            "type": {"type": "string", "enum": ["source", "sink", "unknown"]},
        })),
        "Tasks": {"type": "array", "items": object(json!({
            "id": object(json!({"connector": text, "task": {"type": "integer"}})),
            "config": {"$ref": "#/components/schemas/Config"},
        }))},
        "Status": object(json!({
            "name": text,
            "connector": state,
            "tasks": {"type": "array", "items": task},
            "type": {"type": "string", "enum": ["source", "sink", "unknown"]},
        })),
        "Offsets": object(json!({
            "offsets": {"type": "array", "items": object(json!({"partition": map, "offset": nullable_map}))},
        })),
        "Level": object(json!({"level": text})),
        "Error": object(json!({"error_code": {"type": "integer"}, "message": text})),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::route::Route;

    #[test]
    fn every_documented_path_is_served_with_these_methods() {
        for (path, operations) in PATHS {
            let route = Route::of(&path.replace(['{', '}'], "")).expect(path);
            let mut documented: Vec<String> = operations.iter().map(|o| o.method.to_ascii_uppercase()).collect();
            documented.sort();
            let internal = |method: &&str| matches!(route, Route::Tasks(_)) && *method == "POST";
            let served: Vec<&str> = route.methods().iter().copied().filter(|method| !internal(method)).collect();
            assert_eq!(documented, served, "{path}");
        }
    }

    #[test]
    fn every_schema_that_is_referred_to_is_there() {
        let schemas = schemas();
        let names = PATHS.iter().flat_map(|(_, all)| all.iter()).flat_map(|o| [o.body, o.answer]).flatten();
        let missing: Vec<&str> = names.filter(|name| schemas.get(name).is_none()).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn an_operation_says_what_it_takes_and_gives() {
        let restart =
            operation("post", "restart", "204").query(&["onlyFailed"]).to_json("/connectors/{connector}/restart");
        let parameter = |name: &str, place: &str, required: bool| json!({"name": name, "in": place, "required": required, "schema": {"type": "string"}});
        assert_eq!(
            restart,
            json!({
                "summary": "restart",
                "parameters": [parameter("connector", "path", true), parameter("onlyFailed", "query", false)],
                "responses": {
                    "204": {"description": "done"},
                    "default": {"description": "why it is not done", "content": content("Error")},
                },
            })
        );
    }
}
