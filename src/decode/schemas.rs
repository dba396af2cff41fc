//! Schemas that are not in the records: which one a payload names, and those that are known.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::RwLock;

use super::avro::AvroSchema;
use super::json;
use super::json_schema::JsonSchema;
use super::protobuf::{ProtobufSchema, ProtobufSchemaError};
use super::{PayloadError, Value};
use crate::config::{Format, ProtobufFraming};

/// How a payload names its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaKey {
    /// By its number in the registry.
    Id(u32),
    /// By the UUID that it has in every registry.
    Guid(uuid::Uuid),
}

impl fmt::Display for SchemaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "schema {id}"),
            Self::Guid(guid) => write!(f, "schema {guid}"),
        }
    }
}

/// A schema, ready to read payloads by. Each format that has schemas is one of these.
#[derive(Clone, Debug)]
pub enum Schema {
    /// Avro's.
    Avro(Arc<AvroSchema>),
    /// Protobuf's.
    Protobuf(Arc<ProtobufSchema>),
    /// JSON Schema.
    Json(Arc<JsonSchema>),
}

impl Schema {
    /// The format of what is written with it.
    #[inline]
    pub(super) fn format(&self) -> Format {
        match self {
            Self::Avro(_) => Format::Avro,
            Self::Protobuf(_) => Format::Protobuf,
            Self::Json(_) => Format::JsonSchema,
        }
    }

    /// Whether its payloads are JSON.
    pub(crate) fn is_of_json(&self) -> bool {
        matches!(self, Self::Json(_))
    }

    /// Whether a payload is null, and nothing else.
    #[inline(always)]
    pub(crate) fn is_null(&self, body: &[u8]) -> bool {
        match self {
            Self::Avro(schema) => schema.is_null(body),
            // No bytes are a message whose fields are all as they are by default.
            Self::Protobuf(_) => false,
            Self::Json(_) => json::is_null(body),
        }
    }

    /// Reads a payload that was written with it, without its framing.
    fn read(&self, payload: &BySchema<'_, '_>) -> Result<Value, String> {
        match self {
            Self::Avro(schema) => schema.read(payload.body).map_err(|error| error.to_string()),
            Self::Protobuf(schema) => {
                schema.read_as(payload.message, payload.body).map_err(|error| error.to_string())
            }
            Self::Json(schema) => schema.read(payload.body).map_err(|error| error.to_string()),
        }
    }

    /// The rest of a payload's framing, which is behind the schema's id: the message that it is and what is behind that.
    /// `header`: it is there, and not in the payload.
    #[inline(always)]
    fn framing<'r>(
        &self,
        framing: ProtobufFraming,
        header: Option<&[u8]>,
        bytes: &'r [u8],
    ) -> Result<(u32, &'r [u8]), ProtobufSchemaError> {
        let Self::Protobuf(schema) = self else { return Ok((0, bytes)) };
        match header {
            None => schema.message_of(framing, bytes),
            Some(header) => schema.message_of(framing, header).map(|(message, _)| (message, bytes)),
        }
    }
}

/// What is known of a schema.
#[derive(Clone, Debug)]
pub enum Known {
    /// The schema.
    Schema(Schema),
    /// It is none to read by, and why: the registry does not have it, or it is of a kind that is not read here. Believed
    /// until then.
    Refused(Arc<str>, Instant),
}

/// The schemas that are known. Whoever finds one missing leaves it to others to look it up: decoding does not wait.
#[derive(Debug, Default)]
pub struct SchemaBook {
    known: RwLock<HashMap<SchemaKey, Known>>,
}

/// Schemas are kept for good, as a registry never changes one. More than this no topic's records have; they are then
/// looked up again.
const MAX_SCHEMAS: usize = 10_000;

impl SchemaBook {
    /// What is known of a schema. None: it has to be looked up.
    pub fn get(&self, key: SchemaKey) -> Option<Known> {
        match self.known.read().get(&key) {
            Some(Known::Refused(_, until)) if *until <= Instant::now() => None,
            known => known.cloned(),
        }
    }

    /// How many schemas are known. Counts them.
    pub fn schemas(&self) -> usize {
        self.known.read().values().filter(|known| matches!(known, Known::Schema(_))).count()
    }

