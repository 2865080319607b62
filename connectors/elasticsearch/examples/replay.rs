//! What the sink costs: building documents, the whole task, and the same bulk bodies sent raw for comparison.
//!
//! `replay null` starts a server of its own that answers at once; `replay http://host:9200` uses a real one.
//! Each line is JSON. CPU is that of this process only: the server is another one.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use connect_api::{
    Config, Headers, Props, Record, SchemaAndValue, SchemaBuilder as S, SinkConnector, SinkContext, SinkRecord,
    SinkTask, Struct, TimestampType, TopicPartition, Value,
};
use connect_elasticsearch::{
    ElasticsearchSink,
    config::ElasticsearchConfig,
    document::{DocumentWriter, Form},
};
use futures_util::{StreamExt, stream};

const RECORDS: i64 = 300_000;
const POLL: usize = 500;
const IN_FLIGHT: usize = 5;
const TOPIC: &str = "replay";

type Bodies = Arc<Mutex<Vec<Vec<u8>>>>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => serve(&Bodies::default(), |port| println!("{port}")),
        Some(target) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime").block_on(measure(target));
        }
        None => println!("replay null | replay URL"),
    }
}

async fn measure(target: &str) {
    let records = records();
    documents(&records);
    let server = (target == "null").then(NullServer::start);
    let url = server.as_ref().map_or(target.to_owned(), |server| server.url.clone());

    let (bodies, recorder) = record_bodies();
    run(&recorder, &records).await;
    let bodies = std::mem::take(&mut *bodies.lock().expect("bodies"));

    // A JVM is slow at first, which would count against whoever comes first.
    empty(&url).await;
    raw(&url, bodies.clone()).await;

    empty(&url).await;
    let clock = Clock::start();
    run(&url, &records).await;
    clock.stop("task");

    empty(&url).await;
    let clock = Clock::start();
    raw(&url, bodies).await;
    clock.stop("raw replay");
}

/// Rows of twelve columns, as a table has them.
fn records() -> Vec<SinkRecord> {
    let mut fields = vec![("id", S::int64().build()), ("price", S::float64().build())];
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    fields.extend(
        names
            .iter()
            .enumerate()
            .map(|(at, name)| (*name, if at % 2 == 0 { S::string().build() } else { S::int32().optional().build() })),
    );
    let schema = S::structure(fields).build();
    let row = |n: i64| {
        let mut values = vec![Value::Int64(n), Value::Float64(n as f64 / 7.0)];
        values.extend((0..10_i32).map(|at| match at % 2 {
            0 => Value::String("twenty characters ok".into()),
            _ => Value::Int32(at * 1000),
        }));
        SchemaAndValue::from(Struct::new(schema.clone(), values))
    };
    (0..RECORDS)
        .map(|offset| SinkRecord {
            record: Record {
                topic: connect_api::Str::from_static(TOPIC),
                partition: Some(0),
                key: SchemaAndValue::schemaless(Value::Int64(offset % 100_000)),
                value: row(offset),
                timestamp: Some(0),
                headers: Headers::default(),
            },
            origin: TopicPartition { topic: connect_api::Str::from_static(TOPIC), partition: 0 },
            offset,
            timestamp_type: TimestampType::CreateTime,
        })
        .collect()
}

fn documents(records: &[SinkRecord]) {
    let mut writer = DocumentWriter::new(Form::Schema { compact_maps: true });
    let mut out = Vec::new();
    let clock = Clock::start();
    let mut bytes = 0;
    for record in records {
        out.clear();
        let value = &record.record.value;
        writer.write(value.schema.as_ref(), &value.value, &mut out).expect("a document");
        bytes += out.len();
    }
    clock.stop("documents");
    println!("{{\"document_bytes\":{}}}", bytes / records.len());
}

