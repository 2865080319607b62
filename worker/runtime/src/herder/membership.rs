//! This worker's place in the group: joining, leading, and what it was told to run.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    assignor::{Assignor, Moment, assign_eagerly},
    local::Local,
    protocol::{Assignment, COMPATIBLE, CONFIG_MISMATCH, EAGER, Metadata, SESSIONED, Work},
    state::{Action, Event},
};
use crate::{config::GroupProtocol, storage::config_state::ConfigState};

/// The settings that decide when things happen.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub protocol: GroupProtocol,
    pub rebalance_delay_max_ms: u64,
    pub session_key_ttl_ms: u64,
    /// How long to stay away after the config topic could not be read as far as the leader has.
    pub unsync_backoff_ms: u64,
}

/// Where this worker stands in the life of a generation.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    /// Not a member, or a member that knows it must join again.
    Outside,
    Joining,
    /// Elected, and reading what other members have read already.
    Leading {
        members: BTreeMap<String, Metadata>,
    },
    Syncing,
    /// Assigned by a leader that has read further.
    CatchingUp {
        offset: i64,
    },
    Stable,
    Left,
    /// There is no group: all work is this worker's.
    Alone,
}

/// Membership of the group. Work is only ever given and taken here. (Invariant 5)
#[derive(Clone, Debug)]
pub struct Membership {
    pub timing: Timing,
    url: String,
    phase: Phase,
    rejoin: bool,
    /// Set on becoming stable, for what is done once per rebalance.
    settled: bool,
    pub now_ms: u64,
    not_before_ms: u64,
    rejoin_at_ms: Option<u64>,
    member_id: String,
    pub generation: i32,
    completed_generation: i32,
    pub protocol_version: i16,
    pub leads: bool,
    leader: Option<String>,
    pub leader_url: Option<String>,
    assignment_offset: i64,
    pub assigned: Work,
    assignor: Assignor,
}

impl Membership {
    pub fn new(url: &str, timing: Timing) -> Self {
        Self {
            timing,
            url: url.to_owned(),
            phase: Phase::Outside,
            rejoin: false,
            settled: false,
            now_ms: 0,
            not_before_ms: 0,
            rejoin_at_ms: None,
            member_id: String::new(),
            generation: -1,
            completed_generation: -1,
            protocol_version: 0,
            leads: false,
            leader: None,
            leader_url: None,
            assignment_offset: -1,
            assigned: Work::default(),
            assignor: Assignor::new(timing.rebalance_delay_max_ms),
        }
    }

    /// A worker without a group, which leads itself.
    pub fn alone(url: &str) -> Self {
        let never = Timing {
            protocol: GroupProtocol::Eager,
            rebalance_delay_max_ms: 0,
            session_key_ttl_ms: 0,
            unsync_backoff_ms: 0,
        };
        Self { phase: Phase::Alone, generation: 0, leads: true, ..Self::new(url, never) }
    }

    pub fn is_alone(&self) -> bool {
        self.phase == Phase::Alone
    }

    /// Whether the last rebalance is over and no other is due: only then work is started.
    pub fn is_stable(&self) -> bool {
        matches!(self.phase, Phase::Stable | Phase::Alone) && !self.rejoin
    }

    /// Gives a worker without a group all that is configured, in place of a rebalance.
    pub fn take_all_if_alone(&mut self, config: &ConfigState) {
        if self.is_alone() && std::mem::take(&mut self.rejoin) {
            self.assigned = everything(config);
            self.settled = true;
        }
    }

    pub fn member_id(&self) -> &str {
        &self.member_id
    }

    pub fn ask_to_rejoin(&mut self) {
        self.rejoin = true;
    }

    /// True once after each rebalance that came to its end.
    pub fn take_settled(&mut self) -> bool {
        self.is_stable() && std::mem::take(&mut self.settled)
    }

    /// Lets go of all work; it is stopped, and others may be given it.
    pub fn give_up_work(&mut self) {
        self.assigned = Work::default();
    }

    /// Forgets the leader whose word this work was.
    fn forget_group(&mut self) {
        self.give_up_work();
        self.leads = false;
        self.leader = None;
        self.leader_url = None;
    }

    pub fn tick(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        if self.rejoin_at_ms.is_some_and(|at| now_ms >= at) {
            self.rejoin_at_ms = None;
            self.rejoin = true;
        }
    }

