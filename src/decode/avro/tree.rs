//! Payloads as trees.

use super::reader::{AvroError, AvroErrorKind, Reader};
use super::schema::{Field, Meaning, Node, dimensions};
use super::text;
use crate::decode::envelope::decimal;
use crate::decode::{Object, Timestamp, Value};

/// Reads values. What it makes is bounded by itself, not by the bytes: an array of a billion nulls has none.
pub(crate) struct Tree<'s> {
    nodes: &'s [Node],
    /// What is left of the values that one payload may stand for.
    budget: usize,
    depth: usize,
}

/// As many values make a tree of some 100 MiB.
const MAX_VALUES: usize = 1_000_000;

const MAX_DEPTH: usize = 64;

/// Names that are longer than that count as more than one value.
const SHORT_NAME: usize = 64;

/// As many dimensions as an array's column has.
pub(super) const MAX_DIMENSIONS: usize = 3;

const MILLIS_A_DAY: i64 = 86_400_000;

impl<'s> Tree<'s> {
    pub fn new(nodes: &'s [Node]) -> Self {
        Self { nodes, budget: MAX_VALUES, depth: 0 }
    }

    pub fn value(&mut self, node: u32, reader: &mut Reader<'_>) -> Result<Value, AvroError> {
        self.count(1, reader)?;
        let nodes = self.nodes;
        Ok(match nodes.get(node as usize).unwrap_or(&Node::Null) {
            Node::Null => Value::Null,
            Node::Boolean => Value::Boolean(reader.boolean()?),
            Node::Int(Meaning::Number) => Value::Integer(reader.int()?.into()),
            Node::Int(meaning) => time(*meaning, reader.int()?.into()),
            Node::Long(meaning) => time(*meaning, reader.long()?),
            Node::Float => Value::Float(reader.float()?),
            Node::Double => Value::double(reader.double()?),
            Node::Bytes => Value::Bytes(reader.bytes()?.to_vec()),
            Node::Text => Value::Text(reader.string()?),
            Node::Fixed(size) => Value::Bytes(reader.take(*size)?.to_vec()),
            Node::Uuid => Value::Text(text::uuid(reader.take(16)?)),
            Node::Duration => Value::Text(text::duration(reader.take(12)?)),
            Node::Decimal { scale, size } => {
                let unscaled = match size {
                    Some(size) => reader.take(*size)?,
                    None => reader.bytes()?,
                };
                match decimal::of_bytes(unscaled, *scale) {
                    Some(digits) => Value::Decimal(digits.into()),
                    None => return Err(reader.error(AvroErrorKind::LongDecimal)),
                }
            }
            Node::Enum(symbols) => {
                let symbol = reader.index(symbols.len(), AvroErrorKind::NoSuchSymbol)?;
                Value::Text(symbols.get(symbol).map(ToString::to_string).unwrap_or_default())
            }
            Node::Array(item) => {
                let mut elements = Vec::new();
                self.items(reader, |tree, reader| {
                    elements.push(match tree.value(*item, reader)? {
                        // An array's elements are doubles in QuestDB, and never texts.
                        Value::Float(float) => Value::double(float.into()),
                        element => element,
                    });
                    Ok(())
                })?;
                array(nodes, node, elements)
            }
            Node::Map(value) => {
                let mut entries = Vec::new();
                self.items(reader, |tree, reader| {
                    let key = reader.string()?;
                    entries.push((key, tree.value(*value, reader)?));
                    Ok(())
                })?;
                Value::Map(Object::of(entries))
            }
            Node::Entries { key, value, key_first } => {
                let mut entries = Vec::new();
                self.items(reader, |tree, reader| {
                    let (first, second) = if *key_first { (*key, *value) } else { (*value, *key) };
                    let (first, second) = (tree.value(first, reader)?, tree.value(second, reader)?);
                    let (key, value) = if *key_first { (first, second) } else { (second, first) };
                    let name = match key {
                        Value::Text(text) => text,
                        key => {
                            let mut name = String::new();
                            key.write_json(&mut name);
                            name
                        }
                    };
                    entries.push((name, value));
                    Ok(())
                })?;
                Value::Map(Object::of(entries))
            }
            Node::Record(fields) => {
                Value::Object(self.nested(reader, |tree, reader| tree.fields(fields, reader))?)
            }
            Node::Union(branches) => {
                let branch = reader.index(branches.len(), AvroErrorKind::NoSuchBranch)?;
                let Some(branch) = branches.get(branch) else { return Ok(Value::Null) };
                let value = self.nested(reader, |tree, reader| tree.value(branch.node, reader))?;
                if value == Value::Null || is_optional(nodes, branches) {
                    value
                } else {
                    self.count_name(&branch.name, reader)?;
                    Value::Object(Object(vec![(branch.name.to_string(), value)]))
                }
            }
        })
    }

