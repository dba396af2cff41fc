//! Messages that stand for something that is no message: those of `google.protobuf`, and those that Kafka Connect's
//! logical types are.

use std::fmt::Write as _;

use super::reader::ProtobufErrorKind;
use super::schema::Known;
use crate::decode::envelope::decimal;
use crate::decode::{Timestamp, Value};

const NANOS_A_SECOND: i64 = 1_000_000_000;

/// A scale beyond what any DECIMAL has would only make texts of zeros.
const MAX_SCALE: i64 = 400;

/// What a message's fields, in the order of their declaration, stand for.
pub(super) fn value(known: Known, fields: Vec<Value>) -> Result<Value, ProtobufErrorKind> {
    let number = |place: usize| match fields.get(place) {
        Some(Value::Integer(number)) => *number,
        _ => 0,
    };
    Ok(match known {
        Known::Timestamp => Value::Timestamp(timestamp(number(0), number(1))?),
        Known::Duration => Value::Text(duration(number(0), number(1))?),
        Known::Date => date(number(0), number(1), number(2))?,
        Known::TimeOfDay => time_of_day([number(0), number(1), number(2), number(3)])?,
        Known::Decimal => {
            let unscaled = match fields.first() {
                Some(Value::Bytes(bytes)) => &**bytes,
                _ => &[],
            };
            let scale = number(2);
            let digits = (-MAX_SCALE..=MAX_SCALE)
                .contains(&scale)
                .then(|| decimal::of_bytes(unscaled, scale as i32))
                .flatten();
            Value::Decimal(digits.ok_or(ProtobufErrorKind::LongDecimal)?.into())
        }
        Known::Wrapper | Known::Struct | Known::ListValue => fields.into_iter().next().unwrap_or(Value::Null),
        // The first is what stands for null.
        Known::Value => fields.into_iter().skip(1).find(|value| *value != Value::Null).unwrap_or(Value::Null),
    })
}

/// A point in time.
#[inline]
pub(crate) fn timestamp(seconds: i64, nanos: i64) -> Result<Timestamp, ProtobufErrorKind> {
    match u32::try_from(nanos) {
        Ok(nanos) if i64::from(nanos) < NANOS_A_SECOND => Ok(Timestamp::Seconds { seconds, nanos }),
        _ => Err(impossible_nanos(nanos)),
    }
}

#[cold]
fn impossible_nanos(nanos: i64) -> ProtobufErrorKind {
    ProtobufErrorKind::Impossible(format!("a Timestamp has {nanos} nanos"))
}

/// A duration, as ISO 8601 writes it: `PT3.5S`.
fn duration(seconds: i64, nanos: i64) -> Result<String, ProtobufErrorKind> {
    if nanos.abs() >= NANOS_A_SECOND || seconds.signum() * nanos.signum() < 0 {
        let message = format!("a Duration has {seconds} seconds and {nanos} nanos");
        return Err(ProtobufErrorKind::Impossible(message));
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let mut text = format!("{sign}PT{}", seconds.unsigned_abs());
    if nanos != 0 {
        let _ = write!(text, ".{:09}", nanos.unsigned_abs());
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('S');
    Ok(text)
}

/// Midnight of a day, UTC.
fn date(year: i64, month: i64, day: i64) -> Result<Value, ProtobufErrorKind> {
    let midnight = (|| {
        let (year, month, day) =
            (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        let date = jiff::civil::Date::new(year, month, day).ok().filter(|_| year > 0)?;
        jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
    })();
    match midnight {
        Some(time) => Ok(Value::Timestamp(Timestamp::Millis(time.as_millisecond()))),
        None => {
            let message = format!("a google.type.Date is {year}-{month}-{day}, which is no day");
            Err(ProtobufErrorKind::Impossible(message))
        }
    }
}

/// Milliseconds since midnight, as Kafka Connect's Time is.
fn time_of_day([hours, minutes, seconds, nanos]: [i64; 4]) -> Result<Value, ProtobufErrorKind> {
    let is_one = (0..=24).contains(&hours)
        && (0..60).contains(&minutes)
        && (0..=60).contains(&seconds)
        && (0..NANOS_A_SECOND).contains(&nanos);
    if !is_one {
        let message = format!(
            "a google.type.TimeOfDay is {hours}:{minutes}:{seconds} and {nanos} nanos, which is no time"
        );
        return Err(ProtobufErrorKind::Impossible(message));
    }
    Ok(Value::Integer(((hours * 60 + minutes) * 60 + seconds) * 1_000 + nanos / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_iso_8601s() {
        assert_eq!(duration(0, 0).unwrap(), "PT0S");
        assert_eq!(duration(3, 500_000_000).unwrap(), "PT3.5S");
        assert_eq!(duration(100, 1).unwrap(), "PT100.000000001S");
        assert_eq!(duration(-3, -10_000_000).unwrap(), "-PT3.01S");
        assert_eq!(duration(0, -1).unwrap(), "-PT0.000000001S");
        assert_eq!(duration(i64::MIN, 0).unwrap(), "-PT9223372036854775808S");
        assert!(duration(1, -1).is_err() && duration(0, 1_000_000_000).is_err());
    }

    #[test]
    fn days_and_times_that_there_are() {
        let millis = |millis| Ok(Value::Timestamp(Timestamp::Millis(millis)));
        assert_eq!(date(1970, 1, 2), millis(86_400_000));
        assert_eq!(date(2024, 2, 29), millis(1_709_164_800_000));
        for (year, month, day) in [(2023, 2, 29), (0, 1, 1), (2024, 0, 0), (i64::MAX, 1, 1)] {
            assert!(date(year, month, day).is_err());
        }
        assert_eq!(time_of_day([1, 2, 3, 4_999_999]), Ok(Value::Integer(3_723_004)));
        assert!(time_of_day([0, 60, 0, 0]).is_err());
        assert!(timestamp(0, -1).is_err() && timestamp(0, 1_000_000_000).is_err());
    }
}
