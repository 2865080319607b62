//! Records: producing, fetching, where they are, and deleting them.

use kafka_protocol::messages::{
    DeleteRecordsRequest, DescribeProducersRequest, FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest,
    ProduceRequest, ProducerId, TransactionalId,
    delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
    describe_producers_request::TopicRequest,
    fetch_request::{FetchPartition, FetchTopic},
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
    produce_request::{PartitionProduceData, TopicProduceData},
};

use super::{
    Model,
    batch::{self, Batch, Codec, Damage, Record},
    pair::{Side, text, topic_name},
};

/// Who produces.
#[derive(Clone, Debug)]
pub(super) struct By {
    /// The number of the producer; none for one without an id.
    pub(super) producer: Option<usize>,
    pub(super) epoch_ahead: i16,
    pub(super) transactional_id: Option<String>,
}

/// Sends a batch to a partition and says whether both took it.
pub(super) fn send(model: &mut Model, topic: &str, partition: i32, batch: &Batch, by: &By) -> bool {
    let plain = by.producer.is_none() && batch.codec == Codec::None && batch.damage == Damage::None;
    let acks = if plain && model.pair.random.once_in(12) { model.pair.random.pick(&[1, 1, 2]) } else { -1 };
    let version = model.pair.version::<ProduceRequest>(3);
    let two = model.pair.random.once_in(15) && by.producer.is_none() && batch.damage == Damage::None;
    let make = |side: &Side| {
        let producer = by.producer.map_or((ProducerId(-1), -1), |number| side.producer(number));
        let producer = (producer.0, producer.1.wrapping_add(by.epoch_ahead));
        let mut records = batch.encode(producer).to_vec();
        if two {
            records.extend(batch.encode(producer));
        }
        let data = PartitionProduceData::default().with_index(partition).with_records(Some(records.into()));
        let topic = TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data]);
        let id = by.transactional_id.as_deref().map(|id| TransactionalId(text(id)));
        let request = ProduceRequest::default().with_topic_data(vec![topic]).with_acks(acks).with_timeout_ms(10_000);
        request.with_transactional_id(id)
    };
    let (here, there) = model.pair.ask(version, make, |answer| {
        for topic in &mut answer.responses {
            for partition in &mut topic.partition_responses {
                partition.record_errors.clear();
            }
        }
    });
    let taken =
        |answer: kafka_protocol::messages::ProduceResponse| answer.responses[0].partition_responses[0].error_code == 0;
    taken(here) && taken(there)
}

/// Records around a time that both brokers take for now.
pub(super) fn records(model: &mut Model) -> Vec<Record> {
    let now = model.start;
    let random = &mut model.pair.random;
    let base = match random.below(12) {
        0 => -1,
        // Beyond what a topic takes as time before and after now.
        1 => now - 7_200_000,
        2 => now + 7_200_000,
        _ => now - 60_000,
    };
    let count = random.pick(&[1, 1, 2, 5]);
    (0..count)
        .map(|_| {
            let apart = if base < 0 { 0 } else { random.pick(&[0, 0, 1, 500, -300]) };
            let mut record = Record::random(random, base + apart);
            if (base - now).abs() > 3_600_000 {
                // Wrong in one way only: which of two is told is chance.
                record.key.get_or_insert_default();
            }
            record
        })
        .collect()
}

pub(super) fn partition_of(model: &mut Model, topic: &str) -> i32 {
    let count = usize::try_from(model.topics.get(topic).copied().unwrap_or(1)).unwrap_or(1).max(1);
    if model.pair.random.once_in(15) {
        return model.pair.random.pick(&[99, -1]);
    }
    i32::try_from(model.pair.random.below(count)).unwrap()
}

pub(super) fn produce(model: &mut Model) {
    let topic = if model.pair.random.once_in(15) { model.any_name() } else { model.any_topic() };
    let partition = partition_of(model, &topic);
    let records = records(model);
    let random = &mut model.pair.random;
    let damage = if random.once_in(8) {
        use Damage::{Checksum, Control, Count, Cut, Magic, Nothing};
        random.pick(&[Checksum, Count, Magic, Control, Cut, Nothing])
    } else {
        Damage::None
    };
    let transactional = random.once_in(40);
    let batch = Batch { records, codec: random.pick(&Codec::ALL), sequence: -1, transactional, damage };
    send(model, &topic, partition, &batch, &By { producer: None, epoch_ahead: 0, transactional_id: None });
}

/// An idempotent producer: in order, again, with a gap, with another epoch.
pub(super) fn produce_idempotent(model: &mut Model) {
    let topic = model.any_topic();
    let partition = partition_of(model, &topic);
    if model.idempotent.is_empty() || model.pair.random.once_in(6) {
        let number = super::transactions::register(model, None, None);
        model.idempotent.extend(number);
        return;
    }
    let producer = model.pair.random.pick(&model.idempotent);
    let records = records(model);
    let place = (producer, topic.clone(), partition);
    let next = model.sequences.get(&place).copied().unwrap_or(0);
    let random = &mut model.pair.random;
    let count = i32::try_from(records.len()).unwrap();
    let sequence = match random.below(10) {
        0 => next + 3,
        1 => (next - 1).max(0),
        2 => -1,
        _ => next,
    };
    let epoch_ahead = if random.once_in(8) { random.pick(&[1, -1]) } else { 0 };
    let batch = Batch { records, codec: Codec::None, sequence, transactional: false, damage: Damage::None };
    let by = By { producer: Some(producer), epoch_ahead, transactional_id: None };
    let taken = send(model, &topic, partition, &batch, &by);
    if taken && epoch_ahead == 0 {
        model.sequences.insert(place, sequence + count);
    }
    // The answer may have been lost: the same again.
    if taken && model.pair.random.once_in(3) {
        send(model, &topic, partition, &batch, &by);
    }
}

