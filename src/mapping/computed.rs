//! Columns that are computed from a block's, and the rows that a filter keeps.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{ArrayAccessor, StringArray};
use arrow_buffer::BooleanBuffer;

use super::plan::Plan;
use super::record::Row;
use super::refusal::Refusal;
use super::tables::TableRows;
use crate::decode::{Timestamp, Value};
use crate::rows::{
    Block, Column, ColumnValues, Destination, META, NONE, RecordIndex, RowError, Target, TimeUnit,
};
use crate::sql::{Expressions, Fault};

/// What the expressions have made of a block.
pub(super) struct Outcome {
    /// The rows that are left, where there are any. Those of bad records are still among them.
    pub rows: Option<TableRows>,
    /// How many the filter has not let through.
    pub filtered: u64,
}

impl Plan {
    /// Adds the computed columns to a block, and leaves out the rows that the filter does not let through.
    pub(super) fn compute(
        &self,
        expressions: &Expressions,
        rows: TableRows,
        errors: &mut Vec<RowError>,
    ) -> Outcome {
        let TableRows { block, adds_columns, substitutes } = rows;
        let mut work = Work { plan: self, expressions, block, adds_columns, filtered: 0, errors };
        let early = expressions.filter_comes_first();
        let left = (!early || work.filter()) && work.columns() && (early || work.filter());
        let Work { block, adds_columns, filtered, .. } = work;
        let rows = left.then_some(TableRows { block, adds_columns, substitutes });
        Outcome { rows, filtered }
    }

    /// What is known of a column that no row of a block has a value for.
    fn target(&self, lower: &str) -> Option<Target> {
        self.column(lower, lower).ok().map(|column| column.target)
    }
}

/// A block between its expressions.
struct Work<'w> {
    plan: &'w Plan,
    expressions: &'w Expressions,
    block: Block,
    adds_columns: bool,
    filtered: u64,
    errors: &'w mut Vec<RowError>,
}

impl Work<'_> {
    /// False: no row is left.
    fn filter(&mut self) -> bool {
        let Some(kept) = self.expressions.keep(&self.block, &|lower| self.plan.target(lower)) else {
            return true;
        };
        self.blame(None, kept.faults.iter().map(|Fault { row, reason }| (*row, format!("filter: {reason}"))));
        let dropped = (0..self.block.rows()).filter(|row| !kept.rows.value(*row));
        // What is a bad record is counted as such.
        let bad: HashSet<RecordIndex> = self.errors.iter().map(|error| error.record).collect();
        self.filtered += dropped.filter(|row| !bad.contains(&self.block.origin[*row])).count() as u64;
        self.retain(&kept.rows)
    }

    /// False: no row is left.
    fn columns(&mut self) -> bool {
        let mut replaced = false;
        for (number, (name, sql)) in self.expressions.columns().enumerate() {
            let computed = self.expressions.compute(number, &self.block, &|lower| self.plan.target(lower));
            let lower = name.to_lowercase();
            let before = self.block.columns.len();
            self.block.columns.retain(|column| column.name.to_lowercase() != lower);
            replaced |= self.block.columns.len() < before;
            let mut faults = computed.faults;
            if let Some(values) = computed.values {
                self.adds_columns |= self.plan.target_is_new(name, &lower);
                let column = self.plan.computed_column(name, &lower, values, self.block.rows(), &mut faults);
                self.block.columns.extend(column);
            }
            let message = |reason| format!("column {name}, computed as `{sql}`: {reason}");
            self.blame(Some(name), faults.into_iter().map(|Fault { row, reason }| (row, message(reason))));
        }
        if replaced {
            self.refuse_rows_without_values();
        }
        !self.block.columns.is_empty()
    }

    /// A row may have had nothing but what has been replaced by nothing.
    fn refuse_rows_without_values(&mut self) {
        let columns = &self.block.columns;
        let has_values = |row: &usize| columns.iter().any(|column| column.values.is_valid(*row));
        let empty: Vec<usize> = (0..self.block.rows()).filter(|row| !has_values(row)).collect();
        let message = "the row has no value for any column once its columns are computed, and QuestDB takes no row of a \
                       timestamp alone";
        self.blame(None, empty.into_iter().map(|row| (row, message.to_owned())));
    }

    fn retain(&mut self, keep: &BooleanBuffer) -> bool {
        let Block { table, timestamp, columns, origin } = &mut self.block;
        let block = Block {
            table: table.clone(),
            timestamp: timestamp.clone(),
            columns: std::mem::take(columns),
            origin: std::mem::take(origin),
        };
        match block.retain(keep) {
            Some(block) => {
                self.block = block;
                true
            }
            None => false,
        }
    }

    fn blame(&mut self, column: Option<&Arc<str>>, faults: impl Iterator<Item = (usize, String)>) {
        let origin = &self.block.origin;
        self.errors.extend(faults.filter_map(|(row, message)| {
            let record: RecordIndex = *origin.get(row)?;
            Some(RowError { record, column: column.cloned(), message })
        }));
    }
}

