//! Payload formats: bytes to typed values.

pub mod avro;
mod csv;
mod decoder;
mod envelope;
mod influx;
mod java_double;
pub mod json;
pub mod json_schema;
mod message;
mod names;
mod payload;
mod primitives;
pub mod protobuf;
mod schemas;
#[cfg(test)]
pub(crate) mod test_numbers;
mod utf8;
mod value;
mod varint;

pub use decoder::{Decoder, DecoderConfigError};
pub use java_double::{java_double, java_float};
pub use message::Message;
pub(crate) use names::{Names, ROOT};
pub use payload::{Payload, PayloadError};
pub(crate) use schemas::BySchema;
pub use schemas::{Known, Schema, SchemaBook, SchemaKey, SchemaView};
pub use value::{Object, Timestamp, Value};

/// Base64 (RFC 4648, section 4), with padding.
pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_as_in_the_rfc() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("admin:quest", "YWRtaW46cXVlc3Q="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
