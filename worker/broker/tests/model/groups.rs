//! Groups as their members see them: joining, syncing, beating, leaving, coming back.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        DeleteGroupsRequest, DescribeGroupsRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
        LeaveGroupRequest, ListGroupsRequest, SyncGroupRequest, join_group_request::JoinGroupRequestProtocol,
        leave_group_request::MemberIdentity, sync_group_request::SyncGroupRequestAssignment,
    },
    protocol::StrBytes,
};

use super::{
    Model,
    pair::{Side, Wire, text},
};

/// Longer than a run takes: nobody is lost by time.
const SESSION_MS: i32 = 600_000;
/// Kafka's answers that the model itself goes by.
const REBALANCE_IN_PROGRESS: i16 = 27;
const MEMBER_ID_REQUIRED: i16 = 79;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Empty,
    /// The members there are must join again.
    Preparing,
    /// The leader has yet to assign.
    Completing,
    Stable,
}

/// A member on connections of its own, as a join may wait.
struct Member {
    number: usize,
    instance: Option<String>,
    client: String,
    ours: Wire,
    kafka: Wire,
}

pub(super) struct Group {
    pub(super) name: String,
    phase: Phase,
    generation: i32,
    leader: usize,
    /// Two at most: which of several follows a leader that left is chance in Kafka.
    members: Vec<Member>,
}

impl Group {
    pub(super) fn new(name: String) -> Self {
        Self { name, phase: Phase::Empty, generation: 0, leader: 0, members: vec![] }
    }
}

fn group_id(name: &str) -> GroupId {
    GroupId(text(name))
}

/// What a consumer says of itself; its name is in the user data, so that no two are alike.
fn metadata(topic: &str, client: &str) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    out.put_i32(1);
    out.put_i16(i16::try_from(topic.len()).unwrap());
    out.put_slice(topic.as_bytes());
    out.put_i32(i32::try_from(client.len()).unwrap());
    out.put_slice(client.as_bytes());
    out.freeze()
}

fn join_of(model: &Model, group: &str, member: StrBytes, instance: Option<&str>, client: &str) -> JoinGroupRequest {
    // One of the topics, so that deletions of offsets meet subscriptions.
    let metadata = metadata(&model.names[0], client);
    let protocol =
        |name: &str| JoinGroupRequestProtocol::default().with_name(text(name)).with_metadata(metadata.clone());
    JoinGroupRequest::default()
        .with_group_id(group_id(group))
        .with_session_timeout_ms(SESSION_MS)
        .with_rebalance_timeout_ms(SESSION_MS)
        .with_member_id(member)
        .with_group_instance_id(instance.map(text))
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol("range"), protocol("roundrobin")])
}

fn tidy_join(answer: &mut JoinGroupResponse) {
    answer.members.sort_by(|one, other| one.metadata.cmp(&other.metadata));
}

/// Sends a join of the group's member on both; its answer is read later.
fn send_join(model: &mut Model, group: usize, index: usize, version: i16) {
    let member = &model.groups[group].members[index];
    let (name, instance, client) = (&model.groups[group].name, member.instance.as_deref(), &member.client);
    let here = join_of(model, name, model.pair.ours.member(member.number), instance, client);
    let there = join_of(model, name, model.pair.kafka.member(member.number), instance, client);
    let member = &mut model.groups[group].members[index];
    member.ours.send(&here, version);
    member.kafka.send(&there, version);
}

fn receive_join(model: &mut Model, group: usize, index: usize, version: i16) -> JoinGroupResponse {
    let member = &mut model.groups[group].members[index];
    let mut here = member.ours.receive::<JoinGroupRequest>(version);
    let mut there = member.kafka.receive::<JoinGroupRequest>(version);
    tidy_join(&mut here);
    tidy_join(&mut there);
    let client = member.client.clone();
    let what = format!("version {version} of a join of {client} in {}", model.groups[group].name);
    model.pair.compare(&what, &here, &there);
    if here.error_code == 0 {
        let number = model.groups[group].members[index].number;
        model.pair.ours.members[number] = here.member_id.to_string();
        model.pair.kafka.members[number] = there.member_id.to_string();
    }
    here
}

