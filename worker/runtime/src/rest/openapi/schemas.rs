//! The forms of bodies and parameters.

use serde_json::{Map, Value, json};

use super::reference;

/// An object with these members, all of them there.
fn object(properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

/// The same with further members that need not be there.
fn object_with(required: Value, optional: Value) -> Value {
    let mut whole = object(required);
    if let (Some(properties), Value::Object(optional)) = (whole["properties"].as_object_mut(), optional) {
        properties.extend(optional);
    }
    whole
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

pub(super) fn all() -> Value {
    let text = json!({"type": "string"});
    let nullable = json!({"type": "string", "nullable": true});
    let integer = json!({"type": "integer"});
    let map = json!({"type": "object", "additionalProperties": true});
    let nullable_map = json!({"type": "object", "additionalProperties": true, "nullable": true});
    let kind = json!({"type": "string", "enum": ["source", "sink", "unknown"]});
    // Of any type, so that generated clients take what their users have at hand.
    let setting = json!({"description": "a text or null; numbers and booleans are taken as their text"});
    let stuck = object(json!({"since": text, "stage": text, "detail": text}));
    let state = |members: Value, optional: Value| {
        let (mut whole, mut optional) = (members, optional);
        whole["state"] = text.clone();
        whole["worker_id"] = text.clone();
        whole["version"] = nullable.clone();
        optional["trace"] = text.clone();
        object_with(whole, optional)
    };
    json!({
        "Name": text,
        "Names": list(text.clone()),
        // Parameters are forgiving, as the JVM's are: what is none of the words they know is as if it were not there.
        "Flag": {"type": "string", "description": "`true`; anything else is false", "example": "true"},
        "Expand": {
            "type": "array", "items": {"type": "string"}, "description": "`status`, `info` or both", "example": ["status"],
        },
        "Scope": {"type": "string", "description": "`cluster`; anything else is this worker", "example": "cluster"},
        "Root": object(json!({"version": text, "commit": text, "kafka_cluster_id": text})),
        "Health": object(json!({"status": text, "message": text})),
        "Config": {"type": "object", "additionalProperties": text},
        "ConnectorConfig": {
            "type": "object", "required": ["connector.class"],
            "properties": {"connector.class": text}, "additionalProperties": setting,
        },
        "ConfigChange": {"type": "object", "additionalProperties": setting},
        "CreateConnectorRequest": {
            "type": "object", "required": ["name", "config"], "additionalProperties": false,
            "properties": {
                "name": text,
                "config": reference("ConnectorConfig"),
                "initial_state": {"type": "string", "enum": ["RUNNING", "PAUSED", "STOPPED"]},
            },
        },
        "Connectors": {"oneOf": [
            list(text.clone()),
            {"type": "object", "additionalProperties": {
                "type": "object",
                "properties": {"status": reference("Status"), "info": reference("Connector")},
            }},
        ]},
        "Connector": object(json!({
            "name": text,
            "config": reference("Config"),
            "tasks": list(object(json!({"connector": text, "task": integer}))),
            "type": kind,
        })),
        "Tasks": list(object(json!({
            "id": object(json!({"connector": text, "task": integer})),
            "config": reference("Config"),
        }))),
        "TaskStatus": state(json!({"id": integer}), json!({"stuck": stuck})),
        "Status": object(json!({
            "name": text, "connector": state(json!({}), json!({})), "tasks": list(reference("TaskStatus")), "type": kind,
        })),
        "Topics": {"type": "object", "additionalProperties": object(json!({"topics": list(text.clone())}))},
        "Offsets": object(json!({"offsets": list(object(json!({"partition": map, "offset": nullable_map})))})),
        "OffsetsChange": object(json!({
            "offsets": {
                "type": "array", "minItems": 1,
                "items": object_with(json!({"partition": map}), json!({"offset": nullable_map})),
            },
        })),
        "Message": object(json!({"message": text})),
        "Plugins": list(object(json!({"class": text, "type": text, "version": nullable}))),
        "Definition": object(json!({
            "name": text, "type": text, "required": {"type": "boolean"}, "default_value": nullable, "importance": text,
            "documentation": text, "group": nullable, "order_in_group": integer, "width": text, "display_name": text,
            "dependents": list(text.clone()),
        })),
        "Definitions": list(reference("Definition")),
        "Validation": object(json!({
            "name": text, "error_count": integer, "groups": list(text.clone()),
            "configs": list(object(json!({
                "definition": {"nullable": true, "allOf": [reference("Definition")]},
                "value": object(json!({
                    "name": text, "value": nullable, "recommended_values": list(text.clone()),
                    "errors": list(text.clone()), "visible": {"type": "boolean"},
                })),
            }))),
        })),
        "Logger": object(json!({"level": nullable, "last_modified": {"type": "integer", "nullable": true}})),
        "Loggers": {"type": "object", "additionalProperties": reference("Logger")},
        "Level": object(json!({"level": {"type": "string", "enum": ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"]}})),
        "Error": object(json!({"error_code": integer, "message": nullable})),
    })
}
