//! Request headers and bodies: what the `kafka-protocol` crate encodes, in every API and version, is decoded to the
//! same values; and what is hostile is refused without a panic or a large allocation.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use bytes::Bytes;
use kafka_protocol::messages as theirs;
use kafka_protocol::messages::{BrokerId, GroupId, ProducerId, TransactionalId};
use kafka_protocol::protocol::{HeaderVersion, Message};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use quafka_protocol::limits::MAX_ELEMENTS;
use quafka_protocol::requests::{
    ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeClusterRequest,
    DescribeConfigsRequest, FetchRequest, FindCoordinatorRequest, InitProducerIdRequest, JoinGroupRequest,
    ListOffsetsRequest, MetadataRequest, ProduceRequest,
};
use quafka_protocol::requests::{
    create_topics, delete_topics, describe_configs, fetch, list_offsets, metadata, produce,
};
use quafka_protocol::{ApiKey, DecodeErrorKind, Reader, Request, RequestHeader, response_header_version};
use support::requests::{decode, encodable, encode, every_cut_fails, name, tags, text, topic};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn api_versions(software in name(), software_version in name()) {
        for version in ApiKey::ApiVersions.versions() {
            let theirs = theirs::ApiVersionsRequest::default()
                .with_client_software_name(text(&software))
                .with_client_software_version(text(&software_version))
                .with_unknown_tagged_fields(tags(version >= 3));
            let known = version >= 3;
            let ours = ApiVersionsRequest {
                client_software_name: if known { &software } else { "" },
                client_software_version: if known { &software_version } else { "" },
            };
            round_trip!(ApiKey::ApiVersions, version, theirs, Request::ApiVersions(ours));
        }
    }

    #[test]
    fn produce(
        transactional_id in option::of(name()),
        acks in any::<i16>(),
        timeout_ms in any::<i32>(),
        topics in vec((name(), vec((any::<i32>(), option::of(vec(any::<u8>(), 0..40))), 0..4)), 0..4),
    ) {
        for version in ApiKey::Produce.versions() {
            let flexible = version >= 9;
            let theirs = theirs::ProduceRequest::default()
                .with_transactional_id(transactional_id.as_deref().map(text).map(TransactionalId))
                .with_acks(acks)
                .with_timeout_ms(timeout_ms)
                .with_topic_data(topics.iter().map(|(name, partitions)| {
                    theirs::produce_request::TopicProduceData::default()
                        .with_name(topic(name))
                        .with_unknown_tagged_fields(tags(flexible))
                        .with_partition_data(partitions.iter().map(|(index, records)| {
                            theirs::produce_request::PartitionProduceData::default()
                                .with_index(*index)
                                .with_records(records.clone().map(Bytes::from))
                                .with_unknown_tagged_fields(tags(flexible))
                        }).collect())
                }).collect())
                .with_unknown_tagged_fields(tags(flexible));
            let ours = ProduceRequest {
                transactional_id: transactional_id.as_deref(),
                acks,
                timeout_ms,
                topics: topics.iter().map(|(name, partitions)| produce::ProduceTopic {
                    name,
                    partitions: partitions.iter().map(|(index, records)| produce::ProducePartition {
                        index: *index,
                        records: records.as_deref(),
                    }).collect(),
                }).collect(),
            };
            round_trip!(ApiKey::Produce, version, theirs, Request::Produce(ours));
        }
    }

    #[test]
    fn metadata(
        topics in option::of(vec((any::<[u8; 16]>(), option::of(name())), 0..5)),
        auto_create in any::<bool>(),
        cluster in any::<bool>(),
        operations in any::<bool>(),
    ) {
        for version in ApiKey::Metadata.versions() {
            let flexible = version >= 9;
            // Their encoder refuses what a version cannot say.
            let topics: Option<Vec<([u8; 16], Option<&str>)>> = match &topics {
                None if version == 0 => Some(Vec::new()),
                topics => topics.as_ref().map(|topics| topics.iter().map(|(id, name)| {
                    let id = if version >= 10 { *id } else { [0; 16] };
                    (id, if version >= 10 { name.as_deref() } else { Some(name.as_deref().unwrap_or("t")) })
                }).collect()),
            };
            let theirs = theirs::MetadataRequest::default()
                .with_topics(topics.as_ref().map(|topics| topics.iter().map(|(id, name)| {
                    theirs::metadata_request::MetadataRequestTopic::default()
                        .with_topic_id(uuid::Uuid::from_bytes(*id))
                        .with_name(name.map(topic))
                        .with_unknown_tagged_fields(tags(flexible))
                }).collect()))
                .with_allow_auto_topic_creation(version < 4 || auto_create)
                .with_include_cluster_authorized_operations((8..=10).contains(&version) && cluster)
                .with_include_topic_authorized_operations(version >= 8 && operations)
                .with_unknown_tagged_fields(tags(flexible));
            let all = topics.is_none() || version == 0 && topics.as_ref().is_some_and(Vec::is_empty);
            let ours = MetadataRequest {
                topics: if all { None } else {
                    topics.map(|topics| topics.into_iter().map(|(topic_id, name)| {
                        metadata::MetadataTopic { topic_id, name }
                    }).collect())
                },
                allow_auto_topic_creation: version < 4 || auto_create,
                include_cluster_authorized_operations: (8..=10).contains(&version) && cluster,
                include_topic_authorized_operations: version >= 8 && operations,
            };
            round_trip!(ApiKey::Metadata, version, theirs, Request::Metadata(ours));
        }
    }

    #[test]
    fn init_producer_id(
        transactional_id in option::of(name()),
        timeout in any::<i32>(),
        id in any::<i64>(),
        epoch in any::<i16>(),
    ) {
        for version in ApiKey::InitProducerId.versions() {
            let (id, epoch) = if version >= 3 { (id, epoch) } else { (-1, -1) };
            let theirs = theirs::InitProducerIdRequest::default()
                .with_transactional_id(transactional_id.as_deref().map(text).map(TransactionalId))
                .with_transaction_timeout_ms(timeout)
                .with_producer_id(ProducerId(id))
                .with_producer_epoch(epoch)
                .with_unknown_tagged_fields(tags(version >= 2));
            let ours = InitProducerIdRequest {
                transactional_id: transactional_id.as_deref(),
                transaction_timeout_ms: timeout,
                producer_id: id,
                producer_epoch: epoch,
            };
            round_trip!(ApiKey::InitProducerId, version, theirs, Request::InitProducerId(ours));
        }
    }

    #[test]
    fn find_coordinator(key_type in any::<i8>(), keys in vec(name(), 1..5)) {
        for version in ApiKey::FindCoordinator.versions() {
            let key_type = if version >= 1 { key_type } else { 0 };
            let mut theirs = theirs::FindCoordinatorRequest::default()
                .with_key_type(key_type)
                .with_unknown_tagged_fields(tags(version >= 3));
            let mut ours = FindCoordinatorRequest { key_type, keys: vec![&keys[0]] };
            if version >= 4 {
                theirs.coordinator_keys = keys.iter().map(|key| text(key)).collect();
                ours.keys = keys.iter().map(String::as_str).collect();
            } else {
                theirs.key = text(&keys[0]);
            }
            round_trip!(ApiKey::FindCoordinator, version, theirs, Request::FindCoordinator(ours));
        }
    }

    #[test]
    fn join_group(
        names in (name(), name(), name()),
        instance in option::of(name()),
        protocols in vec((name(), vec(any::<u8>(), 0..20)), 0..4),
        reason in option::of(name()),
    ) {
        for version in ApiKey::JoinGroup.versions() {
            let flexible = version >= 6;
            let instance = instance.as_deref().filter(|_| version >= 5);
            let theirs = theirs::JoinGroupRequest::default()
                .with_group_id(GroupId(text(&names.0)))
                .with_session_timeout_ms(45_000)
                .with_rebalance_timeout_ms(if version >= 1 { 60_000 } else { -1 })
                .with_member_id(text(&names.1))
                .with_group_instance_id(instance.map(text))
                .with_protocol_type(text(&names.2))
                .with_protocols(protocols.iter().map(|(name, metadata)| {
                    theirs::join_group_request::JoinGroupRequestProtocol::default()
                        .with_name(text(name))
                        .with_metadata(Bytes::from(metadata.clone()))
                        .with_unknown_tagged_fields(tags(flexible))
                }).collect())
                .with_reason(reason.as_deref().filter(|_| version >= 8).map(text))
                .with_unknown_tagged_fields(tags(flexible));
            let ours = JoinGroupRequest {
                group_id: &names.0,
                member_id: &names.1,
                group_instance_id: instance,
                protocol_type: &names.2,
            };
            round_trip!(ApiKey::JoinGroup, version, theirs, Request::JoinGroup(ours));
        }
    }

    #[test]
    fn list_offsets(
        isolation in any::<i8>(),
        topics in vec((name(), vec((any::<i32>(), any::<i32>(), any::<i64>()), 0..4)), 0..4),
    ) {
        for version in ApiKey::ListOffsets.versions() {
            let flexible = version >= 6;
            let isolation_level = if version >= 2 { isolation } else { 0 };
            let epoch_of = |epoch: i32| if version >= 4 { epoch } else { -1 };
            let theirs = theirs::ListOffsetsRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_isolation_level(isolation_level)
                .with_topics(topics.iter().map(|(name, partitions)| {
                    theirs::list_offsets_request::ListOffsetsTopic::default()
                        .with_name(topic(name))
                        .with_unknown_tagged_fields(tags(flexible))
                        .with_partitions(partitions.iter().map(|(index, epoch, timestamp)| {
                            theirs::list_offsets_request::ListOffsetsPartition::default()
                                .with_partition_index(*index)
                                .with_current_leader_epoch(epoch_of(*epoch))
                                .with_timestamp(*timestamp)
                                .with_unknown_tagged_fields(tags(flexible))
                        }).collect())
                }).collect())
                .with_unknown_tagged_fields(tags(flexible));
            let ours = ListOffsetsRequest {
                replica_id: -1,
                isolation_level,
                topics: topics.iter().map(|(name, partitions)| list_offsets::ListOffsetsTopic {
                    name,
                    partitions: partitions.iter().map(|(index, epoch, timestamp_ms)| {
                        list_offsets::ListOffsetsPartition {
                            index: *index,
                            current_leader_epoch: epoch_of(*epoch),
                            timestamp_ms: *timestamp_ms,
                        }
                    }).collect(),
                }).collect(),
            };
            round_trip!(ApiKey::ListOffsets, version, theirs, Request::ListOffsets(ours));
        }
    }

    #[test]
    fn create_topics(
        topics in vec((
            name(), any::<i32>(), any::<i16>(),
            vec((any::<i32>(), vec(any::<i32>(), 0..4)), 0..3),
            vec((name(), option::of(name())), 0..3),
        ), 0..4),
        timeout_ms in any::<i32>(),
        validate_only in any::<bool>(),
    ) {
        for version in encodable::<theirs::CreateTopicsRequest>(ApiKey::CreateTopics) {
            let flexible = version >= 5;
            let theirs = theirs::CreateTopicsRequest::default()
                .with_timeout_ms(timeout_ms)
                .with_validate_only(validate_only)
                .with_unknown_tagged_fields(tags(flexible))
                .with_topics(topics.iter().map(|(name, partitions, replicas, assignments, configs)| {
                    theirs::create_topics_request::CreatableTopic::default()
                        .with_name(topic(name))
                        .with_num_partitions(*partitions)
                        .with_replication_factor(*replicas)
                        .with_unknown_tagged_fields(tags(flexible))
                        .with_assignments(assignments.iter().map(|(index, brokers)| {
                            theirs::create_topics_request::CreatableReplicaAssignment::default()
                                .with_partition_index(*index)
                                .with_broker_ids(brokers.iter().copied().map(BrokerId).collect())
                                .with_unknown_tagged_fields(tags(flexible))
                        }).collect())
                        .with_configs(configs.iter().map(|(name, value)| {
                            theirs::create_topics_request::CreatableTopicConfig::default()
                                .with_name(text(name))
                                .with_value(value.as_deref().map(text))
                                .with_unknown_tagged_fields(tags(flexible))
                        }).collect())
                }).collect());
            let ours = CreateTopicsRequest {
                timeout_ms,
                validate_only,
                topics: topics.iter().map(|(name, partitions, replicas, assignments, configs)| {
                    create_topics::CreatableTopic {
                        name,
                        num_partitions: *partitions,
                        replication_factor: *replicas,
                        assignments: assignments.iter().map(|(index, brokers)| {
                            create_topics::ReplicaAssignment {
                                partition_index: *index,
                                broker_ids: brokers.clone(),
                            }
                        }).collect(),
                        configs: configs.iter().map(|(name, value)| {
                            create_topics::CreatableTopicConfig { name, value: value.as_deref() }
                        }).collect(),
                    }
                }).collect(),
            };
            round_trip!(ApiKey::CreateTopics, version, theirs, Request::CreateTopics(ours));
        }
    }

    #[test]
    fn delete_topics(
        topics in vec((option::of(name()), any::<[u8; 16]>()), 0..4),
        timeout_ms in any::<i32>(),
    ) {
        for version in encodable::<theirs::DeleteTopicsRequest>(ApiKey::DeleteTopics) {
            let mut theirs = theirs::DeleteTopicsRequest::default()
                .with_timeout_ms(timeout_ms)
                .with_unknown_tagged_fields(tags(version >= 4));
            let mut ours = DeleteTopicsRequest { topics: Vec::new(), timeout_ms };
            for (name, id) in &topics {
                if version >= 6 {
                    theirs.topics.push(
                        theirs::delete_topics_request::DeleteTopicState::default()
                            .with_name(name.as_deref().map(topic))
                            .with_topic_id(uuid::Uuid::from_bytes(*id))
                            .with_unknown_tagged_fields(tags(true)),
                    );
                    ours.topics.push(delete_topics::DeleteTopic { name: name.as_deref(), topic_id: *id });
                } else {
                    let name = name.as_deref().unwrap_or_default();
                    theirs.topic_names.push(topic(name));
                    ours.topics.push(delete_topics::DeleteTopic { name: Some(name), topic_id: [0; 16] });
                }
            }
            round_trip!(ApiKey::DeleteTopics, version, theirs, Request::DeleteTopics(ours));
        }
    }

    #[test]
    fn describe_configs(
        resources in vec((any::<i8>(), name(), option::of(vec(name(), 0..3))), 0..4),
        synonyms in any::<bool>(),
        documentation in any::<bool>(),
    ) {
        for version in encodable::<theirs::DescribeConfigsRequest>(ApiKey::DescribeConfigs) {
            let flexible = version >= 4;
            let documentation = version >= 3 && documentation;
            let theirs = theirs::DescribeConfigsRequest::default()
                .with_include_synonyms(synonyms)
                .with_include_documentation(documentation)
                .with_unknown_tagged_fields(tags(flexible))
                .with_resources(resources.iter().map(|(kind, name, keys)| {
                    theirs::describe_configs_request::DescribeConfigsResource::default()
                        .with_resource_type(*kind)
                        .with_resource_name(text(name))
                        .with_configuration_keys(
                            keys.as_ref().map(|keys| keys.iter().map(|key| text(key)).collect()),
                        )
                        .with_unknown_tagged_fields(tags(flexible))
                }).collect());
            let ours = DescribeConfigsRequest {
                resources: resources.iter().map(|(kind, name, keys)| describe_configs::ConfigResource {
                    resource_type: *kind,
                    resource_name: name,
                    configuration_keys: keys.as_ref().map(|keys| keys.iter().map(String::as_str).collect()),
                }).collect(),
                include_synonyms: synonyms,
                include_documentation: documentation,
            };
            round_trip!(ApiKey::DescribeConfigs, version, theirs, Request::DescribeConfigs(ours));
        }
    }

    #[test]
    fn describe_cluster(operations in any::<bool>(), endpoint in any::<i8>(), fenced in any::<bool>()) {
        for version in ApiKey::DescribeCluster.versions() {
            let endpoint = if version >= 1 { endpoint } else { 1 };
            let fenced = version >= 2 && fenced;
            let theirs = theirs::DescribeClusterRequest::default()
                .with_include_cluster_authorized_operations(operations)
                .with_endpoint_type(endpoint)
                .with_include_fenced_brokers(fenced)
                .with_unknown_tagged_fields(tags(true));
            let ours = DescribeClusterRequest {
                include_cluster_authorized_operations: operations,
                endpoint_type: endpoint,
                include_fenced_brokers: fenced,
            };
            round_trip!(ApiKey::DescribeCluster, version, theirs, Request::DescribeCluster(ours));
        }
    }

    #[test]
    fn fetch(
        limits in (any::<i32>(), any::<i32>(), any::<i32>(), any::<i8>()),
        session in (any::<i32>(), any::<i32>()),
        topics in vec((name(), vec((any::<i32>(), any::<i32>(), any::<i64>(), any::<i64>()), 0..4)), 0..3),
        forgotten in vec((name(), vec(any::<i32>(), 0..4)), 0..3),
        rack in name(),
    ) {
        for version in ApiKey::Fetch.versions() {
            let flexible = version >= 12;
            let (session_id, session_epoch) = if version >= 7 { session } else { (0, -1) };
            let forgotten = if version >= 7 { forgotten.as_slice() } else { &[] };
            let rack = if version >= 11 { rack.as_str() } else { "" };
            let since = |first: i16, value: i32| if version >= first { value } else { -1 };
            let theirs = theirs::FetchRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_max_wait_ms(limits.0)
                .with_min_bytes(limits.1)
                .with_max_bytes(limits.2)
                .with_isolation_level(limits.3)
                .with_session_id(session_id)
                .with_session_epoch(session_epoch)
                .with_rack_id(text(rack))
                .with_cluster_id(flexible.then(|| text("tagged")))
                .with_unknown_tagged_fields(tags(flexible))
                .with_topics(topics.iter().map(|(name, partitions)| {
                    theirs::fetch_request::FetchTopic::default()
                        .with_topic(topic(name))
                        .with_unknown_tagged_fields(tags(flexible))
                        .with_partitions(partitions.iter().map(|(index, epoch, offset, start)| {
                            theirs::fetch_request::FetchPartition::default()
                                .with_partition(*index)
                                .with_current_leader_epoch(since(9, *epoch))
                                .with_fetch_offset(*offset)
                                .with_last_fetched_epoch(since(12, *epoch))
                                .with_log_start_offset(if version >= 5 { *start } else { -1 })
                                .with_partition_max_bytes(*index)
                                .with_unknown_tagged_fields(tags(flexible))
                        }).collect())
                }).collect())
                .with_forgotten_topics_data(forgotten.iter().map(|(name, partitions)| {
                    theirs::fetch_request::ForgottenTopic::default()
                        .with_topic(topic(name))
                        .with_partitions(partitions.clone())
                        .with_unknown_tagged_fields(tags(flexible))
                }).collect());
            let ours = FetchRequest {
                replica_id: -1,
                max_wait_ms: limits.0,
                min_bytes: limits.1,
                max_bytes: limits.2,
                isolation_level: limits.3,
                session_id,
                session_epoch,
                rack_id: rack,
                topics: topics.iter().map(|(name, partitions)| fetch::FetchTopic {
                    name,
                    partitions: partitions.iter().map(|(index, epoch, offset, start)| fetch::FetchPartition {
                        index: *index,
                        current_leader_epoch: since(9, *epoch),
                        fetch_offset: *offset,
                        last_fetched_epoch: since(12, *epoch),
                        log_start_offset: if version >= 5 { *start } else { -1 },
                        partition_max_bytes: *index,
                    }).collect(),
                }).collect(),
                forgotten_topics: forgotten.iter().map(|(name, partitions)| fetch::ForgottenTopic {
                    name,
                    partitions: partitions.clone(),
                }).collect(),
            };
            round_trip!(ApiKey::Fetch, version, theirs, Request::Fetch(ours));
        }
    }

    #[test]
    fn garbage_never_panics(garbage in vec(any::<u8>(), 0..200)) {
        for api in ApiKey::ALL {
            for version in api.versions() {
                let _ = Request::decode(api, &mut Reader::new(&garbage), version);
            }
        }
        let _ = RequestHeader::decode(&mut Reader::new(&garbage));
    }

    #[test]
    fn small_numbers_never_panic(garbage in vec(prop_oneof![0_u8..4, Just(0xff)], 0..200)) {
        for api in ApiKey::ALL {
            for version in api.versions() {
                let _ = Request::decode(api, &mut Reader::new(&garbage), version);
            }
        }
    }
}