fn joined(model: &mut Model, group: usize, answer: &JoinGroupResponse) {
    let leader = {
        let ours = &model.pair.ours;
        let leads = |member: &Member| ours.members[member.number] == answer.leader.as_str();
        model.groups[group].members.iter().position(leads)
    };
    let group = &mut model.groups[group];
    if answer.error_code == 0 {
        group.leader = leader.unwrap_or(group.leader);
        group.generation = answer.generation_id;
        group.phase = Phase::Completing;
    }
}

/// Lets all members but `but` learn of the rebalance and join it; then all are answered.
fn rebalance(model: &mut Model, group: usize, but: usize, version: i16) {
    for index in (0..model.groups[group].members.len()).filter(|index| *index != but) {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        for there in [false, true] {
            loop {
                let request = beat(model, group, index, there);
                let member = &mut model.groups[group].members[index];
                let wire = if there { &mut member.kafka } else { &mut member.ours };
                if wire.ask(&request, 4).error_code == REBALANCE_IN_PROGRESS {
                    break;
                }
                assert!(std::time::Instant::now() < until, "a member never learned of a rebalance");
            }
        }
        send_join(model, group, index, version);
    }
    let mut last = None;
    for index in 0..model.groups[group].members.len() {
        last = Some(receive_join(model, group, index, version));
    }
    if let Some(answer) = last {
        joined(model, group, &answer);
    }
}

fn beat(model: &Model, group: usize, index: usize, there: bool) -> HeartbeatRequest {
    let group = &model.groups[group];
    let member = &group.members[index];
    let side = if there { &model.pair.kafka } else { &model.pair.ours };
    HeartbeatRequest::default()
        .with_group_id(group_id(&group.name))
        .with_generation_id(group.generation)
        .with_member_id(side.member(member.number))
        .with_group_instance_id(member.instance.as_deref().map(text))
}

/// Instances came with version 5, and whoever joins may make the others join in the same version.
fn oldest_join(model: &Model, group: usize) -> i16 {
    if model.groups[group].members.iter().any(|member| member.instance.is_some()) { 5 } else { 1 }
}

/// A new member, dynamic or static.
fn enter(model: &mut Model, group: usize) {
    let instance = model.pair.random.once_in(3).then(|| format!("instance-{}", model.pair.step));
    let least = if instance.is_some() { 5 } else { oldest_join(model, group) };
    let version = model.pair.version::<JoinGroupRequest>(least);
    let client = format!("client-{}", model.pair.step);
    let name = model.groups[group].name.clone();
    let mut wires = (Wire::open(&model.pair.ours.address, &client), Wire::open(&model.pair.kafka.address, &client));
    let mut ids = (String::new(), String::new());
    if instance.is_none() && version >= 4 {
        // A new member is given its id first and comes back with it.
        let request = join_of(model, &name, text(""), None, &client);
        let here = wires.0.ask(&request, version);
        let there = wires.1.ask(&request, version);
        model.pair.compare(&format!("version {version} of a first join of {client} in {name}"), &here, &there);
        if here.error_code != MEMBER_ID_REQUIRED || there.error_code != MEMBER_ID_REQUIRED {
            return;
        }
        ids = (here.member_id.to_string(), there.member_id.to_string());
    }
    let number = model.pair.ours.members.len();
    model.pair.ours.members.push(ids.0);
    model.pair.kafka.members.push(ids.1);
    let index = model.groups[group].members.len();
    model.groups[group].members.push(Member { number, instance, client, ours: wires.0, kafka: wires.1 });
    send_join(model, group, index, version);
    rebalance(model, group, index, version);
}

/// A member that is known joins again.
fn rejoin(model: &mut Model, group: usize, index: usize) {
    let least = oldest_join(model, group);
    let version = model.pair.version::<JoinGroupRequest>(least);
    let state = &model.groups[group];
    let alone = state.members.len() == 1;
    let waits = state.phase == Phase::Stable && state.leader == index && !alone;
    let repeated = state.phase == Phase::Stable && state.leader != index;
    send_join(model, group, index, version);
    if waits {
        rebalance(model, group, index, version);
    } else {
        let answer = receive_join(model, group, index, version);
        if !repeated {
            joined(model, group, &answer);
        }
    }
}

