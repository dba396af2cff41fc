//! Numbers as points in time.

use super::super::refusal::cut;
use crate::config::TimestampUnit;
use crate::decode::Timestamp;
use crate::decode::json::{Number, NumberValue};
use crate::rows::TimeUnit;

/// The last microsecond of the year 9999, the end of QuestDB's designated timestamps.
const MAX_US: i64 = 253_402_300_799_999_999;

/// The last nanosecond of the year 2261, their end where the column is TIMESTAMP_NS.
const MAX_NS: i64 = 9_214_646_399_999_999_999;

/// Whether QuestDB takes it as a designated timestamp.
#[inline]
pub(super) fn is_designated(value: i64, unit: TimeUnit) -> bool {
    match unit {
        TimeUnit::Micros => (0..=MAX_US).contains(&value),
        TimeUnit::Nanos => (0..=MAX_NS).contains(&value),
    }
}

/// The times that QuestDB takes, for a message.
pub(super) fn range(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Micros => "from 1970 to 9999",
        TimeUnit::Nanos => "from 1970 to 2261 in a table whose own is TIMESTAMP_NS",
    }
}

/// The designated timestamp of a Kafka record's.
#[inline]
pub(super) fn from_record(timestamp_ms: i64, unit: TimeUnit) -> Result<i64, String> {
    let factor = match unit {
        TimeUnit::Micros => 1_000,
        TimeUnit::Nanos => 1_000_000,
    };
    timestamp_ms.checked_mul(factor).filter(|&value| is_designated(value, unit)).ok_or_else(|| {
        format!(
            "the record's Kafka timestamp is {timestamp_ms} ms, and QuestDB takes designated timestamps {} only; set \
             the record's timestamp, or take it from a field with `timestamp`",
            range(unit)
        )
    })
}

/// The designated timestamp of a payload that has it as a time.
pub(super) fn from_payload(time: Timestamp, unit: TimeUnit) -> Result<i64, String> {
    super::in_unit(time, unit).filter(|&value| is_designated(value, unit)).ok_or_else(|| {
        format!(
            "{time} since 1970 is no time that QuestDB takes as a designated timestamp, which is one {}; send another \
             one",
            range(unit)
        )
    })
}

/// The designated timestamp that a number stands for. What is finer is cut off.
#[inline]
pub(super) fn from_number(number: &Number<'_>, unit: TimestampUnit, to: TimeUnit) -> Result<i64, String> {
    let value = match number.value {
        NumberValue::Integer(value) => integer(value, unit, to),
        NumberValue::BigInteger => None,
        NumberValue::Double(value) => decimal(number.as_str(), value, unit, to),
    };
    value.filter(|&value| is_designated(value, to)).ok_or_else(|| no_time(number, unit, to))
}

#[cold]
fn no_time(number: &Number<'_>, unit: TimestampUnit, to: TimeUnit) -> String {
    format!(
        "{} ({}) is no time that QuestDB takes as a designated timestamp, which is one {}; check the field and \
         `timestamp.unit`",
        cut(number.text),
        match unit {
            TimestampUnit::Auto => "its unit told by its size",
            TimestampUnit::Seconds => "in seconds",
            TimestampUnit::Millis => "in milliseconds",
            TimestampUnit::Micros => "in microseconds",
            TimestampUnit::Nanos => "in nanoseconds",
        },
        range(to)
    )
}

#[inline]
fn integer(value: i64, unit: TimestampUnit, to: TimeUnit) -> Option<i64> {
    let nanos = to == TimeUnit::Nanos;
    match unit {
        TimestampUnit::Auto => integer(value, unit_of(value), to),
        TimestampUnit::Seconds => value.checked_mul(if nanos { 1_000_000_000 } else { 1_000_000 }),
        TimestampUnit::Millis => value.checked_mul(if nanos { 1_000_000 } else { 1_000 }),
        TimestampUnit::Micros if nanos => value.checked_mul(1_000),
        TimestampUnit::Micros => Some(value),
        TimestampUnit::Nanos if nanos => Some(value),
        TimestampUnit::Nanos => Some(value.div_euclid(1_000)),
    }
}

/// The unit by magnitude, as QuestDB's Kafka connector tells it.
fn unit_of(value: i64) -> TimestampUnit {
    match value {
        ..10_000_000_000 => TimestampUnit::Seconds,
        10_000_000_000..10_000_000_000_000 => TimestampUnit::Millis,
        10_000_000_000_000..10_000_000_000_000_000 => TimestampUnit::Micros,
        _ => TimestampUnit::Nanos,
    }
}