/// One request with something in every field, for each API and version.
fn samples() -> Vec<(ApiKey, i16, Vec<u8>)> {
    let mut all = Vec::new();
    for version in ApiKey::Produce.versions() {
        let request = theirs::ProduceRequest::default().with_topic_data(vec![
            theirs::produce_request::TopicProduceData::default()
                .with_name(topic("trades"))
                .with_partition_data(vec![
                    theirs::produce_request::PartitionProduceData::default()
                        .with_records(Some(Bytes::from_static(b"records"))),
                ]),
        ]);
        all.push((ApiKey::Produce, version, encode(ApiKey::Produce, version, &request)));
    }
    for version in ApiKey::Metadata.versions() {
        let request = theirs::MetadataRequest::default().with_topics(Some(vec![
            theirs::metadata_request::MetadataRequestTopic::default().with_name(Some(topic("trades"))),
        ]));
        all.push((ApiKey::Metadata, version, encode(ApiKey::Metadata, version, &request)));
    }
    for version in encodable::<theirs::CreateTopicsRequest>(ApiKey::CreateTopics) {
        let request = theirs::CreateTopicsRequest::default().with_topics(vec![
            theirs::create_topics_request::CreatableTopic::default()
                .with_name(topic("trades"))
                .with_assignments(vec![
                    theirs::create_topics_request::CreatableReplicaAssignment::default()
                        .with_broker_ids(vec![BrokerId(1)]),
                ])
                .with_configs(vec![
                    theirs::create_topics_request::CreatableTopicConfig::default().with_name(text("a")),
                ]),
        ]);
        all.push((ApiKey::CreateTopics, version, encode(ApiKey::CreateTopics, version, &request)));
    }
    for version in ApiKey::Fetch.versions() {
        let request = theirs::FetchRequest::default().with_topics(vec![
            theirs::fetch_request::FetchTopic::default()
                .with_topic(topic("trades"))
                .with_partitions(vec![theirs::fetch_request::FetchPartition::default()]),
        ]);
        all.push((ApiKey::Fetch, version, encode(ApiKey::Fetch, version, &request)));
    }
    for version in ApiKey::ApiVersions.versions() {
        let request = theirs::ApiVersionsRequest::default().with_client_software_name(text("c"));
        all.push((ApiKey::ApiVersions, version, encode(ApiKey::ApiVersions, version, &request)));
    }
    for version in ApiKey::InitProducerId.versions() {
        let request = theirs::InitProducerIdRequest::default();
        all.push((ApiKey::InitProducerId, version, encode(ApiKey::InitProducerId, version, &request)));
    }
    for version in encodable::<theirs::DescribeConfigsRequest>(ApiKey::DescribeConfigs) {
        let request = theirs::DescribeConfigsRequest::default()
            .with_resources(vec![theirs::describe_configs_request::DescribeConfigsResource::default()]);
        all.push((ApiKey::DescribeConfigs, version, encode(ApiKey::DescribeConfigs, version, &request)));
    }
    all
}

