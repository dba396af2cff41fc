use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow_buffer::BooleanBuffer;

use super::arrays::as_column;
use super::expression::{Expression, truths};
use super::{Computed, Fault, Kept, SqlError};
use crate::rows::{Block, Target};

/// A topic's expressions. Computed columns come in the order of their names, and each sees those before it; the filter
/// sees all of them.
pub struct Expressions {
    columns: Vec<(Arc<str>, Expression)>,
    filter: Option<Expression>,
}

impl Expressions {
    /// Reads the expressions. None: there are none.
    ///
    /// # Errors
    /// One is no SQL, or makes no sense whatever the types of the columns.
    pub fn new(filter: &str, columns: &BTreeMap<String, String>) -> Result<Option<Self>, SqlError> {
        if filter.trim().is_empty() && columns.is_empty() {
            return Ok(None);
        }
        let read = |key: String, sql: &str, condition| {
            Expression::new(sql, condition).map_err(|reason| SqlError {
                key,
                expression: sql.to_owned(),
                reason,
            })
        };
        let columns = columns
            .iter()
            .map(|(name, sql)| Ok((name.as_str().into(), read(format!("columns.{name}"), sql, false)?)))
            .collect::<Result<_, _>>()?;
        let filter = match filter.trim() {
            "" => None,
            filter => Some(read("filter".to_owned(), filter, true)?),
        };
        Ok(Some(Self { columns, filter }))
    }

    /// The names of the computed columns, and what makes them.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &str)> {
        self.columns.iter().map(|(name, expression)| (name, expression.sql.as_str()))
    }

    /// Whether the filter sees none of the computed columns, so that nothing need be computed for the rows that it does not
    /// let through.
    pub fn filter_comes_first(&self) -> bool {
        let inputs = self.filter.iter().flat_map(|filter| &filter.inputs);
        let computed = |lower: &str| self.columns.iter().any(|(name, _)| name.to_lowercase() == lower);
        self.filter.is_some() && !inputs.map(|(_, lower)| lower).any(|lower| computed(lower))
    }

    /// The values of a computed column, by its number. `target` tells what is known of a column, by its name in lower case,
    /// that no row of the block has a value for.
    pub fn compute(&self, number: usize, block: &Block, target: &dyn Fn(&str) -> Option<Target>) -> Computed {
        let Some((_, expression)) = self.columns.get(number) else {
            return Computed { values: None, faults: Vec::new() };
        };
        match expression.values(block, target) {
            Ok((values, faults)) => Computed { values: as_column(&values), faults },
            Err(reason) => Computed { values: None, faults: all_rows(block, &reason) },
        }
    }

    /// The rows that the filter lets through. None: there is no filter.
    pub fn keep(&self, block: &Block, target: &dyn Fn(&str) -> Option<Target>) -> Option<Kept> {
        let filter = self.filter.as_ref()?;
        Some(match filter.values(block, target) {
            Ok((values, faults)) => {
                let none = || BooleanBuffer::new_unset(block.rows());
                Kept { rows: truths(&values).unwrap_or_else(none), faults }
            }
            Err(reason) => {
                Kept { rows: BooleanBuffer::new_unset(block.rows()), faults: all_rows(block, &reason) }
            }
        })
    }
}

impl fmt::Debug for Expressions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filter = self.filter.as_ref().map(|filter| &filter.sql);
        let columns: Vec<_> = self.columns().collect();
        f.debug_struct("Expressions")
            .field("filter", &filter)
            .field("columns", &columns)
            .finish_non_exhaustive()
    }
}

fn all_rows(block: &Block, reason: &str) -> Vec<Fault> {
    (0..block.rows()).map(|row| Fault { row, reason: reason.to_owned() }).collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
