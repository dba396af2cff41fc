//! Why a value does not go into a column: what happened, to which column, with which value, and what to do.

use std::sync::Arc;

use super::record::Row;
use super::refusal::{Refusal, cut};
use super::values::Kind;
use crate::decode::json::Number;
use crate::rows::{ColumnBuilder, Literal, Target, TimeUnit, Values};

impl Kind {
    fn name(self) -> String {
        match self {
            Self::Text => "a string".to_owned(),
            Self::Integer => "an integer".to_owned(),
            Self::Double => "a number with a fraction or an exponent".to_owned(),
            Self::Boolean => "a boolean".to_owned(),
            Self::Array { dimensions } => format!("an array of numbers in {dimensions} dimension(s)"),
            Self::Json => "an array of something else than numbers".to_owned(),
            Self::Map => "a map".to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::Decimal => "a decimal".to_owned(),
            Self::Time | Self::Nanos => "a timestamp".to_owned(),
        }
    }
}

impl Row<'_, '_> {
    /// A value that is none for the designated timestamp, or none for one of its parts.
    #[cold]
    pub(super) fn no_timestamp(&self, part: u32, kind: &str, value: &[u8]) -> Refusal {
        let Some(config) = &self.plan.timestamp else {
            return Refusal::of_row("there is no timestamp field");
        };
        let field = config.fields.get(part as usize).cloned().unwrap_or_default();
        let what = if config.fields.len() > 1 {
            "is one of the texts that make the designated timestamp"
        } else {
            "is to be the designated timestamp"
        };
        let send = if config.fields.len() > 1 {
            "send a string"
        } else {
            "send a number of seconds, milliseconds, microseconds or nanoseconds since 1970, or a string such as \
             2020-01-02T03:04:05.123456Z"
        };
        let message = format!("field {field} {what}, and has {kind}: `{}`; {send}", cut(value));
        Refusal::of_column(field, message)
    }

    /// `column v is LONG in table t`.
    fn column_is(&self, number: usize) -> String {
        let column = &self.block.columns[number];
        match &column.type_name {
            Some(type_name) => format!("column {} is {type_name} in table {}", column.name, self.plan.table),
            None => format!("column {} is new in table {}", column.name, self.plan.table),
        }
    }

    fn refuse(&self, number: usize, message: String) -> Refusal {
        Refusal::of_column(self.block.columns[number].name.clone(), message)
    }

    /// A value of a kind that the column does not take.
    #[cold]
    pub(super) fn mismatch(&self, number: usize, kind: Kind, value: &[u8]) -> Refusal {
        let column = &self.block.columns[number];
        let (name, kind, value) = (&column.name, kind.name(), cut(value));
        let is = self.column_is(number);
        let message = match (&column.type_name, &column.target) {
            (Some(_), Target::Closed) => format!(
                "{is}, a type that QuestDB takes no values of by ingestion, and the record has {kind}: `{value}`; leave \
                 the field out (`drop` for the topic does that), or change the column's type"
            ),
            (Some(_), target) if *target != Target::Other => format!(
                "{is}, and the record has {kind}: `{value}`; send {}, or change the column's type",
                takes(target)
            ),
            _ => format!(
                "column {name} has {} in an earlier record of the batch, and {kind} in this one: `{value}`; send one \
                 type for a field",
                kind_of(&column.values).name()
            ),
        };
        self.refuse(number, message)
    }

    /// A text in a column of times that is none.
    #[cold]
    pub(super) fn no_time(&self, number: usize, text: &[u8]) -> Refusal {
        let message = format!(
            "{}, and `{}` is no time in ISO 8601, such as 2020-01-02T03:04:05.123456Z; send it so, or list the column \
             under `timestamp_fields` for the topic and say with `timestamp_format` how its times are written",
            self.column_is(number),
            cut(text)
        );
        self.refuse(number, message)
    }

    /// A text that `timestamp_fields` says to be a time.
    #[cold]
    pub(super) fn bad_time(&self, number: usize, text: &[u8], how: &str) -> Refusal {
        let name = &self.block.columns[number].name;
        let message =
            format!("column {name}, which `timestamp_fields` lists for the topic: `{}` {how}", cut(text));
        self.refuse(number, message)
    }

