//! Nanoseconds per record of code that runs in this process, and how a payload of the golden data is read.

use std::{fs, path::Path, time::Instant};

use connect_api::SchemaAndValue;
use connect_testkit::golden;
use serde_json::Value as Json;

use crate::{Figure, Target, jvm::Costs};

/// Short rounds, of which the fastest counts, keep other work on the machine out of the figure.
const ROUNDS: usize = 60;
const RECORDS: u32 = 4000;

/// A payload with its data: `flat8`, a row of eight columns, or `mysql_envelope`, a change event.
pub(crate) fn payload(name: &str) -> (Json, SchemaAndValue) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../golden/bench/{name}.json"));
    let text = fs::read_to_string(&file).expect("the payload is part of the repository");
    let case: Json = serde_json::from_str(&text).expect("the payload is JSON");
    let data = golden::data(&case["schema"], &case["value"]).expect("the payload has a place in the data model");
    (case, data)
}

/// The fastest round of each, taken in turns: what else the machine does then slows down all of them.
pub(crate) fn fastest<const N: usize>(mut records: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (record, best) in records.iter_mut().zip(&mut best) {
            let start = Instant::now();
            for _ in 0..RECORDS {
                record();
            }
            *best = best.min(start.elapsed().as_nanos() as f64 / f64::from(RECORDS));
        }
    }
    best
}

/// Our figure, and how many times the JVM's it is.
pub(crate) fn figures(payload: &str, case: &str, ns: f64, jvm: &Costs, at_least: f64) -> Vec<Figure> {
    let mut figures = vec![Figure::new(format!("{payload}: {case}, ns"), ns, Target::None)];
    if let Some(jvm) = jvm.of(payload, case) {
        let name = format!("{payload}: {case}, times the JVM's {jvm:.0} ns");
        figures.push(Figure::new(name, jvm / ns, Target::AtLeast(at_least)));
    }
    figures
}
