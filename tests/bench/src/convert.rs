//! The JSON converter, both ways, with and without the schema in the message.

use std::hint::black_box;

use connect_api::{Bytes, Converter, Encoded, Props, SchemaAndValue};
use connect_converters::JsonConverter;
use serde_json::Value as Json;

use crate::{
    Figure,
    jvm::Costs,
    rounds::{fastest, figures, payload},
};

pub(crate) fn json(jvm: &Costs) -> Vec<Figure> {
    let mut all = Vec::new();
    for name in ["flat8", "mysql_envelope"] {
        let (case, data) = payload(name);
        for (with, text, at_least) in [("", &case["json"], 4.0), (" with schema", &case["jsonWithSchema"], 8.0)] {
            let ns = serialize(&data, !with.is_empty(), text);
            all.extend(figures(name, &format!("serialize{with}"), ns, jvm, at_least));
            let ns = deserialize(text, !with.is_empty());
            all.extend(figures(name, &format!("deserialize{with}"), ns, jvm, at_least));
        }
    }
    all
}

fn converter(schemas: bool) -> JsonConverter {
    let settings = [("schemas.enable", schemas.to_string()), ("converter.type", "value".to_owned())];
    let props: Props = settings.map(|(key, value)| (key.to_owned(), value)).into();
    JsonConverter::new(&props).expect("the settings are right")
}

fn serialize(data: &SchemaAndValue, schemas: bool, expected: &Json) -> f64 {
    let mut converter = converter(schemas);
    let mut out = Vec::new();
    let [ns] = fastest([&mut || {
        out.clear();
        let encoded = Converter::serialize(&mut converter, "t", &mut Vec::new(), black_box(data), &mut out);
        assert_eq!(encoded.expect("the payload can be written"), Encoded::Bytes);
    }]);
    assert_eq!(Some(&*String::from_utf8_lossy(&out)), expected.as_str(), "the bytes are the JVM's");
    ns
}

fn deserialize(text: &Json, schemas: bool) -> f64 {
    let mut converter = converter(schemas);
    let bytes = Bytes::copy_from_slice(text.as_str().expect("the payload has a text").as_bytes());
    let [ns] = fastest([&mut || {
        let data = Converter::deserialize(&mut converter, "t", &[], Some(black_box(bytes.clone())));
        drop(black_box(data.expect("the payload can be read")));
    }]);
    ns
}