    /// Takes note of what was found out.
    pub fn insert(&self, key: SchemaKey, known: Known) {
        let mut book = self.known.write();
        if book.len() >= MAX_SCHEMAS && !book.contains_key(&key) {
            let now = Instant::now();
            book.retain(|_, known| !matches!(known, Known::Refused(_, until) if *until <= now));
            if book.len() >= MAX_SCHEMAS {
                book.clear();
            }
        }
        book.insert(key, known);
    }
}

/// The schemas as the records of one batch see them: what was known of one when it was first met.
#[derive(Debug, Default)]
pub struct SchemaView<'b> {
    /// None: there is no registry.
    book: Option<&'b SchemaBook>,
    met: Vec<(SchemaKey, Known)>,
    missing: BTreeSet<SchemaKey>,
}

/// What the settings say of payloads with schemas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub format: Format,
    pub framing: ProtobufFraming,
}

/// A payload's schema, and the payload without its framing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BySchema<'d, 'r> {
    place: Place<'d>,
    /// Which of the schema's messages it is, where there are several.
    pub message: u32,
    /// The payload.
    pub body: &'r [u8],
}

#[derive(Clone, Copy, Debug)]
enum Place<'d> {
    /// It is a file's.
    File(&'d Schema),
    /// It is among those that have been met.
    Met(usize),
}

impl<'d, 'r> BySchema<'d, 'r> {
    /// Of a file's schema.
    pub(super) fn of_file(schema: &'d Schema, body: &'r [u8]) -> Self {
        let message = if let Schema::Protobuf(schema) = schema { schema.root() } else { 0 };
        Self { place: Place::File(schema), message, body }
    }

    /// The same with another payload, where there is one.
    pub(crate) fn with_body<'s>(self, body: Option<&'s [u8]>) -> BySchema<'d, 's>
    where
        'r: 's,
    {
        BySchema { body: body.unwrap_or(self.body), ..self }
    }
}

/// As many schemas are looked up at a time; what else is missing is so the next time.
const MAX_MISSING: usize = 16;

impl<'b> SchemaView<'b> {
    /// Of a registry's schemas.
    pub fn new(book: Option<&'b SchemaBook>) -> Self {
        Self { book, ..Self::default() }
    }

    /// Whether there is a registry.
    pub fn has_registry(&self) -> bool {
        self.book.is_some()
    }

    /// The schemas that have to be looked up before the records can be read; not all of them, where they are many.
    pub fn missing(&self) -> &BTreeSet<SchemaKey> {
        &self.missing
    }

    /// A payload's schema.
    #[inline]
    pub(crate) fn schema<'v>(&'v self, payload: &BySchema<'v, '_>) -> Option<&'v Schema> {
        match payload.place {
            Place::File(schema) => Some(schema),
            Place::Met(number) => match self.met.get(number) {
                Some((_, Known::Schema(schema))) => Some(schema),
                _ => None,
            },
        }
    }

    /// The name of a payload's schema, for a message.
    pub(crate) fn name(&self, payload: &BySchema<'_, '_>) -> String {
        match payload.place {
            Place::File(_) => "the schema of its file".to_owned(),
            Place::Met(number) => self.met.get(number).map(|(key, _)| key.to_string()).unwrap_or_default(),
        }
    }

    /// Reads a payload as a tree.
    pub(crate) fn read(&self, payload: &BySchema<'_, '_>) -> Result<Value, String> {
        self.schema(payload).map_or(Ok(Value::Null), |schema| schema.read(payload))
    }

    /// Finds a payload's schema in the registry. Err: it is not known yet, and noted as missing, or it is none.
    /// `header` is what is behind the schema's id where a header has that.
    #[inline(always)]
    pub(super) fn find<'r>(
        &mut self,
        key: SchemaKey,
        expected: Expected,
        header: Option<&[u8]>,
        bytes: &'r [u8],
    ) -> Result<BySchema<'static, 'r>, PayloadError> {
        // Nearly always it is the one that the record before had.
        let number = match self.met.iter().position(|(met, _)| *met == key) {
            Some(number) => number,
            None => self.meet(key)?,
        };
        match self.met.get(number) {
            Some((_, Known::Schema(schema))) => {
                let format = schema.format();
                if format != expected.format && expected.format != Format::Auto {
                    return Err(of_another_format(key, format));
                }
                let (message, body) = schema
                    .framing(expected.framing, header, bytes)
                    .map_err(|error| PayloadError::invalid(format!("by {key}, {error}")))?;
                Ok(BySchema { place: Place::Met(number), message, body })
            }
            Some((_, Known::Refused(reason, _))) => Err(PayloadError::invalid(reason.as_ref())),
            None => Err(PayloadError::NeedsSchema(key)),
        }
    }

    #[cold]
    fn meet(&mut self, key: SchemaKey) -> Result<usize, PayloadError> {
        match self.book.and_then(|book| book.get(key)) {
            Some(known) => {
                self.met.push((key, known));
                Ok(self.met.len() - 1)
            }
            None => {
                if self.missing.len() < MAX_MISSING {
                    self.missing.insert(key);
                }
                Err(PayloadError::NeedsSchema(key))
            }
        }
    }
}

