//! Comparing a plugin's settings with what `GET /connector-plugins/{class}/config` of the JVM says of it.

use std::{fs, path::Path};

use connect_api::ConfigDef;
use serde_json::{Value as Json, json};

/// What differs between the settings of a class and the recorded ones, a line each; the texts of `doc` are our own.
pub fn configdef_differences(def: &ConfigDef, folder: &Path, class: &str) -> Vec<String> {
    let file = folder.join(format!("{class}.json"));
    let Ok(text) = fs::read_to_string(&file) else { return vec![format!("{class}: {} is missing", file.display())] };
    let recorded: Vec<Json> = match serde_json::from_str(&text) {
        Ok(recorded) => recorded,
        Err(error) => return vec![format!("{class}: {error}")],
    };
    let ours: Vec<Json> = def
        .keys()
        .iter()
        .map(|key| {
            json!({
                "name": key.name, "type": key.ty.name(), "required": key.required, "default_value": key.default,
                "importance": key.importance.name(), "width": key.width.name(), "display_name": key.display,
                "group": Some(key.group).filter(|group| !group.is_empty()),
            })
        })
        .collect();
    let mut differences = Vec::new();
    for expected in &recorded {
        let name = expected["name"].as_str().unwrap_or_default();
        let Some(found) = ours.iter().find(|key| key["name"] == name) else {
            differences.push(format!("{class}: {name} is missing"));
            continue;
        };
        for member in ["type", "required", "default_value", "importance", "width", "display_name", "group"] {
            if expected[member] != found[member] {
                differences
                    .push(format!("{class}: {name}: {member} is {} and not {}", found[member], expected[member]));
            }
        }
    }
    let known = |key: &&Json| recorded.iter().any(|expected| expected["name"] == key["name"]);
    differences
        .extend(ours.iter().filter(|key| !known(key)).map(|key| format!("{class}: {} is too many", key["name"])));
    differences
}
