use std::fmt::Write as _;

use super::calendar::{MONTHS, Moment, WEEKDAYS};
use super::{DateFormat, Item};

impl DateFormat {
    /// Writes a time, in milliseconds since 1970-01-01T00:00:00Z.
    pub(in crate::transform) fn format(&self, millis: i64) -> String {
        let moment = Moment::of_millis(millis);
        let mut text = String::new();
        for item in &self.items {
            match *item {
                Item::Literal(literal) => text.push(literal),
                Item::Field(letter, count) => field(letter, count, &moment, &mut text),
            }
        }
        text
    }
}

fn field(letter: char, count: usize, moment: &Moment, text: &mut String) {
    let (seconds, minutes, hours) =
        (moment.millis_of_day / 1_000, moment.millis_of_day / 60_000, moment.millis_of_day / 3_600_000);
    // Before the year 1 there is the year 1 before Christ.
    let of_era = |year: i64| if year > 0 { year } else { 1 - year };
    let number = match letter {
        'G' => return text.push_str(if moment.year > 0 { "AD" } else { "BC" }),
        'y' if count == 2 => of_era(moment.year) % 100,
        'y' => of_era(moment.year),
        'Y' if count == 2 => moment.week().1.rem_euclid(100),
        'Y' => moment.week().1,
        'M' | 'L' if count >= 3 => return name(MONTHS[(moment.month - 1) as usize % 12], count, text),
        'M' | 'L' => moment.month,
        'd' => moment.day,
        'D' => moment.day_of_year(),
        'F' => (moment.day - 1) / 7 + 1,
        'E' => return name(WEEKDAYS[moment.weekday() as usize % 7], count, text),
        'u' => (moment.weekday() + 6) % 7 + 1,
        'a' => return text.push_str(if hours < 12 { "AM" } else { "PM" }),
        'H' => hours,
        'k' => (hours + 23) % 24 + 1,
        'K' => hours % 12,
        'h' => (hours + 11) % 12 + 1,
        'm' => minutes % 60,
        's' => seconds % 60,
        'S' => moment.millis_of_day % 1_000,
        'w' => moment.week().0,
        'W' => moment.week_of_month(),
        'z' => return text.push_str(if count >= 4 { "Coordinated Universal Time" } else { "UTC" }),
        'Z' => return text.push_str("+0000"),
        _ => return text.push('Z'),
    };
    let _ = write!(text, "{number:0count$}");
}

fn name(name: &str, count: usize, text: &mut String) {
    text.push_str(if count >= 4 { name } else { &name[..3] });
}
