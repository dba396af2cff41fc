use std::sync::Arc;

use super::avro::AvroSchema;
use super::csv::CsvRow;
use super::envelope::Envelope;
use super::json_schema::JsonSchema;
use super::protobuf::ProtobufSchema;
use super::schemas::{self, BySchema, Expected};
use super::{Payload, PayloadError, Schema, SchemaView, Value, influx, json, primitives};
use crate::config::{Format, LoneSurrogates, SchemaFile, TopLevelArray, TopicConfig};

/// Reads the keys or the values of a topic's records: made once from its settings.
#[derive(Debug)]
pub struct Decoder {
    kind: Kind,
    expected: Expected,
    arrays: TopLevelArray,
    /// The header that names a payload's schema.
    header: &'static str,
    replaces_halves: bool,
}

/// Why a topic's settings make no decoder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecoderConfigError(pub String);

#[derive(Debug)]
enum Kind {
    Auto,
    Json,
    /// By the schema that a record names, or else by that of a file.
    Schema(Option<Schema>),
    Envelope(Envelope),
    Text,
    Csv(CsvRow),
    Influx,
    Raw,
    Primitive(primitives::Read),
}

impl Decoder {
    /// For values.
    ///
    /// # Errors
    /// `format = "csv"` without `csv`; a schema's file that cannot be read.
    pub fn of_values(config: &TopicConfig) -> Result<Self, DecoderConfigError> {
        let kind = match (config.format, &config.csv) {
            (Format::Csv, Some(csv)) => Kind::Csv(CsvRow::new(csv)),
            (Format::Csv, None) => {
                return Err(DecoderConfigError(
                    "format = \"csv\" has to know the columns: csv = { columns = [\"a\", \"b\"] }".to_owned(),
                ));
            }
            (Format::Influx, _) => Kind::Influx,
            (format, _) => kind_of(format, config.schema.as_ref())?,
        };
        let header = schemas::VALUE_HEADER;
        Ok(Self::new(kind, config.format, config.top_level_array, header, config))
    }

    /// For keys.
    ///
    /// # Errors
    /// A format that makes several rows of one record, or that has no place for a key's settings.
    pub fn of_keys(config: &TopicConfig) -> Result<Self, DecoderConfigError> {
        let kind = kind_of(config.key_format, config.key_schema.as_ref())?;
        Ok(Self::new(kind, config.key_format, TopLevelArray::Value, schemas::KEY_HEADER, config))
    }

    fn new(
        kind: Kind,
        format: Format,
        arrays: TopLevelArray,
        header: &'static str,
        config: &TopicConfig,
    ) -> Self {
        let replaces_halves = config.lone_surrogates == LoneSurrogates::Replace;
        let expected = Expected { format, framing: config.protobuf_framing };
        Self { kind, expected, arrays, header, replaces_halves }
    }

    /// The format that it reads.
    pub fn format(&self) -> Format {
        self.expected.format
    }

