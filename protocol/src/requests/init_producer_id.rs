//! InitProducerId, versions 0 to 5.
//!
//! - 0 (KIP-98). 2 (KIP-482): flexible. 3 (KIP-360): a producer that lost its state names its id and epoch, so
//!   that the epoch can be bumped. 4 and 5 (KIP-890): new error codes and meanings, same layout.
//! - Without a transactional id, clients send whatever timeout: 2147483647, 60000, 0 and -1 were seen.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks for a producer id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitProducerIdRequest<'a> {
    /// `None`: an idempotent producer without transactions.
    pub transactional_id: Option<&'a str>,
    /// After which an open transaction is aborted, in milliseconds; without a transactional id it means nothing.
    pub transaction_timeout_ms: i32,
    /// The id that the producer has, or -1. Since version 3.
    pub producer_id: i64,
    /// The epoch that the producer has, or -1. Since version 3.
    pub producer_epoch: i16,
}

impl<'a> InitProducerIdRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::InitProducerId, reader, version)?;
        let transactional_id = reader.nullable_string(flexible)?;
        let transaction_timeout_ms = reader.i32()?;
        let (producer_id, producer_epoch) =
            if version >= 3 { (reader.i64()?, reader.i16()?) } else { (-1, -1) };
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { transactional_id, transaction_timeout_ms, producer_id, producer_epoch })
    }
}
