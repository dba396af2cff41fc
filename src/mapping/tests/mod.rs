//! From records to blocks.

mod arrays;
mod avro;
#[cfg(feature = "sql")]
mod computed;
mod formats;
mod leaves;
mod payload;
mod properties;
mod protobuf;
mod selection;
mod settings;
mod table;
mod timestamps;
mod trees;
mod types;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, Int64Array};

use super::{Appended, Plan, SourceRecord};
use crate::config::{TimestampConfig, TimestampUnit, TopicConfig};
use crate::rows::{Block, BlockBuilder, ColumnValues, Literal, RowError, TableName};
use crate::schema::{TableColumn, TableSchema};

/// Records and what becomes of them.
struct Topic {
    plan: Plan,
    block: BlockBuilder,
    records: u32,
}

impl Topic {
    fn new() -> Self {
        Self::with(TopicConfig::default(), &[])
    }

    /// `columns` are a table's, the first of them the designated timestamp.
    fn with(config: TopicConfig, columns: &[(&str, &str)]) -> Self {
        let plan = Plan::new(&"t".into(), TableName::new("t"), &Arc::new(config), &schema(columns)).unwrap();
        let block = plan.block_builder();
        Self { plan, block, records: 0 }
    }

    fn table(columns: &[(&str, &str)]) -> Self {
        Self::with(TopicConfig::default(), columns)
    }

    fn record(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Appended, RowError> {
        let record = SourceRecord {
            index: self.records,
            timestamp_ms: 1_000 + i64::from(self.records),
            key,
            value,
            ..SourceRecord::default()
        };
        self.records += 1;
        self.plan.append(&record, &mut self.block)
    }

    fn value(&mut self, value: &str) -> Result<Appended, RowError> {
        self.record(None, Some(value.as_bytes()))
    }

    /// A value that becomes a row.
    fn row(&mut self, value: &str) -> &mut Self {
        assert_eq!(self.value(value), Ok(Appended::Row), "{value}");
        self
    }

    /// A value that is refused: the error's message.
    fn refused(&mut self, value: &str) -> String {
        let record = self.records;
        let error = self.value(value).expect_err(value);
        assert_eq!(error.record, record);
        error.message
    }

    fn block(&mut self) -> Block {
        let block = self.block.finish().expect("there are rows");
        for column in &block.columns {
            assert_eq!(column.values.rows(), block.rows(), "column {}", column.name);
        }
        assert_eq!(block.timestamp.values.len(), block.rows());
        block
    }

    /// The columns of the block, each as `name TYPE value value ...`.
    fn columns(&mut self) -> Vec<String> {
        self.block()
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, show(&column.values)))
            .collect()
    }
}

fn schema(columns: &[(&str, &str)]) -> TableSchema {
    let column = |&(name, type_name): &(&str, &str)| {
        (name.to_lowercase(), TableColumn { name: name.into(), type_name: type_name.into() })
    };
    TableSchema {
        designated: columns.first().map(|(name, _)| Arc::from(*name)),
        columns: columns.iter().map(column).collect::<HashMap<_, _>>(),
    }
}

fn timestamp(field: &str, unit: TimestampUnit) -> TopicConfig {
    TopicConfig { timestamp: Some(TimestampConfig::of_number(field, unit)), ..TopicConfig::default() }
}

fn symbols(names: &[&str]) -> TopicConfig {
    TopicConfig { symbols: names.iter().map(ToString::to_string).collect(), ..TopicConfig::default() }
}

fn doubles(names: &[&str]) -> TopicConfig {
    TopicConfig { doubles: names.iter().map(ToString::to_string).collect(), ..TopicConfig::default() }
}

impl ColumnValues {
    fn rows(&self) -> usize {
        match self {
            Self::Boolean(values) => values.len(),
            Self::Long(values)
            | Self::Timestamp(values)
            | Self::TimestampNanos(values)
            | Self::Date(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Varchar(values) | Self::Literal(_, values) => values.len(),
            Self::Symbol(values) => values.len(),
            Self::DoubleArray(arrays) => {
                assert_eq!(arrays.shapes.len(), arrays.dimensions * (arrays.offsets.len() - 1));
                assert!(arrays.nulls.as_ref().is_none_or(|nulls| nulls.len() == arrays.offsets.len() - 1));
                arrays.offsets.len() - 1
            }
        }
    }
}

fn integers(values: &Int64Array) -> Vec<String> {
    values.iter().map(|value| value.map_or("null".into(), |value| value.to_string())).collect()
}

fn show(values: &ColumnValues) -> String {
    let (name, values): (&str, Vec<String>) = match values {
        ColumnValues::Boolean(values) => (
            "BOOLEAN",
            values.iter().map(|value| value.map_or("null".into(), |value| value.to_string())).collect(),
        ),
        ColumnValues::Long(values) => ("LONG", integers(values)),
        ColumnValues::Timestamp(values) => ("TIMESTAMP", integers(values)),
        ColumnValues::TimestampNanos(values) => ("TIMESTAMP_NS", integers(values)),
        ColumnValues::Date(values) => ("DATE", integers(values)),
        ColumnValues::Literal(literal, values) => (
            match literal {
                Literal::Uuid => "UUID",
                Literal::Ipv4 => "IPv4",
                Literal::Char => "CHAR",
                Literal::Long256 => "LONG256",
                Literal::Geohash { .. } => "GEOHASH",
                Literal::Decimal { .. } => "DECIMAL",
            },
            values.iter().map(|value| value.unwrap_or("null").to_owned()).collect(),
        ),
        ColumnValues::Double(values) => (
            "DOUBLE",
            values.iter().map(|value| value.map_or("null".into(), |value| format!("{value:?}"))).collect(),
        ),
        ColumnValues::Varchar(values) => (
            "VARCHAR",
            values.iter().map(|value| value.map_or("null".into(), |value| format!("{value:?}"))).collect(),
        ),
        ColumnValues::Symbol(values) => {
            let symbols = values.values().as_string::<i32>();
            assert_eq!(values.keys().data_type(), &<Int32Type as arrow_array::ArrowPrimitiveType>::DATA_TYPE);
            let value =
                |key: Option<i32>| key.map_or("null".into(), |key| symbols.value(key as usize).to_owned());
            ("SYMBOL", values.keys().iter().map(value).collect())
        }
        ColumnValues::DoubleArray(arrays) => {
            let value = |row: usize| {
                if arrays.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    return "null".to_owned();
                }
                let elements =
                    &arrays.elements[arrays.offsets[row] as usize..arrays.offsets[row + 1] as usize];
                let shape = &arrays.shapes[row * arrays.dimensions..(row + 1) * arrays.dimensions];
                assert_eq!(shape.iter().product::<u32>() as usize, elements.len());
                format!("{shape:?}{elements:?}").replace(", ", ",")
            };
            ("ARRAY", (0..arrays.offsets.len() - 1).map(value).collect())
        }
    };
    format!("{name} {}", values.join(" "))
}
