//! ListTransactions (KIP-664), versions 0 to 2. All flexible. 1 (KIP-994): duration. 2 (KIP-1152): pattern.
//!
//! What is asked for is skipped: there are no transactions.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks which transactions there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListTransactionsRequest;

impl ListTransactionsRequest {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::ListTransactions, reader, version)?;
        let _states = reader.array(flexible, 1, |reader| reader.string(flexible))?;
        let _producer_ids = reader.array(flexible, 8, Reader::i64)?;
        if version >= 1 {
            let _duration_ms = reader.i64()?;
        }
        if version >= 2 {
            let _transactional_id_pattern = reader.nullable_string(flexible)?;
        }
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self)
    }
}
