//! IncrementalAlterConfigs (KIP-339), versions 0 and 1. 1 (KIP-482): flexible.

use super::alter_configs::{AlterConfigsRequest, AlteredResource};
use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Changes single settings of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncrementalAlterConfigsRequest<'a> {
    /// In the order of the request.
    pub resources: Vec<AlteredResource<'a>>,
    /// Checks only, changes nothing.
    pub validate_only: bool,
}

impl<'a> IncrementalAlterConfigsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::IncrementalAlterConfigs, reader, version)?;
        let AlterConfigsRequest { resources, validate_only } =
            AlterConfigsRequest::decode_fields(reader, flexible, true)?;
        Ok(Self { resources, validate_only })
    }
}
