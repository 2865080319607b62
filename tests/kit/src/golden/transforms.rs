//! Running the cases of `golden/transforms` against transforms and predicates in this process.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use connect_api::{
    ConfigDef, Error, Fate, OffsetMap, Origin, Predicate, PredicatePlugin, Props, Record, SourceOffset, Str,
    TimestampType, TopicPartition, Transform, TransformPlugin, Value,
};
use serde_json::{Value as Json, json};

use super::{
    Outcome, Report, cases,
    compare::{self, MapOrder},
    differences,
    notation::{self, NotRepresentable},
    render,
};

/// The transforms and predicates under test.
pub struct Transforms {
    pub transforms: &'static [TransformPlugin],
    pub predicates: &'static [PredicatePlugin],
    /// Settings that each transform of a run gets besides its own.
    pub extra: &'static [(&'static str, &'static str)],
}

/// A transform with the predicate that guards it.
struct Stage {
    transform: Box<dyn Transform>,
    predicate: Option<(Box<dyn Predicate>, bool)>,
}

/// A stage could not be configured: the plugin's definitions, its settings, and why.
type Refusal = (&'static ConfigDef, Props, Error);

impl Transforms {
    /// Runs all cases of one file; differences on purpose stand beside it.
    pub fn run(&self, file: &Path) -> Report {
        let differences = differences(file.parent().expect("a file has a folder"));
        let mut report = Report::default();
        for case in cases(file) {
            let id = case["id"].as_str().unwrap_or_default();
            report.add(id, self.run_case(&case, &differences));
        }
        report
    }

    pub fn run_case(&self, case: &Json, differences: &BTreeMap<String, Json>) -> Outcome {
        let id = case["id"].as_str().unwrap_or_default();
        let expected = differences.get(id).unwrap_or(&case["expect"]);
        if let Some(op) = case["op"].as_str() {
            // It begins and ends with bytes, for which there are no converters here.
            return Outcome::Unknown(op.to_owned());
        }
        let single = std::slice::from_ref(case);
        let steps = case["chain"].as_array().map_or(single, Vec::as_slice);
        let mut stages = Vec::new();
        let mut refusal = None;
        for step in steps {
            match self.stage(step) {
                Err(class) => return Outcome::Unknown(class),
                Ok(Ok(stage)) => stages.push(stage),
                Ok(Err(refused)) => refusal = refusal.or(Some(refused)),
            }
        }
        if expected.get("configError").is_some() && steps.iter().any(sets_null) {
            return Outcome::NotRepresentable("a setting that is null".to_owned());
        }
        let judged = match (refusal, expected.get("configError")) {
            (Some((def, props, failure)), Some(wanted)) => compare::config_error(wanted, &failure, def, &props),
            (Some((_, _, failure)), None) => Err(format!("could not be configured: {failure}")),
            (None, Some(wanted)) => Err(format!("was configured, expected {wanted}")),
            (None, None) => match run(case, expected, &mut stages) {
                Ok(judged) => judged,
                Err(NotRepresentable(what)) => return Outcome::NotRepresentable(what),
            },
        };
        judged.map_or_else(Outcome::Failed, |()| Outcome::Passed)
    }

    /// What this project answers to a case, in the notation of its `expect`.
    pub fn answer(&self, case: &Json) -> Result<Json, Outcome> {
        let single = std::slice::from_ref(case);
        let mut stages = Vec::new();
        for step in case["chain"].as_array().map_or(single, Vec::as_slice) {
            match self.stage(step).map_err(Outcome::Unknown)? {
                Ok(stage) => stages.push(stage),
                Err((_, _, failure)) => return Ok(json!({ "configError": error_json(&failure) })),
            }
        }
        let mut answer = |json: &Json| {
            let not_representable = |NotRepresentable(what)| Outcome::NotRepresentable(what);
            let answer = applied(json, &mut stages).map_err(not_representable)?;
            Ok(match answer {
                Err(failure) => json!({ "error": error_json(&failure) }),
                Ok(None) => json!({ "dropped": true }),
                Ok(Some(record)) => {
                    // What no transform changes stands as it is in the case.
                    let mut whole = json.clone();
                    if let (Json::Object(whole), Json::Object(changed)) = (&mut whole, render::record_json(&record)) {
                        whole.extend(changed);
                    }
                    json!({ "record": whole })
                }
            })
        };
        match case["records"].as_array() {
            Some(records) => records.iter().map(answer).collect(),
            None => answer(&case["record"]),
        }
    }

    /// What a case's chain makes of a record, for cases that begin and end with bytes. The failure to configure a step
    /// counts as the answer; a class that is not under test is the outer error.
    pub fn apply_chain(&self, case: &Json, record: Record, origin: Origin<'_>) -> Result<ChainAnswer, Outcome> {
        let mut stages = Vec::new();
        for step in case["chain"].as_array().into_iter().flatten() {
            match self.stage(step).map_err(Outcome::Unknown)? {
                Ok(stage) => stages.push(stage),
                Err((_, _, failure)) => return Ok(Err(failure)),
            }
        }
        Ok(apply(&mut stages, record, origin))
    }

    /// One step of a chain, or the name of a class that is not under test.
    fn stage(&self, step: &Json) -> Result<Result<Stage, Refusal>, String> {
        let class = step["transform"].as_str().unwrap_or_default();
        let Some(plugin) = self.transforms.iter().find(|plugin| plugin.class == class) else {
            return Err(class.to_owned());
        };
        let mut props = notation::props(&step["config"]);
        props.extend(self.extra.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let transform = match (plugin.configure)(&props) {
            Ok(transform) => transform,
            Err(failure) => return Ok(Err(((plugin.config)(), props, failure))),
        };
        let Some(guard) = step.get("predicate") else {
            return Ok(Ok(Stage { transform, predicate: None }));
        };
        let class = guard["class"].as_str().unwrap_or_default();
        let Some(plugin) = self.predicates.iter().find(|plugin| plugin.class == class) else {
            return Err(class.to_owned());
        };
        let props = notation::props(&guard["config"]);
        Ok(match (plugin.configure)(&props) {
            Ok(predicate) => {
                let negate = guard["negate"].as_bool().unwrap_or_default();
                Ok(Stage { transform, predicate: Some((predicate, negate)) })
            }
            Err(failure) => Err(((plugin.config)(), props, failure)),
        })
    }
}

type Judged = Result<(), String>;

/// The record that comes out of a chain, none where it was dropped, or why it failed.
pub type ChainAnswer = Result<Option<Record>, Error>;

fn sets_null(step: &Json) -> bool {
    step["config"].as_object().into_iter().flatten().any(|(_, value)| value.is_null())
}

fn run(case: &Json, expected: &Json, stages: &mut [Stage]) -> Result<Judged, NotRepresentable> {
    let Some(records) = case["records"].as_array() else {
        let mut expected = expected.clone();
        if case["unstable"] == true {
            expected["unstable"] = true.into();
        }
        return run_record(&case["record"], &expected, stages);
    };
    for (at, record) in records.iter().enumerate() {
        if let Err(why) = run_record(record, &expected[at], stages)? {
            return Ok(Err(format!("record {at}: {why}")));
        }
    }
    Ok(Ok(()))
}

fn error_json(error: &Error) -> Json {
    json!({ "class": error.java_class(), "message": error.message() })
}

/// What the stages make of a case's record.
fn applied(json: &Json, stages: &mut [Stage]) -> Result<ChainAnswer, NotRepresentable> {
    let record = notation::record(json)?;
    let source = source_offset(json)?;
    let origin = TopicPartition { topic: record.topic.clone(), partition: record.partition.unwrap_or_default() };
    let origin = match json["kind"].as_str() {
        Some("sink") => Origin::Sink {
            origin: &origin,
            offset: json["offset"].as_i64().unwrap_or_default(),
            timestamp_type: timestamp_type(&json["timestampType"]),
        },
        _ => Origin::Source(&source),
    };
    Ok(apply(stages, record, origin))
}

fn run_record(json: &Json, expected: &Json, stages: &mut [Stage]) -> Result<Judged, NotRepresentable> {
    let answer = applied(json, stages)?;
    Ok(match (answer, expected.get("error")) {
        (Err(error), Some(wanted)) => compare::error(wanted, &error),
        (Err(error), None) => Err(format!("expected {}, got the error {error}", render::shown(expected))),
        (Ok(answer), Some(_)) => {
            let found = answer.map_or(Json::Null, |answer| render::record_json(&answer)["value"].take());
            Err(format!("expected {expected}, got a record with the value {}", render::shown(&found)))
        }
        (Ok(None), None) if expected["dropped"] == true => Ok(()),
        (Ok(None), None) => Err(format!("expected {}, but it was dropped", render::shown(expected))),
        (Ok(Some(answer)), None) if expected.get("record").is_none() => {
            let found = render::record_json(&answer);
            Err(format!("expected {expected}, got {}", render::shown(&found)))
        }
        (Ok(Some(answer)), None) => {
            let wanted = notation::record(&expected["record"])?;
            let (wanted_json, found_json) = (render::record_json(&wanted), render::record_json(&answer));
            // Where the JVM's order of fields depends on hash codes, any order will do.
            let unstable = expected["unstable"] == true;
            let same = unstable && render::in_order_of_names(&wanted_json) == render::in_order_of_names(&found_json);
            match same || compare::same_record(&wanted, &answer, MapOrder::of(expected)) {
                true => Ok(()),
                false => Err(format!("another record\n{}", render::differing_places(&wanted_json, &found_json))),
            }
        }
    })
}

fn apply(stages: &mut [Stage], mut record: Record, origin: Origin<'_>) -> Result<Option<Record>, Error> {
    for stage in stages {
        if let Some((predicate, negate)) = &mut stage.predicate
            && predicate.test(&record)? == *negate
        {
            continue;
        }
        if stage.transform.apply(&mut record, origin)? == Fate::Dropped {
            return Ok(None);
        }
    }
    Ok(Some(record))
}

fn source_offset(json: &Json) -> Result<SourceOffset, NotRepresentable> {
    Ok(SourceOffset {
        partition: Arc::new(offset_map(&json["sourcePartition"])?),
        offset: Arc::new(offset_map(&json["sourceOffset"])?),
    })
}

fn offset_map(json: &Json) -> Result<OffsetMap, NotRepresentable> {
    let entries = json.as_object().into_iter().flatten();
    // Offsets are JSON primitives, so their numbers stand there without a type.
    let entry = |(key, value): (&String, &Json)| {
        let value = value.as_i64().map_or_else(|| notation::value(value, None), |number| Ok(Value::Int64(number)))?;
        Ok((Str::from(key.as_str()), value))
    };
    entries.map(entry).collect::<Result<Vec<_>, _>>().map(OffsetMap)
}

fn timestamp_type(json: &Json) -> TimestampType {
    match json.as_str() {
        Some("CreateTime" | "CREATE_TIME") => TimestampType::CreateTime,
        Some("LogAppendTime" | "LOG_APPEND_TIME") => TimestampType::LogAppendTime,
        _ => TimestampType::NoTimestampType,
    }
}
