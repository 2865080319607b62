//! Cases that begin and end with text: JSON, a chain of transforms on a sink's record, and JSON again.

use connect_api::{
    Encoded, Error, Headers, Origin, Props, Record, Result, SchemaAndValue, TimestampType, TopicPartition, plugin::Side,
};
use connect_converters::{CONVERTERS, HEADER_CONVERTERS};
use connect_testkit::golden::{Outcome, Transforms, error};
use serde_json::{Value as Json, json};

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
const HEADER: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";

pub(crate) fn run(case: &Json, expected: &Json, transforms: &Transforms) -> Outcome {
    let answer = match pass(case, transforms) {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    let judged = match (answer, expected.get("error").or_else(|| expected.get("configError"))) {
        (Err(failure), Some(wanted)) => error(wanted, &failure),
        (Err(failure), None) => Err(format!("expected {expected}, got the error {failure}")),
        (Ok(found), None) if same(expected, &found) => Ok(()),
        (Ok(found), _) => Err(format!("expected\n  {expected}\ngot\n  {found}")),
    };
    judged.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}

/// The members of a JSON object stand in the order of Java's hash map; what they say is compared.
fn same(expected: &Json, found: &Json) -> bool {
    let parsed = |text: &Json| match text.as_str() {
        Some(json) => serde_json::from_str(json).unwrap_or_else(|_| text.clone()),
        None => Json::Null,
    };
    let headers = |answer: &Json| -> Vec<(Json, Json)> {
        answer["headers"].as_array().into_iter().flatten().map(|pair| (pair[0].clone(), parsed(&pair[1]))).collect()
    };
    let plain = ["topic", "dropped"].iter().all(|member| expected.get(member) == found.get(member));
    let data = ["key", "value"].iter().all(|member| parsed(&expected[*member]) == parsed(&found[*member]));
    plain && data && headers(expected) == headers(found)
}

fn pass(case: &Json, transforms: &Transforms) -> std::result::Result<Result<Json>, Outcome> {
    let record = match read(case) {
        Ok(record) => record,
        Err(failure) => return Ok(Err(failure)),
    };
    let place = TopicPartition { topic: record.topic.clone(), partition: record.partition.unwrap_or_default() };
    let origin = Origin::Sink {
        origin: &place,
        offset: case["offset"].as_i64().unwrap_or_default(),
        timestamp_type: TimestampType::CreateTime,
    };
    Ok(match transforms.apply_chain(case, record, origin)? {
        Err(failure) => Err(failure),
        Ok(None) => Ok(json!({ "dropped": true })),
        Ok(Some(record)) => write(case, &record),
    })
}

fn converter(case: &Json, side: Side) -> Result<Box<dyn connect_api::Converter>> {
    let plugin = CONVERTERS.iter().find(|plugin| plugin.class == JSON).expect("the JSON converter is in the table");
    let enable = case["schemasEnable"].as_bool().unwrap_or_default();
    let props: Props = [("schemas.enable".to_owned(), enable.to_string())].into_iter().collect();
    (plugin.configure)(&props, side)
}

fn read(case: &Json) -> Result<Record> {
    let topic = case["topic"].as_str().unwrap_or_default();
    let half = |member: &str, side| -> Result<SchemaAndValue> {
        let bytes = case[member].as_str().map(|text| text.as_bytes().to_vec().into());
        converter(case, side)?.deserialize(topic, &[], bytes)
    };
    Ok(Record {
        topic: topic.into(),
        partition: case["partition"].as_i64().and_then(|partition| partition.try_into().ok()),
        key: half("key", Side::Key)?,
        value: half("value", Side::Value)?,
        timestamp: case["timestamp"].as_i64(),
        headers: Headers::default(),
    })
}

fn write(case: &Json, record: &Record) -> Result<Json> {
    let half = |data: &SchemaAndValue, side| -> Result<Option<String>> {
        let mut out = Vec::new();
        let encoded = converter(case, side)?.serialize(&record.topic, &mut Vec::new(), data, &mut out)?;
        text(encoded, out)
    };
    let plugin = HEADER_CONVERTERS.iter().find(|plugin| plugin.class == HEADER).expect("it is in the table");
    let mut header_converter = (plugin.configure)(&Props::new())?;
    let mut headers = Vec::new();
    for header in &record.headers {
        let mut out = Vec::new();
        let encoded = header_converter.serialize(&record.topic, &header.key, &header.value, &mut out)?;
        headers.push(json!([header.key.as_str(), text(encoded, out)?]));
    }
    Ok(json!({
        "topic": record.topic.as_str(),
        "key": half(&record.key, Side::Key)?,
        "value": half(&record.value, Side::Value)?,
        "headers": headers,
    }))
}

fn text(encoded: Encoded, out: Vec<u8>) -> Result<Option<String>> {
    match encoded {
        Encoded::Null => Ok(None),
        Encoded::Bytes => String::from_utf8(out).map(Some).map_err(|error| Error::data(error.to_string())),
    }
}
