//! Avro straight into columns: the operations of a schema's program, one pass over the bytes, no tree.
//!
//! Every value goes by the same rules as one of a tree. What is common and needs no judgement, such as a long in a column
//! of LONGs, is pushed at once.

use super::plan::Plan;
use super::record::{Row, too_many_names};
use super::refusal::Refusal;
use super::values::{Kind, Place};
use crate::decode::avro::{
    AvroError, AvroErrorKind, AvroSchema, Meaning, Node, Op, Program, ROOT, Reader, Tree,
};
use crate::decode::json::{Number, NumberValue};
use crate::decode::{Timestamp, Value};
use crate::rows::{Binding, ColumnBuilder, Destination, KEY, MAX_BINDINGS, NONE, RECORD, Target, Values};

/// Why a payload is no row.
#[derive(Debug)]
pub(super) enum Fault {
    /// A column does not take a value.
    Refused(Refusal),
    /// It was not written with the schema.
    Misread(AvroError),
}

impl From<Refusal> for Fault {
    #[cold]
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<AvroError> for Fault {
    #[cold]
    fn from(error: AvroError) -> Self {
        Self::Misread(error)
    }
}

const MILLIS_A_DAY: i64 = 86_400_000;

impl Row<'_, '_> {
    /// A key's or a value's payload that is not null.
    #[inline]
    pub(super) fn avro(&mut self, schema: &AvroSchema, body: &[u8], object: u32) -> Result<(), Fault> {
        let Some(program) = schema.program() else { return self.avro_tree(schema, body, object) };
        // Taken out meanwhile: names are read while columns are written.
        let mut bindings = std::mem::take(&mut self.block.bindings);
        let bound = bindings
            .iter()
            .position(|binding| binding.is_of(schema.serial(), object))
            .map_or_else(|| self.bind(schema.serial(), program, object, &mut bindings), Ok);
        let done = match bound {
            Ok(number) => {
                let names = bindings.get(number).map(|binding| &*binding.names).unwrap_or_default();
                if names.len() < program.names.len() {
                    self.block.bindings = bindings;
                    return self.avro_tree(schema, body, object);
                }
                let mut reader = Reader::new(body);
                self.run(program, schema.nodes(), names, &mut reader)
                    .and_then(|()| reader.end().map_err(Fault::from))
            }
            Err(refusal) => Err(refusal.into()),
        };
        self.block.bindings = bindings;
        done
    }

    /// Schemas that refer to themselves have no program, and some programs do not fit a topic.
    #[cold]
    fn avro_tree(&mut self, schema: &AvroSchema, body: &[u8], object: u32) -> Result<(), Fault> {
        let value = schema.read(body)?;
        let column = self.plan.column_of(object);
        self.part(object, column, &value)?;
        Ok(())
    }

    /// Finds the numbers of a program's names in this block.
    #[cold]
    fn bind(
        &mut self,
        schema: u64,
        program: &Program,
        object: u32,
        bindings: &mut Vec<Binding>,
    ) -> Result<usize, Refusal> {
        let mut names: Vec<u32> = Vec::with_capacity(program.names.len());
        for name in &program.names {
            if let Some(&parent) = names.get(name.parent as usize)
                && self.timestamp_part(parent).is_some()
            {
                // An object where the designated timestamp belongs is judged as a tree: there are no names then.
                names.clear();
                break;
            }
            let paths = &mut self.block.paths;
            let found = if !program.is_object && name.parent == ROOT {
                paths.find(RECORD, self.plan.column_of(object), NONE)
            } else {
                let parent = match names.get(name.parent as usize) {
                    Some(&parent) => paths.child(parent),
                    None => object,
                };
                paths.find(parent, &name.name, NONE)
            };
            names.push(found.ok_or_else(too_many_names)?);
        }
        if bindings.len() >= MAX_BINDINGS {
            bindings.clear();
        }
        bindings.push(Binding { schema, object, names: names.into() });
        Ok(bindings.len() - 1)
    }

