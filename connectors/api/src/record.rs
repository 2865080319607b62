//! Records: one change on its way to or from a topic.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use crate::{SchemaAndValue, Str, Value};

/// What transforms and converters see: one change on its way to or from a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub topic: Str,
    /// The partition to produce to, or consumed from; `None` lets the partitioner choose by key.
    pub partition: Option<i32>,
    pub key: SchemaAndValue,
    pub value: SchemaAndValue,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    pub headers: Headers,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    pub key: Str,
    pub value: SchemaAndValue,
}

/// Headers in their order; names may repeat. Records with the same ones share them until one of them changes its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headers(Option<Arc<Vec<Header>>>);

impl Headers {
    /// Whether both are one list in memory: what was made of the one holds for the other.
    pub fn shares(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Deref for Headers {
    type Target = Vec<Header>;
    fn deref(&self) -> &Vec<Header> {
        static NONE: Vec<Header> = Vec::new();
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Headers {
    fn deref_mut(&mut self) -> &mut Vec<Header> {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl From<Vec<Header>> for Headers {
    fn from(list: Vec<Header>) -> Self {
        Self((!list.is_empty()).then(|| Arc::new(list)))
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        Vec::from_iter(headers).into()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The keys and values that name a place in a source system; JSON primitives only.
///
/// Two maps are equal when they hold the same entries in any order, as the JVM's maps are.
#[derive(Clone, Debug, Default)]
pub struct OffsetMap(pub Vec<(Str, Value)>);

impl OffsetMap {
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl PartialEq for OffsetMap {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

/// Where a source record came from. Records of one transaction share both maps.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceOffset {
    pub partition: Arc<OffsetMap>,
    pub offset: Arc<OffsetMap>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SourceRecord {
    pub record: Record,
    pub source: SourceOffset,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: Str,
    pub partition: i32,
}

/// Positions by topic partition: the offset of the next record to read, as Kafka stores it.
pub type Offsets = BTreeMap<TopicPartition, i64>;

/// A record and where the worker consumed it, before any transform changed its topic.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkRecord {
    pub record: Record,
    pub origin: TopicPartition,
    pub offset: i64,
    pub timestamp_type: TimestampType,
}

/// Who set a record's timestamp (`TimestampType` of the Kafka protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    NoTimestampType,
    CreateTime,
    LogAppendTime,
}

/// Where a record came from, for transforms that write it into the record; they can't change it.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    Source(&'a SourceOffset),
    Sink { origin: &'a TopicPartition, offset: i64, timestamp_type: TimestampType },
}
