//! Scenarios of a group, step by step.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

use super::{
    join::{Join, Manners},
    rebalance::Sync,
    records,
    state::{Committer, Effect, Group, GroupTimes, JoinRefused, Joined, JoinedMember, Millis, Phase, Synced, Ticket},
};

const TIMES: GroupTimes = GroupTimes { initial_delay: 100 };
const SESSION: Millis = 10_000;
const REBALANCE: Millis = 60_000;

fn group() -> Group {
    Group::new(TIMES, 0)
}

/// A join of the newest version, whose member comes with the id it has (empty: none yet).
fn join(ticket: u64, member_id: &str) -> Join {
    Join {
        ticket: Ticket(ticket),
        member_id: member_id.into(),
        fresh_id: format!("fresh-{ticket}"),
        instance_id: None,
        client_id: "client".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        protocol_type: "consumer".into(),
        protocols: vec![("range".into(), Bytes::from_static(b"meta"))],
        manners: Manners { returns_with_id: true, skips_assignment: true },
    }
}

/// A join of before KIP-394: the id is given with the answer.
fn old_join(ticket: u64) -> Join {
    Join { manners: Manners { returns_with_id: false, skips_assignment: false }, ..join(ticket, "") }
}

fn static_join(ticket: u64, member_id: &str) -> Join {
    Join { instance_id: Some("static".into()), ..join(ticket, member_id) }
}

