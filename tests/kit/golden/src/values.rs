//! Cases of single values: texts that become values, patterns, dates, conversions.

use std::sync::Arc;

use connect_api::{
    Error, Fate, Headers, OffsetMap, Origin, Props, Record, Schema, SchemaAndValue, SourceOffset, TransformPlugin,
    values,
};
use connect_testkit::golden::{
    self, MapOrder, NotRepresentable, Outcome, data_json, differing_places, error, same_data, shown,
};
use connect_transforms::{DateFormat, PREDICATES, TRANSFORMS, java_regex};
use serde_json::{Value as Json, json};

use crate::{judge, numbers};

pub(crate) fn run(case: &Json, expected: &Json) -> Outcome {
    let text = |member: &str| case[member].as_str().unwrap_or_default();
    match text("op") {
        // No text at all is read as null before any text is looked at.
        "parseString" if case["text"].is_null() => judge(expected, &json!({ "schema": null, "value": null })),
        "parseString" => parse(text("text"), expected),
        "regexRouter" => judge_text(expected, route(case)),
        "topicNameMatches" => judge_text(expected, matches(case)),
        "regexReplaceAll" => judge_text(expected, replace_all(case)),
        "dateFormat" | "dateParse" if !is_utc_english(case) => {
            Outcome::NotRepresentable("a date in another time zone or language".to_owned())
        }
        "dateFormat" => judge_text(expected, format(case)),
        "dateParse" => judge_date(expected, parse_date(case)),
        "validateValue" => validate(case, expected),
        "project" => project(case, expected),
        "convert" if text("to") == "string" => write(case, expected),
        "convert" => convert(case, expected),
        "javaToString" => numbers::java_text(case, expected),
        "parseDouble" => numbers::parse_double(text("text"), expected),
        "hashCode" => numbers::hash_code(case, expected),
        "inferSchema" => infer(case, expected),
        // Rust's own types do what these check at run time.
        "schemaBuilder" | "structGet" | "structPut" => {
            Outcome::NotRepresentable("Java's builders and typed getters".to_owned())
        }
        other => Outcome::Unknown(other.to_owned()),
    }
}

fn parse(text: &str, expected: &Json) -> Outcome {
    let Some(found) = values::parse(&text.into()) else {
        return Outcome::Failed("nested too deeply to be read".to_owned());
    };
    let wanted = match expected.get("javaNull") {
        Some(_) => Ok(SchemaAndValue::NULL),
        None => golden::data(&expected["schema"], &expected["value"]),
    };
    match wanted {
        Err(NotRepresentable(what)) => Outcome::NotRepresentable(what),
        Ok(wanted) if same_data(&wanted, &found, MapOrder::of(expected)) => Outcome::Passed,
        Ok(wanted) => Outcome::Failed(format!(
            "{text:?} became another value\n{}",
            differing_places(&data_json(&wanted), &data_json(&found))
        )),
    }
}

fn validate(case: &Json, expected: &Json) -> Outcome {
    let data = match golden::data(&case["schema"], &case["value"]) {
        Ok(data) => data,
        Err(NotRepresentable(what)) => return Outcome::NotRepresentable(what),
    };
    let Some(schema) = &data.schema else { return Outcome::NotRepresentable("no schema".to_owned()) };
    judge_error(expected, values::validate(schema, &data.value, case["field"].as_str()))
}

fn project(case: &Json, expected: &Json) -> Outcome {
    let read = || {
        let data = golden::data(&case["source"], &case["value"])?;
        let target = golden::schema(&case["target"])?;
        let wanted = golden::value(&expected["value"], target.as_ref())?;
        Ok((data, target, wanted))
    };
    let (data, target, wanted) = match read() {
        Ok((SchemaAndValue { schema: Some(source), value }, Some(target), wanted)) => ((source, value), target, wanted),
        Ok(_) => return Outcome::NotRepresentable("no schema".to_owned()),
        Err(NotRepresentable(what)) => return Outcome::NotRepresentable(what),
    };
    match values::project(&data.0, data.1, &target) {
        Ok(found) if expected.get("error").is_none() => {
            let data = |value| SchemaAndValue::new(target.clone(), value);
            match same_data(&data(wanted), &data(found.clone()), MapOrder::of(expected)) {
                true => Outcome::Passed,
                false => Outcome::Failed(format!("expected {}, got {found:?}", shown(expected))),
            }
        }
        answer => judge_error(expected, answer.map(drop)),
    }
}

