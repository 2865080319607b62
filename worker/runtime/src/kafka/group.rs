//! Membership of the `connect` group, which librdkafka can't join: it knows only groups of consumers.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{Error, Props, Result};
use kafka_protocol::{
    messages::{
        FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest,
        join_group_request::JoinGroupRequestProtocol, sync_group_request::SyncGroupRequestAssignment,
    },
    protocol::StrBytes,
};

use super::connection::Connection;
use crate::metrics::worker::ConnectionFigures;

/// Why a request to the group did not succeed.
#[derive(Debug)]
pub enum GroupError {
    /// The group is rebalancing, or this generation is over: join again.
    Rebalance,
    /// The group has forgotten this member: join again as a new one, and stop all work.
    Expelled,
    /// The coordinator can't be reached or has moved: ask again.
    Unavailable(Error),
}

/// The answer to a join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    pub generation: i32,
    pub member_id: String,
    pub protocol: String,
    pub leader: String,
    /// Only the leader is told.
    pub members: Vec<(String, Vec<u8>)>,
}

/// The four things a member does. The deterministic cluster test has a group of its own behind it.
#[async_trait]
pub trait Group: Send {
    async fn join(&mut self, protocols: &[(&'static str, Vec<u8>)]) -> Result<Joined, GroupError>;
    /// The leader passes all assignments, others none; answers this member's.
    async fn sync(&mut self, joined: &Joined, assignments: &[(String, Vec<u8>)]) -> Result<Vec<u8>, GroupError>;
    async fn heartbeat(&mut self) -> Result<(), GroupError>;
    async fn leave(&mut self);
}

/// Timing of the group, as the coordinator is told it.
#[derive(Clone, Copy, Debug)]
pub struct GroupTimeouts {
    pub session: Duration,
    pub rebalance: Duration,
    pub request: Duration,
}

/// The group at a real coordinator.
pub struct KafkaGroup {
    group_id: GroupId,
    java: Props,
    timeouts: GroupTimeouts,
    coordinator: Option<Connection>,
    member_id: StrBytes,
    generation: i32,
    figures: Arc<ConnectionFigures>,
}

impl KafkaGroup {
    pub fn new(group_id: &str, java: Props, timeouts: GroupTimeouts, figures: Arc<ConnectionFigures>) -> Self {
        Self {
            group_id: GroupId(StrBytes::from_string(group_id.to_owned())),
            java,
            timeouts,
            coordinator: None,
            member_id: StrBytes::default(),
            generation: -1,
            figures,
        }
    }

    async fn coordinator(&mut self) -> Result<&mut Connection, GroupError> {
        if self.coordinator.as_ref().is_some_and(Connection::is_stale) {
            tracing::debug!("the login at the group's coordinator is about to end, logging in again");
            self.coordinator = None;
        }
        if self.coordinator.is_none() {
            let mut any = Connection::bootstrap(&self.java, &self.figures).await.map_err(GroupError::Unavailable)?;
            let request = FindCoordinatorRequest::default().with_key(self.group_id.0.clone()).with_key_type(0);
            let answer = any.request(1, &request, self.timeouts.request).await.map_err(GroupError::Unavailable)?;
            if answer.error_code != 0 {
                return Err(unavailable("find the coordinator of the group", answer.error_code));
            }
            let address = format!("{}:{}", answer.host.as_str(), answer.port);
            let connection =
                Connection::open(&address, &self.java, &self.figures).await.map_err(GroupError::Unavailable)?;
            self.coordinator = Some(connection);
        }
        Ok(self.coordinator.as_mut().expect("it was just put there"))
    }

    async fn ask<R: kafka_protocol::protocol::Request>(
        &mut self,
        version: i16,
        request: &R,
        wait: Duration,
    ) -> Result<R::Response, GroupError> {
        let answer = self.coordinator().await?.request(version, request, wait).await;
        answer.map_err(|error| {
            self.coordinator = None;
            GroupError::Unavailable(error)
        })
    }

    /// What an error code of the group protocol means for a member.
    fn classify(&mut self, what: &str, code: i16) -> GroupError {
        match code {
            // COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR
            14..=16 => {
                self.coordinator = None;
                unavailable(what, code)
            }
            // ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS
            22 | 27 => GroupError::Rebalance,
            // UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID
            25 | 82 => {
                self.member_id = StrBytes::default();
                self.generation = -1;
                GroupError::Expelled
            }
            code => unavailable(what, code),
        }
    }
}

fn unavailable(what: &str, code: i16) -> GroupError {
    let reason = kafka_protocol::ResponseError::try_from_code(code).map_or_else(|| code.to_string(), |e| e.to_string());
    GroupError::Unavailable(Error::retriable(format!("could not {what}: {reason}")))
}

#[async_trait]
impl Group for KafkaGroup {
    async fn join(&mut self, protocols: &[(&'static str, Vec<u8>)]) -> Result<Joined, GroupError> {
        let millis = |duration: Duration| i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
        let protocols: Vec<JoinGroupRequestProtocol> = protocols
            .iter()
            .map(|(name, metadata)| {
                JoinGroupRequestProtocol::default()
                    .with_name(StrBytes::from_static_str(name))
                    .with_metadata(Bytes::copy_from_slice(metadata))
            })
            .collect();
        // The coordinator answers when all members have joined, which may take the whole rebalance timeout.
        let wait = self.timeouts.rebalance + self.timeouts.request;
        for _ in 0..2 {
            let request = JoinGroupRequest::default()
                .with_group_id(self.group_id.clone())
                .with_session_timeout_ms(millis(self.timeouts.session))
                .with_rebalance_timeout_ms(millis(self.timeouts.rebalance))
                .with_member_id(self.member_id.clone())
                .with_protocol_type(StrBytes::from_static_str("connect"))
                .with_protocols(protocols.clone());
            let answer = self.ask(5, &request, wait).await?;
            match answer.error_code {
                0 => {
                    self.member_id = answer.member_id.clone();
                    self.generation = answer.generation_id;
                    let members = answer.members.into_iter();
                    return Ok(Joined {
                        generation: answer.generation_id,
                        member_id: answer.member_id.to_string(),
                        protocol: answer.protocol_name.map(|name| name.to_string()).unwrap_or_default(),
                        leader: answer.leader.to_string(),
                        members: members.map(|m| (m.member_id.to_string(), m.metadata.to_vec())).collect(),
                    });
                }
                // MEMBER_ID_REQUIRED: the first join only yields a name.
                79 => self.member_id = answer.member_id,
                code => return Err(self.classify("join the group", code)),
            }
        }
        Err(unavailable("join the group", 79))
    }

    async fn sync(&mut self, joined: &Joined, assignments: &[(String, Vec<u8>)]) -> Result<Vec<u8>, GroupError> {
        let assignments = assignments
            .iter()
            .map(|(member, bytes)| {
                SyncGroupRequestAssignment::default()
                    .with_member_id(StrBytes::from_string(member.clone()))
                    .with_assignment(Bytes::copy_from_slice(bytes))
            })
            .collect();
        let request = SyncGroupRequest::default()
            .with_group_id(self.group_id.clone())
            .with_generation_id(joined.generation)
            .with_member_id(self.member_id.clone())
            .with_assignments(assignments);
        let answer = self.ask(3, &request, self.timeouts.rebalance + self.timeouts.request).await?;
        match answer.error_code {
            0 => Ok(answer.assignment.to_vec()),
            code => Err(self.classify("sync the group", code)),
        }
    }

    async fn heartbeat(&mut self) -> Result<(), GroupError> {
        let request = HeartbeatRequest::default()
            .with_group_id(self.group_id.clone())
            .with_generation_id(self.generation)
            .with_member_id(self.member_id.clone());
        let answer = self.ask(3, &request, self.timeouts.request).await?;
        match answer.error_code {
            0 => Ok(()),
            code => Err(self.classify("send a heartbeat to the group", code)),
        }
    }

    async fn leave(&mut self) {
        if !self.member_id.is_empty() {
            let request = LeaveGroupRequest::default()
                .with_group_id(self.group_id.clone())
                .with_member_id(self.member_id.clone());
            if let Err(GroupError::Unavailable(error)) = self.ask(2, &request, self.timeouts.request).await {
                tracing::debug!(%error, "could not leave the group, its coordinator will notice");
            }
        }
        self.member_id = StrBytes::default();
        self.generation = -1;
    }
}
