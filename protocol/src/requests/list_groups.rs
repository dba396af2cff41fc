//! ListGroups, versions 0 to 5.
//!
//! 3 (KIP-482): flexible. 4 (KIP-518): states. 5 (KIP-848): types.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks which groups there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListGroupsRequest<'a> {
    /// Only groups in one of these states; all where empty. Since version 4.
    pub states: Vec<&'a str>,
    /// Only groups of one of these types; all where empty. Since version 5.
    pub types: Vec<&'a str>,
}

impl<'a> ListGroupsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::ListGroups, reader, version)?;
        let mut filter = |since| {
            if version >= since {
                reader.array(flexible, 1, |reader| reader.string(flexible))
            } else {
                Ok(Vec::new())
            }
        };
        let (states, types) = (filter(4)?, filter(5)?);
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { states, types })
    }
}
