//! Avro's binary encoding, read by the schema that it was written with.
//!
//! A schema is parsed once, into nodes that refer to each other by number. From them a payload is read as a tree
//! ([`AvroSchema::read`]), or by a flat list of operations ([`Program`]) straight into columns, which is `mapping`'s.
//!
//! The types are those that Kafka Connect's AvroConverter makes of a schema: a union of several types is an object with
//! a member for each, arrays of map entries are maps, and `connect.name` says what a number stands for. What the
//! converter has no type for keeps its meaning here: microseconds, nanoseconds, UUIDs, durations.

mod program;
mod reader;
mod schema;
mod text;
mod tree;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use program::{Op, Program};
pub(crate) use reader::Reader;
pub use reader::{AvroError, AvroErrorKind};
pub use schema::AvroSchemaError;
pub(crate) use schema::{Meaning, Node};
pub(crate) use tree::Tree;

use super::Value;

/// A schema, ready to read by.
#[derive(Debug)]
pub struct AvroSchema {
    /// Tells schemas apart.
    serial: u64,
    nodes: Vec<Node>,
    root: u32,
    program: Option<Program>,
}

impl AvroSchema {
    /// Parses a schema. `references` are the schemas that it names types of, each after those that it names itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, references: &[String]) -> Result<Self, AvroSchemaError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (nodes, root) = schema::parse(text, references)?;
        let program = Program::compile(&nodes, root);
        Ok(Self { serial: NEXT.fetch_add(1, Ordering::Relaxed), nodes, root, program })
    }

    /// Reads a payload, all of it.
    ///
    /// # Errors
    /// It was not written with this schema, or it is larger than its bytes should allow.
    pub fn read(&self, bytes: &[u8]) -> Result<Value, AvroError> {
        let mut reader = Reader::new(bytes);
        let value = Tree::new(&self.nodes).value(self.root, &mut reader)?;
        reader.end()?;
        Ok(value)
    }

    /// Whether a payload is null, and nothing else.
    #[inline(always)]
    pub(crate) fn is_null(&self, bytes: &[u8]) -> bool {
        let may_be = matches!(self.nodes.get(self.root as usize), Some(Node::Null | Node::Union(_)));
        may_be && self.is_null_by_its_branch(bytes)
    }

    #[inline(never)]
    fn is_null_by_its_branch(&self, bytes: &[u8]) -> bool {
        let mut reader = Reader::new(bytes);
        let is_null = |node: u32| matches!(self.nodes.get(node as usize), Some(Node::Null));
        match self.nodes.get(self.root as usize) {
            Some(Node::Null) => bytes.is_empty(),
            Some(Node::Union(branches)) => {
                let branch =
                    reader.long().ok().and_then(|branch| branches.get(usize::try_from(branch).ok()?));
                branch.is_some_and(|branch| is_null(branch.node)) && reader.end().is_ok()
            }
            _ => false,
        }
    }

    /// A number that no other schema has.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// The operations that read it, unless it refers to itself or is very large.
    pub(crate) fn program(&self) -> Option<&Program> {
        self.program.as_ref()
    }

    /// What its types are.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}
