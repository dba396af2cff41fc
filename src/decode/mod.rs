//! Payload formats: bytes to typed values.

pub mod json;