    /// Leaves the group; false when that was done before.
    pub fn leave(&mut self, actions: &mut Vec<Action>) -> bool {
        if self.phase == Phase::Left {
            return false;
        }
        self.phase = Phase::Left;
        actions.push(Action::Leave);
        true
    }

    pub fn step(&mut self, event: Event, config: &ConfigState, actions: &mut Vec<Action>) {
        match event {
            Event::Joined { generation, member_id, protocol, leads, members } if self.phase == Phase::Joining => {
                self.generation = generation;
                self.member_id = member_id;
                self.protocol_version = protocol;
                self.leads = leads;
                self.joined(members, config, actions);
            }
            // An answer to an older sync says nothing about this generation.
            Event::Synced { generation, assignment }
                if self.phase == Phase::Syncing && generation == self.generation =>
            {
                match Assignment::decode(&assignment) {
                    Ok(assignment) => self.synced(assignment, config, actions),
                    // An empty assignment: the leader vanished between join and sync.
                    Err(_) => self.rejoin_from_outside(),
                }
            }
            Event::CaughtUp | Event::CatchUpFailed => self.caught_up(config, actions),
            Event::RebalanceNeeded if self.phase != Phase::Joining && self.phase != Phase::Left => {
                self.rejoin_from_outside();
            }
            Event::GroupLost if self.phase != Phase::Left => {
                // Others may be given this work already, so it must not go on here.
                self.forget_group();
                self.rejoin_from_outside();
            }
            _ => {}
        }
    }

    fn rejoin_from_outside(&mut self) {
        self.phase = Phase::Outside;
        self.rejoin = true;
    }

    /// Joins when that is due and what is revoked has come to its end.
    pub fn join_when_due(&mut self, local: &mut Local, config: &ConfigState, actions: &mut Vec<Action>) {
        let free = matches!(self.phase, Phase::Outside | Phase::Stable);
        if !(self.rejoin && free && self.now_ms >= self.not_before_ms) {
            return;
        }
        let eager =
            self.timing.protocol == GroupProtocol::Eager || (self.generation >= 0 && self.protocol_version == 0);
        if eager && !self.assigned.is_empty() {
            // The eager protocol deals everything out anew: nothing may run while members join.
            self.give_up_work();
            let wanted = super::local::Wanted { assigned: &self.assigned, config, may_start: false };
            local.reconcile(&wanted, actions);
        }
        if local.is_stopping() {
            return;
        }
        self.rejoin = false;
        self.rejoin_at_ms = None;
        self.phase = Phase::Joining;
        actions.push(Action::Join { protocols: self.offers(config) });
    }

    fn offers(&self, config: &ConfigState) -> Vec<(&'static str, Vec<u8>)> {
        let running = (!self.assigned.is_empty() || self.leader.is_some()).then(|| Assignment {
            version: self.protocol_version.max(1),
            error: 0,
            leader: self.leader.clone(),
            leader_url: self.leader_url.clone(),
            offset: self.assignment_offset,
            assigned: self.assigned.clone(),
            revoked: Work::default(),
            delay_ms: 0,
        });
        let metadata = Metadata { url: self.url.clone(), offset: config.offset, running };
        let offer = |name, version| (name, metadata.encode(version));
        match self.timing.protocol {
            GroupProtocol::Sessioned => vec![offer(SESSIONED, 2), offer(COMPATIBLE, 1), offer(EAGER, 0)],
            GroupProtocol::Compatible => vec![offer(COMPATIBLE, 1), offer(EAGER, 0)],
            GroupProtocol::Eager => vec![offer(EAGER, 0)],
        }
    }

    fn joined(&mut self, members: Vec<(String, Vec<u8>)>, config: &ConfigState, actions: &mut Vec<Action>) {
        if !self.leads {
            self.phase = Phase::Syncing;
            actions.push(Action::Sync { assignments: Vec::new() });
            return;
        }
        let decode = |(member, bytes): (String, Vec<u8>)| Some((member, Metadata::decode(&bytes).ok()?));
        let members: BTreeMap<String, Metadata> = members.into_iter().filter_map(decode).collect();
        let furthest = members.values().map(|member| member.offset).max().unwrap_or(-1);
        if furthest > config.offset {
            self.phase = Phase::Leading { members };
            actions.push(Action::ReadConfig);
        } else {
            self.assign(&members, config, actions);
        }
    }