    /// A text that `timestamp_fields` says to be a time, for a column that has none.
    #[cold]
    pub(super) fn no_time_column(&self, number: usize, text: &[u8]) -> Refusal {
        let message = format!(
            "{}, which takes no times, and `timestamp_fields` for the topic says that `{}` is one; take the column off \
             that list, or make it a TIMESTAMP",
            self.column_is(number),
            cut(text)
        );
        self.refuse(number, message)
    }

    #[cold]
    pub(super) fn time_out_of_range(&self, number: usize, text: &[u8]) -> Refusal {
        let range = match &self.block.columns[number].values {
            Values::Timestamp(TimeUnit::Nanos, _) => "a TIMESTAMP_NS (from 1677 to 2262)",
            Values::Date(_) => "a DATE",
            _ => "a TIMESTAMP",
        };
        let message = format!(
            "{}, and `{}` is beyond the times of {range}; send another one, or null",
            self.column_is(number),
            cut(text)
        );
        self.refuse(number, message)
    }

    /// A text that is no value of the column's type. `why` follows the value.
    #[cold]
    pub(super) fn no_literal(&self, number: usize, text: &[u8], why: &str) -> Refusal {
        self.refuse(number, format!("{}, and `{}` {why}", self.column_is(number), cut(text)))
    }

    /// A value that QuestDB has no type for, or makes no column for.
    #[cold]
    pub(super) fn not_supported(&self, number: usize, kind: Kind, text: &[u8]) -> Refusal {
        let column = &self.block.columns[number];
        let (name, value) = (&column.name, cut(text));
        let why = match kind {
            Kind::Decimal => format!(
                "QuestDB makes no DECIMAL column by itself; make it one (ALTER TABLE {} ADD COLUMN {name} \
                 DECIMAL(18,3)), or let it be text",
                self.plan.table
            ),
            Kind::Bytes => "QuestDB takes no bytes but as text, or into a UUID or LONG256 column".to_owned(),
            _ => "QuestDB has no type for it".to_owned(),
        };
        let message = format!(
            "column {name}: the record has {}: `{value}`, and {why}; `unsupported = \"refuse\"` is set for the topic: \
             \"text\" writes it as text, \"skip\" leaves it out",
            kind.name()
        );
        self.refuse(number, message)
    }

    /// A number that a transform has made too narrow.
    #[cold]
    pub(super) fn too_narrow(&self, number: usize, value: &str) -> Refusal {
        let message = format!(
            "column {}: a transform has made {value} an int8, int16 or float32 without a schema, which QuestDB's Kafka \
             connector has no column for; cast to int32, int64 or float64, or write it all the same: `unsupported = \
             \"text\"` for the topic, \"skip\" leaves it out",
            self.block.columns[number].name
        );
        self.refuse(number, message)
    }

    #[cold]
    pub(super) fn out_of_range(&self, number: usize, source: &Number<'_>) -> Refusal {
        let column = &self.block.columns[number];
        let (name, value) = (&column.name, cut(source.text));
        let is = self.column_is(number);
        let message = match (&column.target, &column.type_name) {
            (Target::Integer { min, max }, Some(_)) => format!(
                "{is}, and {value} is beyond it ({min} to {max}; what is below reads as null); change the column's \
                 type, or send a number within these limits"
            ),
            (Target::Float, Some(_)) => format!(
                "{is}, and {value} is beyond all floats, so that it would read as null; change the column's type to \
                 DOUBLE, or send a smaller number"
            ),
            (Target::Timestamp(_) | Target::Date, Some(_)) => format!(
                "{is}, and {value} is beyond the times that it holds; send a number of {} since 1970, or a text such as \
                 2020-01-02T03:04:05.123456Z",
                units(&column.target)
            ),
            (target, Some(_)) if !matches!(target, Target::Other) => {
                return self.mismatch(number, Kind::Integer, source.text);
            }
            _ => format!(
                "column {name}: {value} is beyond what a LONG holds ({} to {}); send it as a string, or list the \
                 column under `doubles` for the topic",
                -i64::MAX,
                i64::MAX
            ),
        };
        self.refuse(number, message)
    }

