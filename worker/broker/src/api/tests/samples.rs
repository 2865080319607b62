//! A request of each kind with something in every field that its version has.

use kafka_protocol::messages::{
    add_partitions_to_txn_request::AddPartitionsToTxnTopic,
    alter_configs_request::{AlterConfigsResource, AlterableConfig},
    create_acls_request::AclCreation,
    create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic},
    create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
    delete_acls_request::DeleteAclsFilter,
    delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
    delete_topics_request::DeleteTopicState,
    describe_configs_request::DescribeConfigsResource,
    describe_log_dirs_request::DescribableLogDirTopic,
    describe_producers_request::TopicRequest,
    describe_user_scram_credentials_request::UserName,
    fetch_request::{FetchPartition, FetchTopic, ForgottenTopic},
    incremental_alter_configs_request::{
        AlterConfigsResource as IncrementalResource, AlterableConfig as IncrementalConfig,
    },
    join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    list_partition_reassignments_request::ListPartitionReassignmentsTopics,
    metadata_request::MetadataRequestTopic,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
    offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
    produce_request::{PartitionProduceData, TopicProduceData},
    sync_group_request::SyncGroupRequestAssignment,
    txn_offset_commit_request::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
};

use super::*;

pub(super) fn all() -> Vec<Sample> {
    let mut all = records();
    all.extend(groups());
    all.extend(offsets());
    all.extend(transactions());
    all.extend(cluster());
    all.extend(topics());
    all.extend(configs());
    all.extend(security());
    all
}

fn records() -> Vec<Sample> {
    let mut all = each::<_, MetadataResponse>(ApiKey::Metadata, |version| {
        let asked = MetadataRequestTopic::default().with_name(Some(topic("t")));
        MetadataRequest::default()
            .with_topics(Some(vec![asked]))
            .with_include_topic_authorized_operations(since(version, 8, true))
    });
    all.extend(each::<_, ProduceResponse>(ApiKey::Produce, |_| {
        let data = PartitionProduceData::default().with_records(Some(Bytes::from_static(b"no batch at all")));
        let data = TopicProduceData::default().with_name(topic("t")).with_partition_data(vec![data]);
        ProduceRequest::default()
            .with_transactional_id(Some(TransactionalId(text("tx"))))
            .with_acks(-1)
            .with_timeout_ms(1000)
            .with_topic_data(vec![data])
    }));
    all.extend(each::<_, FetchResponse>(ApiKey::Fetch, |version| {
        let partition = FetchPartition::default().with_partition_max_bytes(1000);
        let asked = FetchTopic::default().with_topic(topic("t")).with_partitions(vec![partition]);
        let forgotten = ForgottenTopic::default().with_topic(topic("old")).with_partitions(vec![1]);
        FetchRequest::default()
            .with_max_bytes(1000)
            .with_isolation_level(1)
            .with_topics(vec![asked])
            .with_forgotten_topics_data(since(version, 7, vec![forgotten]))
            .with_rack_id(since(version, 11, text("rack")))
    }));
    all.extend(each::<_, ListOffsetsResponse>(ApiKey::ListOffsets, |version| {
        let partition = |timestamp| {
            ListOffsetsPartition::default().with_timestamp(timestamp).with_current_leader_epoch(if version >= 4 {
                0
            } else {
                -1
            })
        };
        let wanted = [-1, -2, -3, 5].map(partition).to_vec();
        let asked = ListOffsetsTopic::default().with_name(topic("t")).with_partitions(wanted);
        ListOffsetsRequest::default().with_isolation_level(since(version, 2, 1)).with_topics(vec![asked])
    }));
    all.extend(each::<_, OffsetForLeaderEpochResponse>(ApiKey::OffsetForLeaderEpoch, |version| {
        let asked = OffsetForLeaderTopic::default()
            .with_topic(topic("t"))
            .with_partitions(vec![OffsetForLeaderPartition::default().with_leader_epoch(0)]);
        OffsetForLeaderEpochRequest::default()
            .with_replica_id(BrokerId(if version >= 3 { -1 } else { -2 }))
            .with_topics(vec![asked])
    }));
    all.extend(each::<_, DeleteRecordsResponse>(ApiKey::DeleteRecords, |_| {
        let partition = DeleteRecordsPartition::default().with_offset(-1);
        let asked = DeleteRecordsTopic::default().with_name(topic("t")).with_partitions(vec![partition]);
        DeleteRecordsRequest::default().with_topics(vec![asked])
    }));
    all
}

