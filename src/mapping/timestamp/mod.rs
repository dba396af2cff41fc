//! Points in time: from texts and numbers, and as the designated timestamp of a row.

mod designated;
mod iso;
mod units;

pub(super) use designated::{how_written, read};
pub(super) use iso::{Demand, parse as parse_iso};

use crate::decode::Timestamp;
use crate::rows::TimeUnit;

/// A time in a column's unit; what is finer is cut off. None: out of range, or what QuestDB reads as null.
#[inline]
pub(super) fn in_unit(time: Timestamp, unit: TimeUnit) -> Option<i64> {
    let value = match unit {
        TimeUnit::Micros => time.micros(),
        TimeUnit::Nanos => time.nanos(),
    };
    value.filter(|&value| value != i64::MIN)
}

/// A time in milliseconds, as a DATE column has it and such that it has a number of microseconds, too.
pub(super) fn in_date(time: Timestamp) -> Option<i64> {
    let millis = time.millis()?;
    millis.checked_mul(1_000).filter(|&micros| micros != i64::MIN).map(|_| millis)
}
