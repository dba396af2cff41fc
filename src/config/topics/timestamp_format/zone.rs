use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::calendar::{CivilTime, PointInTime};

/// By how much a clock differs from UTC.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Zone {
    /// Always by so many seconds.
    Offset(i64),
    /// By the rules of a place.
    Place(TimeZone),
}

/// Abbreviations that the tz database has no zones for, and the places whose rules they stand for, summer time
/// included: as QuestDB understands them.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("CET", "Europe/Paris"),
    ("CEST", "Europe/Paris"),
    ("WEST", "Europe/Lisbon"),
    ("EEST", "Europe/Helsinki"),
    ("JST", "Asia/Tokyo"),
    ("KST", "Asia/Seoul"),
    ("HKT", "Asia/Hong_Kong"),
    ("AEST", "Australia/Sydney"),
    ("AEDT", "Australia/Sydney"),
    ("NZST", "Pacific/Auckland"),
    ("NZDT", "Pacific/Auckland"),
];

impl Zone {
    pub const UTC: Self = Self::Offset(0);

    /// The point in time at which clocks of the zone show this. None: there is no such time.
    pub fn point_in_time(&self, time: CivilTime) -> Option<PointInTime> {
        let in_utc = time.in_utc()?;
        let offset = match self {
            Self::Offset(offset) => *offset,
            Self::Place(place) => {
                let shown = jiff::Timestamp::new(in_utc.seconds, 0).ok()?;
                let shown: DateTime = TimeZone::UTC.to_datetime(shown);
                // In the hour that clocks skip or repeat it is the offset before the change that counts.
                let actual = place.to_ambiguous_timestamp(shown).compatible().ok()?;
                in_utc.seconds - actual.as_second()
            }
        };
        Some(PointInTime { seconds: in_utc.seconds.checked_sub(offset)?, ..in_utc })
    }
}

/// The zone at the start of a text, and what comes after it: `Z`, `+02`, `+0200`, `+02:00`, the same after `UTC` or
/// `GMT`, a name of the tz database (`Europe/Berlin`) or a common abbreviation.
pub(crate) fn zone(text: &str) -> Option<(Zone, &str)> {
    let bytes = text.as_bytes();
    if let Some(b'+' | b'-') = bytes.first() {
        return offset(text);
    }
    let end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '+' | '-'));
    let length = text.find(end).unwrap_or(text.len());
    let (name, rest) = text.split_at(length);
    let starts =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if name.eq_ignore_ascii_case("z") {
        return Some((Zone::UTC, rest));
    }
    if starts("utc") || starts("gmt") {
        return match bytes.get(3) {
            Some(b'+' | b'-') => offset(&text[3..]),
            _ if length == 3 => Some((Zone::UTC, rest)),
            _ => None,
        };
    }
    let alias = ABBREVIATIONS.iter().find(|(short, _)| short.eq_ignore_ascii_case(name));
    let place = TimeZone::get(alias.map_or(name, |(_, place)| place)).ok()?;
    Some((Zone::Place(place), rest))
}

/// A sign, two digits of hours, and two of minutes where they are there.
fn offset(text: &str) -> Option<(Zone, &str)> {
    let number = |at: usize| {
        let digits =
            text.get(at..at + 2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<i64>().ok()
    };
    let hours = number(1).filter(|&hours| hours < 24)?;
    let minutes_at = if text.get(3..4) == Some(":") { 4 } else { 3 };
    let (minutes, end) = match number(minutes_at) {
        Some(minutes) if minutes < 60 => (minutes, minutes_at + 2),
        // A colon needs minutes behind it.
        None if minutes_at == 3 => (0, 3),
        _ => return None,
    };
    let seconds = hours * 3_600 + minutes * 60;
    let seconds = if text.starts_with('-') { -seconds } else { seconds };
    Some((Zone::Offset(seconds), text.get(end..)?))
}