fn groups() -> Vec<Sample> {
    let mut all = each::<_, JoinGroupResponse>(ApiKey::JoinGroup, |version| {
        let protocol = JoinGroupRequestProtocol::default().with_name(text("range")).with_metadata(Bytes::from("m"));
        JoinGroupRequest::default()
            .with_group_id(GroupId(text("g")))
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(if version >= 1 { 10_000 } else { -1 })
            .with_protocol_type(text("consumer"))
            .with_group_instance_id(since(version, 5, Some(text("static"))))
            .with_protocols(vec![protocol])
            .with_reason(since(version, 8, Some(text("why"))))
    });
    all.extend(each::<_, SyncGroupResponse>(ApiKey::SyncGroup, |version| {
        let own = SyncGroupRequestAssignment::default().with_member_id(text("m")).with_assignment(Bytes::from("a"));
        SyncGroupRequest::default()
            .with_group_id(GroupId(text("g")))
            .with_member_id(text("m"))
            .with_group_instance_id(since(version, 3, Some(text("static"))))
            .with_protocol_type(since(version, 5, Some(text("consumer"))))
            .with_protocol_name(since(version, 5, Some(text("range"))))
            .with_assignments(vec![own])
    }));
    all.extend(each::<_, HeartbeatResponse>(ApiKey::Heartbeat, |version| {
        HeartbeatRequest::default()
            .with_group_id(GroupId(text("g")))
            .with_member_id(text("m"))
            .with_group_instance_id(since(version, 3, Some(text("static"))))
    }));
    all.extend(each::<_, LeaveGroupResponse>(ApiKey::LeaveGroup, |version| {
        let member = MemberIdentity::default()
            .with_member_id(text("m"))
            .with_group_instance_id(Some(text("static")))
            .with_reason(since(version, 5, Some(text("why"))));
        LeaveGroupRequest::default()
            .with_group_id(GroupId(text("g")))
            .with_member_id(until(version, 2, text("m")))
            .with_members(since(version, 3, vec![member]))
    }));
    all.extend(each::<_, DescribeGroupsResponse>(ApiKey::DescribeGroups, |version| {
        DescribeGroupsRequest::default()
            .with_groups(vec![GroupId(text("g")), GroupId(text("none"))])
            .with_include_authorized_operations(since(version, 3, true))
    }));
    all.extend(each::<_, ListGroupsResponse>(ApiKey::ListGroups, |version| {
        ListGroupsRequest::default()
            .with_states_filter(since(version, 4, vec![text("PreparingRebalance"), text("Empty")]))
            .with_types_filter(since(version, 5, vec![text("classic")]))
    }));
    all.extend(each::<_, DeleteGroupsResponse>(ApiKey::DeleteGroups, |_| {
        DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text("g")), GroupId(text("none"))])
    }));
    all
}

fn offsets() -> Vec<Sample> {
    let mut all = each::<_, OffsetCommitResponse>(ApiKey::OffsetCommit, |version| {
        let partition = OffsetCommitRequestPartition::default()
            .with_committed_offset(5)
            .with_committed_leader_epoch(if version >= 6 { 0 } else { -1 })
            .with_committed_metadata(Some(text("note")));
        let asked = OffsetCommitRequestTopic::default().with_name(topic("t")).with_partitions(vec![partition]);
        OffsetCommitRequest::default()
            .with_group_id(GroupId(text("simple")))
            .with_group_instance_id(None)
            .with_topics(vec![asked])
    });
    all.extend(each::<_, OffsetFetchResponse>(ApiKey::OffsetFetch, |version| {
        let single = OffsetFetchRequestTopic::default().with_name(topic("t")).with_partition_indexes(vec![0, 9]);
        let batched = OffsetFetchRequestTopics::default().with_name(topic("t")).with_partition_indexes(vec![0, 9]);
        let group =
            OffsetFetchRequestGroup::default().with_group_id(GroupId(text("simple"))).with_topics(Some(vec![batched]));
        OffsetFetchRequest::default()
            .with_group_id(until(version, 7, GroupId(text("simple"))))
            .with_topics(if version <= 7 { Some(vec![single]) } else { Some(Vec::new()) })
            .with_groups(since(version, 8, vec![group]))
            .with_require_stable(since(version, 7, true))
    }));
    all.extend(each::<_, OffsetDeleteResponse>(ApiKey::OffsetDelete, |_| {
        let partition = OffsetDeleteRequestPartition::default().with_partition_index(0);
        let asked = OffsetDeleteRequestTopic::default().with_name(topic("t")).with_partitions(vec![partition]);
        OffsetDeleteRequest::default().with_group_id(GroupId(text("simple"))).with_topics(vec![asked])
    }));
    all.extend(each::<_, TxnOffsetCommitResponse>(ApiKey::TxnOffsetCommit, |version| {
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_committed_offset(5)
            .with_committed_metadata(Some(text("note")));
        let asked = TxnOffsetCommitRequestTopic::default().with_name(topic("t")).with_partitions(vec![partition]);
        TxnOffsetCommitRequest::default()
            .with_transactional_id(TransactionalId(text("tx")))
            .with_group_id(GroupId(text("simple")))
            .with_member_id(since(version, 3, text("m")))
            .with_topics(vec![asked])
    }));
    all
}

