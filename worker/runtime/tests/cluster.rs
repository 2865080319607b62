//! A whole cluster in one thread: several herders, a config topic, a group coordinator, tasks, and everything that can
//! go wrong between them, in an order that follows from a seed.
//!
//! Checked at every step: each herder knows exactly what it has read, in order (Invariant 5), and nothing runs twice.
//! Checked at the end: everything configured runs once, and every request was answered.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use connect_api::Props;
use connect_runtime::{
    config::GroupProtocol,
    herder::{
        membership::Timing,
        request::Request,
        state::{Action, Event, Herder},
    },
    storage::{
        config_state::{ConfigRecord, ConfigState, SessionKey, TargetState, TaskId},
        configs::Write,
        statuses::State,
    },
};

const NODES: usize = 4;
const SESSION_MS: u64 = 10_000;
const REBALANCE_MS: u64 = 20_000;
/// After this long without the coordinator a worker stops its work; what stops takes less than the rest of the session.
const GIVE_UP_MS: u64 = 8_000;
const STOP_MS: u64 = 1_500;

/// A generator of which every run is the same (a linear congruence; its quality is enough for choosing faults).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Something that arrives at a node later, unless the node has died meanwhile.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ms: u64,
    order: u64,
    node: usize,
    life: u32,
    what: usize,
}

struct Node {
    herder: Herder,
    life: u32,
    alive: bool,
    member_id: Option<String>,
    /// Records of the topic that were handed over.
    read: usize,
    running: BTreeMap<TaskId, u64>,
    cut_off_since: Option<u64>,
    lost: bool,
    /// A join that waits for the coordinator to be in reach again.
    joining: Option<Vec<u8>>,
    finished: bool,
}

#[derive(Default)]
struct Coordinator {
    generation: i32,
    leader: Option<String>,
    /// All members with their node, and the metadata of those that have joined the coming generation.
    members: BTreeMap<String, (usize, Option<Vec<u8>>)>,
    rebalancing: bool,
    began_ms: u64,
    assignments: BTreeMap<String, Vec<u8>>,
    waiting: BTreeSet<String>,
    named: u64,
}

struct World {
    now_ms: u64,
    random: Random,
    log: Vec<ConfigRecord>,
    nodes: Vec<Node>,
    group: Coordinator,
    due: BinaryHeap<Reverse<Due>>,
    events: Vec<Option<Event>>,
    order: u64,
    /// Requests without an answer, and who was asked; they end with that process.
    asked: BTreeMap<u64, usize>,
    faults: bool,
    seed: u64,
}

fn timing() -> Timing {
    Timing {
        protocol: GroupProtocol::Sessioned,
        rebalance_delay_max_ms: 3_000,
        session_key_ttl_ms: 3_600_000,
        unsync_backoff_ms: 500,
    }
}

impl Node {
    fn new(at: usize, life: u32) -> Self {
        Self {
            herder: Herder::new(&format!("http://w{at}/"), timing()),
            life,
            alive: true,
            member_id: None,
            read: 0,
            running: BTreeMap::new(),
            cut_off_since: None,
            lost: false,
            joining: None,
            finished: false,
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            now_ms: 0,
            random: Random(seed),
            log: Vec::new(),
            nodes: (0..NODES).map(|at| Node::new(at, 0)).collect(),
            group: Coordinator::default(),
            due: BinaryHeap::new(),
            events: Vec::new(),
            order: 0,
            asked: BTreeMap::new(),
            faults: true,
            seed,
        };
        for at in 0..NODES {
            world.later(at, 10, Event::CaughtUp);
        }
        world
    }

    fn later(&mut self, node: usize, delay_ms: u64, event: Event) {
        self.order += 1;
        self.events.push(Some(event));
        self.due.push(Reverse(Due {
            at_ms: self.now_ms + delay_ms,
            order: self.order,
            node,
            life: self.nodes[node].life,
            what: self.events.len() - 1,
        }));
    }

    fn delay(&mut self) -> u64 {
        1 + self.random.below(50)
    }

    fn give(&mut self, at: usize, event: Event) {
        if !self.nodes[at].alive {
            return;
        }
        let trace = std::env::var("CLUSTER_SEED").is_ok() && !matches!(event, Event::Tick { .. });
        if trace {
            println!("{} node {at} <- {event:?}", self.now_ms);
        }
        let actions = self.nodes[at].herder.step(event);
        if trace && !actions.is_empty() {
            println!("{} node {at} -> {actions:?}", self.now_ms);
        }
        self.check(at);
        for action in actions {
            self.carry_out(at, action);
        }
    }

