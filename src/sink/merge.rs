//! Blocks of one table as one block of plain vectors, as QWP wants them.
//!
//! A QWP frame has every column once, so the blocks of one request are copied together: some nanoseconds a row, against
//! a frame, and an answer, for every little block.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{Array, DictionaryArray, StringArray};
use arrow_buffer::NullBuffer;

use super::pending::Pending;
use super::typed::Typed;
use crate::rows::{Block, Column, ColumnValues, DoubleArrays, Literal, TimeUnit};

/// The rows of several blocks.
#[derive(Debug, PartialEq)]
pub(super) struct Merged {
    pub(super) table: String,
    pub(super) timestamps: Vec<i64>,
    pub(super) unit: TimeUnit,
    pub(super) columns: Vec<MergedColumn>,
}

/// One column, with a value or a null for every row.
#[derive(Debug, PartialEq)]
pub(super) struct MergedColumn {
    pub(super) name: Arc<str>,
    pub(super) values: MergedValues,
    /// One bit a row, set where there is a value.
    pub(super) validity: Bits,
}

/// A column's values; where there is a null, anything.
#[derive(Debug, PartialEq)]
pub(super) enum MergedValues {
    Boolean(Bits),
    Long(Vec<i64>),
    Timestamp(Vec<i64>),
    TimestampNanos(Vec<i64>),
    Date(Vec<i64>),
    Typed(Typed),
    Double(Vec<f64>),
    Varchar(Texts),
    Symbol {
        codes: Vec<i32>,
        dictionary: Texts,
    },
    /// Every row has the same shape, the only kind that the client's columnar interface takes.
    DoubleArray {
        shape: Vec<u32>,
        elements: Vec<f64>,
    },
}

/// Bits, eight to a byte, the least significant one first.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Bits {
    pub(super) bytes: Vec<u8>,
    len: usize,
    pub(super) has_zero: bool,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let (true, Some(last)) = (bit, self.bytes.last_mut()) {
            *last |= 1 << (self.len % 8);
        }
        self.has_zero |= !bit;
        self.len += 1;
    }
}

/// Texts one after the other; text `i` is `bytes[offsets[i]..offsets[i + 1]]`.
#[derive(Debug, PartialEq)]
pub(super) struct Texts {
    pub(super) offsets: Vec<i32>,
    pub(super) bytes: Vec<u8>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { offsets: vec![0], bytes: Vec::new() }
    }
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        // Requests are kept far below 2 GiB.
        self.offsets.push(self.bytes.len() as i32);
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }
}

/// What a batch begins with.
#[derive(Debug)]
pub(super) enum Merge {
    /// So many blocks, together.
    Blocks(usize, Merged),
    /// A block with arrays of different shapes in one column, or empty ones.
    Ragged,
}

/// Merges as many blocks as have at most so many bytes together, and columns of the same types; at least one.
pub(super) fn merge(batch: &[Pending], max_bytes: usize) -> Merge {
    let mut kinds = HashMap::new();
    let mut bytes = 0;
    let mut taken = 0;
    for pending in batch {
        let block = &pending.block;
        bytes += block.memory_bytes();
        let same_unit = block.timestamp.unit == batch[0].block.timestamp.unit;
        if (taken > 0 && bytes > max_bytes) || !same_unit || !agrees(block, &mut kinds) {
            break;
        }
        taken += 1;
    }
    if taken == 0 {
        // Arrays that do not even agree within the first block.
        return Merge::Ragged;
    }
    let first = &batch[0].block;
    let mut merged = Merged {
        table: first.table.as_str().to_owned(),
        timestamps: Vec::new(),
        unit: first.timestamp.unit,
        columns: Vec::new(),
    };
    for pending in &batch[..taken] {
        merged.append(&pending.block);
    }
    Merge::Blocks(taken, merged)
}

/// A column's type, which literal it is, and where it is an array the shape of its first value.
#[derive(Clone, PartialEq)]
struct Kind(std::mem::Discriminant<ColumnValues>, Option<Literal>, Option<Vec<u32>>);

