//! One function for each request; this file leads a request to its function.

mod cluster;
mod commits;
mod configs;
mod fetch;
mod group_admin;
mod groups;
mod listed_offsets;
mod produce;
mod security;
#[cfg(test)]
mod tests;
mod topics;
mod transaction_admin;
mod transactions;

use bytes::BytesMut;
use kafka_protocol::{
    messages::{ApiKey, TopicName},
    protocol::{Decodable, Encodable, StrBytes},
};

use crate::{
    connection::Peer,
    core::Core,
    wire::{Frame, Request, WireError},
};

/// What becomes of a request.
pub(crate) enum Outcome {
    Answer(Frame),
    /// The client wants no answer.
    Silence,
    /// The client wants no answer but must learn that something failed.
    Close(String),
}

impl From<BytesMut> for Outcome {
    fn from(frame: BytesMut) -> Self {
        Outcome::Answer(frame.into())
    }
}

pub(crate) async fn handle(core: &Core, peer: &Peer, request: Request) -> Result<Outcome, WireError> {
    match request.api {
        ApiKey::Produce => produce::produce(core, request),
        ApiKey::Fetch => Box::pin(fetch::fetch(core, request)).await,
        ApiKey::JoinGroup => Box::pin(groups::join(core, peer, request)).await,
        ApiKey::SyncGroup => Box::pin(groups::sync(core, request)).await,
        ApiKey::ApiVersions => cluster::api_versions(request),
        ApiKey::DescribeGroups
        | ApiKey::ListGroups
        | ApiKey::DeleteGroups
        | ApiKey::OffsetDelete
        | ApiKey::Heartbeat
        | ApiKey::LeaveGroup
        | ApiKey::OffsetCommit
        | ApiKey::OffsetFetch
        | ApiKey::TxnOffsetCommit => handle_group(core, request),
        ApiKey::InitProducerId
        | ApiKey::AddPartitionsToTxn
        | ApiKey::AddOffsetsToTxn
        | ApiKey::EndTxn
        | ApiKey::DescribeProducers
        | ApiKey::DescribeTransactions
        | ApiKey::ListTransactions => handle_transaction(core, request),
        _ => handle_admin(core, request),
    }
}

fn handle_group(core: &Core, request: Request) -> Result<Outcome, WireError> {
    match request.api {
        ApiKey::Heartbeat => plain(request, |heartbeat, _| groups::heartbeat(core, heartbeat)),
        ApiKey::LeaveGroup => plain(request, |leave, version| groups::leave(core, leave, version)),
        ApiKey::OffsetCommit => plain(request, |commit, _| commits::commit(core, commit)),
        ApiKey::OffsetFetch => plain(request, |fetch, version| commits::fetch(core, fetch, version)),
        ApiKey::OffsetDelete => plain(request, |delete, _| commits::delete(core, delete)),
        ApiKey::TxnOffsetCommit => plain(request, |commit, _| commits::commit_in_transaction(core, commit)),
        ApiKey::DescribeGroups => plain(request, |describe, _| group_admin::describe(core, describe)),
        ApiKey::ListGroups => plain(request, |list, version| group_admin::list(core, list, version)),
        ApiKey::DeleteGroups => plain(request, |delete, _| group_admin::delete(core, delete)),
        _ => Err(unknown(&request)),
    }
}

fn handle_transaction(core: &Core, request: Request) -> Result<Outcome, WireError> {
    match request.api {
        ApiKey::InitProducerId => plain(request, |init, version| transactions::init(core, init, version)),
        ApiKey::AddPartitionsToTxn => plain(request, |add, version| transactions::add_partitions(core, add, version)),
        ApiKey::AddOffsetsToTxn => plain(request, |add, version| transactions::add_offsets(core, add, version)),
        ApiKey::EndTxn => plain(request, |end, version| transactions::end(core, end, version)),
        ApiKey::DescribeProducers => plain(request, |describe, _| transaction_admin::producers(core, describe)),
        ApiKey::DescribeTransactions => plain(request, |describe, _| transaction_admin::describe(core, describe)),
        ApiKey::ListTransactions => plain(request, |list, _| transaction_admin::list(core, list)),
        _ => Err(unknown(&request)),
    }
}

fn handle_admin(core: &Core, request: Request) -> Result<Outcome, WireError> {
    match request.api {
        ApiKey::Metadata => plain(request, |metadata, version| cluster::metadata(core, metadata, version)),
        ApiKey::DescribeCluster => plain(request, |describe, _| cluster::describe(core, describe)),
        ApiKey::FindCoordinator => plain(request, |find, version| cluster::find_coordinator(core, find, version)),
        ApiKey::DescribeLogDirs => plain(request, |describe, _| cluster::log_dirs(core, describe)),
        ApiKey::ListPartitionReassignments => plain(request, |list, _| cluster::reassignments(list)),
        ApiKey::ListOffsets => plain(request, |list, version| listed_offsets::list(core, list, version)),
        ApiKey::OffsetForLeaderEpoch => plain(request, |ask, _| listed_offsets::for_epoch(core, ask)),
        ApiKey::DeleteRecords => plain(request, |delete, _| listed_offsets::delete_records(core, delete)),
        ApiKey::CreateTopics => plain(request, |create, version| topics::create(core, create, version)),
        ApiKey::DeleteTopics => plain(request, |delete, version| topics::delete(core, delete, version)),
        ApiKey::CreatePartitions => plain(request, |create, _| topics::create_partitions(core, create)),
        ApiKey::DescribeConfigs => plain(request, |describe, _| configs::describe(core, describe)),
        ApiKey::AlterConfigs => plain(request, |alter, _| configs::alter(core, alter)),
        ApiKey::IncrementalAlterConfigs => plain(request, |alter, _| configs::alter_incrementally(core, alter)),
        ApiKey::DescribeAcls => plain(request, |describe, _| security::describe_acls(describe)),
        ApiKey::CreateAcls => plain(request, |create, _| security::create_acls(create)),
        ApiKey::DeleteAcls => plain(request, |delete, _| security::delete_acls(delete)),
        ApiKey::DescribeUserScramCredentials => plain(request, |describe, _| security::describe_scram(describe)),
        _ => Err(unknown(&request)),
    }
}

fn unknown(request: &Request) -> WireError {
    WireError::UnknownApi(request.api as i16)
}

/// A request that is answered at once.
fn plain<Q: Decodable, A: Encodable>(
    mut request: Request,
    handle: impl FnOnce(Q, i16) -> A,
) -> Result<Outcome, WireError> {
    let asked = request.decode()?;
    let answer = handle(asked, request.version);
    Ok(request.answer(&answer)?.into())
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

fn topic_name(value: &str) -> TopicName {
    TopicName(text(value))
}

/// The error code of a result; 0 for none.
fn code<T>(result: &Result<T, kafka_protocol::error::ResponseError>) -> i16 {
    result.as_ref().err().map_or(0, kafka_protocol::error::ResponseError::code)
}