    /// Hands records of the topic over, up to a place in it.
    fn read_to(&mut self, at: usize, end: usize) {
        while self.nodes[at].read < end {
            let record = self.log[self.nodes[at].read].clone();
            self.nodes[at].read += 1;
            self.give(at, Event::ConfigRead(record));
        }
    }

    fn carry_out(&mut self, at: usize, action: Action) {
        let delay = self.delay();
        match action {
            Action::ReadConfig => {
                if self.nodes[at].cut_off_since.is_none() {
                    let end = self.log.len();
                    self.read_to(at, end);
                    self.later(at, delay, Event::CaughtUp);
                } else {
                    self.later(at, 3_000, Event::CatchUpFailed);
                }
            }
            Action::WriteConfig { token, records } => self.write(at, token, records),
            Action::Join { protocols } => self.join(at, protocols[0].1.clone()),
            Action::Sync { assignments } => self.sync(at, assignments),
            Action::Leave => self.leave(at),
            Action::StartConnector { name, epoch, props } => {
                let count: u32 = props["tasks"].parse().unwrap();
                let task =
                    |n: u32| Props::from_iter([("n".to_owned(), n.to_string()), ("v".to_owned(), props["v"].clone())]);
                let result = Ok((0..count).map(task).collect());
                self.later(at, delay, Event::ConnectorStarted { name, epoch, result });
            }
            Action::StartTask { id, epoch, paused, .. } => {
                let elsewhere: Vec<usize> = (0..NODES)
                    .filter(|other| {
                        *other != at && self.nodes[*other].alive && self.nodes[*other].running.contains_key(&id)
                    })
                    .collect();
                assert!(elsewhere.is_empty(), "seed {}: {id} starts at {at} and runs at {elsewhere:?}", self.seed);
                assert!(!self.nodes[at].running.contains_key(&id), "seed {}: {id} runs twice at {at}", self.seed);
                self.nodes[at].running.insert(id.clone(), epoch);
                let state = if paused { State::Paused } else { State::Running };
                if self.faults && self.random.one_in(12) {
                    let failure = Some("it broke".to_owned());
                    self.nodes[at].running.remove(&id);
                    self.later(at, delay, Event::TaskEnded { id, epoch, failure });
                } else {
                    self.later(at, delay, Event::TaskChanged { id, epoch, state });
                }
            }
            Action::StopTask { id, epoch } => {
                let slow = self.random.below(STOP_MS);
                self.later(at, slow, Event::TaskEnded { id, epoch, failure: None });
            }
            Action::MakeSessionKey => {
                let key =
                    SessionKey { key: vec![1; 32], algorithm: "HmacSHA256".into(), created_ms: self.now_ms as i64 };
                self.later(at, delay, Event::SessionKeyMade(key));
            }
            Action::SendTaskConfigs { leader_url, connector, tasks } => {
                let leader = (0..NODES).find(|other| format!("http://w{other}/") == leader_url);
                if let Some(leader) = leader.filter(|leader| self.nodes[*leader].alive) {
                    let id = self.next_request(leader);
                    self.asked.remove(&id);
                    let request = Request::TaskConfigs { name: connector, tasks };
                    self.later(leader, delay, Event::Request { id, request });
                }
            }
            Action::Reply { id, .. } => {
                self.asked.remove(&id);
            }
            Action::Finished => {
                self.nodes[at].finished = true;
                self.nodes[at].alive = false;
                self.asked.retain(|_, asked| *asked != at);
            }
            Action::PauseTask { .. }
            | Action::PutStatus { .. }
            | Action::ShowRestarting(_)
            | Action::Planned { .. }
            | Action::RemoveTopics(_)
            | Action::SweepStatuses
            | Action::SetLogger { .. } => {}
        }
    }

    fn next_request(&mut self, at: usize) -> u64 {
        self.order += 1;
        self.asked.insert(self.order, at);
        self.order
    }