#[test]
#[ignore = "writes fuzz/corpus/, for the fuzzer to start from"]
fn write_fuzz_seeds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/request");
    std::fs::create_dir_all(&folder).unwrap();
    for (api, version, bytes) in samples() {
        std::fs::write(folder.join(format!("{api}-{version}")), bytes).unwrap();
    }
}

#[test]
fn every_byte_can_be_anything() {
    for (api, version, bytes) in samples() {
        for index in 0..bytes.len() {
            for value in 0..=255 {
                let mut changed = bytes.clone();
                changed[index] = value;
                let mut reader = Reader::new(&changed);
                if RequestHeader::decode(&mut reader).is_ok() {
                    let _ = Request::decode(api, &mut reader, version);
                }
            }
        }
    }
}

#[test]
fn any_four_bytes_can_be_the_largest_number() {
    for (api, version, bytes) in samples() {
        for index in 0..bytes.len().saturating_sub(3) {
            for number in [i32::MAX, i32::MIN, -2, 0x00ff_ffff] {
                let mut changed = bytes.clone();
                changed[index..index + 4].copy_from_slice(&number.to_be_bytes());
                let mut reader = Reader::new(&changed);
                if RequestHeader::decode(&mut reader).is_ok() {
                    let _ = Request::decode(api, &mut reader, version);
                }
            }
        }
    }
}

