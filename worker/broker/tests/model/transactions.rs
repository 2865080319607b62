//! Transactions, request by request: in order and out of it, by who may and by who may not any more.

use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, DescribeTransactionsRequest, EndTxnRequest, GroupId,
    InitProducerIdRequest, ListTransactionsRequest, ProducerId, TransactionalId, TxnOffsetCommitRequest,
    add_partitions_to_txn_request::AddPartitionsToTxnTopic,
    txn_offset_commit_request::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
};

use super::{
    Model,
    batch::{Batch, Codec, Damage},
    commits,
    groups::Claim,
    pair::{Side, text, topic_name},
    records::{self, By},
};

/// What the model knows of a transactional id.
pub(super) struct Known {
    pub(super) id: String,
    /// The numbers of its producers, the one in force last.
    producers: Vec<usize>,
    /// Partitions in the open transaction.
    partitions: Vec<(String, i32)>,
    /// Groups whose offsets are in it.
    groups: Vec<String>,
}

impl Known {
    pub(super) fn new(id: String) -> Self {
        Self { id, producers: vec![], partitions: vec![], groups: vec![] }
    }
}

fn transactional(id: &str) -> TransactionalId {
    TransactionalId(text(id))
}

/// Registers a producer and gives its number.
pub(super) fn register(model: &mut Model, id: Option<&str>, claim: Option<(usize, i16)>) -> Option<usize> {
    let version = model.pair.version::<InitProducerIdRequest>(if claim.is_some() { 3 } else { 0 });
    let timeout =
        if id.is_some() && model.pair.random.once_in(8) { model.pair.random.pick(&[0, -1, i32::MAX]) } else { 600_000 };
    let make = |side: &Side| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(id.map(transactional))
            .with_transaction_timeout_ms(timeout)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        match claim {
            None => request,
            Some((number, ahead)) => {
                let (id, epoch) = side.producer(number);
                request.with_producer_id(id).with_producer_epoch(epoch.wrapping_add(ahead))
            }
        }
    };
    let (here, there) = model.pair.ask(version, make, |_| ());
    if here.error_code != 0 || there.error_code != 0 {
        return None;
    }
    let number = model.pair.ours.producers.len();
    model.pair.ours.producers.push((here.producer_id.0, here.producer_epoch));
    model.pair.kafka.producers.push((there.producer_id.0, there.producer_epoch));
    Some(number)
}

fn begin(model: &mut Model, at: usize) {
    let id = model.transactional[at].id.clone();
    let known = model.transactional[at].producers.clone();
    let claim = match known.last() {
        Some(last) if model.pair.random.once_in(3) => {
            let number = if model.pair.random.once_in(3) { model.pair.random.pick(&known) } else { *last };
            Some((number, if model.pair.random.once_in(6) { 1 } else { 0 }))
        }
        _ => None,
    };
    if model.pair.random.once_in(20) {
        register(model, Some(""), None);
    }
    if let Some(number) = register(model, Some(&id), claim) {
        model.transactional[at].producers.push(number);
        model.transactional[at].partitions.clear();
        model.transactional[at].groups.clear();
    }
    describe_one(model, &id);
}

/// The producer in force, or with something wrong: an old one, another's, or another epoch. And the id it goes by.
fn somebody(model: &mut Model, at: usize) -> Option<(String, usize, i16)> {
    let id = model.transactional[at].id.clone();
    let last = *model.transactional[at].producers.last()?;
    Some(match model.pair.random.below(14) {
        0 => (id, model.pair.random.pick(&model.transactional[at].producers.clone()), 0),
        1 => (id, last, 1),
        2 => (id, last, -1),
        3 => (format!("{}-no-id", model.pair.run), last, 0),
        4 => (id, model.pair.random.below(model.pair.ours.producers.len()), 0),
        _ => (id, last, 0),
    })
}

