use std::fmt;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{Array, BooleanArray, DictionaryArray, Float64Array, Int64Array, StringArray};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};

use super::types::{Literal, TimeUnit};

/// A QuestDB table's name, already checked against what QuestDB takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName(Arc<str>);

impl TableName {
    /// Wraps a name that `mapping` has checked.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name as QuestDB knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record's place in its record batch, from 0: Kafka's `batch_index` of KIP-467.
pub type RecordIndex = u32;

/// Why one record cannot become a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The record within its batch.
    pub record: RecordIndex,
    /// The column, where one is to blame.
    pub column: Option<Arc<str>>,
    /// What happened and what to do, for the producer's log.
    pub message: String,
}

/// The rows of one table that one record batch became.
#[derive(Clone, Debug)]
pub struct Block {
    /// The table that the rows go to.
    pub table: TableName,
    /// The designated timestamp: one value a row, never null.
    pub timestamp: Timestamps,
    /// All other columns, in the order in which the records first named them. Each has as many values as there
    /// are rows and at least one that is not null.
    pub columns: Vec<Column>,
    /// For each row, the record that it was made from.
    pub origin: Vec<RecordIndex>,
}

impl Block {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.origin.len()
    }

    /// The bytes that the block holds on to, for the memory budget.
    pub fn memory_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(|column| column.values.memory_bytes() + 64).sum();
        columns + self.timestamp.values.len() * 8 + self.origin.len() * 4 + size_of::<Self>()
    }
}

/// The designated timestamp column of a block.
#[derive(Clone, Debug)]
pub struct Timestamps {
    /// The column's name in QuestDB.
    pub name: Arc<str>,
    /// What the values count.
    pub unit: TimeUnit,
    /// Since 1970-01-01T00:00:00Z.
    pub values: ScalarBuffer<i64>,
}

/// A named column.
#[derive(Clone, Debug)]
pub struct Column {
    /// The column's name in QuestDB.
    pub name: Arc<str>,
    /// One value a row.
    pub values: ColumnValues,
}

/// A column's values, by the QuestDB type that they are written as.
#[derive(Clone, Debug)]
pub enum ColumnValues {
    /// BOOLEAN. QuestDB has no null here: a row without the field reads false.
    Boolean(BooleanArray),
    /// LONG
    Long(Int64Array),
    /// DOUBLE
    Double(Float64Array),
    /// VARCHAR
    Varchar(StringArray),
    /// SYMBOL
    Symbol(DictionaryArray<Int32Type>),
    /// TIMESTAMP, in microseconds since 1970-01-01T00:00:00Z.
    Timestamp(Int64Array),
    /// TIMESTAMP_NS, in nanoseconds since 1970-01-01T00:00:00Z.
    TimestampNanos(Int64Array),
    /// DATE, in milliseconds since 1970-01-01T00:00:00Z.
    Date(Int64Array),
    /// A type that QuestDB reads from texts.
    Literal(Literal, StringArray),
    /// DOUBLE[], DOUBLE[][] or DOUBLE[][][]
    DoubleArray(DoubleArrays),
}

impl ColumnValues {
    /// Whether any row has a value.
    pub fn has_values(&self) -> bool {
        let any = |values: &dyn Array| values.null_count() < values.len();
        match self {
            Self::Boolean(values) => any(values),
            Self::Long(values)
            | Self::Timestamp(values)
            | Self::TimestampNanos(values)
            | Self::Date(values) => any(values),
            Self::Double(values) => any(values),
            Self::Varchar(values) | Self::Literal(_, values) => any(values),
            Self::Symbol(values) => any(values),
            Self::DoubleArray(arrays) => {
                arrays.nulls.as_ref().is_none_or(|nulls| nulls.null_count() < nulls.len())
            }
        }
    }

    /// Whether a row has a value.
    pub fn is_valid(&self, row: usize) -> bool {
        match self {
            Self::Boolean(values) => values.is_valid(row),
            Self::Long(values)
            | Self::Timestamp(values)
            | Self::TimestampNanos(values)
            | Self::Date(values) => values.is_valid(row),
            Self::Double(values) => values.is_valid(row),
            Self::Varchar(values) | Self::Literal(_, values) => values.is_valid(row),
            Self::Symbol(values) => values.is_valid(row),
            Self::DoubleArray(arrays) => arrays.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)),
        }
    }

    /// The bytes that the values hold on to.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Self::Boolean(values) => values.get_buffer_memory_size(),
            Self::Long(values)
            | Self::Timestamp(values)
            | Self::TimestampNanos(values)
            | Self::Date(values) => values.get_buffer_memory_size(),
            Self::Double(values) => values.get_buffer_memory_size(),
            Self::Varchar(values) | Self::Literal(_, values) => values.get_buffer_memory_size(),
            Self::Symbol(values) => values.get_buffer_memory_size(),
            Self::DoubleArray(arrays) => {
                arrays.elements.len() * 8 + arrays.offsets.len() * 4 + arrays.shapes.len() * 4
            }
        }
    }
}

/// Arrays of doubles, all of the same number of dimensions. QuestDB's arrays are rectangular, so a shape a row
/// says it all.
#[derive(Clone, Debug)]
pub struct DoubleArrays {
    /// 1, 2 or 3
    pub dimensions: usize,
    /// The elements of all rows, each row's in row-major order.
    pub elements: ScalarBuffer<f64>,
    /// Row `i` has the elements `offsets[i]..offsets[i + 1]`.
    pub offsets: OffsetBuffer<i32>,
    /// `dimensions` lengths a row.
    pub shapes: ScalarBuffer<u32>,
    /// Which rows have a value at all.
    pub nulls: Option<NullBuffer>,
}
