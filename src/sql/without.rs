use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Computed, Kept, SqlError};
use crate::rows::{Block, Target};

/// There are none: this build has no engine for them.
#[derive(Debug)]
pub enum Expressions {}

impl Expressions {
    /// None, where there is nothing to read.
    ///
    /// # Errors
    /// There is an expression.
    pub fn new(filter: &str, columns: &BTreeMap<String, String>) -> Result<Option<Self>, SqlError> {
        let filter = (!filter.trim().is_empty()).then(|| ("filter".to_owned(), filter));
        let column = columns.iter().next().map(|(name, sql)| (format!("columns.{name}"), sql.as_str()));
        match filter.or(column) {
            None => Ok(None),
            Some((key, expression)) => Err(SqlError {
                key,
                expression: expression.to_owned(),
                reason:
                    "this quafka was built without SQL; build it with `cargo build --release --features sql`"
                        .to_owned(),
            }),
        }
    }

    /// The computed columns.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &str)> {
        match *self {}
        #[allow(unreachable_code)] // It says which iterator it is.
        std::iter::empty()
    }

    /// Whether the filter sees none of the computed columns.
    pub fn filter_comes_first(&self) -> bool {
        match *self {}
    }

    /// A computed column's values.
    pub fn compute(&self, _: usize, _: &Block, _: &dyn Fn(&str) -> Option<Target>) -> Computed {
        match *self {}
    }

    /// The rows that the filter lets through.
    pub fn keep(&self, _: &Block, _: &dyn Fn(&str) -> Option<Target>) -> Option<Kept> {
        match *self {}
    }
}
