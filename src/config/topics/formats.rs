use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How a record's key or value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A JSON object where it starts with `{`, else text. Where there is a schema registry, what begins with a schema's
    /// id is read by that schema.
    Auto,
    /// JSON of any kind.
    Json,
    /// JSON with Kafka Connect's schema: `{"schema": …, "payload": …}`.
    JsonEnvelope,
    /// UTF-8.
    Text,
    /// Avro, by a schema of the registry or of a file.
    Avro,
    /// Protobuf, likewise.
    Protobuf,
    /// JSON, likewise by a JSON Schema.
    JsonSchema,
    /// Comma-separated values, one row a record.
    Csv,
    /// InfluxDB's line protocol, any number of lines.
    Influx,
    /// Bytes.
    Raw,
    /// Kafka's ShortSerializer: two bytes, big endian.
    Short,
    /// Kafka's IntegerSerializer: four bytes.
    Integer,
    /// Kafka's LongSerializer: eight bytes.
    Long,
    /// Kafka's FloatSerializer: four bytes.
    Float,
    /// Kafka's DoubleSerializer: eight bytes.
    Double,
    /// Kafka's BooleanSerializer: one byte.
    Boolean,
}

impl fmt::Display for Format {
    /// As it is written in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A schema that is a file, for records that do not name one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "expected a table such as { file = \"trade.avsc\" }")]
pub struct SchemaFile {
    /// Where it is.
    pub file: PathBuf,
    /// The folder in which what it imports is looked for, beside its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<PathBuf>,
    /// The message in it that records are, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What comma-separated values mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "GivenCsv")]
pub struct Csv {
    /// The names of the columns, in order. The values of one without a name are left out.
    pub columns: Vec<String>,
    /// What stands between two values.
    pub delimiter: char,
    /// What stands around a value with a delimiter, a line break or itself in it.
    pub quote: char,
    /// The text that stands for no value; an empty text that is not in quotes always does.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub null: String,
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenCsv {
    columns: Vec<String>,
    #[serde(default = "comma")]
    delimiter: char,
    #[serde(default = "double_quote")]
    quote: char,
    #[serde(default)]
    null: String,
}

impl TryFrom<GivenCsv> for Csv {
    type Error = String;

    fn try_from(given: GivenCsv) -> Result<Self, Self::Error> {
        let GivenCsv { columns, delimiter, quote, null } = given;
        if columns.iter().all(String::is_empty) {
            return Err("names no column in `columns`".to_owned());
        }
        let twice = columns.iter().enumerate().find(|(index, name)| {
            !name.is_empty() && columns.iter().take(*index).any(|other| other == *name)
        });
        if let Some((_, name)) = twice {
            return Err(format!("names `{name}` twice in `columns`"));
        }
        for (key, character) in [("delimiter", delimiter), ("quote", quote)] {
            if matches!(character, '\n' | '\r') {
                return Err(format!("has a line break as its `{key}`"));
            }
        }
        if delimiter == quote {
            return Err("has the same character as `delimiter` and as `quote`".to_owned());
        }
        Ok(Self { columns, delimiter, quote, null })
    }
}

fn comma() -> char {
    ','
}

fn double_quote() -> char {
    '"'
}

/// What becomes of a value that is a JSON array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopLevelArray {
    /// It is a value like any other: one column.
    Value,
    /// It is a bad record.
    Refuse,
    /// Each element is a row.
    Rows,
}

/// What becomes of half a surrogate pair, which is no character, in a string of a JSON document: an escape such as
/// `\ud83d` alone, or its three bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoneSurrogates {
    /// It makes a bad record.
    Refuse,
    /// `?` is written in its place, as Java writes it.
    Replace,
}

/// What is between the id of a schema and a Protobuf payload: which of the schema's messages it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtobufFraming {
    /// Confluent's message indexes.
    Confluent,
    /// The message's name, as Apicurio's serializers write it.
    Apicurio,
    /// Nothing: it is the first message.
    None,
}

/// What becomes of values that QuestDB has no type for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsupported {
    /// They are written as text: maps and arrays as JSON, bytes as `bytes` says.
    Text,
    /// They are left out.
    Skip,
    /// The record is a bad record.
    Refuse,
}

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BytesText {
    /// Base64 (RFC 4648, section 4), with padding.
    Base64,
    /// Two lower-case hexadecimal digits a byte.
    Hex,
}

/// What becomes of an array of numbers that has a null in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullInArray {
    /// It is a bad record.
    Refuse,
    /// NaN is written, which QuestDB reads as null.
    Nan,
}
