//! The header in front of every request.
//!
//! Version 1: API key, API version, correlation id, client id. Version 2 (KIP-482), for flexible versions of an
//! API: tagged fields after it. The client id stays a plain NULLABLE_STRING in both.

use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// What every request begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHeader<'a> {
    /// As it was sent; [`ApiKey::from_i16`] says whether it is implemented.
    pub api_key: i16,
    /// As it was sent; [`ApiKey::supports`] says whether the body can be decoded.
    pub api_version: i16,
    /// To be repeated in the response.
    pub correlation_id: i32,
    /// The name that the client gave itself.
    pub client_id: Option<&'a str>,
}

impl<'a> RequestHeader<'a> {
    /// Decodes the header that belongs to the API and version that it names, and leaves the reader at the body.
    ///
    /// For an API or version that is not implemented, the header's version is not known: what all versions have in
    /// common is decoded, so that the request can be answered; its client id is `None` if there seems to be none,
    /// and nothing may be read further.
    pub fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let api_key = reader.i16()?;
        let api_version = reader.i16()?;
        let correlation_id = reader.i32()?;
        let client_id = match ApiKey::from_i16(api_key) {
            Some(api) if api.supports(api_version) => {
                let client_id = reader.nullable_string(false)?;
                reader.skip_tagged_fields(api.is_flexible(api_version))?;
                client_id
            }
            _ => reader.nullable_string(false).unwrap_or(None),
        };
        Ok(Self { api_key, api_version, correlation_id, client_id })
    }
}

/// The version of the header in front of a response: 0 is the correlation id alone, 1 has tagged fields after it.
///
/// ApiVersions has 0 in all versions, as a client reads it before it knows what the broker speaks (KIP-511).
pub fn response_header_version(api_key: ApiKey, api_version: i16) -> i16 {
    match api_key {
        ApiKey::ApiVersions => 0,
        api => i16::from(api.is_flexible(api_version)),
    }
}
