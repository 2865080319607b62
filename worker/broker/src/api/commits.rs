//! Committed offsets: taking them, giving them, taking them back.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse, OffsetFetchRequest,
        OffsetFetchResponse, TopicName, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
        offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
        txn_offset_commit_response::{TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic},
    },
    protocol::StrBytes,
};

use super::{text, topic_name};
use crate::{
    core::Core,
    fields::{FieldError, Reader},
    group::{Committed, OffsetCommitter, offsets::GroupOffsets, state::Group},
    now_ms,
    refusal::Refusal,
    state_log::InTransaction,
    topics::names::OFFSETS_TOPIC,
    transaction::{Producer, Writing},
};

/// One offset of a request, and what speaks against it before the group is asked.
struct Wanted {
    topic: TopicName,
    partition: i32,
    committed: Result<Committed, ResponseError>,
}

fn wanted(
    core: &Core,
    topic: &TopicName,
    partition: i32,
    (offset, epoch): (i64, i32),
    metadata: Option<&StrBytes>,
) -> Wanted {
    let metadata = metadata.map(|metadata| metadata.to_string()).unwrap_or_default();
    let committed = if core.topics.partition(topic, partition).is_err() {
        Err(ResponseError::UnknownTopicOrPartition)
    } else if metadata.len() > core.config.limits.offset_metadata_bytes {
        Err(ResponseError::OffsetMetadataTooLarge)
    } else {
        Ok(Committed { offset, leader_epoch: epoch, metadata, timestamp: now_ms() })
    };
    Wanted { topic: topic.clone(), partition, committed }
}

/// Commits what can be, all or nothing, and gives an error code for each partition.
fn commit_all(
    offsets: Vec<Wanted>,
    commit: impl FnOnce(Vec<(String, i32, Committed)>) -> Result<(), Refusal>,
) -> Vec<(TopicName, i32, i16)> {
    let good = |one: &Wanted| {
        let committed = one.committed.as_ref().ok()?.clone();
        Some((one.topic.to_string(), one.partition, committed))
    };
    let done = commit(offsets.iter().filter_map(good).collect());
    if let Err(refusal) = &done {
        tracing::debug!(error = %refusal, "refused to commit offsets");
    }
    let outcome = |one: Wanted| {
        let code = match (&one.committed, &done) {
            // Who commits is looked at before what is committed; whether a topic is there comes first of all.
            (Err(ResponseError::OffsetMetadataTooLarge), Err(refusal)) => refusal.code(),
            (Err(error), _) => error.code(),
            (Ok(_), Err(refusal)) => refusal.code(),
            (Ok(_), Ok(())) => 0,
        };
        (one.topic, one.partition, code)
    };
    offsets.into_iter().map(outcome).collect()
}

/// Puts the partitions of one topic together again.
fn by_topic<P>(outcomes: Vec<(TopicName, i32, i16)>, partition: impl Fn(i32, i16) -> P) -> Vec<(TopicName, Vec<P>)> {
    let mut topics: Vec<(TopicName, Vec<P>)> = Vec::new();
    for (topic, index, code) in outcomes {
        match topics.last_mut() {
            Some((last, partitions)) if *last == topic => partitions.push(partition(index, code)),
            _ => topics.push((topic, vec![partition(index, code)])),
        }
    }
    topics
}

pub(super) fn commit(core: &Core, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let by = OffsetCommitter {
        group_id: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.as_ref().map(|id| id.to_string()),
        generation: request.generation_id_or_member_epoch,
        transaction: None,
    };
    let mut offsets = Vec::new();
    for topic in &request.topics {
        offsets.extend(topic.partitions.iter().map(|one| {
            let position = (one.committed_offset, one.committed_leader_epoch);
            wanted(core, &topic.name, one.partition_index, position, one.committed_metadata.as_ref())
        }));
    }
    let outcomes = commit_all(offsets, |offsets| core.groups.commit(&by, offsets));
    let partition =
        |index, code| OffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(code);
    let topics = by_topic(outcomes, partition)
        .into_iter()
        .map(|(name, partitions)| OffsetCommitResponseTopic::default().with_name(name).with_partitions(partitions));
    OffsetCommitResponse::default().with_topics(topics.collect())
}

pub(super) fn commit_in_transaction(core: &Core, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    let producer = Producer { id: request.producer_id.0, epoch: request.producer_epoch };
    let by = OffsetCommitter {
        group_id: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.as_ref().map(|id| id.to_string()),
        generation: request.generation_id,
        transaction: Some(InTransaction { producer_id: producer.id, epoch: producer.epoch }),
    };
    let mut offsets = Vec::new();
    for topic in &request.topics {
        offsets.extend(topic.partitions.iter().map(|one| {
            let position = (one.committed_offset, one.committed_leader_epoch);
            wanted(core, &topic.name, one.partition_index, position, one.committed_metadata.as_ref())
        }));
    }
    let writing = Writing { transactional_id: &request.transactional_id, producer };
    let place = (OFFSETS_TOPIC.to_owned(), 0);
    let outcomes = commit_all(offsets, |offsets| {
        if by.group_id.is_empty() {
            return Err(ResponseError::InvalidGroupId.into());
        }
        core.transactions.write(writing, &place, || core.groups.commit(&by, offsets))
    });
    let partition =
        |index, code| TxnOffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(code);
    let topics = by_topic(outcomes, partition)
        .into_iter()
        .map(|(name, partitions)| TxnOffsetCommitResponseTopic::default().with_name(name).with_partitions(partitions));
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}

