use super::{SchemaKey, Timestamp, Value};

/// What one row is made of, as a key's or a value's bytes have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// The table, where the payload itself names it.
    pub table: Option<String>,
    /// The designated timestamp, where the payload itself has it.
    pub timestamp: Option<Timestamp>,
    /// Whether a schema has decided the value's types: Kafka Connect's transforms differ by that.
    pub has_schema: bool,
    /// The content.
    pub value: Value,
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self { table: None, timestamp: None, has_schema: false, value }
    }
}

/// Why bytes are no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// They are not what their format says.
    #[error("{0}")]
    Invalid(String),
    /// Their schema has to be looked up first: decoding does not wait.
    #[error("{0} is not known yet")]
    NeedsSchema(SchemaKey),
}

impl PayloadError {
    /// What is wrong, in words.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}
