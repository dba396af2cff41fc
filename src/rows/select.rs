//! A block with some of its rows.

use std::collections::HashSet;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow_select::filter::filter;

use super::block::{Block, Column, ColumnValues, DoubleArrays, RecordIndex, Timestamps};

impl Block {
    /// The block without the rows that these records became. None: nothing is left.
    pub fn without_records(self, records: &HashSet<RecordIndex>) -> Option<Self> {
        let keep: BooleanBuffer = self.origin.iter().map(|record| !records.contains(record)).collect();
        self.retain(&keep)
    }

    /// The block's rows for which `keep` has a true. None: there is none. Columns that have no value any more are gone.
    pub fn retain(self, keep: &BooleanBuffer) -> Option<Self> {
        let rows = keep.count_set_bits();
        if rows == 0 {
            return None;
        }
        if rows == self.rows() {
            return Some(self);
        }
        let kept = |index: &usize| keep.value(*index);
        let Timestamps { name, unit, values } = self.timestamp.clone();
        let values: Vec<i64> = (0..self.rows()).filter(kept).map(|index| values[index]).collect();
        let origin = (0..self.rows()).filter(kept).map(|index| self.origin[index]).collect();
        let filter = BooleanArray::new(keep.clone(), None);
        let columns = self.columns.into_iter().filter_map(|Column { name, values }| {
            let values = values.retain(&filter)?;
            Some(Column { name, values })
        });
        Some(Self {
            table: self.table,
            timestamp: Timestamps { name, unit, values: values.into() },
            columns: columns.collect(),
            origin,
        })
    }
}

impl ColumnValues {
    /// None: what is left has no value.
    fn retain(self, keep: &BooleanArray) -> Option<Self> {
        let select = |values: &dyn Array| -> Option<ArrayRef> {
            // It only fails where the lengths differ.
            let kept = filter(values, keep).ok()?;
            (kept.null_count() < kept.len()).then_some(kept)
        };
        Some(match self {
            Self::Boolean(values) => Self::Boolean(select(&values)?.as_boolean().clone()),
            Self::Long(values) => Self::Long(select(&values)?.as_primitive::<Int64Type>().clone()),
            Self::Timestamp(values) => Self::Timestamp(select(&values)?.as_primitive::<Int64Type>().clone()),
            Self::TimestampNanos(values) => {
                Self::TimestampNanos(select(&values)?.as_primitive::<Int64Type>().clone())
            }
            Self::Date(values) => Self::Date(select(&values)?.as_primitive::<Int64Type>().clone()),
            Self::Literal(literal, values) => {
                Self::Literal(literal, select(&values)?.as_string::<i32>().clone())
            }
            Self::Double(values) => Self::Double(select(&values)?.as_primitive::<Float64Type>().clone()),
            Self::Varchar(values) => Self::Varchar(select(&values)?.as_string::<i32>().clone()),
            Self::Symbol(values) => Self::Symbol(select(&values)?.as_dictionary::<Int32Type>().clone()),
            Self::DoubleArray(arrays) => Self::DoubleArray(arrays.retain(keep.values())?),
        })
    }
}

impl DoubleArrays {
    fn retain(self, keep: &BooleanBuffer) -> Option<Self> {
        let (mut elements, mut lengths, mut shapes, mut valid) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for row in (0..keep.len()).filter(|&row| keep.value(row)) {
            let range = self.offsets[row] as usize..self.offsets[row + 1] as usize;
            lengths.push(range.len());
            elements.extend_from_slice(&self.elements[range]);
            shapes.extend_from_slice(&self.shapes[row * self.dimensions..(row + 1) * self.dimensions]);
            valid.push(self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
        }
        if !valid.contains(&true) {
            return None;
        }
        Some(Self {
            dimensions: self.dimensions,
            elements: elements.into(),
            offsets: OffsetBuffer::from_lengths(lengths),
            shapes: shapes.into(),
            nulls: self.nulls.map(|_| NullBuffer::from(valid)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int64Array, StringArray};

    use super::*;
    use crate::rows::{TableName, TimeUnit};

    fn block() -> Block {
        let column = |name: &str, values| Column { name: name.into(), values };
        Block {
            table: TableName::new("t"),
            timestamp: Timestamps {
                name: Arc::from("timestamp"),
                unit: TimeUnit::Micros,
                values: vec![1, 2, 3, 4].into(),
            },
            columns: vec![
                column("a", ColumnValues::Long(Int64Array::from(vec![Some(1), None, Some(3), Some(4)]))),
                column("b", ColumnValues::Varchar(StringArray::from(vec![None, Some("x"), None, None]))),
                column("c", ColumnValues::Double(Float64Array::from(vec![0.5; 4]))),
                column(
                    "d",
                    ColumnValues::DoubleArray(DoubleArrays {
                        dimensions: 1,
                        elements: vec![1.0, 2.0, 3.0].into(),
                        offsets: OffsetBuffer::from_lengths([1, 0, 2, 0]),
                        shapes: vec![1, 0, 2, 0].into(),
                        nulls: Some(NullBuffer::from(vec![true, false, true, true])),
                    }),
                ),
            ],
            origin: vec![0, 1, 1, 3],
        }
    }

    #[test]
    fn rows_go_and_with_them_columns_that_are_empty_then() {
        let block = block().without_records(&HashSet::from([1])).unwrap();
        assert_eq!(block.origin, [0, 3]);
        assert_eq!(&*block.timestamp.values, [1, 4]);
        let names: Vec<&str> = block.columns.iter().map(|column| &*column.name).collect();
        assert_eq!(names, ["a", "c", "d"]);
        let ColumnValues::Long(a) = &block.columns[0].values else { panic!() };
        assert_eq!(a, &Int64Array::from(vec![1, 4]));
        let ColumnValues::DoubleArray(d) = &block.columns[2].values else { panic!() };
        assert_eq!((&*d.elements, &*d.shapes), (&[1.0][..], &[1, 0][..]));
    }

    #[test]
    fn all_rows_or_none() {
        assert_eq!(block().without_records(&HashSet::new()).unwrap().rows(), 4);
        assert!(block().without_records(&HashSet::from([0, 1, 3])).is_none());
    }
}