/// What is known about one partition of a group.
struct Known {
    partition: i32,
    offset: i64,
    leader_epoch: i32,
    metadata: String,
    error: i16,
}

/// The topics that are asked for; `None` asks for all that have offsets.
type Asked = Option<Vec<(TopicName, Vec<i32>)>>;

fn known(core: &Core, group_id: &str, asked: Asked, stable_only: bool) -> Vec<(TopicName, Vec<Known>)> {
    let look = |offsets: &GroupOffsets, asked: Asked| {
        let asked = asked.unwrap_or_else(|| {
            let all = offsets.committed().iter();
            all.map(|(topic, partitions)| (topic_name(topic), partitions.keys().copied().collect())).collect()
        });
        let one = |topic: &TopicName, partition| {
            let committed = offsets.of(topic, partition);
            let unstable = stable_only && offsets.unstable(topic, partition);
            let committed = committed.filter(|_| !unstable);
            Known {
                partition,
                offset: committed.map_or(-1, |committed| committed.offset),
                leader_epoch: committed.map_or(-1, |committed| committed.leader_epoch),
                metadata: committed.map(|committed| committed.metadata.clone()).unwrap_or_default(),
                error: if unstable { ResponseError::UnstableOffsetCommit.code() } else { 0 },
            }
        };
        asked
            .into_iter()
            .map(|(topic, partitions)| {
                let found = partitions.into_iter().map(|partition| one(&topic, partition)).collect();
                (topic, found)
            })
            .collect()
    };
    let found = core.groups.with(group_id, |_, offsets| look(offsets, asked.clone()));
    found.unwrap_or_else(|| look(&GroupOffsets::default(), asked))
}

pub(super) fn fetch(core: &Core, request: OffsetFetchRequest, version: i16) -> OffsetFetchResponse {
    let stable_only = request.require_stable;
    if version >= 8 {
        let group = |group: kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup| {
            let asked = group
                .topics
                .map(|topics| topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect());
            let topics = known(core, &group.group_id, asked, stable_only).into_iter().map(|(name, found)| {
                OffsetFetchResponseTopics::default()
                    .with_name(name)
                    .with_partitions(found.into_iter().map(batched_partition).collect())
            });
            OffsetFetchResponseGroup::default().with_group_id(group.group_id.clone()).with_topics(topics.collect())
        };
        return OffsetFetchResponse::default().with_groups(request.groups.into_iter().map(group).collect());
    }
    let asked =
        request.topics.map(|topics| topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect());
    let topics = known(core, &request.group_id, asked, stable_only).into_iter().map(|(name, found)| {
        OffsetFetchResponseTopic::default()
            .with_name(name)
            .with_partitions(found.into_iter().map(|known| single_partition(known, version)).collect())
    });
    OffsetFetchResponse::default().with_topics(topics.collect())
}

fn batched_partition(known: Known) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(known.partition)
        .with_committed_offset(known.offset)
        .with_committed_leader_epoch(known.leader_epoch)
        .with_metadata(Some(StrBytes::from_string(known.metadata)))
        .with_error_code(known.error)
}

fn single_partition(known: Known, version: i16) -> OffsetFetchResponsePartition {
    OffsetFetchResponsePartition::default()
        .with_partition_index(known.partition)
        .with_committed_offset(known.offset)
        .with_committed_leader_epoch(if version >= 5 { known.leader_epoch } else { -1 })
        .with_metadata(Some(StrBytes::from_string(known.metadata)))
        .with_error_code(known.error)
}

pub(super) fn delete(core: &Core, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let mut offsets = Vec::new();
    for topic in &request.topics {
        offsets.extend(topic.partitions.iter().map(|one| (topic.name.to_string(), one.partition_index)));
    }
    let deleted = match core.groups.delete_offsets(&request.group_id, &offsets, subscribed) {
        Ok(deleted) => deleted,
        Err(refusal) => return OffsetDeleteResponse::default().with_error_code(refusal.code()),
    };
    let outcomes = offsets
        .iter()
        .zip(deleted)
        .map(|((topic, partition), deleted)| {
            let there = core.topics.partition(topic, *partition).is_ok();
            let code = if there { super::code(&deleted) } else { ResponseError::UnknownTopicOrPartition.code() };
            (TopicName(text(topic)), *partition, code)
        })
        .collect();
    let partition =
        |index, code| OffsetDeleteResponsePartition::default().with_partition_index(index).with_error_code(code);
    let topics = by_topic(outcomes, partition)
        .into_iter()
        .map(|(name, partitions)| OffsetDeleteResponseTopic::default().with_name(name).with_partitions(partitions));
    OffsetDeleteResponse::default().with_topics(topics.collect())
}

/// Whether a member of a consumer group has asked for the topic.
fn subscribed(group: &Group, topic: &str) -> bool {
    let protocol = group.protocol().unwrap_or_default();
    let topics_of = |metadata| -> Result<Vec<String>, FieldError> {
        let mut reader = Reader(metadata);
        reader.short()?;
        Ok(reader.array(Reader::text)?.unwrap_or_default())
    };
    let wants = |topics: Vec<String>| topics.iter().any(|wanted| wanted == topic);
    // Metadata that can't be read may ask for anything.
    group.members().values().any(|member| topics_of(member.metadata(protocol)).map_or(true, wants))
}
