//! Reads the offsets log at the start: groups are what they were when the last process ended, however it ended.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use super::{
    coordinator::{Entry, Groups, State},
    records::{Key, read_group, read_key, read_offset},
    state::{Group, GroupTimes},
};
use crate::{
    fields::FieldError,
    log::{LogRecord, Marker},
    now_ms,
    refusal::Refusal,
    sync::lock,
    topics::{Topics, names::OFFSETS_TOPIC},
};

impl Groups {
    pub(crate) fn open(topics: Arc<Topics>, times: GroupTimes) -> Result<Self, Refusal> {
        let mut state = State::default();
        if let Ok(partition) = topics.partition(OFFSETS_TOPIC, 0) {
            let mut damaged = 0_u64;
            let take = |record: LogRecord| {
                if replay(&mut state, record, times).is_err() {
                    damaged += 1;
                }
                ControlFlow::Continue(())
            };
            partition.with_log(|log| log.for_each_record(log.start_offset(), take))??;
            if damaged > 0 {
                tracing::warn!(records = damaged, "records of the offsets log are not understood");
            }
        }
        state.entries.retain(|_, entry| entry.group.generation > 0 || !entry.offsets.is_empty());
        Ok(Self { state: Mutex::new(state), topics, times, changed: Notify::new() })
    }

    /// Leaves every group without the members it had when the last process ended.
    pub(crate) fn forget_members(&self) {
        let now = now_ms();
        lock(&self.state).entries.values_mut().for_each(|entry| entry.group.forget_members(now));
    }
}

fn replay(state: &mut State, record: LogRecord, times: GroupTimes) -> Result<(), FieldError> {
    if let Some(marker) = record.marker {
        for entry in state.entries.values_mut() {
            entry.offsets.end_transaction(record.producer_id, marker == Marker::Commit);
        }
        return Ok(());
    }
    let now = now_ms();
    let Some(key) = record.key else { return Ok(()) };
    match read_key(key)? {
        Key::Offset { group, topic, partition } => {
            let fresh = || Entry { group: Group::new(times, now), offsets: Default::default() };
            let entry = state.entries.entry(group).or_insert_with(fresh);
            match record.value {
                None => drop(entry.offsets.remove(&topic, partition)),
                Some(value) if record.transactional => {
                    entry.offsets.add_pending(record.producer_id, &topic, partition, read_offset(value)?);
                }
                Some(value) => entry.offsets.commit(&topic, partition, read_offset(value)?),
            }
        }
        Key::Group { group } => match record.value {
            None => drop(state.entries.remove(&group)),
            Some(value) => {
                let read = read_group(value, times, now)?;
                let fresh = || Entry { group: Group::new(times, now), offsets: Default::default() };
                state.entries.entry(group).or_insert_with(fresh).group = read;
            }
        },
        Key::Other => {}
    }
    Ok(())
}
