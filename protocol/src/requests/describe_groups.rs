//! DescribeGroups, versions 0 to 6.
//!
//! 3 (KIP-430): authorized operations. 5 (KIP-482): flexible. 6 (KIP-1043): an unknown group is an error.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks for the members and state of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeGroupsRequest<'a> {
    /// The groups, in the order of the request.
    pub groups: Vec<&'a str>,
    /// Tell what the client may do? Since version 3.
    pub include_authorized_operations: bool,
}

impl<'a> DescribeGroupsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::DescribeGroups, reader, version)?;
        let groups = reader.array(flexible, 1, |reader| reader.string(flexible))?;
        let include_authorized_operations = if version >= 3 { reader.bool()? } else { false };
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { groups, include_authorized_operations })
    }
}
