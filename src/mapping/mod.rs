//! From a topic and a record to a table, columns and a timestamp.
//!
//! A [`Plan`] is made once for a topic, its settings and its table's columns; [`Plan::append`] then turns one
//! record after another into rows of a block.

mod arrays;
mod messages;
mod names;
mod number_text;
mod plan;
mod record;
mod refusal;
mod timestamp;
mod values;

#[cfg(test)]
mod tests;

pub use names::{NameError, table_name};
pub use plan::{Plan, PlanError};
pub use record::{Appended, SourceRecord};
