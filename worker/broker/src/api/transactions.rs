//! The life of a transaction: register, add, end.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
        EndTxnRequest, EndTxnResponse, InitProducerIdRequest, InitProducerIdResponse, ProducerId,
        add_partitions_to_txn_response::{AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult},
    },
};

use crate::{
    core::Core,
    log::Marker,
    refusal::Refusal,
    topics::names,
    transaction::{Producer, Writing},
};

/// The error in the words that the version of the request knows: being fenced had no name of its own at first.
fn named(refusal: &Refusal, fenced_is_known: bool) -> i16 {
    match refusal.error {
        ResponseError::ProducerFenced if !fenced_is_known => ResponseError::InvalidProducerEpoch.code(),
        error => error.code(),
    }
}

pub(super) fn init(core: &Core, request: InitProducerIdRequest, version: i16) -> InitProducerIdResponse {
    let registered = match &request.transactional_id {
        None => core.topics.next_producer_id().map(|id| Producer { id, epoch: 0 }),
        Some(id) if id.is_empty() => Err(ResponseError::InvalidRequest.into()),
        Some(id) => {
            let claim = Producer { id: request.producer_id.0, epoch: request.producer_epoch };
            let claim = (claim.id >= 0).then_some(claim);
            core.transactions.register(id, request.transaction_timeout_ms.into(), claim)
        }
    };
    match registered {
        Ok(producer) => InitProducerIdResponse::default()
            .with_producer_id(ProducerId(producer.id))
            .with_producer_epoch(producer.epoch),
        Err(refusal) => InitProducerIdResponse::default()
            .with_error_code(named(&refusal, version >= 4))
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1),
    }
}

pub(super) fn add_partitions(
    core: &Core,
    request: AddPartitionsToTxnRequest,
    version: i16,
) -> AddPartitionsToTxnResponse {
    let topics = request.v3_and_below_topics;
    let mut partitions = Vec::new();
    for topic in &topics {
        partitions.extend(topic.partitions.iter().map(|index| (topic.name.to_string(), *index)));
    }
    let there =
        |(topic, index): &(String, i32)| !names::internal(topic) && core.topics.partition(topic, *index).is_ok();
    // One partition that is not there keeps the others out too, so that the producer tries all of them again.
    let missing = !partitions.iter().all(there);
    let added = if missing {
        Err(ResponseError::OperationNotAttempted.into())
    } else {
        let producer = Producer { id: request.v3_and_below_producer_id.0, epoch: request.v3_and_below_producer_epoch };
        core.transactions
            .add(Writing { transactional_id: &request.v3_and_below_transactional_id, producer }, &partitions)
    };
    let code = added.err().map_or(0, |refusal| named(&refusal, version >= 2));
    let results = topics.into_iter().map(|topic| {
        let one = |index: &i32| {
            let known = there(&(topic.name.to_string(), *index));
            let code = if known { code } else { ResponseError::UnknownTopicOrPartition.code() };
            AddPartitionsToTxnPartitionResult::default().with_partition_index(*index).with_partition_error_code(code)
        };
        let partitions = topic.partitions.iter().map(one).collect();
        AddPartitionsToTxnTopicResult::default().with_name(topic.name.clone()).with_results_by_partition(partitions)
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results.collect())
}

pub(super) fn add_offsets(core: &Core, request: AddOffsetsToTxnRequest, version: i16) -> AddOffsetsToTxnResponse {
    let producer = Producer { id: request.producer_id.0, epoch: request.producer_epoch };
    let added = core.transactions.add_offsets(Writing { transactional_id: &request.transactional_id, producer });
    let code = added.err().map_or(0, |refusal| named(&refusal, version >= 2));
    AddOffsetsToTxnResponse::default().with_error_code(code)
}

pub(super) fn end(core: &Core, request: EndTxnRequest, version: i16) -> EndTxnResponse {
    let producer = Producer { id: request.producer_id.0, epoch: request.producer_epoch };
    let marker = if request.committed { Marker::Commit } else { Marker::Abort };
    let ended = core.transactions.end(Writing { transactional_id: &request.transactional_id, producer }, marker);
    let code = ended.err().map_or(0, |refusal| named(&refusal, version >= 2));
    EndTxnResponse::default().with_error_code(code)
}
