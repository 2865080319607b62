//! Carries out what groups decide: answers who waits, writes what must last, and lets time pass.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use kafka_protocol::error::ResponseError;
use tokio::sync::{Notify, oneshot};

use super::{
    Committed, Join, Sync,
    offsets::GroupOffsets,
    records::{group_key, group_value, offset_key, offset_value},
    state::{Committer, Effect, Group, GroupTimes, JoinRefused, Joined, Millis, Phase, Synced, Ticket},
};
use crate::{
    now_ms,
    refusal::Refusal,
    state_log::{self, InTransaction, StateRecord},
    sync::lock,
    topics::{Topics, names::OFFSETS_TOPIC},
};

/// A group and its offsets; either may be there without the other.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) group: Group,
    pub(super) offsets: GroupOffsets,
}

/// Whether groups without members and offsets end when offsets are taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vacant {
    Ends,
    Stays,
}

/// Who commits offsets, and for which group.
#[derive(Clone, Debug)]
pub(crate) struct OffsetCommitter {
    pub(crate) group_id: String,
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) generation: i32,
    /// Set when the offsets are part of a transaction.
    pub(crate) transaction: Option<InTransaction>,
}

type JoinAnswer = Result<Joined, JoinRefused>;
type SyncAnswer = Result<Synced, ResponseError>;

#[derive(Debug, Default)]
struct Waiters {
    last: u64,
    joins: HashMap<Ticket, oneshot::Sender<JoinAnswer>>,
    syncs: HashMap<Ticket, oneshot::Sender<SyncAnswer>>,
}

impl Waiters {
    fn ticket(&mut self) -> Ticket {
        self.last += 1;
        Ticket(self.last)
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) entries: BTreeMap<String, Entry>,
    waiters: Waiters,
}

#[derive(Debug)]
pub(crate) struct Groups {
    pub(super) state: Mutex<State>,
    pub(super) topics: Arc<Topics>,
    pub(super) times: GroupTimes,
    /// Rung when a deadline may have come nearer.
    pub(super) changed: Notify,
}

impl Groups {
    /// Answers when the rebalance that this join takes part in is complete.
    pub(crate) async fn join(&self, group_id: &str, mut join: Join) -> JoinAnswer {
        let (answer, answered) = oneshot::channel();
        let member_id = join.member_id.clone();
        {
            let mut state = lock(&self.state);
            let now = now_ms();
            let State { entries, waiters } = &mut *state;
            join.ticket = waiters.ticket();
            waiters.joins.insert(join.ticket, answer);
            let new = !entries.contains_key(group_id);
            let entry = entries.entry(group_id.to_owned()).or_insert_with(|| self.fresh(now));
            let effects = entry.group.join(&join, now);
            self.carry_out(group_id, entry, effects, waiters);
            // A join that is refused makes no group.
            if new && entry.group.vacant() {
                entries.remove(group_id);
            }
        }
        self.changed.notify_one();
        // The sender is dropped when the group is deleted or the broker stops.
        answered.await.unwrap_or(Err(JoinRefused { error: ResponseError::CoordinatorNotAvailable, member_id }))
    }

    /// Answers when the leader has assigned.
    pub(crate) async fn sync(&self, group_id: &str, mut sync: Sync) -> SyncAnswer {
        named(group_id)?;
        let (answer, answered) = oneshot::channel();
        {
            let mut state = lock(&self.state);
            let State { entries, waiters } = &mut *state;
            let entry = entries.get_mut(group_id).ok_or(ResponseError::UnknownMemberId)?;
            sync.ticket = waiters.ticket();
            waiters.syncs.insert(sync.ticket, answer);
            let effects = entry.group.sync(sync, now_ms());
            self.carry_out(group_id, entry, effects, waiters);
        }
        self.changed.notify_one();
        answered.await.unwrap_or(Err(ResponseError::CoordinatorNotAvailable))
    }

