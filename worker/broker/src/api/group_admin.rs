//! What tools ask about groups.

use bytes::Bytes;
use kafka_protocol::{
    messages::{
        DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
        ListGroupsRequest, ListGroupsResponse,
        delete_groups_response::DeletableGroupResult,
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
        list_groups_response::ListedGroup,
    },
    protocol::StrBytes,
};

use super::text;
use crate::{
    core::Core,
    group::state::{Group, Member, Phase},
};

/// The kind of all groups here, as against those of the newer protocol (KIP-848).
const CLASSIC: &str = "classic";

pub(super) fn list(core: &Core, request: ListGroupsRequest, version: i16) -> ListGroupsResponse {
    let asks = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let mut groups = Vec::new();
    if asks(&request.types_filter, CLASSIC) {
        core.groups.each(|name, group| {
            if asks(&request.states_filter, group.phase().name()) {
                groups.push(
                    ListedGroup::default()
                        .with_group_id(GroupId(text(name)))
                        .with_protocol_type(text(group.protocol_type().unwrap_or_default()))
                        .with_group_state(text(if version >= 4 { group.phase().name() } else { "" }))
                        .with_group_type(text(if version >= 5 { CLASSIC } else { "" })),
                );
            }
        });
    }
    ListGroupsResponse::default().with_groups(groups)
}

pub(super) fn describe(core: &Core, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let one = |group_id: GroupId| {
        let described = core.groups.with(&group_id, |group, _| describe_one(group));
        let dead = || DescribedGroup::default().with_group_state(text("Dead"));
        described.unwrap_or_else(dead).with_group_id(group_id)
    };
    DescribeGroupsResponse::default().with_groups(request.groups.into_iter().map(one).collect())
}

fn describe_one(group: &Group) -> DescribedGroup {
    // In the middle of a rebalance what the members say is not settled.
    let protocol = group.protocol().filter(|_| group.phase() == Phase::Stable);
    let member = |(id, member): (&String, &Member)| {
        DescribedGroupMember::default()
            .with_member_id(text(id))
            .with_group_instance_id(member.instance_id.as_deref().map(text))
            .with_client_id(text(&member.client_id))
            .with_client_host(text(&member.client_host))
            .with_member_metadata(protocol.map_or_else(Bytes::new, |protocol| member.metadata(protocol)))
            // That of the generation before, until the leader assigns anew.
            .with_member_assignment(member.assignment.clone())
    };
    DescribedGroup::default()
        .with_group_state(text(group.phase().name()))
        .with_protocol_type(text(group.protocol_type().unwrap_or_default()))
        .with_protocol_data(text(protocol.unwrap_or_default()))
        .with_members(group.members().iter().map(member).collect())
}

pub(super) fn delete(core: &Core, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let one = |group_id: GroupId| {
        let code = core.groups.delete(&group_id).err().map_or(0, |refusal| refusal.code());
        DeletableGroupResult::default().with_group_id(group_id).with_error_code(code)
    };
    DeleteGroupsResponse::default().with_results(request.groups_names.into_iter().map(one).collect())
}
