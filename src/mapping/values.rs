//! One value into one column: what a column takes, what is converted, and what is refused with which words.

use super::messages::full;
use super::record::Row;
use super::refusal::{Refusal, cut};
use crate::decode::java_double;
use crate::decode::json::{Number, NumberValue};
use crate::rows::{
    Arrays, ColumnBuilder, Destination, Full, Interner, Target, TimeUnit, Values, exact_double,
};

/// Where a value goes.
pub(super) enum Place {
    /// To a column, whose next row is this one.
    Column(usize),
    /// To a column whose texts are times.
    Times(usize),
    /// It is the designated timestamp, or one of the texts that make it, by its number.
    Timestamp(u32),
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
    Map,
    Bytes,
    Decimal,
    /// A point in time.
    Time,
    /// A point in time that has nanoseconds.
    Nanos,
}

impl Row<'_, '_> {
    #[inline(always)]
    pub(super) fn text(&mut self, name: u32, value: &[u8]) -> Result<(), Refusal> {
        let number = match self.place(name)? {
            Place::Column(number) => number,
            Place::Taken => return Ok(()),
            Place::Times(number) => return self.time_text(number, value),
            Place::Timestamp(part) => return self.timestamp_text(part, value),
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
            _ => return self.convert_text(number, kind, value),
        }
        self.pushed(number);
        Ok(())
    }

    #[inline]
    pub(super) fn boolean(&mut self, name: u32, value: bool) -> Result<(), Refusal> {
        let number = match self.place(name)? {
            Place::Column(number) | Place::Times(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp(part) => return Err(self.no_timestamp(part, "a boolean", boolean_text(value))),
        };
        self.start(number, Kind::Boolean)?;
        match &mut self.block.columns[number].values {
            Values::Boolean(values) => values.push(value),
            _ => return self.convert_boolean(number, value),
        }
        self.pushed(number);
        Ok(())
    }

    #[inline]
    pub(super) fn number(&mut self, name: u32, value: &Number<'_>) -> Result<(), Refusal> {
        let number = match self.place(name)? {
            Place::Column(number) | Place::Times(number) => number,
            Place::Taken => return Ok(()),
            Place::Timestamp(part) => return self.timestamp_number(part, value),
        };
        match value.value {
            NumberValue::Integer(integer) => self.integer(number, integer, value),
            NumberValue::Double(double) => self.double(number, double, value),
            NumberValue::BigInteger => self.big_integer(number, value),
        }
    }

    #[inline(always)]
    pub(super) fn integer(&mut self, number: usize, value: i64, source: &Number<'_>) -> Result<(), Refusal> {
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
                return self.text_of_integer(number, value);
            }
            _ => return self.convert_integer(number, value, source),
        }
        self.pushed(number);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn double(&mut self, number: usize, value: f64, source: &Number<'_>) -> Result<(), Refusal> {
        self.start(number, Kind::Double)?;
        let attempt = self.block.attempt;
        let column = &mut self.block.columns[number];
        match (&mut column.values, &column.target) {
            (Values::Varchar { .. }, _) => return self.text_of(number, Kind::Double, source.text),
            (Values::Literal { .. }, _) => return self.convert_double(number, value, source),
            _ if value.is_infinite() => {
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
                if value.fract() != 0.0 {
                    return Err(self.not_integral(number, source));
                }
                match integral(value) {
                    Some(integer) if (min..=max).contains(&integer) => values.push(integer),
                    _ => return Err(self.out_of_range(number, source)),
                }
            }
            (Values::Long(values), Target::Free) if !self.plan.config.widen_integers => {
                match integral(value).filter(|integer| value.fract() == 0.0 && *integer != i64::MIN) {
                    Some(integer) => values.push(integer),
                    None => return Err(self.not_widened(number, source)),
                }
            }
            (Values::Long(_), Target::Free | Target::Other | Target::NewSymbol) => {
                if column.promote(attempt).is_none() {
                    return Err(self.not_promoted(number, source));
                }
                if let Values::Double(values) = &mut column.values {
                    values.push(value);
                }
            }
            _ => return self.convert_double(number, value, source),
        }
        self.pushed(number);
        Ok(())
    }

    /// An integer of more than 64 bits. Where doubles or texts are written anyway it is one of those.
    #[cold]
    fn big_integer(&mut self, number: usize, source: &Number<'_>) -> Result<(), Refusal> {
        let as_double = || source.as_str().parse().unwrap_or(f64::INFINITY);
        match self.block.columns[number].target {
            Target::Double | Target::Float | Target::NewDouble => self.double(number, as_double(), source),
            Target::Symbol | Target::NewSymbol if self.is_of_doubles(number) => {
                self.double(number, as_double(), source)
            }
            Target::Text | Target::Symbol | Target::NewSymbol => {
                self.start(number, Kind::Integer)?;
                self.text_of(number, Kind::Integer, source.text)
            }
            Target::Literal(_) => {
                self.start(number, Kind::Integer)?;
                self.convert_number(number, Kind::Integer, source.text)
            }
            _ => Err(self.out_of_range(number, source)),
        }
    }

