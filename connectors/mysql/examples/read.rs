//! Reads a server without a worker: prints what it reads, or counts it to measure decoding.
//!
//! `read print|COUNT key=value...`: settings of the connector; with a number it stops after so many records and tells
//! the CPU time they took. `offset={...}` is a stored offset, `mariadb=1` chooses that connector.

use std::sync::{Arc, Mutex};

use connect_api::{
    LogRecord, OffsetMap, OffsetReader, Props, Result, SourceContext, SourceRecord, TopicLog, TopicLogs, Value,
    async_trait,
};

/// The offset to start from, where one is given.
struct Given(Option<OffsetMap>);

#[async_trait]
impl OffsetReader for Given {
    async fn read(&self, _partition: &OffsetMap) -> Result<Option<OffsetMap>> {
        Ok(self.0.clone())
    }
}

/// A schema history in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<LogRecord>>>);

#[async_trait]
impl TopicLogs for Memory {
    async fn open(&self, _topic: &str, _client: &Props) -> Result<Box<dyn TopicLog>> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl TopicLog for Memory {
    async fn exists(&mut self) -> Result<bool> {
        Ok(true)
    }
    async fn create(&mut self, _settings: &Props) -> Result<()> {
        Ok(())
    }
    async fn read(&mut self) -> Result<Vec<LogRecord>> {
        Ok(self.0.lock().expect("no thread panics with it").clone())
    }
    async fn append(&mut self, mut records: Vec<LogRecord>) -> Result<()> {
        self.0.lock().expect("no thread panics with it").append(&mut records);
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let stop_after = arguments.next().unwrap_or_default().parse::<usize>().ok();
    let mut props: Props = [
        ("topic.prefix", "srv"),
        ("database.hostname", "127.0.0.1"),
        ("database.user", "debezium"),
        ("database.password", "dbz"),
        ("database.server.id", "4711"),
        ("schema.history.internal.kafka.topic", "history"),
        ("schema.history.internal.kafka.bootstrap.servers", "none"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    props.extend(arguments.filter_map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))));
    let plugin = match props.shift_remove("mariadb") {
        Some(_) => &connect_mysql::MARIADB,
        None => &connect_mysql::MYSQL,
    };
    let offset = props.shift_remove("offset").and_then(|text| connect_mysql::offset::parse_offset(&text));
    let (_sender, stored) = tokio::sync::watch::channel(Vec::new());
    let logs = Arc::new(Memory::default());
    let context = SourceContext { connector: "read".into(), task: 0, offsets: Arc::new(Given(offset)), stored, logs };
    let mut task = (plugin.start)(props, context).await?;
    let mut count = 0;
    let mut before = cpu_seconds();
    loop {
        let batch = task.poll().await?;
        if count == 0 {
            before = cpu_seconds();
        }
        count += batch.len();
        match stop_after {
            None => batch.iter().for_each(print),
            Some(most) if count >= most => break,
            Some(_) => {}
        }
    }
    println!("{count} records in {:.3} CPU-seconds", cpu_seconds() - before);
    Ok(())
}

fn print(record: &SourceRecord) {
    println!("{} {} -> {}", record.record.topic, text(&record.record.key.value), text(&record.record.value.value));
    let offset: Vec<String> =
        record.source.offset.0.iter().map(|(key, value)| format!("{key}={}", text(value))).collect();
    println!("    {}", offset.join(" "));
}

/// A value without its schema.
fn text(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(text).collect::<Vec<_>>().join(", ");
    match value {
        Value::Struct(row) => format!("({})", list(row.values())),
        Value::Array(values) => format!("[{}]", list(values)),
        Value::String(text) => text.to_string(),
        Value::Int32(number) => number.to_string(),
        Value::Int64(number) => number.to_string(),
        Value::Null => "null".into(),
        other => format!("{other:?}"),
    }
}

/// User and system time of this process, in seconds.
fn cpu_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}
