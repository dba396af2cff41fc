use std::collections::HashMap;
use std::sync::Arc;

use super::block::{Block, RecordIndex, TableName, Timestamps};
use super::column::{ColumnBuilder, Values};
use super::paths::{NONE, Paths, Prefixes};
use super::types::TimeUnit;

/// How many columns a table of QuestDB can have.
pub(crate) const MAX_COLUMNS: usize = 2_048;

/// How large a block may become by rows that lack most of its columns: each of them takes room for all.
pub(crate) const MAX_DENSE_BYTES: usize = 128 << 20;

/// Remembered columns beyond this are forgotten when a block is finished.
const MAX_REMEMBERED_COLUMNS: usize = 512;

/// A block under construction, row by row. `mapping::Plan` fills it.
///
/// After [`BlockBuilder::finish`] it takes the rows of the next block, and still knows the names that the records
/// of the last one had, so that it is worth keeping.
#[derive(Clone, Debug)]
pub struct BlockBuilder {
    /// The plan that its columns are from.
    pub(crate) plan: u64,
    table: TableName,
    timestamp: Arc<str>,
    timestamp_unit: TimeUnit,
    prefixes: Prefixes,
    pub(crate) paths: Paths,
    pub(crate) columns: Vec<ColumnBuilder>,
    /// By name in lower case.
    column_index: HashMap<Box<str>, u32>,
    /// The columns that this block has, in the order of their first values.
    used: Vec<u32>,
    /// The bytes of a row in all columns that this block has.
    row_bytes: usize,
    timestamps: Vec<i64>,
    origin: Vec<RecordIndex>,
    /// How many rows have a designated timestamp that is not the one that they were to have.
    substitutes: u64,
    /// The number of the attempt at a row, the one under way or the last.
    pub(crate) attempt: u64,
    before: Before,
    /// What the names of schemas' fields are here, see [`Binding`].
    pub(crate) bindings: Vec<Binding>,
    /// For a string whose escapes are being resolved.
    pub(crate) text: Vec<u8>,
    /// For an array whose shape is not known yet.
    pub(crate) elements: Vec<f64>,
    /// For the fields of a payload that has them in any order.
    pub(crate) slots: Vec<Slot>,
    /// How many payloads had their fields in another order than their schema.
    pub(crate) out_of_order: u32,
}

/// Where a field is kept until it is its turn. What its bits are is a matter of who sets them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    pub bits: u64,
    pub is_set: bool,
}

/// What a schema's names are in a block: found once there, as all records of a schema have the same.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// The schema.
    pub schema: u64,
    /// The object that its payloads are.
    pub object: u32,
    /// Its names, by its own numbers for them.
    pub fields: Box<[Field]>,
    /// The other way round, for payloads that name their fields themselves: the schema's numbers by those of [`Paths`].
    pub numbers: Box<[u32]>,
}

/// A name of a schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// As [`Paths`] numbers it.
    pub name: u32,
    /// The column that its values go to. [`NONE`]: none has gone to one yet, or not all do.
    pub column: u32,
}

impl Field {
    /// No name.
    pub const NONE: Self = Self { name: NONE, column: NONE };
}

/// As many schemas in one block are remembered. Records of more cost what the first of each costs.
const MAX_BINDINGS: usize = 64;

impl Binding {
    /// Of a schema for a key or a value; nothing is known yet.
    pub fn new(schema: u64, object: u32) -> Self {
        Self { schema, object, fields: Box::default(), numbers: Box::default() }
    }

    /// Whether it is of a schema for a key or a value.
    #[inline]
    pub fn is_of(&self, schema: u64, object: u32) -> bool {
        self.schema == schema && self.object == object
    }
}

/// What there was before the attempt under way.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    paths: (usize, usize),
    columns: usize,
    used: usize,
}

/// A limit that a block has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Columns,
    DenseBytes,
}

impl BlockBuilder {
    pub(crate) fn new(
        plan: u64,
        table: TableName,
        (timestamp, timestamp_unit): (Arc<str>, TimeUnit),
        prefixes: Prefixes,
    ) -> Self {
        Self {
            plan,
            table,
            timestamp,
            timestamp_unit,
            paths: Paths::new(&prefixes),
            prefixes,
            columns: Vec::new(),
            column_index: HashMap::new(),
            used: Vec::new(),
            row_bytes: 0,
            timestamps: Vec::new(),
            substitutes: 0,
            origin: Vec::new(),
            attempt: 0,
            before: Before::default(),
            bindings: Vec::new(),
            text: Vec::new(),
            elements: Vec::new(),
            slots: Vec::new(),
            out_of_order: 0,
        }
    }

    /// The number of rows so far.
    #[inline]
    pub fn rows(&self) -> usize {
        self.origin.len()
    }

    /// Whether the block has a column that the table did not have when the plan was made.
    pub fn adds_columns(&self) -> bool {
        self.used.iter().any(|&column| self.columns[column as usize].type_name.is_none())
    }

