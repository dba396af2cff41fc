use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::block::{Column, ColumnValues, DoubleArrays};
use super::interner::Interner;
use super::types::{Literal, TimeUnit};

/// Which values a column takes, from the table and the topic's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The table does not have the column: the first value of the block decides.
    Free,
    /// Not in the table, and written as SYMBOL by the topic's settings.
    NewSymbol,
    /// Not in the table, and its numbers written as DOUBLE by the topic's settings.
    NewDouble,
    /// Not in the table, and its texts written as TIMESTAMP by the topic's settings.
    NewTimestamp,
    /// A BOOLEAN of the table.
    Boolean,
    /// A BYTE, SHORT, INT or LONG of the table, and its limits.
    Integer {
        /// The smallest value that is not null.
        min: i64,
        /// The largest value.
        max: i64,
    },
    /// A FLOAT of the table.
    Float,
    /// A DOUBLE of the table.
    Double,
    /// A TIMESTAMP or TIMESTAMP_NS of the table.
    Timestamp(TimeUnit),
    /// A DATE of the table.
    Date,
    /// A column of the table whose values QuestDB reads from texts.
    Literal(Literal),
    /// A STRING or VARCHAR of the table.
    Text,
    /// A SYMBOL of the table.
    Symbol,
    /// A DOUBLE array of the table.
    DoubleArray {
        /// 1, 2 or 3
        dimensions: usize,
    },
    /// A column of the table of a type that no protocol has values for, such as BINARY.
    Closed,
    /// A column of a type that is not known here: QuestDB converts what it is sent, or refuses to.
    Other,
}

/// A column of a block under construction.
#[derive(Clone, Debug)]
pub(crate) struct ColumnBuilder {
    pub name: Arc<str>,
    pub target: Target,
    /// QuestDB's name of the type, where the table has the column.
    pub type_name: Option<Arc<str>>,
    pub values: Values,
    /// How many rows have a value or are known to have none.
    pub rows: usize,
    /// Runs of rows without a value: the first of the run and the first after it.
    gaps: Vec<(usize, usize)>,
    /// The attempt at a row that set the last value. Attempts count from 1 and never repeat.
    pub attempt: u64,
    /// The attempt that set the first value.
    first_attempt: u64,
    /// The attempt that made doubles of integers.
    promoted_attempt: u64,
    /// How many symbols there were before the last value.
    symbols_before: usize,
    /// Whether the last value is from the record's key, which a field of its value does not replace.
    pub from_key: bool,
}

/// The values so far. A row without a value has a placeholder.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    None,
    Boolean(Vec<bool>),
    Long(Vec<i64>),
    Double(Vec<f64>),
    /// Doubles for a FLOAT.
    Float(Vec<f64>),
    Timestamp(TimeUnit, Vec<i64>),
    Date(Vec<i64>),
    Literal {
        literal: Literal,
        bytes: Vec<u8>,
        offsets: Vec<i32>,
    },
    Varchar {
        bytes: Vec<u8>,
        offsets: Vec<i32>,
    },
    Symbol {
        numbers: Vec<i32>,
        symbols: Interner,
    },
    Arrays(Arrays),
    /// Takes no value, see [`Target::Closed`].
    Closed,
}

#[derive(Clone, Debug)]
pub(crate) struct Arrays {
    pub dimensions: usize,
    pub elements: Vec<f64>,
    pub offsets: Vec<i32>,
    pub shapes: Vec<u32>,
}

