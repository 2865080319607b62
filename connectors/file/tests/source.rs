//! The source on files that come late, grow, break off in the middle of a line and are read on after a restart.

use std::{io::Write, sync::Arc};

use connect_api::{
    OffsetMap, OffsetReader, Props, Result, SourceContext, SourceRecord, SourceTask, TopicLog, TopicLogs, Value,
    async_trait,
};
use connect_file::SOURCE;
use tokio::sync::watch;

use crate::{Folder, props};

/// Offsets as a worker stored them, and no topics.
struct Stored(Option<OffsetMap>);

#[async_trait]
impl OffsetReader for Stored {
    async fn read(&self, _partition: &OffsetMap) -> Result<Option<OffsetMap>> {
        Ok(self.0.clone())
    }
}

#[async_trait]
impl TopicLogs for Stored {
    async fn open(&self, topic: &str, _client: &Props) -> Result<Box<dyn TopicLog>> {
        panic!("the file source opens no topic {topic}")
    }
}

async fn start(pairs: &[(&str, &str)], stored: Option<OffsetMap>) -> Box<dyn SourceTask> {
    let context = SourceContext {
        connector: "c".into(),
        task: 0,
        offsets: Arc::new(Stored(stored)),
        stored: watch::channel(Vec::new()).1,
        logs: Arc::new(Stored(None)),
    };
    (SOURCE.start)(props(pairs), context).await.expect("a file source can always start")
}

/// Polls until some lines are there.
async fn lines(task: &mut dyn SourceTask) -> Vec<SourceRecord> {
    loop {
        let records = task.poll().await.expect("the file can be read");
        if !records.is_empty() {
            return records;
        }
    }
}

fn texts(records: &[SourceRecord]) -> Vec<&str> {
    records.iter().map(|record| record.record.value.value.as_str().expect("lines are text")).collect()
}

fn append(path: &str, text: &str) {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    let mut file = file.expect("the file can be opened");
    file.write_all(text.as_bytes()).expect("the file can be written");
}

#[tokio::test]
async fn follows_a_file_from_before_it_exists() {
    let folder = Folder::new();
    let path = folder.file("in.txt");
    let mut task = start(&[("file", &path), ("topic", "t")], None).await;
    assert_eq!(task.poll().await.unwrap(), []);
    append(&path, "one\ntwo\r\nthr");
    let first = lines(&mut *task).await;
    assert_eq!(texts(&first), ["one", "two"]);
    append(&path, "ee\n");
    let second = lines(&mut *task).await;
    assert_eq!(texts(&second), ["three"]);

    let record = &second[0];
    assert_eq!(*record.source.partition, OffsetMap(vec![("filename".into(), path.as_str().into())]));
    assert_eq!(*record.source.offset, OffsetMap(vec![("position".into(), Value::Int64(15))]));
    assert_eq!((record.record.topic.as_str(), record.record.partition), ("t", None));
    assert!(record.record.key.value.is_null() && record.record.key.schema.is_none());
    assert!(record.record.timestamp.is_some());
}

#[tokio::test]
async fn every_offset_is_a_place_to_go_on_from() {
    let folder = Folder::new();
    let path = folder.file("in.txt");
    append(&path, "α\nβ\r\n\nδ\n");
    let pairs = [("file", path.as_str()), ("topic", "t")];
    let all = lines(&mut *start(&pairs, None).await).await;
    assert_eq!(texts(&all), ["α", "β", "", "δ"]);
    for (at, record) in all.iter().enumerate().take(3) {
        let mut task = start(&pairs, Some((*record.source.offset).clone())).await;
        assert_eq!(texts(&lines(&mut *task).await), texts(&all[at + 1..]), "after line {at}");
    }
}

#[tokio::test]
async fn a_batch_keeps_to_its_size() {
    let folder = Folder::new();
    let path = folder.file("in.txt");
    append(&path, &"x\n".repeat(7));
    let mut task = start(&[("file", &path), ("topic", "t"), ("batch.size", "3")], None).await;
    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < 7 {
        sizes.push(lines(&mut *task).await.len());
    }
    assert_eq!(sizes, [3, 3, 1]);
}

#[tokio::test]
async fn lines_longer_than_a_read_come_whole() {
    let folder = Folder::new();
    let path = folder.file("in.txt");
    let long = "y".repeat(1_000_000);
    append(&path, &format!("a\n{long}\nb\n"));
    let mut task = start(&[("file", &path), ("topic", "t")], None).await;
    let mut found = Vec::new();
    while found.len() < 3 {
        found.extend(lines(&mut *task).await);
    }
    assert_eq!(texts(&found), ["a", long.as_str(), "b"]);
}

#[tokio::test]
async fn a_named_pipe_is_read_from_writer_to_writer() {
    let folder = Folder::new();
    let path = folder.file("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut task = start(&[("file", &path), ("topic", "t")], None).await;
    for text in ["one\n", "two\n"] {
        let writer = path.clone();
        let written = tokio::task::spawn_blocking(move || std::fs::write(writer, text));
        assert_eq!(texts(&lines(&mut *task).await), [text.trim_end()]);
        written.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_is_no_file_fails_with_its_name() {
    let folder = Folder::new();
    let path = folder.0.display().to_string();
    let mut task = start(&[("file", &path), ("topic", "t")], None).await;
    let error = task.poll().await.unwrap_err();
    assert_eq!(error.message(), format!("could not read file '{path}'"));
}
