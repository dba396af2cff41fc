//! The narrow waist: rows of one table, as columns.
//!
//! Everything left of a [`Block`] is synchronous and borrows from a request's frame; everything right of it
//! owns its data. A block comes from one record batch and goes to one table.

mod block;
mod builder;
mod column;
mod hash_index;
mod interner;
mod paths;
mod select;
mod types;

pub use block::{Block, Column, ColumnValues, DoubleArrays, RecordIndex, RowError, TableName, Timestamps};
pub use builder::BlockBuilder;
pub(crate) use builder::{Binding, Field, Limit, MAX_COLUMNS, Slot};
pub use column::Target;
pub(crate) use column::{Arrays, ColumnBuilder, Full, Values, exact_double};
pub(crate) use interner::Interner;
pub(crate) use paths::{Destination, HEADERS, KEY, META, NONE, Paths, Prefixes, RECORD, VALUE};
pub use types::{Literal, TimeUnit};