fn add(model: &mut Model, at: usize) {
    let Some((id, number, ahead)) = somebody(model, at) else { return begin(model, at) };
    let mut places = Vec::new();
    for _ in 0..model.pair.random.pick(&[1, 1, 2]) {
        let topic = if model.pair.random.once_in(12) { model.any_name() } else { model.any_topic() };
        let partition = records::partition_of(model, &topic);
        places.push((topic, partition));
    }
    places.dedup_by(|one, other| one.0 == other.0);
    let version = model.pair.version::<AddPartitionsToTxnRequest>(0);
    let make = |side: &Side| {
        let (producer, epoch) = side.producer(number);
        let topic = |(name, partition): &(String, i32)| {
            AddPartitionsToTxnTopic::default().with_name(topic_name(name)).with_partitions(vec![*partition])
        };
        AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(transactional(&id))
            .with_v3_and_below_producer_id(producer)
            .with_v3_and_below_producer_epoch(epoch.wrapping_add(ahead))
            .with_v3_and_below_topics(places.iter().map(topic).collect())
    };
    let (here, _) = model.pair.ask(version, make, |answer| {
        answer.results_by_topic_v3_and_below.sort_by(|one, other| one.name.cmp(&other.name));
    });
    let topics = &here.results_by_topic_v3_and_below;
    let all = topics.iter().flat_map(|topic| &topic.results_by_partition);
    if all.map(|partition| partition.partition_error_code).all(|code| code == 0) {
        model.transactional[at].partitions.extend(places);
    }
}

fn produce(model: &mut Model, at: usize) {
    let Some((id, producer, epoch_ahead)) = somebody(model, at) else { return begin(model, at) };
    let open = model.transactional[at].partitions.clone();
    let (topic, partition) = if open.is_empty() || model.pair.random.once_in(8) {
        let topic = model.any_topic();
        let partition = records::partition_of(model, &topic);
        (topic, partition)
    } else {
        model.pair.random.pick(&open)
    };
    let records = records::records(model);
    let place = (producer, topic.clone(), partition);
    let sequence = model.sequences.get(&place).copied().unwrap_or(0);
    let count = i32::try_from(records.len()).unwrap();
    let transactional = !model.pair.random.once_in(12);
    let batch = Batch { records, codec: Codec::None, sequence, transactional, damage: Damage::None };
    let transactional_id = (!model.pair.random.once_in(20)).then_some(id);
    let by = By { producer: Some(producer), epoch_ahead, transactional_id };
    if records::send(model, &topic, partition, &batch, &by) && epoch_ahead == 0 {
        model.sequences.insert(place, sequence + count);
    }
}

fn add_offsets(model: &mut Model, at: usize) {
    let Some((id, number, ahead)) = somebody(model, at) else { return begin(model, at) };
    let group = model.any_group();
    let version = model.pair.version::<AddOffsetsToTxnRequest>(0);
    let make = |side: &Side| {
        let (producer, epoch) = side.producer(number);
        AddOffsetsToTxnRequest::default()
            .with_transactional_id(transactional(&id))
            .with_producer_id(producer)
            .with_producer_epoch(epoch.wrapping_add(ahead))
            .with_group_id(GroupId(text(&group)))
    };
    let (here, _) = model.pair.ask(version, make, |_| ());
    if here.error_code == 0 {
        model.transactional[at].groups.push(group);
    }
    if !model.pair.random.once_in(3) {
        commit_offsets(model, at);
    }
}

