//! The leader's decision who runs what: incremental cooperative assignment (KIP-415), and the eager one.
//!
//! Pure: it is told the time and remembers only what the JVM's leader remembers.

use std::collections::{BTreeMap, BTreeSet};

use super::protocol::Work;
use crate::storage::config_state::TaskId;

/// What a leader hands to one member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// In the incremental protocols only what is new.
    pub assigned: Work,
    pub revoked: Work,
}

/// What one round of assignment yields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub shares: BTreeMap<String, Share>,
    pub delay_ms: u64,
}

/// What the leader of an incremental group remembers between rounds.
#[derive(Clone, Debug, Default)]
pub struct Assignor {
    max_delay_ms: u64,
    previous: Work,
    previous_revocation: Work,
    previous_members: BTreeSet<String>,
    previous_generation: i32,
    scheduled_ms: Option<u64>,
    delay_ms: u64,
    candidates: BTreeSet<String>,
    revoked_in_previous: bool,
    successive_revocations: u32,
}

/// When and between which generations a round takes place.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now_ms: u64,
    pub generation: i32,
    /// The last generation whose rebalance this worker saw completed.
    pub completed_generation: i32,
}

type Loads = BTreeMap<String, Work>;

impl Assignor {
    pub fn new(max_delay_ms: u64) -> Self {
        Self { max_delay_ms, previous_generation: -1, ..Self::default() }
    }

    /// One round, given what is configured and what each member says it runs.
    pub fn assign(&mut self, at: Moment, configured: &Work, members: &Loads) -> Round {
        if self.previous_generation != at.completed_generation {
            self.previous = Work::default();
        }
        let active = union(members.values());
        // A revocation that some member has not followed: count again from what really runs.
        if !self.previous_revocation.intersection(&active).is_empty() {
            self.previous = active.clone();
        }
        self.previous_revocation = Work::default();
        let deleted = self.previous.without(configured);
        // What runs without being configured was deleted before this leader came to know it.
        let mut unwanted = active.without(configured);
        unwanted.extend(&deleted);
        let lost = self.previous.without(&active).without(&deleted);
        let created = configured.without(&self.previous).without(&active);
        let duplicated = duplicated(members);
        let mut revoked: Loads = members
            .iter()
            .map(|(member, running)| {
                let mut revoke = running.intersection(&unwanted);
                revoke.extend(&running.intersection(&duplicated));
                (member.clone(), revoke)
            })
            .collect();
        let mut next: Loads =
            members.iter().map(|(member, running)| (member.clone(), running.without(&revoked[member]))).collect();
        let mut to_assign = self.settle_lost(at.now_ms, &lost, &mut next);
        self.balance(at.now_ms, configured, &mut next, &mut revoked);
        // Work that ran twice runs nowhere once it is revoked; the next round hands it out as lost.
        to_assign.extend(&created);
        distribute(&mut next, &to_assign);
        self.remember(at.generation, &next, &revoked, &lost.without(&to_assign));
        let share = |(member, revoked): (String, Work)| {
            let assigned = next[&member].without(&members[&member]);
            (member, Share { assigned, revoked })
        };
        Round { shares: revoked.into_iter().map(share).collect(), delay_ms: self.delay_ms }
    }

    fn remember(&mut self, generation: i32, next: &Loads, revoked: &Loads, waiting: &Work) {
        self.previous_revocation = union(revoked.values());
        self.previous = union(next.values());
        self.previous.extend(waiting);
        self.previous_members = next.keys().cloned().collect();
        self.previous_generation = generation;
    }

    /// Decides about work that ran before and runs nowhere now; answers what is to be handed out at once.
    fn settle_lost(&mut self, now_ms: u64, lost: &Work, next: &mut Loads) -> Work {
        if lost.is_empty() && !self.revoked_in_previous {
            self.reset_delay();
            return Work::default();
        }
        let nobody_left = self.previous_members.iter().all(|member| next.contains_key(member));
        if (self.scheduled_ms.is_none() && nobody_left) || self.max_delay_ms == 0 {
            return lost.clone();
        }
        match self.scheduled_ms {
            Some(at) if now_ms >= at => {
                let back: Vec<String> = self.candidates.iter().filter(|m| next.contains_key(*m)).cloned().collect();
                self.reset_delay();
                self.revoked_in_previous = false;
                if back.is_empty() {
                    return lost.clone();
                }
                hand_in_turn(&back, lost, next);
                Work::default()
            }
            scheduled => {
                let idle = next.iter().filter(|(_, work)| work.is_empty()).map(|(member, _)| member.clone());
                self.candidates.extend(idle);
                self.delay_ms = scheduled.map_or(self.max_delay_ms, |at| at - now_ms);
                self.scheduled_ms = Some(now_ms + self.delay_ms);
                Work::default()
            }
        }
    }

