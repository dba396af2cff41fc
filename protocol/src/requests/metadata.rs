//! Metadata, versions 0 to 12.
//!
//! - "All topics" is an empty list in 0 and null since 1; since 1, an empty list asks for the brokers only.
//! - 4 (KIP-4): `allow_auto_topic_creation`; earlier clients expect it.
//! - 8 (KIP-430): authorized operations; the cluster's moved to DescribeCluster in 11 (KIP-700).
//! - 9 (KIP-482): flexible. 10 (KIP-516): topic ids; but names may be null since 12 only, and asking by id is
//!   to be answered since 12.
//!
//! librdkafka (seen in 2.12.1) writes the null of "all topics" in the flexible versions as four bytes where one is the
//! null, so that three zeros stand between it and the rest. Brokers never look whether bytes are left over and so
//! never noticed; here it is that exact form that is let pass.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks for brokers and topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataRequest<'a> {
    /// `None`: all topics, in whichever way the version says so. Empty: the brokers only.
    pub topics: Option<Vec<MetadataTopic<'a>>>,
    /// May a topic that does not exist be created? True where the version does not say.
    pub allow_auto_topic_creation: bool,
    /// Versions 8 to 10.
    pub include_cluster_authorized_operations: bool,
    /// Since version 8.
    pub include_topic_authorized_operations: bool,
}

/// A topic that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataTopic<'a> {
    /// Since version 10; all zeros: by name.
    pub topic_id: [u8; 16],
    /// `None` where the topic is asked for by id.
    pub name: Option<&'a str>,
}

impl<'a> MetadataRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::Metadata, reader, version)?;
        let mut topics = reader.nullable_array(flexible, 2, |reader| {
            let topic_id = if version >= 10 { reader.uuid()? } else { [0; 16] };
            let name = if version >= 10 {
                reader.nullable_string(flexible)?
            } else {
                Some(reader.string(flexible)?)
            };
            reader.skip_tagged_fields(flexible)?;
            Ok(MetadataTopic { topic_id, name })
        })?;
        if flexible && topics.is_none() && is_wide_null(reader.remaining(), version) {
            reader.take(WIDE_NULL_REST.len())?;
        }
        if version == 0 && topics.as_ref().is_some_and(Vec::is_empty) {
            topics = None;
        }
        let allow_auto_topic_creation = if version >= 4 { reader.bool()? } else { true };
        let include_cluster_authorized_operations =
            if (8..=10).contains(&version) { reader.bool()? } else { false };
        let include_topic_authorized_operations = if version >= 8 { reader.bool()? } else { false };
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self {
            topics,
            allow_auto_topic_creation,
            include_cluster_authorized_operations,
            include_topic_authorized_operations,
        })
    }
}

/// What follows the first byte of a null in librdkafka's four bytes.
const WIDE_NULL_REST: [u8; 3] = [0; 3];

/// Is this what librdkafka writes behind a null: three zeros, the flags of the version, and no tagged fields?
///
/// Without the zeros, the same bytes would be more than a request without tagged fields has.
fn is_wide_null(after_null: &[u8], version: i16) -> bool {
    let Some([flags @ .., 0]) = after_null.strip_prefix(&WIDE_NULL_REST) else { return false };
    let expected = if version <= 10 { 3 } else { 2 };
    flags.len() == expected && flags.iter().all(|flag| *flag <= 1)
}
