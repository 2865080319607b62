//! Transforms that nobody captured: what their manuals say of them.

use std::sync::Arc;

use connect_api::{
    Fate, Header, Origin, Props, Record, Schema, SchemaAndValue, SchemaBuilder, SourceOffset, Struct, Transform, Value,
};
use connect_transforms::TRANSFORMS;

fn transform(class: &str, settings: &[(&str, &str)]) -> Box<dyn Transform> {
    let plugin = TRANSFORMS.iter().find(|plugin| plugin.class == class).expect("a transform of the table");
    let props: Props = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    (plugin.configure)(&props).unwrap_or_else(|error| panic!("{class}: {error}"))
}

fn apply(transform: &mut dyn Transform, mut record: Record) -> connect_api::Result<Option<Record>> {
    let nowhere = SourceOffset { partition: Arc::default(), offset: Arc::default() };
    let fate = transform.apply(&mut record, Origin::Source(&nowhere))?;
    Ok((fate == Fate::Kept).then_some(record))
}

fn record(value: SchemaAndValue) -> Record {
    Record {
        topic: "t".into(),
        partition: None,
        key: SchemaAndValue::new(SchemaBuilder::string().build(), "k".into()),
        value,
        timestamp: None,
        headers: vec![Header { key: "to".into(), value: SchemaAndValue::schemaless("elsewhere".into()) }].into(),
    }
}

fn row() -> SchemaAndValue {
    let schema = SchemaBuilder::structure([
        ("name", SchemaBuilder::string().build()),
        ("at", SchemaBuilder::int64().build()),
        ("day", SchemaBuilder::string().build()),
    ])
    .build();
    let values = vec!["n".into(), Value::Int64(1_600_000_000_123), "2020-01-02T03:04:05.000Z".into()];
    Struct::new(schema, values).into()
}

#[test]
fn drop_leaves_the_key_or_the_value_out() {
    let mut drop = transform("io.confluent.connect.transforms.Drop$Key", &[]);
    let answer = apply(&mut *drop, record(row())).unwrap().unwrap();
    assert_eq!(answer.key, SchemaAndValue::NULL);
    let settings = [("schema.behavior", "force_optional")];
    let mut drop = transform("io.confluent.connect.transforms.Drop$Value", &settings);
    let answer = apply(&mut *drop, record(row())).unwrap().unwrap();
    assert!(answer.value.value.is_null() && answer.value.schema.is_some_and(|schema| schema.optional));
    let mut drop = transform("io.confluent.connect.transforms.Drop$Value", &[("schema.behavior", "retain")]);
    assert!(apply(&mut *drop, record(row())).is_err());
}

#[test]
fn topics_come_from_fields_headers_and_times() {
    let check = |class: &str, settings: &[(&str, &str)], topic: &str| {
        let mut router = transform(class, settings);
        assert_eq!(apply(&mut *router, record(row())).unwrap().unwrap().topic, topic, "{class}");
    };
    check("io.confluent.connect.transforms.ExtractTopic$Value", &[("field", "name")], "n");
    check("io.confluent.connect.transforms.ExtractTopic$Key", &[], "k");
    check("io.confluent.connect.transforms.ExtractTopic$Header", &[("field", "to")], "elsewhere");
    let skip = [("field", "zz"), ("skip.missing.or.null", "true")];
    check("io.confluent.connect.transforms.ExtractTopic$Value", &skip, "t");
    let class = "io.confluent.connect.transforms.MessageTimestampRouter";
    check(class, &[("message.timestamp.keys", "zz,day")], "t-20200102");
    check(class, &[("message.timestamp.keys", "at"), ("topic.format", "${timestamp}/${topic}")], "20200913/t");
}

#[test]
fn tombstones_are_handled_as_asked() {
    let tombstone = || record(SchemaAndValue::NULL);
    let handled = |settings: &[(&str, &str)]| {
        let mut handler = transform("io.confluent.connect.transforms.TombstoneHandler", settings);
        assert!(apply(&mut *handler, record(row())).unwrap().is_some());
        apply(&mut *handler, tombstone())
    };
    assert!(handled(&[]).unwrap().is_none());
    assert!(handled(&[("behavior", "ignore")]).unwrap().is_some());
    assert!(handled(&[("behavior", "fail")]).is_err());
    let mut filter = transform("io.confluent.transforms.NullFilter", &[]);
    assert!(apply(&mut *filter, tombstone()).unwrap().is_none());
    assert!(apply(&mut *filter, record(row())).unwrap().is_some());
}

