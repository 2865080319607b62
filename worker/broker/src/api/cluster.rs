//! What there is: versions, topics, this one node, its directory.

use std::collections::BTreeSet;

use kafka_protocol::{
    error::ResponseError,
    messages::{
        ApiVersionsResponse, BrokerId, DescribeClusterRequest, DescribeClusterResponse, DescribeLogDirsRequest,
        DescribeLogDirsResponse, FindCoordinatorRequest, FindCoordinatorResponse, ListPartitionReassignmentsRequest,
        ListPartitionReassignmentsResponse, MetadataRequest, MetadataResponse,
        api_versions_response::ApiVersion,
        describe_cluster_response::DescribeClusterBroker,
        describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic},
        find_coordinator_response::Coordinator,
        metadata_request::MetadataRequestTopic,
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
};

use super::{Outcome, text, topic_name};
use crate::{
    core::{Core, NODE},
    log::PartitionLog,
    topics::{NewTopic, Settings, Topic, names},
    wire::{Api, Request, WireError, encode_frame},
};

pub(super) fn api_versions(request: Request) -> Result<Outcome, WireError> {
    let api = |api: &Api| {
        ApiVersion::default().with_api_key(api.key as i16).with_min_version(api.oldest).with_max_version(api.newest)
    };
    let known = Api::of(request.api).is_some_and(|api| api.speaks(request.version));
    let error = if known { 0 } else { ResponseError::UnsupportedVersion.code() };
    let answer =
        ApiVersionsResponse::default().with_error_code(error).with_api_keys(Api::all().iter().map(api).collect());
    let version = if known { request.version } else { 0 };
    Ok(encode_frame(request.api, version, request.correlation_id, &answer)?.into())
}

pub(super) fn metadata(core: &Core, request: MetadataRequest, version: i16) -> MetadataResponse {
    // Version 0 has no null: there no names mean all of them.
    let all = request.topics.as_ref().is_none_or(|topics| version == 0 && topics.is_empty());
    let topics = if all {
        core.topics.all().iter().map(|topic| describe_topic(topic)).collect()
    } else {
        let create = core.config.auto_create_topics && (version < 4 || request.allow_auto_topic_creation);
        let mut asked = request.topics.unwrap_or_default();
        let mut seen = BTreeSet::new();
        asked.retain(|topic| seen.insert((topic.name.clone(), topic.topic_id)));
        asked.iter().map(|asked| asked_topic(core, asked, create)).collect()
    };
    let node = MetadataResponseBroker::default().with_node_id(NODE).with_host(core.host.clone()).with_port(core.port);
    MetadataResponse::default()
        .with_brokers(vec![node])
        .with_cluster_id(Some(text(core.topics.cluster_id())))
        .with_controller_id(NODE)
        .with_topics(topics)
}

fn asked_topic(core: &Core, asked: &MetadataRequestTopic, create: bool) -> MetadataResponseTopic {
    let refused = |error: ResponseError| {
        MetadataResponseTopic::default()
            .with_error_code(error.code())
            .with_name(asked.name.clone())
            .with_topic_id(asked.topic_id)
    };
    let Some(name) = &asked.name else {
        return core
            .topics
            .with_id(asked.topic_id)
            .map_or_else(|| refused(ResponseError::UnknownTopicId), |topic| describe_topic(&topic));
    };
    if let Some(topic) = core.topics.named(name) {
        return describe_topic(&topic);
    }
    if let Err(refusal) = names::check_name(name) {
        return refused(refusal.error);
    }
    if !create || names::internal(name) {
        return refused(ResponseError::UnknownTopicOrPartition);
    }
    let new =
        NewTopic { name: name.to_string(), partitions: core.config.default_partitions, settings: Settings::new() };
    match core.topics.create(&new) {
        Ok(topic) => describe_topic(&topic),
        // Another client was faster.
        Err(refusal) => core.topics.named(name).map_or_else(|| refused(refusal.error), |topic| describe_topic(&topic)),
    }
}