    fn assign(&mut self, members: &BTreeMap<String, Metadata>, config: &ConfigState, actions: &mut Vec<Action>) {
        let furthest = members.values().map(|member| member.offset).max().unwrap_or(-1);
        let behind = furthest > config.offset;
        let template = Assignment {
            version: self.protocol_version,
            error: if behind { CONFIG_MISMATCH } else { 0 },
            leader: Some(self.member_id.clone()),
            leader_url: Some(self.url.clone()),
            offset: if behind { furthest } else { config.offset },
            ..Assignment::default()
        };
        let mut assignments: Vec<(String, Assignment)> =
            members.keys().map(|member| (member.clone(), template.clone())).collect();
        if !behind {
            self.share_out(members, config, &mut assignments);
        }
        self.phase = Phase::Syncing;
        let bytes = |(member, assignment): (String, Assignment)| (member, assignment.encode());
        actions.push(Action::Sync { assignments: assignments.into_iter().map(bytes).collect() });
    }

    fn share_out(
        &mut self,
        members: &BTreeMap<String, Metadata>,
        config: &ConfigState,
        assignments: &mut [(String, Assignment)],
    ) {
        let configured = everything(config);
        if self.protocol_version == 0 {
            let names: BTreeSet<String> = members.keys().cloned().collect();
            let mut shares = assign_eagerly(&configured, &names);
            for (member, assignment) in assignments {
                assignment.assigned = shares.remove(member).unwrap_or_default();
            }
            return;
        }
        let running = |metadata: &Metadata| metadata.running.clone().unwrap_or_default().assigned;
        let loads = members.iter().map(|(member, metadata)| (member.clone(), running(metadata))).collect();
        let moment = Moment {
            now_ms: self.now_ms,
            generation: self.generation,
            completed_generation: self.completed_generation,
        };
        let mut round = self.assignor.assign(moment, &configured, &loads);
        for (member, assignment) in assignments {
            let share = round.shares.remove(member).unwrap_or_default();
            assignment.assigned = share.assigned;
            assignment.revoked = share.revoked;
            assignment.delay_ms = i32::try_from(round.delay_ms).unwrap_or(i32::MAX);
        }
    }

    fn synced(&mut self, assignment: Assignment, config: &ConfigState, actions: &mut Vec<Action>) {
        self.completed_generation = self.generation;
        self.leads = assignment.leader.as_deref() == Some(self.member_id.as_str());
        self.leader = assignment.leader;
        self.leader_url = assignment.leader_url;
        self.assignment_offset = assignment.offset;
        self.settled = true;
        if self.protocol_version == 0 {
            self.assigned = assignment.assigned;
        } else {
            self.assigned.remove(&assignment.revoked);
            self.assigned.extend(&assignment.assigned);
            // What was taken away is handed out in the next round, as soon as it has stopped here.
            self.rejoin |= !assignment.revoked.is_empty();
        }
        if assignment.delay_ms > 0 {
            self.rejoin_at_ms = Some(self.now_ms + u64::try_from(assignment.delay_ms).unwrap_or(0));
        }
        if assignment.error == CONFIG_MISMATCH || assignment.offset > config.offset {
            self.phase = Phase::CatchingUp { offset: assignment.offset };
            actions.push(Action::ReadConfig);
        } else {
            self.phase = Phase::Stable;
            // The leader decided on an older configuration than the one that is read here.
            self.rejoin |= assignment.offset < config.offset;
        }
    }

    fn caught_up(&mut self, config: &ConfigState, actions: &mut Vec<Action>) {
        match std::mem::replace(&mut self.phase, Phase::Outside) {
            Phase::Leading { members } => self.assign(&members, config, actions),
            Phase::CatchingUp { offset } if config.offset >= offset => {
                self.phase = Phase::Stable;
                self.rejoin |= config.offset > offset;
            }
            Phase::CatchingUp { .. } => {
                // A worker that can't read what others act on must not act; it comes back later.
                actions.push(Action::Leave);
                self.forget_group();
                self.rejoin = true;
                self.not_before_ms = self.now_ms + self.timing.unsync_backoff_ms;
            }
            phase => self.phase = phase,
        }
    }
}

fn everything(config: &ConfigState) -> Work {
    Work { connectors: config.connectors().map(str::to_owned).collect(), tasks: config.task_ids() }
}
