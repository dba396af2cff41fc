//! As `requests.rs`, for what admin tools and consumers ask: what the `kafka-protocol` crate encodes is decoded to the
//! same values, and what is hostile is refused without a panic or a large allocation.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use kafka_protocol::messages as theirs;
use kafka_protocol::messages::{BrokerId, GroupId};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use quafka_protocol::requests::{
    AlterConfigsRequest, ConsumerGroupHeartbeatRequest, CreateAclsRequest, CreatePartitionsRequest,
    DeleteAclsRequest, DescribeGroupsRequest, DescribeLogDirsRequest, IncrementalAlterConfigsRequest,
    ListGroupsRequest, ListTransactionsRequest, OffsetFetchRequest, SaslHandshakeRequest, alter_configs,
    create_acls, create_partitions, describe_acls, describe_log_dirs, offset_fetch,
};
use quafka_protocol::{ApiKey, DecodeErrorKind, Reader, Request, RequestHeader};
use support::requests::{encode, name, tags, text, topic};

/// A request's body is refused with this kind of error.
fn refused(api: ApiKey, version: i16, body: &[u8], expected: DecodeErrorKind) {
    let error = Request::decode(api, &mut Reader::new(body), version).unwrap_err();
    assert_eq!(error.kind, expected, "{api} {version}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn offset_fetch(
        groups in vec((name(), option::of(vec((name(), vec(any::<i32>(), 0..4)), 0..3))), 1..4),
        stable in any::<bool>(),
    ) {
        for version in ApiKey::OffsetFetch.versions() {
            let flexible = version >= 6;
            // The null list came with version 2, several groups with 8.
            let mut groups = groups.clone();
            if version < 8 {
                groups.truncate(1);
            }
            if version < 2 {
                groups[0].1.get_or_insert_default();
            }
            let request = theirs::OffsetFetchRequest::default().with_unknown_tagged_fields(tags(flexible));
            let request = if version >= 7 { request.with_require_stable(stable) } else { request };
            let request = if version >= 8 {
                request.with_groups(groups.iter().map(|(group, topics)| {
                    theirs::offset_fetch_request::OffsetFetchRequestGroup::default()
                        .with_group_id(GroupId(text(group)))
                        .with_member_id((version >= 9).then(|| text("member")))
                        .with_member_epoch(if version >= 9 { 7 } else { -1 })
                        .with_unknown_tagged_fields(tags(true))
                        .with_topics(topics.as_ref().map(|topics| topics.iter().map(|(name, partitions)| {
                            theirs::offset_fetch_request::OffsetFetchRequestTopics::default()
                                .with_name(topic(name))
                                .with_partition_indexes(partitions.clone())
                                .with_unknown_tagged_fields(tags(true))
                        }).collect()))
                }).collect())
            } else {
                let (group, topics) = &groups[0];
                request
                    .with_group_id(GroupId(text(group)))
                    .with_topics(topics.as_ref().map(|topics| topics.iter().map(|(name, partitions)| {
                        theirs::offset_fetch_request::OffsetFetchRequestTopic::default()
                            .with_name(topic(name))
                            .with_partition_indexes(partitions.clone())
                            .with_unknown_tagged_fields(tags(flexible))
                    }).collect()))
            };
            let ours = OffsetFetchRequest {
                groups: groups.iter().map(|(group_id, topics)| offset_fetch::OffsetFetchGroup {
                    group_id,
                    topics: topics.as_ref().map(|topics| topics.iter().map(|(name, partitions)| {
                        offset_fetch::OffsetFetchTopic { name, partitions: partitions.clone() }
                    }).collect()),
                }).collect(),
            };
            round_trip!(ApiKey::OffsetFetch, version, request, Request::OffsetFetch(ours));
        }
    }

    #[test]
    fn groups(names in vec(name(), 0..4), types in vec(name(), 0..3), operations in any::<bool>()) {
        for version in ApiKey::DescribeGroups.versions() {
            let theirs = theirs::DescribeGroupsRequest::default()
                .with_groups(names.iter().map(|name| GroupId(text(name))).collect())
                .with_include_authorized_operations(operations && version >= 3)
                .with_unknown_tagged_fields(tags(version >= 5));
            let ours = DescribeGroupsRequest {
                groups: names.iter().map(String::as_str).collect(),
                include_authorized_operations: operations && version >= 3,
            };
            round_trip!(ApiKey::DescribeGroups, version, theirs, Request::DescribeGroups(ours));
        }
        for version in ApiKey::ListGroups.versions() {
            let states: Vec<_> = names.iter().filter(|_| version >= 4).collect();
            let types: Vec<_> = types.iter().filter(|_| version >= 5).collect();
            let theirs = theirs::ListGroupsRequest::default()
                .with_states_filter(states.iter().map(|name| text(name)).collect())
                .with_types_filter(types.iter().map(|name| text(name)).collect())
                .with_unknown_tagged_fields(tags(version >= 3));
            let ours = ListGroupsRequest {
                states: states.iter().map(|name| name.as_str()).collect(),
                types: types.iter().map(|name| name.as_str()).collect(),
            };
            round_trip!(ApiKey::ListGroups, version, theirs, Request::ListGroups(ours));
        }
    }

    #[test]
    fn consumer_group_heartbeat(
        group in name(), member in name(), epoch in any::<i32>(), instance in option::of(name()),
        topics in option::of(vec(name(), 0..3)), owned in option::of(vec(vec(any::<i32>(), 0..3), 0..3)),
    ) {
        for version in ApiKey::ConsumerGroupHeartbeat.versions() {
            let theirs = theirs::ConsumerGroupHeartbeatRequest::default()
                .with_group_id(GroupId(text(&group)))
                .with_member_id(text(&member))
                .with_member_epoch(epoch)
                .with_instance_id(instance.as_deref().map(text))
                .with_rack_id(instance.as_deref().map(text))
                .with_server_assignor(instance.as_deref().map(text))
                .with_subscribed_topic_names(
                    topics.as_ref().map(|topics| topics.iter().map(|name| topic(name)).collect()))
                .with_subscribed_topic_regex((version >= 1).then(|| text("a.*")))
                .with_topic_partitions(owned.as_ref().map(|owned| owned.iter().map(|partitions| {
                    theirs::consumer_group_heartbeat_request::TopicPartitions::default()
                        .with_partitions(partitions.clone())
                        .with_unknown_tagged_fields(tags(true))
                }).collect()))
                .with_unknown_tagged_fields(tags(true));
            let ours =
                ConsumerGroupHeartbeatRequest { group_id: &group, member_id: &member, member_epoch: epoch };
            round_trip!(ApiKey::ConsumerGroupHeartbeat, version, theirs, Request::ConsumerGroupHeartbeat(ours));
        }
    }

    #[test]
    fn sasl_handshake(mechanism in name()) {
        for version in ApiKey::SaslHandshake.versions() {
            let theirs = theirs::SaslHandshakeRequest::default().with_mechanism(text(&mechanism));
            let ours = SaslHandshakeRequest { mechanism: &mechanism };
            round_trip!(ApiKey::SaslHandshake, version, theirs, Request::SaslHandshake(ours));
        }
    }

    #[test]
    fn acls(
        numbers in any::<[i8; 4]>(), names in (name(), name(), name()),
        nullable in (option::of(name()), option::of(name()), option::of(name())),
        count in 0..3_usize,
    ) {
        let [resource_type, pattern_type, operation, permission] = numbers;
        let (resource_name, principal, host) = (&nullable.0, &nullable.1, &nullable.2);
        let filter = describe_acls::AclFilter {
            resource_type, pattern_type, operation, permission,
            resource_name: resource_name.as_deref(),
            principal: principal.as_deref(),
            host: host.as_deref(),
        };
        for version in ApiKey::DescribeAcls.versions() {
            let theirs = theirs::DescribeAclsRequest::default()
                .with_resource_type_filter(resource_type)
                .with_resource_name_filter(resource_name.as_deref().map(text))
                .with_pattern_type_filter(pattern_type)
                .with_principal_filter(principal.as_deref().map(text))
                .with_host_filter(host.as_deref().map(text))
                .with_operation(operation)
                .with_permission_type(permission)
                .with_unknown_tagged_fields(tags(version >= 2));
            round_trip!(ApiKey::DescribeAcls, version, theirs, Request::DescribeAcls(filter.clone()));

            let one = theirs::delete_acls_request::DeleteAclsFilter::default()
                .with_resource_type_filter(resource_type)
                .with_resource_name_filter(resource_name.as_deref().map(text))
                .with_pattern_type_filter(pattern_type)
                .with_principal_filter(principal.as_deref().map(text))
                .with_host_filter(host.as_deref().map(text))
                .with_operation(operation)
                .with_permission_type(permission)
                .with_unknown_tagged_fields(tags(version >= 2));
            let theirs = theirs::DeleteAclsRequest::default()
                .with_filters(vec![one; count])
                .with_unknown_tagged_fields(tags(version >= 2));
            let ours = DeleteAclsRequest { filters: vec![filter.clone(); count] };
            round_trip!(ApiKey::DeleteAcls, version, theirs, Request::DeleteAcls(ours));

            let one = theirs::create_acls_request::AclCreation::default()
                .with_resource_type(resource_type)
                .with_resource_name(text(&names.0))
                .with_resource_pattern_type(pattern_type)
                .with_principal(text(&names.1))
                .with_host(text(&names.2))
                .with_operation(operation)
                .with_permission_type(permission)
                .with_unknown_tagged_fields(tags(version >= 2));
            let theirs = theirs::CreateAclsRequest::default()
                .with_creations(vec![one; count])
                .with_unknown_tagged_fields(tags(version >= 2));
            let creation = create_acls::AclCreation {
                resource_type, pattern_type, operation, permission,
                resource_name: &names.0, principal: &names.1, host: &names.2,
            };
            let ours = CreateAclsRequest { creations: vec![creation; count] };
            round_trip!(ApiKey::CreateAcls, version, theirs, Request::CreateAcls(ours));
        }
    }

    #[test]
    fn altered_configs(
        resources in vec((any::<i8>(), name(), vec((name(), any::<i8>(), option::of(name())), 0..3)), 0..3),
        validate_only in any::<bool>(),
    ) {
        let ours = |with_operations: bool| -> Vec<_> {
            resources.iter().map(|(resource_type, resource_name, configs)| alter_configs::AlteredResource {
                resource_type: *resource_type,
                resource_name,
                configs: configs.iter().map(|(name, operation, value)| alter_configs::AlteredConfig {
                    name,
                    operation: if with_operations { *operation } else { 0 },
                    value: value.as_deref(),
                }).collect(),
            }).collect()
        };
        for version in ApiKey::AlterConfigs.versions() {
            let flexible = version >= 2;
            let theirs = theirs::AlterConfigsRequest::default()
                .with_validate_only(validate_only)
                .with_unknown_tagged_fields(tags(flexible))
                .with_resources(resources.iter().map(|(kind, name, configs)| {
                    theirs::alter_configs_request::AlterConfigsResource::default()
                        .with_resource_type(*kind)
                        .with_resource_name(text(name))
                        .with_unknown_tagged_fields(tags(flexible))
                        .with_configs(configs.iter().map(|(name, _, value)| {
                            theirs::alter_configs_request::AlterableConfig::default()
                                .with_name(text(name))
                                .with_value(value.as_deref().map(text))
                                .with_unknown_tagged_fields(tags(flexible))
                        }).collect())
                }).collect());
            let ours = AlterConfigsRequest { resources: ours(false), validate_only };
            round_trip!(ApiKey::AlterConfigs, version, theirs, Request::AlterConfigs(ours));
        }
        for version in ApiKey::IncrementalAlterConfigs.versions() {
            let flexible = version >= 1;
            let theirs = theirs::IncrementalAlterConfigsRequest::default()
                .with_validate_only(validate_only)
                .with_unknown_tagged_fields(tags(flexible))
                .with_resources(resources.iter().map(|(kind, name, configs)| {
                    theirs::incremental_alter_configs_request::AlterConfigsResource::default()
                        .with_resource_type(*kind)
                        .with_resource_name(text(name))
                        .with_unknown_tagged_fields(tags(flexible))
                        .with_configs(configs.iter().map(|(name, operation, value)| {
                            theirs::incremental_alter_configs_request::AlterableConfig::default()
                                .with_name(text(name))
                                .with_config_operation(*operation)
                                .with_value(value.as_deref().map(text))
                                .with_unknown_tagged_fields(tags(flexible))
                        }).collect())
                }).collect());
            let ours = IncrementalAlterConfigsRequest { resources: ours(true), validate_only };
            round_trip!(
                ApiKey::IncrementalAlterConfigs, version, theirs, Request::IncrementalAlterConfigs(ours));
        }
    }

    #[test]
    fn partitions(
        topics in vec((name(), any::<i32>(), option::of(vec(vec(any::<i32>(), 0..3), 0..3))), 0..3),
        timeout_ms in any::<i32>(), validate_only in any::<bool>(), all in any::<bool>(),
    ) {
        for version in ApiKey::CreatePartitions.versions() {
            let flexible = version >= 2;
            let theirs = theirs::CreatePartitionsRequest::default()
                .with_timeout_ms(timeout_ms)
                .with_validate_only(validate_only)
                .with_unknown_tagged_fields(tags(flexible))
                .with_topics(topics.iter().map(|(name, count, assignments)| {
                    theirs::create_partitions_request::CreatePartitionsTopic::default()
                        .with_name(topic(name))
                        .with_count(*count)
                        .with_unknown_tagged_fields(tags(flexible))
                        .with_assignments(assignments.as_ref().map(|all| all.iter().map(|brokers| {
                            theirs::create_partitions_request::CreatePartitionsAssignment::default()
                                .with_broker_ids(brokers.iter().copied().map(BrokerId).collect())
                                .with_unknown_tagged_fields(tags(flexible))
                        }).collect()))
                }).collect());
            let ours = CreatePartitionsRequest {
                timeout_ms,
                validate_only,
                topics: topics.iter().map(|(name, count, assignments)| create_partitions::GrowingTopic {
                    name, count: *count, assignments: assignments.clone(),
                }).collect(),
            };
            round_trip!(ApiKey::CreatePartitions, version, theirs, Request::CreatePartitions(ours));
        }
        for version in ApiKey::DescribeLogDirs.versions() {
            let flexible = version >= 2;
            let asked = (!all).then(|| topics.iter().map(|(name, count, _)| (name, vec![*count])));
            let theirs = theirs::DescribeLogDirsRequest::default()
                .with_unknown_tagged_fields(tags(flexible))
                .with_topics(asked.clone().map(|asked| asked.map(|(name, partitions)| {
                    theirs::describe_log_dirs_request::DescribableLogDirTopic::default()
                        .with_topic(topic(name))
                        .with_partitions(partitions)
                        .with_unknown_tagged_fields(tags(flexible))
                }).collect()));
            let ours = DescribeLogDirsRequest {
                topics: asked.map(|asked| asked.map(|(name, partitions)| {
                    describe_log_dirs::LogDirsTopic { name, partitions }
                }).collect()),
            };
            round_trip!(ApiKey::DescribeLogDirs, version, theirs, Request::DescribeLogDirs(ours));
        }
    }

    #[test]
    fn list_transactions(states in vec(name(), 0..3), ids in vec(any::<i64>(), 0..3), pattern in option::of(name())) {
        for version in ApiKey::ListTransactions.versions() {
            let theirs = theirs::ListTransactionsRequest::default()
                .with_state_filters(states.iter().map(|state| text(state)).collect())
                .with_producer_id_filters(ids.iter().copied().map(Into::into).collect())
                .with_duration_filter(if version >= 1 { 5 } else { -1 })
                .with_transactional_id_pattern(pattern.as_deref().filter(|_| version >= 2).map(text))
                .with_unknown_tagged_fields(tags(true));
            let ours = Request::ListTransactions(ListTransactionsRequest);
            round_trip!(ApiKey::ListTransactions, version, theirs, ours);
        }
    }
}

