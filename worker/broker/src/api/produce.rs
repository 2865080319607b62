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
    log::{AppendError, Appended, FirstBatch, Origin},
    now_ms,
    refusal::Refusal,
    topics::names,
    transaction::{Producer, Writing},
    wire::{Request, WireError},
};

/// The first version of the request whose clients know ZStandard.
const ZSTD_SINCE: i16 = 7;

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
            let mut start = -1;
            let there = core.topics.partition(&topic.name, index).is_ok();
            let whole = check_whole(data.records.as_ref(), request.version);
            let written = if let (true, Err(refusal)) = (there, whole) {
                Err(refusal)
            } else if acks_known {
                write(core, &topic.name, data, transactional_id.as_deref(), &mut start)
            } else {
                Err(ResponseError::InvalidRequiredAcks.into())
            };
            if let Err(refusal) = &written {
                tracing::debug!(topic = topic.name.as_str(), partition = index, error = %refusal, "refused records");
                first_refusal.get_or_insert_with(|| refusal.clone());
            }
            partitions.push(answer(index, written).with_log_start_offset(start));
        }
        topics.push(TopicProduceResponse::default().with_name(topic.name).with_partition_responses(partitions));
    }
    if wants_answer {
        return Ok(request.answer(&ProduceResponse::default().with_responses(topics))?.into());
    }
    Ok(first_refusal.map_or(Outcome::Silence, |refusal| Outcome::Close(refusal.message)))
}

/// Whether the records are one batch, in a codec that clients of the request's version know.
fn check_whole(records: Option<&Bytes>, request_version: i16) -> Result<(), Refusal> {
    let Some(records) = records.filter(|records| !records.is_empty()) else { return Ok(()) };
    if request_version < ZSTD_SINCE && FirstBatch(records).is_zstd() {
        let message = "Produce requests before version 7 are not allowed to use ZStandard compression.";
        return Err(Refusal::new(ResponseError::UnsupportedCompressionType, message));
    }
    if FirstBatch(records).size_bytes().is_some_and(|size| size != records.len()) {
        let message = "Produce requests are only allowed to contain exactly one record batch per partition.";
        return Err(Refusal::new(ResponseError::InvalidRecord, message));
    }
    Ok(())
}

/// Appends the records; `start` becomes the start of the log where the answer has it.
fn write(
    core: &Core,
    topic: &str,
    data: PartitionProduceData,
    transactional_id: Option<&str>,
    start: &mut i64,
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
    let mut append = || {
        let appended = partition.with_log(|log| {
            let appended = log.append(&records, Origin::Client, now_ms());
            if appended.as_ref().err().is_none_or(tells_start) {
                *start = log.start_offset();
            }
            appended
        })??;
        partition.changed();
        Ok(appended)
    };
    // The log checks that all batches of one append are of one kind.
    match FirstBatch(&records).transactional_producer() {
        None => append(),
        Some((id, epoch)) => {
            let transactional_id = transactional_id.ok_or(ResponseError::TransactionalIdAuthorizationFailed)?;
            let place = (topic.to_owned(), data.index);
            core.transactions.write(Writing { transactional_id, producer: Producer { id, epoch } }, &place, append)
        }
    }
}

/// Whether Kafka tells where the log starts with the refusal: it does when it has looked at the records themselves.
fn tells_start(error: &AppendError) -> bool {
    match error {
        AppendError::InvalidRecord(_)
        | AppendError::InvalidTimestamp { .. }
        | AppendError::OutOfOrderSequence { .. }
        | AppendError::InvalidProducerEpoch { .. }
        | AppendError::InvalidTxnState { .. } => true,
        AppendError::CorruptMessage(_)
        | AppendError::MessageTooLarge { .. }
        | AppendError::RecordListTooLarge { .. }
        | AppendError::CoordinatorFenced { .. }
        | AppendError::Storage(_) => false,
    }
}

fn answer(index: i32, written: Result<Appended, Refusal>) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse::default().with_index(index);
    match written {
        Ok(appended) => answer.with_base_offset(appended.base_offset).with_log_append_time_ms(appended.log_append_time),
        Err(refusal) => answer
            .with_error_code(refusal.code())
            .with_error_message(refusal.text())
            .with_base_offset(-1)
            .with_log_append_time_ms(-1),
    }
}