fn describe_topic(topic: &Topic) -> MetadataResponseTopic {
    let count = i32::try_from(topic.partition_count()).unwrap_or(i32::MAX);
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(NODE)
            .with_leader_epoch(0)
            .with_replica_nodes(vec![NODE])
            .with_isr_nodes(vec![NODE])
    };
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(&topic.name)))
        .with_topic_id(topic.id)
        .with_is_internal(topic.internal())
        .with_partitions((0..count).map(partition).collect())
}

/// The kinds of endpoints that may be asked for: brokers, or the controllers that clients can't reach.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(super) fn describe(core: &Core, request: DescribeClusterRequest) -> DescribeClusterResponse {
    if request.endpoint_type != BROKERS {
        let (error, message) = match request.endpoint_type {
            CONTROLLERS => {
                (ResponseError::MismatchedEndpointType, "the request asks for controllers, and this is a broker")
            }
            _ => (ResponseError::UnsupportedEndpointType, "the request asks for an unknown type of endpoint"),
        };
        return DescribeClusterResponse::default()
            .with_error_code(error.code())
            .with_error_message(Some(text(message)))
            .with_endpoint_type(BROKERS);
    }
    let node = DescribeClusterBroker::default().with_broker_id(NODE).with_host(core.host.clone()).with_port(core.port);
    DescribeClusterResponse::default()
        .with_cluster_id(text(core.topics.cluster_id()))
        .with_controller_id(NODE)
        .with_brokers(vec![node])
}

pub(super) fn find_coordinator(core: &Core, request: FindCoordinatorRequest, version: i16) -> FindCoordinatorResponse {
    // Groups and transactions; other kinds belong to protocols that are not spoken here.
    let known = matches!(request.key_type, 0 | 1);
    let error = if known { 0 } else { ResponseError::InvalidRequest.code() };
    let (node, host, port) = if known { (NODE, core.host.clone(), core.port) } else { (BrokerId(-1), text(""), -1) };
    if version < 4 {
        return FindCoordinatorResponse::default()
            .with_error_code(error)
            .with_node_id(node)
            .with_host(host)
            .with_port(port);
    }
    let coordinator = |key| {
        Coordinator::default()
            .with_key(key)
            .with_error_code(error)
            .with_node_id(node)
            .with_host(host.clone())
            .with_port(port)
    };
    FindCoordinatorResponse::default()
        .with_coordinators(request.coordinator_keys.into_iter().map(coordinator).collect())
}

pub(super) fn log_dirs(core: &Core, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let wanted: Vec<(String, Vec<i32>)> = match request.topics {
        Some(topics) => topics.into_iter().map(|topic| (topic.topic.to_string(), topic.partitions)).collect(),
        None => {
            let every = |topic: &Topic| topic.partitions().iter().map(|partition| partition.at.partition).collect();
            core.topics.all().iter().map(|topic| (topic.name.clone(), every(topic))).collect()
        }
    };
    let size = |topic: &str, index| {
        let partition = core.topics.partition(topic, index).ok()?;
        let bytes = partition.with_log(|log: &mut PartitionLog| log.size_bytes()).ok()?;
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        Some(DescribeLogDirsPartition::default().with_partition_index(index).with_partition_size(bytes))
    };
    let describe = |(topic, indexes): (String, Vec<i32>)| {
        let partitions: Vec<_> = indexes.into_iter().filter_map(|index| size(&topic, index)).collect();
        let described = DescribeLogDirsTopic::default().with_name(topic_name(&topic)).with_partitions(partitions);
        (!described.partitions.is_empty()).then_some(described)
    };
    let directory = DescribeLogDirsResult::default()
        .with_log_dir(text(&core.config.data.to_string_lossy()))
        .with_topics(wanted.into_iter().filter_map(describe).collect());
    DescribeLogDirsResponse::default().with_results(vec![directory])
}

/// Partitions never move: there is nowhere to.
pub(super) fn reassignments(_request: ListPartitionReassignmentsRequest) -> ListPartitionReassignmentsResponse {
    ListPartitionReassignmentsResponse::default()
}
