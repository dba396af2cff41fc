//! What trees have and JSON does not: symbols, decimals, bytes, times, maps.

use super::record::Row;
use super::refusal::Refusal;
use super::timestamp::{in_date, in_unit};
use super::values::{Kind, Place, symbols};
use crate::config::{BytesText, TimestampConfig, Unsupported};
use crate::decode::json::{Number, NumberValue};
use crate::decode::{Timestamp, Value, base64};
use crate::rows::{Literal, Target, Values};

impl Row<'_, '_> {
    /// A null. It is no value, except that it is not the time that a record was to have.
    pub(super) fn null(&mut self, name: u32) -> Result<(), Refusal> {
        match self.timestamp_part(name) {
            Some(_) if self.plan.judges_nulls => {
                let fields = self.plan.timestamp.as_ref().map(TimestampConfig::shown).unwrap_or_default();
                Err(Refusal::of_column(
                    fields.as_str(),
                    format!(
                        "the record has null in field {fields}, which its designated timestamp comes from; send a \
                         time, or leave the field out, for which `missing` of `timestamp` says what to take"
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Which of the designated timestamp's fields a name is. A key or a value that is no object is none.
    pub(super) fn timestamp_part(&self, name: u32) -> Option<u32> {
        let config = self.plan.timestamp.as_ref()?;
        if self.block.paths.is_record(name) {
            return None;
        }
        let field_name = self.block.paths.field_name(name);
        config.fields.iter().position(|field| *field == field_name).map(|part| part as u32)
    }

    pub(super) fn symbol(&mut self, name: u32, text: &str) -> Result<(), Refusal> {
        let number = match self.place(name)? {
            Place::Column(number) => number,
            Place::Times(number) => return self.time_text(number, text.as_bytes()),
            Place::Taken => return Ok(()),
            Place::Timestamp(part) => return self.timestamp_text(part, text.as_bytes()),
        };
        let column = &self.block.columns[number];
        if !column.is_used() && column.target == Target::Free {
            self.block.start(number, symbols())?;
        }
        self.start(number, Kind::Text)?;
        self.push_text(number, Kind::Text, text.as_bytes())
    }

    /// NaN or an infinity, which QuestDB reads as null in a DOUBLE.
    pub(super) fn special_double(&mut self, name: u32, value: f64) -> Result<(), Refusal> {
        let text = match value {
            f64::INFINITY => "Infinity",
            f64::NEG_INFINITY => "-Infinity",
            _ => "NaN",
        };
        let number = match self.place(name)? {
            Place::Column(number) | Place::Times(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp(part) => return Err(self.no_timestamp(part, "no number", text.as_bytes())),
        };
        self.start(number, Kind::Double)?;
        let column = &mut self.block.columns[number];
        match (&mut column.values, &column.target) {
            (Values::Double(values) | Values::Float(values), _) => values.push(value),
            (
                Values::Varchar { .. } | Values::Symbol { .. },
                Target::Text | Target::Symbol | Target::NewSymbol,
            ) => {
                return self.push_text(number, Kind::Double, text.as_bytes());
            }
            _ => return Err(self.mismatch(number, Kind::Double, text.as_bytes())),
        }
        self.pushed(number);
        Ok(())
    }

    pub(super) fn decimal(&mut self, name: u32, digits: &str) -> Result<(), Refusal> {
        let value = digits.parse().unwrap_or(f64::INFINITY);
        let source = Number { text: digits.as_bytes(), value: NumberValue::Double(value) };
        let number = match self.place(name)? {
            Place::Column(number) | Place::Times(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp(part) => return self.timestamp_number(part, &source),
        };
        match self.block.columns[number].target {
            Target::Literal(Literal::Decimal { .. }) => {
                self.start(number, Kind::Decimal)?;
                self.literal(number, Kind::Decimal, digits.as_bytes())
            }
            Target::Integer { .. } => match digits.split_once('.').map_or(digits, |(whole, fraction)| {
                if fraction.bytes().all(|digit| digit == b'0') { whole } else { digits }
            }) {
                whole if whole.contains('.') => Err(self.not_integral(number, &source)),
                whole => match whole.parse() {
                    Ok(integer) => self.integer(number, integer, &source),
                    Err(_) => Err(self.out_of_range(number, &source)),
                },
            },
            Target::Double | Target::Float | Target::NewDouble => self.double(number, value, &source),
            Target::Free | Target::Text | Target::Symbol | Target::NewSymbol | Target::Other => {
                self.unsupported(number, Kind::Decimal, digits)
            }
            _ => Err(self.mismatch(number, Kind::Decimal, digits.as_bytes())),
        }
    }

    /// Bytes. Those of a LONG256 are its number, the most significant first; those of a UUID are as in RFC 4122.
    pub(super) fn bytes(&mut self, name: u32, bytes: &[u8]) -> Result<(), Refusal> {
        let text = match self.plan.config.bytes {
            BytesText::Base64 => base64(bytes),
            BytesText::Hex => hex(bytes),
        };
        let number = match self.place(name)? {
            Place::Column(number) | Place::Times(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp(part) => return Err(self.no_timestamp(part, "bytes", text.as_bytes())),
        };
        let literal = match (&self.block.columns[number].target, bytes.len()) {
            (Target::Literal(Literal::Long256), 1..=32) => format!("0x{}", hex(bytes)),
            (Target::Literal(Literal::Uuid), 16) => {
                uuid::Uuid::from_slice(bytes).map(|uuid| uuid.to_string()).unwrap_or_default()
            }
            (Target::Free | Target::Text | Target::Symbol | Target::NewSymbol | Target::Other, _) => {
                return self.unsupported(number, Kind::Bytes, &text);
            }
            (Target::NewDouble | Target::NewTimestamp, _) => {
                return self.unsupported(number, Kind::Bytes, &text);
            }
            _ => return Err(self.mismatch(number, Kind::Bytes, text.as_bytes())),
        };
        self.start(number, Kind::Bytes)?;
        self.literal(number, Kind::Bytes, literal.as_bytes())
    }

    pub(super) fn time(&mut self, name: u32, time: Timestamp) -> Result<(), Refusal> {
        let shown = || iso(time).unwrap_or_else(|| time.to_string());
        let number = match self.place(name)? {
            Place::Column(number) | Place::Times(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp(part) => return self.timestamp_time(part, time),
        };
        match self.block.columns[number].target {
            Target::Text => {
                self.start(number, Kind::Text)?;
                return self.push_text(number, Kind::Time, shown().as_bytes());
            }
            Target::Symbol | Target::NewSymbol => {
                let Some(micros) = time.micros() else {
                    return Err(self.time_out_of_range(number, shown().as_bytes()));
                };
                self.start(number, Kind::Text)?;
                return self.push_text(number, Kind::Time, micros.to_string().as_bytes());
            }
            // In tables that QuestDB's Kafka connector has written these are numbers.
            Target::Integer { .. } => {
                if let Timestamp::Micros(value) | Timestamp::Nanos(value) = time {
                    let text = value.to_string();
                    let source = Number { text: text.as_bytes(), value: NumberValue::Integer(value) };
                    return self.integer(number, value, &source);
                }
            }
            _ => {}
        }
        self.start(number, if matches!(time, Timestamp::Nanos(_)) { Kind::Nanos } else { Kind::Time })?;
        let value = match &self.block.columns[number].values {
            Values::Timestamp(unit, _) => in_unit(time, *unit),
            Values::Date(_) => in_date(time),
            _ => return Err(self.mismatch(number, Kind::Time, shown().as_bytes())),
        };
        match value {
            Some(value) => self.push_time(number, value),
            None => Err(self.time_out_of_range(number, shown().as_bytes())),
        }
    }

    pub(super) fn map(&mut self, name: u32, value: &Value) -> Result<(), Refusal> {
        let mut json = String::new();
        value.write_json(&mut json);
        match self.place(name)? {
            Place::Column(number) | Place::Times(number) => self.unsupported(number, Kind::Map, &json),
            Place::Taken => Ok(()),
            Place::Timestamp(part) => Err(self.no_timestamp(part, "a map", json.as_bytes())),
        }
    }

    /// A number that QuestDB's Kafka connector has no column for.
    pub(super) fn narrow(&mut self, name: u32, number: &Value) -> Result<(), Refusal> {
        let text = number.shown();
        let column = match self.place(name)? {
            Place::Column(column) | Place::Times(column) => column,
            Place::Taken => return Ok(()),
            Place::Timestamp(part) => {
                return Err(self.no_timestamp(part, "an int8, int16 or float32", text.as_bytes()));
            }
        };
        match self.plan.config.unsupported {
            Unsupported::Text => self.value(name, number),
            Unsupported::Skip => Ok(()),
            Unsupported::Refuse => Err(self.too_narrow(column, &text)),
        }
    }

    /// What QuestDB has no type for, or none that it makes of itself.
    pub(super) fn unsupported(&mut self, number: usize, kind: Kind, text: &str) -> Result<(), Refusal> {
        match self.plan.config.unsupported {
            Unsupported::Skip => Ok(()),
            Unsupported::Refuse => Err(self.not_supported(number, kind, text.as_bytes())),
            Unsupported::Text => {
                self.start(number, kind)?;
                self.push_text(number, kind, text.as_bytes())
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A time in ISO 8601. None: it has more than four digits of a year.
fn iso(time: Timestamp) -> Option<String> {
    let time = match time {
        Timestamp::Millis(millis) => jiff::Timestamp::from_millisecond(millis),
        Timestamp::Micros(micros) => jiff::Timestamp::from_microsecond(micros),
        Timestamp::Nanos(nanos) => jiff::Timestamp::from_nanosecond(nanos.into()),
        Timestamp::Seconds { seconds, nanos } => jiff::Timestamp::new(seconds, nanos as i32),
    };
    time.ok().map(|time| time.to_string())
}
