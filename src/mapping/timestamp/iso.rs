//! ISO 8601, as far as points in time go.

use crate::config::{CivilTime, PointInTime, Zone, zone};

/// How much of a point in time a text has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mapping) enum Demand {
    /// Date, time and zone: nothing is guessed.
    All,
    /// A date at least. What is not said is midnight, and UTC, as in QuestDB's own texts.
    Date,
}

/// `2020-01-02T03:04:05.123456789Z`, with no to nine digits of a fraction, and any of the zones of
/// [`TimestampFormat`](crate::config::TimestampFormat). None: it is no such text, or no such time.
pub(in crate::mapping) fn parse(text: &str, demand: Demand) -> Option<PointInTime> {
    let bytes = text.as_bytes();
    let number = |at: usize, digits: usize| {
        let field = bytes.get(at..at + digits)?;
        field.iter().try_fold(0, |value: u32, byte| {
            byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0'))
        })
    };
    let is = |at: usize, expected: u8| (bytes.get(at) == Some(&expected)).then_some(());
    is(4, b'-')?;
    is(7, b'-')?;
    let mut time = CivilTime {
        year: i64::from(number(0, 4)?),
        month: number(5, 2)?,
        day: number(8, 2)?,
        ..CivilTime::default()
    };
    if bytes.len() == 10 {
        return if demand == Demand::Date { time.in_utc() } else { None };
    }
    match bytes.get(10)? {
        b'T' => {}
        b' ' if demand == Demand::Date => {}
        _ => return None,
    }
    is(13, b':')?;
    (time.hour, time.minute) = (number(11, 2)?, number(14, 2)?);
    let mut end = 16;
    if bytes.get(16) == Some(&b':') {
        time.second = number(17, 2)?;
        end = 19;
        if bytes.get(19) == Some(&b'.') {
            let digits = bytes.get(20..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            time.nanos = number(20, digits)? * 10_u32.pow(9 - digits as u32);
            end = 20 + digits;
        }
    } else if demand == Demand::All {
        return None;
    }
    match text.get(end..)? {
        "Z" => time.in_utc(),
        "" if demand == Demand::Date => time.in_utc(),
        rest => {
            let (zone, rest): (Zone, &str) = zone(rest)?;
            rest.is_empty().then(|| zone.point_in_time(time))?
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIME: i64 = 1_577_934_245;

    fn all(text: &str) -> Option<PointInTime> {
        parse(text, Demand::All)
    }

    fn at(seconds: i64, nanos: u32) -> Option<PointInTime> {
        Some(PointInTime { seconds, nanos })
    }

    #[test]
    fn fractions_of_any_length_and_zones() {
        assert_eq!(all("2020-01-02T03:04:05Z"), at(TIME, 0));
        assert_eq!(all("2020-01-02T03:04:05z"), at(TIME, 0));
        assert_eq!(all("2020-01-02T03:04:05.1Z"), at(TIME, 100_000_000));
        assert_eq!(all("2020-01-02T03:04:05.123456Z"), at(TIME, 123_456_000));
        assert_eq!(all("2020-01-02T03:04:05.123456789Z"), at(TIME, 123_456_789));
        assert_eq!(all("2020-01-02T03:04:05.123456+02:00"), at(TIME - 7_200, 123_456_000));
        assert_eq!(all("2020-01-02T03:04:05-0230"), at(TIME + 9_000, 0));
        assert_eq!(all("1969-12-31T23:59:59.999Z"), at(-1, 999_000_000));
    }

    #[test]
    fn what_is_no_point_in_time() {
        for text in [
            "",
            "x",
            "2020-01-02",
            "2020-01-02T03:04:05.123456",
            "2020-01-02 03:04:05Z",
            "2020-01-02T03:04Z",
            "2020-01-02T03:04:05.Z",
            "2020-01-02T03:04:05.1234567890Z",
            "2020-01-02T03:04:05.123Zx",
            "2020-01-02T03:04:05+2",
            "2020-13-02T03:04:05Z",
            "2020-02-30T03:04:05Z",
            "2020-01-02T24:04:05Z",
            "2020-01-02T03:60:05Z",
            "2020-01-02T03:04:60Z",
            "1600000000000",
            "20200102T030405Z",
            "2020-01-02T03:04:05é",
            "２020-01-02T03:04:05Z",
        ] {
            assert_eq!(all(text), None, "{text}");
        }
    }

    #[test]
    fn a_column_s_text_may_say_less() {
        let date = |text| parse(text, Demand::Date);
        assert_eq!(date("2020-01-02"), at(1_577_923_200, 0));
        assert_eq!(date("2020-01-02 03:04:05.5"), at(TIME, 500_000_000));
        assert_eq!(date("2020-01-02T03:04"), at(TIME - 5, 0));
        assert_eq!(date("2020-01-02T03:04:05 Z"), None);
        for text in ["2020-01", "2020", "1600000000000000", "2020-01-02x", "str", "", "2020-01-02T"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in -62_135_596_800_i64..253_402_300_800, nanos in 0_u32..1_000_000_000) {
            let text = jiff::Timestamp::new(seconds, 0).unwrap().strftime("%Y-%m-%dT%H:%M:%S").to_string();
            prop_assert_eq!(all(&format!("{text}.{nanos:09}Z")), at(seconds, nanos));
        }

        #[test]
        fn no_text_is_too_odd(text: String, date in "[0-9T:.+Zz -]{0,30}") {
            for text in [text, date] {
                let _ = (all(&text), parse(&text, Demand::Date));
            }
        }
    }
}