/// There is no room for a value: a block's column ends where 32 bits do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl ColumnBuilder {
    pub fn new(name: Arc<str>, target: Target, type_name: Option<Arc<str>>) -> Self {
        Self {
            name,
            target,
            type_name,
            values: Values::None,
            rows: 0,
            gaps: Vec::new(),
            attempt: 0,
            first_attempt: 0,
            promoted_attempt: 0,
            symbols_before: 0,
            from_key: false,
        }
    }

    /// Whether the column has a value in this block.
    pub fn is_used(&self) -> bool {
        !matches!(self.values, Values::None)
    }

    /// Takes up its first value: `values` is empty and of that value's type.
    pub fn start(&mut self, values: Values, attempt: u64) {
        self.values = values;
        self.rows = 0;
        self.gaps.clear();
        self.first_attempt = attempt;
    }

    /// Gives placeholders to all rows before `row` that have no value, so that `row` is next.
    #[inline]
    pub fn reach(&mut self, row: usize) {
        if self.rows != row {
            self.pad(row);
        }
    }

    /// Whether a row is the column's next one. Rows before it that have no value get placeholders. False also where this row
    /// has a value already, and where the column has no value yet.
    #[inline(always)]
    pub fn is_at(&mut self, row: usize) -> bool {
        self.rows == row || self.catch_up(row)
    }

    #[inline(never)]
    fn catch_up(&mut self, row: usize) -> bool {
        if self.rows < row && self.is_used() {
            self.pad(row);
        }
        self.rows == row
    }

    /// Takes note that the value of the row after the last has been pushed.
    #[inline]
    pub fn pushed(&mut self, attempt: u64, from_key: bool) {
        self.rows += 1;
        self.attempt = attempt;
        self.from_key = from_key;
    }

    fn pad(&mut self, row: usize) {
        if row <= self.rows {
            return;
        }
        match &mut self.values {
            Values::None | Values::Closed => {}
            Values::Boolean(values) => values.resize(row, false),
            Values::Long(values) | Values::Timestamp(_, values) | Values::Date(values) => {
                values.resize(row, 0)
            }
            Values::Double(values) | Values::Float(values) => values.resize(row, 0.0),
            Values::Varchar { bytes, offsets } | Values::Literal { bytes, offsets, .. } => {
                offsets.resize(row + 1, bytes.len() as i32)
            }
            Values::Symbol { numbers, .. } => numbers.resize(row, 0),
            Values::Arrays(arrays) => {
                arrays.offsets.resize(row + 1, arrays.elements.len() as i32);
                arrays.shapes.resize(row * arrays.dimensions, 0);
            }
        }
        match self.gaps.last_mut() {
            Some((_, end)) if *end == self.rows => *end = row,
            _ => self.gaps.push((self.rows, row)),
        }
        self.rows = row;
    }

    /// Makes doubles of integers. None, and nothing changes: one of them has no double of the same worth.
    pub fn promote(&mut self, attempt: u64) -> Option<()> {
        if let Values::Long(values) = &self.values {
            let doubles: Option<Vec<f64>> = values.iter().map(|&value| exact_double(value)).collect();
            self.values = Values::Double(doubles?);
            self.promoted_attempt = attempt;
        }
        Some(())
    }

    /// Takes back what an attempt at a row has done. True: the column has no value any more.
    pub fn undo(&mut self, attempt: u64) -> bool {
        if self.promoted_attempt == attempt
            && let Values::Double(values) = &mut self.values
        {
            if self.attempt == attempt {
                values.pop();
            }
            // They were integers, and exact.
            let mut integers: Vec<i64> = values.iter().map(|&value| value as i64).collect();
            if self.attempt == attempt {
                integers.push(0);
            }
            self.values = Values::Long(integers);
            self.promoted_attempt = 0;
        }
        if self.attempt != attempt {
            // It may have been taken up for a value that it then did not take.
            let unused = self.first_attempt == attempt && self.is_used();
            if unused {
                self.values = Values::None;
                self.rows = 0;
            }
            return unused;
        }
        self.attempt = 0;
        self.rows -= 1;
        match &mut self.values {
            Values::None | Values::Closed => {}
            Values::Boolean(values) => drop(values.pop()),
            Values::Long(values) | Values::Timestamp(_, values) | Values::Date(values) => drop(values.pop()),
            Values::Double(values) | Values::Float(values) => drop(values.pop()),
            Values::Varchar { bytes, offsets } | Values::Literal { bytes, offsets, .. } => {
                offsets.pop();
                bytes.truncate(offsets.last().map_or(0, |&end| end as usize));
            }
            Values::Symbol { numbers, symbols } => {
                numbers.pop();
                symbols.truncate(self.symbols_before);
            }
            Values::Arrays(arrays) => {
                arrays.offsets.pop();
                arrays.elements.truncate(arrays.offsets.last().map_or(0, |&end| end as usize));
                arrays.shapes.truncate(self.rows * arrays.dimensions);
            }
        }
        let unused = self.first_attempt == attempt;
        if unused {
            self.values = Values::None;
            self.rows = 0;
        }
        unused
    }

    /// Pushes a string, which is UTF-8.
    #[inline]
    pub fn push_varchar(bytes: &mut Vec<u8>, offsets: &mut Vec<i32>, value: &[u8]) -> Result<(), Full> {
        let end = i32::try_from(bytes.len() + value.len()).map_err(|_| Full)?;
        bytes.extend_from_slice(value);
        offsets.push(end);
        Ok(())
    }

    /// Pushes a symbol, which is UTF-8.
    #[inline]
    pub fn push_symbol(&mut self, value: &[u8]) -> Result<(), Full> {
        if let Values::Symbol { numbers, symbols } = &mut self.values {
            self.symbols_before = symbols.len();
            numbers.push(symbols.intern(value).ok_or(Full)?);
        }
        Ok(())
    }

    /// The bytes of a row's value, without what a string or an array has beyond its offset.
    pub fn row_bytes(&self) -> usize {
        match &self.values {
            Values::None | Values::Closed => 0,
            Values::Boolean(_) => 1,
            Values::Long(_)
            | Values::Double(_)
            | Values::Float(_)
            | Values::Timestamp(..)
            | Values::Date(_) => 8,
            Values::Varchar { .. } | Values::Literal { .. } | Values::Symbol { .. } => 4,
            Values::Arrays(arrays) => 4 + arrays.dimensions * 4,
        }
    }

    /// The bytes that strings, symbols and arrays have beyond [`Self::row_bytes`], and those of the gaps.
    pub fn loose_bytes(&self) -> usize {
        let values = match &self.values {
            Values::Varchar { bytes, .. } | Values::Literal { bytes, .. } => bytes.len(),
            Values::Symbol { symbols, .. } => symbols.memory_bytes(),
            Values::Arrays(arrays) => arrays.elements.len() * 8,
            _ => 0,
        };
        values + self.gaps.len() * 16
    }

    /// The column of a block of `rows` rows. None: it has no value. The builder is as new after that.
    pub fn finish(&mut self, rows: usize) -> Option<Column> {
        if !self.is_used() {
            return None;
        }
        self.reach(rows);
        let nulls = self.nulls(rows);
        self.gaps.clear();
        self.rows = 0;
        let values = match std::mem::replace(&mut self.values, Values::None) {
            Values::None | Values::Closed => return None,
            Values::Boolean(values) => {
                ColumnValues::Boolean(BooleanArray::new(BooleanBuffer::from(values), nulls))
            }
            Values::Long(values) => ColumnValues::Long(Int64Array::new(values.into(), nulls)),
            Values::Double(values) | Values::Float(values) => {
                ColumnValues::Double(Float64Array::new(values.into(), nulls))
            }
            Values::Timestamp(unit, values) => {
                let values = Int64Array::new(values.into(), nulls);
                match unit {
                    TimeUnit::Micros => ColumnValues::Timestamp(values),
                    TimeUnit::Nanos => ColumnValues::TimestampNanos(values),
                }
            }
            Values::Date(values) => ColumnValues::Date(Int64Array::new(values.into(), nulls)),
            Values::Varchar { bytes, offsets } => ColumnValues::Varchar(texts(bytes, offsets, nulls)),
            Values::Literal { literal, bytes, offsets } => {
                ColumnValues::Literal(literal, texts(bytes, offsets, nulls))
            }
            Values::Symbol { numbers, symbols } => {
                let numbers = Int32Array::new(numbers.into(), nulls);
                let symbols = Arc::new(symbols.into_array());
                ColumnValues::Symbol(DictionaryArray::<Int32Type>::new(numbers, symbols))
            }
            Values::Arrays(arrays) => ColumnValues::DoubleArray(DoubleArrays {
                dimensions: arrays.dimensions,
                elements: arrays.elements.into(),
                offsets: OffsetBuffer::new(ScalarBuffer::from(arrays.offsets)),
                shapes: arrays.shapes.into(),
                nulls,
            }),
        };
        Some(Column { name: self.name.clone(), values })
    }

    fn nulls(&self, rows: usize) -> Option<NullBuffer> {
        if self.gaps.is_empty() {
            return None;
        }
        let mut valid = BooleanBufferBuilder::new(rows);
        for &(start, end) in &self.gaps {
            valid.append_n(start - valid.len(), true);
            valid.append_n(end - start, false);
        }
        valid.append_n(rows - valid.len(), true);
        Some(NullBuffer::new(valid.finish()))
    }
}

fn texts(bytes: Vec<u8>, offsets: Vec<i32>, nulls: Option<NullBuffer>) -> StringArray {
    StringArray::new(OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes), nulls)
}

/// The double of the same worth.
pub(crate) fn exact_double(value: i64) -> Option<f64> {
    let double = value as f64;
    // 2^63 is where a cast back would saturate and seem exact.
    (double < i64::MAX as f64 && double as i64 == value).then_some(double)
}