    /// The bytes that the block would hold on to if it were finished now, and those of the builder itself.
    ///
    /// Rows that lack a column count as if they had it, because in the block they do. The room that vectors have to
    /// spare does not count; it can be as much again. Walks all columns.
    pub fn memory_bytes(&self) -> usize {
        let loose: usize = self.used.iter().map(|&column| self.columns[column as usize].loose_bytes()).sum();
        let fixed = (self.row_bytes + size_of::<i64>() + size_of::<RecordIndex>()) * self.rows();
        let names = self.columns.len() * (size_of::<ColumnBuilder>() + 64) + self.paths.memory_bytes();
        fixed
            + loose
            + names
            + self.text.capacity()
            + self.elements.capacity() * 8
            + self.slots.capacity() * size_of::<Slot>()
    }

    /// The block of all rows since the last one. None: there are none.
    pub fn finish(&mut self) -> Option<Block> {
        let rows = self.rows();
        let columns =
            self.used.iter().filter_map(|&column| self.columns[column as usize].finish(rows)).collect();
        let block = Block {
            table: self.table.clone(),
            timestamp: Timestamps {
                name: self.timestamp.clone(),
                unit: self.timestamp_unit,
                values: std::mem::take(&mut self.timestamps).into(),
            },
            columns,
            origin: std::mem::take(&mut self.origin),
        };
        self.used.clear();
        self.row_bytes = 0;
        self.substitutes = 0;
        if self.columns.len() > MAX_REMEMBERED_COLUMNS {
            self.paths = Paths::new(&self.prefixes);
            self.bindings.clear();
            self.columns.clear();
            self.column_index.clear();
        }
        (rows > 0).then_some(block)
    }

    /// How many of the rows so far have a designated timestamp in place of one that their records lack.
    pub fn substitutes(&self) -> u64 {
        self.substitutes
    }

    /// Takes note that the row that was ended last is such a row.
    pub(crate) fn note_substitute(&mut self) {
        self.substitutes += 1;
    }

    /// Begins a row.
    #[inline]
    pub(crate) fn begin(&mut self) -> Result<(), Limit> {
        self.attempt += 1;
        self.before = Before { paths: self.paths.len(), columns: self.columns.len(), used: self.used.len() };
        if self.row_bytes.saturating_mul(self.rows()) > MAX_DENSE_BYTES {
            Err(Limit::DenseBytes)
        } else {
            Ok(())
        }
    }

    /// Ends the row: it is in the block. The timestamp is in the unit of the table's designated one.
    #[inline]
    pub(crate) fn commit(&mut self, timestamp: i64, record: RecordIndex) {
        self.timestamps.push(timestamp);
        self.origin.push(record);
    }

    /// Ends the row: the block is as it was before it.
    pub(crate) fn rollback(&mut self) {
        let attempt = self.attempt;
        let before = self.before;
        for &column in &self.used {
            self.columns[column as usize].undo(attempt);
        }
        self.used.truncate(before.used);
        if self.columns.len() > before.columns || self.paths.len() != before.paths {
            self.columns.truncate(before.columns);
            self.column_index.retain(|_, column| (*column as usize) < before.columns);
            self.paths.truncate(before.paths, before.columns);
            self.bindings.clear();
        }
        self.measure_row();
    }

    /// Takes back the value that the row under way has in a column.
    pub(crate) fn take_back(&mut self, column: usize) {
        if self.columns[column].undo(self.attempt) {
            self.used.retain(|&used| used as usize != column);
            self.measure_row();
        }
    }

    /// Lets a column take up its first value of the block; `values` is empty.
    pub(crate) fn start(&mut self, column: usize, values: Values) -> Result<(), Limit> {
        if self.used.len() >= MAX_COLUMNS {
            return Err(Limit::Columns);
        }
        self.columns[column].start(values, self.attempt);
        self.used.push(column as u32);
        self.row_bytes += self.columns[column].row_bytes();
        if self.row_bytes.saturating_mul(self.rows()) > MAX_DENSE_BYTES {
            return Err(Limit::DenseBytes);
        }
        let rows = self.rows();
        self.columns[column].reach(rows);
        Ok(())
    }

    /// Remembers what a schema's names are.
    pub(crate) fn bind(&mut self, binding: Binding) {
        if self.bindings.len() >= MAX_BINDINGS {
            self.bindings.clear();
        }
        self.bindings.push(binding);
    }

    /// The column of a name in lower case.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.column_index.get(name).map(|&column| column as usize)
    }

    /// Adds a column by its name in lower case.
    pub(crate) fn add_column(&mut self, name: String, column: ColumnBuilder) -> usize {
        self.columns.push(column);
        let number = self.columns.len() - 1;
        self.column_index.insert(name.into(), number as u32);
        number
    }

    fn measure_row(&mut self) {
        self.row_bytes = self.used.iter().map(|&column| self.columns[column as usize].row_bytes()).sum();
    }
}
