use std::fmt;

use serde::{Deserialize, Serialize};

use super::timestamp_format::TimestampFormat;

/// Where the designated timestamp comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Given", into = "Given")]
pub struct TimestampConfig {
    /// The fields whose contents make the time, joined in this order: the names of the columns that they would
    /// have, so nested fields are joined by `_`. There is at least one, and more than one are texts.
    pub fields: Vec<String>,
    /// The unit where the field is a number.
    pub unit: TimestampUnit,
    /// How the time is written where it is a text, in QuestDB's notation; where absent, as `timestamp_format` says.
    pub format: Option<TimestampFormat>,
    /// What becomes of a record that does not have the fields.
    pub missing: MissingTimestamp,
}

impl TimestampConfig {
    /// The fields, for a message.
    pub fn shown(&self) -> String {
        self.fields.join(", ")
    }

    /// One field with a number.
    pub fn of_number(field: &str, unit: TimestampUnit) -> Self {
        Self { fields: vec![field.to_owned()], unit, format: None, missing: MissingTimestamp::Refuse }
    }
}

/// The unit of a number that is a point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampUnit {
    /// By magnitude: below 1e10 seconds, below 1e13 millis, below 1e16 micros, else nanos.
    #[default]
    Auto,
    /// Seconds since the epoch.
    Seconds,
    /// Milliseconds since the epoch.
    Millis,
    /// Microseconds since the epoch.
    Micros,
    /// Nanoseconds since the epoch.
    Nanos,
}

impl fmt::Display for TimestampUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Seconds => "seconds",
            Self::Millis => "millis",
            Self::Micros => "micros",
            Self::Nanos => "nanos",
        })
    }
}

/// What becomes of a record that does not have the timestamp's fields. Null in one, or some of several, is a bad record
/// in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingTimestamp {
    /// It is a bad record.
    #[default]
    Refuse,
    /// The Kafka record's timestamp is taken.
    Record,
    /// The time of arrival is taken.
    Now,
}

/// As it stands in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "expected a table such as { field = \"NAME\", unit = \"micros\" }")]
struct Given {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<String>>,
    #[serde(default)]
    unit: TimestampUnit,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<TimestampFormat>,
    #[serde(default, skip_serializing_if = "is_default")]
    missing: MissingTimestamp,
}

fn is_default(missing: &MissingTimestamp) -> bool {
    *missing == MissingTimestamp::default()
}

impl TryFrom<Given> for TimestampConfig {
    type Error = &'static str;

    fn try_from(given: Given) -> Result<Self, Self::Error> {
        let fields = match (given.field, given.fields) {
            (Some(field), None) => vec![field],
            (None, Some(fields)) if !fields.is_empty() => fields,
            (None, _) => return Err("says no field; write { field = \"NAME\" }"),
            (Some(_), Some(_)) => return Err("has both `field` and `fields`; several go into `fields`"),
        };
        if fields.iter().any(String::is_empty) {
            return Err("has a field whose name is empty");
        }
        if fields.len() > 1 && given.unit != TimestampUnit::Auto {
            return Err("has a unit, but several fields are joined as texts; say their `format` instead");
        }
        Ok(Self { fields, unit: given.unit, format: given.format, missing: given.missing })
    }
}

impl From<TimestampConfig> for Given {
    fn from(config: TimestampConfig) -> Self {
        let TimestampConfig { mut fields, unit, format, missing } = config;
        let (field, fields) = match fields.len() {
            1 => (fields.pop(), None),
            _ => (None, Some(fields)),
        };
        Self { field, fields, unit, format, missing }
    }
}
