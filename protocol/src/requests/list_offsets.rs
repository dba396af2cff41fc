//! ListOffsets, versions 1 to 8.
//!
//! - 0 could ask for several offsets and was removed (KIP-896). 2 (KIP-98): isolation level. 4 (KIP-320): leader epoch.
//! - 6 (KIP-482): flexible. 7 (KIP-734): timestamp -3. 8 (KIP-405): timestamp -4.
//! - Timestamps below zero are questions: -1 the next offset, -2 the earliest, -3 the offset with the largest
//!   timestamp, -4 the earliest on local storage.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks for offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOffsetsRequest<'a> {
    /// -1 for clients.
    pub replica_id: i32,
    /// 0: read uncommitted, 1: read committed. Since version 2.
    pub isolation_level: i8,
    /// In the order of the request.
    pub topics: Vec<ListOffsetsTopic<'a>>,
}

/// A topic of a ListOffsets request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOffsetsTopic<'a> {
    /// The topic.
    pub name: &'a str,
    /// In the order of the request.
    pub partitions: Vec<ListOffsetsPartition>,
}

/// A partition of a ListOffsets request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOffsetsPartition {
    /// The partition.
    pub index: i32,
    /// The leader epoch that the client knows, or -1. Since version 4.
    pub current_leader_epoch: i32,
    /// In milliseconds; below zero: see above.
    pub timestamp_ms: i64,
}

impl<'a> ListOffsetsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::ListOffsets, reader, version)?;
        let replica_id = reader.i32()?;
        let isolation_level = if version >= 2 { reader.i8()? } else { 0 };
        let topics = reader.array(flexible, 3, |reader| {
            let name = reader.string(flexible)?;
            let partitions = reader.array(flexible, 12, |reader| {
                let index = reader.i32()?;
                let current_leader_epoch = if version >= 4 { reader.i32()? } else { -1 };
                let timestamp_ms = reader.i64()?;
                reader.skip_tagged_fields(flexible)?;
                Ok(ListOffsetsPartition { index, current_leader_epoch, timestamp_ms })
            })?;
            reader.skip_tagged_fields(flexible)?;
            Ok(ListOffsetsTopic { name, partitions })
        })?;
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { replica_id, isolation_level, topics })
    }
}
