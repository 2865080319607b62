//! `make bench`: what the worker costs, as JSON lines, beside the targets.
//!
//! The figure is the worker's CPU-seconds per million records, because everything shares the machine's cores; a rate
//! is only compared with something else in the same run. `BENCH_ROWS` sets the number of rows (a million), and
//! arguments choose among: idle list convert transform decode stream sink file broker.

mod broker;
mod convert;
mod file;
mod jvm;
mod list;
mod process;
mod rounds;
mod sink;
mod source;
mod transform;

use std::{borrow::Cow, sync::LazyLock};

use serde_json::{Value, json};

/// As the worker's: converters and transforms are measured in this process.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const SCENARIOS: [&str; 9] = ["idle", "list", "convert", "transform", "decode", "stream", "sink", "file", "broker"];

#[tokio::main]
async fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let rows = std::env::var("BENCH_ROWS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let mut gaps = Vec::new();
    let jvm = LazyLock::new(jvm::Costs::measure);
    for scenario in SCENARIOS.iter().filter(|name| chosen.is_empty() || chosen.iter().any(|chosen| chosen == *name)) {
        let results = match *scenario {
            "idle" => process::idle().await,
            "list" => list::many_connectors().await,
            "convert" => convert::json(&jvm),
            "transform" => transform::transforms(&jvm),
            "decode" => source::stream(rows, source::Producer::Null).await,
            "stream" => source::stream(rows, source::Producer::Kafka).await,
            "broker" => broker::measure(rows).await,
            "file" => file::there_and_back(rows).await,
            _ => sink::against_raw_bulk(rows / 5).await,
        };
        for result in results {
            println!("{}", result.line(scenario));
            gaps.extend(result.gap(scenario));
        }
    }
    match gaps.is_empty() {
        true => eprintln!("every measured target is met"),
        false => eprintln!("not met: {}", gaps.join("; ")),
    }
}

/// One measured figure with its target.
struct Figure {
    name: Cow<'static, str>,
    value: f64,
    target: Target,
}

/// Which way is better, and what is asked.
enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// Told for the reader, without a target of its own.
    None,
}

impl Figure {
    fn new(name: String, value: f64, target: Target) -> Self {
        Self { name: name.into(), value, target }
    }

    fn line(&self, scenario: &str) -> Value {
        let target = match self.target {
            Target::AtMost(limit) => json!({"at_most": limit}),
            Target::AtLeast(limit) => json!({"at_least": limit}),
            Target::None => Value::Null,
        };
        json!({"scenario": scenario, "figure": self.name, "value": (self.value * 1000.0).round() / 1000.0, "target": target, "met": self.met()})
    }

    fn met(&self) -> bool {
        match self.target {
            Target::AtMost(limit) => self.value <= limit,
            Target::AtLeast(limit) => self.value >= limit,
            Target::None => true,
        }
    }

    fn gap(&self, scenario: &str) -> Option<String> {
        (!self.met()).then(|| format!("{scenario} {} = {:.2}", self.name, self.value))
    }
}
