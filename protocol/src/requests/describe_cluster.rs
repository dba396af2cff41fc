//! DescribeCluster, versions 0 to 2.
//!
//! 0 (KIP-700), flexible from the start. 1 (KIP-919): the type of endpoint. 2 (KIP-1073): fenced brokers.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks for brokers and controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeClusterRequest {
    /// Tell what the client may do?
    pub include_cluster_authorized_operations: bool,
    /// 1: brokers, 2: controllers. Since version 1.
    pub endpoint_type: i8,
    /// Since version 2.
    pub include_fenced_brokers: bool,
}

impl DescribeClusterRequest {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::DescribeCluster, reader, version)?;
        let include_cluster_authorized_operations = reader.bool()?;
        let endpoint_type = if version >= 1 { reader.i8()? } else { 1 };
        let include_fenced_brokers = if version >= 2 { reader.bool()? } else { false };
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { include_cluster_authorized_operations, endpoint_type, include_fenced_brokers })
    }
}
