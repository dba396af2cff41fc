//! Payload formats: bytes to typed values.
