use super::{Timestamp, Value};

/// A record as transforms see it: read, and not yet rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The topic that it was sent to, or that a transform has put in its place. The table's name follows from it.
    pub topic: String,
    /// The partition that it was sent to.
    pub partition: i32,
    /// Its offset in the partition.
    pub offset: i64,
    /// Its timestamp, in milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Value,
    /// Its value.
    pub value: Value,
    /// Whether a schema has decided the types in the key.
    pub key_has_schema: bool,
    /// Whether a schema has decided the types in the value.
    pub value_has_schema: bool,
    /// Its headers in order; names may repeat.
    pub headers: Vec<(String, Value)>,
    /// The table, where the payload itself names it.
    pub table: Option<String>,
    /// The designated timestamp, where the payload itself has it.
    pub designated: Option<Timestamp>,
}
