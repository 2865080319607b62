//! Committed offsets: by members, by nobody in particular, asked for and taken back.

use kafka_protocol::messages::{
    GroupId, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
};

use super::{
    Model,
    groups::Claim,
    pair::{Side, text, topic_name},
    records,
};

/// One offset and what goes with it: the topic, the partition, the offset, the epoch, the metadata.
pub(super) type Wanted = (String, i32, i64, i32, Option<String>);

pub(super) fn wanted(model: &mut Model) -> Vec<Wanted> {
    (0..model.pair.random.pick(&[1, 1, 2]))
        .map(|_| {
            let topic = if model.pair.random.once_in(6) { model.any_name() } else { model.any_topic() };
            let partition = records::partition_of(model, &topic);
            let random = &mut model.pair.random;
            let text = random.pick(&[None, Some(String::new()), Some("note".to_owned()), Some("x".repeat(4096))]);
            (topic, partition, random.pick(&[0, 1, 7, 100, -1]), random.pick(&[-1, -1, 0, 3]), text)
        })
        .collect()
}

pub(super) fn commit(model: &mut Model) {
    let claim = Claim::random(model);
    let wanted = wanted(model);
    let version = model.pair.version::<OffsetCommitRequest>(if claim.instance.is_some() { 7 } else { 2 });
    let make = |side: &Side| {
        let topic = |(topic, partition, offset, epoch, metadata): &Wanted| {
            let one = OffsetCommitRequestPartition::default()
                .with_partition_index(*partition)
                .with_committed_offset(*offset)
                .with_committed_leader_epoch(if version >= 6 { *epoch } else { -1 })
                .with_committed_metadata(metadata.as_deref().map(text));
            OffsetCommitRequestTopic::default().with_name(topic_name(topic)).with_partitions(vec![one])
        };
        OffsetCommitRequest::default()
            .with_group_id(GroupId(text(&claim.group)))
            .with_generation_id_or_member_epoch(claim.generation)
            .with_member_id(claim.member(side))
            .with_group_instance_id(claim.instance.as_deref().map(text))
            .with_topics(wanted.iter().map(topic).collect())
    };
    model.pair.ask(version, make, super::commits::tidy_committed);
}

fn tidy_committed(answer: &mut kafka_protocol::messages::OffsetCommitResponse) {
    // Kafka puts the topics together in an order of its own.
    let mut all = Vec::new();
    for topic in &answer.topics {
        for partition in &topic.partitions {
            all.push((topic.name.clone(), partition.clone()));
        }
    }
    all.sort_by(|one, other| (&one.0, one.1.partition_index).cmp(&(&other.0, other.1.partition_index)));
    answer.topics = all
        .into_iter()
        .map(|(name, partition)| {
            kafka_protocol::messages::offset_commit_response::OffsetCommitResponseTopic::default()
                .with_name(name)
                .with_partitions(vec![partition])
        })
        .collect();
}

pub(super) fn fetch(model: &mut Model) {
    let mut group = model.any_group();
    if model.pair.random.once_in(6) {
        group = format!("{}-nobodys", model.pair.run);
    }
    let version = model.pair.version::<OffsetFetchRequest>(1);
    let all = version >= 2 && model.pair.random.once_in(3);
    let names = [model.any_topic(), model.any_name()];
    let partitions = vec![0, 1, 2, 99];
    let stable = version >= 7 && model.pair.random.once_in(2);
    let make = |_: &Side| {
        let request = OffsetFetchRequest::default().with_require_stable(stable);
        let id = GroupId(text(&group));
        if version >= 8 {
            let topic = |name: &String| {
                let topic = OffsetFetchRequestTopics::default().with_name(topic_name(name));
                topic.with_partition_indexes(partitions.clone())
            };
            let topics = (!all).then(|| names.iter().map(topic).collect());
            return request.with_groups(vec![OffsetFetchRequestGroup::default().with_group_id(id).with_topics(topics)]);
        }
        let topic = |name: &String| {
            let topic = OffsetFetchRequestTopic::default().with_name(topic_name(name));
            topic.with_partition_indexes(partitions.clone())
        };
        request.with_group_id(id).with_topics((!all).then(|| names.iter().map(topic).collect()))
    };
    model.pair.look(version, make, |answer| {
        for topic in &mut answer.topics {
            topic.partitions.sort_by_key(|partition| partition.partition_index);
        }
        answer.topics.sort_by(|one, other| one.name.cmp(&other.name));
        for group in &mut answer.groups {
            for topic in &mut group.topics {
                topic.partitions.sort_by_key(|partition| partition.partition_index);
            }
            group.topics.sort_by(|one, other| one.name.cmp(&other.name));
        }
    });
}

pub(super) fn delete(model: &mut Model) {
    let mut group = model.any_group();
    if model.pair.random.once_in(6) {
        group = format!("{}-nobodys", model.pair.run);
    }
    let topic = if model.pair.random.once_in(4) { model.any_name() } else { model.any_topic() };
    let partition = records::partition_of(model, &topic);
    let make = |_: &Side| {
        let one = OffsetDeleteRequestPartition::default().with_partition_index(partition);
        let topic = OffsetDeleteRequestTopic::default().with_name(topic_name(&topic)).with_partitions(vec![one]);
        OffsetDeleteRequest::default().with_group_id(GroupId(text(&group))).with_topics(vec![topic])
    };
    model.pair.ask(0, make, |_| ());
}
