//! JSON by a JSON Schema: the schema decides the types, the payload is JSON like any other.
//!
//! A schema is read once, into nodes that refer to each other by number. It is not what validates: the serializer has done
//! that, or has chosen not to. Only what decides columns is taken from it, the types, as Kafka Connect's
//! JsonSchemaConverter takes them, `title` and `connect.type` included. Fields that it does not name are as without it.

mod merge;
mod parser;
mod references;
mod schema;
mod tree;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

pub use schema::JsonSchemaError;
pub(crate) use schema::{Node, dimensions};
pub(crate) use tree::{check_numbers, read, whole};

use super::Value;
pub(crate) use super::envelope::Meaning;
use super::json::{self, JsonError, Scanner};

/// A schema, ready to read by.
#[derive(Debug)]
pub struct JsonSchema {
    /// Tells schemas apart.
    serial: u64,
    nodes: Vec<Node>,
    root: u32,
}

/// Why a payload is not what its schema says.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonSchemaFault {
    /// It is no JSON at all.
    Json(JsonError),
    /// A value is of another type.
    Contradiction {
        /// The names that lead to it, joined by dots; empty where it is the payload itself.
        field: String,
        /// The value.
        value: String,
        /// What the schema wants.
        wanted: &'static str,
    },
}

impl From<JsonError> for JsonSchemaFault {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl fmt::Display for JsonSchemaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "it is not valid JSON: {error}"),
            Self::Contradiction { field, value, wanted } => {
                if !field.is_empty() {
                    write!(f, "field `{field}`: ")?;
                }
                write!(f, "{value} contradicts the schema, which says {wanted}")
            }
        }
    }
}

impl JsonSchema {
    /// Reads a schema. `references` are the others that it may refer to, each with the name that it does so by.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, references: &[(String, String)]) -> Result<Self, JsonSchemaError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (nodes, root) = parser::parse(text, references)?;
        Ok(Self { serial: NEXT.fetch_add(1, Ordering::Relaxed), nodes, root })
    }

    /// Reads a payload, all of it.
    ///
    /// # Errors
    /// It is no JSON, or contradicts the schema.
    pub fn read(&self, bytes: &[u8]) -> Result<Value, JsonSchemaFault> {
        if json::is_blank(bytes) {
            return Ok(Value::Null);
        }
        let mut scanner = Scanner::new(bytes);
        let value = read(&self.nodes, self.root, &mut scanner)?;
        scanner.end()?;
        Ok(value)
    }

    /// A number that no other schema has.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// What its types are.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What a payload is.
    pub(crate) fn root(&self) -> u32 {
        self.root
    }
}
