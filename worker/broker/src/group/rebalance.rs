//! How a generation comes about: members join, the leader assigns, somebody leaves or time runs out.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

use super::state::{Effect, Group, JoinRefused, Member, Millis, Phase, Synced, Ticket, Waiting};

/// A request for one's assignment; the leader brings everybody's.
#[derive(Clone, Debug)]
pub(crate) struct Sync {
    pub(crate) ticket: Ticket,
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) assignments: BTreeMap<String, Bytes>,
}

impl Group {
    /// Starts a rebalance unless one is under way.
    pub(super) fn prepare(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Preparing {
            return;
        }
        for member in self.members.values_mut() {
            if let Waiting::Sync(ticket) = member.waiting {
                member.waiting = Waiting::Nothing;
                member.deadline = now + member.session_timeout;
                effects.push(Effect::AnswerSync(ticket, Err(ResponseError::RebalanceInProgress)));
            }
        }
        let timeout = self.rebalance_timeout();
        if self.phase == Phase::Empty {
            let delay = self.times.initial_delay.min(timeout);
            self.rebalance_deadline = now + delay;
            self.initial_remaining = timeout - delay;
            self.grown = false;
        } else {
            self.rebalance_deadline = now + timeout;
            self.initial_remaining = 0;
        }
        self.unsynced.clear();
        self.enter(Phase::Preparing, now);
    }

    fn rebalance_timeout(&self) -> Millis {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or(0)
    }

    /// Ends the join early when nobody is missing; the first rebalance of a group always waits for its delay.
    pub(super) fn complete_if_all_joined(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let initial = self.initial_remaining > 0 && !self.members.is_empty();
        let all = self.members.values().all(|member| matches!(member.waiting, Waiting::Join(_)));
        if self.phase == Phase::Preparing && !initial && all && self.pending.is_empty() {
            self.complete_join(now, effects);
        }
    }

    fn complete_join(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.initial_remaining = 0;
        let absent = |member: &Member| !matches!(member.waiting, Waiting::Join(_)) && member.instance_id.is_none();
        self.members.retain(|_, member| !absent(member));
        if self.members.is_empty() {
            self.generation = self.generation.wrapping_add(1).max(0);
            self.protocol = None;
            self.leader = None;
            self.enter(Phase::Empty, now);
            effects.push(Effect::Persist);
            return;
        }
        let joined = |member: &Member| matches!(member.waiting, Waiting::Join(_));
        let leader_is_here = self.leader.as_ref().and_then(|id| self.members.get(id)).is_some_and(joined);
        if !leader_is_here {
            let Some(next) = self.members.iter().find(|(_, member)| joined(member)).map(|(id, _)| id.clone()) else {
                // Only static members that are away are left: somebody must come before there is a leader.
                self.rebalance_deadline = now + self.rebalance_timeout();
                return;
            };
            self.leader = Some(next);
        }
        self.generation = self.generation.wrapping_add(1).max(1);
        self.protocol = self.elect_protocol();
        self.enter(Phase::Completing, now);
        self.rebalance_deadline = now + self.rebalance_timeout();
        self.unsynced = self.members.keys().cloned().collect();
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let answer = self.joined(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            if let Waiting::Join(ticket) = member.waiting {
                member.waiting = Waiting::Nothing;
                member.deadline = now + member.session_timeout;
                effects.push(Effect::AnswerJoin(ticket, Ok(answer)));
            }
        }
    }

    pub(crate) fn sync(&mut self, sync: Sync, now: Millis) -> Vec<Effect> {
        let mut effects = Vec::new();
        let ticket = sync.ticket;
        if let Err(error) = self.try_sync(sync, now, &mut effects) {
            effects.push(Effect::AnswerSync(ticket, Err(error)));
        }
        effects
    }

    fn try_sync(&mut self, sync: Sync, now: Millis, effects: &mut Vec<Effect>) -> Result<(), ResponseError> {
        self.check_generation(&sync.member_id, sync.instance_id.as_deref(), sync.generation)?;
        let differs = |asked: &Option<String>, own: &Option<String>| asked.is_some() && asked != own;
        if differs(&sync.protocol_type, &self.protocol_type) || differs(&sync.protocol, &self.protocol) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        match self.phase {
            Phase::Empty => return Err(ResponseError::UnknownMemberId),
            Phase::Preparing => return Err(ResponseError::RebalanceInProgress),
            Phase::Stable => self.answer_sync(&sync.member_id, sync.ticket, now, effects),
            Phase::Completing => {
                self.unsynced.remove(&sync.member_id);
                if let Some(member) = self.members.get_mut(&sync.member_id)
                    && let Waiting::Sync(older) = std::mem::replace(&mut member.waiting, Waiting::Sync(sync.ticket))
                {
                    effects.push(Effect::AnswerSync(older, Err(ResponseError::RebalanceInProgress)));
                }
                if self.leader.as_ref() == Some(&sync.member_id) {
                    self.assign(sync.assignments, now, effects);
                }
            }
        }
        Ok(())
    }

