//! What groups leave in `__consumer_offsets`, in Kafka's own format, so that its tools can read it too.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{
    offsets::Committed,
    state::{Group, GroupTimes, Member, Millis, Phase, Waiting},
};
use crate::fields::{FieldError, Reader, Writer};

/// Versions of Kafka's schemas: `OffsetCommitKey`, `GroupMetadataKey`, `OffsetCommitValue` and `GroupMetadataValue`.
const OFFSET_KEY: i16 = 1;
const GROUP_KEY: i16 = 2;
const OFFSET_VALUE: i16 = 3;
const GROUP_VALUE: i16 = 3;

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Offset {
        group: String,
        topic: String,
        partition: i32,
    },
    Group {
        group: String,
    },
    /// A key of a version that this broker doesn't know.
    Other,
}

pub(super) fn offset_key(group: &str, topic: &str, partition: i32) -> Bytes {
    Writer::default().short(OFFSET_KEY).text(group).text(topic).int(partition).done()
}

pub(super) fn group_key(group: &str) -> Bytes {
    Writer::default().short(GROUP_KEY).text(group).done()
}

pub(super) fn read_key(key: Bytes) -> Result<Key, FieldError> {
    let mut reader = Reader(key);
    Ok(match reader.short()? {
        0 | OFFSET_KEY => Key::Offset { group: reader.text()?, topic: reader.text()?, partition: reader.int()? },
        GROUP_KEY => Key::Group { group: reader.text()? },
        _ => Key::Other,
    })
}

pub(super) fn offset_value(committed: &Committed) -> Bytes {
    Writer::default()
        .short(OFFSET_VALUE)
        .long(committed.offset)
        .int(committed.leader_epoch)
        .text(&committed.metadata)
        .long(committed.timestamp)
        .done()
}

pub(super) fn read_offset(value: Bytes) -> Result<Committed, FieldError> {
    let mut reader = Reader(value);
    let version = reader.short()?;
    let offset = reader.long()?;
    let leader_epoch = if version >= 3 { reader.int()? } else { -1 };
    let metadata = reader.text()?;
    Ok(Committed { offset, leader_epoch, metadata, timestamp: reader.long()? })
}

pub(super) fn group_value(group: &Group) -> Bytes {
    let mut out = Writer::default();
    out.short(GROUP_VALUE)
        .text(group.protocol_type().unwrap_or_default())
        .int(group.generation)
        .nullable_text(group.protocol())
        .nullable_text(group.leader.as_deref())
        .long(group.changed_at())
        .count(group.members().len());
    let protocol = group.protocol().unwrap_or_default();
    for (id, member) in group.members() {
        out.text(id)
            .nullable_text(member.instance_id.as_deref())
            .text(&member.client_id)
            .text(&member.client_host)
            .int(i32::try_from(member.rebalance_timeout).unwrap_or(i32::MAX))
            .int(i32::try_from(member.session_timeout).unwrap_or(i32::MAX))
            .bytes(&member.metadata(protocol))
            .bytes(&member.assignment);
    }
    out.done()
}

/// The group as it was, each member with a whole session ahead of it.
pub(super) fn read_group(value: Bytes, times: GroupTimes, now: Millis) -> Result<Group, FieldError> {
    let mut reader = Reader(value);
    let version = reader.short()?;
    let protocol_type = reader.text()?;
    let generation = reader.int()?;
    let protocol = reader.nullable_text()?;
    let leader = reader.nullable_text()?;
    let changed_at = if version >= 2 { reader.long()? } else { now };
    let member = |reader: &mut Reader| read_member(reader, version, protocol.as_deref().unwrap_or_default(), now);
    let members: BTreeMap<String, Member> = reader.array(member)?.unwrap_or_default().into_iter().collect();
    let instance = |(id, member): (&String, &Member)| Some((member.instance_id.clone()?, id.clone()));
    Ok(Group {
        phase: if members.is_empty() { Phase::Empty } else { Phase::Stable },
        generation,
        protocol_type: (!protocol_type.is_empty()).then_some(protocol_type),
        protocol,
        leader,
        instances: members.iter().filter_map(instance).collect(),
        members,
        pending: BTreeMap::new(),
        unsynced: BTreeSet::new(),
        rebalance_deadline: 0,
        initial_remaining: 0,
        grown: false,
        changed_at,
        times,
    })
}

fn read_member(reader: &mut Reader, version: i16, protocol: &str, now: Millis) -> Result<(String, Member), FieldError> {
    let id = reader.text()?;
    let instance_id = if version >= 3 { reader.nullable_text()? } else { None };
    let client_id = reader.text()?;
    let client_host = reader.text()?;
    let rebalance_timeout = if version >= 1 { Some(reader.int()?) } else { None };
    let session_timeout = Millis::from(reader.int()?);
    let metadata = reader.bytes()?;
    let assignment = reader.bytes()?;
    let member = Member {
        instance_id,
        client_id,
        client_host,
        session_timeout,
        rebalance_timeout: rebalance_timeout.map_or(session_timeout, Millis::from),
        protocols: vec![(protocol.to_owned(), metadata)],
        assignment,
        waiting: Waiting::Nothing,
        deadline: now + session_timeout,
    };
    Ok((id, member))
}