fn transactions() -> Vec<Sample> {
    let id = || TransactionalId(text("tx"));
    let mut all = each::<_, InitProducerIdResponse>(ApiKey::InitProducerId, |_| {
        InitProducerIdRequest::default().with_transactional_id(Some(id())).with_transaction_timeout_ms(1000)
    });
    all.extend(each::<_, AddPartitionsToTxnResponse>(ApiKey::AddPartitionsToTxn, |_| {
        let wanted = AddPartitionsToTxnTopic::default().with_name(topic("t")).with_partitions(vec![0]);
        AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(id())
            .with_v3_and_below_topics(vec![wanted])
    }));
    all.extend(each::<_, AddOffsetsToTxnResponse>(ApiKey::AddOffsetsToTxn, |_| {
        AddOffsetsToTxnRequest::default().with_transactional_id(id()).with_group_id(GroupId(text("g")))
    }));
    all.extend(each::<_, EndTxnResponse>(ApiKey::EndTxn, |_| {
        EndTxnRequest::default().with_transactional_id(id()).with_committed(true)
    }));
    all.extend(each::<_, DescribeProducersResponse>(ApiKey::DescribeProducers, |_| {
        let asked = TopicRequest::default().with_name(topic("t")).with_partition_indexes(vec![0, 9]);
        DescribeProducersRequest::default().with_topics(vec![asked])
    }));
    all.extend(each::<_, DescribeTransactionsResponse>(ApiKey::DescribeTransactions, |_| {
        DescribeTransactionsRequest::default().with_transactional_ids(vec![id(), TransactionalId(text("none"))])
    }));
    all.extend(each::<_, ListTransactionsResponse>(ApiKey::ListTransactions, |version| {
        ListTransactionsRequest::default()
            .with_state_filters(vec![text("Empty"), text("Odd")])
            .with_producer_id_filters(vec![ProducerId(0)])
            .with_duration_filter(if version >= 1 { 5 } else { -1 })
    }));
    all
}

fn cluster() -> Vec<Sample> {
    let mut all = each::<_, ApiVersionsResponse>(ApiKey::ApiVersions, |version| {
        ApiVersionsRequest::default()
            .with_client_software_name(since(version, 3, text("test")))
            .with_client_software_version(since(version, 3, text("1")))
    });
    all.extend(each::<_, FindCoordinatorResponse>(ApiKey::FindCoordinator, |version| {
        FindCoordinatorRequest::default()
            .with_key(until(version, 3, text("g")))
            .with_key_type(since(version, 1, 1))
            .with_coordinator_keys(since(version, 4, vec![text("g")]))
    }));
    all.extend(each::<_, DescribeClusterResponse>(ApiKey::DescribeCluster, |_| DescribeClusterRequest::default()));
    all.extend(each::<_, DescribeLogDirsResponse>(ApiKey::DescribeLogDirs, |_| {
        let asked = DescribableLogDirTopic::default().with_topic(topic("t")).with_partitions(vec![0]);
        DescribeLogDirsRequest::default().with_topics(Some(vec![asked]))
    }));
    all.extend(each::<_, ListPartitionReassignmentsResponse>(ApiKey::ListPartitionReassignments, |_| {
        let asked = ListPartitionReassignmentsTopics::default().with_name(topic("t")).with_partition_indexes(vec![0]);
        ListPartitionReassignmentsRequest::default().with_topics(Some(vec![asked]))
    }));
    all
}

