//! QuestDB's notation for dates and times, such as `yyyy-MM-ddTHH:mm:ss.SSSUUUz`.
//!
//! See <https://questdb.com/docs/query/functions/date-time/#date-and-timestamp-format>; what it leaves open is as
//! QuestDB's `to_timestamp()` does it, which is the oracle of the tests.

mod calendar;
mod pattern;
mod zone;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use calendar::{CivilTime, PointInTime};
pub use pattern::FormatError;
pub(crate) use zone::{Zone, zone};

use pattern::{Item, Part, Width};

/// How times are written in texts: QuestDB's notation, made ready to read by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimestampFormat {
    text: String,
    items: Vec<Item>,
}

impl TimestampFormat {
    /// The notation as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The time that a text stands for; UTC where it names no zone. None: it is not written so, or is no time.
    pub fn parse(&self, text: &str) -> Option<PointInTime> {
        let mut reader = Reader { rest: text };
        let mut time = CivilTime::default();
        let mut half_of_day = None;
        let mut zone = Zone::UTC;
        for item in &self.items {
            match item {
                Item::Literal(literal) => reader.rest = reader.rest.strip_prefix(literal.as_str())?,
                Item::Part(Part::HalfOfDay, _) => half_of_day = Some(reader.word(&["am", "pm"])? == 1),
                Item::Part(Part::Zone, _) => {
                    let (found, rest) = zone::zone(reader.rest)?;
                    (zone, reader.rest) = (found, rest);
                }
                Item::Part(part, width) => part.read(*width, &mut reader, &mut time, &mut half_of_day)?,
            }
        }
        if !reader.rest.is_empty() {
            return None;
        }
        time.hour = match half_of_day {
            // 24 o'clock is 0 o'clock, of the same day.
            None if time.hour <= 24 => time.hour % 24,
            Some(afternoon) if time.hour <= 12 => time.hour % 12 + if afternoon { 12 } else { 0 },
            _ => return None,
        };
        zone.point_in_time(time)
    }
}

impl Part {
    fn read(
        self,
        width: Width,
        reader: &mut Reader<'_>,
        time: &mut CivilTime,
        half_of_day: &mut Option<bool>,
    ) -> Option<()> {
        match self {
            Self::Era => time.before_christ = reader.word(&["bc", "ad"])? == 0,
            Self::Year => {
                let (year, digits) = reader.digits(width)?;
                // Two digits mean this century, where the notation leaves their number open, too.
                let short = width == Width::Exactly(2) || (width == Width::All && digits == 2);
                time.year = i64::from(year) + if short { 2_000 } else { 0 };
            }
            Self::Month => time.month = reader.digits(width)?.0,
            Self::MonthName => time.month = reader.word(&calendar::MONTHS)? as u32 % 12 + 1,
            Self::Week => time.week = Some(reader.digits(width)?.0),
            Self::Day => time.day = reader.digits(width)?.0,
            Self::DayName => drop(reader.word(&calendar::DAYS)?),
            // They are there for people: the date says it all.
            Self::Ignored => drop(reader.digits(width)?),
            Self::Hour => time.hour = reader.digits(width)?.0,
            Self::HourOfHalf => {
                time.hour = reader.digits(width)?.0;
                half_of_day.get_or_insert(false);
            }
            Self::Minute => time.minute = reader.digits(width)?.0,
            Self::Second => time.second = reader.digits(width)?.0,
            Self::Millis => time.millis = reader.fraction(width)?,
            Self::Micros => time.micros = reader.fraction(width)?,
            Self::Nanos => time.nanos = reader.fraction(width)?,
            // Both are read where they are met.
            Self::HalfOfDay | Self::Zone => {}
        }
        Some(())
    }
}

/// A text that is read from left to right.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// A number, and how many digits it has.
    fn digits(&mut self, width: Width) -> Option<(u32, usize)> {
        let there = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let count = match width {
            Width::Exactly(count) if there >= count => count,
            Width::All if there > 0 => there,
            _ => return None,
        };
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some((digits.parse().ok()?, count))
    }

    /// Digits of a fraction. Where their number is open they count from the left: `5` of at most three is 500.
    fn fraction(&mut self, width: Width) -> Option<u32> {
        let Width::UpTo(most) = width else { return Some(self.digits(width)?.0) };
        let (value, count) = self.digits(Width::All)?;
        Some(value * 10_u32.pow(most.checked_sub(count)? as u32))
    }

    /// The number of the first of these words that is next, in letters of any case.
    fn word(&mut self, words: &[&str]) -> Option<usize> {
        let starts =
            |word: &&str| self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let found = words.iter().position(starts)?;
        self.rest = self.rest.get(words.get(found)?.len()..)?;
        Some(found)
    }
}

impl FromStr for TimestampFormat {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { text: text.to_owned(), items: pattern::compile(text)? })
    }
}

impl TryFrom<String> for TimestampFormat {
    type Error = FormatError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TimestampFormat> for String {
    fn from(format: TimestampFormat) -> Self {
        format.text
    }
}

impl fmt::Display for TimestampFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