    /// The header that names a payload's schema, where it is not the payload itself that does.
    pub(crate) fn schema_header(&self) -> &'static str {
        self.header
    }

    /// Whether there are payloads that are read by a schema of their own.
    pub(crate) fn reads_by_schema(&self, schemas: &SchemaView<'_>) -> bool {
        match self.kind {
            Kind::Schema(_) => true,
            Kind::Auto => schemas.has_registry(),
            _ => false,
        }
    }

    /// A payload's schema. None: it is not read by one. `header` is the header that names it, where the record has
    /// that.
    ///
    /// # Errors
    /// The schema is not known yet, or the registry does not have it, or none is named where one has to be.
    #[inline(always)]
    pub(crate) fn by_schema<'r>(
        &self,
        bytes: &'r [u8],
        header: Option<&[u8]>,
        schemas: &mut SchemaView<'_>,
    ) -> Result<Option<BySchema<'_, 'r>>, PayloadError> {
        let framed = match &self.kind {
            Kind::Schema(Some(schema)) => return Ok(Some(BySchema::of_file(schema, bytes))),
            Kind::Schema(None) => true,
            Kind::Auto if schemas.has_registry() => false,
            _ => return Ok(None),
        };
        if let Some(header) = header {
            let Some((key, behind)) = schemas::of_header(header) else {
                return Err(PayloadError::invalid(format!("its header `{}` names no schema", self.header)));
            };
            return schemas.find(key, self.expected, Some(behind), bytes).map(Some);
        }
        match schemas::framed(bytes) {
            Some((key, body)) => schemas.find(key, self.expected, None, body).map(Some),
            None if framed => Err(unframed()),
            None => Ok(None),
        }
    }

    /// Reads a key or a value and hands on what it has: once for each row that it stands for, which some formats
    /// have any number of. None of them is kept, so that memory does not follow their number.
    ///
    /// # Errors
    /// The bytes are not what the format says, their schema is not known yet, or what `each` returns. What was handed on before does not count
    /// then.
    pub fn read<E: From<PayloadError>>(
        &self,
        bytes: &[u8],
        header: Option<&[u8]>,
        schemas: &mut SchemaView<'_>,
        each: impl FnMut(Payload) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(found) = self.by_schema(bytes, header, schemas)? {
            return self.rows(self.read_by_schema(&found, schemas)?, each);
        }
        let payload = match &self.kind {
            // It has been read by its schema, or refused.
            Kind::Schema(_) => return Ok(()),
            Kind::Auto if json::looks_like_object(bytes) => self.json(bytes, json_value)?.into(),
            Kind::Auto if self.arrays != TopLevelArray::Value && json::looks_like_array(bytes) => {
                self.json(bytes, json_value)?.into()
            }
            Kind::Auto if bytes.is_empty() => Value::Null.into(),
            Kind::Auto => Value::Text(utf8(bytes)?).into(),
            Kind::Json => self.json(bytes, json_value)?.into(),
            Kind::Envelope(envelope) => self.json(bytes, |bytes| envelope.read(bytes))?,
            // As Kafka's StringDeserializer: what is not UTF-8 is replaced.
            Kind::Text => of_one_type(Value::Text(String::from_utf8_lossy(bytes).into_owned())),
            Kind::Csv(row) => row.read(bytes)?.into(),
            Kind::Influx => return influx::read(bytes, each),
            Kind::Raw => of_one_type(Value::Bytes(bytes.to_vec())),
            Kind::Primitive(read) => of_one_type(read(bytes)?),
        };
        self.rows(payload, each)
    }

    fn read_by_schema(
        &self,
        found: &BySchema<'_, '_>,
        schemas: &SchemaView<'_>,
    ) -> Result<Payload, PayloadError> {
        let read = |body: &[u8]| {
            schemas
                .read(&found.with_body(Some(body)))
                .map_err(|error| PayloadError::invalid(format!("by {}, {error}", schemas.name(found))))
        };
        let is_of_json = schemas.schema(found).is_some_and(Schema::is_of_json);
        let value = if is_of_json { self.json(found.body, read)? } else { read(found.body)? };
        Ok(Payload { has_schema: true, ..Payload::from(value) })
    }

    /// Hands on what a payload stands for, by the settings of arrays.
    fn rows<E: From<PayloadError>>(
        &self,
        payload: Payload,
        mut each: impl FnMut(Payload) -> Result<(), E>,
    ) -> Result<(), E> {
        let Value::Array(elements) = payload.value else { return each(payload) };
        match self.arrays {
            TopLevelArray::Value => each(Payload { value: Value::Array(elements), ..payload }),
            TopLevelArray::Refuse => Err(PayloadError::invalid(
                "it is an array, which `top_level_array` refuses; with `top_level_array = \"rows\"` each of its \
                 elements is a row",
            )
            .into()),
            TopLevelArray::Rows => {
                let has_schema = payload.has_schema;
                elements
                    .into_iter()
                    .try_for_each(|element| each(Payload { has_schema, ..Payload::from(element) }))
            }
        }
    }

    /// Reads JSON, where that is allowed also such that has halves of surrogate pairs.
    fn json<T>(
        &self,
        bytes: &[u8],
        read: impl Fn(&[u8]) -> Result<T, PayloadError>,
    ) -> Result<T, PayloadError> {
        let done = read(bytes);
        let replaced = match &done {
            Err(_) if self.replaces_halves => json::without_lone_surrogates(bytes),
            _ => None,
        };
        replaced.map_or(done, |replaced| read(&replaced))
    }
}

#[cold]
fn unframed() -> PayloadError {
    PayloadError::invalid(
        "it does not begin with a zero byte and the four of a schema's id, as serializers with a schema registry write it; \
         a schema for records without that can be given as a file",
    )
}

/// The content of a format that is always of one type: Kafka Connect has a schema for it.
fn of_one_type(value: Value) -> Payload {
    Payload { has_schema: true, ..Payload::from(value) }
}

/// The schema that a file has.
fn of_file(format: Format, schema: Option<&SchemaFile>) -> Result<Option<Schema>, DecoderConfigError> {
    let Some(SchemaFile { file, include, message }) = schema else { return Ok(None) };
    let wrong =
        |error: &dyn std::fmt::Display| DecoderConfigError(format!("schema {}: {error}", file.display()));
    match format {
        Format::Avro => {
            let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
            let schema = AvroSchema::parse(&text, &[]).map_err(|error| wrong(&error))?;
            Ok(Some(Schema::Avro(Arc::new(schema))))
        }
        Format::JsonSchema => {
            let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
            let schema = JsonSchema::parse(&text, &[]).map_err(|error| wrong(&error))?;
            Ok(Some(Schema::Json(Arc::new(schema))))
        }
        Format::Protobuf => {
            let schema = ProtobufSchema::read_file(file, include.as_deref(), message.as_deref())
                .map_err(|error| wrong(&error))?;
            Ok(Some(Schema::Protobuf(Arc::new(schema))))
        }
        // No other format has a schema.
        _ => Ok(None),
    }
}

