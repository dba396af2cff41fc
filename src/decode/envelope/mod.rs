//! JSON with Kafka Connect's schema beside it, `{"schema": …, "payload": …}`, as JsonConverter writes it with
//! `schemas.enable`.
//!
//! The schema decides the types. A payload that contradicts it is refused; what is of another JSON type but loses
//! nothing (`1.0` for an integer) is taken.

mod convert;
pub(super) mod decimal;
mod schema;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::Mutex;

use self::convert::Conversion;
pub(super) use self::convert::base64;
pub(crate) use self::schema::Meaning;
use self::schema::Schema;
pub(super) use self::schema::meaning;
use super::json::{self, JsonError, Scanner};
use super::{Payload, PayloadError};

/// Reads enveloped records. The schemas of the last ones are remembered: producers send the same with each record.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    schemas: Mutex<Vec<Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    bytes: Box<[u8]>,
    schema: Arc<Schema>,
}

/// As many schemas are remembered, and none that is longer.
const MAX_REMEMBERED: usize = 8;
const MAX_REMEMBERED_BYTES: usize = 64 << 10;

const NO_ENVELOPE: &str = "it is no envelope of a schema and its payload, {\"schema\": …, \"payload\": …} and nothing else; set the format to \
     \"json\" for JSON without schemas";

impl Envelope {
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Payload, PayloadError> {
        if !json::looks_like_object(bytes) {
            return Err(PayloadError::invalid(NO_ENVELOPE));
        }
        let (schema, payload) = split(bytes)?;
        let payload = json::tree(payload).map_err(|error| not_json(&error))?;
        if schema == b"null" {
            return Ok(payload.into());
        }
        let schema = self.schema(schema)?;
        let value = Conversion::default().value(&schema, Some(payload)).map_err(PayloadError::invalid)?;
        Ok(Payload { has_schema: true, ..Payload::from(value) })
    }

    fn schema(&self, bytes: &[u8]) -> Result<Arc<Schema>, PayloadError> {
        let known =
            self.schemas.lock().iter().find(|known| *known.bytes == *bytes).map(|known| known.schema.clone());
        if let Some(schema) = known {
            return Ok(schema);
        }
        let tree = json::tree(bytes).map_err(|error| not_json(&error))?;
        let schema = Schema::read(tree)
            .map(Arc::new)
            .map_err(|error| PayloadError::invalid(format!("its schema is wrong: {error}")))?;
        if bytes.len() <= MAX_REMEMBERED_BYTES {
            let mut schemas = self.schemas.lock();
            if schemas.len() >= MAX_REMEMBERED {
                schemas.remove(0);
            }
            schemas.push(Remembered { bytes: bytes.into(), schema: schema.clone() });
        }
        Ok(schema)
    }
}

/// The bytes of the schema and of the payload.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), PayloadError> {
    let (mut schema, mut payload, mut others) = (None, None, false);
    let mut read = || {
        let mut scanner = Scanner::new(bytes);
        let mut more = scanner.first_member()?;
        let mut unescaped = Vec::new();
        while more {
            unescaped.clear();
            scanner.string_after_quote()?.unescape_into(&mut unescaped);
            scanner.colon()?;
            scanner.value_start()?;
            let start = scanner.offset();
            scanner.skip_value()?;
            match unescaped.as_slice() {
                b"schema" => schema = Some(scanner.since(start)),
                b"payload" => payload = Some(scanner.since(start)),
                _ => others = true,
            }
            more = scanner.next_member()?;
        }
        scanner.end()
    };
    read().map_err(|error| not_json(&error))?;
    match (schema, payload, others) {
        (Some(schema), Some(payload), false) => Ok((schema, payload)),
        _ => Err(PayloadError::invalid(NO_ENVELOPE)),
    }
}

fn not_json(error: &JsonError) -> PayloadError {
    PayloadError::invalid(format!("it is not valid JSON: {error}"))
}