    fn fields(&mut self, fields: &[Field], reader: &mut Reader<'_>) -> Result<Object, AvroError> {
        let mut members = Vec::new();
        for field in fields {
            self.count_name(&field.name, reader)?;
            members.push((field.name.to_string(), self.value(field.node, reader)?));
        }
        Ok(Object(members))
    }

    fn items(
        &mut self,
        reader: &mut Reader<'_>,
        mut item: impl FnMut(&mut Self, &mut Reader<'_>) -> Result<(), AvroError>,
    ) -> Result<(), AvroError> {
        self.nested(reader, |tree, reader| {
            loop {
                let count = reader.block()?;
                if count == 0 {
                    return Ok(());
                }
                // Not believed: each item is counted as it comes.
                for _ in 0..count {
                    item(tree, reader)?;
                }
            }
        })
    }

    fn nested<T>(
        &mut self,
        reader: &mut Reader<'_>,
        read: impl FnOnce(&mut Self, &mut Reader<'_>) -> Result<T, AvroError>,
    ) -> Result<T, AvroError> {
        if self.depth >= MAX_DEPTH {
            return Err(reader.error(AvroErrorKind::TooDeep));
        }
        self.depth += 1;
        let value = read(self, reader)?;
        self.depth -= 1;
        Ok(value)
    }

    fn count_name(&mut self, name: &str, reader: &Reader<'_>) -> Result<(), AvroError> {
        self.count(name.len() / SHORT_NAME, reader)
    }

    fn count(&mut self, values: usize, reader: &Reader<'_>) -> Result<(), AvroError> {
        match self.budget.checked_sub(values) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(reader.error(AvroErrorKind::TooManyValues)),
        }
    }
}

/// An array with its elements. One that has no number at all still tells how many dimensions it has.
fn array(nodes: &[Node], node: u32, elements: Vec<Value>) -> Value {
    let is_empty = elements.iter().all(|element| matches!(element, Value::EmptyArray { .. }));
    match dimensions(nodes, node) {
        Some(dimensions @ 1..=MAX_DIMENSIONS) if is_empty => Value::EmptyArray { dimensions },
        _ => Value::Array(elements),
    }
}

/// Whether a union is a type that may be null, and not a choice of several.
pub(super) fn is_optional(nodes: &[Node], branches: &[Field]) -> bool {
    let is_null = |branch: &Field| matches!(nodes.get(branch.node as usize), Some(Node::Null));
    branches.len() == 2 && branches.iter().any(is_null)
}

/// An integer by what it stands for.
fn time(meaning: Meaning, value: i64) -> Value {
    match meaning {
        Meaning::Number => Value::Integer(value),
        meaning => Value::Timestamp(timestamp(meaning, value)),
    }
}

/// A point in time.
pub(super) fn timestamp(meaning: Meaning, value: i64) -> Timestamp {
    match meaning {
        Meaning::Days => Timestamp::Millis(value.saturating_mul(MILLIS_A_DAY)),
        Meaning::Millis | Meaning::Number => Timestamp::Millis(value),
        Meaning::Micros => Timestamp::Micros(value),
        Meaning::Nanos => Timestamp::Nanos(value),
    }
}