/// A static member comes back from a restart without its id, and its old self is fenced.
fn restart(model: &mut Model, group: usize, index: usize) {
    let Some(instance) = model.groups[group].members[index].instance.clone() else { return };
    if model.groups[group].phase != Phase::Stable {
        return;
    }
    let version = model.pair.version::<JoinGroupRequest>(5);
    let member = &model.groups[group].members[index];
    let (name, client, old) = (model.groups[group].name.clone(), member.client.clone(), member.number);
    let request = join_of(model, &name, text(""), Some(&instance), &client);
    let number = model.pair.ours.members.len();
    for side in [&mut model.pair.ours, &mut model.pair.kafka] {
        side.members.push(String::new());
    }
    let member = &mut model.groups[group].members[index];
    member.number = number;
    member.ours.send(&request, version);
    member.kafka.send(&request, version);
    receive_join(model, group, index, version);
    let generation = model.groups[group].generation;
    let make = |side: &Side| {
        HeartbeatRequest::default()
            .with_group_id(group_id(&name))
            .with_generation_id(generation)
            .with_member_id(side.member(old))
            .with_group_instance_id(Some(text(&instance)))
    };
    model.pair.ask(4, make, |_| ());
}

/// All ask for their assignments, and the leader brings them.
fn assign(model: &mut Model, group: usize) {
    let version = model.pair.version::<SyncGroupRequest>(3);
    let state = &model.groups[group];
    let make = |side: &Side, index: usize| {
        let member = &state.members[index];
        let request = SyncGroupRequest::default()
            .with_group_id(group_id(&state.name))
            .with_generation_id(state.generation)
            .with_member_id(side.member(member.number))
            .with_group_instance_id(member.instance.as_deref().map(text));
        let request = if version >= 5 {
            request.with_protocol_type(Some(text("consumer"))).with_protocol_name(Some(text("range")))
        } else {
            request
        };
        let assignment = |member: &Member| {
            let assigned = Bytes::from(format!("assigned to {}", member.client));
            SyncGroupRequestAssignment::default().with_member_id(side.member(member.number)).with_assignment(assigned)
        };
        let all = if index == state.leader { state.members.iter().map(assignment).collect() } else { vec![] };
        request.with_assignments(all)
    };
    let requests: Vec<_> =
        (0..state.members.len()).map(|index| (make(&model.pair.ours, index), make(&model.pair.kafka, index))).collect();
    let Model { pair, groups, .. } = model;
    for (member, (here, there)) in groups[group].members.iter_mut().zip(&requests) {
        member.ours.send(here, version);
        member.kafka.send(there, version);
    }
    for member in &mut groups[group].members {
        let here = member.ours.receive::<SyncGroupRequest>(version);
        let there = member.kafka.receive::<SyncGroupRequest>(version);
        pair.compare(&format!("version {version} of a sync of {}", member.client), &here, &there);
    }
    groups[group].phase = Phase::Stable;
}

fn leave(model: &mut Model, group: usize, index: usize) {
    let version = model.pair.version::<LeaveGroupRequest>(0);
    let state = &model.groups[group];
    let member = &state.members[index];
    let by_instance = version >= 3 && member.instance.is_some() && model.pair.random.once_in(2);
    let also_unknown = version >= 3 && model.pair.random.once_in(3);
    let (name, number, instance) = (state.name.clone(), member.number, member.instance.clone());
    let make = |side: &Side| {
        let request = LeaveGroupRequest::default().with_group_id(group_id(&name));
        if version < 3 {
            return request.with_member_id(side.member(number));
        }
        let id = if by_instance { text("") } else { side.member(number) };
        let mut members = vec![MemberIdentity::default().with_member_id(id)];
        members[0].group_instance_id = instance.as_deref().map(text);
        if also_unknown {
            members.push(MemberIdentity::default().with_member_id(text("nobody")).with_group_instance_id(None));
            let unknown = MemberIdentity::default().with_member_id(text(""));
            members.push(unknown.with_group_instance_id(Some(text("no-instance"))));
        }
        request.with_members(members)
    };
    let (answer, _) = model.pair.ask(version, make, |_| ());
    if answer.error_code != 0 || answer.members.first().is_some_and(|member| member.error_code != 0) {
        return;
    }
    let state = &mut model.groups[group];
    state.members.remove(index);
    state.phase = if state.members.is_empty() { Phase::Empty } else { Phase::Preparing };
    state.leader = 0;
    if state.phase == Phase::Empty {
        state.generation += 1;
    }
}

