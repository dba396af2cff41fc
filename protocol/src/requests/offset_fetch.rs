//! OffsetFetch, versions 1 to 9.
//!
//! Decoded only so that whoever asks for committed offsets gets a clear refusal. 2: the null list asks for all topics.
//! 6 (KIP-482): flexible. 7 (KIP-447): stable offsets. 8 (KIP-709): several groups. 9 (KIP-848): members. 10 replaces
//! names by topic ids and is not implemented.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks for the offsets that groups have committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetFetchRequest<'a> {
    /// One before version 8.
    pub groups: Vec<OffsetFetchGroup<'a>>,
}

/// A group of an OffsetFetch request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetFetchGroup<'a> {
    /// The group.
    pub group_id: &'a str,
    /// In the order of the request; `None`: all that the group has offsets for.
    pub topics: Option<Vec<OffsetFetchTopic<'a>>>,
}

/// A topic of an OffsetFetch request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetFetchTopic<'a> {
    /// The topic.
    pub name: &'a str,
    /// The partitions.
    pub partitions: Vec<i32>,
}

impl<'a> OffsetFetchRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::OffsetFetch, reader, version)?;
        let groups = if version >= 8 {
            reader.array(flexible, 3, |reader| {
                let group_id = reader.string(flexible)?;
                if version >= 9 {
                    let _member_id = reader.nullable_string(flexible)?;
                    let _member_epoch = reader.i32()?;
                }
                let topics = topics(reader, flexible)?;
                reader.skip_tagged_fields(flexible)?;
                Ok(OffsetFetchGroup { group_id, topics })
            })?
        } else {
            let group_id = reader.string(flexible)?;
            vec![OffsetFetchGroup { group_id, topics: topics(reader, flexible)? }]
        };
        if version >= 7 {
            let _require_stable = reader.bool()?;
        }
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { groups })
    }
}

fn topics<'a>(
    reader: &mut Reader<'a>,
    flexible: bool,
) -> Result<Option<Vec<OffsetFetchTopic<'a>>>, DecodeError> {
    reader.nullable_array(flexible, 3, |reader| {
        let name = reader.string(flexible)?;
        let partitions = reader.array(flexible, 4, Reader::i32)?;
        reader.skip_tagged_fields(flexible)?;
        Ok(OffsetFetchTopic { name, partitions })
    })
}