    fn write(&mut self, at: usize, token: u64, records: Vec<Write>) {
        // A zombie that was cut off may not reach the topic; a reply may be lost after the records are in it.
        let (unreachable, lost) = (self.nodes[at].cut_off_since.is_some(), self.faults && self.random.one_in(15));
        if !unreachable {
            for (key, value) in records {
                let offset = self.log.len() as i64;
                self.log.push(ConfigRecord { offset, key, value });
            }
            let end = self.log.len();
            self.read_to(at, end);
        }
        let result = if unreachable || lost { Err("no answer".to_owned()) } else { Ok(()) };
        let delay = self.delay();
        self.later(at, delay, Event::Written { token, result });
    }

    fn join(&mut self, at: usize, metadata: Vec<u8>) {
        if self.nodes[at].cut_off_since.is_some() {
            self.nodes[at].joining = Some(metadata);
            return;
        }
        self.nodes[at].joining = None;
        let member = self.nodes[at].member_id.clone().filter(|id| self.group.members.contains_key(id));
        let member = member.unwrap_or_else(|| {
            self.group.named += 1;
            format!("m{}-{at}", self.group.named)
        });
        self.nodes[at].member_id = Some(member.clone());
        self.nodes[at].lost = false;
        self.begin_rebalance();
        self.group.members.insert(member, (at, Some(metadata)));
        self.complete_rebalance();
    }

    fn begin_rebalance(&mut self) {
        if self.group.rebalancing {
            return;
        }
        self.group.rebalancing = true;
        self.group.began_ms = self.now_ms;
        self.group.assignments.clear();
        self.group.waiting.clear();
        let nodes: Vec<usize> = self.group.members.values().map(|(node, _)| *node).collect();
        self.group.members.values_mut().for_each(|(_, metadata)| *metadata = None);
        for node in nodes {
            if self.nodes[node].cut_off_since.is_none() {
                let delay = self.delay();
                self.later(node, delay, Event::RebalanceNeeded);
            }
        }
    }

    fn complete_rebalance(&mut self) {
        let group = &mut self.group;
        if !group.rebalancing || group.members.is_empty() || group.members.values().any(|(_, m)| m.is_none()) {
            return;
        }
        group.rebalancing = false;
        group.generation += 1;
        let leader = group.leader.clone().filter(|leader| group.members.contains_key(leader));
        let leader = leader.or_else(|| group.members.keys().next().cloned()).unwrap();
        group.leader = Some(leader.clone());
        let all: Vec<(String, Vec<u8>)> =
            group.members.iter().map(|(id, (_, metadata))| (id.clone(), metadata.clone().unwrap())).collect();
        let nodes: Vec<(String, usize)> = group.members.iter().map(|(id, (node, _))| (id.clone(), *node)).collect();
        let generation = group.generation;
        for (member, node) in nodes {
            let leads = member == leader;
            let members = if leads { all.clone() } else { Vec::new() };
            let delay = self.delay();
            self.later(node, delay, Event::Joined { generation, member_id: member, protocol: 2, leads, members });
        }
    }

    fn sync(&mut self, at: usize, assignments: Vec<(String, Vec<u8>)>) {
        let delay = self.delay();
        let member = self.nodes[at].member_id.clone().unwrap_or_default();
        let stale = self.nodes[at].herder.membership.generation != self.group.generation;
        let known = self.group.members.contains_key(&member);
        if self.group.rebalancing || stale || !known || self.nodes[at].cut_off_since.is_some() {
            return self.later(at, delay, Event::RebalanceNeeded);
        }
        self.group.waiting.insert(member.clone());
        if self.group.leader.as_ref() == Some(&member) {
            self.group.assignments = assignments.into_iter().collect();
        }
        if self.group.assignments.is_empty() {
            return;
        }
        for member in std::mem::take(&mut self.group.waiting) {
            let node = self.group.members[&member].0;
            let assignment = self.group.assignments.get(&member).cloned().unwrap_or_default();
            let delay = self.delay();
            let generation = self.group.generation;
            self.later(node, delay, Event::Synced { generation, assignment });
        }
    }

    fn leave(&mut self, at: usize) {
        if let Some(member) = self.nodes[at].member_id.take() {
            self.expel(&member);
        }
    }

    fn expel(&mut self, member: &str) {
        if self.group.members.remove(member).is_some() {
            self.begin_rebalance();
            self.complete_rebalance();
        }
    }

