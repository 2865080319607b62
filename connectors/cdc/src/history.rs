//! The schema history: a topic of DDL statements with what each did to the tables, from which a connector knows the
//! structure that the log had at any position.

use connect_api::{Bytes, Error, LogRecord, OffsetMap, Props, Result, Str, TopicLog, Value};
use serde_json::{Map, Value as Json};

use crate::envelope::Now;
use crate::table::TableChange;
use crate::table_json;

/// One statement of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRecord {
    /// The `topic.prefix` of the connector that wrote it: a topic may be shared.
    pub server: String,
    pub position: OffsetMap,
    pub database: String,
    pub ddl: String,
    pub changes: Vec<TableChange>,
}

/// The history of one connector in its topic.
pub struct SchemaHistory {
    log: Box<dyn TopicLog>,
    topic: String,
    server: String,
}

impl SchemaHistory {
    pub fn new(log: Box<dyn TopicLog>, topic: impl Into<String>, server: impl Into<String>) -> Self {
        Self { log, topic: topic.into(), server: server.into() }
    }

    /// Everything this connector recorded, oldest first; empty when there is no topic.
    pub async fn read(&mut self) -> Result<Vec<HistoryRecord>> {
        if !self.log.exists().await? {
            return Ok(Vec::new());
        }
        let mut records = Vec::new();
        for (at, record) in self.log.read().await?.iter().enumerate() {
            let Some(value) = &record.value else { continue };
            let parsed = parse(value).map_err(|problem| {
                Error::fatal(format!("can't read record {at} of the schema history topic {}: {problem}", self.topic))
            })?;
            records.extend(parsed.filter(|record| record.server == self.server));
        }
        Ok(records)
    }

    /// Creates the topic where it is missing: kept for ever, for without its oldest record the rest is of no use.
    pub async fn create(&mut self) -> Result<()> {
        let settings = [("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")];
        let settings: Props = settings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        match self.log.exists().await? {
            true => Ok(()),
            false => self.log.create(&settings).await,
        }
    }

    /// Appends statements and waits until they are stored, for a row may follow that needs them.
    pub async fn append(&mut self, records: &[HistoryRecord], now: Now) -> Result<()> {
        let record = |record: &HistoryRecord| LogRecord { key: None, value: Some(text(record, now).into()) };
        self.log.append(records.iter().map(record).collect()).await
    }
}

/// The record as the JSON document of Debezium's `HistoryRecord`.
fn text(record: &HistoryRecord, now: Now) -> Vec<u8> {
    let position = record.position.0.iter().map(|(key, value)| (key.to_string(), json(value))).collect();
    let mut document = Map::new();
    document.insert(
        "source".into(),
        Json::Object([("server".to_owned(), record.server.clone().into())].into_iter().collect()),
    );
    document.insert("position".into(), Json::Object(position));
    document.insert("ts_ms".into(), now.millis().into());
    document.insert("databaseName".into(), record.database.clone().into());
    document.insert("ddl".into(), record.ddl.clone().into());
    document.insert("tableChanges".into(), record.changes.iter().map(table_json::encode).collect());
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, JavaPretty { depth: 0 });
    serde::Serialize::serialize(&document, &mut serializer).expect("JSON values can always be written to memory");
    text
}

fn json(value: &Value) -> Json {
    match value {
        Value::Boolean(truth) => (*truth).into(),
        Value::String(text) => text.as_str().into(),
        Value::Float64(number) => (*number).into(),
        number => number.as_i64().map_or(Json::Null, Json::from),
    }
}

/// A stored JSON object as an offset.
pub fn offset_of(json: &Map<String, Json>) -> OffsetMap {
    let value = |json: &Json| match json {
        Json::Bool(truth) => Value::Boolean(*truth),
        Json::String(text) => text.as_str().into(),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int64(number),
            None => number.as_f64().map_or(Value::Null, Value::Float64),
        },
        Json::Null | Json::Array(_) | Json::Object(_) => Value::Null,
    };
    OffsetMap(json.iter().map(|(key, json)| (Str::from(key.as_str()), value(json))).collect())
}

fn parse(text: &Bytes) -> Result<Option<HistoryRecord>, String> {
    let Json::Object(document) = serde_json::from_slice(text).map_err(|error| error.to_string())? else {
        return Err("it is no JSON object".into());
    };
    let text = |key: &str| document.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let Some(Json::Object(position)) = document.get("position") else {
        return Ok(None);
    };
    let server = document.get("source").and_then(|source| source.get("server")).and_then(Json::as_str);
    let changes = match document.get("tableChanges") {
        Some(Json::Array(changes)) => changes.iter().map(table_json::decode).collect::<Result<_, _>>()?,
        _ => Vec::new(),
    };
    Ok(Some(HistoryRecord {
        server: server.unwrap_or_default().to_owned(),
        position: offset_of(position),
        database: text("databaseName"),
        ddl: text("ddl"),
        changes,
    }))
}

/// The layout of Java's JSON printer: two blanks per object, arrays on one line, `" : "` between name and value.
struct JavaPretty {
    depth: usize,
}

type Written = std::io::Result<()>;

impl JavaPretty {
    fn line<W: ?Sized + std::io::Write>(&self, writer: &mut W) -> Written {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b"  "))
    }
}

impl serde_json::ser::Formatter for JavaPretty {
    fn begin_array<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> Written {
        writer.write_all(b"[")
    }
    fn end_array<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> Written {
        writer.write_all(b" ]")
    }
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> Written {
        writer.write_all(if first { b" " } else { b", " })
    }
    fn begin_object<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> Written {
        self.depth += 1;
        writer.write_all(b"{")
    }
    fn end_object<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> Written {
        self.depth -= 1;
        self.line(writer)?;
        writer.write_all(b"}")
    }
    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> Written {
        if !first {
            writer.write_all(b",")?;
        }
        self.line(writer)
    }
    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> Written {
        writer.write_all(b" : ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::TableId;

    #[test]
    fn records_are_laid_out_as_the_jvm_does_and_read_back() {
        let record = HistoryRecord {
            server: "srv".into(),
            position: OffsetMap(vec![("file".into(), "binlog.000001".into()), ("pos".into(), Value::Int64(4))]),
            database: "app".into(),
            ddl: "DROP TABLE `t`".into(),
            changes: vec![TableChange::Drop { id: TableId::in_database("app", "t"), table: None }],
        };
        let now = Now::read();
        let text = Bytes::from(text(&record, now));
        let expected = format!(
            "{{\n  \"source\" : {{\n    \"server\" : \"srv\"\n  }},\n  \"position\" : {{\n    \"file\" : \"binlog.000001\",\n    \
             \"pos\" : 4\n  }},\n  \"ts_ms\" : {},\n  \"databaseName\" : \"app\",\n  \"ddl\" : \"DROP TABLE `t`\",\n  \
             \"tableChanges\" : [ {{\n    \"type\" : \"DROP\",\n    \"id\" : \"\\\"app\\\".\\\"t\\\"\"\n  }} ]\n}}",
            now.millis()
        );
        assert_eq!(String::from_utf8_lossy(&text), expected);
        assert_eq!(parse(&text), Ok(Some(record)));
        assert_eq!(parse(&Bytes::from_static(b"{}")), Ok(None));
        assert!(parse(&Bytes::from_static(b"[]")).is_err());
    }
}