    fn assign(&mut self, mut assignments: BTreeMap<String, Bytes>, now: Millis, effects: &mut Vec<Effect>) {
        self.enter(Phase::Stable, now);
        for (id, member) in &mut self.members {
            member.assignment = assignments.remove(id).unwrap_or_default();
        }
        effects.push(Effect::Persist);
        let waiting: Vec<(String, Ticket)> = self
            .members
            .iter()
            .filter_map(|(id, member)| match member.waiting {
                Waiting::Sync(ticket) => Some((id.clone(), ticket)),
                Waiting::Nothing | Waiting::Join(_) => None,
            })
            .collect();
        for (id, ticket) in waiting {
            self.answer_sync(&id, ticket, now, effects);
        }
    }

    fn answer_sync(&mut self, member_id: &str, ticket: Ticket, now: Millis, effects: &mut Vec<Effect>) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        member.waiting = Waiting::Nothing;
        member.deadline = now + member.session_timeout;
        let synced = Synced {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: self.protocol.clone().unwrap_or_default(),
            assignment: member.assignment.clone(),
        };
        effects.push(Effect::AnswerSync(ticket, Ok(synced)));
    }

    /// A member says good-bye; a static one may be named by its instance alone.
    pub(crate) fn leave(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        now: Millis,
        effects: &mut Vec<Effect>,
    ) -> Result<(), ResponseError> {
        if self.pending.remove(member_id).is_some() {
            self.complete_if_all_joined(now, effects);
            return Ok(());
        }
        let id = match instance_id {
            Some(instance_id) if member_id.is_empty() => {
                self.instances.get(instance_id).cloned().ok_or(ResponseError::UnknownMemberId)?
            }
            _ => member_id.to_owned(),
        };
        self.check_member(&id, instance_id)?;
        self.remove(&id, now, effects);
        Ok(())
    }

    fn remove(&mut self, member_id: &str, now: Millis, effects: &mut Vec<Effect>) {
        let Some(member) = self.members.remove(member_id) else { return };
        self.unsynced.remove(member_id);
        if let Some(instance_id) = &member.instance_id {
            self.instances.remove(instance_id);
        }
        let error = ResponseError::UnknownMemberId;
        match member.waiting {
            Waiting::Nothing => {}
            Waiting::Join(ticket) => {
                let refused = JoinRefused { error, member_id: member_id.to_owned() };
                effects.push(Effect::AnswerJoin(ticket, Err(refused)));
            }
            Waiting::Sync(ticket) => effects.push(Effect::AnswerSync(ticket, Err(error))),
        }
        self.prepare(now, effects);
        self.complete_if_all_joined(now, effects);
    }

    /// Lets time pass: sessions end, joins and syncs run out.
    pub(crate) fn tick(&mut self, now: Millis) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.pending.retain(|_, deadline| *deadline > now);
        let lost = |member: &Member| member.waiting == Waiting::Nothing && member.deadline <= now;
        let gone: Vec<String> =
            self.members.iter().filter(|(_, member)| lost(member)).map(|(id, _)| id.clone()).collect();
        for id in gone {
            self.remove(&id, now, &mut effects);
        }
        match self.phase {
            Phase::Preparing if self.rebalance_deadline <= now => {
                if self.initial_remaining > 0 && self.grown {
                    // More members came during the delay, so more may be on the way.
                    let delay = self.times.initial_delay.min(self.initial_remaining);
                    self.initial_remaining -= delay;
                    self.grown = false;
                    self.rebalance_deadline = now + delay;
                } else {
                    self.complete_join(now, &mut effects);
                }
            }
            Phase::Preparing => self.complete_if_all_joined(now, &mut effects),
            Phase::Completing if self.rebalance_deadline <= now && !self.unsynced.is_empty() => {
                for id in std::mem::take(&mut self.unsynced) {
                    self.remove(&id, now, &mut effects);
                }
            }
            Phase::Completing | Phase::Stable | Phase::Empty => {}
        }
        effects
    }
}