/// The whole task: put in polls, then wait for everything.
async fn run(url: &str, records: &[SinkRecord]) {
    let settings =
        [("connection.url", url), ("schema.ignore", "true"), ("topics", TOPIC), ("read.timeout.ms", "60000")];
    let props: Props = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let config = ElasticsearchConfig::parse(&props).expect("the settings are right");
    let context = SinkContext { connector: "replay".into(), task: 0, errant: None };
    let mut task = ElasticsearchSink::start(config, context).await.expect("the task starts");
    for batch in records.chunks(POLL) {
        task.put(batch).await.expect("put");
    }
    task.close(&[]).await.expect("everything is written");
    task.put(&[]).await.expect("nothing failed");
}

/// The same bodies with nothing but an HTTP client.
async fn raw(url: &str, bodies: Vec<Vec<u8>>) {
    let client = reqwest::Client::new();
    let bulk = format!("{url}/_bulk?filter_path=took,errors,items.*.status,items.*.error");
    let send = |body: Vec<u8>| {
        let request = client.post(&bulk).header("content-type", "application/x-ndjson").body(body);
        async move { request.send().await.expect("an answer").bytes().await.expect("a body").len() }
    };
    stream::iter(bodies).map(send).buffer_unordered(IN_FLIGHT).for_each(|_| std::future::ready(())).await;
}

async fn empty(url: &str) {
    let client = reqwest::Client::new();
    for request in [client.delete(format!("{url}/{TOPIC}")), client.put(format!("{url}/{TOPIC}"))] {
        request.send().await.expect("an answer");
    }
}

struct Clock {
    wall: Instant,
    cpu: (Duration, Duration),
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu() }
    }

    fn stop(self, what: &str) {
        let (user, kernel) = cpu();
        let per_record = |time: Duration| time.as_nanos() / RECORDS.unsigned_abs() as u128;
        let wall = self.wall.elapsed();
        println!(
            "{{\"what\":\"{what}\",\"records_per_s\":{:.0},\"user_ns\":{},\"kernel_ns\":{}}}",
            RECORDS as f64 / wall.as_secs_f64(),
            per_record(user - self.cpu.0),
            per_record(kernel - self.cpu.1)
        );
    }
}

/// CPU time of this process in user and kernel mode; the kernel counts in hundredths of a second.
fn cpu() -> (Duration, Duration) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let mut numbers = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).map(|n| n.parse().unwrap_or(0));
    let mut next = || Duration::from_millis(10 * numbers.next().unwrap_or(0_u64));
    (next(), next())
}

/// A server in a process of its own.
struct NullServer {
    url: String,
    process: Child,
}

impl NullServer {
    fn start() -> Self {
        let program = std::env::current_exe().expect("this program's file");
        let mut process = Command::new(program).arg("serve").stdout(Stdio::piped()).spawn().expect("a server");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("its port");
        Self { url: format!("http://127.0.0.1:{}", line.trim()), process }
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A server in this process that keeps all bulk bodies.
fn record_bodies() -> (Bodies, String) {
    let (bodies, (tell, told)) = (Bodies::default(), std::sync::mpsc::channel());
    let kept = bodies.clone();
    std::thread::spawn(move || serve(&kept, |port| tell.send(port).expect("someone waits")));
    (bodies, format!("http://127.0.0.1:{}", told.recv().expect("a port")))
}

fn serve(bodies: &Bodies, tell: impl Fn(u16)) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    tell(listener.local_addr().expect("an address").port());
    let keep = std::env::args().nth(1).as_deref() != Some("serve");
    for stream in listener.incoming().flatten() {
        let bodies = bodies.clone();
        std::thread::spawn(move || answer(stream, &bodies, keep));
    }
}

fn answer(stream: TcpStream, bodies: &Bodies, keep: bool) -> Option<()> {
    let mut read = BufReader::new(stream.try_clone().ok()?);
    let mut write = stream;
    loop {
        let (mut length, mut line, mut first) = (0, String::new(), String::new());
        while line != "\r\n" {
            line.clear();
            if read.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if first.is_empty() {
                first.clone_from(&line);
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        read.read_exact(&mut body).ok()?;
        if keep && first.contains("/_bulk") {
            bodies.lock().ok()?.push(body);
        }
        let text = if first.starts_with("HEAD") { "" } else { "{\"errors\":false,\"took\":1,\"items\":[]}" };
        let length = text.len();
        write.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}").as_bytes()).ok()?;
    }
}