/// Whether the block's columns can be merged with those of the blocks before; then they are noted.
fn agrees(block: &Block, kinds: &mut HashMap<String, Kind>) -> bool {
    let mut new = Vec::new();
    for column in &block.columns {
        let shape = match &column.values {
            ColumnValues::DoubleArray(arrays) => match uniform_shape(arrays) {
                Some(shape) => Some(shape),
                None => return false,
            },
            _ => None,
        };
        let literal = match &column.values {
            ColumnValues::Literal(literal, _) => Some(*literal),
            _ => None,
        };
        let kind = Kind(std::mem::discriminant(&column.values), literal, shape);
        let name = column.name.to_lowercase();
        match kinds.get(&name) {
            Some(known) if *known != kind => return false,
            Some(_) => {}
            None => new.push((name, kind)),
        }
    }
    kinds.extend(new);
    true
}

/// The one shape of all arrays, where there is one and it is not empty.
fn uniform_shape(arrays: &DoubleArrays) -> Option<Vec<u32>> {
    let mut shapes = arrays
        .shapes
        .chunks_exact(arrays.dimensions.max(1))
        .enumerate()
        .filter(|(row, _)| arrays.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row)))
        .map(|(_, shape)| shape);
    let first = shapes.next()?;
    (first.iter().all(|&length| length > 0) && shapes.all(|shape| shape == first)).then(|| first.to_vec())
}

impl Merged {
    fn append(&mut self, block: &Block) {
        let before = self.timestamps.len();
        self.timestamps.extend_from_slice(&block.timestamp.values);
        for column in &block.columns {
            let known =
                self.columns.iter().position(|known| known.name.to_lowercase() == column.name.to_lowercase());
            let index = known.unwrap_or_else(|| {
                let mut fresh = MergedColumn::new(column);
                fresh.append_nulls(before);
                self.columns.push(fresh);
                self.columns.len() - 1
            });
            self.columns[index].append(&column.values, block.rows());
        }
        let rows = self.timestamps.len();
        for column in &mut self.columns {
            column.append_nulls(rows - column.validity.len);
        }
    }
}

impl MergedColumn {
    fn new(column: &Column) -> Self {
        let values = match &column.values {
            ColumnValues::Boolean(_) => MergedValues::Boolean(Bits::default()),
            ColumnValues::Long(_) => MergedValues::Long(Vec::new()),
            ColumnValues::Double(_) => MergedValues::Double(Vec::new()),
            ColumnValues::Varchar(_) => MergedValues::Varchar(Texts::default()),
            ColumnValues::Symbol(_) => {
                MergedValues::Symbol { codes: Vec::new(), dictionary: Texts::default() }
            }
            ColumnValues::Timestamp(_) => MergedValues::Timestamp(Vec::new()),
            ColumnValues::TimestampNanos(_) => MergedValues::TimestampNanos(Vec::new()),
            ColumnValues::Date(_) => MergedValues::Date(Vec::new()),
            ColumnValues::Literal(literal, _) => match Typed::of(*literal) {
                Some(typed) => MergedValues::Typed(typed),
                None => MergedValues::Varchar(Texts::default()),
            },
            ColumnValues::DoubleArray(arrays) => MergedValues::DoubleArray {
                shape: uniform_shape(arrays).unwrap_or_default(),
                elements: Vec::new(),
            },
        };
        Self { name: column.name.clone(), values, validity: Bits::default() }
    }

    fn append_nulls(&mut self, count: usize) {
        for _ in 0..count {
            self.validity.push(false);
        }
        match &mut self.values {
            MergedValues::Boolean(bits) => (0..count).for_each(|_| bits.push(false)),
            MergedValues::Long(values)
            | MergedValues::Timestamp(values)
            | MergedValues::TimestampNanos(values)
            | MergedValues::Date(values) => values.resize(values.len() + count, 0),
            MergedValues::Typed(values) => (0..count).for_each(|_| values.push("")),
            MergedValues::Double(values) => values.resize(values.len() + count, 0.0),
            MergedValues::Varchar(texts) => (0..count).for_each(|_| texts.push("")),
            MergedValues::Symbol { codes, .. } => codes.resize(codes.len() + count, 0),
            MergedValues::DoubleArray { shape, elements } => {
                elements.resize(elements.len() + count * elements_of(shape), 0.0);
            }
        }
    }

