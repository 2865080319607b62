//! The life of a member: join, sync, heartbeat, leave.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
        LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse, join_group_response::JoinGroupResponseMember,
        leave_group_response::MemberResponse,
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::{Outcome, code, text};
use crate::{
    config::millis,
    connection::Peer,
    core::Core,
    group::{
        Join, Manners, Sync,
        state::{JoinRefused, Joined, JoinedMember, Ticket},
    },
    wire::{Request, WireError},
};

pub(super) async fn join(core: &Core, peer: &Peer, mut request: Request) -> Result<Outcome, WireError> {
    let asked: JoinGroupRequest = request.decode()?;
    let version = request.version;
    let client_id = request.client_id.clone().unwrap_or_default();
    let times = &core.config.times;
    let session = i64::from(asked.session_timeout_ms);
    let refused = |error| JoinRefused { error, member_id: asked.member_id.to_string() };
    let answer = if asked.group_id.is_empty() {
        Err(refused(ResponseError::InvalidGroupId))
    } else if session < millis(times.session_min) || session > millis(times.session_max) {
        Err(refused(ResponseError::InvalidSessionTimeout))
    } else {
        let join = to_join(&asked, client_id, peer.host(), version);
        core.groups.join(&asked.group_id, join).await
    };
    let response = match answer {
        Ok(joined) => joined_response(joined, version),
        Err(refused) => JoinGroupResponse::default()
            .with_error_code(refused.error.code())
            .with_generation_id(-1)
            // Older versions have no null here.
            .with_protocol_name((version < 7).then(|| text("")))
            .with_member_id(StrBytes::from_string(refused.member_id)),
    };
    Ok(request.answer(&response)?.into())
}

fn to_join(asked: &JoinGroupRequest, client_id: String, client_host: String, version: i16) -> Join {
    // Version 0 has one timeout for both.
    let rebalance = if version >= 1 { asked.rebalance_timeout_ms } else { asked.session_timeout_ms };
    // Kafka names new members after their static name, or else after their client.
    let prefix = asked.group_instance_id.as_ref().map_or(client_id.as_str(), |id| id.as_str());
    let fresh_id = format!("{prefix}-{}", Uuid::new_v4());
    Join {
        ticket: Ticket(0),
        member_id: asked.member_id.to_string(),
        fresh_id,
        instance_id: asked.group_instance_id.as_ref().map(|id| id.to_string()),
        client_id,
        client_host,
        session_timeout: asked.session_timeout_ms.into(),
        rebalance_timeout: rebalance.max(0).into(),
        protocol_type: asked.protocol_type.to_string(),
        protocols: asked
            .protocols
            .iter()
            .map(|protocol| (protocol.name.to_string(), protocol.metadata.clone()))
            .collect(),
        manners: Manners { returns_with_id: version >= 4, skips_assignment: version >= 9 },
    }
}

fn joined_response(joined: Joined, version: i16) -> JoinGroupResponse {
    let member = |member: JoinedMember| {
        JoinGroupResponseMember::default()
            .with_member_id(StrBytes::from_string(member.member_id))
            .with_group_instance_id(member.instance_id.filter(|_| version >= 5).map(StrBytes::from_string))
            .with_metadata(member.metadata)
    };
    JoinGroupResponse::default()
        .with_generation_id(joined.generation)
        .with_protocol_type(Some(StrBytes::from_string(joined.protocol_type)).filter(|_| version >= 7))
        .with_protocol_name(Some(StrBytes::from_string(joined.protocol)))
        .with_leader(StrBytes::from_string(joined.leader))
        .with_member_id(StrBytes::from_string(joined.member_id))
        .with_members(joined.members.into_iter().map(member).collect())
        .with_skip_assignment(joined.skip_assignment)
}

pub(super) async fn sync(core: &Core, mut request: Request) -> Result<Outcome, WireError> {
    let asked: SyncGroupRequest = request.decode()?;
    let string = |value: &StrBytes| value.to_string();
    let assignments = asked.assignments.iter();
    let sync = Sync {
        ticket: Ticket(0),
        member_id: string(&asked.member_id),
        instance_id: asked.group_instance_id.as_ref().map(string),
        generation: asked.generation_id,
        protocol_type: asked.protocol_type.as_ref().map(string),
        protocol: asked.protocol_name.as_ref().map(string),
        assignments: assignments.map(|one| (string(&one.member_id), one.assignment.clone())).collect(),
    };
    let response = match core.groups.sync(&asked.group_id, sync).await {
        Ok(synced) => {
            let named = |name: String| Some(StrBytes::from_string(name)).filter(|_| request.version >= 5);
            SyncGroupResponse::default()
                .with_protocol_type(named(synced.protocol_type))
                .with_protocol_name(named(synced.protocol))
                .with_assignment(synced.assignment)
        }
        Err(error) => SyncGroupResponse::default().with_error_code(error.code()),
    };
    Ok(request.answer(&response)?.into())
}

pub(super) fn heartbeat(core: &Core, request: HeartbeatRequest) -> HeartbeatResponse {
    let instance_id = request.group_instance_id.as_ref().map(|id| id.as_str());
    let heard = core.groups.heartbeat(&request.group_id, &request.member_id, instance_id, request.generation_id);
    HeartbeatResponse::default().with_error_code(code(&heard))
}

pub(super) fn leave(core: &Core, request: LeaveGroupRequest, version: i16) -> LeaveGroupResponse {
    if request.group_id.is_empty() {
        return LeaveGroupResponse::default().with_error_code(ResponseError::InvalidGroupId.code());
    }
    if version < 3 {
        let left = core.groups.leave(&request.group_id, &[(request.member_id.to_string(), None)]);
        return LeaveGroupResponse::default().with_error_code(left.first().map_or(0, code));
    }
    let name = |member: &kafka_protocol::messages::leave_group_request::MemberIdentity| {
        (member.member_id.to_string(), member.group_instance_id.as_ref().map(|id| id.to_string()))
    };
    let members: Vec<(String, Option<String>)> = request.members.iter().map(name).collect();
    let left = core.groups.leave(&request.group_id, &members);
    let answer = |((member_id, instance_id), left): (&(String, Option<String>), Result<(), ResponseError>)| {
        MemberResponse::default()
            .with_member_id(text(member_id))
            .with_group_instance_id(instance_id.as_deref().map(text))
            .with_error_code(code(&left))
    };
    LeaveGroupResponse::default().with_members(members.iter().zip(left).map(answer).collect())
}