fn topics() -> Vec<Sample> {
    let mut all = each::<_, CreateTopicsResponse>(ApiKey::CreateTopics, |version| {
        let config = CreatableTopicConfig::default().with_name(text("retention.ms")).with_value(Some(text("5")));
        let plain = CreatableTopic::default()
            .with_name(topic(&format!("made-{version}")))
            .with_num_partitions(1)
            .with_replication_factor(1)
            .with_configs(vec![config]);
        let assignment = CreatableReplicaAssignment::default().with_broker_ids(vec![BrokerId(3)]);
        let refused = CreatableTopic::default().with_name(topic("refused")).with_assignments(vec![assignment]);
        CreateTopicsRequest::default().with_topics(vec![plain, refused])
    });
    all.extend(each::<_, CreatePartitionsResponse>(ApiKey::CreatePartitions, |_| {
        let assignment = CreatePartitionsAssignment::default().with_broker_ids(vec![BrokerId(1)]);
        let asked = CreatePartitionsTopic::default()
            .with_name(topic("t"))
            .with_count(1)
            .with_assignments(Some(vec![assignment]));
        CreatePartitionsRequest::default().with_topics(vec![asked])
    }));
    all.extend(each::<_, DeleteTopicsResponse>(ApiKey::DeleteTopics, |version| {
        let named = DeleteTopicState::default().with_name(Some(topic(&format!("made-{version}"))));
        let unnamed = DeleteTopicState::default().with_name(None).with_topic_id(Uuid::from_u128(5));
        DeleteTopicsRequest::default()
            .with_topic_names(until(version, 5, vec![topic(&format!("made-{version}")), topic("none")]))
            .with_topics(since(version, 6, vec![named, unnamed]))
    }));
    all
}

fn configs() -> Vec<Sample> {
    let mut all = each::<_, DescribeConfigsResponse>(ApiKey::DescribeConfigs, |version| {
        let resource = |kind, name: &str| {
            DescribeConfigsResource::default()
                .with_resource_type(kind)
                .with_resource_name(text(name))
                .with_configuration_keys(None)
        };
        DescribeConfigsRequest::default()
            .with_resources(vec![resource(2, "t"), resource(4, "1"), resource(2, "none"), resource(16, "")])
            .with_include_synonyms(true)
            .with_include_documentation(since(version, 3, true))
    });
    all.extend(each::<_, AlterConfigsResponse>(ApiKey::AlterConfigs, |_| {
        let config = AlterableConfig::default().with_name(text("retention.ms")).with_value(Some(text("5000")));
        let resource = AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("t"))
            .with_configs(vec![config]);
        AlterConfigsRequest::default().with_resources(vec![resource])
    }));
    all.extend(each::<_, IncrementalAlterConfigsResponse>(ApiKey::IncrementalAlterConfigs, |_| {
        let config = IncrementalConfig::default().with_name(text("cleanup.policy")).with_config_operation(2);
        let resource = |name: &str, value: Option<StrBytes>| {
            IncrementalResource::default()
                .with_resource_type(2)
                .with_resource_name(text(name))
                .with_configs(vec![config.clone().with_value(value)])
        };
        IncrementalAlterConfigsRequest::default().with_resources(vec![
            resource("t", Some(text("compact"))),
            resource("t", None),
            resource("none", None),
        ])
    }));
    all
}

fn security() -> Vec<Sample> {
    let mut all = each::<_, DescribeAclsResponse>(ApiKey::DescribeAcls, |_| DescribeAclsRequest::default());
    all.extend(each::<_, CreateAclsResponse>(ApiKey::CreateAcls, |_| {
        CreateAclsRequest::default().with_creations(vec![AclCreation::default()])
    }));
    all.extend(each::<_, DeleteAclsResponse>(ApiKey::DeleteAcls, |_| {
        DeleteAclsRequest::default().with_filters(vec![DeleteAclsFilter::default()])
    }));
    all.extend(each::<_, DescribeUserScramCredentialsResponse>(ApiKey::DescribeUserScramCredentials, |_| {
        let user = UserName::default().with_name(text("u"));
        DescribeUserScramCredentialsRequest::default().with_users(Some(vec![user]))
    }));
    all
}
