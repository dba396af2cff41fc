use super::csv::CsvRow;
use super::envelope::Envelope;
use super::{Payload, PayloadError, Value, influx, json, primitives};
use crate::config::{Format, LoneSurrogates, TopLevelArray, TopicConfig};

/// Reads the keys or the values of a topic's records: made once from its settings.
#[derive(Debug)]
pub struct Decoder {
    kind: Kind,
    format: Format,
    arrays: TopLevelArray,
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
    /// `format = "csv"` without `csv`.
    pub fn of_values(config: &TopicConfig) -> Result<Self, DecoderConfigError> {
        let kind = match (config.format, &config.csv) {
            (Format::Csv, Some(csv)) => Kind::Csv(CsvRow::new(csv)),
            (Format::Csv, None) => {
                return Err(DecoderConfigError(
                    "format = \"csv\" has to know the columns: csv = { columns = [\"a\", \"b\"] }".to_owned(),
                ));
            }
            (Format::Influx, _) => Kind::Influx,
            (format, _) => kind_of(format)?,
        };
        Ok(Self::new(kind, config.format, config.top_level_array, config))
    }

    /// For keys.
    ///
    /// # Errors
    /// A format that makes several rows of one record, or that has no place for a key's settings.
    pub fn of_keys(config: &TopicConfig) -> Result<Self, DecoderConfigError> {
        let kind = kind_of(config.key_format)?;
        Ok(Self::new(kind, config.key_format, TopLevelArray::Value, config))
    }

    fn new(kind: Kind, format: Format, arrays: TopLevelArray, config: &TopicConfig) -> Self {
        Self { kind, format, arrays, replaces_halves: config.lone_surrogates == LoneSurrogates::Replace }
    }

    /// The format that it reads.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Reads a key or a value and hands on what it has: once for each row that it stands for, which some formats
    /// have any number of. None of them is kept, so that memory does not follow their number.
    ///
    /// # Errors
    /// The bytes are not what the format says, or what `each` returns. What was handed on before does not count
    /// then.
    pub fn read<E: From<PayloadError>>(
        &self,
        bytes: &[u8],
        mut each: impl FnMut(Payload) -> Result<(), E>,
    ) -> Result<(), E> {
        let payload = match &self.kind {
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

/// The content of a format that is always of one type: Kafka Connect has a schema for it.
fn of_one_type(value: Value) -> Payload {
    Payload { has_schema: true, ..Payload::from(value) }
}

fn kind_of(format: Format) -> Result<Kind, DecoderConfigError> {
    Ok(match format {
        Format::Auto => Kind::Auto,
        Format::Json => Kind::Json,
        Format::JsonEnvelope => Kind::Envelope(Envelope::default()),
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
        decoder.read(bytes, |payload| {
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
