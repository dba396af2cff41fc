//! Fetch, versions 4 to 12.
//!
//! - Below 4 the response holds old message formats; removed (KIP-896). 5: log start offset. 7 (KIP-227): sessions.
//! - 9 (KIP-320): leader epoch. 11 (KIP-392): rack. 12 (KIP-482 and KIP-595): flexible, last fetched epoch.
//! - 13 (KIP-516) replaces names by topic ids and is not implemented.
//! - Versions from 10 must be advertised: librdkafka takes 10 for a sign that zstd is known.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Reads record batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest<'a> {
    /// -1 for clients.
    pub replica_id: i32,
    /// How long the server may wait for data, in milliseconds.
    pub max_wait_ms: i32,
    /// How much data is worth an answer before that, in bytes.
    pub min_bytes: i32,
    /// How much the response may hold, in bytes.
    pub max_bytes: i32,
    /// 0: read uncommitted, 1: read committed.
    pub isolation_level: i8,
    /// 0: none yet. Since version 7.
    pub session_id: i32,
    /// -1: without a session. Since version 7.
    pub session_epoch: i32,
    /// In the order of the request.
    pub topics: Vec<FetchTopic<'a>>,
    /// Partitions to leave the session. Since version 7.
    pub forgotten_topics: Vec<ForgottenTopic<'a>>,
    /// Where the client is; may be empty. Since version 11.
    pub rack_id: &'a str,
}

/// A topic of a Fetch request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchTopic<'a> {
    /// The topic.
    pub name: &'a str,
    /// In the order of the request.
    pub partitions: Vec<FetchPartition>,
}

/// A partition of a Fetch request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPartition {
    /// The partition.
    pub index: i32,
    /// The leader epoch that the client knows, or -1. Since version 9.
    pub current_leader_epoch: i32,
    /// From which offset on.
    pub fetch_offset: i64,
    /// Of the last record that the client has, or -1. Since version 12.
    pub last_fetched_epoch: i32,
    /// Of a follower, or -1. Since version 5.
    pub log_start_offset: i64,
    /// How much of this partition, in bytes.
    pub partition_max_bytes: i32,
}

/// Partitions of a topic that leave a fetch session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgottenTopic<'a> {
    /// The topic.
    pub name: &'a str,
    /// The partitions.
    pub partitions: Vec<i32>,
}

impl<'a> FetchRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::Fetch, reader, version)?;
        let replica_id = reader.i32()?;
        let max_wait_ms = reader.i32()?;
        let min_bytes = reader.i32()?;
        let max_bytes = reader.i32()?;
        let isolation_level = reader.i8()?;
        let (session_id, session_epoch) = if version >= 7 { (reader.i32()?, reader.i32()?) } else { (0, -1) };
        let topics = reader.array(flexible, 3, |reader| {
            let name = reader.string(flexible)?;
            let partitions = reader.array(flexible, 16, |reader| FetchPartition::decode(reader, version))?;
            reader.skip_tagged_fields(flexible)?;
            Ok(FetchTopic { name, partitions })
        })?;
        let forgotten_topics = if version >= 7 {
            reader.array(flexible, 3, |reader| {
                let name = reader.string(flexible)?;
                let partitions = reader.array(flexible, 4, Reader::i32)?;
                reader.skip_tagged_fields(flexible)?;
                Ok(ForgottenTopic { name, partitions })
            })?
        } else {
            Vec::new()
        };
        let rack_id = if version >= 11 { reader.string(flexible)? } else { "" };
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self {
            replica_id,
            max_wait_ms,
            min_bytes,
            max_bytes,
            isolation_level,
            session_id,
            session_epoch,
            topics,
            forgotten_topics,
            rack_id,
        })
    }
}

impl FetchPartition {
    fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let index = reader.i32()?;
        let current_leader_epoch = if version >= 9 { reader.i32()? } else { -1 };
        let fetch_offset = reader.i64()?;
        let last_fetched_epoch = if version >= 12 { reader.i32()? } else { -1 };
        let log_start_offset = if version >= 5 { reader.i64()? } else { -1 };
        let partition_max_bytes = reader.i32()?;
        reader.skip_tagged_fields(ApiKey::Fetch.is_flexible(version))?;
        Ok(Self {
            index,
            current_leader_epoch,
            fetch_offset,
            last_fetched_epoch,
            log_start_offset,
            partition_max_bytes,
        })
    }
}
