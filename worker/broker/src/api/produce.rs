//! Produce: batches go into the log as they come, each partition on its own.

use bytes::Bytes;
use kafka_protocol::{
    error::ResponseError,
    messages::{
        ProduceRequest, ProduceResponse,
        produce_request::PartitionProduceData,
        produce_response::{PartitionProduceResponse, TopicProduceResponse},
    },
};

use super::Outcome;
use crate::{
    core::Core,
    log::{Appended, Origin},
    now_ms,
    refusal::Refusal,
    topics::names,
    transaction::{Producer, Writing},
    wire::{Request, WireError},
};

/// Where the fields of a batch header are that a transaction is checked by.
const ATTRIBUTES: usize = 21;
const PRODUCER_ID: usize = 43;
const PRODUCER_EPOCH: usize = 51;
const TRANSACTIONAL: i16 = 0x10;

pub(super) fn produce(core: &Core, mut request: Request) -> Result<Outcome, WireError> {
    let asked: ProduceRequest = request.decode()?;
    let transactional_id = asked.transactional_id.as_ref().map(|id| id.to_string());
    let acks_known = matches!(asked.acks, -1..=1);
    let wants_answer = asked.acks != 0;
    let mut first_refusal = None;
    let mut topics = Vec::with_capacity(asked.topic_data.len());
    for topic in asked.topic_data {
        let mut partitions = Vec::with_capacity(topic.partition_data.len());
        for data in topic.partition_data {
            let index = data.index;
            let written = if acks_known {
                write(core, &topic.name, data, transactional_id.as_deref())
            } else {
                Err(ResponseError::InvalidRequiredAcks.into())
            };
            if let Err(refusal) = &written {
                tracing::debug!(topic = topic.name.as_str(), partition = index, error = %refusal, "refused records");
                first_refusal.get_or_insert_with(|| refusal.clone());
            }
            partitions.push(answer(index, written));
        }
        topics.push(TopicProduceResponse::default().with_name(topic.name).with_partition_responses(partitions));
    }
    if wants_answer {
        return Ok(request.answer(&ProduceResponse::default().with_responses(topics))?.into());
    }
    Ok(first_refusal.map_or(Outcome::Silence, |refusal| Outcome::Close(refusal.message)))
}

fn write(
    core: &Core,
    topic: &str,
    data: PartitionProduceData,
    transactional_id: Option<&str>,
) -> Result<Appended, Refusal> {
    if names::internal(topic) {
        let message = "Only the broker writes to its internal topics.";
        return Err(Refusal::new(ResponseError::InvalidTopicException, message));
    }
    let partition = core.topics.partition(topic, data.index)?;
    let records = data.records.unwrap_or_default();
    if records.is_empty() {
        return Err(Refusal::new(ResponseError::InvalidRecord, "the request has no record batch for the partition"));
    }
    let append = || {
        let appended = partition.with_log(|log| log.append(&records, Origin::Client, now_ms()))??;
        partition.changed();
        Ok(appended)
    };
    match transactional_producer(&records) {
        None => append(),
        Some(producer) => {
            let transactional_id = transactional_id.ok_or(ResponseError::InvalidTxnState)?;
            let place = (topic.to_owned(), data.index);
            core.transactions.write(Writing { transactional_id, producer }, &place, append)
        }
    }
}

/// The producer of a transactional batch. The log checks that all batches of one append are of one kind.
fn transactional_producer(records: &Bytes) -> Option<Producer> {
    let attributes = i16::from_be_bytes(*records.get(ATTRIBUTES..)?.first_chunk()?);
    let id = i64::from_be_bytes(*records.get(PRODUCER_ID..)?.first_chunk()?);
    let epoch = i16::from_be_bytes(*records.get(PRODUCER_EPOCH..)?.first_chunk()?);
    (attributes & TRANSACTIONAL != 0).then_some(Producer { id, epoch })
}

fn answer(index: i32, written: Result<Appended, Refusal>) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse::default().with_index(index);
    match written {
        Ok(appended) => answer
            .with_base_offset(appended.base_offset)
            .with_log_append_time_ms(appended.log_append_time)
            .with_log_start_offset(appended.log_start_offset),
        Err(refusal) => answer
            .with_error_code(refusal.code())
            .with_error_message(refusal.text())
            .with_base_offset(-1)
            .with_log_append_time_ms(-1),
    }
}
