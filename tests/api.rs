//! Every API in every advertised version, asked by `kafka-protocol` and understood by it. No QuestDB is needed: what is
//! asked here does not touch it.

// Helpers count as code that runs, but these are only called by tests.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Request, StrBytes};
use quafka_protocol::{ApiKey, ErrorCode};
use support::{Gateway, Wire};

/// A place where nobody listens.
const NO_QUESTDB: &str = "http::addr=127.0.0.1:9;";

async fn gateway(config: &str) -> Gateway {
    Gateway::start_with_conf(config, NO_QUESTDB).await
}

fn name(text: &str) -> TopicName {
    TopicName(StrBytes::from_string(text.to_owned()))
}

fn code(error: ErrorCode) -> i16 {
    error.code()
}

#[tokio::test]
async fn api_versions_tells_what_there_is_in_every_version() {
    let gateway = gateway("").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for version in ApiKey::ApiVersions.versions() {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("test"))
            .with_client_software_version(StrBytes::from_static_str("1"));
        let response = wire.call(&request, version).await;
        assert_eq!(response.error_code, 0);
        let advertised: Vec<_> =
            response.api_keys.iter().map(|api| (api.api_key, api.min_version, api.max_version)).collect();
        let implemented: Vec<_> = ApiKey::ALL
            .iter()
            .map(|api| (api.code(), *api.advertised_versions().start(), *api.advertised_versions().end()))
            .collect();
        assert_eq!(advertised, implemented);
    }
    let unnamed = wire.call(&ApiVersionsRequest::default(), 3).await;
    assert_eq!(unnamed.error_code, code(ErrorCode::InvalidRequest));
}

#[tokio::test]
async fn a_higher_version_of_api_versions_is_answered_so_that_any_client_understands() {
    let gateway = gateway("").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    // API 18, version 99, correlation id 7, a null client id and whatever version 99 has.
    let frame = [0, 0, 0, 14, 0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 1, 2, 3, 4];
    wire.send_bytes(&frame).await.unwrap();
    let mut body = wire.receive_bytes().await.unwrap();
    assert_eq!(body.split_to(4).as_ref(), [0, 0, 0, 7]);
    let response = ApiVersionsResponse::decode(&mut body, 0).unwrap();
    assert_eq!(response.error_code, code(ErrorCode::UnsupportedVersion));
    assert!(response.api_keys.iter().any(|api| api.api_key == 18 && api.max_version == 4));
    // The connection goes on.
    assert_eq!(wire.call(&MetadataRequest::default().with_topics(None), 1).await.brokers.len(), 1);
}

#[tokio::test]
async fn metadata_in_every_version() {
    let gateway =
        gateway("[topics.configured]\npartitions = 3\n[topics.\"closed-*\"]\nauto_create = false").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let port: i32 = gateway.bootstrap().rsplit(':').next().unwrap().parse().unwrap();
    for version in ApiKey::Metadata.versions() {
        let topic = |text: &str| MetadataRequestTopic::default().with_name(Some(name(text)));
        let asked = ["any.legal-name_1", "configured", "closed-1", "not legal"].map(topic);
        let request = MetadataRequest::default().with_topics(Some(asked.to_vec()));
        let response = wire.call(&request, version).await;
        assert_eq!(response.brokers.len(), 1);
        let broker = &response.brokers[0];
        assert_eq!((broker.host.as_str(), broker.port), ("127.0.0.1", port));
        let found: Vec<_> =
            response.topics.iter().map(|topic| (topic.error_code, topic.partitions.len())).collect();
        let (unknown, illegal) =
            (code(ErrorCode::UnknownTopicOrPartition), code(ErrorCode::InvalidTopicException));
        assert_eq!(found, [(0, 8), (0, 3), (unknown, 0), (illegal, 0)], "version {version}");
        assert!(response.topics[0].partitions.iter().all(|partition| partition.leader_id == broker.node_id));
        if version >= 10 {
            assert!(!response.topics[0].topic_id.is_nil());
        }
    }
}

