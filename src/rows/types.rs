/// What a timestamp column counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// TIMESTAMP: microseconds since 1970-01-01T00:00:00Z.
    Micros,
    /// TIMESTAMP_NS: nanoseconds.
    Nanos,
}

/// A type of QuestDB's whose values are written as texts that QuestDB reads. What a block has of it is checked
/// already: QuestDB takes it, and does not read it as null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// UUID: 36 characters with hyphens.
    Uuid,
    /// IPv4: four decimal numbers with dots. An empty text is null.
    Ipv4,
    /// CHAR: one ASCII character.
    Char,
    /// LONG256: `0x` and an even number of hexadecimal digits, at most 64.
    Long256,
    /// GEOHASH: base 32, not longer than the column needs.
    Geohash {
        /// The column's precision, 1 to 60.
        bits: u8,
    },
    /// DECIMAL: digits with a point, that fit.
    Decimal {
        /// How many digits there are in all, 1 to 76.
        precision: u8,
        /// How many of them are behind the point.
        scale: u8,
    },
}
