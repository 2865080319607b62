//! A worker with nothing but the file connectors of Apache Kafka, which the captured REST scenarios use.
//!
//! `cargo run -p connect-runtime --example file_stream -- worker.properties`

use std::{
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use connect_api::{
    ConfigType, Error, Headers, OffsetMap, Record, Result, SchemaAndValue, SchemaBuilder, Setting, SinkConnector,
    SinkContext, SinkPlugin, SinkRecord, SinkTask, SourceConnector, SourceContext, SourceOffset, SourcePlugin,
    SourceRecord, SourceTask, Value, async_trait, config, config::Problem,
};
use connect_runtime::{Plugins, distributed};

/// The version that the scenarios were captured from.
const VERSION: &str = "4.3.1";

struct NonEmpty(String);

impl std::fmt::Debug for NonEmpty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Clone for NonEmpty {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Setting for NonEmpty {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.is_empty() {
            return Err(Problem::Because("String must be non-empty".into()));
        }
        Ok(Self(text.to_owned()))
    }
}

config! {
    /// Settings of the file source.
    struct SourceConfig {
        /// Source filename.
        #[config(key = "file", group = "", importance = High)]
        file: Option<String>,
        /// The topic to publish data to.
        #[config(key = "topic", group = "", importance = High)]
        topic: NonEmpty,
        /// The maximum number of records of one poll.
        #[config(key = "batch.size", group = "", importance = Low, default = "2000")]
        batch: i32,
    }
}

config! {
    /// Settings of the file sink.
    struct SinkConfig {
        /// Destination filename.
        #[config(key = "file", group = "", importance = High)]
        file: Option<String>,
    }
}

struct FileSource;

struct FileSourceTask {
    file: String,
    topic: String,
    batch: usize,
    position: u64,
    partition: Arc<OffsetMap>,
}

impl SourceConnector for FileSource {
    const CLASS: &'static str = "org.apache.kafka.connect.file.FileStreamSourceConnector";
    const VERSION: &'static str = VERSION;
    type Config = SourceConfig;
    type Task = FileSourceTask;

    async fn start(config: SourceConfig, context: SourceContext) -> Result<FileSourceTask> {
        let file = config.file.unwrap_or_default();
        let partition = Arc::new(OffsetMap(vec![("filename".into(), Value::from(file.as_str()))]));
        let stored = context.offsets.read(&partition).await?;
        let position = stored.and_then(|offset| offset.get("position")?.as_i64()).unwrap_or(0);
        Ok(FileSourceTask {
            file,
            topic: config.topic.0,
            batch: usize::try_from(config.batch).unwrap_or(0).max(1),
            position: position.unsigned_abs(),
            partition,
        })
    }
}

impl FileSourceTask {
    fn read(&mut self) -> std::io::Result<Vec<SourceRecord>> {
        let mut file = std::fs::File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.position))?;
        let mut lines = BufReader::new(file);
        let schema = SchemaBuilder::string().build();
        let mut records = Vec::new();
        let mut line = String::new();
        while records.len() < self.batch && lines.read_line(&mut line)? > 0 && line.ends_with('\n') {
            self.position += line.len() as u64;
            let text = line.trim_end_matches(['\n', '\r']);
            let offset = i64::try_from(self.position).unwrap_or(i64::MAX);
            records.push(SourceRecord {
                record: Record {
                    topic: self.topic.as_str().into(),
                    partition: None,
                    key: SchemaAndValue::NULL,
                    value: SchemaAndValue::new(schema.clone(), text.into()),
                    timestamp: None,
                    headers: Headers::default(),
                },
                source: SourceOffset {
                    partition: self.partition.clone(),
                    offset: Arc::new(OffsetMap(vec![("position".into(), Value::Int64(offset))])),
                },
            });
            line.clear();
        }
        Ok(records)
    }
}

#[async_trait]
impl SourceTask for FileSourceTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let records = self.read().unwrap_or_default();
        if records.is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(records)
    }
}

struct FileSink;

struct FileSinkTask(std::fs::File);

impl SinkConnector for FileSink {
    const CLASS: &'static str = "org.apache.kafka.connect.file.FileStreamSinkConnector";
    const VERSION: &'static str = VERSION;
    type Config = SinkConfig;
    type Task = FileSinkTask;

    async fn start(config: SinkConfig, _context: SinkContext) -> Result<FileSinkTask> {
        let path = config.file.unwrap_or_else(|| "/dev/stdout".into());
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
        file.map(FileSinkTask)
            .map_err(|_| Error::fatal(format!("Couldn't find or create file '{path}' for FileStreamSinkTask")))
    }
}

#[async_trait]
impl SinkTask for FileSinkTask {
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        for record in records {
            let text = record.record.value.value.as_str().unwrap_or("null").to_owned();
            writeln!(self.0, "{text}").map_err(|error| Error::fatal("could not write").caused_by(error))?;
        }
        Ok(())
    }
}

static SOURCE: SourcePlugin = SourcePlugin::of::<FileSource>();
static SINK: SinkPlugin = SinkPlugin::of::<FileSink>();

fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("usage: file_stream worker.properties");
        return ExitCode::from(2);
    };
    let plugins = Plugins::new()
        .source(&SOURCE)
        .sink(&SINK)
        .transforms(connect_transforms::TRANSFORMS)
        .predicates(connect_transforms::PREDICATES)
        .converters(connect_converters::CONVERTERS)
        .header_converters(connect_converters::HEADER_CONVERTERS);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started");
    match runtime.block_on(distributed::run(Path::new(&file), plugins)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.message());
            ExitCode::FAILURE
        }
    }
}