#[tokio::test]
async fn all_topics_none_and_one_by_id() {
    let gateway = gateway("[topics.configured]\nsymbols = [\"a\"]").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let names = |response: &MetadataResponse| -> Vec<String> {
        response.topics.iter().map(|topic| topic.name.as_ref().unwrap().to_string()).collect()
    };
    // Asking for a topic does not bring it into being where the client does not want that.
    let topic = MetadataRequestTopic::default().with_name(Some(name("asked")));
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    wire.call(&request.with_allow_auto_topic_creation(false), 4).await;
    // Version 0 has no null: the empty list asks for all.
    let all = wire.call(&MetadataRequest::default().with_topics(Some(vec![])), 0).await;
    assert_eq!(names(&all), ["configured"]);
    let none = wire.call(&MetadataRequest::default().with_topics(Some(vec![])), 1).await;
    assert!(none.topics.is_empty());
    let all = wire.call(&MetadataRequest::default().with_topics(None), 12).await;
    assert_eq!(names(&all), ["configured"]);
    let by_id = |id| {
        let topic = MetadataRequestTopic::default().with_topic_id(id).with_name(None);
        MetadataRequest::default().with_topics(Some(vec![topic]))
    };
    let found = wire.call(&by_id(all.topics[0].topic_id), 12).await;
    assert_eq!(names(&found), ["configured"]);
    let lost = wire.call(&by_id(uuid::Uuid::from_u128(77)), 12).await;
    assert_eq!(lost.topics[0].error_code, code(ErrorCode::UnknownTopicId));
}

