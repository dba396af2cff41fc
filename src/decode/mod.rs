//! Payload formats: bytes to typed values.

mod java_double;
pub mod json;
mod message;
mod payload;
mod value;

pub use java_double::java_double;
pub use message::Message;
pub use payload::{Payload, PayloadError, payloads};
pub use value::{Object, Timestamp, Value};

/// Base64 (RFC 4648, section 4), with padding.
pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
