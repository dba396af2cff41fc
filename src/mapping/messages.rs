//! Why a value does not go into a column: what happened, to which column, with which value, and what to do.

use std::sync::Arc;

use super::record::Row;
use super::refusal::{Refusal, cut};
use super::values::Kind;
use crate::config::TimestampConfig;
use crate::decode::json::Number;
use crate::rows::{ColumnBuilder, Target, Values};

impl Kind {
    fn name(self) -> String {
        match self {
            Self::Text => "a string".to_owned(),
            Self::Integer => "an integer".to_owned(),
            Self::Double => "a number with a fraction or an exponent".to_owned(),
            Self::Boolean => "a boolean".to_owned(),
            Self::Array { dimensions } => format!("an array of numbers in {dimensions} dimension(s)"),
            Self::Json => "an array of something else than numbers".to_owned(),
        }
    }
}

impl Row<'_, '_> {
    #[cold]
    pub(super) fn no_timestamp(&self, kind: &str, value: &[u8]) -> Refusal {
        let field = self.plan.timestamp.as_ref().map(TimestampConfig::shown).unwrap_or_default();
        Refusal::of_column(
            field.as_str(),
            format!(
                "field {field} is to be the designated timestamp, and has {kind}: `{}`; send a number of seconds, \
                 milliseconds, microseconds or nanoseconds since 1970",
                cut(value)
            ),
        )
    }

    /// A value of a kind that the column does not take.
    #[cold]
    pub(super) fn mismatch(&self, number: usize, kind: Kind, value: &[u8]) -> Refusal {
        let column = &self.block.columns[number];
        let (name, kind, value) = (&column.name, kind.name(), cut(value));
        let message = match (&column.type_name, &column.target) {
            (Some(type_name), target) if *target != Target::Other => format!(
                "column {name} is {type_name} in table {}, and the record has {kind}: `{value}`; send what the column \
                 takes, or change the column's type",
                self.plan.table
            ),
            _ => format!(
                "column {name} has {} in an earlier record of the batch, and {kind} in this one: `{value}`; send one \
                 type for a field",
                kind_of(&column.values).name()
            ),
        };
        Refusal::of_column(name.clone(), message)
    }

    #[cold]
    pub(super) fn out_of_range(&self, number: usize, source: &Number<'_>) -> Refusal {
        let column = &self.block.columns[number];
        let (name, value) = (&column.name, cut(source.text));
        let message = match (&column.target, &column.type_name) {
            (Target::Integer { min, max }, Some(type_name)) => format!(
                "column {name} is {type_name} in table {}, and {value} is beyond it ({min} to {max}; what is below \
                 reads as null); change the column's type, or send a number within these limits",
                self.plan.table
            ),
            _ => format!(
                "column {name}: {value} is beyond what a LONG holds ({} to {}); send it as a string, or list the \
                 column under `doubles` for the topic",
                -i64::MAX,
                i64::MAX
            ),
        };
        Refusal::of_column(name.clone(), message)
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
        Values::Double(_) => Kind::Double,
        Values::None | Values::Varchar { .. } | Values::Symbol { .. } => Kind::Text,
        Values::Arrays(arrays) => Kind::Array { dimensions: arrays.dimensions },
    }
}
