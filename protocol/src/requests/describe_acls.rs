//! DescribeAcls, versions 1 to 3.
//!
//! 1 (KIP-290): pattern types. 2 (KIP-482): flexible. 3 (KIP-373): user resources. 0 was removed (KIP-896).

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks for the ACLs that a filter matches; also the filter of DeleteAcls. What is `None` matches everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclFilter<'a> {
    /// 1: any; 2: topic; others exist.
    pub resource_type: i8,
    /// The resource.
    pub resource_name: Option<&'a str>,
    /// 3: literal, 4: prefixed; others exist.
    pub pattern_type: i8,
    /// Such as `User:ann`.
    pub principal: Option<&'a str>,
    /// The client's host.
    pub host: Option<&'a str>,
    /// 1: any.
    pub operation: i8,
    /// 1: any, 2: deny, 3: allow.
    pub permission: i8,
}

/// The filter is all that there is.
pub type DescribeAclsRequest<'a> = AclFilter<'a>;

impl<'a> DescribeAclsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::DescribeAcls, reader, version)?;
        let filter = Self::decode_fields(reader, flexible)?;
        reader.finish()?;
        Ok(filter)
    }

    pub(super) fn decode_fields(reader: &mut Reader<'a>, flexible: bool) -> Result<Self, DecodeError> {
        let filter = Self {
            resource_type: reader.i8()?,
            resource_name: reader.nullable_string(flexible)?,
            pattern_type: reader.i8()?,
            principal: reader.nullable_string(flexible)?,
            host: reader.nullable_string(flexible)?,
            operation: reader.i8()?,
            permission: reader.i8()?,
        };
        reader.skip_tagged_fields(flexible)?;
        Ok(filter)
    }
}
