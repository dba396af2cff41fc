//! What admin tools and consumers ask about consumer groups, of which there are none:
//!
//! - ListGroups (16), versions 0-5: an empty list.
//! - DescribeGroups (15), versions 0-6: up to version 5 a group in the state `Dead`, as Kafka says for one that it does
//!   not know; in version 6 error 69 with the reason (KIP-1043).
//! - OffsetFetch (9), versions 1-9: every group gets 30, final: a consumer with a group of its own begins with this, and
//!   must not believe that it is at the beginning of something.
//! - ConsumerGroupHeartbeat (68), versions 0-1: every group gets 30, with the reason. It is the one API of a consumer's
//!   whose message the Java client shows.
//! - ListTransactions (66), versions 0-2: an empty list, as transactions are groups of another kind.
//!
//! JoinGroup and FindCoordinator, which come first, have files of their own.

use kafka_protocol::messages::describe_groups_response::DescribedGroup;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic,
};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatResponse, DescribeGroupsResponse, GroupId, ListGroupsResponse,
    ListTransactionsResponse, OffsetFetchResponse, TopicName,
};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::{ConsumerGroupHeartbeatRequest, DescribeGroupsRequest, OffsetFetchRequest};

use super::Call;
use super::find_coordinator::NO_GROUPS;
use super::reply::text;

pub(super) fn list() -> ListGroupsResponse {
    ListGroupsResponse::default()
}

pub(super) fn list_transactions() -> ListTransactionsResponse {
    ListTransactionsResponse::default()
}

pub(super) fn describe(call: Call<'_>, request: &DescribeGroupsRequest<'_>) -> DescribeGroupsResponse {
    let describe = |name: &&str| {
        let group =
            DescribedGroup::default().with_group_id(GroupId(text(*name))).with_group_state(text("Dead"));
        if call.version >= 6 {
            group.with_error_code(ErrorCode::GroupIdNotFound.code()).with_error_message(Some(text(NO_GROUPS)))
        } else {
            group
        }
    };
    DescribeGroupsResponse::default().with_groups(request.groups.iter().map(describe).collect())
}

pub(super) fn fetch_offsets(call: Call<'_>, request: &OffsetFetchRequest<'_>) -> OffsetFetchResponse {
    let refused = ErrorCode::GroupAuthorizationFailed.code();
    if call.version < 8 {
        let response = OffsetFetchResponse::default();
        if call.version >= 2 {
            return response.with_error_code(refused);
        }
        // Version 1 has no place for it but with each partition.
        let partition = |index: &i32| {
            OffsetFetchResponsePartition::default()
                .with_partition_index(*index)
                .with_committed_offset(-1)
                .with_error_code(refused)
        };
        let topics = request.groups.iter().flat_map(|group| group.topics.iter().flatten()).map(|wanted| {
            OffsetFetchResponseTopic::default()
                .with_name(TopicName(text(wanted.name)))
                .with_partitions(wanted.partitions.iter().map(partition).collect())
        });
        return response.with_topics(topics.collect());
    }
    let group = |name: &str| {
        OffsetFetchResponseGroup::default().with_group_id(GroupId(text(name))).with_error_code(refused)
    };
    OffsetFetchResponse::default()
        .with_groups(request.groups.iter().map(|wanted| group(wanted.group_id)).collect())
}

pub(super) fn heartbeat(request: &ConsumerGroupHeartbeatRequest<'_>) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse::default()
        .with_error_code(ErrorCode::GroupAuthorizationFailed.code())
        .with_error_message(Some(text(NO_GROUPS)))
        .with_member_id(Some(text(request.member_id)))
        .with_member_epoch(request.member_epoch)
}
