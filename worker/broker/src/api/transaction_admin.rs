//! What tools ask about producers and transactions.

use std::collections::BTreeMap;

use kafka_protocol::{
    error::ResponseError,
    messages::{
        DescribeProducersRequest, DescribeProducersResponse, DescribeTransactionsRequest, DescribeTransactionsResponse,
        ListTransactionsRequest, ListTransactionsResponse, ProducerId, TransactionalId,
        describe_producers_response::{PartitionResponse, ProducerState, TopicResponse},
        describe_transactions_response::{TopicData, TransactionState},
        list_transactions_response,
    },
    protocol::StrBytes,
};

use super::{text, topic_name};
use crate::{
    core::Core,
    log::ProducerView,
    now_ms,
    refusal::Refusal,
    transaction::{Phase, Transaction},
};

pub(super) fn producers(core: &Core, request: DescribeProducersRequest) -> DescribeProducersResponse {
    let state = |producer: ProducerView| {
        ProducerState::default()
            .with_producer_id(ProducerId(producer.producer_id))
            .with_producer_epoch(producer.epoch.into())
            .with_last_sequence(producer.last_sequence)
            .with_last_timestamp(producer.last_timestamp)
            .with_coordinator_epoch(producer.coordinator_epoch)
            .with_current_txn_start_offset(producer.txn_start_offset)
    };
    let views = |topic: &str, index| -> Result<Vec<ProducerView>, Refusal> {
        core.topics.partition(topic, index)?.with_log(|log| log.producers())
    };
    let topics = request.topics.into_iter().map(|topic| {
        let one = |index: &i32| {
            let answer = PartitionResponse::default().with_partition_index(*index);
            match views(&topic.name, *index) {
                Ok(found) => answer.with_active_producers(found.into_iter().map(state).collect()),
                Err(refusal) => answer.with_error_code(refusal.code()).with_error_message(refusal.text()),
            }
        };
        let partitions = topic.partition_indexes.iter().map(one).collect();
        TopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions)
    });
    DescribeProducersResponse::default().with_topics(topics.collect())
}

pub(super) fn describe(core: &Core, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse {
    let one = |id: TransactionalId| match core.transactions.of(&id) {
        Some(transaction) => describe_one(&transaction).with_transactional_id(id),
        None => TransactionState::default()
            .with_error_code(ResponseError::TransactionalIdNotFound.code())
            .with_transactional_id(id),
    };
    DescribeTransactionsResponse::default()
        .with_transaction_states(request.transactional_ids.into_iter().map(one).collect())
}

fn describe_one(transaction: &Transaction) -> TransactionState {
    let mut topics = BTreeMap::<&str, Vec<i32>>::new();
    for (topic, partition) in &transaction.partitions {
        topics.entry(topic).or_default().push(*partition);
    }
    let topic = |(name, partitions): (&str, Vec<i32>)| {
        TopicData::default().with_topic(topic_name(name)).with_partitions(partitions)
    };
    TransactionState::default()
        .with_transaction_state(text(transaction.phase.name()))
        .with_transaction_timeout_ms(i32::try_from(transaction.timeout).unwrap_or(i32::MAX))
        .with_transaction_start_time_ms(transaction.started_at)
        .with_producer_id(ProducerId(transaction.producer.id))
        .with_producer_epoch(transaction.producer.epoch)
        .with_topics(topics.into_iter().map(topic).collect())
}

pub(super) fn list(core: &Core, request: ListTransactionsRequest) -> ListTransactionsResponse {
    let known = |name: &StrBytes| Phase::ALL.iter().any(|phase| phase.name() == name.as_str());
    let unknown = request.state_filters.iter().filter(|name| !known(name)).cloned().collect();
    let now = now_ms();
    let wanted = |transaction: &Transaction| {
        let state = text(transaction.phase.name());
        let producer = ProducerId(transaction.producer.id);
        // What has never begun is older than any filter; what has ended is as old as its end.
        let ended = matches!(transaction.phase, Phase::CompleteCommit | Phase::CompleteAbort);
        let age = now - if ended { transaction.changed_at } else { transaction.started_at };
        (request.state_filters.is_empty() || request.state_filters.contains(&state))
            && (request.producer_id_filters.is_empty() || request.producer_id_filters.contains(&producer))
            && (request.duration_filter < 0 || age > request.duration_filter)
    };
    let state = |(id, transaction): (String, Transaction)| {
        list_transactions_response::TransactionState::default()
            .with_transactional_id(TransactionalId(StrBytes::from_string(id)))
            .with_producer_id(ProducerId(transaction.producer.id))
            .with_transaction_state(text(transaction.phase.name()))
    };
    let all = core.transactions.all().into_iter().filter(|(_, transaction)| wanted(transaction));
    ListTransactionsResponse::default()
        .with_unknown_state_filters(unknown)
        .with_transaction_states(all.map(state).collect())
}
