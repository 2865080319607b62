//! Java's regular expressions, as RegexRouter and TopicNameMatches use them.

use std::{path::Path, sync::Arc};

use connect_api::{Error, Headers, OffsetMap, Origin, Props, Record, SchemaAndValue, SourceOffset};
use connect_testkit::golden::{cases, differences};
use connect_transforms::{PREDICATES, TRANSFORMS};
use serde_json::Value as Json;

fn record(topic: &str) -> Record {
    Record {
        topic: topic.into(),
        partition: None,
        key: SchemaAndValue::NULL,
        value: SchemaAndValue::NULL,
        timestamp: None,
        headers: Headers::default(),
    }
}

fn props(pairs: &[(&str, &Json)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_str().unwrap_or_default().to_owned())).collect()
}

fn route(case: &Json) -> Result<Json, (&'static str, Error)> {
    let settings = props(&[("regex", &case["regex"]), ("replacement", &case["replacement"])]);
    let plugin = TRANSFORMS.iter().find(|plugin| plugin.class.ends_with(".RegexRouter")).expect("a transform");
    let mut router = (plugin.configure)(&settings).map_err(|error| ("configError", error))?;
    let nowhere = SourceOffset { partition: Arc::new(OffsetMap::default()), offset: Arc::new(OffsetMap::default()) };
    let routed = router.apply(record(case["topic"].as_str().unwrap_or_default()), Origin::Source(&nowhere));
    let routed = routed.map_err(|error| ("error", error))?.expect("a route drops nothing");
    Ok(serde_json::json!({ "topic": routed.topic.as_str() }))
}

fn matches(case: &Json) -> Result<Json, (&'static str, Error)> {
    let plugin = PREDICATES.iter().find(|plugin| plugin.class.ends_with(".TopicNameMatches")).expect("a predicate");
    let settings = props(&[("pattern", &case["pattern"])]);
    let mut predicate = (plugin.configure)(&settings).map_err(|error| ("configError", error))?;
    let matches =
        predicate.test(&record(case["topic"].as_str().unwrap_or_default())).map_err(|error| ("error", error))?;
    Ok(serde_json::json!({ "matches": matches }))
}

#[test]
fn patterns_route_and_match_as_in_java() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/values");
    let differences = differences(&folder);
    let mut failed = Vec::new();
    for case in cases(&folder.join("regex.jsonl")) {
        let id = case["id"].as_str().unwrap();
        let expected = differences.get(id).unwrap_or(&case["expect"]);
        let answer = if case["op"] == "regexRouter" { route(&case) } else { matches(&case) };
        let right = match &answer {
            Ok(answer) => answer == expected,
            Err((kind, error)) => expected[kind]["class"] == error.java_class(),
        };
        if !right {
            failed.push(format!("{id} {} {:?}: expected {expected}, got {answer:?}", case["regex"], case["topic"]));
        }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}