/// The versions that the other crate has dropped, written as Kafka's protocol guide has them.
#[test]
fn versions_that_only_old_clients_send() {
    fn check(api: ApiKey, version: i16, body: &[&[u8]], expected: Request<'_>) {
        let header = [0, api.code() as u8, 0, version as u8, 1, 2, 3, 4, 0, 6];
        let bytes = [&header[..], b"oracle", &body.concat()].concat();
        assert_eq!(decode(api, version, &bytes), expected, "{api} {version}");
        every_cut_fails(api, version, &bytes);
        assert!(!api.is_flexible(version));
        assert_eq!(response_header_version(api, version), 0);
    }

    let topics: [&[u8]; 6] = [
        &[0, 0, 0, 1, 0, 6],
        b"trades",
        // Partitions and replication factor; partition 3 on brokers 1 and 2.
        &[0, 0, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
        // Two settings, the second of which is null.
        &[0, 0, 0, 2, 0, 1, b'a', 0, 2, b'b', b'c', 0, 1, b'd', 0xff, 0xff],
        // The timeout.
        &[0, 0, 0x75, 0x30],
        // Since version 1: check only.
        &[1],
    ];
    for version in 0..=1 {
        let expected = CreateTopicsRequest {
            topics: vec![create_topics::CreatableTopic {
                name: "trades",
                num_partitions: 4,
                replication_factor: 1,
                assignments: vec![create_topics::ReplicaAssignment {
                    partition_index: 3,
                    broker_ids: vec![1, 2],
                }],
                configs: vec![
                    create_topics::CreatableTopicConfig { name: "a", value: Some("bc") },
                    create_topics::CreatableTopicConfig { name: "d", value: None },
                ],
            }],
            timeout_ms: 30_000,
            validate_only: version == 1,
        };
        let body = if version == 0 { &topics[..5] } else { &topics[..] };
        check(ApiKey::CreateTopics, version, body, Request::CreateTopics(expected));
    }

    let expected = DeleteTopicsRequest {
        topics: ["trades", "x"]
            .map(|name| delete_topics::DeleteTopic { name: Some(name), topic_id: [0; 16] })
            .to_vec(),
        timeout_ms: 30_000,
    };
    let body: [&[u8]; 3] = [&[0, 0, 0, 2, 0, 6], b"trades", &[0, 1, b'x', 0, 0, 0x75, 0x30]];
    check(ApiKey::DeleteTopics, 0, &body, Request::DeleteTopics(expected));

    let resource = |resource_type, resource_name, configuration_keys| describe_configs::ConfigResource {
        resource_type,
        resource_name,
        configuration_keys,
    };
    let expected = DescribeConfigsRequest {
        resources: vec![resource(2, "trades", Some(vec!["a"])), resource(4, "1", None)],
        include_synonyms: false,
        include_documentation: false,
    };
    let body: [&[u8]; 4] = [
        &[0, 0, 0, 2, 2, 0, 6],
        b"trades",
        &[0, 0, 0, 1, 0, 1, b'a'],
        &[4, 0, 1, b'1', 0xff, 0xff, 0xff, 0xff],
    ];
    check(ApiKey::DescribeConfigs, 0, &body, Request::DescribeConfigs(expected));
}

#[test]
fn twelve_bytes_cannot_ask_for_gigabytes() {
    // Produce 3: null transactional id, acks, timeout, then i32::MAX topics.
    let body = [&[0xff, 0xff, 0, 1, 0, 0, 0, 0][..], &i32::MAX.to_be_bytes()].concat();
    let error = ProduceRequest::decode(&mut Reader::new(&body), 3).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::CountTooLarge { count: 2_147_483_647, remaining: 0 });
    assert_eq!(error.offset, 8);
    // The same in a flexible version: 2^32 - 2 topics.
    let body = [0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f];
    let error = ProduceRequest::decode(&mut Reader::new(&body), 9).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::CountTooLarge { count: 4_294_967_294, remaining: 0 });
}

