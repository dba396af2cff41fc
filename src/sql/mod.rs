//! SQL over the columns of a block: columns that are computed, and which rows are written.
//!
//! The engine is DataFusion's: its dialect is much like PostgreSQL's, its functions are those of
//! <https://datafusion.apache.org/user-guide/sql/scalar_functions.html>. It is part of builds with the feature `sql`;
//! without it there are no [`Expressions`], and settings that have some are refused.
//!
//! An expression sees a row at a time. Operators with a state, which see the blocks of one table one after the other,
//! are not here: their place is behind the expressions, at the head of a lane, where the blocks of a table and a
//! partition pass in their order.

#[cfg(feature = "sql")]
mod arrays;
#[cfg(feature = "sql")]
mod bounds;
#[cfg(feature = "sql")]
mod engine;
#[cfg(feature = "sql")]
mod expression;
#[cfg(feature = "sql")]
mod functions;
#[cfg(not(feature = "sql"))]
mod without;

#[cfg(feature = "sql")]
pub use engine::Expressions;
#[cfg(not(feature = "sql"))]
pub use without::Expressions;

use arrow_buffer::BooleanBuffer;

use crate::rows::ColumnValues;

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: `{expression}`: {reason}")]
pub struct SqlError {
    /// The setting, such as `filter` or `columns.notional`.
    pub key: String,
    /// The expression.
    pub expression: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A row for which an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The row within its block.
    pub row: usize,
    /// What happened.
    pub reason: String,
}

/// A block's values of an expression.
#[derive(Debug)]
pub struct Computed {
    /// One a row, of a type that a new column would have. None: no row has a value.
    pub values: Option<ColumnValues>,
    /// The rows that an error has left without a value.
    pub faults: Vec<Fault>,
}

/// The rows of a block for which a condition holds.
#[derive(Debug)]
pub struct Kept {
    /// A true for each of them. A condition that is null does not hold.
    pub rows: BooleanBuffer,
    /// The rows for which an error has left it open.
    pub faults: Vec<Fault>,
}
