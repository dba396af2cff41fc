//! Values into the types of a table's columns that JSON does not have: times, and what QuestDB reads from texts.
//!
//! All of it is marked as cold, to keep it out of the way of the values that JSON has.

use super::literals;
use super::messages::full;
use super::record::Row;
use super::refusal::Refusal;
use super::timestamp::{self, Demand, how_written, parse_iso};
use super::values::{Kind, boolean_text};
use crate::config::PointInTime;
use crate::decode::json::Number;
use crate::rows::{ColumnBuilder, Full, Target, TimeUnit, Values};

impl Row<'_, '_> {
    /// A text where no texts are kept.
    #[cold]
    pub(super) fn convert_text(&mut self, number: usize, kind: Kind, text: &[u8]) -> Result<(), Refusal> {
        let column = &self.block.columns[number];
        match (&column.values, &column.target) {
            (Values::Literal { .. }, _) if kind == Kind::Text => self.literal(number, kind, text),
            (Values::Timestamp(..), Target::Timestamp(_)) | (Values::Date(_), _) if kind == Kind::Text => {
                let time = parse_iso(std::str::from_utf8(text).unwrap_or_default(), Demand::Date);
                match time {
                    Some(time) => self.point_in_time(number, time, text),
                    None => Err(self.no_time(number, text)),
                }
            }
            _ => Err(self.mismatch(number, kind, text)),
        }
    }

    /// A text in a column whose texts are times.
    #[cold]
    pub(super) fn time_text(&mut self, number: usize, text: &[u8]) -> Result<(), Refusal> {
        let format = self.plan.config.timestamp_format.as_ref();
        let shown = std::str::from_utf8(text).unwrap_or_default();
        match self.block.columns[number].target {
            Target::Timestamp(_)
            | Target::Date
            | Target::NewTimestamp
            | Target::Symbol
            | Target::NewSymbol
            | Target::Closed => {}
            _ => return Err(self.no_time_column(number, text)),
        }
        let Some(time) = timestamp::read(format, shown, Demand::All) else {
            return Err(self.bad_time(number, text, &how_written(format, "timestamp_format")));
        };
        self.start(number, Kind::Time)?;
        if let Values::Symbol { .. } = self.block.columns[number].values {
            let micros = time.micros().ok_or_else(|| self.time_out_of_range(number, text))?;
            return self.push_text(number, Kind::Time, micros.to_string().as_bytes());
        }
        self.point_in_time(number, time, text)
    }

    pub(super) fn point_in_time(
        &mut self,
        number: usize,
        time: PointInTime,
        text: &[u8],
    ) -> Result<(), Refusal> {
        let value = match &self.block.columns[number].values {
            Values::Timestamp(TimeUnit::Micros, _) => time.micros(),
            Values::Timestamp(TimeUnit::Nanos, _) => time.nanos(),
            Values::Date(_) => time.micros().and_then(|_| time.millis()),
            _ => return Err(self.mismatch(number, Kind::Time, text)),
        };
        match value {
            Some(value) => self.push_time(number, value),
            None => Err(self.time_out_of_range(number, text)),
        }
    }

    /// A time in the column's own unit.
    pub(super) fn push_time(&mut self, number: usize, value: i64) -> Result<(), Refusal> {
        if let Values::Timestamp(_, values) | Values::Date(values) = &mut self.block.columns[number].values {
            values.push(value);
            self.pushed(number);
        }
        Ok(())
    }

    /// A boolean where no booleans are kept: as QuestDB itself converts them.
    #[cold]
    pub(super) fn convert_boolean(&mut self, number: usize, value: bool) -> Result<(), Refusal> {
        let column = &mut self.block.columns[number];
        match (&mut column.values, &column.target) {
            (Values::Long(values), Target::Integer { .. }) => values.push(i64::from(value)),
            (Values::Double(values), Target::Double) | (Values::Float(values), _) => {
                values.push(f64::from(u8::from(value)));
            }
            (Values::Varchar { .. } | Values::Symbol { .. }, _) => {
                return self.text_of(number, Kind::Boolean, boolean_text(value));
            }
            _ => return Err(self.mismatch(number, Kind::Boolean, boolean_text(value))),
        }
        self.pushed(number);
        Ok(())
    }

    /// An integer where neither integers nor doubles nor texts are kept. In a column of times it counts the column's
    /// unit, as in QuestDB.
    #[cold]
    pub(super) fn convert_integer(
        &mut self,
        number: usize,
        value: i64,
        source: &Number<'_>,
    ) -> Result<(), Refusal> {
        match &mut self.block.columns[number].values {
            Values::Float(values) => values.push(value as f64),
            Values::Timestamp(_, values) if value != i64::MIN => values.push(value),
            Values::Date(values) if value != i64::MIN && value.checked_mul(1_000).is_some() => {
                values.push(value)
            }
            Values::Timestamp(..) | Values::Date(_) => return Err(self.out_of_range(number, source)),
            Values::Literal { .. } => return self.convert_number(number, Kind::Integer, source.text),
            _ => return Err(self.mismatch(number, Kind::Integer, source.text)),
        }
        self.pushed(number);
        Ok(())
    }

    /// A number with a fraction or an exponent, in such a column.
    #[cold]
    pub(super) fn convert_double(
        &mut self,
        number: usize,
        value: f64,
        source: &Number<'_>,
    ) -> Result<(), Refusal> {
        match &mut self.block.columns[number].values {
            // What is beyond a float reads as null.
            Values::Float(_) if (value as f32).is_infinite() => {
                return Err(self.out_of_range(number, source));
            }
            Values::Float(values) => values.push(value),
            Values::Timestamp(..) | Values::Date(_) if value.fract() != 0.0 => {
                return Err(self.mismatch(number, Kind::Double, source.text));
            }
            Values::Timestamp(..) | Values::Date(_) => {
                return match super::values::integral(value) {
                    Some(integer) => self.convert_integer(number, integer, source),
                    None => Err(self.out_of_range(number, source)),
                };
            }
            Values::Literal { .. } => return self.convert_number(number, Kind::Double, source.text),
            _ => return Err(self.mismatch(number, Kind::Double, source.text)),
        }
        self.pushed(number);
        Ok(())
    }

    /// A number's digits where QuestDB reads texts: decimals are numbers.
    #[cold]
    pub(super) fn convert_number(&mut self, number: usize, kind: Kind, text: &[u8]) -> Result<(), Refusal> {
        match self.block.columns[number].target {
            Target::Literal(crate::rows::Literal::Decimal { .. }) => self.literal(number, kind, text),
            _ => Err(self.mismatch(number, kind, text)),
        }
    }

    /// A value where QuestDB reads texts.
    pub(super) fn literal(&mut self, number: usize, kind: Kind, text: &[u8]) -> Result<(), Refusal> {
        let column = &mut self.block.columns[number];
        let Values::Literal { literal, bytes, offsets } = &mut column.values else {
            return Err(self.mismatch(number, kind, text));
        };
        match literals::checked(*literal, std::str::from_utf8(text).unwrap_or_default()) {
            Ok(checked) => {
                ColumnBuilder::push_varchar(bytes, offsets, checked.as_bytes())
                    .map_err(|Full| full(column))?;
            }
            Err(why) => return Err(self.no_literal(number, text, &why)),
        }
        self.pushed(number);
        Ok(())
    }
}