fn commit_offsets(model: &mut Model, at: usize) {
    let Some((id, number, ahead)) = somebody(model, at) else { return begin(model, at) };
    let claim = Claim::random(model);
    let groups = &model.transactional[at].groups;
    // Groups share the one partition of our offsets topic: what one has added counts for all.
    if !groups.is_empty() && !groups.contains(&claim.group) {
        return;
    }
    let wanted = commits::wanted(model);
    let version = model.pair.version::<TxnOffsetCommitRequest>(3);
    let make = |side: &Side| {
        let (producer, epoch) = side.producer(number);
        let topic = |(topic, partition, offset, epoch, metadata): &commits::Wanted| {
            let one = TxnOffsetCommitRequestPartition::default()
                .with_partition_index(*partition)
                .with_committed_offset(*offset)
                .with_committed_leader_epoch(*epoch)
                .with_committed_metadata(metadata.as_deref().map(text));
            TxnOffsetCommitRequestTopic::default().with_name(topic_name(topic)).with_partitions(vec![one])
        };
        TxnOffsetCommitRequest::default()
            .with_transactional_id(transactional(&id))
            .with_group_id(GroupId(text(&claim.group)))
            .with_producer_id(producer)
            .with_producer_epoch(epoch.wrapping_add(ahead))
            .with_generation_id(claim.generation)
            .with_member_id(claim.member(side))
            .with_group_instance_id(claim.instance.as_deref().map(text))
            .with_topics(wanted.iter().map(topic).collect())
    };
    model.pair.ask(version, make, |answer| {
        // Kafka puts the topics together in an order of its own.
        let mut all = Vec::new();
        for topic in &answer.topics {
            all.extend(topic.partitions.iter().map(|one| topic.clone().with_partitions(vec![one.clone()])));
        }
        all.sort_by_key(|topic| (topic.name.clone(), topic.partitions[0].partition_index));
        answer.topics = all;
    });
}

fn end(model: &mut Model, at: usize) {
    let Some((id, number, ahead)) = somebody(model, at) else { return begin(model, at) };
    let commits = model.pair.random.once_in(2);
    let version = model.pair.version::<EndTxnRequest>(0);
    let make = |side: &Side| {
        let (producer, epoch) = side.producer(number);
        EndTxnRequest::default()
            .with_transactional_id(transactional(&id))
            .with_producer_id(producer)
            .with_producer_epoch(epoch.wrapping_add(ahead))
            .with_committed(commits)
    };
    let (here, _) = model.pair.ask(version, make, |_| ());
    if here.error_code == 0 {
        model.transactional[at].partitions.clear();
        model.transactional[at].groups.clear();
    }
    // Kafka answers when the outcome is decided; the markers come later.
    describe_one(model, &id);
}

pub(super) fn go_on(model: &mut Model) {
    let at = model.pair.random.below(model.transactional.len());
    match model.pair.random.below(10) {
        0 => begin(model, at),
        1..=3 => add(model, at),
        4..=5 => produce(model, at),
        6 => add_offsets(model, at),
        7 => commit_offsets(model, at),
        _ => end(model, at),
    }
}

fn describe_one(model: &mut Model, id: &str) {
    let make = |_: &Side| DescribeTransactionsRequest::default().with_transactional_ids(vec![transactional(id)]);
    model.pair.look(0, make, |answer| {
        for transaction in &mut answer.transaction_states {
            if transaction.error_code != 0 {
                // The default of the field, which would be taken for the first producer.
                transaction.producer_id = ProducerId(-1);
            }
            // Which partition of the offsets topic a group is in depends on how many there are.
            for topic in &mut transaction.topics {
                if topic.topic.as_str() == "__consumer_offsets" {
                    topic.partitions.clear();
                }
                topic.partitions.sort_unstable();
            }
            transaction.topics.sort_by(|one, other| one.topic.cmp(&other.topic));
        }
    });
}

pub(super) fn describe(model: &mut Model) {
    for at in 0..model.transactional.len() {
        let id = model.transactional[at].id.clone();
        describe_one(model, &id);
    }
    let nobodys = format!("{}-no-id", model.pair.run);
    describe_one(model, &nobodys);
}

pub(super) fn list(model: &mut Model) {
    let states = model.pair.random.pick(&[&[] as &[&str], &["Ongoing"], &["Empty", "CompleteCommit"], &["Odd"]]);
    let version = model.pair.version::<ListTransactionsRequest>(0);
    let duration = if version >= 1 { model.pair.random.pick(&[-1, -1, 0, 3_600_000]) } else { -1 };
    let run = model.pair.run.clone();
    let make = |_: &Side| {
        let request = ListTransactionsRequest::default().with_duration_filter(duration);
        request.with_state_filters(states.iter().map(|state| text(state)).collect())
    };
    model.pair.look(version, make, |answer| {
        answer.transaction_states.retain(|transaction| transaction.transactional_id.starts_with(&run));
        answer.transaction_states.sort_by(|one, other| one.transactional_id.cmp(&other.transactional_id));
    });
}