    fn reset_delay(&mut self) {
        self.candidates.clear();
        self.scheduled_ms = None;
        self.delay_ms = 0;
    }

    /// Takes from members that have more than their part, unless a delay is running or the last round took too.
    fn balance(&mut self, now_ms: u64, configured: &Work, next: &mut Loads, revoked: &mut Loads) {
        if self.delay_ms > 0 {
            self.revoked_in_previous = false;
            return;
        }
        let surplus = surplus(configured, next);
        if surplus.values().all(Work::is_empty) {
            if self.revoked_in_previous {
                self.revoked_in_previous = false;
                self.successive_revocations = 0;
            }
            return;
        }
        if self.revoked_in_previous {
            self.successive_revocations += 1;
            // 1 ms growing fortyfold: rounds that keep taking work away must not follow each other closely.
            let backoff = 40_u64.saturating_pow(self.successive_revocations - 1);
            self.delay_ms = backoff.min(self.max_delay_ms);
            if self.delay_ms > 0 {
                self.scheduled_ms = Some(now_ms + self.delay_ms);
                return;
            }
        } else {
            self.revoked_in_previous = true;
        }
        for (member, work) in surplus {
            if let (Some(load), Some(taken)) = (next.get_mut(&member), revoked.get_mut(&member)) {
                load.remove(&work);
                taken.extend(&work);
            }
        }
    }
}

/// The eager assignment: everything is dealt out anew, in order, round robin.
pub fn assign_eagerly(configured: &Work, members: &BTreeSet<String>) -> BTreeMap<String, Work> {
    let mut loads: Loads = members.iter().map(|member| (member.clone(), Work::default())).collect();
    let members: Vec<String> = members.iter().cloned().collect();
    hand_in_turn(&members, configured, &mut loads);
    loads
}

fn union<'a>(works: impl Iterator<Item = &'a Work>) -> Work {
    works.fold(Work::default(), |mut all, work| {
        all.extend(work);
        all
    })
}

fn duplicated(members: &Loads) -> Work {
    let (mut seen, mut twice) = (Work::default(), Work::default());
    for work in members.values() {
        twice.extend(&seen.intersection(work));
        seen.extend(work);
    }
    twice
}

fn hand_in_turn(members: &[String], work: &Work, loads: &mut Loads) {
    let mut turn = members.iter().cycle();
    for connector in &work.connectors {
        if let Some(load) = turn.next().and_then(|member| loads.get_mut(member)) {
            load.connectors.insert(connector.clone());
        }
    }
    for task in &work.tasks {
        if let Some(load) = turn.next().and_then(|member| loads.get_mut(member)) {
            load.tasks.insert(task.clone());
        }
    }
}

/// Gives each piece to whoever has the least of its kind.
fn distribute(loads: &mut Loads, work: &Work) {
    for connector in &work.connectors {
        if let Some(load) = loads.values_mut().min_by_key(|load| load.connectors.len()) {
            load.connectors.insert(connector.clone());
        }
    }
    for task in &work.tasks {
        if let Some(load) = loads.values_mut().min_by_key(|load| load.tasks.len()) {
            load.tasks.insert(task.clone());
        }
    }
}

/// What members hold beyond an even part, separately for connectors and tasks.
fn surplus(configured: &Work, loads: &Loads) -> Loads {
    let connectors: BTreeMap<&String, Vec<&String>> =
        loads.iter().map(|(member, load)| (member, load.connectors.iter().collect())).collect();
    let tasks: BTreeMap<&String, Vec<&TaskId>> =
        loads.iter().map(|(member, load)| (member, load.tasks.iter().collect())).collect();
    let connectors = beyond_even(configured.connectors.len(), connectors);
    let tasks = beyond_even(configured.tasks.len(), tasks);
    let of = |member: &String| Work {
        connectors: connectors[member].iter().map(|name| (*name).clone()).collect(),
        tasks: tasks[member].iter().map(|id| (*id).clone()).collect(),
    };
    loads.keys().map(|member| (member.clone(), of(member))).collect()
}