#[test]
fn tiny_elements_have_a_budget_over_the_whole_request() {
    // One more null topic than the budget has: each takes 18 bytes in version 12.
    let topics = |count: usize| {
        let mut body = Vec::new();
        let mut number = count + 1;
        while number >= 0x80 {
            body.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        body.push(number as u8);
        body.extend(std::iter::repeat_n(0, count * 18));
        body.extend([0, 0, 0]);
        body
    };
    let most = topics(MAX_ELEMENTS);
    let decoded = MetadataRequest::decode(&mut Reader::new(&most), 12).unwrap();
    assert_eq!(decoded.topics.map(|topics| topics.len()), Some(MAX_ELEMENTS));
    let error = MetadataRequest::decode(&mut Reader::new(&topics(MAX_ELEMENTS + 1)), 12).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TooManyElements { limit: MAX_ELEMENTS });

    // Nested: 1,001 topics of 100 partitions each.
    let request = theirs::ProduceRequest::default().with_topic_data(
        (0..1001)
            .map(|_| {
                theirs::produce_request::TopicProduceData::default()
                    .with_partition_data(vec![theirs::produce_request::PartitionProduceData::default(); 100])
            })
            .collect(),
    );
    let bytes = encode(ApiKey::Produce, 7, &request);
    let mut reader = Reader::new(&bytes);
    RequestHeader::decode(&mut reader).unwrap();
    let error = ProduceRequest::decode(&mut reader, 7).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TooManyElements { limit: MAX_ELEMENTS });
}

