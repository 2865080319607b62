//! What is written reads back as what it was, and no bytes at all make a converter panic.

use bytes::Bytes;
use connect_api::{Converter, Encoded, Props, Schema, SchemaAndValue, SchemaBuilder, Struct, Value, plugin::Side};
use connect_converters::{CONVERTERS, HEADER_CONVERTERS};
use proptest::prelude::*;

fn json(settings: &[(&str, &str)]) -> Box<dyn Converter> {
    let props: Props = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let plugin = CONVERTERS.iter().find(|plugin| plugin.class.ends_with(".JsonConverter")).expect("a converter");
    (plugin.configure)(&props, Side::Value).expect("the settings are right")
}

/// A schema and a value of it that JSON can hold exactly.
fn data() -> impl Strategy<Value = (Schema, Value)> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(|v| (SchemaBuilder::boolean().build(), Value::Boolean(v))),
        any::<i8>().prop_map(|v| (SchemaBuilder::int8().build(), Value::Int8(v))),
        any::<i16>().prop_map(|v| (SchemaBuilder::int16().build(), Value::Int16(v))),
        any::<i32>().prop_map(|v| (SchemaBuilder::int32().build(), Value::Int32(v))),
        any::<i64>().prop_map(|v| (SchemaBuilder::int64().build(), Value::Int64(v))),
        any::<f32>()
            .prop_filter("a JSON number", |v| v.is_finite() && *v != 0.0)
            .prop_map(|v| (SchemaBuilder::float32().build(), Value::Float32(v))),
        any::<f64>()
            .prop_filter("a JSON number", |v| v.is_finite() && *v != 0.0)
            .prop_map(|v| (SchemaBuilder::float64().build(), Value::Float64(v))),
        any::<String>().prop_map(|v| (SchemaBuilder::string().build(), v.into())),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|v| (SchemaBuilder::bytes().build(), Value::Bytes(v.into()))),
        any::<i64>().prop_map(|v| {
            let schema = SchemaBuilder::int64().name("org.apache.kafka.connect.data.Timestamp").version(1).build();
            (schema, Value::Int64(v))
        }),
        Just((SchemaBuilder::string().optional().doc("d").parameter("k", "v").build(), Value::Null)),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            (inner.clone(), 0..4_usize).prop_map(|((schema, value), count)| {
                (SchemaBuilder::array(schema).build(), Value::Array(vec![value; count]))
            }),
            prop::collection::btree_map("[a-z\"\\\\é😀]{1,6}", inner, 0..6).prop_map(|fields| {
                let schema =
                    SchemaBuilder::structure(fields.iter().map(|(name, (schema, _))| (name.as_str(), schema.clone())));
                let schema = schema.name("row").build();
                let values = fields.into_values().map(|(_, value)| value).collect();
                (schema.clone(), Value::Struct(Struct::new(schema, values)))
            }),
        ]
    })
}

/// The text of an object with few names in any order, some of them twice, and blanks now and then.
fn object() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "-?(0|[1-9][0-9]{0,19})",
        // serde_json reads longer ones less exactly.
        "-?(0|[1-9][0-9]{0,6})\\.[0-9]{1,6}(e[0-9])?",
        "\"([a-zé😀 ]|\\\\n){0,60}\"",
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
    ];
    leaf.prop_recursive(3, 40, 8, |inner| {
        let names =
            prop::sample::select(vec!["id", "a", "name", "second_name", "é", "a_long_name_of_a_member", "\\u0061"]);
        let blank = prop_oneof![9 => Just(""), 1 => Just(" ")];
        let member = (blank.clone(), names, blank.clone(), blank.clone(), inner);
        (prop::collection::vec(member, 0..8), blank).prop_map(|(members, end)| {
            let member =
                |(a, name, b, c, value): &(&str, &str, &str, &str, String)| format!("{a}\"{name}\"{b}:{c}{value}");
            format!("{{{}{end}}}", members.iter().map(member).collect::<Vec<String>>().join(","))
        })
    })
}

