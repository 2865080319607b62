//! Where logs begin and end, where a time is in them, and cutting off their beginning.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        DeleteRecordsRequest, DeleteRecordsResponse, ListOffsetsRequest, ListOffsetsResponse,
        OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
        delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
        list_offsets_request::ListOffsetsPartition,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
    },
};

use super::fetch::check_epoch;
use crate::{
    core::Core,
    log::{CleanupPolicy, PartitionLog, ReadError, TimestampOffset},
    refusal::Refusal,
};

/// Times that are none: they ask for an end of the log.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;

pub(super) fn list(core: &Core, request: ListOffsetsRequest, version: i16) -> ListOffsetsResponse {
    let committed_only = request.isolation_level == 1;
    let answer = |topic: &str, wanted: &ListOffsetsPartition| {
        let found = check_end(wanted.timestamp, version)
            .and_then(|()| core.topics.partition(topic, wanted.partition_index))
            .and_then(|partition| partition.with_log(|log| find(log, wanted, committed_only)).and_then(|found| found));
        let answer = ListOffsetsPartitionResponse::default()
            .with_partition_index(wanted.partition_index)
            .with_timestamp(-1)
            .with_offset(-1);
        match found {
            Err(refusal) => answer.with_error_code(refusal.code()),
            Ok(None) => answer,
            Ok(Some(found)) => {
                let epoch = if version >= 4 { 0 } else { -1 };
                answer.with_timestamp(found.timestamp).with_offset(found.offset).with_leader_epoch(epoch)
            }
        }
    };
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| answer(&topic.name, wanted)).collect();
        ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

/// Ends of the log came with later versions, all but one with such that are not spoken here.
fn check_end(timestamp: i64, version: i16) -> Result<(), Refusal> {
    let known = timestamp >= EARLIEST || (timestamp == MAX_TIMESTAMP && version >= 7);
    if known { Ok(()) } else { Err(ResponseError::UnsupportedVersion.into()) }
}

fn find(
    log: &PartitionLog,
    wanted: &ListOffsetsPartition,
    committed_only: bool,
) -> Result<Option<TimestampOffset>, Refusal> {
    check_epoch(wanted.current_leader_epoch)?;
    let end = if committed_only { log.last_stable_offset() } else { log.end_offset() };
    let timeless = |offset| Ok(Some(TimestampOffset { timestamp: -1, offset }));
    let found = match wanted.timestamp {
        LATEST => return timeless(end),
        EARLIEST => return timeless(log.start_offset()),
        MAX_TIMESTAMP => log.max_timestamp_offset()?,
        time if time >= 0 => log.offset_for_timestamp(time)?,
        _ => return Err(ResponseError::UnsupportedVersion.into()),
    };
    Ok(found.filter(|found| found.offset < end))
}

pub(super) fn for_epoch(core: &Core, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
    let ends = |topic: &str, index, current, asked| -> Result<(i32, i64), Refusal> {
        let partition = core.topics.partition(topic, index)?;
        check_epoch(current)?;
        let end = partition.with_log(|log| log.end_offset())?;
        // All there is belongs to epoch 0; nobody has led in another.
        Ok(if asked == 0 { (0, end) } else { (-1, -1) })
    };
    let topics = request.topics.into_iter().map(|topic| {
        let answer = |wanted: &kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition| {
            let answer = EpochEndOffset::default().with_partition(wanted.partition);
            match ends(&topic.topic, wanted.partition, wanted.current_leader_epoch, wanted.leader_epoch) {
                Ok((epoch, end)) => answer.with_leader_epoch(epoch).with_end_offset(end),
                Err(refusal) => answer.with_error_code(refusal.code()),
            }
        };
        let partitions = topic.partitions.iter().map(answer).collect();
        OffsetForLeaderTopicResult::default().with_topic(topic.topic.clone()).with_partitions(partitions)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}

pub(super) fn delete_records(core: &Core, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let answer = |wanted: &kafka_protocol::messages::delete_records_request::DeleteRecordsPartition| {
            let answer = DeleteRecordsPartitionResult::default().with_partition_index(wanted.partition_index);
            match delete_before(core, &topic.name, wanted.partition_index, wanted.offset) {
                Ok(start) => answer.with_low_watermark(start),
                Err(refusal) => answer.with_low_watermark(-1).with_error_code(refusal.code()),
            }
        };
        let partitions = topic.partitions.iter().map(answer).collect();
        DeleteRecordsTopicResult::default().with_name(topic.name.clone()).with_partitions(partitions)
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}

fn delete_before(core: &Core, topic: &str, index: i32, offset: i64) -> Result<i64, Refusal> {
    let partition = core.topics.partition(topic, index)?;
    partition.with_log(|log| {
        if log.config().cleanup_policy == CleanupPolicy::Compact {
            return Err(ResponseError::PolicyViolation.into());
        }
        let (start, end) = (log.start_offset(), log.end_offset());
        let before = if offset == -1 { end } else { offset };
        if before < 0 || before > end {
            return Err(ReadError::OffsetOutOfRange { offset, start, end }.into());
        }
        Ok(log.delete_records_before(before)?)
    })?
}
