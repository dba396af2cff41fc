//! Request bodies, one file per API.
//!
//! Each decoder takes every version in [`ApiKey::versions`] and expects the body to fill the reader: bytes after it
//! are an error, as they mean that one side misunderstands the other; [`metadata`] knows an exception. A field that a version does not have
//! takes the default that Kafka's schema gives it.

pub mod api_versions;
pub mod create_topics;
pub mod delete_topics;
pub mod describe_cluster;
pub mod describe_configs;
pub mod fetch;
pub mod find_coordinator;
pub mod init_producer_id;
pub mod join_group;
pub mod list_offsets;
pub mod metadata;
pub mod produce;

pub use api_versions::ApiVersionsRequest;
pub use create_topics::CreateTopicsRequest;
pub use delete_topics::DeleteTopicsRequest;
pub use describe_cluster::DescribeClusterRequest;
pub use describe_configs::DescribeConfigsRequest;
pub use fetch::FetchRequest;
pub use find_coordinator::FindCoordinatorRequest;
pub use init_producer_id::InitProducerIdRequest;
pub use join_group::JoinGroupRequest;
pub use list_offsets::ListOffsetsRequest;
pub use metadata::MetadataRequest;
pub use produce::ProduceRequest;

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
    FindCoordinator(FindCoordinatorRequest<'a>),
    JoinGroup(JoinGroupRequest<'a>),
    ApiVersions(ApiVersionsRequest<'a>),
    CreateTopics(CreateTopicsRequest<'a>),
    DeleteTopics(DeleteTopicsRequest<'a>),
    InitProducerId(InitProducerIdRequest<'a>),
    DescribeConfigs(DescribeConfigsRequest<'a>),
    DescribeCluster(DescribeClusterRequest),
}

impl<'a> Request<'a> {
    /// Decodes the body of a request for this API.
    pub fn decode(api: ApiKey, reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        Ok(match api {
            ApiKey::Produce => Self::Produce(ProduceRequest::decode(reader, version)?),
            ApiKey::Fetch => Self::Fetch(FetchRequest::decode(reader, version)?),
            ApiKey::ListOffsets => Self::ListOffsets(ListOffsetsRequest::decode(reader, version)?),
            ApiKey::Metadata => Self::Metadata(MetadataRequest::decode(reader, version)?),
            ApiKey::FindCoordinator => {
                Self::FindCoordinator(FindCoordinatorRequest::decode(reader, version)?)
            }
            ApiKey::JoinGroup => Self::JoinGroup(JoinGroupRequest::decode(reader, version)?),
            ApiKey::ApiVersions => Self::ApiVersions(ApiVersionsRequest::decode(reader, version)?),
            ApiKey::CreateTopics => Self::CreateTopics(CreateTopicsRequest::decode(reader, version)?),
            ApiKey::DeleteTopics => Self::DeleteTopics(DeleteTopicsRequest::decode(reader, version)?),
            ApiKey::InitProducerId => Self::InitProducerId(InitProducerIdRequest::decode(reader, version)?),
            ApiKey::DescribeConfigs => {
                Self::DescribeConfigs(DescribeConfigsRequest::decode(reader, version)?)
            }
            ApiKey::DescribeCluster => {
                Self::DescribeCluster(DescribeClusterRequest::decode(reader, version)?)
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
