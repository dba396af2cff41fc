//! Java's `SimpleDateFormat`, in English and in UTC: what Kafka Connect's transforms write times with.
//!
//! It is lenient, as Java's is: a 32nd of January is the first of February, and what follows the time is ignored.
//! `SSS` is a number of milliseconds, however many letters it has.

mod calendar;
mod parse;
mod write;

#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use self::calendar::{MILLIS_A_DAY, Moment};

/// A pattern such as `yyyy-MM-dd'T'HH:mm:ss.SSSXXX`.
#[derive(Debug)]
pub(super) struct DateFormat {
    pattern: String,
    items: Vec<Item>,
    /// Years of two digits are in the hundred years from here.
    century_start: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Literal(char),
    /// A letter and how many of it.
    Field(char, usize),
}

const LETTERS: &str = "GyYMLdDFEuaHkKhmsSzZXwW";

/// Letters that one week-year, week or weekday is made of: no day follows from them alone.
const WRITTEN_ONLY: &[char] = &['Y', 'w', 'W', 'F'];

/// No pattern that is meant has as many of one letter.
const MAX_COUNT: usize = 32;

impl DateFormat {
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        Ok(Self {
            pattern: pattern.to_owned(),
            items: items(pattern)?,
            century_start: Moment::of_millis(now).year - 80,
        })
    }

    pub(super) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// A letter that can be written but not read, where the pattern has one.
    pub(super) fn written_only(&self) -> Option<char> {
        self.items.iter().find_map(|item| match item {
            Item::Field(letter, _) if WRITTEN_ONLY.contains(letter) => Some(*letter),
            _ => None,
        })
    }
}

/// How Kafka Connect writes a time that becomes a text: without the date on the first day there is, without the
/// time at midnight.
pub(super) fn iso(millis: i64) -> String {
    let pattern = if millis < MILLIS_A_DAY {
        "HH:mm:ss.SSS'Z'"
    } else if millis % MILLIS_A_DAY == 0 {
        "yyyy-MM-dd"
    } else {
        "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"
    };
    DateFormat::new(pattern).map(|format| format.format(millis)).unwrap_or_default()
}

fn items(pattern: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\'' if rest.next_if_eq(&'\'').is_some() => items.push(Item::Literal('\'')),
            '\'' => loop {
                match rest.next() {
                    None => return Err(format!("`{pattern}` has a quote that is not closed")),
                    Some('\'') if rest.next_if_eq(&'\'').is_some() => items.push(Item::Literal('\'')),
                    Some('\'') => break,
                    Some(literal) => items.push(Item::Literal(literal)),
                }
            },
            letter if letter.is_ascii_alphabetic() => {
                if !LETTERS.contains(letter) {
                    return Err(format!(
                        "`{pattern}`: `{letter}` means nothing in Java's SimpleDateFormat; text goes between single quotes"
                    ));
                }
                let mut count = 1;
                while rest.next_if_eq(&letter).is_some() {
                    count += 1;
                }
                if count > MAX_COUNT {
                    return Err(format!("`{pattern}` has `{letter}` {count} times"));
                }
                items.push(Item::Field(letter, count));
            }
            literal => items.push(Item::Literal(literal)),
        }
    }
    Ok(items)
}
