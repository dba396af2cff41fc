//! CreateAcls, versions 1 to 3.
//!
//! Decoded only so that it gets a clear refusal. 1 (KIP-290): pattern types. 2 (KIP-482): flexible. 3 (KIP-373): user
//! resources. 0 was removed (KIP-896).

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Creates ACLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAclsRequest<'a> {
    /// In the order of the request.
    pub creations: Vec<AclCreation<'a>>,
}

/// An ACL to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclCreation<'a> {
    /// 2: topic; others exist.
    pub resource_type: i8,
    /// The resource.
    pub resource_name: &'a str,
    /// 3: literal, 4: prefixed.
    pub pattern_type: i8,
    /// Such as `User:ann`.
    pub principal: &'a str,
    /// The client's host.
    pub host: &'a str,
    /// What it is about.
    pub operation: i8,
    /// 2: deny, 3: allow.
    pub permission: i8,
}

impl<'a> CreateAclsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::CreateAcls, reader, version)?;
        let creations = reader.array(flexible, 7, |reader| {
            let creation = AclCreation {
                resource_type: reader.i8()?,
                resource_name: reader.string(flexible)?,
                pattern_type: reader.i8()?,
                principal: reader.string(flexible)?,
                host: reader.string(flexible)?,
                operation: reader.i8()?,
                permission: reader.i8()?,
            };
            reader.skip_tagged_fields(flexible)?;
            Ok(creation)
        })?;
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { creations })
    }
}
