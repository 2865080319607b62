//! The offset topic: how far source connectors got.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, RwLock},
};

use async_trait::async_trait;
use connect_api::{OffsetMap, OffsetReader, Result, SourceOffset, Value};

use super::{
    json,
    log::{Entry, SharedLog},
};

/// A stored offset, with the bytes of the key it stands under.
#[derive(Clone, Debug, PartialEq)]
struct Stored {
    key: String,
    partition: OffsetMap,
    offset: OffsetMap,
}

/// Offsets by connector and canonical partition.
type Cache = HashMap<String, BTreeMap<String, Stored>>;

/// Takes in what the log reads. Given to its log before the store exists.
#[derive(Clone, Default)]
pub struct OffsetsReader(Arc<RwLock<Cache>>);

impl OffsetsReader {
    pub fn take(&self, entry: &Entry) {
        let Some(key) = entry.key.as_deref().and_then(|key| std::str::from_utf8(key).ok()) else { return };
        let Some((connector, partition)) = parse_key(key) else {
            return tracing::warn!(key, "offset key is no [connector, partition], ignored");
        };
        let mut cache = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let offsets = cache.entry(connector).or_default();
        let offset = entry.value.as_deref().and_then(|value| serde_json::from_slice(value).ok());
        match offset.as_ref().and_then(json::map_of) {
            Some(offset) => {
                let stored = Stored { key: key.to_owned(), partition, offset };
                offsets.insert(canonical(&stored.partition), stored);
            }
            None => drop(offsets.remove(&canonical(&partition))),
        }
    }
}

/// All offsets of the cluster as this worker has read them, and the way to store new ones.
#[derive(Clone)]
pub struct OffsetStore {
    cache: Arc<RwLock<Cache>>,
    log: SharedLog,
}

impl OffsetStore {
    pub fn new(reader: &OffsetsReader, log: SharedLog) -> Self {
        Self { cache: reader.0.clone(), log }
    }

    /// A connector's offsets as they are in the topic now.
    pub async fn list(&self, connector: &str) -> Result<Vec<(OffsetMap, OffsetMap)>> {
        self.log.read_to_end().await?;
        Ok(self.read(|cache| {
            let all = cache.get(connector).into_iter().flat_map(BTreeMap::values);
            all.map(|stored| (stored.partition.clone(), stored.offset.clone())).collect()
        }))
    }

    /// Stores offsets and waits until Kafka has them; `None` removes one.
    pub async fn write(&self, connector: &str, offsets: &[(&OffsetMap, Option<&OffsetMap>)]) -> Result<()> {
        let record = |(partition, offset): &(&OffsetMap, Option<&OffsetMap>)| {
            let value = offset.map(|offset| {
                let mut out = String::new();
                json::write_map(offset, &mut out);
                out.into_bytes()
            });
            (self.key(connector, partition), value)
        };
        self.log.append(offsets.iter().map(record).collect()).await
    }

    /// Stores the offsets of a task's records.
    pub async fn write_sources(&self, connector: &str, offsets: &[SourceOffset]) -> Result<()> {
        let pairs: Vec<(&OffsetMap, Option<&OffsetMap>)> =
            offsets.iter().map(|source| (&*source.partition, Some(&*source.offset))).collect();
        self.write(connector, &pairs).await
    }

    /// The key bytes of a partition: those it already has, else in the order the connector gave, which is the JVM's.
    fn key(&self, connector: &str, partition: &OffsetMap) -> String {
        let known =
            self.read(|cache| cache.get(connector)?.get(&canonical(partition)).map(|stored| stored.key.clone()));
        known.unwrap_or_else(|| new_key(connector, partition))
    }

    fn read<T>(&self, look: impl FnOnce(&Cache) -> T) -> T {
        look(&self.cache.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// One connector's view of the store.
pub struct ConnectorOffsets {
    pub connector: String,
    pub store: OffsetStore,
}

#[async_trait]
impl OffsetReader for ConnectorOffsets {
    async fn read(&self, partition: &OffsetMap) -> Result<Option<OffsetMap>> {
        self.store.log.read_to_end().await?;
        Ok(self
            .store
            .read(|cache| cache.get(&self.connector)?.get(&canonical(partition)).map(|stored| stored.offset.clone())))
    }
}

fn new_key(connector: &str, partition: &OffsetMap) -> String {
    let mut key = String::from("[");
    json::write_text(connector, &mut key);
    key.push(',');
    json::write_map(partition, &mut key);
    key.push(']');
    key
}

fn parse_key(key: &str) -> Option<(String, OffsetMap)> {
    let tree: serde_json::Value = serde_json::from_str(key).ok()?;
    let parts = tree.as_array().filter(|parts| parts.len() == 2)?;
    Some((parts[0].as_str()?.to_owned(), json::map_of(&parts[1])?))
}

/// The same text for partitions that are equal but for the order of their entries and the width of their numbers.
pub fn canonical(partition: &OffsetMap) -> String {
    let mut entries: Vec<_> = partition.0.iter().map(|(key, value)| (key.clone(), widened(value))).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out = String::new();
    json::write_map(&OffsetMap(entries), &mut out);
    out
}

fn widened(value: &Value) -> Value {
    match value {
        Value::Float32(n) => Value::Float64((*n).into()),
        other => other.as_i64().map_or_else(|| other.clone(), Value::Int64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn entry(key: &str, value: Option<&str>) -> Entry {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Entry { partition: 0, offset: 0, key: Some(bytes(key)), value: value.map(bytes) }
    }

    #[test]
    fn a_partition_is_found_whatever_its_order_and_number_types() {
        let reader = OffsetsReader::default();
        reader.take(&entry(r#"["c",{"topic":"t","partition":0}]"#, Some(r#"{"offset":7}"#)));
        let asked = OffsetMap(vec![("partition".into(), Value::Int32(0)), ("topic".into(), "t".into())]);
        let cache = reader.0.read().unwrap();
        let stored = &cache["c"][&canonical(&asked)];
        assert_eq!(stored.key, r#"["c",{"topic":"t","partition":0}]"#);
        assert_eq!(stored.offset, OffsetMap(vec![("offset".into(), Value::Int64(7))]));
    }

    #[test]
    fn a_new_key_has_the_bytes_of_the_jvm() {
        let partition = OffsetMap(vec![("server".into(), "s1/é".into())]);
        assert_eq!(new_key("c", &partition), r#"["c",{"server":"s1/é"}]"#);
    }

    #[test]
    fn a_tombstone_forgets() {
        let reader = OffsetsReader::default();
        reader.take(&entry(r#"["c",{"a":1}]"#, Some(r#"{"o":7}"#)));
        reader.take(&entry(r#"["c",{"a":1}]"#, None));
        assert!(reader.0.read().unwrap()["c"].is_empty());
    }
}