    fn run(
        &mut self,
        program: &Program,
        nodes: &[Node],
        names: &[u32],
        reader: &mut Reader<'_>,
    ) -> Result<(), Fault> {
        let bound = |name: u32| names.get(name as usize).copied().unwrap_or(NONE);
        let mut next = 0;
        while let Some(&op) = program.ops.get(next) {
            next += 1;
            match op {
                Op::Long { name } => self.long(bound(name), reader.long()?)?,
                Op::Int { name } => self.long(bound(name), reader.int()?.into())?,
                Op::Double { name } => self.double_value(bound(name), reader.double()?)?,
                Op::Text { name } => self.text_value(bound(name), reader.text()?)?,
                Op::Time { name, meaning } => self.time_value(bound(name), meaning, reader.long()?)?,
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
                        symbols.get(symbol).map(|symbol| &**symbol).unwrap_or_default(),
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

    /// A null that is not the whole payload.
    #[inline]
    fn no_value(&mut self, name: u32, bound: u32) -> Result<(), Refusal> {
        if self.plan.judges_nulls && name != ROOT { self.null(bound) } else { Ok(()) }
    }

    /// A column that takes the row's next value as it is: no other value of this record is in it, and no row is missing.
    #[inline(always)]
    fn open_column(&mut self, name: u32) -> Option<&mut ColumnBuilder> {
        let Destination::Column(number) = self.block.paths.destination(name) else { return None };
        let row = self.block.rows();
        let column = self.block.columns.get_mut(number as usize)?;
        (column.attempt != self.block.attempt && column.rows == row).then_some(column)
    }

    /// Takes note that a value has been pushed to the column of a name.
    #[inline(always)]
    fn pushed_to(&mut self, name: u32) {
        if let Destination::Column(number) = self.block.paths.destination(name) {
            self.pushed(number as usize);
        }
    }

    #[inline(always)]
    fn long(&mut self, name: u32, value: i64) -> Result<(), Refusal> {
        if let Some(ColumnBuilder { values: Values::Long(values), target, .. }) = self.open_column(name) {
            let fits = match target {
                Target::Integer { min, max } => (*min..=*max).contains(&value),
                _ => value != i64::MIN,
            };
            if fits {
                values.push(value);
                self.pushed_to(name);
                return Ok(());
            }
        }
        self.rare_long(name, value)
    }

    #[inline(never)]
    fn rare_long(&mut self, name: u32, value: i64) -> Result<(), Refusal> {
        let text = value.to_string();
        self.number(name, &Number { text: text.as_bytes(), value: NumberValue::Integer(value) })
    }

    #[inline(always)]
    fn double_value(&mut self, name: u32, value: f64) -> Result<(), Refusal> {
        if let Some(ColumnBuilder { values: Values::Double(values), .. }) = self.open_column(name)
            && value.is_finite()
        {
            values.push(value);
            self.pushed_to(name);
            return Ok(());
        }
        self.rare_double(name, value)
    }

    #[inline(never)]
    fn rare_double(&mut self, name: u32, value: f64) -> Result<(), Refusal> {
        self.value(name, &Value::double(value))
    }

    #[inline(always)]
    fn boolean_value(&mut self, name: u32, value: bool) -> Result<(), Refusal> {
        if let Some(ColumnBuilder { values: Values::Boolean(values), .. }) = self.open_column(name) {
            values.push(value);
            self.pushed_to(name);
            return Ok(());
        }
        self.boolean(name, value)
    }

    #[inline(always)]
    fn text_value(&mut self, name: u32, value: &str) -> Result<(), Refusal> {
        let value = value.as_bytes();
        if let Some(column) = self.open_column(name) {
            let pushed = match &mut column.values {
                Values::Varchar { bytes, offsets } => {
                    ColumnBuilder::push_varchar(bytes, offsets, value).is_ok()
                }
                Values::Symbol { .. } => column.push_symbol(value).is_ok(),
                _ => false,
            };
            if pushed {
                self.pushed_to(name);
                return Ok(());
            }
        }
        self.rare_text(name, value)
    }

    #[inline(never)]
    fn rare_text(&mut self, name: u32, value: &[u8]) -> Result<(), Refusal> {
        self.text(name, value)
    }

    #[inline(always)]
    fn time_value(&mut self, name: u32, meaning: Meaning, value: i64) -> Result<(), Refusal> {
        let time = match meaning {
            Meaning::Micros => Timestamp::Micros(value),
            Meaning::Nanos => Timestamp::Nanos(value),
            _ => Timestamp::Millis(value),
        };
        if let Some(ColumnBuilder { values: Values::Timestamp(unit, values), .. }) = self.open_column(name)
            && let Some(value) = super::timestamp::in_unit(time, *unit)
        {
            values.push(value);
            self.pushed_to(name);
            return Ok(());
        }
        self.rare_time(name, time)
    }

    #[inline(never)]
    fn rare_time(&mut self, name: u32, time: Timestamp) -> Result<(), Refusal> {
        self.time(name, time)
    }

    /// An array of numbers.
    #[inline(never)]
    fn numbers(
        &mut self,
        name: u32,
        nodes: &[Node],
        node: u32,
        reader: &mut Reader<'_>,
    ) -> Result<(), Fault> {
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

    /// Writes an array that needs no judgement. False: it does.
    fn rectangular(&mut self, name: u32, shape: &Shape, elements: &[f64]) -> Result<bool, Refusal> {
        if !shape.is_rectangular() {
            return Ok(false);
        }
        let Place::Column(number) = self.place(name)? else { return Ok(false) };
        let column = &self.block.columns[number];
        let takes = match (&column.values, &column.target) {
            (Values::Arrays(arrays), Target::Free | Target::DoubleArray { .. }) => {
                arrays.dimensions == shape.dimensions
            }
            (Values::None, Target::Free) => true,
            (Values::None, Target::DoubleArray { dimensions }) => *dimensions == shape.dimensions,
            _ => false,
        };
        if takes {
            self.start(number, Kind::Array { dimensions: shape.dimensions })?;
            self.double_array(number, shape.dimensions, &shape.lengths, elements, b"")?;
        }
        Ok(takes)
    }
}

/// What an array of numbers looks like.
#[derive(Debug, Default)]
struct Shape {
    dimensions: usize,
    lengths: [u32; 3],
    /// Of which dimensions the lengths are known, a bit each.
    known: u8,
    irregular: bool,
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
        match self.lengths.get_mut(depth) {
            Some(known) if self.known & 1 << depth == 0 => {
                *known = length;
                self.known |= 1 << depth;
            }
            Some(known) => self.irregular |= *known != length,
            None => self.irregular = true,
        }
        Ok(())
    }

    fn is_rectangular(&self) -> bool {
        !self.irregular && self.lengths.iter().take(self.dimensions).all(|&length| length > 0)
    }
}

impl Plan {
    /// The column of a key or a value that is no object.
    pub(super) fn column_of(&self, object: u32) -> &str {
        if object == KEY { &self.key_column } else { &self.value_column }
    }
}
