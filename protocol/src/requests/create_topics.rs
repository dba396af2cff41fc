//! CreateTopics, versions 0 to 7.
//!
//! - 1: checking only. 4 (KIP-464): -1 partitions and replicas stand for the server's default.
//! - 5 (KIP-482 and KIP-525): flexible; the response tells the settings. 7 (KIP-516): it tells the topic's id.
//! - With a manual assignment, partitions and replication factor must be -1.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Creates topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTopicsRequest<'a> {
    /// In the order of the request.
    pub topics: Vec<CreatableTopic<'a>>,
    /// How long the client lets the server take, in milliseconds.
    pub timeout_ms: i32,
    /// Checks only, creates nothing. Since version 1.
    pub validate_only: bool,
}

/// A topic to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatableTopic<'a> {
    /// Not checked for legality.
    pub name: &'a str,
    /// -1: the server's default, or a manual assignment.
    pub num_partitions: i32,
    /// -1: the server's default, or a manual assignment.
    pub replication_factor: i16,
    /// Empty unless the partitions are assigned to brokers by hand.
    pub assignments: Vec<ReplicaAssignment>,
    /// Settings.
    pub configs: Vec<CreatableTopicConfig<'a>>,
}

/// A partition that is assigned to brokers by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaAssignment {
    /// The partition.
    pub partition_index: i32,
    /// Its brokers.
    pub broker_ids: Vec<i32>,
}

/// A setting of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatableTopicConfig<'a> {
    /// Such as `retention.ms`.
    pub name: &'a str,
    /// `None`: the default.
    pub value: Option<&'a str>,
}

impl<'a> CreateTopicsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::CreateTopics, reader, version)?;
        let topics = reader.array(flexible, 10, |reader| CreatableTopic::decode(reader, flexible))?;
        let timeout_ms = reader.i32()?;
        let validate_only = if version >= 1 { reader.bool()? } else { false };
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { topics, timeout_ms, validate_only })
    }
}

impl<'a> CreatableTopic<'a> {
    fn decode(reader: &mut Reader<'a>, flexible: bool) -> Result<Self, DecodeError> {
        let name = reader.string(flexible)?;
        let num_partitions = reader.i32()?;
        let replication_factor = reader.i16()?;
        let assignments = reader.array(flexible, 6, |reader| {
            let partition_index = reader.i32()?;
            let broker_ids = reader.array(flexible, 4, Reader::i32)?;
            reader.skip_tagged_fields(flexible)?;
            Ok(ReplicaAssignment { partition_index, broker_ids })
        })?;
        let configs = reader.array(flexible, 3, |reader| {
            let name = reader.string(flexible)?;
            let value = reader.nullable_string(flexible)?;
            reader.skip_tagged_fields(flexible)?;
            Ok(CreatableTopicConfig { name, value })
        })?;
        reader.skip_tagged_fields(flexible)?;
        Ok(Self { name, num_partitions, replication_factor, assignments, configs })
    }
}
