//! ConsumerGroupHeartbeat (KIP-848), versions 0 and 1. Both flexible. 1: a pattern of topics.
//!
//! Decoded only so that a consumer gets a clear refusal; what it subscribes to is skipped.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Joins a consumer group, or stays in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerGroupHeartbeatRequest<'a> {
    /// The group.
    pub group_id: &'a str,
    /// Empty for a new member of version 0.
    pub member_id: &'a str,
    /// 0: joins; -1: leaves.
    pub member_epoch: i32,
}

impl<'a> ConsumerGroupHeartbeatRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::ConsumerGroupHeartbeat, reader, version)?;
        let group_id = reader.string(flexible)?;
        let member_id = reader.string(flexible)?;
        let member_epoch = reader.i32()?;
        let _instance_id = reader.nullable_string(flexible)?;
        let _rack_id = reader.nullable_string(flexible)?;
        let _rebalance_timeout_ms = reader.i32()?;
        let _topic_names = reader.nullable_array(flexible, 1, |reader| reader.string(flexible))?;
        if version >= 1 {
            let _topic_regex = reader.nullable_string(flexible)?;
        }
        let _assignor = reader.nullable_string(flexible)?;
        let _owned = reader.nullable_array(flexible, 18, |reader| {
            let _topic_id = reader.uuid()?;
            let _partitions = reader.array(flexible, 4, Reader::i32)?;
            reader.skip_tagged_fields(flexible)
        })?;
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { group_id, member_id, member_epoch })
    }
}
