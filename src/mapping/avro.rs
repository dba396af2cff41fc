//! Avro straight into columns: the operations of a schema's program, one pass over the bytes, no tree.

use super::record::Row;
use super::typed::{Fault, Fields, Shape};
use crate::decode::Timestamp;
use crate::decode::avro::{AvroError, AvroErrorKind, AvroSchema, Meaning, Node, Op, Program, Reader, Tree};

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
            let done = self.with_fields(schema.serial(), &program.names, object, |row, fields| {
                row.run(program, schema.nodes(), fields, body)
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

    // A function of its own, so that its registers are.
    #[inline(never)]
    fn run(
        &mut self,
        program: &Program,
        nodes: &[Node],
        fields: &mut Fields<'_>,
        body: &[u8],
    ) -> Result<(), Fault<AvroError>> {
        let mut reader = Reader::new(body);
        let mut next = 0;
        while let Some(&op) = program.ops.get(next) {
            next += 1;
            match op {
                Op::Long { name } => self.long(fields, name, reader.long()?)?,
                Op::Int { name } => self.long(fields, name, reader.int()?.into())?,
                Op::Double { name } => self.double_value(fields, name, reader.double()?)?,
                Op::Text { name } => self.text_value(fields, name, reader.text()?)?,
                Op::Time { name, meaning } => {
                    let value = reader.long()?;
                    let time = match meaning {
                        Meaning::Micros => Timestamp::Micros(value),
                        Meaning::Nanos => Timestamp::Nanos(value),
                        _ => Timestamp::Millis(value),
                    };
                    self.time_value(fields, name, time)?;
                }
                Op::Optional { name, null_branch, end } => {
                    let branch = reader.index(2, AvroErrorKind::NoSuchBranch)?;
                    if branch == usize::from(null_branch) {
                        self.no_value(fields, name)?;
                        next = end as usize;
                    }
                }
                Op::Boolean { name } => self.boolean_value(fields, name, reader.boolean()?)?,
                Op::Enum { name, node } => {
                    let Some(Node::Enum(symbols)) = nodes.get(node as usize) else { continue };
                    let symbol = reader.index(symbols.len(), AvroErrorKind::NoSuchSymbol)?;
                    self.text_value(
                        fields,
                        name,
                        symbols.get(symbol).map(|symbol| symbol.as_bytes()).unwrap_or_default(),
                    )?;
                }
                Op::Float { name } => self.float_value(fields, name, reader.float()?)?,
                Op::Date { name } => {
                    let millis = i64::from(reader.int()?) * MILLIS_A_DAY;
                    self.time_value(fields, name, Timestamp::Millis(millis))?;
                }
                Op::Numbers { name, node } => {
                    reader = self.numbers(fields.get(name).name, nodes, node, reader)?;
                }
                Op::Other { name, node } => {
                    let mut ahead = reader.clone();
                    let value = Tree::new(nodes).value(node, &mut ahead)?;
                    reader = ahead;
                    self.value(fields.get(name).name, &value)?;
                }
                Op::Null { name } => self.no_value(fields, name)?,
                Op::Union { first, count } => {
                    let branch = reader.index(count as usize, AvroErrorKind::NoSuchBranch)?;
                    let to = program.branches.get(first as usize + branch);
                    next = to.map_or(usize::MAX, |&to| to as usize);
                }
                Op::Jump { to } => next = to as usize,
            }
        }
        Ok(reader.end()?)
    }

    /// An array of numbers. Returns the reader behind it.
    #[inline(never)]
    fn numbers<'a>(
        &mut self,
        name: u32,
        nodes: &[Node],
        node: u32,
        mut reader: Reader<'a>,
    ) -> Result<Reader<'a>, Fault<AvroError>> {
        let before = reader.clone();
        let mut elements = std::mem::take(&mut self.block.elements);
        elements.clear();
        let mut shape = Shape::default();
        let done = match shape.read(nodes, node, 0, &mut reader, &mut elements) {
            Ok(()) => self.rectangular(name, &shape, &elements).map_err(Fault::from),
            Err(error) => Err(error.into()),
        };
        self.block.elements = elements;
        if !done? {
            // What is not as simple is judged as a tree.
            reader = before;
            let value = Tree::new(nodes).value(node, &mut reader)?;
            self.value(name, &value)?;
        }
        Ok(reader)
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