/// Byte for byte what librdkafka 2.12.1 sends for `rd_kafka_metadata()`, and so for what is built upon it.
#[test]
fn librdkafkas_wide_null_asks_for_all_topics() {
    let sent =
        [&[0, 3, 0, 12, 0, 0, 0, 3, 0, 16][..], b"0035_api_version", &[0, 0, 0, 0, 0, 1, 0, 0]].concat();
    let mut reader = Reader::new(&sent);
    assert_eq!(RequestHeader::decode(&mut reader).unwrap().client_id, Some("0035_api_version"));
    let all = |allow_auto_topic_creation, cluster, topic| MetadataRequest {
        topics: None,
        allow_auto_topic_creation,
        include_cluster_authorized_operations: cluster,
        include_topic_authorized_operations: topic,
    };
    assert_eq!(MetadataRequest::decode(&mut reader, 12), Ok(all(true, false, false)));
    // As it would be in the other versions, with every flag.
    for flags in 0..8_u8 {
        let [create, cluster, topic] = [flags & 1, flags >> 1 & 1, flags >> 2];
        for version in 9..=12 {
            let body = match version {
                9 | 10 => vec![0, 0, 0, 0, create, cluster, topic, 0],
                _ => vec![0, 0, 0, 0, create, topic, 0],
            };
            let expected = all(create == 1, version <= 10 && cluster == 1, topic == 1);
            assert_eq!(MetadataRequest::decode(&mut Reader::new(&body), version), Ok(expected), "{body:?}");
        }
    }
    // Anything else that is left over is an error as ever.
    for wrong in [
        &[0, 0, 0, 0, 0, 1, 0, 0][..],
        &[0, 0, 0, 0, 1, 0],
        &[0, 0, 0, 0, 1, 0, 1],
        &[0, 0, 0, 0, 2, 0, 0],
        &[1, 0, 0, 0, 1, 0, 0],
    ] {
        let decoded = MetadataRequest::decode(&mut Reader::new(wrong), 12);
        assert!(decoded.is_err(), "{wrong:?}: {decoded:?}");
    }
}

