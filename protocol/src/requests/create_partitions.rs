//! CreatePartitions (KIP-195), versions 0 to 3. 2 (KIP-482): flexible. 3 (KIP-599): throttling.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Gives topics more partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePartitionsRequest<'a> {
    /// In the order of the request.
    pub topics: Vec<GrowingTopic<'a>>,
    /// How long the client lets the server take, in milliseconds.
    pub timeout_ms: i32,
    /// Checks only, changes nothing.
    pub validate_only: bool,
}

/// A topic that gets more partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrowingTopic<'a> {
    /// The topic.
    pub name: &'a str,
    /// How many it shall have in all.
    pub count: i32,
    /// The brokers of each new partition; `None`: as the server likes.
    pub assignments: Option<Vec<Vec<i32>>>,
}

impl<'a> CreatePartitionsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::CreatePartitions, reader, version)?;
        let topics = reader.array(flexible, 6, |reader| {
            let name = reader.string(flexible)?;
            let count = reader.i32()?;
            let assignments = reader.nullable_array(flexible, 1, |reader| {
                let brokers = reader.array(flexible, 4, Reader::i32)?;
                reader.skip_tagged_fields(flexible)?;
                Ok(brokers)
            })?;
            reader.skip_tagged_fields(flexible)?;
            Ok(GrowingTopic { name, count, assignments })
        })?;
        let timeout_ms = reader.i32()?;
        let validate_only = reader.bool()?;
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { topics, timeout_ms, validate_only })
    }
}