#[cold]
fn of_another_format(key: SchemaKey, format: Format) -> PayloadError {
    PayloadError::invalid(format!(
        "{key} is of format {format}; with `auto` a topic takes all formats that have schemas"
    ))
}

/// The header that names a value's schema, where its serializer puts that into headers.
pub(crate) const VALUE_HEADER: &str = "__value_schema_id";

/// The header that names a key's schema.
pub(crate) const KEY_HEADER: &str = "__key_schema_id";

/// The schema that a payload begins with in Confluent's framing, a zero byte and four of the schema's number, and what
/// is behind it.
#[inline]
pub(crate) fn framed(bytes: &[u8]) -> Option<(SchemaKey, &[u8])> {
    let (&[0, a, b, c, d], body) = bytes.split_first_chunk::<5>()? else { return None };
    Some((SchemaKey::Id(u32::from_be_bytes([a, b, c, d])), body))
}

/// The schema that a header names: framed like a payload, or a one byte and a UUID; and what is behind it, which is a
/// part of a Protobuf payload's framing.
pub(crate) fn of_header(bytes: &[u8]) -> Option<(SchemaKey, &[u8])> {
    match bytes.split_first()? {
        (0, _) => framed(bytes),
        (1, rest) => {
            let (guid, behind) = rest.split_first_chunk::<16>()?;
            Some((SchemaKey::Guid(uuid::Uuid::from_bytes(*guid)), behind))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_payload_names_its_schema() {
        assert_eq!(framed(b"\0\0\0\x01\x02xy"), Some((SchemaKey::Id(258), &b"xy"[..])));
        assert_eq!(framed(b"\0\xff\xff\xff\xff"), Some((SchemaKey::Id(u32::MAX), &b""[..])));
        for bytes in [&b""[..], b"\0", b"\0\0\0\0", b"\x01\0\0\0\x01x", b"{\"a\":1}"] {
            assert_eq!(framed(bytes), None);
        }
    }

    #[test]
    fn a_header_names_a_schema() {
        let guid = uuid::Uuid::from_u128(0x89791762_2336_4186_9674_299b90a802e2);
        let header = [&[1][..], guid.as_bytes(), &[0]].concat();
        assert_eq!(of_header(&header), Some((SchemaKey::Guid(guid), &[0][..])));
        assert_eq!(of_header(b"\0\0\0\0\x05"), Some((SchemaKey::Id(5), &b""[..])));
        for bytes in [&b""[..], b"\x01", b"\x02\0\0\0\x05", &header[..16]] {
            assert_eq!(of_header(bytes), None);
        }
    }

    #[test]
    fn what_the_registry_does_not_have_is_asked_for_again() {
        let book = SchemaBook::default();
        let schema = Schema::Avro(Arc::new(AvroSchema::parse("\"int\"", &[]).unwrap()));
        assert!(book.get(SchemaKey::Id(1)).is_none());
        book.insert(SchemaKey::Id(1), Known::Schema(schema));
        let soon = Instant::now() + Duration::from_secs(100);
        book.insert(SchemaKey::Id(2), Known::Refused("no".into(), soon));
        book.insert(SchemaKey::Id(3), Known::Refused("no".into(), Instant::now()));
        assert!(matches!(book.get(SchemaKey::Id(1)), Some(Known::Schema(_))));
        assert!(matches!(book.get(SchemaKey::Id(2)), Some(Known::Refused(..))));
        assert!(book.get(SchemaKey::Id(3)).is_none());
    }

    #[test]
    fn the_book_does_not_grow_without_end() {
        let book = SchemaBook::default();
        for id in 0..30_000 {
            book.insert(SchemaKey::Id(id), Known::Refused("no".into(), Instant::now()));
        }
        assert!(book.known.read().len() <= MAX_SCHEMAS);
    }
}