/// The text of a value, as headers hold it.
fn write(case: &Json, expected: &Json) -> Outcome {
    match golden::data(&case["schema"], &case["value"]) {
        Ok(data) => judge(expected, &json!({ "value": values::text(&data.value, data.schema.as_ref()) })),
        Err(NotRepresentable(what)) => Outcome::NotRepresentable(what),
    }
}

fn infer(case: &Json, expected: &Json) -> Outcome {
    let read = || Ok((golden::value(&case["value"], None)?, golden::schema(&expected["schema"])?));
    let (value, wanted) = match read() {
        Ok(read) => read,
        Err(NotRepresentable(what)) => return Outcome::NotRepresentable(what),
    };
    match values::infer(&value) {
        Ok(found) if expected.get("error").is_none() => match found == wanted {
            true => Outcome::Passed,
            false => Outcome::Failed(format!("expected {}, got {found:?}", shown(expected))),
        },
        answer => judge_error(expected, answer.map(drop)),
    }
}

/// The type that a conversion is named after.
fn target(case: &Json) -> Option<Schema> {
    let schema = |json: Json| golden::schema(&json).ok().flatten();
    let named =
        |name: &str, ty: &str| schema(json!({ "type": ty, "name": format!("org.apache.kafka.connect.data.{name}") }));
    match case["to"].as_str()? {
        "list" => schema(json!({ "type": "array", "items": null })),
        "map" => schema(json!({ "type": "map", "keys": null, "values": null })),
        "struct" => schema(json!({ "type": "struct", "fields": [] })),
        "date" => named("Date", "int32"),
        "time" => named("Time", "int32"),
        "timestamp" => named("Timestamp", "int64"),
        "decimal" => schema(json!({
            "type": "bytes", "name": "org.apache.kafka.connect.data.Decimal",
            "parameters": { "scale": case["scale"].to_string() },
        })),
        ty => schema(json!({ "type": ty })),
    }
}

fn convert(case: &Json, expected: &Json) -> Outcome {
    let Some(target) = target(case) else { return Outcome::Unknown(format!("conversions to {}", case["to"])) };
    let read =
        || Ok((golden::data(&case["schema"], &case["value"])?, golden::value(&expected["value"], Some(&target))?));
    let (data, wanted) = match read() {
        Ok(read) => read,
        Err(NotRepresentable(what)) => return Outcome::NotRepresentable(what),
    };
    match (values::convert(&data, &target), expected.get("error")) {
        (Ok(found), None) => {
            let data = |value| SchemaAndValue::new(target.clone(), value);
            match same_data(&data(wanted), &data(found.clone()), MapOrder::of(expected)) {
                true => Outcome::Passed,
                false => Outcome::Failed(format!("expected {}, got {found:?}", shown(expected))),
            }
        }
        // What is wrong with a number is said in the words of Java's own reader.
        (Err(failure), Some(wanted)) if wanted["class"] == "java.lang.NumberFormatException" => {
            judge(&wanted["class"], &failure.java_class().into())
        }
        (Err(failure), Some(wanted)) => {
            // Where Java prints the address of an array, its content is told.
            let content = case["value"]["bytes"].as_str().unwrap_or_default();
            let wanted = wanted.to_string().replace("[B@<hash>", content);
            let wanted = serde_json::from_str(&wanted).unwrap_or_default();
            error(&wanted, &failure).map_or_else(Outcome::Failed, |()| Outcome::Passed)
        }
        (Ok(_), _) => Outcome::Failed(format!("expected {}, got no error", shown(expected))),
        (Err(failure), None) => Outcome::Failed(format!("expected {}, got the error {failure}", shown(expected))),
    }
}

fn judge_error(expected: &Json, answer: connect_api::Result<()>) -> Outcome {
    let judged = match (answer, expected.get("error")) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(_)) => Err(format!("expected {}, got no error", shown(expected))),
        (Err(failure), Some(wanted)) => error(wanted, &failure),
        (Err(failure), None) => Err(format!("expected {}, got the error {failure}", shown(expected))),
    };
    judged.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}