    fn append(&mut self, values: &ColumnValues, rows: usize) {
        let validity = &mut self.validity;
        let mut note = |nulls: Option<&NullBuffer>| {
            (0..rows).for_each(|row| validity.push(nulls.is_none_or(|nulls| nulls.is_valid(row))));
        };
        match (&mut self.values, values) {
            (MergedValues::Boolean(bits), ColumnValues::Boolean(values)) => {
                note(values.nulls());
                (0..rows).for_each(|row| bits.push(values.is_valid(row) && values.value(row)));
            }
            (MergedValues::Long(merged), ColumnValues::Long(values))
            | (MergedValues::Timestamp(merged), ColumnValues::Timestamp(values))
            | (MergedValues::TimestampNanos(merged), ColumnValues::TimestampNanos(values))
            | (MergedValues::Date(merged), ColumnValues::Date(values)) => {
                note(values.nulls());
                merged.extend_from_slice(values.values());
            }
            (MergedValues::Double(merged), ColumnValues::Double(values)) => {
                note(values.nulls());
                merged.extend_from_slice(values.values());
            }
            (MergedValues::Typed(typed), ColumnValues::Literal(_, values)) => {
                for text in values {
                    let text = text.unwrap_or_default();
                    // An empty text is null here.
                    validity.push(!text.is_empty());
                    typed.push(text);
                }
            }
            (
                MergedValues::Varchar(texts),
                ColumnValues::Varchar(values) | ColumnValues::Literal(_, values),
            ) => {
                note(values.nulls());
                values.iter().for_each(|text| texts.push(text.unwrap_or_default()));
            }
            (MergedValues::Symbol { codes, dictionary }, ColumnValues::Symbol(values)) => {
                note(values.keys().nulls());
                append_symbols(codes, dictionary, values);
            }
            (MergedValues::DoubleArray { shape, elements }, ColumnValues::DoubleArray(arrays)) => {
                note(arrays.nulls.as_ref());
                let count = elements_of(shape);
                for row in 0..rows {
                    let range = arrays.offsets[row] as usize..arrays.offsets[row + 1] as usize;
                    if range.len() == count {
                        elements.extend_from_slice(&arrays.elements[range]);
                    } else {
                        elements.resize(elements.len() + count, 0.0);
                    }
                }
            }
            // `agrees` has seen to it that the types are the same.
            _ => self.append_nulls(rows),
        }
    }
}

/// Appends to the dictionary what it does not have yet. Dictionaries are small next to their columns.
fn append_symbols(codes: &mut Vec<i32>, dictionary: &mut Texts, values: &DictionaryArray<Int32Type>) {
    let Some(texts) = values.values().as_any().downcast_ref::<StringArray>() else { return };
    let mut known: HashMap<Vec<u8>, i32> = HashMap::with_capacity(dictionary.len() + texts.len());
    for index in 0..dictionary.len() {
        let range = dictionary.offsets[index] as usize..dictionary.offsets[index + 1] as usize;
        known.insert(dictionary.bytes[range].to_vec(), index as i32);
    }
    let translated: Vec<i32> = texts
        .iter()
        .map(|text| {
            let text = text.unwrap_or_default();
            *known.entry(text.as_bytes().to_vec()).or_insert_with(|| {
                dictionary.push(text);
                dictionary.len() as i32 - 1
            })
        })
        .collect();
    let keys = values.keys();
    codes.extend((0..keys.len()).map(|row| {
        let key = if keys.is_valid(row) { keys.value(row) as usize } else { 0 };
        translated.get(key).copied().unwrap_or(0)
    }));
}

fn elements_of(shape: &[u32]) -> usize {
    shape.iter().map(|&length| length as usize).product()
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