/// One step of a member's life.
pub(super) fn live(model: &mut Model) {
    let group = model.pair.random.below(model.groups.len());
    let state = &model.groups[group];
    let count = state.members.len();
    let index = if count == 0 { 0 } else { model.pair.random.below(count) };
    match (state.phase, model.pair.random.below(6)) {
        (Phase::Empty, _) => enter(model, group),
        (Phase::Preparing, 0) | (Phase::Completing | Phase::Stable, 1) => leave(model, group, index),
        (Phase::Preparing, _) => rejoin(model, group, index),
        (Phase::Completing, 0) => rejoin(model, group, index),
        (Phase::Completing, _) => assign(model, group),
        (Phase::Stable, 0) => rejoin(model, group, index),
        (Phase::Stable, 2) => restart(model, group, index),
        (Phase::Stable, _) if count < 2 => enter(model, group),
        (Phase::Stable, _) => beat_wrong(model, group),
    }
}

/// Who a request claims to be: a member as it is, or with something wrong.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) group: String,
    number: Option<usize>,
    unknown: bool,
    pub(super) instance: Option<String>,
    pub(super) generation: i32,
    /// Everything about it is right.
    pub(super) right: bool,
}

impl Claim {
    pub(super) fn random(model: &mut Model) -> Self {
        let group = model.pair.random.below(model.groups.len());
        Self::of_group(model, group)
    }

    fn of_group(model: &mut Model, group: usize) -> Self {
        let state = &model.groups[group];
        let count = state.members.len();
        let member = (count > 0).then(|| model.pair.random.below(count));
        let mut claim = Self {
            group: state.name.clone(),
            number: member.map(|index| state.members[index].number),
            unknown: false,
            instance: member.and_then(|index| state.members[index].instance.clone()),
            generation: state.generation,
            right: member.is_some(),
        };
        match model.pair.random.below(12) {
            0 => claim.generation += 1,
            1 => claim.generation -= 1,
            2 => claim.unknown = true,
            3 => claim.instance = Some("no-instance".to_owned()),
            4 => claim.group = format!("{}-nobodys", model.pair.run),
            5 => claim.group = String::new(),
            6 => (claim.number, claim.instance) = (None, None),
            7 => (claim.number, claim.instance, claim.generation) = (None, None, -1),
            8 => claim.generation = -1,
            _ => return claim,
        }
        claim.right = false;
        claim
    }

    pub(super) fn member(&self, side: &Side) -> StrBytes {
        match self.number {
            _ if self.unknown => text("unknown-member"),
            Some(number) => side.member(number),
            None => text(""),
        }
    }
}

fn beat_wrong(model: &mut Model, group: usize) {
    let claim = Claim::of_group(model, group);
    heartbeat(model, &claim);
}

fn heartbeat(model: &mut Model, claim: &Claim) {
    let version = model.pair.version::<HeartbeatRequest>(if claim.instance.is_some() { 3 } else { 0 });
    let make = |side: &Side| {
        HeartbeatRequest::default()
            .with_group_id(group_id(&claim.group))
            .with_generation_id(claim.generation)
            .with_member_id(claim.member(side))
            .with_group_instance_id(claim.instance.as_deref().map(text))
    };
    model.pair.ask(version, make, |_| ());
}

/// A request with something wrong, which is answered at once.
pub(super) fn err(model: &mut Model) {
    let claim = Claim::random(model);
    match model.pair.random.below(4) {
        0 => heartbeat(model, &claim),
        1 if !claim.right => sync_wrongly(model, &claim),
        2 => leave_wrongly(model, &claim),
        _ => join_wrongly(model, &claim),
    }
}

