//! The source task: follows a file and makes a record of each line.

use std::{io, sync::Arc, time::Duration};

use connect_api::{
    Error, Headers, OffsetChange, OffsetMap, Record, Result, Schema, SchemaAndValue, SchemaBuilder, SourceConnector,
    SourceContext, SourceOffset, SourceRecord, SourceTask, Str, Value, async_trait,
};

use crate::{
    VERSION,
    config::{self, FileStreamSourceConfig},
    error::FileError,
    input::Input,
    lines::{Line, Lines},
    offset,
};

/// How long to wait for a file that does not exist.
const ABSENT_PAUSE: Duration = Duration::from_secs(1);
/// How long to wait at the end of the file before looking for more.
const END_PAUSE: Duration = Duration::from_millis(250);
/// The longest line: far beyond what a message can hold, and little enough to be read.
const LINE_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Reads the lines of a file (`FileStreamSourceConnector`).
pub struct FileStreamSource;

pub struct FileStreamSourceTask {
    /// Standard input when there is none.
    path: Option<String>,
    topic: Str,
    batch: usize,
    schema: Schema,
    partition: Arc<OffsetMap>,
    lines: Lines,
    input: Option<Input>,
    told: Told,
}

/// What the log was told already, so that it is told once.
#[derive(Default)]
struct Told {
    absent: bool,
    shorter: bool,
}

impl SourceConnector for FileStreamSource {
    const CLASS: &'static str = "org.apache.kafka.connect.file.FileStreamSourceConnector";
    const VERSION: &'static str = VERSION;
    type Config = FileStreamSourceConfig;
    type Task = FileStreamSourceTask;

    fn check_offsets(config: &Self::Config, changes: &[OffsetChange<'_>]) -> Result<()> {
        Ok(offset::check(config::path(config.file.clone()).as_deref(), changes)?)
    }

    async fn start(config: Self::Config, context: SourceContext) -> Result<Self::Task> {
        let path = config::path(config.file);
        let partition = offset::partition(path.as_deref());
        let position = match &path {
            Some(_) => offset::position(context.offsets.read(&partition).await?.as_ref())?,
            None => {
                tracing::info!("no file is set, reading standard input");
                0
            }
        };
        Ok(FileStreamSourceTask {
            path,
            topic: config.topic.name().into(),
            // The JVM returns a batch after each line where the size makes no sense.
            batch: usize::try_from(config.batch).unwrap_or(0).max(1),
            schema: SchemaBuilder::string().build(),
            partition,
            lines: Lines::at(position),
            input: None,
            told: Told::default(),
        })
    }
}

#[async_trait]
impl SourceTask for FileStreamSourceTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let mut lines = self.lines.take(self.batch);
        if lines.is_empty() {
            if !self.open().await? || !self.read().await? {
                return Ok(Vec::new());
            }
            lines = self.lines.take(self.batch);
        }
        Ok(self.records(lines))
    }
}

impl FileStreamSourceTask {
    /// Whether there is something to read from; waits a moment for a file that does not exist.
    async fn open(&mut self) -> Result<bool> {
        if self.input.is_some() {
            return Ok(true);
        }
        let Some(path) = &self.path else {
            self.input = Some(Input::stdin());
            return Ok(true);
        };
        match Input::open(path, self.lines.position()).await {
            Ok(input) => {
                tracing::info!(file = path, position = self.lines.position(), "opened the file for reading");
                self.input = Some(input);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !std::mem::replace(&mut self.told.absent, true) {
                    tracing::warn!(file = path, "the file does not exist, waiting for it to be created");
                }
                tokio::time::sleep(ABSENT_PAUSE).await;
                Ok(false)
            }
            Err(source) => Err(FileError::Open { path: path.clone(), source }.into()),
        }
    }

    /// Whether something was read; waits a moment at the end of the file.
    async fn read(&mut self) -> Result<bool> {
        let Some(input) = &self.input else { return Ok(false) };
        let name = || self.path.as_deref().unwrap_or("standard input").to_owned();
        let (buffer, read) = input
            .read(self.lines.take_buffer())
            .await
            .map_err(|source| Error::from(FileError::Read { path: name(), source }))?;
        self.lines.put_back(buffer);
        if self.lines.waiting() > LINE_BYTES_MAX {
            let position = self.lines.position();
            return Err(FileError::LongLine { path: name(), position, max: LINE_BYTES_MAX }.into());
        }
        if read == 0 {
            let needed = self.lines.position() + self.lines.waiting() as u64;
            if !self.told.shorter && input.len().await.is_some_and(|length| length < needed) {
                self.told.shorter = true;
                tracing::warn!(
                    file = name(),
                    position = self.lines.position(),
                    "the file is shorter than what was read of it, waiting for it to grow; to read it anew stop the \
                     connector and delete its offsets"
                );
            }
            tokio::time::sleep(END_PAUSE).await;
        }
        Ok(read > 0)
    }

    fn records(&self, lines: Vec<Line>) -> Vec<SourceRecord> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let record = |Line { text, end }: Line| SourceRecord {
            record: Record {
                topic: self.topic.clone(),
                partition: None,
                key: SchemaAndValue::NULL,
                value: SchemaAndValue::new(self.schema.clone(), Value::String(text)),
                timestamp: Some(now),
                headers: Headers::default(),
            },
            source: SourceOffset {
                partition: self.partition.clone(),
                offset: offset::offset(self.path.is_some().then_some(end)),
            },
        };
        lines.into_iter().map(record).collect()
    }
}
