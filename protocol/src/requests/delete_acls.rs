//! DeleteAcls, versions 1 to 3.
//!
//! Decoded only so that it gets a clear refusal. 1 (KIP-290): pattern types. 2 (KIP-482): flexible. 3 (KIP-373): user
//! resources. 0 was removed (KIP-896).

use super::describe_acls::AclFilter;
use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Deletes the ACLs that filters match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteAclsRequest<'a> {
    /// In the order of the request.
    pub filters: Vec<AclFilter<'a>>,
}

impl<'a> DeleteAclsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::DeleteAcls, reader, version)?;
        let filters = reader.array(flexible, 7, |reader| AclFilter::decode_fields(reader, flexible))?;
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { filters })
    }
}