/// An answer, or at which stage it failed.
type Answer = std::result::Result<Json, (&'static str, Error)>;

/// What is wrong with a pattern is said in the words of another engine, so only the class of an error is compared.
fn judge_text(expected: &Json, answer: Answer) -> Outcome {
    match answer {
        Ok(found) => judge(expected, &found),
        Err((stage, failure)) if expected[stage]["class"] == failure.java_class() => Outcome::Passed,
        Err((stage, failure)) => Outcome::Failed(format!(
            "expected {}, got the {stage} {}: {failure}",
            shown(expected),
            failure.java_class()
        )),
    }
}

fn props(pairs: &[(&str, &Json)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_str().unwrap_or_default().to_owned())).collect()
}

fn record(case: &Json) -> Record {
    Record {
        topic: case["topic"].as_str().unwrap_or_default().into(),
        partition: None,
        key: SchemaAndValue::NULL,
        value: SchemaAndValue::NULL,
        timestamp: None,
        headers: Headers::default(),
    }
}

fn transform(name: &str) -> &'static TransformPlugin {
    TRANSFORMS.iter().find(|plugin| plugin.class.ends_with(name)).expect("it is in the table")
}

fn route(case: &Json) -> Answer {
    let settings = props(&[("regex", &case["regex"]), ("replacement", &case["replacement"])]);
    let mut router = (transform(".RegexRouter").configure)(&settings).map_err(|failure| ("configError", failure))?;
    let nowhere = SourceOffset { partition: Arc::new(OffsetMap::default()), offset: Arc::new(OffsetMap::default()) };
    let mut record = record(case);
    let fate = router.apply(&mut record, Origin::Source(&nowhere)).map_err(|failure| ("error", failure))?;
    Ok(json!({ "topic": (fate == Fate::Kept).then(|| record.topic.to_string()) }))
}

fn matches(case: &Json) -> Answer {
    let plugin = PREDICATES.iter().find(|plugin| plugin.class.ends_with(".TopicNameMatches")).expect("a predicate");
    let settings = props(&[("pattern", &case["pattern"])]);
    let mut predicate = (plugin.configure)(&settings).map_err(|failure| ("configError", failure))?;
    Ok(json!({ "matches": predicate.test(&record(case)).map_err(|failure| ("error", failure))? }))
}

fn replace_all(case: &Json) -> Answer {
    let text = |member: &str| case[member].as_str().unwrap_or_default();
    let replaced = java_regex::replace_all(text("regex"), text("replacement"), text("input"));
    Ok(json!({ "result": replaced.map_err(|failure| ("error", failure))? }))
}

/// The product writes and reads dates in UTC and English only, as the transforms of the JVM do.
fn is_utc_english(case: &Json) -> bool {
    case["tz"] == "UTC" && case["locale"].as_str().is_none_or(|locale| locale == "en-US")
}

fn date_format(case: &Json) -> std::result::Result<DateFormat, (&'static str, Error)> {
    let invalid = |why| ("error", Error::config(why).class("java.lang.IllegalArgumentException"));
    DateFormat::new(case["pattern"].as_str().unwrap_or_default()).map_err(invalid)
}

fn format(case: &Json) -> Answer {
    Ok(json!({ "text": date_format(case)?.write(case["epochMs"].as_i64().unwrap_or_default()) }))
}

fn parse_date(case: &Json) -> Answer {
    let text = case["text"].as_str().unwrap_or_default();
    let unparseable =
        || ("error", Error::data(format!("Unparseable date: \"{text}\"")).class("java.text.ParseException"));
    Ok(json!({ "epochMs": date_format(case)?.parse(text, now_ms(case)).ok_or_else(unparseable)? }))
}

/// When the case was recorded: two digits of a year depend on it.
fn now_ms(case: &Json) -> i64 {
    let clock = case["expect"]["clock"].as_str().or_else(|| case["clock"].as_str()).unwrap_or("2026-11-21");
    DateFormat::new("yyyy-MM-dd").ok().and_then(|format| format.parse(clock, 0)).unwrap_or_default()
}

fn judge_date(expected: &Json, answer: Answer) -> Outcome {
    let judged = match (answer, expected.get("error")) {
        (Ok(found), None) if found["epochMs"] == expected["epochMs"] => Ok(()),
        (Ok(found), _) => Err(format!("expected {}, got {found}", shown(expected))),
        (Err((_, failure)), Some(wanted)) => error(wanted, &failure),
        (Err((_, failure)), None) => Err(format!("expected {}, got {failure}", shown(expected))),
    };
    judged.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}