fn kind_of(format: Format, schema: Option<&SchemaFile>) -> Result<Kind, DecoderConfigError> {
    Ok(match format {
        Format::Auto => Kind::Auto,
        Format::Json => Kind::Json,
        Format::JsonEnvelope => Kind::Envelope(Envelope::default()),
        Format::Avro | Format::JsonSchema | Format::Protobuf => Kind::Schema(of_file(format, schema)?),
        Format::Text => Kind::Text,
        Format::Raw => Kind::Raw,
        Format::Csv => {
            return Err(DecoderConfigError("key_format = \"csv\": keys cannot be that".to_owned()));
        }
        Format::Influx => {
            return Err(DecoderConfigError("key_format = \"influx\": keys cannot be that".to_owned()));
        }
        Format::Short => Kind::Primitive(primitives::short),
        Format::Integer => Kind::Primitive(primitives::integer),
        Format::Long => Kind::Primitive(primitives::long),
        Format::Float => Kind::Primitive(primitives::float),
        Format::Double => Kind::Primitive(primitives::double),
        Format::Boolean => Kind::Primitive(primitives::boolean),
    })
}

/// A document of any kind. No bytes but white space are no value, as for Kafka's JsonConverter.
fn json_value(bytes: &[u8]) -> Result<Value, PayloadError> {
    if json::is_blank(bytes) {
        return Ok(Value::Null);
    }
    json::tree(bytes).map_err(|error| PayloadError::invalid(format!("it is not valid JSON: {error}")))
}

fn utf8(bytes: &[u8]) -> Result<String, PayloadError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            Err(PayloadError::invalid(format!("it is not UTF-8 (at byte {})", error.valid_up_to())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Object;

    fn decoder(format: Format, arrays: TopLevelArray) -> Decoder {
        let config = TopicConfig { format, top_level_array: arrays, ..TopicConfig::default() };
        Decoder::of_values(&config).unwrap()
    }

    fn all(decoder: &Decoder, bytes: &[u8]) -> Result<Vec<Value>, PayloadError> {
        let mut values = Vec::new();
        decoder.read(bytes, None, &mut SchemaView::default(), |payload| {
            values.push(payload.value);
            Ok::<_, PayloadError>(())
        })?;
        Ok(values)
    }

    #[test]
    fn json_is_of_any_kind() {
        let json = decoder(Format::Json, TopLevelArray::Value);
        assert_eq!(all(&json, b" 42 "), Ok(vec![Value::Integer(42)]));
        assert_eq!(all(&json, b"\"x\""), Ok(vec![Value::Text("x".to_owned())]));
        assert_eq!(all(&json, b"null"), Ok(vec![Value::Null]));
        assert_eq!(all(&json, b" \n"), Ok(vec![Value::Null]));
        assert_eq!(all(&json, b"{}"), Ok(vec![Value::Object(Object::default())]));
        assert_eq!(all(&json, b"[1]"), Ok(vec![Value::Array(vec![Value::Integer(1)])]));
        assert!(all(&json, b"not json").unwrap_err().to_string().contains("not valid JSON"));
    }

    #[test]
    fn auto_is_an_object_or_text() {
        let auto = decoder(Format::Auto, TopLevelArray::Value);
        assert_eq!(all(&auto, b"42"), Ok(vec![Value::Text("42".to_owned())]));
        assert_eq!(all(&auto, b"[1]"), Ok(vec![Value::Text("[1]".to_owned())]));
        assert_eq!(all(&auto, b""), Ok(vec![Value::Null]));
        assert!(matches!(all(&auto, b" {\"a\":1}").unwrap()[..], [Value::Object(_)]));
        assert!(all(&auto, b"{").is_err());
        assert!(all(&auto, b"\xff").is_err());
    }

    #[test]
    fn an_array_is_rows_where_asked_for() {
        for format in [Format::Json, Format::Auto] {
            let rows = all(&decoder(format, TopLevelArray::Rows), b"[{\"a\":1},2,null]").unwrap();
            assert_eq!(rows.len(), 3);
            assert_eq!(rows[1..], [Value::Integer(2), Value::Null]);
            assert_eq!(all(&decoder(format, TopLevelArray::Rows), b"[]"), Ok(vec![]));
            let refused = all(&decoder(format, TopLevelArray::Refuse), b"[1]").unwrap_err();
            assert!(refused.to_string().contains("top_level_array"), "{refused}");
            assert!(all(&decoder(format, TopLevelArray::Rows), b"[1,]").is_err());
        }
    }

    #[test]
    fn text_is_read_as_kafka_reads_strings() {
        let text = decoder(Format::Text, TopLevelArray::Value);
        assert_eq!(all(&text, b"{\"a\":1}"), Ok(vec![Value::Text("{\"a\":1}".to_owned())]));
        assert_eq!(all(&text, b""), Ok(vec![Value::Text(String::new())]));
        assert_eq!(all(&text, b"x\xffy"), Ok(vec![Value::Text("x\u{fffd}y".to_owned())]));
    }

    #[test]
    fn formats_that_are_not_for_keys() {
        for format in [Format::Csv, Format::Influx] {
            let config = TopicConfig { key_format: format, ..TopicConfig::default() };
            assert!(Decoder::of_keys(&config).is_err());
        }
        let config = TopicConfig { format: Format::Csv, ..TopicConfig::default() };
        assert!(Decoder::of_values(&config).unwrap_err().to_string().contains("columns"));
    }
}
