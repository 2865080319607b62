//! Nanoseconds per record of transforms, one JSON line each, with the JVM's beside. The clone of the record, which a
//! transform that owns it needs here and the worker does not, is measured apart and taken off.

use std::{fs, hint::black_box, path::Path, sync::Arc, time::Instant};

use connect_api::{Headers, OffsetMap, Origin, Props, Record, SchemaAndValue, SourceOffset, Transform, Value};
use connect_testkit::golden;
use connect_transforms::TRANSFORMS;
use serde_json::Value as Json;

/// Short rounds, of which the fastest counts, keep other work on the machine out of the figure.
const ROUNDS: usize = 60;
const RECORDS: u32 = 4000;

type Step = (&'static str, &'static [(&'static str, &'static str)]);

/// The chain that the JVM's figure was measured with.
const CHAIN: [Step; 5] = [
    ("ReplaceField$Value", &[("exclude", "note"), ("renames", "name:full_name")]),
    ("InsertField$Value", &[("static.field", "source"), ("static.value", "bench")]),
    ("MaskField$Value", &[("fields", "email")]),
    ("Cast$Value", &[("spec", "age:int64,balance:string")]),
    ("RegexRouter", &[("regex", "(.*)"), ("replacement", "x-$1")]),
];
const UNWRAP: [Step; 1] = [("ExtractNewRecordState", &[("add.fields", "op,source.ts_ms")])];

fn main() {
    // A word given as argument chooses what is measured: `flat8`.
    let wanted = |payload: &str| std::env::args().skip(1).all(|word| word == payload);
    for (payload, name, steps, schemas, jvm_ns) in [
        ("flat8", "5 transforms", &CHAIN[..], true, 1165),
        ("flat8", "5 transforms without schema", &CHAIN[..], false, 985),
        ("mysql_envelope", "ExtractNewRecordState", &UNWRAP[..], true, 473),
    ] {
        if wanted(payload) {
            report(payload, name, &mut chain(steps), schemas, jvm_ns);
        }
    }
}

fn chain(steps: &[Step]) -> Vec<Box<dyn Transform>> {
    let configured = |(name, settings): &Step| {
        let plugin = TRANSFORMS.iter().find(|plugin| plugin.class.ends_with(&format!(".{name}")));
        let props: Props = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        (plugin.expect("a transform of that name").configure)(&props).expect("the settings are right")
    };
    steps.iter().map(configured).collect()
}

fn report(payload: &str, name: &str, chain: &mut [Box<dyn Transform>], schemas: bool, jvm_ns: u32) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/golden/bench/{payload}.json"));
    let text = fs::read_to_string(&file).expect("the payload is part of the repository");
    let case: Json = serde_json::from_str(&text).expect("the payload is JSON");
    let data = golden::data(&case["schema"], &case["value"]).expect("the payload has a place in the data model");
    let record = Record {
        topic: case["topic"].as_str().unwrap_or_default().into(),
        partition: None,
        key: SchemaAndValue::NULL,
        value: if schemas { data } else { without_schema(&data.value) },
        timestamp: None,
        headers: Headers::default(),
    };
    let source = SourceOffset { partition: Arc::new(OffsetMap::default()), offset: Arc::new(OffsetMap::default()) };
    let clone = || drop(black_box(record.clone()));
    let both = || {
        let mut current = record.clone();
        for transform in chain.iter_mut() {
            let next = transform.apply(current, Origin::Source(&source)).expect("the record suits the transforms");
            current = next.expect("no transform drops it");
        }
        drop(black_box(current));
    };
    let (clone, both) = fastest(clone, both);
    let ns = both - clone;
    let times = f64::from(jvm_ns) / ns;
    println!(
        "{{\"payload\":\"{payload}\",\"transforms\":\"{name}\",\"ns_per_record\":{ns:.0},\"clone_ns\":{clone:.0},\
         \"jvm_ns_per_record\":{jvm_ns},\"times_faster\":{times:.1}}}"
    );
}

/// A row of plain fields as the map that it is without a schema.
fn without_schema(value: &Value) -> SchemaAndValue {
    let Value::Struct(row) = value else { panic!("the payload is a row") };
    let names = row.schema().fields().into_iter().flatten().map(|field| Value::String(field.name.clone()));
    SchemaAndValue::schemaless(Value::Map(names.zip(row.values().iter().cloned()).collect()))
}

/// The fastest round of each, taken in turns: what else the machine does then slows down both.
fn fastest(mut one: impl FnMut(), mut other: impl FnMut()) -> (f64, f64) {
    let mut best = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        best = (best.0.min(round(&mut one)), best.1.min(round(&mut other)));
    }
    best
}

fn round(record: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..RECORDS {
        record();
    }
    start.elapsed().as_nanos() as f64 / f64::from(RECORDS)
}
