//! Request bodies, one file per API.
//!
//! Each decoder takes every version in [`ApiKey::versions`] and expects the body to fill the reader: bytes after it
//! are an error, as they mean that one side misunderstands the other; [`metadata`] knows an exception. A field that a version does not have
//! takes the default that Kafka's schema gives it.

pub mod alter_configs;
pub mod api_versions;
pub mod consumer_group_heartbeat;
pub mod create_acls;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_acls;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod describe_log_dirs;
pub mod fetch;
pub mod find_coordinator;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod join_group;
pub mod list_groups;
pub mod list_offsets;
pub mod list_transactions;
pub mod metadata;
pub mod offset_fetch;
pub mod produce;
pub mod sasl_handshake;

pub use alter_configs::AlterConfigsRequest;
pub use api_versions::ApiVersionsRequest;
pub use consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
pub use create_acls::CreateAclsRequest;
pub use create_partitions::CreatePartitionsRequest;
pub use create_topics::CreateTopicsRequest;
pub use delete_acls::DeleteAclsRequest;
pub use delete_topics::DeleteTopicsRequest;
pub use describe_acls::DescribeAclsRequest;
pub use describe_cluster::DescribeClusterRequest;
pub use describe_configs::DescribeConfigsRequest;
pub use describe_groups::DescribeGroupsRequest;
pub use describe_log_dirs::DescribeLogDirsRequest;
pub use fetch::FetchRequest;
pub use find_coordinator::FindCoordinatorRequest;
pub use incremental_alter_configs::IncrementalAlterConfigsRequest;
pub use init_producer_id::InitProducerIdRequest;
pub use join_group::JoinGroupRequest;
pub use list_groups::ListGroupsRequest;
pub use list_offsets::ListOffsetsRequest;
pub use list_transactions::ListTransactionsRequest;
pub use metadata::MetadataRequest;
pub use offset_fetch::OffsetFetchRequest;
pub use produce::ProduceRequest;
pub use sasl_handshake::SaslHandshakeRequest;

use crate::api_key::ApiKey;
use crate::reader::{DecodeError, DecodeErrorKind, Reader};

/// A request's body, whichever API it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its API's request")]
pub enum Request<'a> {
    Produce(ProduceRequest<'a>),
    Fetch(FetchRequest<'a>),
    ListOffsets(ListOffsetsRequest<'a>),
    Metadata(MetadataRequest<'a>),
    OffsetFetch(OffsetFetchRequest<'a>),
    FindCoordinator(FindCoordinatorRequest<'a>),
    JoinGroup(JoinGroupRequest<'a>),
    DescribeGroups(DescribeGroupsRequest<'a>),
    ListGroups(ListGroupsRequest<'a>),
    SaslHandshake(SaslHandshakeRequest<'a>),
    ApiVersions(ApiVersionsRequest<'a>),
    CreateTopics(CreateTopicsRequest<'a>),
    DeleteTopics(DeleteTopicsRequest<'a>),
    InitProducerId(InitProducerIdRequest<'a>),
    DescribeAcls(DescribeAclsRequest<'a>),
    CreateAcls(CreateAclsRequest<'a>),
    DeleteAcls(DeleteAclsRequest<'a>),
    DescribeConfigs(DescribeConfigsRequest<'a>),
    AlterConfigs(AlterConfigsRequest<'a>),
    DescribeLogDirs(DescribeLogDirsRequest<'a>),
    CreatePartitions(CreatePartitionsRequest<'a>),
    IncrementalAlterConfigs(IncrementalAlterConfigsRequest<'a>),
    DescribeCluster(DescribeClusterRequest),
    ListTransactions(ListTransactionsRequest),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest<'a>),
}

impl<'a> Request<'a> {
    /// Decodes the body of a request for this API.
    pub fn decode(api: ApiKey, reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        Ok(match api {
            ApiKey::Produce => Self::Produce(ProduceRequest::decode(reader, version)?),
            ApiKey::Fetch => Self::Fetch(FetchRequest::decode(reader, version)?),
            ApiKey::ListOffsets => Self::ListOffsets(ListOffsetsRequest::decode(reader, version)?),
            ApiKey::Metadata => Self::Metadata(MetadataRequest::decode(reader, version)?),
            ApiKey::OffsetFetch => Self::OffsetFetch(OffsetFetchRequest::decode(reader, version)?),
            ApiKey::FindCoordinator => {
                Self::FindCoordinator(FindCoordinatorRequest::decode(reader, version)?)
            }
            ApiKey::JoinGroup => Self::JoinGroup(JoinGroupRequest::decode(reader, version)?),
            ApiKey::DescribeGroups => Self::DescribeGroups(DescribeGroupsRequest::decode(reader, version)?),
            ApiKey::ListGroups => Self::ListGroups(ListGroupsRequest::decode(reader, version)?),
            ApiKey::SaslHandshake => Self::SaslHandshake(SaslHandshakeRequest::decode(reader, version)?),
            ApiKey::ApiVersions => Self::ApiVersions(ApiVersionsRequest::decode(reader, version)?),
            ApiKey::CreateTopics => Self::CreateTopics(CreateTopicsRequest::decode(reader, version)?),
            ApiKey::DeleteTopics => Self::DeleteTopics(DeleteTopicsRequest::decode(reader, version)?),
            ApiKey::InitProducerId => Self::InitProducerId(InitProducerIdRequest::decode(reader, version)?),
            ApiKey::DescribeAcls => Self::DescribeAcls(DescribeAclsRequest::decode(reader, version)?),
            ApiKey::CreateAcls => Self::CreateAcls(CreateAclsRequest::decode(reader, version)?),
            ApiKey::DeleteAcls => Self::DeleteAcls(DeleteAclsRequest::decode(reader, version)?),
            ApiKey::DescribeConfigs => {
                Self::DescribeConfigs(DescribeConfigsRequest::decode(reader, version)?)
            }
            ApiKey::AlterConfigs => Self::AlterConfigs(AlterConfigsRequest::decode(reader, version)?),
            ApiKey::DescribeLogDirs => {
                Self::DescribeLogDirs(DescribeLogDirsRequest::decode(reader, version)?)
            }
            ApiKey::CreatePartitions => {
                Self::CreatePartitions(CreatePartitionsRequest::decode(reader, version)?)
            }
            ApiKey::IncrementalAlterConfigs => {
                Self::IncrementalAlterConfigs(IncrementalAlterConfigsRequest::decode(reader, version)?)
            }
            ApiKey::DescribeCluster => {
                Self::DescribeCluster(DescribeClusterRequest::decode(reader, version)?)
            }
            ApiKey::ListTransactions => {
                Self::ListTransactions(ListTransactionsRequest::decode(reader, version)?)
            }
            ApiKey::ConsumerGroupHeartbeat => {
                Self::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest::decode(reader, version)?)
            }
        })
    }
}

/// Checks the version; yields whether it is a flexible one.
fn flexible(api: ApiKey, reader: &Reader<'_>, version: i16) -> Result<bool, DecodeError> {
    if api.supports(version) {
        Ok(api.is_flexible(version))
    } else {
        Err(reader.error(DecodeErrorKind::UnsupportedVersion { api_key: api.code(), version }))
    }
}
