//! Lines of a file to a topic, and records of a topic through three transforms to a file.

use std::{
    io::{BufWriter, Read, Write},
    path::Path,
    time::{Duration, Instant},
};

use connect_e2e::{
    services::{Service, fresh_dir},
    worker::Worker,
};
use serde_json::json;

use crate::{
    Figure, Target,
    process::{cpu_seconds, memory_mb},
};

const DONE_WITHIN: Duration = Duration::from_secs(600);
const TEXT: &str = "org.apache.kafka.connect.storage.StringConverter";
const TRANSFORM: &str = "org.apache.kafka.connect.transforms";

/// Measures both directions, the second on what the first has written.
pub(crate) async fn there_and_back(rows: u64) -> Vec<Figure> {
    let dir = fresh_dir("bench_file");
    let bootstrap = format!("127.0.0.1:{}", Service::Kafka.shared());
    let mut worker = Worker::start(&dir, &bootstrap, &format!("bench-file-{}", std::process::id())).await;
    let (input, output) = (dir.join("in.txt"), dir.join("out.txt"));
    write_rows(&input, rows);
    let topic = format!("bench-file-{}", std::process::id());

    let config = json!({
        "connector.class": "FileStreamSource", "file": input, "topic": topic, "value.converter": TEXT,
    });
    let (begun, cpu) = (Instant::now(), cpu_seconds(worker.pid()));
    assert_eq!(worker.create("source", config).await.status, 201);
    until(&worker, rows, || stored_lines(&worker, &input)).await;
    let source = (begun.elapsed().as_secs_f64(), cpu_seconds(worker.pid()) - cpu);
    worker.delete("/connectors/source").await;

    let config = json!({
        "connector.class": "FileStreamSink", "topics": topic, "file": output,
        "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
        "transforms": "r,i,x",
        "transforms.r.type": format!("{TRANSFORM}.ReplaceField$Value"), "transforms.r.exclude": "flag",
        "transforms.r.renames": "qty:quantity",
        "transforms.i.type": format!("{TRANSFORM}.InsertField$Value"), "transforms.i.static.field": "origin",
        "transforms.i.static.value": "bench",
        "transforms.x.type": format!("{TRANSFORM}.RegexRouter"), "transforms.x.regex": "(.*)-(\\d+)",
        "transforms.x.replacement": "$1_$2",
    });
    let (begun, cpu) = (Instant::now(), cpu_seconds(worker.pid()));
    // A name of its own, for its group would wait for the members of an earlier run.
    assert_eq!(worker.create(&topic, config).await.status, 201);
    let mut read = Counted::default();
    until(&worker, rows, async || read.lines(&output)).await;
    let sink = (begun.elapsed().as_secs_f64(), cpu_seconds(worker.pid()) - cpu);
    let highest = memory_mb(worker.pid(), "VmHWM");
    worker.stop().await;
    drop(worker);
    drop(std::fs::remove_dir_all(dir));
    let millions = rows as f64 / 1e6;
    vec![
        Figure {
            name: "source_cpu_seconds_per_million".into(),
            value: source.1 / millions,
            target: Target::AtMost(2.0),
        },
        Figure { name: "source_rows_per_second".into(), value: rows as f64 / source.0, target: Target::None },
        Figure { name: "sink_cpu_seconds_per_million".into(), value: sink.1 / millions, target: Target::AtMost(2.5) },
        Figure { name: "sink_rows_per_second".into(), value: rows as f64 / sink.0, target: Target::None },
        Figure { name: "rss_mb_highest".into(), value: highest, target: Target::AtMost(120.0) },
    ]
}

/// Rows of eight columns as JSON, some 210 bytes each.
fn write_rows(path: &Path, rows: u64) {
    let mut file = BufWriter::new(std::fs::File::create(path).expect("the bench's folder can be written"));
    for id in 1..=rows {
        let mixed = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        writeln!(
            file,
            "{{\"id\":{id},\"qty\":{},\"ref\":{},\"code\":\"C{mixed:019X}\",\"descr\":\"{mixed:060}\",\
             \"amount\":\"{}.{:02}\",\"ts\":{},\"flag\":{}}}",
            id * 7919 % 1_000_003,
            id * 1_000_003 + 77,
            id * 37 / 100,
            id * 37 % 100,
            1_767_225_600_000_000_u64 + id * 1_234_567,
            id % 2 == 1
        )
        .expect("the bench's folder can be written");
    }
    file.flush().expect("the bench's folder can be written");
}

/// All rows once the stored position is the end of the file.
async fn stored_lines(worker: &Worker, input: &Path) -> u64 {
    let length = std::fs::metadata(input).map(|file| file.len()).unwrap_or_default();
    let offsets = worker.get("/connectors/source/offsets").await.body;
    if offsets["offsets"][0]["offset"]["position"] == length { u64::MAX } else { 0 }
}

/// How many lines a growing file has, counted on from where the last look ended.
#[derive(Default)]
struct Counted {
    file: Option<std::fs::File>,
    lines: u64,
}

impl Counted {
    fn lines(&mut self, path: &Path) -> u64 {
        if self.file.is_none() {
            self.file = std::fs::File::open(path).ok();
        }
        let mut bytes = Vec::new();
        if let Some(file) = &mut self.file {
            file.read_to_end(&mut bytes).expect("the sink's file can be read");
        }
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.lines
    }
}

async fn until(worker: &Worker, rows: u64, mut count: impl AsyncFnMut() -> u64) {
    let end = Instant::now() + DONE_WITHIN;
    while count().await < rows {
        assert!(Instant::now() < end, "not all rows came within {DONE_WITHIN:?}\n{}", worker.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
