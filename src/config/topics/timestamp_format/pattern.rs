/// A piece of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Stands in the text as it is.
    Literal(String),
    /// Something that the time is made of.
    Part(Part, Width),
}

/// What a part of a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Era,
    Year,
    Month,
    MonthName,
    /// The week of an ISO year.
    Week,
    Day,
    DayName,
    /// A number that the date does not need.
    Ignored,
    /// `am` or `pm`.
    HalfOfDay,
    /// From 0 to 24.
    Hour,
    /// From 0 to 12.
    HourOfHalf,
    Minute,
    Second,
    Millis,
    Micros,
    Nanos,
    Zone,
}

/// How many digits a number has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Exactly(usize),
    /// All that are there.
    All,
    /// All that are there, of a fraction that has at most so many.
    UpTo(usize),
}

/// What is wrong with a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// There is no quote that ends it.
    #[error("has a text that starts with ' and does not end with one")]
    OpenQuote,
    /// It has nothing to make a date of.
    #[error(
        "is no format of dates and times: it needs a year (`yyyy`); the notation is QuestDB's, such as \
         yyyy-MM-ddTHH:mm:ss.SSSUUUZ"
    )]
    NoYear,
}

/// What letters stand for; of those that a text starts with, the first is meant.
const PARTS: &[(&str, Part, Width)] = &[
    ("YYYY", Part::Year, Width::Exactly(4)),
    ("yyyy", Part::Year, Width::Exactly(4)),
    ("yyy", Part::Year, Width::Exactly(3)),
    ("yy", Part::Year, Width::Exactly(2)),
    ("y", Part::Year, Width::Exactly(1)),
    ("MMMM", Part::MonthName, Width::All),
    ("MMM", Part::MonthName, Width::All),
    ("MM", Part::Month, Width::Exactly(2)),
    ("M", Part::Month, Width::Exactly(1)),
    ("ww", Part::Week, Width::Exactly(2)),
    ("w", Part::Ignored, Width::All),
    ("D", Part::Ignored, Width::All),
    ("dd", Part::Day, Width::Exactly(2)),
    ("d", Part::Day, Width::Exactly(1)),
    ("EE", Part::DayName, Width::All),
    ("E", Part::DayName, Width::All),
    ("u", Part::Ignored, Width::Exactly(1)),
    ("a", Part::HalfOfDay, Width::All),
    ("HH", Part::Hour, Width::Exactly(2)),
    ("H", Part::Hour, Width::Exactly(1)),
    ("kk", Part::Hour, Width::Exactly(2)),
    ("k", Part::Hour, Width::Exactly(1)),
    ("KK", Part::HourOfHalf, Width::Exactly(2)),
    ("K", Part::HourOfHalf, Width::Exactly(1)),
    ("hh", Part::HourOfHalf, Width::Exactly(2)),
    ("h", Part::HourOfHalf, Width::Exactly(1)),
    ("mm", Part::Minute, Width::Exactly(2)),
    ("m", Part::Minute, Width::Exactly(1)),
    ("ss", Part::Second, Width::Exactly(2)),
    ("s", Part::Second, Width::Exactly(1)),
    ("SSS", Part::Millis, Width::Exactly(3)),
    ("S", Part::Millis, Width::Exactly(1)),
    ("UUU", Part::Micros, Width::Exactly(3)),
    ("U+", Part::Micros, Width::UpTo(6)),
    ("U", Part::Micros, Width::Exactly(1)),
    ("NNN", Part::Nanos, Width::Exactly(3)),
    ("N+", Part::Nanos, Width::UpTo(9)),
    ("N", Part::Nanos, Width::Exactly(1)),
    ("G", Part::Era, Width::All),
    ("zzz", Part::Zone, Width::All),
    ("zz", Part::Zone, Width::All),
    ("z", Part::Zone, Width::All),
    ("Z", Part::Zone, Width::All),
    ("xxx", Part::Zone, Width::All),
    ("xx", Part::Zone, Width::All),
    ("x", Part::Zone, Width::All),
];

pub(super) fn compile(text: &str) -> Result<Vec<Item>, FormatError> {
    let mut items: Vec<Item> = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if next == '\'' {
            let (literal, after) = rest[1..].split_once('\'').ok_or(FormatError::OpenQuote)?;
            open_last(&mut items);
            items.push(Item::Literal(literal.to_owned()));
            rest = after;
            continue;
        }
        match PARTS.iter().find(|(letters, ..)| rest.starts_with(letters)) {
            Some(&(letters, part, width)) => {
                if letters == "a" || letters == "z" {
                    open_last(&mut items);
                }
                items.push(Item::Part(part, width));
                rest = &rest[letters.len()..];
            }
            None => {
                let (literal, after) = rest.split_at(next.len_utf8());
                match items.last_mut() {
                    Some(Item::Literal(before)) => before.push_str(literal),
                    _ => {
                        open_last(&mut items);
                        items.push(Item::Literal(literal.to_owned()));
                    }
                }
                rest = after;
            }
        }
    }
    open_last(&mut items);
    if items.iter().any(|item| matches!(item, Item::Part(Part::Year, _))) {
        Ok(items)
    } else {
        Err(FormatError::NoYear)
    }
}

/// A single letter takes one digit where another part follows at once, and all digits elsewhere.
fn open_last(items: &mut [Item]) {
    if let Some(Item::Part(part, width @ Width::Exactly(1))) = items.last_mut() {
        *width = match part {
            Part::Millis | Part::Micros | Part::Nanos => Width::UpTo(3),
            Part::Ignored => Width::Exactly(1),
            _ => Width::All,
        };
    }
}
