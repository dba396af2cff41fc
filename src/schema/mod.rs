//! What QuestDB's tables look like.

mod cache;
mod create;
mod suspended;

use std::collections::HashMap;
use std::sync::Arc;

pub use cache::{SchemaError, Schemas};

/// A table's columns as QuestDB has them now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSchema {
    /// The designated timestamp column, where the table has one.
    pub designated: Option<Arc<str>>,
    /// QuestDB's column names ignore case, so the key is the name in lower case.
    pub columns: HashMap<String, TableColumn>,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// The name as it was created.
    pub name: Arc<str>,
    /// QuestDB's own name of the type, such as `LONG`, `DOUBLE[]` or `TIMESTAMP_NS`.
    pub type_name: Arc<str>,
}
