//! QuestDB's types: what their columns take.

use crate::rows::{Literal, Target, TimeUnit};
use crate::schema::TableColumn;

/// What a column of a QuestDB type takes.
pub(super) fn target_of(type_name: &str) -> Target {
    let integer = |min: i64, max: i64| Target::Integer { min, max };
    let name = type_name.to_ascii_uppercase();
    match name.as_str() {
        "BOOLEAN" => Target::Boolean,
        // The smallest INT and LONG are QuestDB's null.
        "LONG" => integer(-i64::MAX, i64::MAX),
        "INT" => integer(-i64::from(i32::MAX), i64::from(i32::MAX)),
        "SHORT" => integer(i64::from(i16::MIN), i64::from(i16::MAX)),
        "BYTE" => integer(i64::from(i8::MIN), i64::from(i8::MAX)),
        "DOUBLE" => Target::Double,
        "FLOAT" => Target::Float,
        "STRING" | "VARCHAR" => Target::Text,
        "SYMBOL" => Target::Symbol,
        "TIMESTAMP" => Target::Timestamp(TimeUnit::Micros),
        "TIMESTAMP_NS" => Target::Timestamp(TimeUnit::Nanos),
        "DATE" => Target::Date,
        "UUID" => Target::Literal(Literal::Uuid),
        "IPV4" => Target::Literal(Literal::Ipv4),
        "CHAR" => Target::Literal(Literal::Char),
        "LONG256" => Target::Literal(Literal::Long256),
        "DOUBLE[]" => Target::DoubleArray { dimensions: 1 },
        "DOUBLE[][]" => Target::DoubleArray { dimensions: 2 },
        "DOUBLE[][][]" => Target::DoubleArray { dimensions: 3 },
        "BINARY" | "LONG128" => Target::Closed,
        _ if name.starts_with("DOUBLE[]") => Target::Closed,
        _ => with_arguments(&name).unwrap_or(Target::Other),
    }
}

/// `GEOHASH(8c)`, `GEOHASH(7b)`, `DECIMAL(18,3)`.
fn with_arguments(name: &str) -> Option<Target> {
    let (name, arguments) = name.strip_suffix(')')?.split_once('(')?;
    let literal = match name {
        "GEOHASH" => {
            let bits = match arguments.strip_suffix('C') {
                Some(characters) => characters.parse::<u8>().ok()?.checked_mul(5)?,
                None => arguments.strip_suffix('B')?.parse().ok()?,
            };
            Literal::Geohash { bits }
        }
        "DECIMAL" => {
            let (precision, scale) = arguments.split_once(',')?;
            let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
            Literal::Decimal { precision, scale }
        }
        _ => return None,
    };
    Some(Target::Literal(literal))
}

/// What a column takes that the table does not have, by the settings that list it.
pub(super) fn new_column(symbols: bool, times: bool, doubles: bool) -> Target {
    match (symbols, times, doubles) {
        (true, _, _) => Target::NewSymbol,
        (_, true, _) => Target::NewTimestamp,
        (_, _, true) => Target::NewDouble,
        _ => Target::Free,
    }
}

/// What a designated timestamp column counts. QuestDB makes a new one a TIMESTAMP.
pub(super) fn unit_of(column: Option<&TableColumn>) -> TimeUnit {
    match column.map(|column| target_of(&column.type_name)) {
        Some(Target::Timestamp(unit)) => unit,
        _ => TimeUnit::Micros,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_with_arguments() {
        let literal = |name| match target_of(name) {
            Target::Literal(literal) => Some(literal),
            _ => None,
        };
        assert_eq!(literal("GEOHASH(8c)"), Some(Literal::Geohash { bits: 40 }));
        assert_eq!(literal("GEOHASH(7b)"), Some(Literal::Geohash { bits: 7 }));
        assert_eq!(literal("DECIMAL(18,3)"), Some(Literal::Decimal { precision: 18, scale: 3 }));
        assert_eq!(literal("DECIMAL(18)"), None);
        assert_eq!(target_of("IPv4"), Target::Literal(Literal::Ipv4));
        assert_eq!(target_of("DOUBLE[][][][]"), Target::Closed);
        assert_eq!(target_of("SOMETHING(NEW)"), Target::Other);
    }
}