/// Every API in every version, with a body of which every four bytes, and every byte, was the largest number.
#[test]
fn numbers_that_lie_are_refused_without_a_panic() {
    for api in ApiKey::ALL {
        for version in api.versions() {
            for fill in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                for length in 0..60 {
                    let mut body = vec![fill; length];
                    let _ = Request::decode(api, &mut Reader::new(&body), version);
                    if let Some(start) = length.checked_sub(5) {
                        for at in 0..start {
                            body[at..at + 5].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
                            let _ = Request::decode(api, &mut Reader::new(&body), version);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn counts_follow_the_bytes_that_there_are() {
    let most = i32::MAX.to_be_bytes();
    let count = |remaining| DecodeErrorKind::CountTooLarge { count: 2_147_483_647, remaining };
    for api in [ApiKey::DescribeGroups, ApiKey::CreateAcls, ApiKey::DeleteAcls, ApiKey::AlterConfigs] {
        refused(api, *api.versions().start(), &most, count(0));
    }
    for api in [ApiKey::DescribeLogDirs, ApiKey::CreatePartitions, ApiKey::IncrementalAlterConfigs] {
        refused(api, *api.versions().start(), &[&most[..], &[0; 8]].concat(), count(8));
    }
    // A group, then topics without an end; the same with the compact count of 2^32 - 2.
    refused(ApiKey::OffsetFetch, 1, &[&[0, 1, b'g'], &most[..]].concat(), count(0));
    let compact = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let largest = DecodeErrorKind::CountTooLarge { count: 4_294_967_294, remaining: 0 };
    for (api, version) in [
        (ApiKey::OffsetFetch, 9),
        (ApiKey::DescribeGroups, 6),
        (ApiKey::ListGroups, 5),
        (ApiKey::ListTransactions, 2),
        (ApiKey::IncrementalAlterConfigs, 1),
    ] {
        refused(api, version, &compact, largest);
    }
    refused(ApiKey::SaslHandshake, 1, &[0xff, 0xff], DecodeErrorKind::UnexpectedNull);
    refused(
        ApiKey::SaslHandshake,
        0,
        &[0x7f, 0xff, b'P'],
        DecodeErrorKind::UnexpectedEnd { needed: 32_767, remaining: 1 },
    );
    // A header of its own with each, as `encode` writes it, is not touched by any of this.
    let bytes = encode(ApiKey::SaslHandshake, 1, &theirs::SaslHandshakeRequest::default());
    let header = RequestHeader::decode(&mut Reader::new(&bytes)).unwrap();
    assert_eq!((header.api_key, header.api_version), (17, 1));
}
