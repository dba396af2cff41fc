//! QuestDB's words for what a table is made of.

use std::fmt;
use std::str::FromStr;

/// The size of a table's partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its own word")]
pub enum PartitionBy {
    Hour,
    #[default]
    Day,
    Week,
    Month,
    Year,
}

impl fmt::Display for PartitionBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hour => "HOUR",
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
            Self::Year => "YEAR",
        })
    }
}

impl FromStr for PartitionBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];
        let found = all.into_iter().find(|one| one.to_string().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| format!("`{text}` is not one of HOUR, DAY, WEEK, MONTH and YEAR"))
    }
}

/// For how long QuestDB keeps rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    count: u32,
    unit: PartitionBy,
}

impl Ttl {
    /// Longer than that is for ever, and QuestDB counts hours and months in 32 bits.
    const MAX_COUNT: u32 = 100_000;

    /// Whether it is a whole number of partitions, as QuestDB sees it: months and years are as long as any number of
    /// days and weeks.
    pub(super) fn is_whole_number_of(self, partition_by: PartitionBy) -> bool {
        let hours = match self.unit {
            PartitionBy::Hour => self.count,
            PartitionBy::Day => self.count * 24,
            PartitionBy::Week => self.count * 24 * 7,
            PartitionBy::Month => return partition_by != PartitionBy::Year || self.count.is_multiple_of(12),
            PartitionBy::Year => return true,
        };
        match partition_by {
            PartitionBy::Hour => true,
            PartitionBy::Day => hours.is_multiple_of(24),
            PartitionBy::Week => hours.is_multiple_of(24 * 7),
            PartitionBy::Month | PartitionBy::Year => false,
        }
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.count == 1 { "" } else { "S" };
        write!(f, "{} {}{plural}", self.count, self.unit)
    }
}

impl FromStr for Ttl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a time to live, such as \"30 DAYS\", \"12h\", \"4w\", \"6M\" or \"1 YEAR\""
            )
        };
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = trimmed.split_at_checked(digits).ok_or_else(wrong)?;
        let count: u32 = count.parse().map_err(|_| wrong())?;
        let unit = unit.trim();
        // As QuestDB has it: `M` are months, and there are no minutes.
        let unit = match unit {
            "M" => PartitionBy::Month,
            "m" => return Err(format!("`{text}`: there are no minutes; months are `M`, hours `h`")),
            _ => match unit.to_ascii_lowercase().as_str() {
                "h" | "hour" | "hours" => PartitionBy::Hour,
                "d" | "day" | "days" => PartitionBy::Day,
                "w" | "week" | "weeks" => PartitionBy::Week,
                "month" | "months" => PartitionBy::Month,
                "y" | "year" | "years" => PartitionBy::Year,
                _ => return Err(wrong()),
            },
        };
        if !(1..=Self::MAX_COUNT).contains(&count) {
            return Err(format!("`{text}`: the number must be from 1 to {}", Self::MAX_COUNT));
        }
        Ok(Self { count, unit })
    }
}

/// One of QuestDB's column types, as it is written in SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnType(String);

impl ColumnType {
    const PLAIN: [&str; 19] = [
        "BOOLEAN",
        "BYTE",
        "SHORT",
        "CHAR",
        "INT",
        "LONG",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMP_NS",
        "FLOAT",
        "DOUBLE",
        "STRING",
        "VARCHAR",
        "SYMBOL",
        "LONG256",
        "UUID",
        "IPV4",
        "BINARY",
        "DOUBLE[]",
    ];

    /// In capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ColumnType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let known = Self::PLAIN.join(", ");
            format!(
                "`{text}` is not a column type; known are {known}, DOUBLE[][], GEOHASH(8c) and DECIMAL(18,3)"
            )
        };
        let name: String =
            text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
        let arguments = |kind: &str| name.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
        let number = |text: &str| text.parse::<u32>().ok();
        let known = if let Some(precision) = arguments("GEOHASH") {
            let bits = match (precision.strip_suffix('C'), precision.strip_suffix('B')) {
                (Some(characters), _) => number(characters).map(|characters| characters.saturating_mul(5)),
                (_, Some(bits)) => number(bits),
                _ => None,
            };
            bits.is_some_and(|bits| (1..=60).contains(&bits))
        } else if let Some(sizes) = arguments("DECIMAL") {
            let (precision, scale) = sizes.split_once(',').unwrap_or((sizes, "0"));
            let precision = number(precision).filter(|precision| (1..=76).contains(precision));
            precision.is_some_and(|precision| number(scale).is_some_and(|scale| scale <= precision))
        } else {
            Self::PLAIN.contains(&name.as_str()) || matches!(name.as_str(), "DOUBLE[][]" | "DOUBLE[][][]")
        };
        // In lower case, QuestDB takes a geohash's unit only.
        let name = if name.starts_with("GEOHASH") { name.replace('C', "c").replace('B', "b") } else { name };
        if known { Ok(Self(name)) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_times_to_live_are_read_as_they_are_said() {
        assert_eq!(" hour ".parse(), Ok(PartitionBy::Hour));
        assert_eq!("YEAR".parse(), Ok(PartitionBy::Year));
        assert!("none".parse::<PartitionBy>().unwrap_err().contains("HOUR, DAY, WEEK, MONTH and YEAR"));
        for (text, shown) in [
            ("30 days", "30 DAYS"),
            ("1d", "1 DAY"),
            ("12 H", "12 HOURS"),
            ("4W", "4 WEEKS"),
            ("6M", "6 MONTHS"),
            ("1 month", "1 MONTH"),
            ("2y", "2 YEARS"),
        ] {
            let ttl: Ttl = text.parse().unwrap();
            assert_eq!(ttl.to_string(), shown);
            assert_eq!(shown.parse(), Ok(ttl));
        }
        for text in [
            "",
            "30",
            "d",
            "-1d",
            "0 days",
            "5m",
            "1 fortnight",
            "100001 hours",
            "99999999999d",
            "1.5d",
            "٣ days",
        ] {
            assert!(text.parse::<Ttl>().unwrap_err().starts_with(&format!("`{text}`")), "{text}");
        }
    }

    #[test]
    fn column_types_are_questdbs() {
        for (text, shown) in [
            ("long", "LONG"),
            ("Timestamp_ns", "TIMESTAMP_NS"),
            ("double[][]", "DOUBLE[][]"),
            ("geohash(8C)", "GEOHASH(8c)"),
            ("GEOHASH(60b)", "GEOHASH(60b)"),
            ("decimal(18, 3)", "DECIMAL(18,3)"),
            ("DECIMAL(5)", "DECIMAL(5)"),
        ] {
            assert_eq!(text.parse::<ColumnType>().unwrap().as_str(), shown);
        }
        let wrong = [
            "",
            "int8",
            "GEOHASH",
            "GEOHASH(13c)",
            "GEOHASH(0b)",
            "GEOHASH(4)",
            "DECIMAL(77,1)",
            "DECIMAL(3,4)",
        ];
        for text in wrong.into_iter().chain(["LONG, x INT", "LONG) TIMESTAMP(x", "GEOHASH(99999999999c)"]) {
            assert!(text.parse::<ColumnType>().is_err(), "{text}");
        }
    }
}
