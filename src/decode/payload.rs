use super::{Timestamp, Value, json};
use crate::config::Format;

/// What one row is made of, as a key's or a value's bytes have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// The table, where the payload itself names it.
    pub table: Option<String>,
    /// The designated timestamp, where the payload itself has it.
    pub timestamp: Option<Timestamp>,
    /// The content.
    pub value: Value,
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self { table: None, timestamp: None, value }
    }
}

/// Why bytes are not what their format says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PayloadError(pub String);

/// Reads a key or a value. Some formats have several rows in one record.
pub fn payloads(format: Format, bytes: &[u8]) -> Result<Vec<Payload>, PayloadError> {
    let value = match format {
        Format::Auto if !json::looks_like_object(bytes) => text(bytes)?,
        Format::Auto | Format::Json => {
            json::tree(bytes).map_err(|error| PayloadError(format!("it is not valid JSON: {error}")))?
        }
        Format::Text => text(bytes)?,
        Format::Raw => Value::Bytes(bytes.to_vec()),
        other => return Err(PayloadError(format!("format {other:?} is not there yet"))),
    };
    Ok(vec![value.into()])
}

fn text(bytes: &[u8]) -> Result<Value, PayloadError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Value::Text(text.to_owned())),
        Err(error) => Err(PayloadError(format!("it is not UTF-8 (at byte {})", error.valid_up_to()))),
    }
}
