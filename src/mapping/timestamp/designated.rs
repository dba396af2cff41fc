//! The designated timestamp of a row: from fields, from the Kafka record, or from the clock.

use super::super::record::{Row, SourceRecord};
use super::super::refusal::{Refusal, cut};
use super::iso::{self, Demand};
use super::units;
use crate::config::{MissingTimestamp, PointInTime, TimestampConfig, TimestampFormat};
use crate::decode::Timestamp;
use crate::decode::json::Number;
use crate::rows::TimeUnit;

impl Row<'_, '_> {
    /// A number in a field that is the designated timestamp.
    #[inline(never)]
    pub(in crate::mapping) fn timestamp_number(
        &mut self,
        part: u32,
        number: &Number<'_>,
    ) -> Result<(), Refusal> {
        let Some(config) = &self.plan.timestamp else { return Ok(()) };
        if config.fields.len() > 1 {
            return Err(self.no_timestamp(part, "a number", number.text));
        }
        let timestamp = units::from_number(number, config.unit, self.plan.unit)
            .map_err(|message| Refusal::of_column(config.shown(), message))?;
        self.timestamp = Some(timestamp);
        Ok(())
    }

    /// A text in a field that is the designated timestamp, or one of the texts that make it.
    #[inline(never)]
    pub(in crate::mapping) fn timestamp_text(&mut self, part: u32, text: &[u8]) -> Result<(), Refusal> {
        let Some(config) = &self.plan.timestamp else { return Ok(()) };
        let text = std::str::from_utf8(text).unwrap_or_default();
        if config.fields.len() == 1 {
            self.timestamp = Some(self.designated_text(text)?);
            return Ok(());
        }
        if self.timestamp_parts.is_empty() {
            self.timestamp_parts.resize(config.fields.len(), None);
        }
        if let Some(part) = self.timestamp_parts.get_mut(part as usize) {
            *part = Some(text.into());
        }
        Ok(())
    }

    /// A time in a field that is the designated timestamp.
    pub(in crate::mapping) fn timestamp_time(&mut self, part: u32, time: Timestamp) -> Result<(), Refusal> {
        let Some(config) = &self.plan.timestamp else { return Ok(()) };
        if config.fields.len() > 1 {
            return Err(self.no_timestamp(part, "a timestamp", time.to_string().as_bytes()));
        }
        let timestamp = units::from_payload(time, self.plan.unit)
            .map_err(|message| Refusal::of_column(config.shown(), message))?;
        self.timestamp = Some(timestamp);
        Ok(())
    }

    /// The timestamp of a record that has not the one field, and whether it is another one than it should be.
    #[cold]
    pub(in crate::mapping) fn timestamp_without_field(
        &self,
        record: &SourceRecord<'_>,
    ) -> Result<(i64, bool), Refusal> {
        let Some(config) = &self.plan.timestamp else {
            return Ok((self.timestamp_of_record(record.timestamp_ms)?, false));
        };
        if !self.timestamp_parts.is_empty() {
            return Ok((self.composed(config)?, false));
        }
        match config.missing {
            MissingTimestamp::Record => Ok((self.timestamp_of_record(record.timestamp_ms)?, true)),
            MissingTimestamp::Now => Ok((self.timestamp_of_record(record.arrival_ms)?, true)),
            MissingTimestamp::Refuse => Err(Refusal::of_column(
                config.shown(),
                format!(
                    "the record has no time in field {}, which its designated timestamp comes from; send it, or \
                     change `timestamp` for the topic: its `missing` says what else to take",
                    config.shown()
                ),
            )),
        }
    }

    #[inline]
    pub(in crate::mapping) fn timestamp_of_record(&self, timestamp_ms: i64) -> Result<i64, Refusal> {
        units::from_record(timestamp_ms, self.plan.unit).map_err(Refusal::of_row)
    }

    /// The designated timestamp of a payload that names it itself.
    pub(in crate::mapping) fn timestamp_of_payload(&self, time: Timestamp) -> Result<i64, Refusal> {
        units::from_payload(time, self.plan.unit).map_err(Refusal::of_row)
    }

    fn composed(&self, config: &TimestampConfig) -> Result<i64, Refusal> {
        let mut text = String::new();
        for (field, part) in config.fields.iter().zip(&self.timestamp_parts) {
            let part = part.as_deref().ok_or_else(|| {
                Refusal::of_column(
                    field.as_str(),
                    format!(
                        "the record has no text in field {field}, but in others of {}, which together make its \
                         designated timestamp; send them all",
                        config.shown()
                    ),
                )
            })?;
            text.push_str(part);
        }
        self.designated_text(&text)
    }

    fn designated_text(&self, text: &str) -> Result<i64, Refusal> {
        let format = self.plan.designated_format();
        let time = read(format, text, Demand::All);
        let refuse = |why: &str| {
            let config = self.plan.timestamp.as_ref();
            let fields = config.map(TimestampConfig::shown).unwrap_or_default();
            Refusal::of_column(
                fields.as_str(),
                format!(
                    "`{}` in field {fields}, which the designated timestamp comes from, {why}",
                    cut(text.as_bytes())
                ),
            )
        };
        let time = time.ok_or_else(|| refuse(&how_written(format, "timestamp.format")))?;
        let value = match self.plan.unit {
            TimeUnit::Micros => time.micros(),
            TimeUnit::Nanos => time.nanos(),
        };
        value.filter(|&value| units::is_designated(value, self.plan.unit)).ok_or_else(|| {
            refuse(&format!(
                "is no time that QuestDB takes as a designated timestamp, which is one {}",
                units::range(self.plan.unit)
            ))
        })
    }
}

/// The time that a text stands for, by a format or as ISO 8601.
pub(in crate::mapping) fn read(
    format: Option<&TimestampFormat>,
    text: &str,
    demand: Demand,
) -> Option<PointInTime> {
    match format {
        Some(format) => format.parse(text),
        None => iso::parse(text, demand),
    }
}

/// What is wrong with a text that is no time, and the key that says how times are written.
pub(in crate::mapping) fn how_written(format: Option<&TimestampFormat>, key: &str) -> String {
    match format {
        Some(format) => {
            format!("is no time in the format {format}; send it so, or change `{key}` for the topic")
        }
        None => format!(
            "is no time in ISO 8601 with a zone, such as 2020-01-02T03:04:05.123456Z; send it so, or say with `{key}` \
             for the topic how it is written, in QuestDB's notation"
        ),
    }
}
