//! The narrow waist: rows of one table, as columns.
//!
//! Everything left of a [`Block`] is synchronous and borrows from a request's frame; everything right of it
//! owns its data. A block comes from one record batch and goes to one table.

mod block;

pub use block::{Block, Column, ColumnValues, DoubleArrays, RecordIndex, RowError, TableName, Timestamps};
