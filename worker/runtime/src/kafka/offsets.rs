//! Offsets of consumer groups: listing and changing those of a stopped sink.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use connect_api::{Error, Offsets, Props, Result, Str, TopicPartition};
use kafka_protocol::{
    messages::{
        FindCoordinatorRequest, GroupId, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, TopicName,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    },
    protocol::StrBytes,
};

use super::connection::Connection;

const WAIT: Duration = Duration::from_secs(15);
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// A connection to a group's coordinator.
pub struct GroupOffsets {
    group: GroupId,
    coordinator: Connection,
}

impl GroupOffsets {
    pub async fn open(group: &str, java: &Props) -> Result<Self> {
        let group = GroupId(StrBytes::from_string(group.to_owned()));
        // A connection for one request of a user is no part of the worker's own figures.
        let unwatched = Arc::default();
        let mut last = 0;
        for _ in 0..ATTEMPTS {
            let mut any = Connection::bootstrap(java, &unwatched).await?;
            let request = FindCoordinatorRequest::default().with_key(group.0.clone()).with_key_type(0);
            let answer = any.request(1, &request, WAIT).await?;
            if answer.error_code == 0 {
                let address = format!("{}:{}", answer.host.as_str(), answer.port);
                return Ok(Self { group, coordinator: Connection::open(&address, java, &unwatched).await? });
            }
            last = answer.error_code;
            tokio::time::sleep(PAUSE).await;
        }
        Err(failed("find the coordinator", &group, last))
    }

    /// All offsets the group has committed.
    pub async fn list(&mut self) -> Result<Offsets> {
        let request = OffsetFetchRequest::default().with_group_id(self.group.clone()).with_topics(None);
        let answer = self.coordinator.request(5, &request, WAIT).await?;
        if answer.error_code != 0 {
            return Err(failed("read the offsets", &self.group, answer.error_code));
        }
        let mut offsets = Offsets::new();
        for topic in answer.topics {
            for partition in topic.partitions {
                if partition.error_code == 0 && partition.committed_offset >= 0 {
                    let topic = Str::from(topic.name.0.as_str());
                    offsets.insert(
                        TopicPartition { topic, partition: partition.partition_index },
                        partition.committed_offset,
                    );
                }
            }
        }
        Ok(offsets)
    }

    /// Sets offsets of a group without members.
    pub async fn commit(&mut self, offsets: &Offsets) -> Result<()> {
        let mut topics: BTreeMap<&str, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
        for (at, offset) in offsets {
            let partition = OffsetCommitRequestPartition::default()
                .with_partition_index(at.partition)
                .with_committed_offset(*offset)
                .with_committed_metadata(Some(StrBytes::default()));
            topics.entry(&at.topic).or_default().push(partition);
        }
        let topics = topics
            .into_iter()
            .map(|(name, partitions)| {
                OffsetCommitRequestTopic::default().with_name(topic_name(name)).with_partitions(partitions)
            })
            .collect();
        let request = OffsetCommitRequest::default()
            .with_group_id(self.group.clone())
            .with_generation_id_or_member_epoch(-1)
            .with_topics(topics);
        let answer = self.coordinator.request(7, &request, WAIT).await?;
        let codes = answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code);
        self.check("change the offsets", codes)
    }

    /// Forgets offsets of a group without members.
    pub async fn delete<'a>(&mut self, partitions: impl Iterator<Item = &'a TopicPartition>) -> Result<()> {
        let mut topics: BTreeMap<&str, Vec<OffsetDeleteRequestPartition>> = BTreeMap::new();
        for at in partitions {
            let partition = OffsetDeleteRequestPartition::default().with_partition_index(at.partition);
            topics.entry(&at.topic).or_default().push(partition);
        }
        let topics = topics
            .into_iter()
            .map(|(name, partitions)| {
                OffsetDeleteRequestTopic::default().with_name(topic_name(name)).with_partitions(partitions)
            })
            .collect();
        let request = OffsetDeleteRequest::default().with_group_id(self.group.clone()).with_topics(topics);
        let answer = self.coordinator.request(0, &request, WAIT).await?;
        let codes = answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code);
        self.check("delete the offsets", std::iter::once(answer.error_code).chain(codes))
    }

    fn check(&self, what: &str, mut codes: impl Iterator<Item = i16>) -> Result<()> {
        // GROUP_ID_NOT_FOUND: there was nothing to forget.
        codes.find(|code| !matches!(code, 0 | 69)).map_or(Ok(()), |code| Err(failed(what, &self.group, code)))
    }
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

fn failed(what: &str, group: &GroupId, code: i16) -> Error {
    let reason = kafka_protocol::ResponseError::try_from_code(code).map_or_else(|| code.to_string(), |e| e.to_string());
    Error::fatal(format!("could not {what} of consumer group {}: {reason}", group.0.as_str()))
}
