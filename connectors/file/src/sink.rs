//! The sink task: the text of each value is a line.

use connect_api::{
    Offsets, Result, SinkConnector, SinkContext, SinkRecord, SinkTask, TopicPartition, async_trait, java_text,
};

use crate::{
    VERSION,
    config::{self, FileStreamSinkConfig},
    error::FileError,
    output::{Lines, Output},
};

/// Appends records to a file (`FileStreamSinkConnector`).
pub struct FileStreamSink;

pub struct FileStreamSinkTask {
    /// The output as messages name it.
    target: String,
    output: Output,
    lines: Lines,
    /// Something was written that no commit has made durable yet.
    unsynced: bool,
}

impl SinkConnector for FileStreamSink {
    const CLASS: &'static str = "org.apache.kafka.connect.file.FileStreamSinkConnector";
    const VERSION: &'static str = VERSION;
    type Config = FileStreamSinkConfig;
    type Task = FileStreamSinkTask;

    async fn start(config: Self::Config, _context: SinkContext) -> Result<Self::Task> {
        let (target, (output, lines)) = match config::path(config.file) {
            Some(path) => {
                let opened = Output::open(path.clone()).await;
                (format!("file '{path}'"), opened.map_err(|source| FileError::Create { path, source })?)
            }
            None => ("standard output".to_owned(), (Output::Stdout, Lines::default())),
        };
        Ok(FileStreamSinkTask { target, output, lines, unsynced: false })
    }
}

#[async_trait]
impl SinkTask for FileStreamSinkTask {
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        // Lines that are still there are those of this very batch, which comes again after a failure.
        if self.lines.is_empty() {
            for SinkRecord { record, .. } in records {
                java_text::write(&record.value.value, record.value.schema.as_ref(), &mut self.lines.text);
                self.lines.text.push('\n');
            }
        }
        if self.lines.is_empty() {
            return Ok(());
        }
        self.unsynced = true;
        let (lines, result) = self.output.write(std::mem::take(&mut self.lines)).await;
        self.lines = lines;
        result.map_err(|source| self.failed(source))
    }

    async fn pre_commit(&mut self, current: Offsets) -> Result<Offsets> {
        if self.unsynced {
            self.output.sync().await.map_err(|source| self.failed(source))?;
            self.unsynced = false;
        }
        // Invariant 2: what the file system has is safe.
        Ok(current)
    }

    async fn close(&mut self, _partitions: &[TopicPartition]) -> Result<()> {
        self.lines.forget();
        Ok(())
    }
}

impl FileStreamSinkTask {
    fn failed(&self, source: std::io::Error) -> connect_api::Error {
        FileError::Write { target: self.target.clone(), source }.into()
    }
}
