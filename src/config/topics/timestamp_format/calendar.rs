/// English names, the long ones first: a short one is the start of a long one.
pub(super) const MONTHS: [&str; 24] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
];

/// English names, the long ones first.
pub(super) const DAYS: [&str; 14] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
];

const DAY_SECONDS: i64 = 86_400;

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PointInTime {
    /// Since 1970-01-01T00:00:00Z, rounded down.
    pub seconds: i64,
    /// The nanoseconds of that second.
    pub nanos: u32,
}

impl PointInTime {
    /// In microseconds since 1970; what is finer is cut off. None: out of range.
    pub fn micros(self) -> Option<i64> {
        self.seconds.checked_mul(1_000_000)?.checked_add(i64::from(self.nanos / 1_000))
    }

    /// In milliseconds since 1970; what is finer is cut off. None: out of range.
    pub fn millis(self) -> Option<i64> {
        self.seconds.checked_mul(1_000)?.checked_add(i64::from(self.nanos / 1_000_000))
    }

    /// In nanoseconds since 1970. None: out of range.
    pub fn nanos(self) -> Option<i64> {
        // The sum may be in range where the product is not.
        let nanos = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos);
        i64::try_from(nanos).ok()
    }
}

/// A date and a time of day as a calendar and a clock show them, somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// The year; of an ISO week the week's.
    pub year: i64,
    /// Whether the year counts backwards from the birth of Christ.
    pub before_christ: bool,
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
    /// An ISO week, from 1, whose Monday is meant then.
    pub week: Option<u32>,
    /// From 0 to 23.
    pub hour: u32,
    /// From 0 to 59.
    pub minute: u32,
    /// From 0 to 59.
    pub second: u32,
    /// Of the second.
    pub millis: u32,
    /// Besides the milliseconds.
    pub micros: u32,
    /// Besides the microseconds.
    pub nanos: u32,
}

impl Default for CivilTime {
    fn default() -> Self {
        Self {
            year: 1970,
            before_christ: false,
            month: 1,
            day: 1,
            week: None,
            hour: 0,
            minute: 0,
            second: 0,
            millis: 0,
            micros: 0,
            nanos: 0,
        }
    }
}

impl CivilTime {
    /// The point in time where the clock shows UTC. None: there is no such time.
    pub fn in_utc(self) -> Option<PointInTime> {
        let year = if self.before_christ { 1 - self.year } else { self.year };
        if self.hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let day = match self.week {
            None => {
                let valid =
                    (1..=12).contains(&self.month) && (1..=days_of(year, self.month)).contains(&self.day);
                valid.then(|| day_number(year, self.month, self.day))?
            }
            Some(week) => {
                let first = first_monday(year);
                let last = (first_monday(year + 1) - first) / 7;
                (1..=last).contains(&i64::from(week)).then(|| first + (i64::from(week) - 1) * 7)?
            }
        };
        let of_day = i64::from(self.hour * 3_600 + self.minute * 60 + self.second);
        let nanos =
            u64::from(self.millis) * 1_000_000 + u64::from(self.micros) * 1_000 + u64::from(self.nanos);
        Some(PointInTime {
            seconds: day * DAY_SECONDS + of_day + (nanos / 1_000_000_000) as i64,
            nanos: (nanos % 1_000_000_000) as u32,
        })
    }
}

fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

fn days_of(year: i64, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, in the proleptic Gregorian calendar.
fn day_number(year: i64, month: u32, day: u32) -> i64 {
    // A year that starts in March has its leap day at its end, and months whose lengths follow a pattern.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_year = i64::from((153 * month + 2) / 5 + day - 1);
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

/// The Monday that an ISO year starts with, in days since 1970: that of the week with January 4 in it.
fn first_monday(year: i64) -> i64 {
    let fourth = day_number(year, 1, 4);
    // 1970-01-01 was a Thursday.
    fourth - (fourth + 3).rem_euclid(7)
}
