//! How members come into a group: dynamic ones, static ones, and those that come back.

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

use super::state::{Effect, Group, JoinRefused, Joined, JoinedMember, Member, Millis, Phase, Ticket, Waiting};

/// A request to join.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) ticket: Ticket,
    /// Empty when the member is new.
    pub(crate) member_id: String,
    /// The id a new member gets; made outside because it is random.
    pub(crate) fresh_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout: Millis,
    pub(crate) rebalance_timeout: Millis,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) manners: Manners,
}

/// What the version of the request knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manners {
    /// A new member comes back with the id it was given (KIP-394).
    pub(crate) returns_with_id: bool,
    /// A leader can be told to leave the assignment as it is (KIP-814).
    pub(crate) skips_assignment: bool,
}

impl Join {
    fn member(&self, now: Millis) -> Member {
        Member {
            instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            session_timeout: self.session_timeout,
            rebalance_timeout: self.rebalance_timeout,
            protocols: self.protocols.clone(),
            assignment: Bytes::new(),
            waiting: Waiting::Join(self.ticket),
            deadline: now + self.session_timeout,
        }
    }
}

impl Group {
    pub(crate) fn join(&mut self, join: &Join, now: Millis) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Err(refused) = self.try_join(join, now, &mut effects) {
            effects.push(Effect::AnswerJoin(join.ticket, Err(refused)));
        }
        effects
    }

    fn try_join(&mut self, join: &Join, now: Millis, effects: &mut Vec<Effect>) -> Result<(), JoinRefused> {
        let refused = |error, member_id: &str| Err(JoinRefused { error, member_id: member_id.to_owned() });
        if !self.supports(join) {
            return refused(ResponseError::InconsistentGroupProtocol, &join.member_id);
        }
        if join.member_id.is_empty() {
            if let Some(instance_id) = &join.instance_id {
                if let Some(old) = self.instances.get(instance_id).cloned() {
                    self.replace_static(&old, join, now, effects);
                } else {
                    self.admit(&join.fresh_id, join, now, effects);
                }
            } else if join.manners.returns_with_id {
                self.pending.insert(join.fresh_id.clone(), now + join.session_timeout);
                return refused(ResponseError::MemberIdRequired, &join.fresh_id);
            } else {
                self.admit(&join.fresh_id, join, now, effects);
            }
            return Ok(());
        }
        if self.pending.remove(&join.member_id).is_some() {
            self.admit(&join.member_id, join, now, effects);
            return Ok(());
        }
        match self.check_member(&join.member_id, join.instance_id.as_deref()) {
            Ok(()) => self.rejoin(join, now, effects),
            Err(error) => return refused(error, &join.member_id),
        }
        Ok(())
    }

    /// A group has one type, and all of its members share at least one protocol.
    fn supports(&self, join: &Join) -> bool {
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return false;
        }
        if self.members.is_empty() {
            return true;
        }
        self.protocol_type.as_ref() == Some(&join.protocol_type)
            && join.protocols.iter().any(|(name, _)| self.members.values().all(|member| has_protocol(member, name)))
    }

    fn admit(&mut self, member_id: &str, join: &Join, now: Millis, effects: &mut Vec<Effect>) {
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type.clone());
        }
        if let Some(instance_id) = &join.instance_id {
            self.instances.insert(instance_id.clone(), member_id.to_owned());
        }
        self.members.insert(member_id.to_owned(), join.member(now));
        self.grown = true;
        self.prepare(now, effects);
        self.complete_if_all_joined(now, effects);
    }

    /// A member that is known asks again: to take part in a rebalance, to start one, or because an answer was lost.
    fn rejoin(&mut self, join: &Join, now: Millis, effects: &mut Vec<Effect>) {
        let unchanged = self.members.get(&join.member_id).is_some_and(|member| member.protocols == join.protocols);
        let leads = self.leader.as_ref() == Some(&join.member_id);
        let repeated = match self.phase {
            Phase::Completing => unchanged,
            Phase::Stable => unchanged && !leads,
            Phase::Preparing | Phase::Empty => false,
        };
        if repeated {
            let joined = self.joined(&join.member_id);
            effects.push(Effect::AnswerJoin(join.ticket, Ok(joined)));
            return;
        }
        self.renew(&join.member_id, join, now, effects);
        self.prepare(now, effects);
        self.complete_if_all_joined(now, effects);
    }

    /// Takes what a known member says now, and lets go of a request of it that still waits.
    fn renew(&mut self, member_id: &str, join: &Join, now: Millis, effects: &mut Vec<Effect>) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        let assignment = std::mem::take(&mut member.assignment);
        let before = std::mem::replace(member, Member { assignment, ..join.member(now) });
        match before.waiting {
            Waiting::Nothing => {}
            Waiting::Join(ticket) => {
                let refused =
                    JoinRefused { error: ResponseError::RebalanceInProgress, member_id: member_id.to_owned() };
                effects.push(Effect::AnswerJoin(ticket, Err(refused)));
            }
            Waiting::Sync(ticket) => {
                effects.push(Effect::AnswerSync(ticket, Err(ResponseError::RebalanceInProgress)));
            }
        }
    }

    /// A static member came back without its member id: it gets a new one, and who still uses the old is fenced.
    fn replace_static(&mut self, old: &str, join: &Join, now: Millis, effects: &mut Vec<Effect>) {
        let Some(before) = self.members.remove(old) else { return };
        fence(old, before.waiting, effects);
        let led = self.leader.as_deref() == Some(old);
        if led {
            self.leader = Some(join.fresh_id.clone());
        }
        if self.unsynced.remove(old) {
            self.unsynced.insert(join.fresh_id.clone());
        }
        if let Some(instance_id) = &join.instance_id {
            self.instances.insert(instance_id.clone(), join.fresh_id.clone());
        }
        let mut member = join.member(now);
        member.assignment = before.assignment.clone();
        self.members.insert(join.fresh_id.clone(), member);
        // As long as the same protocol wins with the same metadata, a restart of a static member disturbs nobody.
        let protocol = self.protocol.clone().unwrap_or_default();
        let undisturbed = self.phase == Phase::Stable
            && self.elect_protocol().as_deref() == Some(&protocol)
            && before.metadata(&protocol) == self.members[&join.fresh_id].metadata(&protocol);
        if !undisturbed {
            self.prepare(now, effects);
            self.complete_if_all_joined(now, effects);
            return;
        }
        if let Some(member) = self.members.get_mut(&join.fresh_id) {
            member.waiting = Waiting::Nothing;
        }
        let mut joined = self.joined(&join.fresh_id);
        if led && join.manners.skips_assignment {
            joined.skip_assignment = true;
        } else if led {
            // An older client would work out assignments anew as leader, so it is told that somebody else leads.
            old.clone_into(&mut joined.leader);
            joined.members.clear();
        }
        effects.push(Effect::Persist);
        effects.push(Effect::AnswerJoin(join.ticket, Ok(joined)));
    }

    /// The answer for a member in the generation that is in force.
    pub(super) fn joined(&self, member_id: &str) -> Joined {
        let protocol = self.protocol.clone().unwrap_or_default();
        let leader = self.leader.clone().unwrap_or_default();
        let seen = |(id, member): (&String, &Member)| JoinedMember {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(&protocol),
        };
        let members = if leader == member_id { self.members.iter().map(seen).collect() } else { Vec::new() };
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: protocol.clone(),
            leader,
            member_id: member_id.to_owned(),
            members,
            skip_assignment: false,
        }
    }

    /// Each member votes for the first of its protocols that all support; the most votes win, then the first name.
    pub(super) fn elect_protocol(&self) -> Option<String> {
        let shared = |name: &str| self.members.values().all(|member| has_protocol(member, name));
        let mut votes = std::collections::BTreeMap::<&str, usize>::new();
        for member in self.members.values() {
            if let Some((name, _)) = member.protocols.iter().find(|(name, _)| shared(name)) {
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes.values().max()?;
        votes.iter().find(|(_, count)| *count == most).map(|(name, _)| (*name).to_owned())
    }
}

fn has_protocol(member: &Member, name: &str) -> bool {
    member.protocols.iter().any(|(own, _)| own == name)
}

fn fence(member_id: &str, waiting: Waiting, effects: &mut Vec<Effect>) {
    let error = ResponseError::FencedInstanceId;
    match waiting {
        Waiting::Nothing => {}
        Waiting::Join(ticket) => {
            effects.push(Effect::AnswerJoin(ticket, Err(JoinRefused { error, member_id: member_id.to_owned() })));
        }
        Waiting::Sync(ticket) => effects.push(Effect::AnswerSync(ticket, Err(error))),
    }
}
