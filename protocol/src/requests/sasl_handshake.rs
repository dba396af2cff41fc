//! SaslHandshake, versions 0 and 1. Never flexible.
//!
//! 1 (KIP-152): what follows is in SaslAuthenticate requests.

use super::flexible;
use crate::api_key::ApiKey;
use crate::reader::{DecodeError, Reader};

/// Begins authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaslHandshakeRequest<'a> {
    /// Such as `PLAIN`.
    pub mechanism: &'a str,
}

impl<'a> SaslHandshakeRequest<'a> {
    /// Decodes a body that fills the reader.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let flexible = flexible(ApiKey::SaslHandshake, reader, version)?;
        let mechanism = reader.string(flexible)?;
        reader.finish()?;
        Ok(Self { mechanism })
    }
}