/// As on a broker, and as producers expect: what was asked for with `allow_auto_topic_creation`, or in a version that
/// cannot forbid it, is among all topics from then on; unless there are too many.
#[tokio::test]
async fn a_topic_that_may_be_created_is_among_all_topics_once_it_was_asked_for() {
    let gateway = gateway("limits.topics = 3\n[topics.\"closed-*\"]\nauto_create = false").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let ask = |text: &str| {
        let topic = MetadataRequestTopic::default().with_name(Some(name(text)));
        MetadataRequest::default().with_topics(Some(vec![topic]))
    };
    for (version, asked, error) in [
        (1, "a", 0),
        (4, "b", 0),
        (12, "c", 0),
        (12, "closed-1", code(ErrorCode::UnknownTopicOrPartition)),
        (12, "not legal", code(ErrorCode::InvalidTopicException)),
        // One too many: it is there, but not remembered.
        (12, "d", 0),
    ] {
        let response = wire.call(&ask(asked).with_allow_auto_topic_creation(true), version).await;
        assert_eq!(response.topics[0].error_code, error, "{asked}");
    }
    let all = wire.call(&MetadataRequest::default().with_topics(None), 12).await;
    let names: Vec<_> = all.topics.iter().map(|topic| topic.name.as_ref().unwrap().as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[tokio::test]
async fn producer_ids_never_repeat_and_transactions_are_refused_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("data_dir = {:?}", folder.path());
    let mut gateway = gateway(&config).await;
    let mut seen = std::collections::HashSet::new();
    for _life in 0..2 {
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        for version in ApiKey::InitProducerId.versions() {
            let request = InitProducerIdRequest::default().with_transactional_id(None);
            let response = wire.call(&request, version).await;
            assert_eq!((response.error_code, response.producer_epoch), (0, 0));
            assert!(response.producer_id.0 >= 0 && seen.insert(response.producer_id.0));
            let id = TransactionalId(StrBytes::from_static_str("t"));
            let response = wire.call(&request.with_transactional_id(Some(id)), version).await;
            assert_eq!(response.error_code, code(ErrorCode::TransactionalIdAuthorizationFailed));
        }
        gateway.restart().await;
    }
}

#[tokio::test]
async fn groups_are_refused_with_the_reason() {
    let gateway = gateway("").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for version in ApiKey::FindCoordinator.versions() {
        for (key_type, error) in
            [(0, ErrorCode::GroupAuthorizationFailed), (1, ErrorCode::TransactionalIdAuthorizationFailed)]
        {
            if version == 0 && key_type == 1 {
                continue; // Version 0 has no key type.
            }
            let key = StrBytes::from_static_str("g");
            let request = FindCoordinatorRequest::default();
            let request = match version {
                0 => request.with_key(key),
                1..=3 => request.with_key(key).with_key_type(key_type),
                _ => request.with_coordinator_keys(vec![key]).with_key_type(key_type),
            };
            let response = wire.call(&request, version).await;
            let (found, message) = match response.coordinators.first() {
                // Such clients show no message: they get to the APIs that say more.
                Some(coordinator) if key_type == 0 => {
                    assert_eq!((coordinator.error_code, coordinator.node_id.0), (0, 1), "version {version}");
                    assert_eq!(format!("{}:{}", coordinator.host, coordinator.port), gateway.bootstrap());
                    continue;
                }
                Some(coordinator) => (coordinator.error_code, coordinator.error_message.clone()),
                None => (response.error_code, response.error_message.clone()),
            };
            assert_eq!(found, code(error), "version {version}");
            if version >= 1 {
                assert!(message.unwrap().contains("quafka"));
            }
        }
    }
    let refused = code(ErrorCode::GroupAuthorizationFailed);
    for version in ApiKey::JoinGroup.versions() {
        let response = wire.call(&JoinGroupRequest::default(), version).await;
        assert_eq!(response.error_code, refused, "version {version}");
    }
    for version in ApiKey::ConsumerGroupHeartbeat.versions() {
        let response = wire.call(&ConsumerGroupHeartbeatRequest::default(), version).await;
        assert_eq!(response.error_code, refused, "version {version}");
        assert!(response.error_message.unwrap().contains("there are no consumer groups"));
    }
    for version in ApiKey::OffsetFetch.versions() {
        let request = OffsetFetchRequest::default();
        let request = if version >= 8 {
            request.with_groups(vec![OffsetFetchRequestGroup::default()])
        } else {
            let topic =
                OffsetFetchRequestTopic::default().with_name(name("t")).with_partition_indexes(vec![3]);
            request.with_topics(Some(vec![topic]))
        };
        let response = wire.call(&request, version).await;
        let errors: Vec<i16> = match version {
            1 => vec![response.topics[0].partitions[0].error_code],
            2..=7 => vec![response.error_code],
            _ => response.groups.iter().map(|group| group.error_code).collect(),
        };
        assert_eq!(errors, [refused], "version {version}");
    }
    for version in ApiKey::ListGroups.versions() {
        let response = wire.call(&ListGroupsRequest::default(), version).await;
        assert!(response.error_code == 0 && response.groups.is_empty(), "version {version}");
    }
    for version in ApiKey::DescribeGroups.versions() {
        let request =
            DescribeGroupsRequest::default().with_groups(vec![GroupId(StrBytes::from_static_str("g"))]);
        let group = wire.call(&request, version).await.groups.remove(0);
        let expected = if version >= 6 { code(ErrorCode::GroupIdNotFound) } else { 0 };
        assert_eq!((group.error_code, group.group_state.as_str()), (expected, "Dead"), "version {version}");
    }
}

/// Each version of each API that a client is told of is decoded and answered, on one connection that stays open.
#[tokio::test]
async fn what_is_advertised_is_implemented() {
    let gateway = gateway("").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let named = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("test"))
        .with_client_software_version(StrBytes::from_static_str("1"));
    let advertised = wire.call(&named, 3).await.api_keys;
    let mut answered = Vec::new();
    /// A request's least in all versions, and the bodies of those that `kafka-protocol` has dropped.
    macro_rules! answers {
        ($request:expr $(, $version:literal => $body:expr)*) => {{
            let request = $request;
            let key = key_of(&request);
            let versions = advertised.iter().find(|api| api.api_key == key).map(|api| api.min_version..=api.max_version);
            for version in versions.unwrap_or_else(|| panic!("API {key} is not advertised")) {
                match version {
                    $($version => drop(call_by_hand(&mut wire, ApiKey::from_i16(key).unwrap(), $version, &[&$body]).await),)*
                    _ => drop(wire.call(&request, version).await),
                }
                answered.push((key, version));
            }
        }};
    }
    const NO_TOPICS: [u8; 8] = [0; 8];
    answers!(ProduceRequest::default().with_acks(1),
        0 => [0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 1 => [0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 2 => [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    answers!(FetchRequest::default());
    answers!(ListOffsetsRequest::default());
    answers!(MetadataRequest::default().with_topics(Some(vec![])));
    answers!(OffsetFetchRequest::default().with_topics(Some(vec![])));
    answers!(FindCoordinatorRequest::default());
    answers!(JoinGroupRequest::default());
    answers!(DescribeGroupsRequest::default());
    answers!(ListGroupsRequest::default());
    answers!(SaslHandshakeRequest::default());
    answers!(ApiVersionsRequest::default());
    answers!(CreateTopicsRequest::default(), 0 => NO_TOPICS, 1 => [&NO_TOPICS[..], &[0]].concat());
    answers!(DeleteTopicsRequest::default(), 0 => NO_TOPICS);
    answers!(InitProducerIdRequest::default().with_transactional_id(None));
    answers!(DescribeAclsRequest::default());
    answers!(CreateAclsRequest::default());
    answers!(DeleteAclsRequest::default());
    answers!(DescribeConfigsRequest::default(), 0 => [0; 4]);
    answers!(AlterConfigsRequest::default());
    answers!(DescribeLogDirsRequest::default());
    answers!(CreatePartitionsRequest::default());
    answers!(IncrementalAlterConfigsRequest::default());
    answers!(DescribeClusterRequest::default());
    answers!(ListTransactionsRequest::default());
    answers!(ConsumerGroupHeartbeatRequest::default());
    let all = advertised
        .iter()
        .flat_map(|api| (api.min_version..=api.max_version).map(|version| (api.api_key, version)));
    assert_eq!(answered, all.collect::<Vec<_>>());
    assert_eq!(gateway.closed_for("bad_request").await, 0);
    // Clients report to whoever takes it, every few minutes and on every connection.
    assert!(!advertised.iter().any(|api| matches!(api.api_key, 71 | 72)));
}

fn key_of<R: Request>(_: &R) -> i16 {
    R::KEY
}

#[tokio::test]
async fn admin_tools_hear_what_cannot_be_done_and_why() {
    let gateway = gateway("[topics.t]\npartitions = 3").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let text = StrBytes::from_static_str;
    for version in ApiKey::IncrementalAlterConfigs.versions() {
        use kafka_protocol::messages::incremental_alter_configs_request::{
            AlterConfigsResource, AlterableConfig,
        };
        let config = AlterableConfig::default().with_name(text("retention.ms")).with_value(Some(text("1")));
        let topic = AlterConfigsResource::default().with_resource_type(2).with_resource_name(text("t"));
        let topic = topic.with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![topic]);
        let response = wire.call(&request, version).await.responses.remove(0);
        assert_eq!((response.error_code, response.resource_type), (code(ErrorCode::InvalidConfig), 2));
        assert!(response.error_message.unwrap().starts_with("cannot change retention.ms of topic t"));
    }
    for version in ApiKey::AlterConfigs.versions() {
        use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
        let broker = AlterConfigsResource::default().with_resource_type(4).with_resource_name(text("1"));
        let request = AlterConfigsRequest::default().with_resources(vec![broker]);
        let response = wire.call(&request, version).await.responses.remove(0);
        assert_eq!((response.error_code, response.resource_type), (code(ErrorCode::InvalidConfig), 4));
    }
    let disabled = code(ErrorCode::SecurityDisabled);
    for version in ApiKey::DescribeAcls.versions() {
        let response = wire.call(&DescribeAclsRequest::default(), version).await;
        assert_eq!(response.error_code, disabled);
        assert!(response.error_message.unwrap().contains("no ACLs"));
        let creations = vec![create_acls_request::AclCreation::default(); 2];
        let response = wire.call(&CreateAclsRequest::default().with_creations(creations), version).await;
        let errors: Vec<_> = response.results.iter().map(|result| result.error_code).collect();
        assert_eq!(errors, [disabled; 2]);
        let filters = vec![delete_acls_request::DeleteAclsFilter::default(); 2];
        let response = wire.call(&DeleteAclsRequest::default().with_filters(filters), version).await;
        assert_eq!(response.filter_results.len(), 2);
    }
    for version in ApiKey::DescribeLogDirs.versions() {
        let response = wire.call(&DescribeLogDirsRequest::default().with_topics(None), version).await;
        let dir = &response.results[0];
        assert_eq!((dir.error_code, dir.topics.len(), dir.topics[0].partitions.len()), (0, 1, 3));
        assert!(dir.topics[0].partitions.iter().all(|partition| partition.partition_size == 0));
        let topic = |text: &str| {
            describe_log_dirs_request::DescribableLogDirTopic::default()
                .with_topic(name(text))
                .with_partitions(vec![2, 9])
        };
        let asked = Some(vec![topic("t"), topic("not legal")]);
        let response = wire.call(&DescribeLogDirsRequest::default().with_topics(asked), version).await;
        let dir = &response.results[0];
        assert_eq!((dir.topics.len(), dir.topics[0].partitions.len()), (1, 1));
    }
}

#[tokio::test]
async fn a_topic_gets_more_partitions_and_keeps_those_that_it_has() {
    use kafka_protocol::messages::create_partitions_request::{
        CreatePartitionsAssignment, CreatePartitionsTopic,
    };
    let gateway = gateway("[topics.\"closed-*\"]\nauto_create = false").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for version in ApiKey::CreatePartitions.versions() {
        let topic = format!("growing-{version}");
        let grow = |text: &str, count: i32, assigned: Option<usize>| {
            let assigned = assigned.map(|assigned| vec![CreatePartitionsAssignment::default(); assigned]);
            let topic = CreatePartitionsTopic::default().with_name(name(text)).with_count(count);
            CreatePartitionsRequest::default().with_topics(vec![topic.with_assignments(assigned)])
        };
        let mut error =
            async |request: &CreatePartitionsRequest| wire.call(request, version).await.results[0].error_code;
        let too_few = code(ErrorCode::InvalidPartitions);
        for (count, expected) in [(8, too_few), (0, too_few), (-1, too_few), (10_001, too_few)] {
            assert_eq!(error(&grow(&topic, count, None)).await, expected, "{count}");
        }
        let unknown = code(ErrorCode::UnknownTopicOrPartition);
        assert_eq!(error(&grow("closed-1", 9, None)).await, unknown);
        assert_eq!(error(&grow(&topic, 10, Some(1))).await, code(ErrorCode::InvalidReplicaAssignment));
        assert_eq!(error(&grow(&topic, 10, Some(2)).with_validate_only(true)).await, 0);
        assert_eq!(error(&grow(&topic, 9, None)).await, 0);
        assert_eq!(error(&grow(&topic, 10, Some(1))).await, 0);
        let twice =
            [grow(&topic, 11, None), grow(&topic, 12, None)].map(|mut request| request.topics.remove(0));
        let twice = CreatePartitionsRequest::default().with_topics(twice.to_vec());
        assert_eq!(error(&twice).await, code(ErrorCode::InvalidRequest));
        let asked = MetadataRequestTopic::default().with_name(Some(name(&topic)));
        let response = wire.call(&MetadataRequest::default().with_topics(Some(vec![asked])), 9).await;
        assert_eq!(response.topics[0].partitions.len(), 10);
    }
}

#[tokio::test]
async fn a_reader_idles() {
    let gateway = gateway("").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for version in ApiKey::ListOffsets.versions() {
        for timestamp in [-1, -2, 0] {
            let partition = ListOffsetsPartition::default().with_partition_index(0).with_timestamp(timestamp);
            let topic = ListOffsetsTopic::default().with_name(name("t")).with_partitions(vec![partition]);
            let response = wire.call(&ListOffsetsRequest::default().with_topics(vec![topic]), version).await;
            let partition = &response.topics[0].partitions[0];
            assert!(partition.error_code == 0 && partition.offset >= 0, "version {version}: {partition:?}");
        }
    }
    for version in ApiKey::Fetch.versions() {
        let fetch = |partition| {
            let partition = FetchPartition::default().with_partition(partition).with_fetch_offset(5);
            let topic = FetchTopic::default().with_topic(name("t")).with_partitions(vec![partition]);
            FetchRequest::default().with_max_wait_ms(150).with_topics(vec![topic])
        };
        let asked = Instant::now();
        let response = wire.call(&fetch(0), version).await;
        assert!(asked.elapsed() >= Duration::from_millis(150));
        let partition = &response.responses[0].partitions[0];
        assert_eq!((partition.error_code, partition.high_watermark), (0, 5), "version {version}");
        assert!(partition.records.as_ref().is_none_or(|records| records.is_empty()));
        let response = wire.call(&fetch(99), version).await;
        let error = response.responses[0].partitions[0].error_code;
        assert_eq!(error, code(ErrorCode::UnknownTopicOrPartition));
    }
}

#[tokio::test]
async fn topics_are_created_described_and_forgotten() {
    let gateway = gateway("[topics.\"*\"]\nauto_create = false\nsymbols = [\"side\"]").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for version in 2..=*ApiKey::CreateTopics.versions().end() {
        let topic = format!("created-{version}");
        let create = |text: &str, partitions, replicas| {
            let topic = CreatableTopic::default()
                .with_name(name(text))
                .with_num_partitions(partitions)
                .with_replication_factor(replicas);
            CreateTopicsRequest::default().with_topics(vec![topic])
        };
        let mut error =
            async |request: &CreateTopicsRequest| wire.call(request, version).await.topics[0].error_code;
        assert_eq!(error(&create("no such", 1, 1)).await, code(ErrorCode::InvalidTopicException));
        assert_eq!(error(&create(&topic, 0, 1)).await, code(ErrorCode::InvalidPartitions));
        assert_eq!(error(&create(&topic, 1, 3)).await, code(ErrorCode::InvalidReplicationFactor));
        assert_eq!(error(&create(&topic, 5, 1).with_validate_only(true)).await, 0);
        assert_eq!(error(&create(&topic, 5, 1)).await, 0);
        assert_eq!(error(&create(&topic, 5, 1)).await, code(ErrorCode::TopicAlreadyExists));
        let asked = MetadataRequestTopic::default().with_name(Some(name(&topic)));
        let response = wire.call(&MetadataRequest::default().with_topics(Some(vec![asked])), 9).await;
        assert_eq!((response.topics[0].error_code, response.topics[0].partitions.len()), (0, 5));
    }
    for version in 1..=*ApiKey::DescribeConfigs.versions().end() {
        let describe = |kind, text: &str| {
            let resource = DescribeConfigsResource::default()
                .with_resource_type(kind)
                .with_resource_name(StrBytes::from_string(text.to_owned()))
                .with_configuration_keys(None);
            DescribeConfigsRequest::default().with_resources(vec![resource])
        };
        let topic = wire.call(&describe(2, "created-4"), version).await.results.remove(0);
        let value = |name: &str| {
            let config = topic.configs.iter().find(|config| config.name.as_str() == name);
            config.and_then(|config| config.value.clone()).unwrap().to_string()
        };
        assert_eq!((value("quafka.table"), value("quafka.symbols")), ("created-4".into(), "side".into()));
        let broker = wire.call(&describe(4, "1"), version).await.results.remove(0);
        assert!(broker.error_code == 0 && !broker.configs.is_empty());
        let nobody = wire.call(&describe(4, "2"), version).await.results.remove(0);
        assert_eq!(nobody.error_code, code(ErrorCode::InvalidRequest));
    }
    for version in 1..=*ApiKey::DeleteTopics.versions().end() {
        let topic = format!("deleted-{version}");
        let create = CreatableTopic::default().with_name(name(&topic)).with_num_partitions(1);
        let create = CreateTopicsRequest::default().with_topics(vec![create.with_replication_factor(1)]);
        assert_eq!(wire.call(&create, 5).await.topics[0].error_code, 0);
        let request = if version < 6 {
            DeleteTopicsRequest::default().with_topic_names(vec![name(&topic)])
        } else {
            let state = DeleteTopicState::default().with_name(Some(name(&topic)));
            DeleteTopicsRequest::default().with_topics(vec![state])
        };
        assert_eq!(wire.call(&request, version).await.responses[0].error_code, 0, "version {version}");
        let gone = wire.call(&request, version).await;
        assert_eq!(gone.responses[0].error_code, code(ErrorCode::UnknownTopicOrPartition));
    }
}

/// A request that `kafka-protocol` has dropped, and the body of its response.
async fn call_by_hand(wire: &mut Wire, api: ApiKey, version: u8, body: &[&[u8]]) -> Bytes {
    let header = [0, api.code() as u8, 0, version, 0, 0, 0, 7, 0xff, 0xff];
    let request = [&header[..], &body.concat()].concat();
    wire.send_bytes(&[&(request.len() as u32).to_be_bytes()[..], &request].concat()).await.unwrap();
    let mut response = wire.receive_bytes().await.unwrap();
    assert_eq!(response.split_to(4).as_ref(), [0, 0, 0, 7]);
    response
}

/// STRING or NULLABLE_STRING.
fn take_string(bytes: &mut Bytes) -> Option<String> {
    let length = usize::try_from(bytes.get_i16()).ok()?;
    Some(String::from_utf8(bytes.split_to(length).to_vec()).unwrap())
}

#[tokio::test]
async fn old_admin_clients_are_answered_in_their_versions() {
    let gateway = gateway("").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for version in 0..=1 {
        // Two topics, of 3 and of 0 partitions, with one replica, no assignments, no settings; 1 s; for real.
        let three: [&[u8]; 3] = [&[0, 3, b'o', b'l', b'd' + version], &[0, 0, 0, 3, 0, 1], &[0; 8]];
        let none: [&[u8]; 3] = [&[0, 3, b'b', b'a', b'd'], &[0, 0, 0, 0, 0, 1], &[0; 8]];
        let body = [&[0, 0, 0, 2][..], &three.concat(), &none.concat(), &[0, 0, 3, 232]];
        let validate_only: &[u8] = if version == 0 { &[] } else { &[0] };
        let request = [&body.concat()[..], validate_only];
        let mut response = call_by_hand(&mut wire, ApiKey::CreateTopics, version, &request).await;
        assert_eq!(response.get_i32(), 2);
        for (name, error) in
            [(["old", "ole"][version as usize], 0), ("bad", code(ErrorCode::InvalidPartitions))]
        {
            assert_eq!(take_string(&mut response).as_deref(), Some(name));
            assert_eq!(response.get_i16(), error);
            if version >= 1 {
                assert_eq!(take_string(&mut response).is_some(), error != 0);
            }
        }
        assert!(response.is_empty());
        let asked = MetadataRequestTopic::default().with_name(Some(name(["old", "ole"][version as usize])));
        let response = wire.call(&MetadataRequest::default().with_topics(Some(vec![asked])), 9).await;
        assert_eq!(response.topics[0].partitions.len(), 3);
    }

    // Two settings of a topic, and a broker that there is not.
    let body: [&[u8]; 5] = [
        &[0, 0, 0, 2, 2, 0, 3],
        b"old",
        &[0, 0, 0, 2, 0, 12],
        b"retention.ms\0\x0cquafka.table",
        &[4, 0, 1, b'9', 0xff, 0xff, 0xff, 0xff],
    ];
    let mut response = call_by_hand(&mut wire, ApiKey::DescribeConfigs, 0, &body).await;
    assert_eq!((response.get_i32(), response.get_i32()), (0, 2));
    assert_eq!((response.get_i16(), take_string(&mut response), response.get_i8()), (0, None, 2));
    assert_eq!((take_string(&mut response).as_deref(), response.get_i32()), (Some("old"), 2));
    for (name, value, default) in [("retention.ms", "-1", 1), ("quafka.table", "old", 0)] {
        assert_eq!(take_string(&mut response).as_deref(), Some(name));
        assert_eq!(take_string(&mut response).as_deref(), Some(value));
        // Read-only, a default or not, not secret.
        assert_eq!(response.split_to(3).as_ref(), [1, default, 0]);
    }
    assert_eq!(response.get_i16(), code(ErrorCode::InvalidRequest));
    assert!(take_string(&mut response).unwrap().contains("broker 9"));
    assert_eq!((response.get_i8(), take_string(&mut response).as_deref()), (4, Some("9")));
    assert_eq!(response.get_i32(), 0);
    assert!(response.is_empty());

    for error in [0, code(ErrorCode::UnknownTopicOrPartition)] {
        let body: [&[u8]; 3] = [&[0, 0, 0, 1, 0, 3], b"old", &[0, 0, 3, 232]];
        let mut response = call_by_hand(&mut wire, ApiKey::DeleteTopics, 0, &body).await;
        assert_eq!((response.get_i32(), take_string(&mut response).as_deref()), (1, Some("old")));
        assert_eq!(response.get_i16(), error);
        assert!(response.is_empty());
    }
}

#[tokio::test]
async fn what_was_not_advertised_ends_the_connection_and_is_named_in_the_log() {
    let gateway = gateway("").await;
    let versions = |api: ApiKey| *api.versions().end() as u8 + 1;
    let produce = versions(ApiKey::Produce);
    let cases = [
        (36, 1, "SaslAuthenticate request (API key 36) of version 1;".to_owned()),
        (24, 3, "AddPartitionsToTxn request (API key 24) of version 3;".to_owned()),
        (127, 9, "unknown request (API key 127) of version 9;".to_owned()),
        (0, produce, format!("Produce request of version {produce}; this gateway speaks 3 to 12")),
        (1, 3, "Fetch request of version 3; this gateway speaks 4 to 12".to_owned()),
        (3, 99, "Metadata request of version 99; this gateway speaks 0 to 12".to_owned()),
    ];
    for (api, version, _) in &cases {
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        wire.send_bytes(&[0, 0, 0, 10, 0, *api, 0, *version, 0, 0, 0, 7, 0xff, 0xff]).await.unwrap();
        wire.closed().await;
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    let closed = || -> Vec<String> {
        gateway.log().lines().filter(|line| line.contains("connection closed")).map(str::to_owned).collect()
    };
    while closed().len() < cases.len() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let lines = closed();
    assert_eq!(lines.len(), cases.len(), "{lines:#?}");
    for (_, _, expected) in &cases {
        let naming = lines.iter().filter(|line| line.contains(expected) && line.contains("WARN"));
        assert_eq!(naming.count(), 1, "{expected}: {lines:#?}");
    }
}

#[tokio::test]
async fn the_cluster_is_one_node() {
    let gateway = gateway("").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for version in ApiKey::DescribeCluster.versions() {
        let response = wire.call(&DescribeClusterRequest::default(), version).await;
        assert_eq!((response.error_code, response.brokers.len()), (0, 1));
        assert_eq!(response.controller_id, response.brokers[0].broker_id);
        if version >= 1 {
            let response = wire.call(&DescribeClusterRequest::default().with_endpoint_type(2), version).await;
            assert_ne!(response.error_code, 0);
        }
    }
}

#[tokio::test]
async fn the_advertised_address_is_the_configured_one() {
    let gateway = gateway("advertise = \"gateway.example.com:19092\"").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let response = wire.call(&MetadataRequest::default().with_topics(None), 9).await;
    assert_eq!((response.brokers[0].host.as_str(), response.brokers[0].port), ("gateway.example.com", 19092));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let gateway = gateway("").await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    // A Fetch that takes its time in front of requests that are answered at once.
    let fetch = wire.send(&FetchRequest::default().with_max_wait_ms(300), 11).await;
    let mut metadata = Vec::new();
    for _ in 0..50 {
        metadata.push(wire.send(&MetadataRequest::default().with_topics(None), 9).await);
    }
    wire.receive::<FetchRequest>(fetch, 11).await;
    for id in metadata {
        wire.receive::<MetadataRequest>(id, 9).await;
    }
}
