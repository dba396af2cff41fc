//! Records in place and by a tree, which have to become the same rows.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{TopicConfig, Transform};
use crate::decode::SchemaBook;
use crate::mapping::{Pipeline, SourceRecord, Tables};
use crate::rows::{Block, ColumnValues, RowError, TableName};
use crate::schema::TableSchema;

/// The same, read as trees: the transform does nothing.
pub fn by_tree(config: &TopicConfig) -> TopicConfig {
    let kind = "SetSchemaMetadata".to_owned();
    let transform = Transform { kind, of: None, predicate: None, negate: false, options: toml::Table::new() };
    TopicConfig { transforms: vec![transform], ..config.clone() }
}

/// What values become in a table with these columns: the block, and what is refused.
pub fn rows(config: TopicConfig, columns: &TableSchema, values: &[&[u8]]) -> (Option<Block>, Vec<RowError>) {
    let records = values.iter().map(|&value| SourceRecord { value: Some(value), ..SourceRecord::default() });
    written(config, columns, None, records.collect())
}

pub fn written(
    config: TopicConfig,
    columns: &TableSchema,
    book: Option<&SchemaBook>,
    records: Vec<SourceRecord<'_>>,
) -> (Option<Block>, Vec<RowError>) {
    let pipeline = Pipeline::new("t", &Arc::new(config)).unwrap();
    let table = TableName::new("t");
    let plan = Arc::new(pipeline.plan(&table, columns).unwrap());
    let plans = HashMap::from([(table, plan)]);
    let mut tables = Tables::with_schemas(&pipeline, &plans, book);
    let mut refused = Vec::new();
    for (index, record) in records.into_iter().enumerate() {
        let record = SourceRecord { index: index as u32, timestamp_ms: 1_000 + index as i64, ..record };
        refused.extend(tables.append(&record).err());
    }
    assert!(tables.unknown().is_empty() && tables.missing_schemas().is_empty());
    let mut finished = tables.finish().tables;
    assert!(finished.len() < 2);
    (finished.pop().map(|rows| rows.block), refused)
}

/// In place and by a tree, which have to be the same.
pub fn both(config: TopicConfig, columns: &TableSchema, values: &[&[u8]]) -> (Option<Block>, Vec<RowError>) {
    let tree = rows(by_tree(&config), columns, values);
    let in_place = rows(config, columns, values);
    assert_eq!(shown(&in_place.0), shown(&tree.0));
    assert_eq!(in_place.1.len(), tree.1.len());
    for (in_place, tree) in in_place.1.iter().zip(&tree.1) {
        // In place a column may refuse a value before the payload shows that it is none.
        match tree.message.contains("cannot be read as ") {
            true => assert_eq!(in_place.record, tree.record),
            false => assert_eq!(in_place, tree),
        }
    }
    in_place
}

/// The names and types of a block's columns.
pub fn types(block: &Block) -> Vec<(String, &'static str)> {
    let kind = |values: &ColumnValues| match values {
        ColumnValues::Boolean(_) => "BOOLEAN",
        ColumnValues::Long(_) => "LONG",
        ColumnValues::Double(_) => "DOUBLE",
        ColumnValues::Timestamp(_) => "TIMESTAMP",
        ColumnValues::TimestampNanos(_) => "TIMESTAMP_NS",
        ColumnValues::Date(_) => "DATE",
        ColumnValues::Varchar(_) => "VARCHAR",
        ColumnValues::Literal(..) => "literal",
        ColumnValues::Symbol(_) => "SYMBOL",
        ColumnValues::DoubleArray(_) => "DOUBLE[]",
    };
    block.columns.iter().map(|column| (column.name.to_string(), kind(&column.values))).collect()
}

/// A block, without where in memory its buffers are.
fn shown(block: &Option<Block>) -> String {
    let text = format!("{block:?}");
    let mut parts = text.split("ptr: 0x");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| shown.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit())));
    shown
}