#[test]
fn a_json_path_filters_records() {
    let class = "io.confluent.connect.transforms.Filter$Value";
    let keeps = |settings: &[(&str, &str)]| {
        let mut filter = transform(class, settings);
        apply(&mut *filter, record(row())).map(|record| record.is_some())
    };
    let including = |condition| keeps(&[("filter.condition", condition), ("filter.type", "include")]).unwrap();
    assert!(including("$[?(@.name == 'n' && @.at > 1)]"));
    assert!(!including("$[?(@.name =~ /x.*/)]"));
    assert!(including("$.[?(@.name in ['n', 'm'])]"));
    let excluding = [("filter.condition", "$[?(@.name == 'n')]"), ("filter.type", "exclude")];
    assert!(!keeps(&excluding).unwrap());
    let missing = [("filter.condition", "$[?(@.zz == 1)]"), ("filter.type", "include")];
    assert!(keeps(&missing).is_err());
    let included = [missing[0], missing[1], ("missing.or.null.behavior", "include")];
    assert!(keeps(&included).unwrap());
    let plugin = TRANSFORMS.iter().find(|plugin| plugin.class == class).unwrap();
    let props: Props = [("filter.condition".to_owned(), "$[?(@.a = 1)]".to_owned())].into_iter().collect();
    let errors = (plugin.config)().errors(&props);
    assert!(errors[0].message.ends_with("at column 9: = is not supported here"), "{}", errors[0].message);
}

#[test]
fn a_field_gives_the_record_its_time() {
    let class = "com.github.jcustenborder.kafka.connect.transform.common.ExtractTimestamp$Value";
    let mut extract = transform(class, &[("field.name", "at")]);
    let answer = apply(&mut *extract, record(row())).unwrap().unwrap();
    assert_eq!(answer.timestamp, Some(1_600_000_000_123));
    let mut extract = transform(class, &[("field.name", "name")]);
    assert!(apply(&mut *extract, record(row())).is_err());
}

fn envelope(after: Value) -> Record {
    let row: Schema =
        SchemaBuilder::structure([("id", SchemaBuilder::int32().build())]).optional().name("t.Value").build();
    let source = SchemaBuilder::structure([("table", SchemaBuilder::string().build())]).name("Source").build();
    let after = match after {
        Value::Null => Value::Null,
        id => Value::Struct(Struct::new(row.clone(), vec![id])),
    };
    let op = if after.is_null() { "d" } else { "u" };
    let schema = SchemaBuilder::structure([
        ("before", row.clone()),
        ("after", row),
        ("source", source.clone()),
        ("op", SchemaBuilder::string().build()),
    ])
    .name("t.Envelope")
    .build();
    let source = Value::Struct(Struct::new(source, vec!["people".into()]));
    record(Struct::new(schema, vec![Value::Null, after, source, op.into()]).into())
}

#[test]
fn unwrap_from_envelope_means_what_it_meant_before_version_1() {
    let class = "io.debezium.transforms.UnwrapFromEnvelope";
    let mut unwrap = transform(class, &[("add.source.fields", "table"), ("operation.header", "true")]);
    let answer = apply(&mut *unwrap, envelope(Value::Int32(7))).unwrap().unwrap();
    let row = answer.value.value.as_struct().unwrap();
    assert_eq!((row.get("id"), row.get("__table")), (Some(&Value::Int32(7)), Some(&"people".into())));
    assert_eq!(answer.headers.last().unwrap().key, "__op");
    assert!(apply(&mut *unwrap, envelope(Value::Null)).unwrap().is_none());
    assert!(apply(&mut *unwrap, record(SchemaAndValue::NULL)).unwrap().is_none());
    let mut unwrap = transform(class, &[("drop.deletes", "false"), ("drop.tombstones", "false")]);
    assert!(apply(&mut *unwrap, envelope(Value::Null)).unwrap().unwrap().value.value.is_null());
    assert!(apply(&mut *unwrap, record(SchemaAndValue::NULL)).unwrap().is_some());
}