/// By the number's digits and not by its double, which cannot hold today in seconds to the microsecond's end.
fn decimal(text: &str, value: f64, unit: TimestampUnit, to: TimeUnit) -> Option<i64> {
    // Nothing beyond is a time in any unit. Without this an exponent, and not the text, would say how many digits
    // are walked below; zero has any exponent.
    if !(0.0..1e21).contains(&value) {
        return None;
    }
    if value == 0.0 {
        return Some(0);
    }
    let micros_shift = match if unit == TimestampUnit::Auto { unit_of(value as i64) } else { unit } {
        TimestampUnit::Seconds | TimestampUnit::Auto => 6,
        TimestampUnit::Millis => 3,
        TimestampUnit::Micros => 0,
        TimestampUnit::Nanos => -3,
    };
    let shift = if to == TimeUnit::Nanos { micros_shift + 3 } else { micros_shift };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa, ""));
    // The digits that are left of the point once the number is in the column's unit.
    let digits = whole.len() as i64 + exponent.parse::<i64>().ok()? + shift;
    let all = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat(b'0'));
    let mut result = 0_i64;
    for digit in all.take(usize::try_from(digits).unwrap_or(0)) {
        result = result.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Scanner;

    fn micros(text: &str, unit: TimestampUnit) -> Option<i64> {
        from_number(&Scanner::new(text.as_bytes()).number().unwrap(), unit, TimeUnit::Micros).ok()
    }

    #[test]
    fn units() {
        assert_eq!(micros("1600000000", TimestampUnit::Seconds), Some(1_600_000_000_000_000));
        assert_eq!(micros("1600000000123", TimestampUnit::Millis), Some(1_600_000_000_123_000));
        assert_eq!(micros("1600000000", TimestampUnit::Millis), Some(1_600_000_000_000));
        assert_eq!(micros("1600000000123456", TimestampUnit::Micros), Some(1_600_000_000_123_456));
        assert_eq!(micros("1600000000123456789", TimestampUnit::Nanos), Some(1_600_000_000_123_456));
    }

    #[test]
    fn the_unit_by_magnitude() {
        for (text, expected) in [
            ("0", 0),
            ("1", 1_000_000),
            ("9999999999", 9_999_999_999_000_000),
            ("10000000000", 10_000_000_000_000),
            ("9999999999999", 9_999_999_999_999_000),
            ("10000000000000", 10_000_000_000_000),
            ("9999999999999999", 9_999_999_999_999_999),
            ("10000000000000000", 10_000_000_000_000),
            ("1600000000123456789", 1_600_000_000_123_456),
            ("1600000000.5", 1_600_000_000_500_000),
        ] {
            assert_eq!(micros(text, TimestampUnit::Auto), Some(expected), "{text}");
        }
    }

    #[test]
    fn fractions_and_exponents_to_the_microsecond() {
        assert_eq!(micros("1600000000.123456789", TimestampUnit::Seconds), Some(1_600_000_000_123_456));
        assert_eq!(micros("8999999999.123457", TimestampUnit::Seconds), Some(8_999_999_999_123_457));
        assert_eq!(micros("1.600000000123456789e18", TimestampUnit::Nanos), Some(1_600_000_000_123_456));
        assert_eq!(micros("1.6E9", TimestampUnit::Seconds), Some(1_600_000_000_000_000));
        assert_eq!(micros("160000000012e-2", TimestampUnit::Seconds), Some(1_600_000_000_120_000));
        assert_eq!(micros("0.0000001", TimestampUnit::Seconds), Some(0));
        assert_eq!(micros("1e-300", TimestampUnit::Seconds), Some(0));
        assert_eq!(micros("0e99999999999999999", TimestampUnit::Seconds), Some(0));
    }

    #[test]
    fn what_questdb_does_not_take() {
        assert_eq!(micros("253402300799", TimestampUnit::Seconds), Some(253_402_300_799_000_000));
        for text in
            ["-1", "253402300800", "9223372036854775807", "9223372036854775808", "-0.5", "1e30", "1e400"]
        {
            assert_eq!(micros(text, TimestampUnit::Seconds), None, "{text}");
        }
        assert!(from_record(-1, TimeUnit::Micros).is_err());
        assert!(from_record(i64::MAX, TimeUnit::Micros).is_err());
        assert_eq!(from_record(1_600_000_000_123, TimeUnit::Micros), Ok(1_600_000_000_123_000));
    }

    #[test]
    fn nanoseconds_are_kept_where_the_table_has_them() {
        let nanos = |text: &str, unit| {
            from_number(&Scanner::new(text.as_bytes()).number().unwrap(), unit, TimeUnit::Nanos).ok()
        };
        assert_eq!(nanos("1600000000123456789", TimestampUnit::Auto), Some(1_600_000_000_123_456_789));
        assert_eq!(nanos("1600000000.123456789", TimestampUnit::Seconds), Some(1_600_000_000_123_456_789));
        assert_eq!(nanos("1600000000123", TimestampUnit::Millis), Some(1_600_000_000_123_000_000));
        assert_eq!(nanos("1600000000123456", TimestampUnit::Micros), Some(1_600_000_000_123_456_000));
        assert_eq!(nanos("9214646399999999999", TimestampUnit::Nanos), Some(9_214_646_399_999_999_999));
        assert_eq!(nanos("9214646400", TimestampUnit::Seconds), None);
        assert_eq!(nanos("9214646400000000000", TimestampUnit::Nanos), None);
        assert_eq!(from_record(1_600_000_000_123, TimeUnit::Nanos), Ok(1_600_000_000_123_000_000));
        assert!(from_record(9_214_646_400_000, TimeUnit::Nanos).is_err());
    }
}