fn sync(ticket: u64, member_id: &str, generation: i32, assignments: &[(&str, &'static [u8])]) -> Sync {
    let assignments = assignments.iter().map(|(id, bytes)| ((*id).to_owned(), Bytes::from_static(bytes)));
    Sync {
        ticket: Ticket(ticket),
        member_id: member_id.into(),
        instance_id: None,
        generation,
        protocol_type: None,
        protocol: None,
        assignments: assignments.collect::<BTreeMap<_, _>>(),
    }
}

fn joined(ticket: u64, generation: i32, leader: &str, member_id: &str, members: &[&str]) -> Effect {
    let member = |id: &&str| JoinedMember {
        member_id: (*id).to_owned(),
        instance_id: None,
        metadata: Bytes::from_static(b"meta"),
    };
    Effect::AnswerJoin(
        Ticket(ticket),
        Ok(Joined {
            generation,
            protocol_type: "consumer".into(),
            protocol: "range".into(),
            leader: leader.into(),
            member_id: member_id.into(),
            members: members.iter().map(member).collect(),
            skip_assignment: false,
        }),
    )
}

fn refused(ticket: u64, error: ResponseError, member_id: &str) -> Effect {
    Effect::AnswerJoin(Ticket(ticket), Err(JoinRefused { error, member_id: member_id.into() }))
}

fn synced(ticket: u64, assignment: &'static [u8]) -> Effect {
    let assignment = Bytes::from_static(assignment);
    let (protocol_type, protocol) = ("consumer".into(), "range".into());
    Effect::AnswerSync(Ticket(ticket), Ok(Synced { protocol_type, protocol, assignment }))
}

/// A stable group of two: `fresh-1` leads, `fresh-2` follows; generation 1, at time 100.
fn stable() -> Group {
    let mut group = group();
    assert_eq!(group.join(&old_join(1), 0), []);
    assert_eq!(group.join(&old_join(2), 10), []);
    assert_eq!(group.tick(100), []);
    // Somebody came during the delay, so it begins anew once.
    let both = ["fresh-1", "fresh-2"];
    assert_eq!(group.tick(200), [joined(1, 1, "fresh-1", "fresh-1", &both), joined(2, 1, "fresh-1", "fresh-2", &[])]);
    assert_eq!(group.sync(sync(3, "fresh-2", 1, &[]), 210), []);
    assert_eq!(
        group.sync(sync(4, "fresh-1", 1, &[("fresh-1", b"a"), ("fresh-2", b"b")]), 220),
        [Effect::Persist, synced(4, b"a"), synced(3, b"b")]
    );
    assert_eq!(group.phase(), Phase::Stable);
    group
}

#[test]
fn two_members_join_and_get_what_the_leader_assigns() {
    let mut group = stable();
    assert_eq!(group.heartbeat("fresh-1", None, 1, 300), Ok(()));
    assert_eq!(group.heartbeat("fresh-1", None, 0, 300), Err(ResponseError::IllegalGeneration));
    assert_eq!(group.heartbeat("other", None, 1, 300), Err(ResponseError::UnknownMemberId));
}

#[test]
fn a_new_member_is_sent_back_for_an_id() {
    let mut group = group();
    assert_eq!(group.join(&join(1, ""), 0), [refused(1, ResponseError::MemberIdRequired, "fresh-1")]);
    assert_eq!(group.join(&join(2, "fresh-1"), 1), []);
    assert_eq!(group.tick(100), []);
    assert_eq!(group.tick(101), [joined(2, 1, "fresh-1", "fresh-1", &["fresh-1"])]);
    assert_eq!(group.join(&join(3, "invented"), 210), [refused(3, ResponseError::UnknownMemberId, "invented")]);
}

#[test]
fn a_third_member_makes_the_others_join_again() {
    let mut group = stable();
    assert_eq!(group.join(&old_join(5), 300), []);
    assert_eq!(group.heartbeat("fresh-1", None, 1, 310), Err(ResponseError::RebalanceInProgress));
    let commit = Committer { member_id: "fresh-1", instance_id: None, generation: 1, transactional: false };
    assert_eq!(group.commit(&commit, 311), Ok(()));
    assert_eq!(group.join(&join(6, "fresh-2"), 320), []);
    let all = ["fresh-1", "fresh-2", "fresh-5"];
    assert_eq!(
        group.join(&join(7, "fresh-1"), 330),
        [
            joined(7, 2, "fresh-1", "fresh-1", &all),
            joined(6, 2, "fresh-1", "fresh-2", &[]),
            joined(5, 2, "fresh-1", "fresh-5", &[]),
        ]
    );
    assert_eq!(group.commit(&commit, 340), Err(ResponseError::IllegalGeneration));
    let commit = Committer { generation: 2, ..commit };
    assert_eq!(group.commit(&commit, 341), Err(ResponseError::RebalanceInProgress));
}

#[test]
fn who_is_not_heard_of_is_lost() {
    let mut group = stable();
    assert_eq!(group.heartbeat("fresh-2", None, 1, 5_000), Ok(()));
    assert_eq!(group.next_deadline(), Some(220 + SESSION));
    assert_eq!(group.tick(220 + SESSION), []);
    assert_eq!(group.phase(), Phase::Preparing);
    assert_eq!(group.join(&join(8, "fresh-2"), 10_300), [joined(8, 2, "fresh-2", "fresh-2", &["fresh-2"])]);
}

#[test]
fn who_does_not_join_again_in_time_is_lost() {
    let mut group = stable();
    assert_eq!(group.join(&join(5, "fresh-1"), 300), []);
    assert_eq!(group.heartbeat("fresh-2", None, 1, 300 + SESSION - 1), Err(ResponseError::RebalanceInProgress));
    let mut beat = 300 + SESSION;
    while beat < 300 + REBALANCE {
        assert_eq!(group.heartbeat("fresh-2", None, 1, beat), Err(ResponseError::RebalanceInProgress));
        assert_eq!(group.tick(beat), []);
        beat += SESSION / 2;
    }
    assert_eq!(group.tick(300 + REBALANCE), [joined(5, 2, "fresh-1", "fresh-1", &["fresh-1"])]);
}

#[test]
fn a_leader_that_never_assigns_is_lost() {
    let mut group = group();
    assert_eq!(group.join(&old_join(1), 0), []);
    assert_eq!(group.tick(100).len(), 1);
    let mut beat = 100;
    while beat < 100 + REBALANCE {
        assert_eq!(group.heartbeat("fresh-1", None, 1, beat), Ok(()));
        beat += SESSION / 2;
    }
    assert_eq!(group.tick(100 + REBALANCE), [Effect::Persist]);
    assert_eq!(group.phase(), Phase::Empty);
}

#[test]
fn the_last_member_that_leaves_empties_the_group() {
    let mut group = stable();
    let mut effects = Vec::new();
    assert_eq!(group.leave("fresh-1", None, 300, &mut effects), Ok(()));
    assert_eq!(group.leave("fresh-1", None, 301, &mut effects), Err(ResponseError::UnknownMemberId));
    assert_eq!(group.leave("fresh-2", None, 302, &mut effects), Ok(()));
    assert_eq!(effects, [Effect::Persist]);
    assert_eq!(group.phase(), Phase::Empty);
    assert_eq!(group.changed_at(), 302);
    let simple = Committer { member_id: "", instance_id: None, generation: -1, transactional: false };
    assert_eq!(group.commit(&simple, 400), Ok(()));
}

#[test]
fn a_consumer_outside_of_a_group_that_has_members_cannot_commit() {
    let mut group = stable();
    let simple = Committer { member_id: "", instance_id: None, generation: -1, transactional: false };
    assert_eq!(group.commit(&simple, 300), Err(ResponseError::UnknownMemberId));
    let transactional = Committer { transactional: true, ..simple };
    assert_eq!(group.commit(&transactional, 300), Ok(()));
}

#[test]
fn members_must_share_type_and_protocol() {
    let mut group = stable();
    let other_type = Join { protocol_type: "connect".into(), ..old_join(5) };
    assert_eq!(group.join(&other_type, 300), [refused(5, ResponseError::InconsistentGroupProtocol, "")]);
    let other_protocol = Join { protocols: vec![("sticky".into(), Bytes::new())], ..old_join(6) };
    assert_eq!(group.join(&other_protocol, 300), [refused(6, ResponseError::InconsistentGroupProtocol, "")]);
}

#[test]
fn a_static_member_comes_back_without_a_rebalance_and_fences_its_older_self() {
    let mut group = group();
    assert_eq!(group.join(&static_join(1, ""), 0), []);
    assert_eq!(group.tick(100).len(), 1);
    let own = Sync { instance_id: Some("static".into()), ..sync(2, "fresh-1", 1, &[("fresh-1", b"a")]) };
    assert_eq!(group.sync(own, 210), [Effect::Persist, synced(2, b"a")]);

    let effects = group.join(&static_join(3, ""), 300);
    let member = JoinedMember {
        member_id: "fresh-3".into(),
        instance_id: Some("static".into()),
        metadata: Bytes::from_static(b"meta"),
    };
    let answer = Joined {
        generation: 1,
        protocol_type: "consumer".into(),
        protocol: "range".into(),
        leader: "fresh-3".into(),
        member_id: "fresh-3".into(),
        members: vec![member],
        skip_assignment: true,
    };
    assert_eq!(effects, [Effect::Persist, Effect::AnswerJoin(Ticket(3), Ok(answer))]);
    assert_eq!(group.sync(sync(4, "fresh-3", 1, &[]), 310), [synced(4, b"a")]);
    assert_eq!(group.heartbeat("fresh-1", Some("static"), 1, 320), Err(ResponseError::FencedInstanceId));
    assert_eq!(group.join(&static_join(5, "fresh-1"), 330), [refused(5, ResponseError::FencedInstanceId, "fresh-1")]);
    assert_eq!(group.phase(), Phase::Stable);
}

#[test]
fn a_group_comes_back_from_its_record() {
    let group = stable();
    let read = records::read_group(records::group_value(&group), TIMES, 9_000).unwrap();
    let mut expected = group.clone();
    for member in expected.members.values_mut() {
        member.deadline = 9_000 + SESSION;
    }
    // What lasts only as long as a rebalance is not kept.
    expected.rebalance_deadline = 0;
    expected.grown = false;
    expected.unsynced.clear();
    assert_eq!(read, expected);
}