    /// What the coordinator and the group loops do by the clock.
    fn tick(&mut self) {
        for at in 0..NODES {
            let Some(since) = self.nodes[at].cut_off_since else { continue };
            let silent = self.now_ms - since;
            if silent >= GIVE_UP_MS && !self.nodes[at].lost {
                self.nodes[at].lost = true;
                self.give(at, Event::GroupLost);
            }
            if silent >= SESSION_MS
                && let Some(member) = self.nodes[at].member_id.clone()
            {
                self.expel(&member);
            }
        }
        // Members that died or don't join in time are put out.
        if self.group.rebalancing && self.now_ms - self.group.began_ms > REBALANCE_MS {
            let late: Vec<String> =
                self.group.members.iter().filter(|(_, (_, m))| m.is_none()).map(|(id, _)| id.clone()).collect();
            for member in late {
                let node = self.group.members[&member].0;
                self.group.members.remove(&member);
                if self.nodes[node].member_id.as_deref() == Some(member.as_str()) {
                    self.give(node, Event::GroupLost);
                }
            }
            self.complete_rebalance();
        }
        for at in 0..NODES {
            let in_reach = self.nodes[at].alive && self.nodes[at].cut_off_since.is_none();
            if let Some(metadata) = self.nodes[at].joining.take_if(|_| in_reach) {
                self.join(at, metadata);
            }
            if in_reach && self.random.one_in(4) {
                let end = self.log.len();
                self.read_to(at, end);
            }
            let now_ms = self.now_ms;
            self.give(at, Event::Tick { now_ms });
        }
    }

    fn run(&mut self, until_ms: u64) {
        while self.now_ms < until_ms {
            let next = self.due.peek().map_or(u64::MAX, |Reverse(due)| due.at_ms);
            let tick_ms = (self.now_ms / 250 + 1) * 250;
            if next > tick_ms {
                self.now_ms = tick_ms;
                self.tick();
                self.maybe_disturb();
                continue;
            }
            let Some(Reverse(due)) = self.due.pop() else { continue };
            self.now_ms = self.now_ms.max(due.at_ms);
            let event = self.events[due.what].take();
            if let Some(event) = event.filter(|_| self.nodes[due.node].life == due.life) {
                self.deliver(due.node, event);
            }
            // Everyone reads the topic at a pace of his own.
            let reader = self.random.below(NODES as u64) as usize;
            if self.nodes[reader].alive && self.nodes[reader].cut_off_since.is_none() {
                let (read, end) = (self.nodes[reader].read, self.log.len());
                if read < end {
                    let upto = read + 1 + self.random.below((end - read) as u64) as usize;
                    self.read_to(reader, upto.min(end));
                }
            }
        }
    }

    fn deliver(&mut self, at: usize, event: Event) {
        match &event {
            Event::CaughtUp => {
                let end = self.log.len();
                self.read_to(at, end);
            }
            Event::TaskEnded { id, epoch, .. } if self.nodes[at].running.get(id) == Some(epoch) => {
                self.nodes[at].running.remove(id);
            }
            Event::Request { id, .. } if !self.nodes[at].alive => {
                self.asked.remove(id);
            }
            _ => {}
        }
        self.give(at, event);
    }

    fn maybe_disturb(&mut self) {
        if !self.faults {
            return;
        }
        let at = self.random.below(NODES as u64) as usize;
        match self.random.below(60) {
            0 if self.nodes[at].alive => self.kill(at),
            1..=3 if !self.nodes[at].alive => self.restart(at),
            4 if self.nodes[at].alive && self.nodes[at].cut_off_since.is_none() => {
                self.nodes[at].cut_off_since = Some(self.now_ms);
            }
            5..=9 if self.nodes[at].cut_off_since.is_some() => self.reconnect(at),
            10 if self.nodes[at].alive && self.nodes[at].cut_off_since.is_none() => self.give(at, Event::Shutdown),
            11..=20 if self.nodes[at].alive => self.ask(at),
            _ => {}
        }
    }

    fn kill(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.alive = false;
        node.running.clear();
        // Its requests die with it; the coordinator notices after the session timeout.
        node.cut_off_since.get_or_insert(self.now_ms);
        self.asked.retain(|_, asked| *asked != at);
    }

    fn restart(&mut self, at: usize) {
        // A process that comes back is a new member; the old one stays in the group until its session ends.
        if let Some(member) = self.nodes[at].member_id.clone() {
            self.expel(&member);
        }
        self.nodes[at] = Node::new(at, self.nodes[at].life + 1);
        let delay = self.delay();
        self.later(at, delay, Event::CaughtUp);
    }

