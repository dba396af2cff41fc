use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::computed::Outcome;
use super::pipeline::{Pipeline, Unread};
use super::plan::Plan;
use super::record::{Appended, SourceRecord};
use crate::decode::{SchemaBook, SchemaKey, SchemaView};
use crate::rows::{Block, BlockBuilder, RecordIndex, RowError, TableName};
use crate::sql::Expressions;

/// The rows of one record batch under construction, by the tables that they go to.
pub struct Tables<'p> {
    pipeline: &'p Pipeline,
    plans: &'p HashMap<TableName, Arc<Plan>>,
    blocks: Vec<(Arc<Plan>, BlockBuilder)>,
    by_name: HashMap<TableName, usize>,
    unknown: BTreeSet<TableName>,
    schemas: SchemaView<'p>,
    /// Whether there are records that are read by schemas of their own.
    by_schema: bool,
    /// Records of several rows, of which one was refused after others had been appended.
    broken: HashSet<RecordIndex>,
    /// The bytes that records of several rows repeat with each row.
    repeated: usize,
}

/// The finished rows of one table.
#[derive(Debug)]
pub struct TableRows {
    /// The rows.
    pub block: Block,
    /// Whether they name columns that the table does not have.
    pub adds_columns: bool,
    /// How many of them have a designated timestamp in place of one that their records lack.
    pub substitutes: u64,
}

/// What a batch's records have become.
#[derive(Debug, Default)]
pub struct Finished {
    /// The rows, by table in the order in which the records named them.
    pub tables: Vec<TableRows>,
    /// Records that became rows for which an expression has no value, each with the first reason. None of their rows is
    /// among the tables'.
    pub errors: Vec<RowError>,
    /// How many rows the topic's filter has not let through.
    pub filtered: u64,
}

impl<'p> Tables<'p> {
    /// Rows by these plans. Records for tables without a plan are noted, see [`Tables::unknown`].
    pub fn new(pipeline: &'p Pipeline, plans: &'p HashMap<TableName, Arc<Plan>>) -> Self {
        Self::with_schemas(pipeline, plans, None)
    }

    /// The same with the schemas of a registry. Records whose schema is not known are noted, see
    /// [`Tables::missing_schemas`].
    pub fn with_schemas(
        pipeline: &'p Pipeline,
        plans: &'p HashMap<TableName, Arc<Plan>>,
        book: Option<&'p SchemaBook>,
    ) -> Self {
        let schemas = SchemaView::new(book);
        let by_schema = pipeline.reads_by_schema(&schemas);
        Self {
            schemas,
            by_schema,
            pipeline,
            plans,
            blocks: Vec::new(),
            by_name: HashMap::new(),
            unknown: BTreeSet::new(),
            broken: HashSet::new(),
            repeated: 0,
        }
    }

    /// Appends a record: a row, several, or none. A record that cannot become rows leaves none behind.
    pub fn append(&mut self, record: &SourceRecord<'_>) -> Result<Appended, RowError> {
        if self.pipeline.reads_in_place() {
            return if self.by_schema { self.append_by_schema(record) } else { self.append_in_place(record) };
        }
        let mut appended = Appended::Skipped;
        let pipeline = self.pipeline;
        let mut repeated = self.repeated;
        let mut schemas = std::mem::take(&mut self.schemas);
        let read = pipeline.messages(record, &mut schemas, &mut repeated, |message| {
            let table = pipeline.table_of(message, record)?;
            if let Some((plan, block)) = self.block(&table)
                && plan.append_message(record, message, block)? == Appended::Row
            {
                appended = Appended::Row;
            }
            Ok(())
        });
        self.repeated = repeated;
        self.schemas = schemas;
        if read.is_err() && appended == Appended::Row {
            self.broken.insert(record.index);
        }
        match read {
            Ok(()) => Ok(appended),
            Err(Unread::NeedsSchema) => Ok(Appended::Skipped),
            Err(Unread::Row(error)) => Err(error),
        }
    }