fn written(converter: &mut dyn Converter, data: &SchemaAndValue) -> Option<Bytes> {
    let mut out = Vec::new();
    match converter.serialize("t", &mut Vec::new(), data, &mut out).expect("the value is one of its schema") {
        Encoded::Null => None,
        Encoded::Bytes => Some(out.into()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_with_schema_reads_back((schema, value) in data()) {
        let mut converter = json(&[]);
        let data = SchemaAndValue::new(schema, value);
        for _ in 0..2 {
            let bytes = written(&mut *converter, &data);
            prop_assert_eq!(&converter.deserialize("t", &[], bytes).expect("own text"), &data);
        }
    }

    #[test]
    fn json_is_json((schema, value) in data()) {
        let bytes = written(&mut *json(&[("schemas.enable", "false")]), &SchemaAndValue::new(schema, value));
        let text = bytes.expect("a schema makes text");
        let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&text);
        // serde_json refuses numbers beyond a double; nothing else.
        prop_assert!(parsed.is_ok(), "{}: {parsed:?}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn no_bytes_make_a_converter_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for plugin in CONVERTERS {
            let mut converter = (plugin.configure)(&Props::new(), Side::Key).expect("defaults are right");
            drop(converter.deserialize("t", &[], Some(bytes.clone().into())));
        }
        for plugin in HEADER_CONVERTERS {
            let mut converter = (plugin.configure)(&Props::new()).expect("defaults are right");
            drop(converter.deserialize("t", "h", Some(bytes.clone().into())));
        }
    }

    #[test]
    fn nothing_json_like_makes_the_reader_panic(text in "[\\[\\]{}:,\"\\\\truefalsn0-9.eE+\\-u \nschemapylodt]{0,80}") {
        for settings in [&[][..], &[("schemas.enable", "false")], &[("schema.content", r#"{"type":"int8"}"#)]] {
            drop(json(settings).deserialize("t", &[], Some(text.clone().into())));
        }
    }

    #[test]
    fn what_came_before_changes_nothing(texts in prop::collection::vec(object(), 1..12)) {
        let mut reader = json(&[("schemas.enable", "false")]);
        for text in texts {
            let read = reader.deserialize("t", &[], Some(text.clone().into())).expect("it is JSON");
            let expected: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
            prop_assert!(same(&expected, &read.value), "{text}: {expected:?} {read:?}");
        }
    }

    #[test]
    fn schemaless_json_reads_as_serde_json_reads_it(text in "[\\[\\]{}:,\"truefalsn0-9.eE\\- ab]{0,30}") {
        let Ok(expected) = serde_json::from_str::<serde_json::Value>(&text) else { return Ok(()) };
        let read = json(&[("schemas.enable", "false")]).deserialize("t", &[], Some(text.clone().into()));
        let data = read.expect("it is JSON");
        prop_assert!(same(&expected, &data.value), "{text}: {expected:?} {data:?}");
    }
}

fn same(expected: &serde_json::Value, value: &Value) -> bool {
    use serde_json::Value as Json;
    match (expected, value) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(left), Value::Boolean(right)) => left == right,
        (Json::Number(left), Value::Int64(right)) => left.as_i64().is_none_or(|left| left == *right),
        (Json::Number(left), Value::Float64(right)) => left.as_f64().is_some_and(|left| left == *right),
        (Json::String(left), Value::String(right)) => left == right.as_str(),
        (Json::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Value::Map(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|((name, left), (key, right))| key.as_str() == Some(name) && same(left, right))
        }
        _ => false,
    }
}

#[test]
fn nesting_is_limited_before_the_stack_is() {
    let mut plain = json(&[("schemas.enable", "false")]);
    let nested = |depth: usize, open: &str, close: &str| open.repeat(depth) + "1" + &close.repeat(depth);
    let mut read = |text: String| plain.deserialize("t", &[], Some(text.into())).is_ok();
    assert!(read(nested(1000, "[", "]")));
    assert!(!read(nested(1001, "[", "]")));
    assert!(!read(nested(500_000, "{\"a\":", "}")));
    let schema = nested(400, r#"{"type":"array","items":"#, "}").replace('1', r#"{"type":"int8"}"#);
    assert!(json(&[]).deserialize("t", &[], Some(format!(r#"{{"schema":{schema},"payload":[]}}"#).into())).is_err());
    let header = nested(100_000, "[", "]");
    let plugin = HEADER_CONVERTERS.iter().find(|plugin| plugin.class.ends_with(".SimpleHeaderConverter"));
    let mut headers = (plugin.expect("a converter").configure)(&Props::new()).expect("defaults are right");
    let read = headers.deserialize("t", "h", Some(header.clone().into())).expect("text of any kind is a value");
    assert_eq!(read.value, Value::Bytes(header.into()));
}

#[test]
fn a_member_given_twice_counts_once_with_its_last_value() {
    let mut plain = json(&[("schemas.enable", "false")]);
    let mut read = |text: String| plain.deserialize("t", &[], Some(text.into())).expect("it is JSON").value;
    let pair = |name: &str, number: i64| (Value::from(name), Value::Int64(number));
    assert_eq!(read(r#"{"a":1,"b":2,"a":3}"#.into()), Value::Map(vec![pair("a", 3), pair("b", 2)]));
    let many: Vec<String> = (0..200).map(|at| format!("\"k{}\":{at}", at % 150)).collect();
    let Value::Map(pairs) = read(format!("{{{}}}", many.join(","))) else { panic!("an object is a map") };
    let expected: Vec<_> = (0..150).map(|at| pair(&format!("k{at}"), if at < 50 { at + 150 } else { at })).collect();
    assert_eq!(pairs, expected);
}
