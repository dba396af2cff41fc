//! FindCoordinator, versions 0 to 6.
//!
//! - 0 asks for one consumer group. 1 (KIP-98): the key's type. 3 (KIP-482): flexible.
//! - 4 (KIP-699): a list of keys, behind the type, instead of one key in front of it; the response changes likewise.
//! - 5 (KIP-890) and 6 (KIP-932): a new error code, a new key type; same layout.
//! - librdkafka does not send lz4 to a broker that does not advertise this API.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks who coordinates groups or transactional ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindCoordinatorRequest<'a> {
    /// 0: consumer group, 1: transactional id, 2: share group.
    pub key_type: i8,
    /// Exactly one below version 4.
    pub keys: Vec<&'a str>,
}

impl<'a> FindCoordinatorRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::FindCoordinator, reader, version)?;
        let mut keys = Vec::new();
        if version < 4 {
            keys.push(reader.string(flexible)?);
        }
        let key_type = if version >= 1 { reader.i8()? } else { 0 };
        if version >= 4 {
            keys = reader.array(flexible, 1, |reader| reader.string(flexible))?;
        }
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { key_type, keys })
    }
}
