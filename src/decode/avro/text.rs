//! What Avro has as bytes and a column as text.

use std::fmt::Write as _;

/// A UUID of sixteen bytes, as RFC 9562 writes it.
pub(super) fn uuid(bytes: &[u8]) -> String {
    uuid::Uuid::from_slice(bytes).map(|uuid| uuid.to_string()).unwrap_or_default()
}

/// A duration of months, days and milliseconds, each of four bytes, as ISO 8601 writes it: `P1M2DT3.004S`.
pub(super) fn duration(bytes: &[u8]) -> String {
    let part = |index: usize| {
        let bytes = bytes.get(index * 4..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    let (months, days, millis) = (part(0), part(1), part(2));
    let mut text = "P".to_owned();
    if months > 0 {
        let _ = write!(text, "{months}M");
    }
    if days > 0 {
        let _ = write!(text, "{days}D");
    }
    if millis > 0 || text.len() == 1 {
        let _ = write!(text, "T{}", millis / 1_000);
        if millis % 1_000 > 0 {
            let _ = write!(text, ".{:03}", millis % 1_000);
        }
        text.push('S');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_iso_8601s() {
        let of = |months: u32, days: u32, millis: u32| {
            duration(&[months.to_le_bytes(), days.to_le_bytes(), millis.to_le_bytes()].concat())
        };
        assert_eq!(of(1, 2, 3_004), "P1M2DT3.004S");
        assert_eq!(of(0, 0, 0), "PT0S");
        assert_eq!(of(14, 0, 0), "P14M");
        assert_eq!(of(0, 1, 60_000), "P1DT60S");
        assert_eq!(of(u32::MAX, u32::MAX, u32::MAX), "P4294967295M4294967295DT4294967.295S");
    }
}
