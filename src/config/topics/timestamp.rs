use std::fmt;

use serde::{Deserialize, Serialize};

use super::timestamp_format::TimestampFormat;

/// Where the designated timestamp comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Given", into = "Given")]
pub struct TimestampConfig {
    /// The fields whose contents make the time, joined in this order: the names of the columns that they would
    /// have, so nested fields are joined by `_`. More than one are texts. Where there is none, all records are as
    /// `missing` says, `Record` or `Now`.
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

    /// The time at which records arrive.
    pub fn of_arrival() -> Self {
        Self { fields: Vec::new(), unit: TimestampUnit::Auto, format: None, missing: MissingTimestamp::Now }
    }

    /// Whether all records have the time at which they arrive.
    pub fn is_arrival(&self) -> bool {
        self.fields.is_empty() && self.missing == MissingTimestamp::Now
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

/// What the designated timestamp is where no field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Record,
    Arrival,
}

/// As it stands in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { field = \"NAME\", unit = \"micros\" } or { from = \"arrival\" }"
)]
struct Given {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Source>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<TimestampUnit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<TimestampFormat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<MissingTimestamp>,
}

impl TryFrom<Given> for TimestampConfig {
    type Error = &'static str;

    fn try_from(given: Given) -> Result<Self, Self::Error> {
        if let Some(from) = given.from {
            return from.alone(&given);
        }
        let fields = match (given.field, given.fields) {
            (Some(field), None) => vec![field],
            (None, Some(fields)) if !fields.is_empty() => fields,
            (None, _) => return Err("says no field; write { field = \"NAME\" }, or { from = \"arrival\" }"),
            (Some(_), Some(_)) => return Err("has both `field` and `fields`; several go into `fields`"),
        };
        if fields.iter().any(String::is_empty) {
            return Err("has a field whose name is empty");
        }
        let unit = given.unit.unwrap_or_default();
        if fields.len() > 1 && unit != TimestampUnit::Auto {
            return Err("has a unit, but several fields are joined as texts; say their `format` instead");
        }
        Ok(Self { fields, unit, format: given.format, missing: given.missing.unwrap_or_default() })
    }
}

impl Source {
    /// The setting, in which nothing else may stand: that would be about fields.
    fn alone(self, given: &Given) -> Result<TimestampConfig, &'static str> {
        let Given { from: _, field, fields, unit, format, missing } = given;
        if field.is_some() || fields.is_some() {
            return Err(
                "has `from` and a field; for what is taken where the field is absent there is `missing`",
            );
        }
        if unit.is_some() || format.is_some() || missing.is_some() {
            return Err(
                "has `from`, with which unit, format and missing mean nothing: they are about fields",
            );
        }
        Ok(match self {
            Self::Record => {
                TimestampConfig { missing: MissingTimestamp::Record, ..TimestampConfig::of_arrival() }
            }
            Self::Arrival => TimestampConfig::of_arrival(),
        })
    }
}

impl From<TimestampConfig> for Given {
    fn from(config: TimestampConfig) -> Self {
        let from = config.fields.is_empty().then_some(match config.is_arrival() {
            true => Source::Arrival,
            false => Source::Record,
        });
        let TimestampConfig { mut fields, unit, format, missing } = config;
        let (field, fields) = match fields.len() {
            0 => (None, None),
            1 => (fields.pop(), None),
            _ => (None, Some(fields)),
        };
        let unit = field.as_ref().map(|_| unit);
        let missing = (from.is_none() && missing != MissingTimestamp::default()).then_some(missing);
        Self { from, field, fields, unit, format, missing }
    }
}