    #[cold]
    pub(super) fn not_integral(&self, number: usize, source: &Number<'_>) -> Refusal {
        let column = &self.block.columns[number];
        let (name, type_name) = (&column.name, column.type_name.as_deref().unwrap_or("LONG"));
        let message = format!(
            "column {name} is {type_name} in table {}, and {} has a fraction; change the column with ALTER TABLE ... \
             ALTER COLUMN {name} TYPE DOUBLE, or send integers",
            self.plan.table,
            cut(source.text)
        );
        Refusal::of_column(name.clone(), message)
    }

    #[cold]
    pub(super) fn not_exact(&self, number: usize, source: &Number<'_>) -> Refusal {
        let name = &self.block.columns[number].name;
        let message = format!(
            "column {name} has numbers with a fraction in an earlier record of the batch, so it is DOUBLE, and no \
             DOUBLE is exactly {}; list the column under `doubles` for the topic where the nearest one will do",
            cut(source.text)
        );
        Refusal::of_column(name.clone(), message)
    }

    /// A fraction in a new column whose first number is an integer.
    #[cold]
    pub(super) fn not_widened(&self, number: usize, source: &Number<'_>) -> Refusal {
        let name = &self.block.columns[number].name;
        let message = format!(
            "column {name} has an integer in the first record of the batch that has it, so it is LONG, and {} in this \
             one, which no LONG holds; list the column under `doubles` for the topic, or set `widen_integers = true`",
            cut(source.text)
        );
        Refusal::of_column(name.clone(), message)
    }

    #[cold]
    pub(super) fn not_promoted(&self, number: usize, source: &Number<'_>) -> Refusal {
        let name = &self.block.columns[number].name;
        let message = format!(
            "column {name} has integers above 2^53 in earlier records of the batch, which no DOUBLE holds exactly, and \
             {} in this one; list the column under `doubles` for the topic where the nearest one will do",
            cut(source.text)
        );
        Refusal::of_column(name.clone(), message)
    }
}

#[cold]
pub(super) fn full(column: &ColumnBuilder) -> Refusal {
    let name: Arc<str> = column.name.clone();
    let message = format!("column {name} has 2 GiB in this batch; send smaller batches");
    Refusal::of_column(name, message)
}

fn kind_of(values: &Values) -> Kind {
    match values {
        Values::Boolean(_) => Kind::Boolean,
        Values::Long(_) => Kind::Integer,
        Values::Double(_) | Values::Float(_) => Kind::Double,
        Values::Timestamp(..) | Values::Date(_) => Kind::Time,
        Values::None | Values::Closed | Values::Varchar { .. } | Values::Symbol { .. } => Kind::Text,
        Values::Literal { .. } => Kind::Text,
        Values::Arrays(arrays) => Kind::Array { dimensions: arrays.dimensions },
    }
}

/// What a number counts in a column of times.
fn units(target: &Target) -> &'static str {
    match target {
        Target::Date => "milliseconds",
        Target::Timestamp(TimeUnit::Nanos) => "nanoseconds",
        _ => "microseconds",
    }
}

/// What a column takes.
fn takes(target: &Target) -> String {
    match target {
        Target::Boolean => "true or false".to_owned(),
        Target::Integer { .. } => "an integer".to_owned(),
        Target::Float | Target::Double => "a number".to_owned(),
        Target::Timestamp(_) | Target::Date => format!(
            "a text such as 2020-01-02T03:04:05.123456Z, or an integer number of {} since 1970",
            units(target)
        ),
        Target::Literal(Literal::Uuid) => "a text such as 123e4567-e89b-12d3-a456-426614174000".to_owned(),
        Target::Literal(Literal::Ipv4) => "a text such as 192.168.0.1".to_owned(),
        Target::Literal(Literal::Char) => "a string of one character".to_owned(),
        Target::Literal(Literal::Long256) => "a text such as 0x123f".to_owned(),
        Target::Literal(Literal::Geohash { .. }) => "a geohash such as u33d8b12".to_owned(),
        Target::Literal(Literal::Decimal { .. }) => "a number, or a text such as 12.34".to_owned(),
        Target::DoubleArray { dimensions } => format!("an array of numbers in {dimensions} dimension(s)"),
        _ => "a string".to_owned(),
    }
}
