//! DeleteTopics, versions 0 to 6.
//!
//! 1: as 0, but for the response's throttle time. 4 (KIP-482): flexible. 6 (KIP-516): topics by name or by id, each with tagged fields,
//! instead of names alone.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Deletes topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteTopicsRequest<'a> {
    /// In the order of the request.
    pub topics: Vec<DeleteTopic<'a>>,
    /// How long the client lets the server take, in milliseconds.
    pub timeout_ms: i32,
}

/// A topic to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteTopic<'a> {
    /// `None`, since version 6: by id.
    pub name: Option<&'a str>,
    /// Since version 6; all zeros: by name.
    pub topic_id: [u8; 16],
}

impl<'a> DeleteTopicsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::DeleteTopics, reader, version)?;
        let topics = reader.array(flexible, 1, |reader| {
            if version < 6 {
                return Ok(DeleteTopic { name: Some(reader.string(flexible)?), topic_id: [0; 16] });
            }
            let name = reader.nullable_string(flexible)?;
            let topic_id = reader.uuid()?;
            reader.skip_tagged_fields(flexible)?;
            Ok(DeleteTopic { name, topic_id })
        })?;
        let timeout_ms = reader.i32()?;
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { topics, timeout_ms })
    }
}