    pub(crate) fn heartbeat(
        &self,
        group_id: &str,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(), ResponseError> {
        named(group_id)?;
        let mut state = lock(&self.state);
        let entry = state.entries.get_mut(group_id).ok_or(ResponseError::UnknownMemberId)?;
        entry.group.heartbeat(member_id, instance_id, generation, now_ms())
    }

    /// One answer for each member that leaves.
    pub(crate) fn leave(&self, group_id: &str, members: &[(String, Option<String>)]) -> Vec<Result<(), ResponseError>> {
        let mut state = lock(&self.state);
        let State { entries, waiters } = &mut *state;
        let Some(entry) = entries.get_mut(group_id) else {
            return vec![Err(ResponseError::UnknownMemberId); members.len()];
        };
        let mut effects = Vec::new();
        let now = now_ms();
        let mut leave = |(member_id, instance_id): &(String, Option<String>)| {
            entry.group.leave(member_id, instance_id.as_deref(), now, &mut effects)
        };
        let answers = members.iter().map(&mut leave).collect();
        self.carry_out(group_id, entry, effects, waiters);
        self.changed.notify_one();
        answers
    }

    /// Commits offsets; inside a transaction they count when it commits.
    pub(crate) fn commit(&self, by: &OffsetCommitter, offsets: Vec<(String, i32, Committed)>) -> Result<(), Refusal> {
        let mut state = lock(&self.state);
        let now = now_ms();
        let known = state.entries.contains_key(&by.group_id);
        if !known && by.generation >= 0 {
            return Err(ResponseError::IllegalGeneration.into());
        }
        if !known && offsets.is_empty() {
            return Ok(());
        }
        let entry = state.entries.entry(by.group_id.clone()).or_insert_with(|| self.fresh(now));
        let committer = Committer {
            member_id: &by.member_id,
            instance_id: by.instance_id.as_deref(),
            generation: by.generation,
            transactional: by.transaction.is_some(),
        };
        entry.group.commit(&committer, now)?;
        if offsets.is_empty() {
            return Ok(());
        }
        let record = |(topic, partition, committed): &(String, i32, Committed)| StateRecord {
            key: offset_key(&by.group_id, topic, *partition),
            value: Some(offset_value(committed)),
        };
        let records: Vec<StateRecord> = offsets.iter().map(record).collect();
        state_log::append(&self.topics, OFFSETS_TOPIC, &records, by.transaction)?;
        for (topic, partition, committed) in offsets {
            match by.transaction {
                Some(producer) => entry.offsets.add_pending(producer.producer_id, &topic, partition, committed),
                None => entry.offsets.commit(&topic, partition, committed),
            }
        }
        Ok(())
    }

    /// The marker of the producer's transaction is in the offsets log.
    pub(crate) fn end_transaction(&self, producer_id: i64, commits: bool) {
        for entry in lock(&self.state).entries.values_mut() {
            entry.offsets.end_transaction(producer_id, commits);
        }
    }

    /// Looks at a group, if it is there.
    pub(crate) fn with<T>(&self, group_id: &str, look: impl FnOnce(&Group, &GroupOffsets) -> T) -> Option<T> {
        let state = lock(&self.state);
        state.entries.get(group_id).map(|entry| look(&entry.group, &entry.offsets))
    }

    /// Looks at every group, in the order of their names.
    pub(crate) fn each(&self, mut look: impl FnMut(&str, &Group)) {
        for (name, entry) in &lock(&self.state).entries {
            look(name, &entry.group);
        }
    }

    pub(crate) fn delete(&self, group_id: &str) -> Result<(), Refusal> {
        let mut state = lock(&self.state);
        let entry = state.entries.get(group_id).ok_or(ResponseError::GroupIdNotFound)?;
        if entry.group.phase() != Phase::Empty {
            return Err(ResponseError::NonEmptyGroup.into());
        }
        let gone = entry.offsets.matching(|_, _| true);
        let mut records: Vec<StateRecord> =
            gone.iter().map(|(topic, partition)| tombstone(offset_key(group_id, topic, *partition))).collect();
        records.push(tombstone(group_key(group_id)));
        state_log::append(&self.topics, OFFSETS_TOPIC, &records, None)?;
        state.entries.remove(group_id);
        Ok(())
    }

    /// Takes back offsets of a group; whoever is subscribed to the topic keeps it from that.
    pub(crate) fn delete_offsets(
        &self,
        group_id: &str,
        wanted: &[(String, i32)],
        subscribed: impl Fn(&Group, &str) -> bool,
    ) -> Result<Vec<Result<(), ResponseError>>, Refusal> {
        let mut state = lock(&self.state);
        let entry = state.entries.get_mut(group_id).ok_or(ResponseError::GroupIdNotFound)?;
        let busy = entry.group.phase() != Phase::Empty;
        if busy && entry.group.protocol_type() != Some("consumer") {
            return Err(ResponseError::NonEmptyGroup.into());
        }
        let allowed = |topic: &str| !(busy && subscribed(&entry.group, topic));
        let records: Vec<StateRecord> = wanted
            .iter()
            .filter(|(topic, partition)| allowed(topic) && entry.offsets.of(topic, *partition).is_some())
            .map(|(topic, partition)| tombstone(offset_key(group_id, topic, *partition)))
            .collect();
        if !records.is_empty() {
            state_log::append(&self.topics, OFFSETS_TOPIC, &records, None)?;
        }
        let mut answers = Vec::new();
        for (topic, partition) in wanted {
            if busy && subscribed(&entry.group, topic) {
                answers.push(Err(ResponseError::GroupSubscribedToTopic));
            } else {
                entry.offsets.remove(topic, *partition);
                answers.push(Ok(()));
            }
        }
        Ok(answers)
    }

    /// The topic is gone, and so is how far anybody has come in it.
    pub(crate) fn forget_topic(&self, topic: &str) {
        let mut state = lock(&self.state);
        self.expire(&mut state, Vacant::Stays, |_, offset_topic, _| offset_topic == topic);
    }

    /// Takes back offsets that no member has committed for the time of retention, and then empty groups.
    pub(crate) fn expire_offsets(&self, retention: Millis) {
        let oldest = now_ms() - retention;
        let mut state = lock(&self.state);
        self.expire(&mut state, Vacant::Ends, |group, _, committed| {
            // The offsets of a group with members stay; those of one that is left wait from the day it was left.
            let since = group.protocol_type().map_or(committed.timestamp, |_| group.changed_at());
            group.phase() == Phase::Empty && since.max(committed.timestamp) < oldest
        });
    }

    fn expire(&self, state: &mut State, vacant: Vacant, gone: impl Fn(&Group, &str, &Committed) -> bool) {
        let mut dead = Vec::new();
        for (name, entry) in &mut state.entries {
            let expired = entry.offsets.matching(|topic, committed| gone(&entry.group, topic, committed));
            let mut records: Vec<StateRecord> =
                expired.iter().map(|(topic, partition)| tombstone(offset_key(name, topic, *partition))).collect();
            let left = expired.len() < entry.offsets.committed().values().map(BTreeMap::len).sum::<usize>();
            let ends = vacant == Vacant::Ends
                && !left
                && entry.group.vacant()
                && (!expired.is_empty() || entry.offsets.is_empty());
            if ends {
                records.push(tombstone(group_key(name)));
            }
            if records.is_empty() {
                continue;
            }
            if let Err(error) = state_log::append(&self.topics, OFFSETS_TOPIC, &records, None) {
                tracing::warn!(group = name, %error, "could not take back offsets; it is tried again later");
                continue;
            }
            for (topic, partition) in expired {
                entry.offsets.remove(&topic, partition);
            }
            if ends && entry.offsets.is_empty() {
                dead.push(name.clone());
            }
        }
        for name in dead {
            state.entries.remove(&name);
        }
    }

    /// Lets time pass for all groups and gives the time of the next deadline.
    pub(crate) fn tick(&self) -> Option<Millis> {
        let mut state = lock(&self.state);
        let State { entries, waiters } = &mut *state;
        let now = now_ms();
        let mut next: Option<Millis> = None;
        for (name, entry) in entries.iter_mut() {
            if entry.group.next_deadline().is_some_and(|deadline| deadline <= now) {
                let effects = entry.group.tick(now);
                self.carry_out(name, entry, effects, waiters);
            }
            let deadline = entry.group.next_deadline();
            next = next.into_iter().chain(deadline).min();
        }
        next
    }

    /// Waits until a deadline may have come nearer.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn carry_out(&self, name: &str, entry: &Entry, effects: Vec<Effect>, waiters: &mut Waiters) {
        if effects.contains(&Effect::Persist) {
            let record = StateRecord { key: group_key(name), value: Some(group_value(&entry.group)) };
            if let Err(error) = state_log::append(&self.topics, OFFSETS_TOPIC, &[record], None) {
                // Members go on with what they hold; after a restart they would join once more.
                tracing::warn!(group = name, %error, "could not keep the state of a group");
            }
        }
        for effect in effects {
            // A receiver that is gone belongs to a connection that closed; its member times out on its own.
            let unheard = match effect {
                Effect::AnswerJoin(ticket, answer) => {
                    waiters.joins.remove(&ticket).is_some_and(|waiter| waiter.send(answer).is_err())
                }
                Effect::AnswerSync(ticket, answer) => {
                    waiters.syncs.remove(&ticket).is_some_and(|waiter| waiter.send(answer).is_err())
                }
                Effect::Persist => false,
            };
            if unheard {
                tracing::debug!(group = name, "an answer found no connection");
            }
        }
    }

    pub(super) fn fresh(&self, now: Millis) -> Entry {
        Entry { group: Group::new(self.times, now), offsets: GroupOffsets::default() }
    }
}

/// Only offsets may be kept under no name at all.
fn named(group_id: &str) -> Result<(), ResponseError> {
    if group_id.is_empty() { Err(ResponseError::InvalidGroupId) } else { Ok(()) }
}

fn tombstone(key: bytes::Bytes) -> StateRecord {
    StateRecord { key, value: None }
}
