//! Running the cases of `golden/converters` against converters in this process.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use connect_api::{
    Bytes, ConfigDef, Converter, ConverterPlugin, Encoded, Error, HeaderConverter, HeaderConverterPlugin, Props,
    SchemaAndValue, plugin::Side,
};
use serde_json::Value as Json;

use super::{
    Outcome, Report, cases,
    compare::{self, MapOrder},
    differences, notation, render,
};

/// The converters under test.
pub struct Converters {
    pub converters: &'static [ConverterPlugin],
    pub header_converters: &'static [HeaderConverterPlugin],
}

/// Either kind, since a header converter's cases have the same shape.
enum Subject {
    Data(Box<dyn Converter>),
    Header(Box<dyn HeaderConverter>),
}

impl Converters {
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
        let class = case["converter"].as_str().unwrap_or_default();
        let props = notation::props(&case["config"]);
        let header = case["op"].as_str().is_some_and(|op| op.ends_with("Header"));
        let Some((def, subject)) = self.subject(class, header, case["isKey"].as_bool(), &props) else {
            return Outcome::Unknown(class.to_owned());
        };
        let judged = match (subject, expected.get("configError")) {
            (Err(failure), Some(wanted)) => compare::config_error(wanted, &failure, def, &props),
            (Err(failure), None) => Err(format!("could not be configured: {failure}")),
            (Ok(_), Some(wanted)) => Err(format!("was configured, expected {wanted}")),
            (Ok(subject), None) => match run(case, expected, subject) {
                Ok(judged) => judged,
                Err(notation::NotRepresentable(what)) => return Outcome::NotRepresentable(what),
            },
        };
        judged.map_or_else(Outcome::Failed, |()| Outcome::Passed)
    }

    fn subject(
        &self,
        class: &str,
        header: bool,
        key: Option<bool>,
        props: &Props,
    ) -> Option<(&'static ConfigDef, Result<Subject, Error>)> {
        if header && let Some(plugin) = self.header_converters.iter().find(|plugin| plugin.class == class) {
            return Some(((plugin.config)(), (plugin.configure)(props).map(Subject::Header)));
        }
        let side = if key == Some(true) { Side::Key } else { Side::Value };
        let plugin = self.converters.iter().find(|plugin| plugin.class == class).filter(|_| !header)?;
        Some(((plugin.config)(), (plugin.configure)(props, side).map(Subject::Data)))
    }
}

type Judged = Result<(), String>;

fn run(case: &Json, expected: &Json, mut subject: Subject) -> Result<Judged, notation::NotRepresentable> {
    let topic = case["topic"].as_str().unwrap_or("topic");
    if matches!(case["op"].as_str(), Some("toConnect" | "toHeader")) {
        let bytes = case["bytes"].as_str().map(|text| STANDARD.decode(text).expect("golden bytes are base64").into());
        return to_connect(expected, subject.deserialize(topic, bytes));
    }
    let data = notation::data(&case["schema"], &case["value"])?;
    let mut out = b"kept".to_vec();
    let encoded = match subject.serialize(topic, &data, &mut out) {
        Err(error) => return Ok(judge_error(expected, &error)),
        Ok(_) if expected.get("error").is_some() => {
            return Ok(Err(format!("expected {expected}, got {:?}", String::from_utf8_lossy(&out))));
        }
        Ok(Encoded::Null) => None,
        Ok(Encoded::Bytes) => Some(out.split_off(4)),
    };
    if out != b"kept" {
        return Ok(Err("changed what the buffer held before".into()));
    }
    if let Err(why) = same_bytes(expected, encoded.as_deref()) {
        return Ok(Err(why));
    }
    match expected.get("back").or_else(|| expected.get("backError")) {
        None => Ok(Ok(())),
        Some(back) if expected.get("backError").is_some() => {
            let wrapped = serde_json::json!({ "error": back });
            to_connect(&wrapped, subject.deserialize(topic, encoded.map(Bytes::from)))
        }
        Some(back) => to_connect(back, subject.deserialize(topic, encoded.map(Bytes::from))),
    }
}

fn same_bytes(expected: &Json, encoded: Option<&[u8]>) -> Judged {
    let wanted = match expected["bytes"].as_str() {
        None => None,
        Some("<volatile>") => return same_but_addresses(expected["text"].as_str().unwrap_or_default(), encoded),
        Some(text) => Some(STANDARD.decode(text).expect("golden bytes are base64")),
    };
    if encoded == wanted.as_deref() {
        return Ok(());
    }
    let shown = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Err(format!("expected\n  {:?}\ngot\n  {:?}", shown(wanted.as_deref()), shown(encoded)))
}

/// Where the JVM writes the address of a byte array, base64 of the array stands here.
fn same_but_addresses(expected: &str, encoded: Option<&[u8]>) -> Judged {
    let text = encoded.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let mut parts = expected.split("[B@<hash>");
    let mut rest = text.strip_prefix(parts.next().unwrap_or_default());
    for part in parts {
        let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
        let after = |rest: &str| rest.trim_start_matches(base64).trim_start_matches('=').to_owned();
        let tail = rest.map(after).unwrap_or_default();
        let end = text.len() - tail.len();
        rest = text[end..].strip_prefix(part);
    }
    match rest {
        Some("") => Ok(()),
        _ => Err(format!("expected\n  {expected}\ngot\n  {text}")),
    }
}

fn to_connect(expected: &Json, answer: Result<SchemaAndValue, Error>) -> Result<Judged, notation::NotRepresentable> {
    let answer = match answer {
        Ok(answer) if expected.get("error").is_some() => {
            return Ok(Err(format!("expected {expected}, got {answer:?}")));
        }
        Ok(answer) => answer,
        Err(error) => return Ok(judge_error(expected, &error)),
    };
    let wanted = match expected.get("javaNull") {
        Some(_) => SchemaAndValue::NULL,
        None => notation::data(&expected["schema"], &expected["value"])?,
    };
    Ok(match compare::same_data(&wanted, &answer, MapOrder::of(expected)) {
        true => Ok(()),
        false => Err(format!(
            "another value\n{}",
            render::differing_places(&render::data_json(&wanted), &render::data_json(&answer))
        )),
    })
}

fn judge_error(expected: &Json, error: &Error) -> Judged {
    match expected.get("error") {
        Some(wanted) => compare::error(wanted, error),
        None => Err(format!("expected {expected}, got the error {error}")),
    }
}

impl Subject {
    fn serialize(&mut self, topic: &str, data: &SchemaAndValue, out: &mut Vec<u8>) -> Result<Encoded, Error> {
        match self {
            Subject::Data(converter) => converter.serialize(topic, &mut Vec::new(), data, out),
            Subject::Header(converter) => converter.serialize(topic, "header", data, out),
        }
    }

    fn deserialize(&mut self, topic: &str, bytes: Option<Bytes>) -> Result<SchemaAndValue, Error> {
        match self {
            Subject::Data(converter) => converter.deserialize(topic, &[], bytes),
            Subject::Header(converter) => converter.deserialize(topic, "header", bytes),
        }
    }
}
