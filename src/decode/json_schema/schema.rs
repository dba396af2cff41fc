use std::collections::HashMap;
use std::sync::Arc;

use crate::decode::envelope::Meaning;

/// What a value is. Other nodes are named by their number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// The schema does not say: what JSON says.
    Any,
    /// No value.
    Null,
    Boolean,
    Integer(Meaning),
    /// A double.
    Number,
    /// A single-precision number.
    Float,
    Text,
    /// A text that is a date, with or without a time.
    Time,
    /// Bytes, in Base64.
    Bytes,
    /// A number, or an unscaled integer's bytes in Base64.
    Decimal {
        scale: i32,
    },
    Array(u32),
    /// An object whose names are data.
    Map(u32),
    /// An array of objects, each with a `key` and a `value`: how Kafka Connect writes maps whose keys are no texts.
    Entries {
        key: u32,
        value: u32,
    },
    Object(Fields),
}

/// The fields of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields {
    /// Names are shared by the nodes that are made of several.
    pub named: HashMap<Arc<str>, u32>,
    /// What fields of other names are. None: what JSON says.
    pub others: Option<u32>,
}

/// The node of what a schema does not name.
pub(crate) const ANY: u32 = 0;

impl Fields {
    /// What a field is.
    pub fn field(&self, name: &str) -> u32 {
        self.named.get(name).copied().or(self.others).unwrap_or(ANY)
    }
}

impl Node {
    /// What the schema wants, for a message.
    pub fn wanted(&self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer(_) => "integer",
            Self::Number | Self::Float => "number",
            Self::Text => "string",
            Self::Time => "a date or a time in ISO 8601",
            Self::Bytes => "bytes in Base64",
            Self::Decimal { .. } => "a Decimal",
            Self::Array(_) => "array",
            Self::Map(_) => "a map, which is an object",
            Self::Entries { .. } => "a map, which is an array of objects with `key` and `value`",
            Self::Object(_) => "object",
        }
    }
}

/// In how many arrays numbers are, as far as that matters. None: something else is in them.
pub(crate) fn dimensions(nodes: &[Node], node: u32) -> Option<usize> {
    let mut node = nodes.get(node as usize)?;
    for dimensions in 0..=MAX_DIMENSIONS {
        match node {
            Node::Array(items) => node = nodes.get(*items as usize)?,
            Node::Integer(Meaning::Number) | Node::Number | Node::Float => return Some(dimensions),
            _ => return None,
        }
    }
    None
}

/// As many dimensions as an array's column has.
const MAX_DIMENSIONS: usize = 3;

/// What is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonSchemaError(pub String);
