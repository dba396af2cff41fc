//! ApiVersions, versions 0 to 4.
//!
//! The first request on a connection. 0 to 2 are empty; 3 (KIP-511) names the client's software; 4 (KIP-1022) differs
//! in the response only. A version above ours is not decoded at all: it is answered with error 35 in the body
//! of *version 0*, from which the client learns the versions to come back with.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Asks which APIs and versions there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiVersionsRequest<'a> {
    /// Since version 3; else empty.
    pub client_software_name: &'a str,
    /// Since version 3; else empty.
    pub client_software_version: &'a str,
}

impl<'a> ApiVersionsRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::ApiVersions, reader, version)?;
        let (client_software_name, client_software_version) =
            if version >= 3 { (reader.string(flexible)?, reader.string(flexible)?) } else { ("", "") };
        reader.skip_tagged_fields(flexible)?;
        reader.finish()?;
        Ok(Self { client_software_name, client_software_version })
    }
}