fn beyond_even<'a, T>(total: usize, held: BTreeMap<&'a String, Vec<T>>) -> BTreeMap<&'a String, Vec<T>> {
    let members = held.len().max(1);
    let (even, mut extras) = (total / members, total % members);
    let cut = |(member, mut pieces): (&'a String, Vec<T>)| {
        let mut allowed = even;
        if pieces.len() > even && extras > 0 {
            extras -= 1;
            allowed += 1;
        }
        pieces.truncate(pieces.len().saturating_sub(allowed));
        (member, pieces)
    };
    held.into_iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(connectors: &[&str], tasks: &[(&str, u32)]) -> Work {
        Work {
            connectors: connectors.iter().map(|name| (*name).to_owned()).collect(),
            tasks: tasks.iter().map(|(name, task)| TaskId::new(name, *task)).collect(),
        }
    }

    fn at(now_ms: u64, generation: i32) -> Moment {
        Moment { now_ms, generation, completed_generation: generation - 1 }
    }

    /// Applies a round as members would.
    fn follow(loads: &mut Loads, round: &Round) {
        for (member, share) in &round.shares {
            if let Some(load) = loads.get_mut(member) {
                load.remove(&share.revoked);
                load.extend(&share.assigned);
            }
        }
    }

    #[test]
    fn a_second_worker_gets_half_in_two_rounds() {
        let configured = work(&["a", "b"], &[("a", 0), ("a", 1), ("b", 0), ("b", 1)]);
        let mut assignor = Assignor::new(300_000);
        let mut loads = Loads::from([("w1".to_owned(), Work::default())]);
        let round = assignor.assign(at(0, 1), &configured, &loads);
        follow(&mut loads, &round);
        assert_eq!(loads["w1"], configured);
        loads.insert("w2".into(), Work::default());
        let round = assignor.assign(at(0, 2), &configured, &loads);
        assert_eq!(round.shares["w1"].revoked, work(&["a"], &[("a", 0), ("a", 1)]));
        assert!(round.shares["w2"].assigned.is_empty());
        follow(&mut loads, &round);
        let round = assignor.assign(at(0, 3), &configured, &loads);
        follow(&mut loads, &round);
        assert_eq!(loads["w2"], work(&["a"], &[("a", 0), ("a", 1)]));
        assert_eq!(loads["w1"], work(&["b"], &[("b", 0), ("b", 1)]));
    }

    #[test]
    fn the_work_of_a_lost_worker_waits_for_its_return() {
        let configured = work(&["a"], &[("a", 0), ("a", 1)]);
        let mut assignor = Assignor::new(1000);
        let mut loads = Loads::from([("w1".to_owned(), Work::default()), ("w2".to_owned(), Work::default())]);
        let round = assignor.assign(at(0, 1), &configured, &loads);
        follow(&mut loads, &round);
        let lost = loads.remove("w2").expect("w2 was there");
        let round = assignor.assign(at(10, 2), &configured, &loads);
        assert_eq!((round.delay_ms, round.shares["w1"].assigned.is_empty()), (1000, true));
        let round = assignor.assign(at(400, 3), &configured, &loads);
        assert_eq!(round.delay_ms, 610);
        let round = assignor.assign(at(1010, 4), &configured, &loads);
        assert_eq!((round.delay_ms, &round.shares["w1"].assigned), (0, &lost));
    }

    #[test]
    fn what_runs_twice_is_taken_from_both_and_given_to_one() {
        let configured = work(&[], &[("a", 0)]);
        let mut assignor = Assignor::new(0);
        let mut loads = Loads::from([("w1".to_owned(), configured.clone()), ("w2".to_owned(), configured.clone())]);
        let round = assignor.assign(at(0, 1), &configured, &loads);
        follow(&mut loads, &round);
        assert!(loads.values().all(Work::is_empty));
        let round = assignor.assign(at(0, 2), &configured, &loads);
        follow(&mut loads, &round);
        assert_eq!(loads.values().filter(|load| !load.is_empty()).count(), 1);
    }

    #[test]
    fn deleted_work_is_revoked() {
        let mut assignor = Assignor::new(0);
        let loads = Loads::from([("w1".to_owned(), work(&["a"], &[("a", 0)]))]);
        let round = assignor.assign(at(0, 1), &Work::default(), &loads);
        assert_eq!(round.shares["w1"].revoked, work(&["a"], &[("a", 0)]));
    }

    #[test]
    fn eager_members_take_turns() {
        let members = BTreeSet::from(["m1".to_owned(), "m2".to_owned()]);
        let loads = assign_eagerly(&work(&["a", "b", "c"], &[("a", 0)]), &members);
        assert_eq!(loads["m1"], work(&["a", "c"], &[]));
        assert_eq!(loads["m2"], work(&["b"], &[("a", 0)]));
    }
}
