//! The state of one consumer group, and how it moves: joins, assignments, heartbeats, departures and time.
//!
//! Pure: it knows neither clock nor network. Whoever calls gives the time and carries out the [`Effect`]s, so each path
//! of a rebalance is a test without waiting.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

/// Milliseconds since the epoch.
pub(crate) type Millis = i64;

/// Names one request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No members; offsets may still be there.
    Empty,
    /// Members are asked to join again.
    Preparing,
    /// All have joined; the leader works out who gets what.
    Completing,
    Stable,
}

impl Phase {
    /// The name that clients see.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Empty => "Empty",
            Phase::Preparing => "PreparingRebalance",
            Phase::Completing => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }
}

/// What a member waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    Nothing,
    Join(Ticket),
    Sync(Ticket),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// The name a static member keeps over restarts (KIP-345).
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout: Millis,
    pub(crate) rebalance_timeout: Millis,
    /// Protocols the member supports with its metadata for each, the preferred first.
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) assignment: Bytes,
    pub(super) waiting: Waiting,
    /// When the member is lost unless it is heard of.
    pub(super) deadline: Millis,
}

impl Member {
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|(name, _)| name == protocol)
            .map(|(_, metadata)| metadata.clone())
            .unwrap_or_default()
    }
}

/// A member as the leader sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JoinedMember {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) metadata: Bytes,
}

/// The answer to a join that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    pub(crate) member_id: String,
    /// Filled for the leader alone.
    pub(crate) members: Vec<JoinedMember>,
    /// A static leader that came back keeps the assignment there is (KIP-814).
    pub(crate) skip_assignment: bool,
}

/// The answer to a sync that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Synced {
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) assignment: Bytes,
}

/// The answer to a join that failed; the member id is the new one when the member shall come back with it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JoinRefused {
    pub(crate) error: ResponseError,
    pub(crate) member_id: String,
}

/// What is to be done after a step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    AnswerJoin(Ticket, Result<Joined, JoinRefused>),
    AnswerSync(Ticket, Result<Synced, ResponseError>),
    /// The group changed in a way that must outlive the broker.
    Persist,
}

/// Times of the group protocol that the broker sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GroupTimes {
    /// How long the first rebalance of an empty group waits for more members.
    pub(crate) initial_delay: Millis,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(super) phase: Phase,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) leader: Option<String>,
    pub(super) members: BTreeMap<String, Member>,
    /// Static members: instance id to the member id in force.
    pub(super) instances: BTreeMap<String, String>,
    /// Member ids given out with error 79 and not used yet, with the time they are forgotten.
    pub(super) pending: BTreeMap<String, Millis>,
    /// Members of this generation that have not asked for their assignment.
    pub(super) unsynced: BTreeSet<String>,
    /// The end of the join or of the sync that is under way.
    pub(super) rebalance_deadline: Millis,
    /// What is left of the rebalance timeout when the first rebalance waits for more members; 0 in any other.
    pub(super) initial_remaining: Millis,
    /// A member joined since the initial delay began anew.
    pub(super) grown: bool,
    /// When the group came into this phase, for the expiry of its offsets.
    pub(super) changed_at: Millis,
    pub(super) times: GroupTimes,
}

impl Group {
    pub(crate) fn new(times: GroupTimes, now: Millis) -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            rebalance_deadline: 0,
            initial_remaining: 0,
            grown: false,
            changed_at: now,
            times,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    pub(crate) fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    pub(crate) fn members(&self) -> &BTreeMap<String, Member> {
        &self.members
    }

    pub(crate) fn changed_at(&self) -> Millis {
        self.changed_at
    }

    /// Nobody is in the group or on the way into it.
    pub(crate) fn vacant(&self) -> bool {
        self.phase == Phase::Empty && self.pending.is_empty()
    }

    /// The members are gone for good, so nobody need wait until their sessions end. The generation goes on, and so do
    /// the offsets that were committed.
    pub(super) fn forget_members(&mut self, now: Millis) {
        if self.members.is_empty() {
            return;
        }
        self.members.clear();
        self.instances.clear();
        self.leader = None;
        self.protocol = None;
        self.enter(Phase::Empty, now);
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Millis) {
        self.phase = phase;
        self.changed_at = now;
    }

    /// Whether somebody who claims to be this member is it.
    pub(super) fn check_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), ResponseError> {
        if let Some(instance_id) = instance_id {
            match self.instances.get(instance_id) {
                None => return Err(ResponseError::UnknownMemberId),
                Some(current) if current != member_id => return Err(ResponseError::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ResponseError::UnknownMemberId) }
    }

    pub(super) fn check_generation(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(), ResponseError> {
        self.check_member(member_id, instance_id)?;
        if generation == self.generation { Ok(()) } else { Err(ResponseError::IllegalGeneration) }
    }

    /// Whether offsets may be committed by who says to be this member; it counts as a sign of life.
    pub(crate) fn commit(&mut self, by: &Committer<'_>, now: Millis) -> Result<(), ResponseError> {
        if by.generation < 0 && self.phase == Phase::Empty {
            return Ok(());
        }
        if by.generation >= 0 || !by.member_id.is_empty() || by.instance_id.is_some() {
            self.check_generation(by.member_id, by.instance_id, by.generation)?;
        } else if !by.transactional {
            return Err(ResponseError::UnknownMemberId);
        }
        if !by.transactional && self.phase == Phase::Completing {
            return Err(ResponseError::RebalanceInProgress);
        }
        if let Some(member) = self.members.get_mut(by.member_id) {
            member.deadline = now + member.session_timeout;
        }
        Ok(())
    }

    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now: Millis,
    ) -> Result<(), ResponseError> {
        self.check_generation(member_id, instance_id, generation)?;
        if let Some(member) = self.members.get_mut(member_id) {
            member.deadline = now + member.session_timeout;
        }
        match self.phase {
            Phase::Empty => Err(ResponseError::UnknownMemberId),
            Phase::Preparing => Err(ResponseError::RebalanceInProgress),
            Phase::Completing | Phase::Stable => Ok(()),
        }
    }

    /// When time alone will next change something.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        let rebalance = match self.phase {
            Phase::Preparing => Some(self.rebalance_deadline),
            Phase::Completing if !self.unsynced.is_empty() => Some(self.rebalance_deadline),
            _ => None,
        };
        let sessions =
            self.members.values().filter(|member| member.waiting == Waiting::Nothing).map(|member| member.deadline);
        sessions.chain(self.pending.values().copied()).chain(rebalance).min()
    }
}

/// Who commits offsets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committer<'a> {
    pub(crate) member_id: &'a str,
    pub(crate) instance_id: Option<&'a str>,
    pub(crate) generation: i32,
    pub(crate) transactional: bool,
}