fn sync_wrongly(model: &mut Model, claim: &Claim) {
    let version = model.pair.version::<SyncGroupRequest>(if claim.instance.is_some() { 3 } else { 0 });
    let (kind, protocol) = model.pair.random.pick(&[("consumer", "range"), ("connect", "range"), ("consumer", "none")]);
    let make = |side: &Side| {
        let request = SyncGroupRequest::default()
            .with_group_id(group_id(&claim.group))
            .with_generation_id(claim.generation)
            .with_member_id(claim.member(side))
            .with_group_instance_id(claim.instance.as_deref().map(text));
        if version < 5 {
            return request;
        }
        request.with_protocol_type(Some(text(kind))).with_protocol_name(Some(text(protocol)))
    };
    model.pair.ask(version, make, |_| ());
}

fn leave_wrongly(model: &mut Model, claim: &Claim) {
    let version = model.pair.version::<LeaveGroupRequest>(3);
    let make = |_: &Side| {
        let member = MemberIdentity::default().with_member_id(text("nobody"));
        let member = member.with_group_instance_id(claim.instance.as_deref().map(text));
        LeaveGroupRequest::default().with_group_id(group_id(&claim.group)).with_members(vec![member])
    };
    model.pair.ask(version, make, |_| ());
}

fn join_wrongly(model: &mut Model, claim: &Claim) {
    let name = claim.group.clone();
    let mut request = join_of(model, &name, text(""), None, "wrong");
    let there = model.groups.iter().any(|group| group.name == name && !group.members.is_empty());
    match model.pair.random.below(6) {
        0 => request.session_timeout_ms = 1,
        1 => request.session_timeout_ms = i32::MAX,
        2 if there => request.protocol_type = text("connect"),
        3 if there => request.protocols[..].iter_mut().for_each(|protocol| protocol.name = text("other")),
        4 => request.protocols.clear(),
        5 => request.protocol_type = text(""),
        _ => request.member_id = text("unknown-member"),
    }
    let version = model.pair.version::<JoinGroupRequest>(1);
    model.pair.ask(version, |_| request.clone(), |_| ());
}

pub(super) fn describe(model: &mut Model) {
    let mut names: Vec<String> = model.groups.iter().map(|group| group.name.clone()).collect();
    names.push(format!("{}-nobodys", model.pair.run));
    let version = model.pair.version::<DescribeGroupsRequest>(0);
    let make =
        |_: &Side| DescribeGroupsRequest::default().with_groups(names.iter().map(|name| group_id(name)).collect());
    model.pair.look(version, make, |answer| {
        answer.groups.sort_by(|one, other| one.group_id.cmp(&other.group_id));
        for group in &mut answer.groups {
            group.members.sort_by(|one, other| one.client_id.cmp(&other.client_id));
        }
    });
}

pub(super) fn list(model: &mut Model) {
    let version = model.pair.version::<ListGroupsRequest>(0);
    let random = &mut model.pair.random;
    let states =
        if version >= 4 { random.pick(&[&[] as &[&str], &["Stable"], &["Empty", "stable"], &["x"]]) } else { &[] };
    let types = if version >= 5 { random.pick(&[&[] as &[&str], &["classic"], &["Classic", "consumer"]]) } else { &[] };
    let run = model.pair.run.clone();
    let make = |_: &Side| {
        ListGroupsRequest::default()
            .with_states_filter(states.iter().map(|state| text(state)).collect())
            .with_types_filter(types.iter().map(|kind| text(kind)).collect())
    };
    model.pair.look(version, make, |answer| {
        answer.groups.retain(|group| group.group_id.starts_with(&run));
        answer.groups.sort_by(|one, other| one.group_id.cmp(&other.group_id));
    });
}

pub(super) fn delete(model: &mut Model) {
    let name = match model.pair.random.below(4) {
        0 => format!("{}-nobodys", model.pair.run),
        1 if model.pair.random.once_in(4) => String::new(),
        _ => model.any_group(),
    };
    let version = model.pair.version::<DeleteGroupsRequest>(0);
    let make = |_: &Side| DeleteGroupsRequest::default().with_groups_names(vec![group_id(&name)]);
    let (answer, _) = model.pair.ask(version, make, |_| ());
    if answer.results[0].error_code == 0 {
        for group in model.groups.iter_mut().filter(|group| group.name == name) {
            group.generation = 0;
        }
    }
}
