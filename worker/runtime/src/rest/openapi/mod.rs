//! `/openapi.json`: the REST API for those who generate clients or forms from it. The JVM worker serves no such document.

mod paths;
mod schemas;

use serde_json::{Map, Value, json};

use super::dispatch::{Answer, Handled};

/// One operation: what it takes, what it answers when it is done and how it may refuse.
struct Operation {
    method: &'static str,
    /// What generated clients name their function; the names of the JVM worker's resources.
    id: &'static str,
    summary: &'static str,
    /// Query parameters by name, each with the name of its schema.
    query: &'static [(&'static str, &'static str)],
    /// Name of the body's schema.
    body: Option<&'static str>,
    /// What it answers when it is done: status, and the name of the schema where there is a body.
    answers: &'static [(u16, Option<&'static str>)],
    /// Further statuses with an error as their body.
    refusals: &'static [u16],
}

/// Any operation may be asked with headers that can't be read (400) or in another format (406), come before the worker
/// has started (503), or fail (500).
const ANY_REFUSAL: [u16; 4] = [400, 406, 500, 503];
/// A body may be too large or no JSON.
const BODY_REFUSAL: [u16; 2] = [413, 415];

const fn operation(
    method: &'static str,
    id: &'static str,
    summary: &'static str,
    answers: &'static [(u16, Option<&'static str>)],
) -> Operation {
    Operation { method, id, summary, query: &[], body: None, answers, refusals: &[] }
}

impl Operation {
    const fn query(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    const fn takes(self, body: &'static str) -> Self {
        Self { body: Some(body), ..self }
    }

    const fn refuses(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }

    fn to_json(&self, path: &str) -> Value {
        let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let in_path =
            in_path.map(|name| json!({"name": name, "in": "path", "required": true, "schema": reference("Name")}));
        let in_query = self
            .query
            .iter()
            .map(|(name, schema)| json!({"name": name, "in": "query", "required": false, "schema": reference(schema)}));
        let mut whole = json!({
            "operationId": self.id,
            "summary": self.summary,
            "parameters": in_path.chain(in_query).collect::<Vec<Value>>(),
            "responses": self.responses(path),
        });
        if let Some(body) = self.body {
            whole["requestBody"] = json!({"required": true, "content": content(body)});
        }
        whole
    }

    fn responses(&self, path: &str) -> Map<String, Value> {
        let body = if self.method == "put" || self.method == "post" || self.method == "patch" {
            &BODY_REFUSAL[..]
        } else {
            &[]
        };
        let mut refusals: Vec<u16> = ANY_REFUSAL.iter().chain(body).chain(self.refusals).copied().collect();
        refusals.sort_unstable();
        let done = self.answers.iter().map(|(status, schema)| (status.to_string(), done(path, *schema)));
        done.chain(refusals.iter().map(|status| (status.to_string(), refused(*status)))).collect()
    }
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn content(schema: &str) -> Value {
    json!({"application/json": {"schema": reference(schema)}})
}

fn done(path: &str, schema: Option<&str>) -> Value {
    let mut answer = json!({"description": "done"});
    match schema {
        // The one answer that is for Prometheus.
        Some("Metrics") => answer["content"] = json!({"text/plain": {"schema": {"type": "string"}}}),
        Some(schema) => answer["content"] = content(schema),
        None => {}
    }
    if schema == Some("Connector") {
        answer["links"] = links(path);
    }
    answer
}

/// Whoever has a connector's name can go on to all that takes one.
fn links(path: &str) -> Value {
    let takes_name = |other: &str| other.starts_with("/connectors/{connector}") && other != path;
    let operations = paths::PATHS.iter().filter(|(other, _)| takes_name(other)).flat_map(|(_, operations)| *operations);
    let link = |operation: &Operation| {
        let parameters = json!({"connector": "$response.body#/name"});
        (operation.id.to_owned(), json!({"operationId": operation.id, "parameters": parameters}))
    };
    Value::Object(operations.map(link).collect())
}

fn refused(status: u16) -> Value {
    let why = match status {
        400 => "the request or the configuration is wrong",
        403 => "switched off in the worker's configuration",
        404 => "there is none of this name",
        406 => "only JSON is answered",
        409 => "it exists already, or something else has to end first",
        413 => "the body is too large",
        415 => "bodies are JSON",
        503 => "the worker is still starting",
        _ => "it failed, or the body is no JSON of the form that is expected",
    };
    // What is refused before any resource has seen it is answered without a body.
    json!({"description": why, "content": content("Error")})
}

pub fn document() -> Handled {
    let operations = |path: &str, operations: &[Operation]| -> Value {
        let members = operations.iter().map(|operation| (operation.method.to_owned(), operation.to_json(path)));
        Value::Object(members.collect())
    };
    let paths: Map<String, Value> =
        paths::PATHS.iter().map(|(path, all)| ((*path).to_owned(), operations(path, all))).collect();
    Ok(Answer::json(
        200,
        json!({
            "openapi": "3.0.3",
            "info": {"title": "Kafka Connect REST API", "version": crate::plugins::VERSION},
            "paths": paths,
            "components": {"schemas": schemas::all()},
        }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::route::Route;

    #[test]
    fn every_documented_path_is_served_with_these_methods() {
        for (path, operations) in paths::PATHS {
            let route = Route::of(&path.replace(['{', '}'], "")).expect(path);
            let mut documented: Vec<String> = operations.iter().map(|o| o.method.to_ascii_uppercase()).collect();
            documented.sort();
            assert_eq!(documented, route.methods(), "{path}");
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let mut ids: Vec<&str> = paths::PATHS.iter().flat_map(|(_, all)| all.iter().map(|o| o.id)).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }

    #[test]
    fn every_schema_that_is_referred_to_is_there() {
        let document = match document().expect("the document is always there").body {
            crate::rest::dispatch::Content::Json(document) => document,
            other => panic!("{other:?}"),
        };
        let text = document.to_string();
        let names = text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
        let missing: Vec<&str> = names.filter(|name| document["components"]["schemas"].get(name).is_none()).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn an_operation_says_what_it_takes_and_gives() {
        let restart = operation("post", "restartConnector", "restart", &[(204, None)])
            .query(&[("onlyFailed", "Flag")])
            .refuses(&[404])
            .to_json("/connectors/{connector}/restart");
        let statuses: Vec<&String> = restart["responses"].as_object().expect("an object").keys().collect();
        assert_eq!(statuses, ["204", "400", "404", "406", "413", "415", "500", "503"]);
        assert_eq!(restart["operationId"], "restartConnector");
        assert_eq!(
            restart["parameters"],
            json!([
                {"name": "connector", "in": "path", "required": true, "schema": reference("Name")},
                {"name": "onlyFailed", "in": "query", "required": false, "schema": reference("Flag")},
            ])
        );
        assert_eq!(restart["responses"]["404"]["content"], content("Error"));
    }
}
