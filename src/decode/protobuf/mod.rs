//! Protobuf's binary encoding, read by the schema that it was written with.
//!
//! `protox` and `prost-reflect` make descriptors of a schema's files. From them its messages are taken up once as [types]
//! that refer to each other by number, and a payload is read by those: as a tree ([`ProtobufSchema::read`]), or by a
//! [`Program`], which `mapping` runs into columns.
//!
//! The types are those that Kafka Connect's ProtobufConverter makes of a schema, except where it has several values in
//! an object of their own: of a oneof the field that is set is a field like any other, and what Google's own messages
//! stand for (a Duration, a Struct) is one value.
//!
//! [types]: schema::Types

mod files;
mod framing;
mod known;
mod program;
mod reader;
mod schema;
mod tree;

#[cfg(test)]
pub(crate) mod oracle;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use known::timestamp;
pub(crate) use program::{NO_ONEOF, Op, OpKind, Program, part_of};
pub(crate) use reader::{Part, Reader, Tag, key, one_byte};
pub use reader::{ProtobufError, ProtobufErrorKind, WireType};
pub(crate) use schema::{Absent, Scalar, Types};
pub(crate) use tree::Tree;

use self::schema::Loader;
use super::Value;
use crate::config::ProtobufFraming;

/// A schema, ready to read by: a file, with the messages that are declared in it.
#[derive(Debug)]
pub struct ProtobufSchema {
    /// Tells messages apart from those of other schemas: that of the first; each of the others has the one after.
    serial: u64,
    types: Types,
    /// The file's messages, but for those in others.
    top: Box<[u32]>,
    /// The message of payloads that do not name one.
    root: u32,
    /// By message, when it is first met: a file may have many that nobody sends.
    programs: Box<[OnceLock<Option<Program>>]>,
}

/// What is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProtobufSchemaError(pub String);

/// A file that another imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// What it is imported as.
    pub name: String,
    /// What it has.
    pub text: String,
}

impl ProtobufSchema {
    /// Parses a schema as a registry has it: a file's text, or its descriptor in Base64. `imports` are the files that it
    /// imports, or that those do. Those of `google/protobuf`, `google/type` and `confluent` need not be given.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, imports: &[Import]) -> Result<Self, ProtobufSchemaError> {
        Self::of_file(&files::registered(text, imports)?, None)
    }

    /// Reads a schema from a file: a `.proto`, whose imports are looked for in `include` and beside it, or a set of
    /// descriptors, as `protoc --descriptor_set_out` writes it. `message` names what payloads are, with its package; it
    /// need not where there is only one that they can be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_file(
        path: &Path,
        include: Option<&Path>,
        message: Option<&str>,
    ) -> Result<Self, ProtobufSchemaError> {
        Self::of_file(&files::local(path, include, message)?, Some(message))
    }

    /// Of a file's messages. `message`: payloads do not name theirs.
    fn of_file(
        file: &prost_reflect::FileDescriptor,
        message: Option<Option<&str>>,
    ) -> Result<Self, ProtobufSchemaError> {
        static NEXT: AtomicU64 = AtomicU64::new(1 << 63);
        let mut loader = Loader::new();
        let top = file.messages().map(|message| loader.load(&message)).collect::<Result<Box<[u32]>, _>>()?;
        let root = match message {
            None => *top.first().ok_or_else(|| ProtobufSchemaError("it has no message".to_owned()))?,
            Some(Some(name)) => {
                let found = file.parent_pool().get_message_by_name(name.trim_start_matches('.'));
                match found {
                    Some(message) => loader.load(&message)?,
                    None => return Err(framing::no_message(&loader.types, &top, name)),
                }
            }
            Some(None) => framing::only(&loader.types, &top)?,
        };
        let types = loader.types;
        let count = types.messages.len();
        Ok(Self {
            serial: NEXT.fetch_add(count as u64, Ordering::Relaxed),
            programs: (0..count).map(|_| OnceLock::new()).collect(),
            types,
            top,
            root,
        })
    }

    /// The message that a payload's framing names, which begins `bytes`, and what is behind that.
    ///
    /// # Errors
    /// What is wrong with it.
    #[inline(always)]
    pub(super) fn message_of<'r>(
        &self,
        framing: ProtobufFraming,
        bytes: &'r [u8],
    ) -> Result<(u32, &'r [u8]), ProtobufSchemaError> {
        match (framing, bytes.split_first(), self.top.first()) {
            // Nearly always it is the first message.
            (ProtobufFraming::Confluent, Some((0, rest)), Some(&first)) => Ok((first, rest)),
            _ => framing::read(framing, &self.types, &self.top, bytes),
        }
    }

    /// The message of payloads that do not name one.
    pub(super) fn root(&self) -> u32 {
        self.root
    }

    /// Reads a payload of a message, by its number.
    ///
    /// # Errors
    /// It was not written with this schema, or it is larger than its bytes should allow.
    pub(crate) fn read_as(&self, message: u32, bytes: &[u8]) -> Result<Value, ProtobufError> {
        Tree::new(&self.types, bytes).payload(message)
    }

    /// Reads a payload without any framing.
    ///
    /// # Errors
    /// It was not written with this schema, or it is larger than its bytes should allow.
    pub fn read(&self, bytes: &[u8]) -> Result<Value, ProtobufError> {
        self.read_as(self.root, bytes)
    }

    /// A number that no other message has, of this schema or another.
    pub(crate) fn serial(&self, message: u32) -> u64 {
        self.serial + u64::from(message)
    }

    /// How a message is read without a tree, unless it refers to itself or is very large.
    #[inline]
    pub(crate) fn program(&self, message: u32) -> Option<&Program> {
        let program = self.programs.get(message as usize)?;
        program.get_or_init(|| Program::compile(&self.types, message)).as_ref()
    }

    /// What its types are.
    pub(crate) fn types(&self) -> &Types {
        &self.types
    }
}
