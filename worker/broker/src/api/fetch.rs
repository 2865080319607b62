//! Fetch: whole batches from the logs, waiting for more when there is too little.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_protocol::{
    error::ResponseError,
    messages::{
        BrokerId, FetchRequest, FetchResponse, ProducerId,
        fetch_request::FetchPartition,
        fetch_response::{AbortedTransaction, PartitionData},
    },
};
use tokio::sync::Notify;

use super::Outcome;
use crate::{
    core::Core,
    log::{Batches, PartitionLog, ReadError},
    refusal::Refusal,
    topics::Partition,
    wire::{FetchedTopic, Request, WireError},
};

const READ_COMMITTED: i8 = 1;

/// What is left of the limits while the partitions are read one after the other.
struct Budget {
    left: usize,
    read: usize,
    committed_only: bool,
}

pub(super) async fn fetch(core: &Core, mut request: Request) -> Result<Outcome, WireError> {
    let asked: FetchRequest = request.decode()?;
    if asked.session_epoch > 0 {
        // Sessions are never opened, so this one belongs to another life of the broker.
        let answer = FetchResponse::default().with_error_code(ResponseError::FetchSessionIdNotFound.code());
        return Ok(request.answer(&answer)?.into());
    }
    let limit = usize::try_from(asked.max_bytes).unwrap_or(0).min(core.config.limits.fetch_bytes);
    let enough = usize::try_from(asked.min_bytes).unwrap_or(0).min(limit).max(1);
    let patience = Duration::from_millis(asked.max_wait_ms.unsigned_abs().into());
    let end = Instant::now() + if asked.max_wait_ms > 0 { patience } else { Duration::ZERO };
    let watch = Watch::start(core, &asked);
    loop {
        let mut budget = Budget { left: limit, read: 0, committed_only: asked.isolation_level == READ_COMMITTED };
        let (topics, failed) = read_all(core, &asked, &mut budget);
        if budget.read >= enough || failed || Instant::now() >= end || watch.is_empty() {
            return Ok(Outcome::Answer(request.answer_fetch(&topics)?));
        }
        // Running out of time is an answer too: the next round sends what there is.
        let timed_out = tokio::time::timeout_at(end.into(), watch.bell.notified()).await.is_err();
        tracing::trace!(timed_out, "a fetch looks again");
    }
}

/// Rings a bell when one of the fetch's partitions changes, as long as it lives.
struct Watch {
    bell: Arc<Notify>,
    partitions: Vec<Arc<Partition>>,
}

impl Watch {
    fn start(core: &Core, asked: &FetchRequest) -> Self {
        let bell = Arc::new(Notify::new());
        let mut partitions = Vec::new();
        // A fetch that doesn't wait needs no bell.
        if asked.max_wait_ms > 0 {
            for topic in &asked.topics {
                let Some(found) = core.topics.named(&topic.topic) else { continue };
                partitions.extend(topic.partitions.iter().filter_map(|wanted| found.partition(wanted.partition)));
            }
        }
        for partition in &partitions {
            partition.watch(&bell);
        }
        Self { bell, partitions }
    }

    fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for partition in &self.partitions {
            partition.unwatch(&self.bell);
        }
    }
}

/// What each partition has, and whether one of them has an error that the client must know now.
fn read_all(core: &Core, asked: &FetchRequest, budget: &mut Budget) -> (Vec<FetchedTopic>, bool) {
    let mut failed = false;
    let mut topics = Vec::with_capacity(asked.topics.len());
    for topic in &asked.topics {
        let found = core.topics.named(&topic.topic);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for wanted in &topic.partitions {
            let partition = found.as_ref().and_then(|topic| topic.partition(wanted.partition));
            let read = match partition {
                Some(partition) => partition.with_log(|log| read_one(log, wanted, budget)).and_then(|read| read),
                None => Err(ResponseError::UnknownTopicOrPartition.into()),
            };
            partitions.push(read.unwrap_or_else(|refusal| {
                failed = true;
                let data = blank(wanted.partition).with_error_code(refusal.code()).with_high_watermark(-1);
                // Kafka has an empty list where there is no log to ask, and none where the log refuses.
                let none = (refusal.error == ResponseError::UnknownTopicOrPartition).then(Vec::new);
                (data.with_aborted_transactions(none), Batches::default())
            }));
        }
        topics.push(FetchedTopic { name: topic.topic.clone(), partitions });
    }
    (topics, failed)
}

fn blank(index: i32) -> PartitionData {
    PartitionData::default()
        .with_partition_index(index)
        .with_aborted_transactions(None)
        .with_preferred_read_replica(BrokerId(-1))
        .with_records(Some(Bytes::new()))
}

fn read_one(
    log: &PartitionLog,
    wanted: &FetchPartition,
    budget: &mut Budget,
) -> Result<(PartitionData, Batches), Refusal> {
    check_epoch(wanted.current_leader_epoch)?;
    let (start, end, stable) = (log.start_offset(), log.end_offset(), log.last_stable_offset());
    let from = wanted.fetch_offset;
    if from < start || from > end {
        return Err(ReadError::OffsetOutOfRange { offset: from, start, end }.into());
    }
    let up_to = if budget.committed_only { stable } else { end };
    let data =
        blank(wanted.partition).with_high_watermark(end).with_last_stable_offset(stable).with_log_start_offset(start);
    let most = usize::try_from(wanted.partition_max_bytes).unwrap_or(0).min(budget.left);
    // The first batch of an answer is sent whatever its size, or a consumer would never get past it.
    let first = budget.read == 0;
    let wants = from < up_to && (most > 0 || first);
    let batches = if wants { log.read(from, up_to, most, first)? } else { Batches::default() };
    budget.left = budget.left.saturating_sub(batches.len());
    budget.read += batches.len();
    let aborted = (budget.committed_only && !batches.is_empty()).then(|| aborted(log, from, up_to));
    let aborted = aborted.or_else(|| budget.committed_only.then(Vec::new));
    Ok((data.with_aborted_transactions(aborted), batches))
}

fn aborted(log: &PartitionLog, from: i64, up_to: i64) -> Vec<AbortedTransaction> {
    let transaction = |aborted: crate::log::AbortedTransaction| {
        AbortedTransaction::default()
            .with_producer_id(ProducerId(aborted.producer_id))
            .with_first_offset(aborted.first_offset)
    };
    log.aborted_in(from, up_to).into_iter().map(transaction).collect()
}

/// Partitions have one leader for ever: its epoch is 0.
pub(super) fn check_epoch(current_leader_epoch: i32) -> Result<(), ResponseError> {
    if current_leader_epoch > 0 { Err(ResponseError::UnknownLeaderEpoch) } else { Ok(()) }
}