#[test]
fn an_unknown_api_or_version_still_yields_what_the_answer_needs() {
    let header = |api_key: i16, version: i16, rest: &[u8]| {
        [&api_key.to_be_bytes()[..], &version.to_be_bytes(), &7_i32.to_be_bytes(), rest].concat()
    };
    // ApiVersions 99, with a client id and with something that is none.
    for (rest, client_id) in [
        (&[0, 2, b'm', b'e', 0][..], Some("me")),
        (&[0xff, 0xff], None),
        (&[0x7f, 0xff, 1], None),
        (&[0, 1, 0xff], None),
        (&[], None),
    ] {
        for (api_key, version) in [(18, 99), (18, -1), (0, 2), (0, 13), (999, 0), (-5, i16::MIN)] {
            let bytes = header(api_key, version, rest);
            let decoded = RequestHeader::decode(&mut Reader::new(&bytes)).unwrap();
            let expected = RequestHeader { api_key, api_version: version, correlation_id: 7, client_id };
            assert_eq!(decoded, expected);
        }
    }
    let error = Request::decode(ApiKey::Produce, &mut Reader::new(&[]), 13).unwrap_err();
    assert_eq!(error.to_string(), "version 13 of API 0 is not supported, at byte 0");
}

#[test]
fn versions_are_those_that_the_other_crate_can_answer() {
    fn check<R: Message + HeaderVersion, A: Message + HeaderVersion>(api: ApiKey) {
        let ours = api.versions();
        let theirs = R::VERSIONS.min.max(A::VERSIONS.min)..=R::VERSIONS.max.min(A::VERSIONS.max);
        assert!(theirs.contains(ours.end()), "{api}: {ours:?}, but {theirs:?} can be encoded");
        // The gateway writes the older responses of these by hand.
        let by_hand = matches!(api, ApiKey::CreateTopics | ApiKey::DeleteTopics | ApiKey::DescribeConfigs);
        let oldest = if by_hand { 0 } else { *theirs.start() };
        assert_eq!(*ours.start(), oldest, "{api}: all old versions");
        for version in encodable::<R>(api) {
            let flexible = R::header_version(version) == 2;
            assert_eq!(api.is_flexible(version), flexible, "{api} {version}");
            assert_eq!(response_header_version(api, version), A::header_version(version), "{api} {version}");
        }
    }
    check::<theirs::ProduceRequest, theirs::ProduceResponse>(ApiKey::Produce);
    check::<theirs::FetchRequest, theirs::FetchResponse>(ApiKey::Fetch);
    check::<theirs::ListOffsetsRequest, theirs::ListOffsetsResponse>(ApiKey::ListOffsets);
    check::<theirs::MetadataRequest, theirs::MetadataResponse>(ApiKey::Metadata);
    check::<theirs::FindCoordinatorRequest, theirs::FindCoordinatorResponse>(ApiKey::FindCoordinator);
    check::<theirs::JoinGroupRequest, theirs::JoinGroupResponse>(ApiKey::JoinGroup);
    check::<theirs::ApiVersionsRequest, theirs::ApiVersionsResponse>(ApiKey::ApiVersions);
    check::<theirs::CreateTopicsRequest, theirs::CreateTopicsResponse>(ApiKey::CreateTopics);
    check::<theirs::DeleteTopicsRequest, theirs::DeleteTopicsResponse>(ApiKey::DeleteTopics);
    check::<theirs::InitProducerIdRequest, theirs::InitProducerIdResponse>(ApiKey::InitProducerId);
    check::<theirs::DescribeConfigsRequest, theirs::DescribeConfigsResponse>(ApiKey::DescribeConfigs);
    check::<theirs::DescribeClusterRequest, theirs::DescribeClusterResponse>(ApiKey::DescribeCluster);
    check::<theirs::OffsetFetchRequest, theirs::OffsetFetchResponse>(ApiKey::OffsetFetch);
    check::<theirs::DescribeGroupsRequest, theirs::DescribeGroupsResponse>(ApiKey::DescribeGroups);
    check::<theirs::ListGroupsRequest, theirs::ListGroupsResponse>(ApiKey::ListGroups);
    check::<theirs::SaslHandshakeRequest, theirs::SaslHandshakeResponse>(ApiKey::SaslHandshake);
    check::<theirs::DescribeAclsRequest, theirs::DescribeAclsResponse>(ApiKey::DescribeAcls);
    check::<theirs::CreateAclsRequest, theirs::CreateAclsResponse>(ApiKey::CreateAcls);
    check::<theirs::DeleteAclsRequest, theirs::DeleteAclsResponse>(ApiKey::DeleteAcls);
    check::<theirs::AlterConfigsRequest, theirs::AlterConfigsResponse>(ApiKey::AlterConfigs);
    check::<theirs::DescribeLogDirsRequest, theirs::DescribeLogDirsResponse>(ApiKey::DescribeLogDirs);
    check::<theirs::CreatePartitionsRequest, theirs::CreatePartitionsResponse>(ApiKey::CreatePartitions);
    check::<theirs::IncrementalAlterConfigsRequest, theirs::IncrementalAlterConfigsResponse>(
        ApiKey::IncrementalAlterConfigs,
    );
    check::<theirs::ListTransactionsRequest, theirs::ListTransactionsResponse>(ApiKey::ListTransactions);
    check::<theirs::ConsumerGroupHeartbeatRequest, theirs::ConsumerGroupHeartbeatResponse>(
        ApiKey::ConsumerGroupHeartbeat,
    );
    for api in ApiKey::ALL {
        assert_eq!(ApiKey::from_i16(api.code()), Some(api));
        let name = format!("{:?}", theirs::ApiKey::try_from(api.code()).unwrap());
        assert_eq!(name.trim_end_matches("Key").to_lowercase(), api.name().to_lowercase());
    }
    assert_eq!(ApiKey::Produce.advertised_versions(), 0..=12);
    assert_eq!(ApiKey::from_i16(71), None);
}