impl Plan {
    fn target_is_new(&self, name: &str, lower: &str) -> bool {
        self.column(name, lower).is_ok_and(|column| column.type_name.is_none())
    }

    /// Values as a column, by the rules that hold for the values of fields. None: no row has a value that the column takes.
    fn computed_column(
        &self,
        name: &Arc<str>,
        lower: &str,
        values: ColumnValues,
        rows: usize,
        faults: &mut Vec<Fault>,
    ) -> Option<Column> {
        let column = match self.column(name, lower) {
            Ok(column) => column,
            Err(reason) => {
                faults.extend((0..rows).map(|row| Fault { row, reason: reason.to_owned() }));
                return None;
            }
        };
        if !self.has_times(lower) && fits(&values, &column.target) {
            return Some(Column { name: column.name, values });
        }
        let mut builder = self.block_builder();
        let path = builder.paths.find(META, name, NONE)?;
        let number = builder.add_column(lower.to_owned(), column) as u32;
        let times = self.has_times(lower);
        let destination = if times { Destination::Times(number) } else { Destination::Column(number) };
        builder.paths.set_destination(path, destination);
        for row in 0..rows {
            let value = value_of(&values, row);
            let appended = builder.begin().map_err(Refusal::from).and_then(|()| {
                if value == Value::Null { Ok(()) } else { Row::new(self, &mut builder).value(path, &value) }
            });
            if let Err(refusal) = appended {
                builder.rollback();
                let reason = match refusal {
                    Refusal::Row(reason) => reason.message,
                    Refusal::Json(error) => error.to_string(),
                    Refusal::Text(bad) => bad.error.to_string(),
                    Refusal::DuplicateMember | Refusal::OutOfOrder => continue,
                };
                faults.push(Fault { row, reason });
            }
            builder.commit(0, row as RecordIndex);
        }
        builder.finish()?.columns.pop()
    }
}

/// Whether a column takes values as they are.
fn fits(values: &ColumnValues, target: &Target) -> bool {
    use ColumnValues as V;
    match (values, target) {
        (V::Boolean(_), Target::Free | Target::Boolean)
        | (V::Double(_), Target::Free | Target::NewDouble | Target::Double)
        | (V::Varchar(_), Target::Free | Target::Text)
        | (V::Symbol(_), Target::Free | Target::NewSymbol | Target::Symbol)
        | (V::Timestamp(_), Target::Free | Target::NewTimestamp | Target::Timestamp(TimeUnit::Micros))
        | (V::TimestampNanos(_), Target::Free | Target::Timestamp(TimeUnit::Nanos)) => true,
        // The smallest LONG is QuestDB's null.
        (V::Long(values), Target::Free) => !values.values().contains(&i64::MIN),
        (V::Long(values), Target::Integer { min, max }) => {
            values.values().iter().all(|value| (*min..=*max).contains(value))
        }
        _ => false,
    }
}

/// A row's value.
fn value_of(values: &ColumnValues, row: usize) -> Value {
    if !values.is_valid(row) {
        return Value::Null;
    }
    match values {
        ColumnValues::Boolean(values) => Value::Boolean(values.value(row)),
        ColumnValues::Long(values) => Value::Integer(values.value(row)),
        ColumnValues::Double(values) => Value::double(values.value(row)),
        ColumnValues::Varchar(values) => Value::Text(values.value(row).to_owned()),
        // A decimal.
        ColumnValues::Literal(_, values) => Value::Decimal(values.value(row).into()),
        ColumnValues::Symbol(values) => {
            let symbol = values.downcast_dict::<StringArray>().map(|texts| texts.value(row).to_owned());
            symbol.map_or(Value::Null, Value::Symbol)
        }
        ColumnValues::Timestamp(values) => Value::Timestamp(Timestamp::Micros(values.value(row))),
        ColumnValues::TimestampNanos(values) => Value::Timestamp(Timestamp::Nanos(values.value(row))),
        ColumnValues::Date(values) => Value::Timestamp(Timestamp::Millis(values.value(row))),
        // No expression makes arrays.
        ColumnValues::DoubleArray(_) => Value::Null,
    }
}
