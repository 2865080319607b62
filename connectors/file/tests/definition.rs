//! The settings have the names, types and defaults of the JVM's plugins, key for key.

use std::path::Path;

use connect_api::ConfigDef;
use connect_file::{SINK, SOURCE};
use serde_json::{Value, json};

#[test]
fn settings_are_those_of_the_jvm() {
    check(SOURCE.class, (SOURCE.config)());
    check(SINK.class, (SINK.config)());
}

fn check(class: &str, def: &ConfigDef) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/golden/configdef/{class}.json"));
    let text = std::fs::read_to_string(file).expect("a golden file can be read");
    let golden: Vec<Value> = serde_json::from_str(&text).expect("a golden file is JSON");
    // Behind the plugin's own settings stand those that the worker adds to every connector.
    let own: Vec<&Value> = golden.iter().take_while(|key| key["name"] != "name").collect();
    let ours: Vec<Value> = def
        .keys()
        .iter()
        .map(|key| {
            assert_eq!(key.group, "", "the JVM puts {} in no group", key.name);
            json!({
                "name": key.name, "type": key.ty.name(), "required": key.required, "default_value": key.default,
                "importance": key.importance.name(), "group": null, "order_in_group": -1, "width": key.width.name(),
                "display_name": key.display, "dependents": [],
            })
        })
        .collect();
    assert_eq!(ours.iter().collect::<Vec<_>>(), own, "{class}");
}