    /// Records whose keys or values name their schemas, or some of which do.
    #[inline]
    fn append_by_schema(&mut self, record: &SourceRecord<'_>) -> Result<Appended, RowError> {
        let pipeline = self.pipeline;
        let found = match pipeline.schemas_of(record, &mut self.schemas) {
            Ok(found) => found,
            Err(Unread::NeedsSchema) => return Ok(Appended::Skipped),
            Err(Unread::Row(error)) => return Err(error),
        };
        if found.key.is_none() && found.value.is_none() {
            return self.append_in_place(record);
        }
        if self.blocks.is_empty() {
            pipeline.table().and_then(|table| self.block(table));
        }
        match self.blocks.first_mut() {
            Some((plan, block)) => plan.append_by_schema(record, &found, &self.schemas, block),
            None => Ok(Appended::Skipped),
        }
    }

    #[inline]
    fn append_in_place(&mut self, record: &SourceRecord<'_>) -> Result<Appended, RowError> {
        if let Some((plan, block)) = self.blocks.first_mut() {
            return plan.append(record, block);
        }
        match self.pipeline.table().and_then(|table| self.block(table)) {
            Some((plan, block)) => plan.append(record, block),
            None => Ok(Appended::Skipped),
        }
    }

    /// The tables whose columns have to be known before these records can become rows; nothing of what has been
    /// appended counts where there is one.
    pub fn unknown(&self) -> &BTreeSet<TableName> {
        &self.unknown
    }

    /// The schemas that have to be known first, likewise; not all of them, where they are many.
    pub fn missing_schemas(&self) -> &BTreeSet<SchemaKey> {
        self.schemas.missing()
    }

    /// All rows, with what the topic's expressions make of them.
    pub fn finish(self) -> Finished {
        let Self { pipeline, blocks, broken, .. } = self;
        let finished = blocks.into_iter().filter_map(|(plan, mut builder)| {
            let adds_columns = builder.adds_columns();
            let substitutes = builder.substitutes();
            let block = builder.finish()?;
            let block = if broken.is_empty() { block } else { block.without_records(&broken)? };
            Some((plan, TableRows { block, adds_columns, substitutes }))
        });
        match pipeline.expressions() {
            None => Finished { tables: finished.map(|(_, rows)| rows).collect(), ..Finished::default() },
            Some(expressions) => compute(expressions, finished),
        }
    }

    fn block(&mut self, table: &TableName) -> Option<(&Plan, &mut BlockBuilder)> {
        let number = match self.blocks.first() {
            // Nearly always there is one table only.
            Some((plan, _)) if plan.table() == table => 0,
            _ => match self.by_name.get(table) {
                Some(&number) => number,
                None => {
                    let Some(plan) = self.plans.get(table) else {
                        self.unknown.insert(table.clone());
                        return None;
                    };
                    self.blocks.push((plan.clone(), plan.block_builder()));
                    self.by_name.insert(table.clone(), self.blocks.len() - 1);
                    self.blocks.len() - 1
                }
            },
        };
        self.blocks.get_mut(number).map(|(plan, block)| (&**plan, block))
    }
}

/// A record that has a row without a value has no rows at all, in no table.
fn compute(expressions: &Expressions, blocks: impl Iterator<Item = (Arc<Plan>, TableRows)>) -> Finished {
    let Finished { mut tables, mut errors, mut filtered } = Finished::default();
    for (plan, rows) in blocks {
        let Outcome { rows, filtered: more } = plan.compute(expressions, rows, &mut errors);
        filtered += more;
        tables.extend(rows);
    }
    if !errors.is_empty() {
        errors.sort_by_key(|error| error.record);
        errors.dedup_by_key(|error| error.record);
        let bad: HashSet<RecordIndex> = errors.iter().map(|error| error.record).collect();
        let good = |TableRows { block, adds_columns, substitutes }| {
            Some(TableRows { block: block.without_records(&bad)?, adds_columns, substitutes })
        };
        tables = tables.into_iter().filter_map(good).collect();
    }
    Finished { tables, errors, filtered }
}
