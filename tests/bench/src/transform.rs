//! Transforms. The clone of the record, which only the bench needs, is measured apart and taken off.

use std::{hint::black_box, sync::Arc};

use connect_api::{Fate, Headers, OffsetMap, Origin, Props, Record, SchemaAndValue, SourceOffset, Transform, Value};
use connect_transforms::TRANSFORMS;

use crate::{
    Figure,
    jvm::Costs,
    rounds::{fastest, figures, payload},
};

type Step = (&'static str, &'static [(&'static str, &'static str)]);

/// The same chain as in `jvm/Cost.java`.
const CHAIN: [Step; 5] = [
    ("ReplaceField$Value", &[("exclude", "note"), ("renames", "name:full_name")]),
    ("InsertField$Value", &[("static.field", "source"), ("static.value", "bench")]),
    ("MaskField$Value", &[("fields", "email")]),
    ("Cast$Value", &[("spec", "age:int64,balance:string")]),
    ("RegexRouter", &[("regex", "(.*)"), ("replacement", "x-$1")]),
];
const UNWRAP: [Step; 1] = [("ExtractNewRecordState", &[("add.fields", "op,source.ts_ms")])];

pub(crate) fn transforms(jvm: &Costs) -> Vec<Figure> {
    let mut all = Vec::new();
    for (name, case, steps, schemas) in [
        ("flat8", "five transforms", &CHAIN[..], true),
        ("flat8", "five transforms without schema", &CHAIN[..], false),
        ("mysql_envelope", "ExtractNewRecordState", &UNWRAP[..], true),
    ] {
        all.extend(figures(name, case, measure(name, &mut chain(steps), schemas), jvm, 4.0));
    }
    all
}

fn chain(steps: &[Step]) -> Vec<Box<dyn Transform>> {
    let configured = |(name, settings): &Step| {
        let plugin = TRANSFORMS.iter().find(|plugin| plugin.class.ends_with(&format!(".{name}")));
        let props: Props = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        (plugin.expect("a transform of that name").configure)(&props).expect("the settings are right")
    };
    steps.iter().map(configured).collect()
}

fn measure(name: &str, chain: &mut [Box<dyn Transform>], schemas: bool) -> f64 {
    let (case, data) = payload(name);
    let record = Record {
        topic: case["topic"].as_str().unwrap_or_default().into(),
        partition: None,
        key: SchemaAndValue::NULL,
        value: if schemas { data } else { without_schema(&data.value) },
        timestamp: None,
        headers: Headers::default(),
    };
    let source = SourceOffset { partition: Arc::new(OffsetMap::default()), offset: Arc::new(OffsetMap::default()) };
    let mut clone = || drop(black_box(record.clone()));
    let mut both = || {
        let mut current = record.clone();
        for transform in chain.iter_mut() {
            let fate = transform.apply(&mut current, Origin::Source(&source)).expect("the record suits the transforms");
            assert_eq!(fate, Fate::Kept, "no transform drops it");
        }
        drop(black_box(current));
    };
    let [clone, both] = fastest([&mut clone, &mut both]);
    both - clone
}

/// A row of plain fields as the map that it is without a schema.
fn without_schema(value: &Value) -> SchemaAndValue {
    let Value::Struct(row) = value else { panic!("the payload is a row") };
    let names = row.schema().fields().into_iter().flatten().map(|field| Value::String(field.name.clone()));
    SchemaAndValue::schemaless(Value::Map(names.zip(row.values().iter().cloned()).collect()))
}
