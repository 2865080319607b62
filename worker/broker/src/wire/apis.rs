//! The requests this broker speaks: versions and the layout of each body. What is not here is not announced.

use std::sync::OnceLock;

use kafka_protocol::messages::ApiKey;

use super::layout::{Field, parse_fields};

/// One API with its announced versions.
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    pub(crate) oldest: i16,
    pub(crate) newest: i16,
    /// The fields of the request in the order of the wire.
    pub(super) fields: Vec<Field>,
}

/// Key, oldest and newest version, and the body in the notation of [`super::layout`].
///
/// The newest versions are those before topic ids in Fetch (13), the new group protocol (KIP-848) and the second
/// transaction protocol (KIP-890): clients of both ages then agree with us on one behaviour.
const TABLE: &[(ApiKey, i16, i16, &str)] = &[
    (ApiKey::Produce, 3, 9, "s 2 4 [s [4 b]]"),
    (ApiKey::Fetch, 4, 12, "4 4 4 4 1 7+4 7+4 [s [4 9+4 8 12+4 5+8 4]] 7+[s {4}] 11+s"),
    (ApiKey::ListOffsets, 1, 7, "4 2+1 [s [4 4+4 8]]"),
    (ApiKey::Metadata, 0, 12, "[10+16 s] 4+1 8-10:1 8+1"),
    (ApiKey::OffsetCommit, 2, 8, "s 4 s 7+s -4:8 [s [4 8 6+4 s]]"),
    (ApiKey::OffsetFetch, 1, 8, "-7:s -7:[s {4}] 8+[s [s {4}]] 7+1"),
    (ApiKey::FindCoordinator, 0, 4, "-3:s 1+1 4+{s}"),
    (ApiKey::JoinGroup, 0, 9, "s 4 1+4 s 5+s s [s b] 8+s"),
    (ApiKey::Heartbeat, 0, 4, "s 4 s 3+s"),
    (ApiKey::LeaveGroup, 0, 5, "s -2:s 3+[s s 5+s]"),
    (ApiKey::SyncGroup, 0, 5, "s 4 s 3+s 5+s 5+s [s b]"),
    (ApiKey::DescribeGroups, 0, 5, "{s} 3+1"),
    (ApiKey::ListGroups, 0, 5, "4+{s} 5+{s}"),
    (ApiKey::ApiVersions, 0, 3, "3+s 3+s"),
    (ApiKey::CreateTopics, 2, 7, "[s 4 2 [4 {4}] [s s]] 4 1"),
    (ApiKey::DeleteTopics, 1, 6, "6+[s 16] -5:{s} 4"),
    (ApiKey::DeleteRecords, 0, 2, "[s [4 8]] 4"),
    (ApiKey::InitProducerId, 0, 4, "s 4 3+8 3+2"),
    (ApiKey::OffsetForLeaderEpoch, 2, 4, "3+4 [s [4 4 4]]"),
    (ApiKey::AddPartitionsToTxn, 0, 3, "s 8 2 [s {4}]"),
    (ApiKey::AddOffsetsToTxn, 0, 3, "s 8 2 s"),
    (ApiKey::EndTxn, 0, 3, "s 8 2 1"),
    (ApiKey::TxnOffsetCommit, 0, 3, "s s 8 2 3+4 3+s 3+s [s [4 8 2+4 s]]"),
    (ApiKey::DescribeAcls, 1, 3, "1 s 1 s s 1 1"),
    (ApiKey::CreateAcls, 1, 3, "[1 s 1 s s 1 1]"),
    (ApiKey::DeleteAcls, 1, 3, "[1 s 1 s s 1 1]"),
    (ApiKey::DescribeConfigs, 1, 4, "[1 s {s}] 1 3+1"),
    (ApiKey::AlterConfigs, 0, 2, "[1 s [s s]] 1"),
    (ApiKey::DescribeLogDirs, 1, 4, "[s {4}]"),
    (ApiKey::CreatePartitions, 0, 3, "[s 4 [{4}]] 4 1"),
    (ApiKey::DeleteGroups, 0, 2, "{s}"),
    (ApiKey::IncrementalAlterConfigs, 0, 1, "[1 s [s 1 s]] 1"),
    (ApiKey::ListPartitionReassignments, 0, 0, "4 [s {4}]"),
    (ApiKey::OffsetDelete, 0, 0, "s [s [4]]"),
    (ApiKey::DescribeUserScramCredentials, 0, 0, "[s]"),
    (ApiKey::DescribeCluster, 0, 1, "1 1+1"),
    (ApiKey::DescribeProducers, 0, 0, "[s {4}]"),
    (ApiKey::DescribeTransactions, 0, 0, "{s}"),
    (ApiKey::ListTransactions, 0, 1, "{s} {8} 1+8"),
];

impl Api {
    pub(crate) fn all() -> &'static [Api] {
        static APIS: OnceLock<Vec<Api>> = OnceLock::new();
        APIS.get_or_init(|| {
            let api = |&(key, oldest, newest, layout): &(ApiKey, i16, i16, &str)| Api {
                key,
                oldest,
                newest,
                fields: parse_fields(layout),
            };
            TABLE.iter().map(api).collect()
        })
    }

    pub(crate) fn of(key: ApiKey) -> Option<&'static Api> {
        Self::all().iter().find(|api| api.key == key)
    }

    pub(crate) fn speaks(&self, version: i16) -> bool {
        (self.oldest..=self.newest).contains(&version)
    }

    /// Flexible versions have compact lengths and tagged fields.
    pub(crate) fn flexible(&self, version: i16) -> bool {
        self.key.request_header_version(version) >= 2
    }
}
