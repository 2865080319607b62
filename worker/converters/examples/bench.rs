//! Nanoseconds per record of the JSON converter, one JSON line per payload and direction, with the JVM's beside.

use std::{fs, hint::black_box, path::Path, time::Instant};

use bytes::Bytes;
use connect_api::{Converter, Encoded, Props, SchemaAndValue};
use connect_converters::JsonConverter;
use connect_testkit::golden;
use serde_json::Value as Json;

/// Short rounds, of which the fastest counts, keep other work on the machine out of the figure.
const ROUNDS: usize = 60;
const RECORDS: u32 = 4000;

fn main() {
    for (payload, jvm) in [("flat8", [604, 2161, 777, 3634]), ("mysql_envelope", [2753, 10884, 3245, 19298])] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/golden/bench/{payload}.json"));
        let text = fs::read_to_string(&file).expect("the payload is part of the repository");
        let case: Json = serde_json::from_str(&text).expect("the payload is JSON");
        let data = golden::data(&case["schema"], &case["value"]).expect("the payload has a place in the data model");
        for (schemas, text, jvm) in [(false, &case["json"], &jvm[0..]), (true, &case["jsonWithSchema"], &jvm[1..])] {
            if wanted(payload, "serialize", schemas) {
                report(payload, "serialize", schemas, serialize(&data, schemas, text), jvm[0]);
            }
            if wanted(payload, "deserialize", schemas) {
                report(payload, "deserialize", schemas, deserialize(text, schemas), jvm[2]);
            }
        }
    }
}

/// Words given as arguments choose what is measured: `flat8 deserialize true`.
fn wanted(payload: &str, direction: &str, schemas: bool) -> bool {
    let schemas = schemas.to_string();
    std::env::args().skip(1).all(|word| [payload, direction, &schemas].contains(&word.as_str()))
}

fn report(payload: &str, direction: &str, schemas: bool, ns: f64, jvm_ns: u32) {
    let times = f64::from(jvm_ns) / ns;
    println!(
        "{{\"payload\":\"{payload}\",\"direction\":\"{direction}\",\"schemas\":{schemas},\"ns_per_record\":{ns:.0},\
         \"jvm_ns_per_record\":{jvm_ns},\"times_faster\":{times:.1}}}"
    );
}

fn converter(schemas: bool) -> JsonConverter {
    let props: Props =
        [("schemas.enable".to_owned(), schemas.to_string()), ("converter.type".to_owned(), "value".to_owned())]
            .into_iter()
            .collect();
    JsonConverter::new(&props).expect("the settings are right")
}

fn serialize(data: &SchemaAndValue, schemas: bool, expected: &Json) -> f64 {
    let mut converter = converter(schemas);
    let mut out = Vec::new();
    let ns = fastest(|| {
        out.clear();
        let encoded = Converter::serialize(&mut converter, "t", &mut Vec::new(), black_box(data), &mut out);
        assert_eq!(encoded.expect("the payload can be written"), Encoded::Bytes);
    });
    assert_eq!(Some(&*String::from_utf8_lossy(&out)), expected.as_str(), "the bytes are the JVM's");
    ns
}

fn deserialize(text: &Json, schemas: bool) -> f64 {
    let mut converter = converter(schemas);
    let bytes = Bytes::copy_from_slice(text.as_str().expect("the payload has a text").as_bytes());
    fastest(|| {
        let data = Converter::deserialize(&mut converter, "t", &[], Some(black_box(bytes.clone())));
        black_box(data.expect("the payload can be read"));
    })
}

fn fastest(mut record: impl FnMut()) -> f64 {
    let round = |_| {
        let start = Instant::now();
        for _ in 0..RECORDS {
            record();
        }
        start.elapsed().as_nanos() as f64 / f64::from(RECORDS)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}
