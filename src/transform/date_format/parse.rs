use super::calendar::{MONTHS, WEEKDAYS, days_before};
use super::{DateFormat, Item};

/// Zones by the names that texts have most often, in minutes east of Greenwich.
const ZONES: &[(&str, i64)] = &[
    ("UTC", 0),
    ("GMT", 0),
    ("WET", 0),
    ("WEST", 60),
    ("BST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("IST", 330),
    ("HKT", 480),
    ("AWST", 480),
    ("JST", 540),
    ("KST", 540),
    ("ACST", 570),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
    ("HST", -600),
    ("AKST", -540),
    ("AKDT", -480),
    ("PST", -480),
    ("PDT", -420),
    ("MST", -420),
    ("MDT", -360),
    ("CST", -360),
    ("CDT", -300),
    ("EST", -300),
    ("EDT", -240),
];

/// No field of a time has more digits.
const MAX_DIGITS: usize = 9;

impl DateFormat {
    /// Reads a time, as milliseconds since 1970-01-01T00:00:00Z. None: it is written otherwise.
    pub(in crate::transform) fn parse(&self, text: &str) -> Option<i64> {
        let mut reader = Reader { rest: text };
        let mut read = Read::default();
        for (index, item) in self.items.iter().enumerate() {
            match *item {
                Item::Literal(literal) => reader.rest = reader.rest.strip_prefix(literal)?,
                Item::Field(letter, count) => {
                    reader.rest = reader.rest.trim_start_matches([' ', '\t']);
                    // Digits that another field follows at once belong to it beyond the count.
                    let abuts = matches!(self.items.get(index + 1), Some(Item::Field(..)));
                    let most = if abuts { count } else { usize::MAX };
                    self.field(letter, count, most, &mut reader, &mut read)?;
                }
            }
        }
        read.millis()
    }

    fn field(
        &self,
        letter: char,
        count: usize,
        most: usize,
        reader: &mut Reader<'_>,
        read: &mut Read,
    ) -> Option<()> {
        match letter {
            'G' => read.before_christ = reader.name(&["BC", "AD"], 2)? == 0,
            'y' => {
                let (year, digits) = reader.number(most)?;
                read.year = Some(if count <= 2 && digits == 2 { self.in_century(year) } else { year });
            }
            'M' | 'L' if count >= 3 => read.month = Some(reader.name(&MONTHS, 3)? as i64 + 1),
            'M' | 'L' => read.month = Some(reader.number(most)?.0),
            'd' => read.day = Some(reader.number(most)?.0),
            'D' => read.day_of_year = Some(reader.number(most)?.0),
            'E' => drop(reader.name(&WEEKDAYS, 3)?),
            'u' => drop(reader.number(most)?),
            'a' => read.afternoon = reader.name(&["AM", "PM"], 2)? == 1,
            'H' | 'k' => read.hour = Some(reader.number(most)?.0 % if letter == 'k' { 24 } else { i64::MAX }),
            'K' | 'h' => {
                read.half_hour = Some(reader.number(most)?.0 % if letter == 'h' { 12 } else { i64::MAX })
            }
            'm' => read.minute = reader.number(most)?.0,
            's' => read.second = reader.number(most)?.0,
            'S' => read.millis = reader.number(most)?.0,
            'z' | 'Z' => read.offset_minutes = reader.zone()?,
            'X' => read.offset_minutes = reader.iso_zone(count)?,
            _ => return None,
        }
        Some(())
    }

    fn in_century(&self, two_digits: i64) -> i64 {
        let year = self.century_start - self.century_start.rem_euclid(100) + two_digits;
        if year < self.century_start { year + 100 } else { year }
    }
}

/// What has been read of a time.
#[derive(Default)]
struct Read {
    before_christ: bool,
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    /// The hour of half a day.
    half_hour: Option<i64>,
    afternoon: bool,
    minute: i64,
    second: i64,
    millis: i64,
    offset_minutes: i64,
}

impl Read {
    fn millis(&self) -> Option<i64> {
        let year = self.year.unwrap_or(1970);
        let year = if self.before_christ { 1 - year } else { year };
        let days = match self.day_of_year {
            Some(day) if self.month.is_none() && self.day.is_none() => days_before(year, 1, day),
            _ => days_before(year, self.month.unwrap_or(1), self.day.unwrap_or(1)),
        };
        let hour =
            self.hour.unwrap_or_else(|| self.half_hour.unwrap_or(0) + if self.afternoon { 12 } else { 0 });
        // Numbers of nine digits each: none of the sums comes near the end of 64 bits but the days.
        let minutes = hour * 60 + self.minute - self.offset_minutes;
        let millis = (minutes * 60 + self.second) * 1_000 + self.millis;
        days.checked_mul(86_400_000)?.checked_add(millis)
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// A number of some digits, and how many.
    fn number(&mut self, most: usize) -> Option<(i64, usize)> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number = self.rest[..digits].parse().ok().filter(|_| digits <= MAX_DIGITS)?;
        self.rest = &self.rest[digits..];
        Some((number, digits))
    }

    /// One of several names, or its first `short` letters. Case does not matter.
    fn name(&mut self, names: &[&str], short: usize) -> Option<usize> {
        let (at, length) = [usize::MAX, short].into_iter().find_map(|most| {
            let length = |name: &str| most.min(name.len());
            let at = names.iter().position(|name| self.starts_with(&name[..length(name)]))?;
            Some((at, length(names[at])))
        })?;
        self.rest = &self.rest[length..];
        Some(at)
    }

    fn starts_with(&self, name: &str) -> bool {
        self.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
    }

    /// `+0100`, `GMT+1:00`, or a zone's name, in minutes east of Greenwich.
    fn zone(&mut self) -> Option<i64> {
        if let Some(sign) = self.sign() {
            let hours = self.two_digits()?;
            return Some(sign * (hours * 60 + self.two_digits()?));
        }
        if self.starts_with("GMT") && self.rest[3..].starts_with(['+', '-']) {
            self.rest = &self.rest[3..];
            let sign = self.sign()?;
            let (hours, _) = self.number(2)?;
            self.rest = self.rest.strip_prefix(':')?;
            return Some(sign * (hours * 60 + self.two_digits()?));
        }
        let letters = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (_, minutes) = ZONES.iter().find(|(name, _)| name.len() == letters && self.starts_with(name))?;
        self.rest = &self.rest[letters..];
        Some(*minutes)
    }

    /// `Z`, `+01`, `+0100` or `+01:00`, by how many X there are.
    fn iso_zone(&mut self, count: usize) -> Option<i64> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(0);
        }
        let sign = self.sign()?;
        let hours = self.two_digits()?;
        if count >= 3 {
            self.rest = self.rest.strip_prefix(':')?;
        }
        let minutes = if count >= 2 { self.two_digits()? } else { 0 };
        Some(sign * (hours * 60 + minutes))
    }

    fn sign(&mut self) -> Option<i64> {
        let sign = match self.rest.bytes().next() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        Some(sign)
    }

    fn two_digits(&mut self) -> Option<i64> {
        self.number(2).filter(|(_, digits)| *digits == 2).map(|(number, _)| number)
    }
}
