//! JoinGroup, versions 0 to 9.
//!
//! Decoded only so that a consumer gets a clear refusal. 1 (KIP-62): rebalance timeout. 5 (KIP-345): static
//! membership. 6 (KIP-482): flexible. 8 (KIP-800): reason. The members' protocols are skipped.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Joins a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinGroupRequest<'a> {
    /// The group.
    pub group_id: &'a str,
    /// Empty for a new member.
    pub member_id: &'a str,
    /// Since version 5.
    pub group_instance_id: Option<&'a str>,
    /// "consumer" for consumers, "connect" for Connect workers.
    pub protocol_type: &'a str,
}

impl<'a> JoinGroupRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::JoinGroup, reader, version)?;
        let group_id = reader.string(flexible)?;
        let _session_timeout_ms = reader.i32()?;
        if version >= 1 {
            let _rebalance_timeout_ms = reader.i32()?;
        }
        let member_id = reader.string(flexible)?;
        let group_instance_id = if version >= 5 { reader.nullable_string(flexible)? } else { None };
        let protocol_type = reader.string(flexible)?;
        let _protocols = reader.array(flexible, 3, |reader| {
            let _name = reader.string(flexible)?;
            let _metadata = reader.bytes(flexible)?;
            reader.skip_tagged_fields(flexible)
        })?;
        if version >= 8 {
            let _reason = reader.nullable_string(flexible)?;
        }
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { group_id, member_id, group_instance_id, protocol_type })
    }
}
