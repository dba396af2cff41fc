//! Sizes and durations as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number of bytes: `"100MiB"`, `"64 kB"`, or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a size, such as \"100MiB\", \"64kB\" or 1_048_576");
        // Numbers in a TOML file may have underscores, so people write them in quotes, too.
        let size: ByteSize = text.trim().replace('_', "").parse().map_err(|_| wrong())?;
        usize::try_from(size.as_u64()).map(Self).map_err(|_| wrong())
    }
}

/// The shortest exact way to write the size, which reads back as the same.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        for (shift, unit) in units {
            if self.0 > 0 && self.0.trailing_zeros() >= shift {
                return write!(f, "{}{unit}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SizeVisitor;

        impl Visitor<'_> for SizeVisitor {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size, such as \"100MiB\", \"64kB\" or 1_048_576")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Size, E> {
                let wrong = || E::custom(format!("{value} is not a size: it is negative"));
                usize::try_from(value).map(Size).map_err(|_| wrong())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(SizeVisitor)
    }
}

/// The longest duration that a setting takes: a year. It keeps `Instant + Duration` from overflowing.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// A length of time: `"30s"`, `"500ms"`, `"1h 30m"`. More than none, and no more than a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration = humantime::parse_duration(text.trim())
            .map_err(|_| format!("`{text}` is not a duration, such as \"30s\", \"500ms\" or \"10m\""))?;
        if duration.is_zero() || duration > LONGEST {
            return Err(format!("`{text}`: must be more than none and no more than 365 days"));
        }
        Ok(Self(duration))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpanVisitor;

        impl Visitor<'_> for SpanVisitor {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration with its unit, such as \"30s\", \"500ms\" or \"10m\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(SpanVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_taken_as_users_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1048588", 1_048_588),
            ("1_048_588", 1_048_588),
            ("512B", 512),
            ("64kB", 64_000),
            ("64KB", 64_000),
            ("64 KiB", 65_536),
            ("64kib", 65_536),
            ("100MiB", 100 << 20),
            ("100 MB", 100_000_000),
            ("1.5GiB", 3 << 29),
            (" 2G ", 2_000_000_000),
            ("16Mi", 16 << 20),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MiB", "-1", "lots", "10 MoB", "1.2.3MiB", "10MiB10", "99999999999999999999"] {
            let error = text.parse::<Size>().unwrap_err();
            assert!(error.starts_with(&format!("`{text}` is not a size")), "{error}");
        }
    }

    #[test]
    fn durations_need_a_unit_and_have_bounds() {
        assert_eq!("30s".parse(), Ok(Span(Duration::from_secs(30))));
        assert_eq!("1h 30m".parse(), Ok(Span(Duration::from_secs(5400))));
        assert_eq!("500ms".parse(), Ok(Span(Duration::from_millis(500))));
        for text in ["", "30", "s", "-3s", "soon", "0s", "0", "366d", "99999999999y"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