pub(super) fn fetch(model: &mut Model) {
    let topic = if model.pair.random.once_in(15) { model.any_name() } else { model.any_topic() };
    let partition = partition_of(model, &topic);
    let random = &mut model.pair.random;
    let offset = random.pick(&[0, 0, 1, 3, 5, 10, 20, 1000, -1]);
    let committed = random.pick(&[0, 1]);
    let (most, most_of_one) = random.pick(&[(1 << 20, 1 << 20), (1 << 20, 200), (200, 1 << 20), (1, 1), (0, 0)]);
    let epoch = if random.once_in(12) { random.pick(&[0, 1, -2]) } else { -1 };
    let version = model.pair.version::<FetchRequest>(4);
    let epoch = if version >= 9 { epoch } else { -1 };
    let make = |_: &Side| {
        let partition = FetchPartition::default()
            .with_partition(partition)
            .with_fetch_offset(offset)
            .with_partition_max_bytes(most_of_one)
            .with_current_leader_epoch(epoch);
        let topic = FetchTopic::default().with_topic(topic_name(&topic)).with_partitions(vec![partition]);
        FetchRequest::default()
            .with_replica_id((-1).into())
            .with_max_bytes(most)
            .with_isolation_level(committed)
            .with_session_epoch(if version >= 7 { -1 } else { 0 })
            .with_topics(vec![topic])
    };
    model.pair.look(version, make, |answer| {
        for topic in &mut answer.responses {
            for partition in &mut topic.partitions {
                if let Some(records) = &mut partition.records {
                    *records = batch::describe(records).into();
                }
                if let Some(aborted) = &mut partition.aborted_transactions {
                    aborted.sort_by_key(|aborted| aborted.first_offset);
                }
            }
        }
    });
}

pub(super) fn list_offsets(model: &mut Model) {
    let topic = if model.pair.random.once_in(15) { model.any_name() } else { model.any_topic() };
    let partition = partition_of(model, &topic);
    let now = model.start;
    let times = [-1, -1, -2, -2, -3, -3, -6, -9, 0, 1_000, now - 60_300, now - 59_999, now - 59_900, now + 3_600_000];
    let timestamp = model.pair.random.pick(&times);
    let version = model.pair.version::<ListOffsetsRequest>(if timestamp == -3 { 7 } else { 2 });
    let committed = model.pair.random.pick(&[0, 1]);
    let epoch = if version >= 4 && model.pair.random.once_in(12) { model.pair.random.pick(&[0, 1]) } else { -1 };
    let make = |_: &Side| {
        let partition = ListOffsetsPartition::default().with_partition_index(partition).with_timestamp(timestamp);
        let partition = partition.with_current_leader_epoch(epoch);
        let topic = ListOffsetsTopic::default().with_name(topic_name(&topic)).with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
        request.with_isolation_level(committed)
    };
    model.pair.look(version, make, |answer| {
        for partition in answer.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            // The brokers stamped it themselves, perhaps several within the same millisecond.
            if (now..now + 3_600_000).contains(&partition.timestamp) {
                partition.timestamp = 0;
                if timestamp == -3 {
                    partition.offset = 0;
                }
            }
        }
    });
}

pub(super) fn delete_records(model: &mut Model) {
    let topic = if model.pair.random.once_in(15) { model.any_name() } else { model.any_topic() };
    let partition = partition_of(model, &topic);
    let offset = model.pair.random.pick(&[0, 1, 2, 4, -1, -2, 100_000]);
    let version = model.pair.version::<DeleteRecordsRequest>(0);
    let make = |_: &Side| {
        let partition = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(offset);
        let topic = DeleteRecordsTopic::default().with_name(topic_name(&topic)).with_partitions(vec![partition]);
        DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000)
    };
    model.pair.ask(version, make, |_| ());
}

pub(super) fn epoch_end(model: &mut Model) {
    let topic = if model.pair.random.once_in(8) { model.any_name() } else { model.any_topic() };
    let partition = partition_of(model, &topic);
    let (current, epoch) = (model.pair.random.pick(&[-1, 0, 5]), model.pair.random.pick(&[0, 0, 7, -1]));
    let version = model.pair.version::<OffsetForLeaderEpochRequest>(2);
    let make = |_: &Side| {
        let partition = OffsetForLeaderPartition::default().with_partition(partition).with_leader_epoch(epoch);
        let partition = partition.with_current_leader_epoch(current);
        let topic = OffsetForLeaderTopic::default().with_topic(topic_name(&topic)).with_partitions(vec![partition]);
        OffsetForLeaderEpochRequest::default().with_replica_id((-1).into()).with_topics(vec![topic])
    };
    model.pair.look(version, make, |_| ());
}

pub(super) fn producers(model: &mut Model) {
    let topic = if model.pair.random.once_in(8) { model.any_name() } else { model.any_topic() };
    let partition = partition_of(model, &topic);
    let make = |_: &Side| {
        let topic = TopicRequest::default().with_name(topic_name(&topic)).with_partition_indexes(vec![partition]);
        DescribeProducersRequest::default().with_topics(vec![topic])
    };
    // The order of the ids is that in which they were given out, on both.
    model.pair.look(0, make, |answer| {
        for partition in answer.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            partition.active_producers.sort_by_key(|producer| producer.producer_id.0);
        }
    });
}
