//! One value into one column: what a column takes, what is converted, and what is refused with which words.

use super::messages::full;
use super::record::Row;
use super::refusal::{Refusal, cut};
use super::timestamp;
use crate::config::TimestampConfig;
use crate::decode::java_double;
use crate::decode::json::{Number, NumberValue};
use crate::rows::{Arrays, ColumnBuilder, Destination, Full, Interner, Target, Values, exact_double};

/// Where a value goes.
pub(super) enum Place {
    /// To a column, whose next row is this one.
    Column(usize),
    /// It is the designated timestamp.
    Timestamp,
    /// Nowhere: the record's key has the column already, or the settings leave it out.
    Taken,
}

/// A value's kind, for the choice of a column's type and for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Double,
    Boolean,
    Array {
        dimensions: usize,
    },
    /// An array that is written as its JSON.
    Json,
}

impl Row<'_, '_> {
    #[inline]
    pub(super) fn text(&mut self, name: u32, value: &[u8]) -> Result<(), Refusal> {
        let number = match self.place(name)? {
            Place::Column(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp => return Err(self.no_timestamp("a string", value)),
        };
        self.start(number, Kind::Text)?;
        self.push_text(number, Kind::Text, value)
    }

    #[inline]
    pub(super) fn push_text(&mut self, number: usize, kind: Kind, value: &[u8]) -> Result<(), Refusal> {
        let column = &mut self.block.columns[number];
        match &mut column.values {
            Values::Varchar { bytes, offsets } => {
                ColumnBuilder::push_varchar(bytes, offsets, value).map_err(|Full| full(column))?;
            }
            Values::Symbol { .. } => column.push_symbol(value).map_err(|Full| full(column))?,
            _ => return Err(self.mismatch(number, kind, value)),
        }
        self.pushed(number);
        Ok(())
    }

    #[inline]
    pub(super) fn boolean(&mut self, name: u32, value: bool) -> Result<(), Refusal> {
        let text: &[u8] = if value { b"true" } else { b"false" };
        let number = match self.place(name)? {
            Place::Column(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp => return Err(self.no_timestamp("a boolean", text)),
        };
        self.start(number, Kind::Boolean)?;
        let column = &mut self.block.columns[number];
        match (&mut column.values, &column.target) {
            (Values::Boolean(values), _) => values.push(value),
            // As QuestDB itself converts them.
            (Values::Long(values), Target::Integer { .. }) => values.push(i64::from(value)),
            (Values::Double(values), Target::Double) => values.push(f64::from(u8::from(value))),
            (Values::Varchar { .. } | Values::Symbol { .. }, _) => {
                return self.text_of(number, Kind::Boolean, text);
            }
            _ => return Err(self.mismatch(number, Kind::Boolean, text)),
        }
        self.pushed(number);
        Ok(())
    }

    #[inline]
    pub(super) fn number(&mut self, name: u32, value: &Number<'_>) -> Result<(), Refusal> {
        let number = match self.place(name)? {
            Place::Column(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp => return self.set_timestamp(value),
        };
        match value.value {
            NumberValue::Integer(integer) => self.integer(number, integer, value),
            NumberValue::Double(double) => self.double(number, double, value),
            NumberValue::BigInteger => self.big_integer(number, value),
        }
    }

    #[inline]
    fn integer(&mut self, number: usize, value: i64, source: &Number<'_>) -> Result<(), Refusal> {
        self.start(number, Kind::Integer)?;
        let column = &mut self.block.columns[number];
        match (&mut column.values, &column.target) {
            (Values::Long(values), Target::Integer { min, max }) if (*min..=*max).contains(&value) => {
                values.push(value);
            }
            (Values::Long(_), Target::Integer { .. }) => return Err(self.out_of_range(number, source)),
            (Values::Long(values), _) if value != i64::MIN => values.push(value),
            (Values::Long(_), _) => return Err(self.out_of_range(number, source)),
            (Values::Double(values), Target::Double | Target::NewDouble) => values.push(value as f64),
            (Values::Double(values), _) => match exact_double(value) {
                Some(double) => values.push(double),
                None => return Err(self.not_exact(number, source)),
            },
            (Values::Varchar { .. } | Values::Symbol { .. }, _) => {
                // Not the source: -0 is 0.
                return self.text_of(number, Kind::Integer, value.to_string().as_bytes());
            }
            _ => return Err(self.mismatch(number, Kind::Integer, source.text)),
        }
        self.pushed(number);
        Ok(())
    }

    #[inline]
    fn double(&mut self, number: usize, value: f64, source: &Number<'_>) -> Result<(), Refusal> {
        self.start(number, Kind::Double)?;
        let attempt = self.block.attempt;
        let column = &mut self.block.columns[number];
        match (&mut column.values, &column.target) {
            (Values::Varchar { .. }, _) => return self.text_of(number, Kind::Double, source.text),
            // Not `inf`, which no JSON has: that is a double's own infinity.
            _ if value.is_infinite() && source.text.last().is_some_and(u8::is_ascii_digit) => {
                return Err(Refusal::of_column(
                    column.name.clone(),
                    format!(
                        "column {}: {} is beyond all doubles; send it as a string",
                        column.name,
                        cut(source.text)
                    ),
                ));
            }
            (Values::Double(values), _) => values.push(value),
            (Values::Symbol { .. }, _) => {
                return self.text_of(number, Kind::Double, java_double(value).as_bytes());
            }
            (Values::Long(values), &Target::Integer { min, max }) => {
                // Integral, and not beyond int64, where a cast would saturate.
                let integer = value as i64;
                if value.fract() != 0.0 {
                    return Err(self.not_integral(number, source));
                }
                if value >= i64::MAX as f64 || !(min..=max).contains(&integer) {
                    return Err(self.out_of_range(number, source));
                }
                values.push(integer);
            }
            (Values::Long(_), Target::Free | Target::Other | Target::NewSymbol) => {
                if column.promote(attempt).is_none() {
                    return Err(self.not_promoted(number, source));
                }
                if let Values::Double(values) = &mut column.values {
                    values.push(value);
                }
            }
            _ => return Err(self.mismatch(number, Kind::Double, source.text)),
        }
        self.pushed(number);
        Ok(())
    }

    /// An integer of more than 64 bits. Where doubles or texts are written anyway it is one of those.
    #[cold]
    fn big_integer(&mut self, number: usize, source: &Number<'_>) -> Result<(), Refusal> {
        match self.block.columns[number].target {
            Target::Double | Target::NewDouble => {
                let value = source.as_str().parse().unwrap_or(f64::INFINITY);
                self.double(number, value, source)
            }
            Target::Text | Target::Symbol | Target::NewSymbol => {
                self.start(number, Kind::Integer)?;
                self.text_of(number, Kind::Integer, source.text)
            }
            _ => Err(self.out_of_range(number, source)),
        }
    }

    /// A number or a boolean where text is written.
    fn text_of(&mut self, number: usize, kind: Kind, text: &[u8]) -> Result<(), Refusal> {
        match self.block.columns[number].target {
            Target::Text | Target::Symbol | Target::NewSymbol => self.push_text(number, kind, text),
            _ => Err(self.mismatch(number, kind, text)),
        }
    }

    /// Where a name's value goes. A column that has a value from this record already has lost it, unless that is
    /// the key's: names that collide are one column, and the last wins.
    #[inline]
    pub(super) fn place(&mut self, name: u32) -> Result<Place, Refusal> {
        let number = match self.block.paths.destination(name) {
            Destination::Column(number) => number as usize,
            Destination::Timestamp => return Ok(Place::Timestamp),
            Destination::Nowhere => return Ok(Place::Taken),
            Destination::Unknown => match self.find_destination(name)? {
                Destination::Column(number) => number as usize,
                Destination::Nowhere => return Ok(Place::Taken),
                Destination::Timestamp | Destination::Unknown => return Ok(Place::Timestamp),
            },
        };
        let row = self.block.rows();
        let column = &mut self.block.columns[number];
        if column.attempt == self.block.attempt {
            if column.from_key && !self.in_key {
                return Ok(Place::Taken);
            }
            self.block.take_back(number);
            self.values -= 1;
        } else if column.is_used() {
            column.reach(row);
        }
        Ok(Place::Column(number))
    }

    /// Where a name leads to. Never unknown.
    pub(super) fn destination(&mut self, name: u32) -> Result<Destination, Refusal> {
        match self.block.paths.destination(name) {
            Destination::Unknown => self.find_destination(name),
            known => Ok(known),
        }
    }

    #[cold]
    fn find_destination(&mut self, name: u32) -> Result<Destination, Refusal> {
        let mut column_name = self.block.paths.column_name(name);
        let is_timestamp = |timestamp: &TimestampConfig| timestamp.fields.contains(&column_name);
        if self.plan.timestamp.as_ref().is_some_and(is_timestamp) {
            self.block.paths.set_destination(name, Destination::Timestamp);
            return Ok(Destination::Timestamp);
        }
        let mut lower = column_name.to_lowercase();
        if let Some(renamed) = self.plan.selection.renamed(&lower) {
            column_name = renamed.as_ref().to_owned();
            lower = column_name.to_lowercase();
        }
        let destination = if !self.plan.selection.takes(&lower) {
            Destination::Nowhere
        } else if self.plan.is_designated(&lower) {
            return Err(Refusal::of_column(
                column_name.as_str(),
                format!(
                    "the record has a field {column_name}, and that is the name of the table's designated timestamp; \
                     rename the field, or take the timestamp from it with `timestamp = {{ field = \"{column_name}\" }}`"
                ),
            ));
        } else if let Some(number) = self.block.column(&lower) {
            Destination::Column(number as u32)
        } else {
            let column = self.plan.column(&column_name, &lower).map_err(|reason| {
                let shown = cut(column_name.as_bytes());
                Refusal::of_column(
                    column_name.as_str(),
                    format!(
                        "the record has a field {shown:?}, which cannot be a column: {reason}; rename it"
                    ),
                )
            })?;
            Destination::Column(self.block.add_column(lower, column) as u32)
        };
        self.block.paths.set_destination(name, destination);
        Ok(destination)
    }

    /// Lets a column that has no value yet take up one of a kind.
    #[inline]
    pub(super) fn start(&mut self, number: usize, kind: Kind) -> Result<(), Refusal> {
        if self.block.columns[number].is_used() { Ok(()) } else { self.start_anew(number, kind) }
    }

    fn start_anew(&mut self, number: usize, kind: Kind) -> Result<(), Refusal> {
        let values = match (&self.block.columns[number].target, kind) {
            (Target::NewSymbol | Target::Symbol, Kind::Array { .. }) if self.is_new(number) => arrays(kind),
            (Target::NewSymbol | Target::Symbol, _) => symbols(),
            (Target::Text, _) => varchar(),
            (Target::Boolean, _) => Values::Boolean(Vec::new()),
            (Target::Integer { .. }, _) => Values::Long(Vec::new()),
            (Target::Double, _) | (Target::NewDouble, Kind::Integer | Kind::Double) => {
                Values::Double(Vec::new())
            }
            (&Target::DoubleArray { dimensions }, _) => arrays(Kind::Array { dimensions }),
            (Target::Free | Target::NewDouble | Target::Other, kind) => match kind {
                Kind::Text | Kind::Json => varchar(),
                Kind::Integer => Values::Long(Vec::new()),
                Kind::Double => Values::Double(Vec::new()),
                Kind::Boolean => Values::Boolean(Vec::new()),
                Kind::Array { .. } => arrays(kind),
            },
        };
        Ok(self.block.start(number, values)?)
    }

    #[inline]
    pub(super) fn pushed(&mut self, number: usize) {
        self.block.columns[number].pushed(self.block.attempt, self.in_key);
        self.values += 1;
    }

    fn is_new(&self, number: usize) -> bool {
        self.block.columns[number].type_name.is_none()
    }

    #[inline]
    fn set_timestamp(&mut self, number: &Number<'_>) -> Result<(), Refusal> {
        if let Some(timestamp) = &self.plan.timestamp {
            let timestamp_us = timestamp::from_number(number, timestamp.unit)
                .map_err(|message| Refusal::of_column(timestamp.shown(), message))?;
            self.timestamp_us = Some(timestamp_us);
        }
        Ok(())
    }
}

fn varchar() -> Values {
    Values::Varchar { bytes: Vec::new(), offsets: vec![0] }
}

fn symbols() -> Values {
    Values::Symbol { numbers: Vec::new(), symbols: Interner::new() }
}

fn arrays(kind: Kind) -> Values {
    let dimensions = if let Kind::Array { dimensions } = kind { dimensions } else { 1 };
    Values::Arrays(Arrays { dimensions, elements: Vec::new(), offsets: vec![0], shapes: Vec::new() })
}
