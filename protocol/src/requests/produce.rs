//! Produce, versions 3 to 12.
//!
//! - 3 (KIP-98): transactional id, and record batches of magic 2 only. 0 to 2 carried older formats and are refused.
//! - 5, 6, 8: changes of the response. 7 (KIP-110): zstd is allowed; below it a zstd batch gets error 76.
//! - 9 (KIP-482): flexible. 10 (KIP-951), 11 and 12 (KIP-890): new meanings, same layout.
//! - 13 (KIP-516) replaces names by topic ids and is not implemented.
//!
//! `records` is a length and bytes; what they hold is not looked at here, so that a bad batch is its
//! partition's error and not the request's. A request may name a topic or a partition twice.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Writes record batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProduceRequest<'a> {
    /// Set by transactional producers.
    pub transactional_id: Option<&'a str>,
    /// 0: no response; 1: the leader; -1: all in-sync replicas. Other values get error 21.
    pub acks: i16,
    /// How long the client lets the server wait for the acks, in milliseconds.
    pub timeout_ms: i32,
    /// In the order of the request.
    pub topics: Vec<ProduceTopic<'a>>,
}

/// A topic of a Produce request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProduceTopic<'a> {
    /// Not checked for legality.
    pub name: &'a str,
    /// In the order of the request.
    pub partitions: Vec<ProducePartition<'a>>,
}

/// A partition of a Produce request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducePartition<'a> {
    /// Not checked; may be negative.
    pub index: i32,
    /// What [`RecordBatch::parse`](crate::RecordBatch::parse) takes.
    pub records: Option<&'a [u8]>,
}

impl<'a> ProduceRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::Produce, reader, version)?;
        let transactional_id = reader.nullable_string(flexible)?;
        let acks = reader.i16()?;
        let timeout_ms = reader.i32()?;
        let topics = reader.array(flexible, 3, |reader| {
            let name = reader.string(flexible)?;
            let partitions = reader.array(flexible, 6, |reader| {
                let index = reader.i32()?;
                let records = reader.nullable_bytes(flexible)?;
                reader.skip_tagged_fields(flexible)?;
                Ok(ProducePartition { index, records })
            })?;
            reader.skip_tagged_fields(flexible)?;
            Ok(ProduceTopic { name, partitions })
        })?;
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { transactional_id, acks, timeout_ms, topics })
    }
}
