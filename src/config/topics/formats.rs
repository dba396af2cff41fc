use serde::{Deserialize, Serialize};

/// How a record's key or value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A JSON object where it starts with `{`, else text.
    Auto,
    /// JSON of any kind.
    Json,
    /// JSON with Kafka Connect's schema: `{"schema": …, "payload": …}`.
    JsonEnvelope,
    /// UTF-8.
    Text,
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

/// What comma-separated values mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Csv {
    /// The names of the columns, in order.
    pub columns: Vec<String>,
    /// What stands between two values.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// What stands around a value with a delimiter, a line break or itself in it.
    #[serde(default = "double_quote")]
    pub quote: char,
    /// The text that stands for no value; an empty text that is not in quotes always does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub null: String,
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
    /// It is a bad record.
    Refuse,
    /// Each element is a row.
    Rows,
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
