pub(super) const MILLIS_A_DAY: i64 = 86_400_000;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Sunday, as weeks begin where Java's default locale is American.
pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A point in time by the Gregorian calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub year: i64,
    /// From 1.
    pub month: i64,
    /// From 1.
    pub day: i64,
    pub millis_of_day: i64,
    days: i64,
}

impl Moment {
    pub(super) fn of_millis(millis: i64) -> Self {
        let days = millis.div_euclid(MILLIS_A_DAY);
        // The 400 years of the calendar's period, counted from a first of March so that leap days are last.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Self { year, month, day, millis_of_day: millis.rem_euclid(MILLIS_A_DAY), days }
    }

    /// From 1.
    pub(super) fn day_of_year(&self) -> i64 {
        self.days - days_before(self.year, 1, 1) + 1
    }

    /// From Sunday, 0.
    pub(super) fn weekday(&self) -> i64 {
        (self.days + 4).rem_euclid(7)
    }

    /// The week, and the year that it belongs to: the first week is the one with the first of January in it.
    pub(super) fn week(&self) -> (i64, i64) {
        let first = |year| (days_before(year, 1, 1) + 4).rem_euclid(7);
        let next_begins = days_before(self.year + 1, 1, 1) - first(self.year + 1);
        if self.days >= next_begins {
            (1, self.year + 1)
        } else {
            ((self.day_of_year() - 1 + first(self.year)) / 7 + 1, self.year)
        }
    }

    pub(super) fn week_of_month(&self) -> i64 {
        let first = (self.weekday() - (self.day - 1)).rem_euclid(7);
        (self.day - 1 + first) / 7 + 1
    }
}

/// The days from 1970-01-01 to a date. A month or a day that is out of range leads into others.
pub(super) fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468 + day - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_days() {
        assert_eq!(days_before(1970, 1, 1), 0);
        assert_eq!(days_before(2000, 3, 1), 11_017);
        assert_eq!(days_before(2020, 14, 1), days_before(2021, 2, 1));
        assert_eq!(days_before(2021, 1, 32), days_before(2021, 2, 1));
        let moment = Moment::of_millis(1_600_000_000_123);
        assert_eq!((moment.year, moment.month, moment.day, moment.weekday()), (2020, 9, 13, 0));
        assert_eq!(moment.day_of_year(), 257);
    }

    proptest! {
        #[test]
        fn there_and_back(days in -100_000_000_i64..100_000_000) {
            let moment = Moment::of_millis(days * MILLIS_A_DAY);
            prop_assert_eq!(days_before(moment.year, moment.month, moment.day), days);
            prop_assert!((1..=12).contains(&moment.month) && (1..=31).contains(&moment.day));
        }

        #[test]
        fn any_number_is_a_time(millis: i64) {
            let moment = Moment::of_millis(millis);
            prop_assert!((1..=366).contains(&moment.day_of_year()));
            prop_assert!((1..=53).contains(&moment.week().0) && (1..=6).contains(&moment.week_of_month()));
        }
    }
}
