//! The sink on real files: what is appended, and what a torn line becomes.

use connect_api::{
    Headers, Offsets, Record, SchemaAndValue, SinkContext, SinkRecord, SinkTask, TimestampType, TopicPartition, Value,
};
use connect_file::SINK;

use crate::{Folder, props};

fn record(value: SchemaAndValue) -> SinkRecord {
    SinkRecord {
        record: Record {
            topic: "t".into(),
            partition: Some(0),
            key: SchemaAndValue::NULL,
            value,
            timestamp: None,
            headers: Headers::default(),
        },
        origin: TopicPartition { topic: "t".into(), partition: 0 },
        offset: 0,
        timestamp_type: TimestampType::CreateTime,
    }
}

async fn start(path: &str) -> connect_api::Result<Box<dyn SinkTask>> {
    (SINK.start)(props(&[("file", path)]), SinkContext { connector: "c".into(), task: 0, errant: None }).await
}

async fn write(path: &str, values: Vec<Value>) {
    let mut task = start(path).await.expect("the file can be made");
    let records: Vec<SinkRecord> = values.into_iter().map(|v| record(SchemaAndValue::schemaless(v))).collect();
    task.put(&records).await.expect("the file can be written");
    task.pre_commit(Offsets::new()).await.expect("the file can be synchronized");
}

#[tokio::test]
async fn appends_the_text_of_each_value_as_a_line() {
    let folder = Folder::new();
    let path = folder.file("out.txt");
    write(&path, vec!["one".into(), Value::Null, Value::Float64(1.0)]).await;
    write(&path, vec![Value::Map(vec![("a".into(), Value::Int64(1))])]).await;
    assert_eq!(std::fs::read_to_string(path).unwrap(), "one\nnull\n1.0\n{a=1}\n");
}

#[tokio::test]
async fn a_line_that_a_killed_worker_left_is_ended_first() {
    let folder = Folder::new();
    let path = folder.file("out.txt");
    std::fs::write(&path, "one\ntw").unwrap();
    write(&path, vec!["two".into()]).await;
    assert_eq!(std::fs::read_to_string(path).unwrap(), "one\ntw\ntwo\n");
}

#[tokio::test]
async fn a_file_that_can_t_be_made_fails_in_the_words_of_the_jvm() {
    let error = start("/nowhere/out.txt").await.err().expect("there is no such folder");
    assert_eq!(error.message(), "Couldn't find or create file '/nowhere/out.txt' for FileStreamSinkTask");
}

#[tokio::test]
async fn a_full_disk_is_worth_another_try() {
    let mut task = start("/dev/full").await.unwrap();
    let records = [record(SchemaAndValue::schemaless("x".into()))];
    for _ in 0..2 {
        let error = task.put(&records).await.unwrap_err();
        assert_eq!(error.kind(), connect_api::ErrorKind::Retriable);
    }
}