    /// An integer where text is written.
    fn text_of_integer(&mut self, number: usize, value: i64) -> Result<(), Refusal> {
        let text = match self.block.columns[number].target {
            Target::Symbol | Target::NewSymbol if self.is_of_doubles(number) => java_double(value as f64),
            // Not the source: -0 is 0.
            _ => value.to_string(),
        };
        self.text_of(number, Kind::Integer, text.as_bytes())
    }

    /// Whether all numbers of a column are doubles by the topic's settings. A symbol is then a double's text.
    fn is_of_doubles(&self, number: usize) -> bool {
        self.plan.has_doubles(&self.block.columns[number].name)
    }

    /// A number or a boolean where text is written.
    pub(super) fn text_of(&mut self, number: usize, kind: Kind, text: &[u8]) -> Result<(), Refusal> {
        match self.block.columns[number].target {
            Target::Text | Target::Symbol | Target::NewSymbol => self.push_text(number, kind, text),
            _ => Err(self.mismatch(number, kind, text)),
        }
    }

    /// Where a name's value goes.
    #[inline]
    pub(super) fn place(&mut self, name: u32) -> Result<Place, Refusal> {
        match self.block.paths.destination(name) {
            Destination::Column(number) if self.make_room(number as usize) => {
                Ok(Place::Column(number as usize))
            }
            Destination::Timestamp(part) => Ok(Place::Timestamp(part)),
            Destination::Column(_) | Destination::Nowhere => Ok(Place::Taken),
            Destination::Times(_) | Destination::Unknown => self.rare_place(name),
        }
    }

    #[inline(never)]
    fn rare_place(&mut self, name: u32) -> Result<Place, Refusal> {
        let destination = match self.block.paths.destination(name) {
            Destination::Unknown => self.find_destination(name)?,
            known => known,
        };
        Ok(match destination {
            Destination::Column(number) if self.make_room(number as usize) => Place::Column(number as usize),
            Destination::Times(number) if self.make_room(number as usize) => Place::Times(number as usize),
            Destination::Timestamp(part) => Place::Timestamp(part),
            _ => Place::Taken,
        })
    }

    /// Sees that a column's next row is this one. A column that has a value from this record already loses it: names
    /// that collide are one column, and the last wins. False: it is the key's, and stays.
    #[inline]
    fn make_room(&mut self, number: usize) -> bool {
        let row = self.block.rows();
        let column = &mut self.block.columns[number];
        if column.attempt == self.block.attempt {
            return self.make_room_again(number);
        }
        if column.is_used() {
            column.reach(row);
        }
        true
    }

    /// The same for a column that has a value from this record already. Names collide seldom.
    #[cold]
    #[inline(never)]
    fn make_room_again(&mut self, number: usize) -> bool {
        if self.block.columns[number].from_key && !self.in_key {
            return false;
        }
        self.block.take_back(number);
        self.values -= 1;
        true
    }

    #[cold]
    fn find_destination(&mut self, name: u32) -> Result<Destination, Refusal> {
        let mut column_name = self.block.paths.column_name(name);
        if let Some(part) = self.timestamp_part(name) {
            self.block.paths.set_destination(name, Destination::Timestamp(part));
            return Ok(Destination::Timestamp(part));
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
            Destination::Column(self.block.add_column(lower.clone(), column) as u32)
        };
        let destination = match destination {
            Destination::Column(number) if self.plan.has_times(&lower) => Destination::Times(number),
            other => other,
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
            (Target::Float, _) => Values::Float(Vec::new()),
            (&Target::Timestamp(unit), _) => Values::Timestamp(unit, Vec::new()),
            (Target::NewTimestamp, Kind::Time) => Values::Timestamp(TimeUnit::Micros, Vec::new()),
            (Target::Date, _) => Values::Date(Vec::new()),
            (&Target::Literal(literal), _) => {
                Values::Literal { literal, bytes: Vec::new(), offsets: vec![0] }
            }
            (Target::Closed, _) => Values::Closed,
            (&Target::DoubleArray { dimensions }, _) => arrays(Kind::Array { dimensions }),
            (Target::Free | Target::NewDouble | Target::NewTimestamp | Target::Other, kind) => match kind {
                Kind::Time => Values::Timestamp(TimeUnit::Micros, Vec::new()),
                Kind::Nanos => Values::Timestamp(TimeUnit::Nanos, Vec::new()),
                Kind::Text | Kind::Json | Kind::Map | Kind::Bytes | Kind::Decimal => varchar(),
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
}

pub(super) fn boolean_text(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}

/// An integral double as an integer. None: it is beyond int64, where a cast would saturate.
#[inline]
pub(super) fn integral(value: f64) -> Option<i64> {
    (value < i64::MAX as f64 && value >= i64::MIN as f64).then_some(value as i64)
}

fn varchar() -> Values {
    Values::Varchar { bytes: Vec::new(), offsets: vec![0] }
}

pub(super) fn symbols() -> Values {
    Values::Symbol { numbers: Vec::new(), symbols: Interner::new() }
}

fn arrays(kind: Kind) -> Values {
    let dimensions = if let Kind::Array { dimensions } = kind { dimensions } else { 1 };
    Values::Arrays(Arrays { dimensions, elements: Vec::new(), offsets: vec![0], shapes: Vec::new() })
}