    fn reconnect(&mut self, at: usize) {
        self.nodes[at].cut_off_since = None;
        let known = self.nodes[at].member_id.as_ref().is_some_and(|id| self.group.members.contains_key(id));
        if !known && !self.nodes[at].lost {
            self.give(at, Event::GroupLost);
        } else if self.group.rebalancing
            || self.nodes[at].lost
            || self.nodes[at].herder.membership.generation != self.group.generation
        {
            self.give(at, Event::RebalanceNeeded);
        }
    }

    fn ask(&mut self, at: usize) {
        let name = format!("c{}", self.random.below(3));
        let props = Props::from_iter([
            ("connector.class".to_owned(), "X".to_owned()),
            ("tasks".to_owned(), self.random.below(5).to_string()),
            ("v".to_owned(), self.random.below(3).to_string()),
            ("millrace.auto.restart.max.attempts".to_owned(), self.random.below(3).to_string()),
            ("millrace.auto.restart.backoff.ms".to_owned(), "1000".to_owned()),
        ]);
        let request = match self.random.below(9) {
            0..=3 => Request::Put { name, props },
            4 => Request::Delete { name },
            5 => Request::SetTarget { name, target: TargetState::Paused },
            6 => Request::SetTarget { name, target: TargetState::Started },
            7 => Request::SetTarget { name, target: TargetState::Stopped },
            _ => Request::Restart { name, include_tasks: true, only_failed: false },
        };
        let id = self.next_request(at);
        self.give(at, Event::Request { id, request });
    }

    /// Each herder's state is the fold of what it has read. (Invariant 5)
    fn check(&mut self, at: usize) {
        let node = &self.nodes[at];
        // Folding anew is dear, so it is done now and then; a difference never heals.
        if node.read == 0 || !(node.read as u64 + self.order).is_multiple_of(37) {
            return;
        }
        let mut folded = ConfigState::default();
        self.log[..node.read].iter().for_each(|record| drop(folded.apply(record)));
        assert_eq!(*node.herder.config, folded, "seed {}: node {at}", self.seed);
    }

    fn finish(&mut self) {
        self.faults = false;
        // Twice, because some are just shutting down.
        for _ in 0..2 {
            for at in 0..NODES {
                if !self.nodes[at].alive {
                    self.restart(at);
                } else if self.nodes[at].cut_off_since.is_some() {
                    self.reconnect(at);
                }
            }
            let until = self.now_ms + 60_000;
            self.run(until);
        }
        let until = self.now_ms + 120_000;
        self.run(until);
        let config = self.nodes[0].herder.config.clone();
        let mut running: BTreeMap<TaskId, usize> = BTreeMap::new();
        let mut connectors: BTreeMap<String, usize> = BTreeMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            assert!(node.herder.is_ready(), "seed {}: node {at} is not ready: {:?}", self.seed, node.herder.membership);
            assert_eq!(node.herder.config, config, "seed {}", self.seed);
            for id in node.herder.local.tasks.keys() {
                *running.entry(id.clone()).or_default() += 1;
            }
            for name in node.herder.local.connectors.keys() {
                *connectors.entry(name.clone()).or_default() += 1;
            }
        }
        let expected: BTreeMap<TaskId, usize> = config.task_ids().into_iter().map(|id| (id, 1)).collect();
        assert_eq!(running, expected, "seed {}", self.seed);
        let expected: BTreeMap<String, usize> = config.connectors().map(|name| (name.to_owned(), 1)).collect();
        assert_eq!(connectors, expected, "seed {}", self.seed);
        for name in config.connectors().filter(|name| config.target(name) == TargetState::Started) {
            let wanted: usize = config.connector(name).unwrap()["tasks"].parse().unwrap();
            assert_eq!(config.tasks(name).len(), wanted, "seed {}: tasks of {name}", self.seed);
        }
        assert!(self.asked.is_empty(), "seed {}: unanswered {:?}", self.seed, self.asked);
    }
}

#[test]
fn a_cluster_comes_to_rest_whatever_happens_to_it() {
    let seeds = std::env::var("CLUSTER_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let first = std::env::var("CLUSTER_SEED").ok().and_then(|text| text.parse().ok());
    for seed in first.map_or(1..=seeds, |seed| seed..=seed) {
        let mut world = World::new(seed);
        world.run(180_000);
        world.finish();
    }
}
