//! From a topic and a record to a table, columns and a timestamp.
//!
//! A [`Plan`] is made once for a topic, its settings and its table's columns; [`Plan::append`] then turns one
//! record after another into rows of a block.

mod arrays;
mod attempt;
mod avro;
mod by_schema;
mod computed;
mod convert;
mod leaves;
mod literals;
mod message;
mod messages;
mod names;
mod pipeline;
mod plan;
mod protobuf;
mod record;
mod refusal;
mod selection;
mod tables;
mod timestamp;
mod typed;
mod types;
mod untyped;
mod values;

#[cfg(test)]
mod tests;

pub use names::NameError;
pub use pipeline::{Pipeline, PipelineError, check_topics};
pub use plan::{Plan, PlanError};
pub use record::{Appended, SourceRecord};
pub use tables::{Finished, TableRows, Tables};
