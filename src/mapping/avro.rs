//! Avro straight into columns: the operations of a schema's program, one pass over the bytes, no tree.

use super::record::Row;
use super::typed::{Fault, Shape};
use crate::decode::Timestamp;
use crate::decode::avro::{AvroError, AvroErrorKind, AvroSchema, Meaning, Node, Op, Program, Reader, Tree};
use crate::rows::NONE;

impl From<AvroError> for Fault<AvroError> {
    #[cold]
    fn from(error: AvroError) -> Self {
        Self::Misread(error)
    }
}

const MILLIS_A_DAY: i64 = 86_400_000;

impl Row<'_, '_> {
    /// A key's or a value's payload that is not null.
    #[inline]
    pub(super) fn avro(
        &mut self,
        schema: &AvroSchema,
        body: &[u8],
        object: u32,
    ) -> Result<(), Fault<AvroError>> {
        if let Some(program) = schema.program() {
            let done = self.with_names(schema.serial(), &program.names, object, |row, names| {
                let mut reader = Reader::new(body);
                row.run(program, schema.nodes(), names, &mut reader)?;
                Ok(reader.end()?)
            });
            if done? {
                return Ok(());
            }
        }
        self.avro_tree(schema, body, object)
    }

    /// Schemas that refer to themselves have no program, and some programs do not fit a topic.
    #[cold]
    fn avro_tree(&mut self, schema: &AvroSchema, body: &[u8], object: u32) -> Result<(), Fault<AvroError>> {
        Ok(self.part(object, &schema.read(body)?)?)
    }

    fn run(
        &mut self,
        program: &Program,
        nodes: &[Node],
        names: &[u32],
        reader: &mut Reader<'_>,
    ) -> Result<(), Fault<AvroError>> {
        let bound = |name: u32| names.get(name as usize).copied().unwrap_or(NONE);
        let mut next = 0;
        while let Some(&op) = program.ops.get(next) {
            next += 1;
            match op {
                Op::Long { name } => self.long(bound(name), reader.long()?)?,
                Op::Int { name } => self.long(bound(name), reader.int()?.into())?,
                Op::Double { name } => self.double_value(bound(name), reader.double()?)?,
                Op::Text { name } => self.text_value(bound(name), reader.text()?.as_bytes())?,
                Op::Time { name, meaning } => {
                    let value = reader.long()?;
                    let time = match meaning {
                        Meaning::Micros => Timestamp::Micros(value),
                        Meaning::Nanos => Timestamp::Nanos(value),
                        _ => Timestamp::Millis(value),
                    };
                    self.time_value(bound(name), time)?;
                }
                Op::Optional { name, null_branch, end } => {
                    let branch = reader.index(2, AvroErrorKind::NoSuchBranch)?;
                    if branch == usize::from(null_branch) {
                        self.no_value(name, bound(name))?;
                        next = end as usize;
                    }
                }
                Op::Boolean { name } => self.boolean_value(bound(name), reader.boolean()?)?,
                Op::Enum { name, node } => {
                    let Some(Node::Enum(symbols)) = nodes.get(node as usize) else { continue };
                    let symbol = reader.index(symbols.len(), AvroErrorKind::NoSuchSymbol)?;
                    self.text_value(
                        bound(name),
                        symbols.get(symbol).map(|symbol| symbol.as_bytes()).unwrap_or_default(),
                    )?;
                }
                Op::Float { name } => self.float(bound(name), reader.float()?)?,
                Op::Date { name } => {
                    let millis = i64::from(reader.int()?) * MILLIS_A_DAY;
                    self.time(bound(name), Timestamp::Millis(millis))?;
                }
                Op::Numbers { name, node } => self.numbers(bound(name), nodes, node, reader)?,
                Op::Other { name, node } => {
                    let value = Tree::new(nodes).value(node, reader)?;
                    self.value(bound(name), &value)?;
                }
                Op::Null { name } => self.no_value(name, bound(name))?,
                Op::Union { first, count } => {
                    let branch = reader.index(count as usize, AvroErrorKind::NoSuchBranch)?;
                    let to = program.branches.get(first as usize + branch);
                    next = to.map_or(usize::MAX, |&to| to as usize);
                }
                Op::Jump { to } => next = to as usize,
            }
        }
        Ok(())
    }

    /// An array of numbers.
    #[inline(never)]
    fn numbers(
        &mut self,
        name: u32,
        nodes: &[Node],
        node: u32,
        reader: &mut Reader<'_>,
    ) -> Result<(), Fault<AvroError>> {
        let before = reader.clone();
        let mut elements = std::mem::take(&mut self.block.elements);
        elements.clear();
        let mut shape = Shape::default();
        let done = match shape.read(nodes, node, 0, reader, &mut elements) {
            Ok(()) => self.rectangular(name, &shape, &elements).map_err(Fault::from),
            Err(error) => Err(error.into()),
        };
        self.block.elements = elements;
        if done? {
            return Ok(());
        }
        // What is not as simple is judged as a tree.
        *reader = before;
        let value = Tree::new(nodes).value(node, reader)?;
        self.value(name, &value)?;
        Ok(())
    }
}

impl Shape {
    fn read(
        &mut self,
        nodes: &[Node],
        node: u32,
        depth: usize,
        reader: &mut Reader<'_>,
        elements: &mut Vec<f64>,
    ) -> Result<(), AvroError> {
        let Some(Node::Array(item)) = nodes.get(node as usize) else { return Ok(()) };
        let item_node = nodes.get(*item as usize).unwrap_or(&Node::Null);
        self.dimensions = self.dimensions.max(depth + 1);
        let mut length = 0_u32;
        loop {
            let count = reader.block()?;
            if count == 0 {
                break;
            }
            // Each item has a byte at least, so that a count that lies comes to the end of the bytes.
            for _ in 0..count {
                let element = match item_node {
                    Node::Double => reader.double()?,
                    Node::Float => reader.float()?.into(),
                    Node::Int(_) => reader.int()?.into(),
                    Node::Long(_) => reader.long()? as f64,
                    _ => {
                        self.read(nodes, *item, depth + 1, reader, elements)?;
                        length = length.saturating_add(1);
                        continue;
                    }
                };
                self.irregular |= !element.is_finite();
                elements.push(element);
                length = length.saturating_add(1);
            }
        }
        self.meet(depth, length);
        Ok(())
    }
}
