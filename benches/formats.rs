//! Formats and transforms to a block, on one core: rows a second are divan's items a second.
//!
//! `cargo bench --bench formats`, with `--features sql` also what expressions cost

#![allow(clippy::unwrap_used)] // A benchmark that cannot run may say so.

mod cases;

use std::collections::HashMap;
use std::sync::Arc;

use cases::records::{self, format, short_json};
use cases::{Through, orders};
use divan::counter::{BytesCount, ItemsCount};
use quafka::config::{Format, TopicConfig, Transform};
use quafka::decode::SchemaBook;
use quafka::mapping::{Pipeline, SourceRecord, Tables};
use quafka::rows::TableName;
use quafka::schema::TableSchema;

fn main() {
    divan::main();
}

fn run(bencher: divan::Bencher<'_, '_>, config: TopicConfig, records: &[String]) {
    let mut through = Through::new(config);
    let bytes: usize = records.iter().map(String::len).sum();
    bencher
        .counter(ItemsCount::new(records.len()))
        .counter(BytesCount::new(bytes))
        .bench_local(|| through.run(records));
}

/// Likewise, of records whose schemas are known.
fn run_with(
    bencher: divan::Bencher<'_, '_>,
    config: TopicConfig,
    records: &[impl AsRef<[u8]>],
    book: &SchemaBook,
) {
    let pipeline = Pipeline::new("trades", &Arc::new(config)).unwrap();
    let table = TableName::new("trades");
    let plan = Arc::new(pipeline.plan(&table, &TableSchema::default()).unwrap());
    let plans = HashMap::from([(table, plan)]);
    let bytes: usize = records.iter().map(|record| record.as_ref().len()).sum();
    bencher.counter(ItemsCount::new(records.len())).counter(BytesCount::new(bytes)).bench_local(|| {
        let mut tables = Tables::with_schemas(&pipeline, &plans, Some(book));
        for (index, record) in records.iter().enumerate() {
            let record = SourceRecord {
                index: index as u32,
                timestamp_ms: 1_700_000_000_000,
                value: Some(record.as_ref()),
                ..SourceRecord::default()
            };
            tables.append(&record).unwrap();
        }
        assert!(tables.unknown().is_empty() && tables.missing_schemas().is_empty());
        let finished = tables.finish();
        assert_eq!(finished.tables.iter().map(|rows| rows.block.rows()).sum::<usize>(), records.len());
        finished
    });
}

fn with_transforms(transforms: &str) -> TopicConfig {
    let table: toml::Table = format!("transforms = [{transforms}]").parse().unwrap();
    let transforms: Vec<Transform> = table["transforms"].clone().try_into().unwrap();
    TopicConfig { transforms, ..format(Format::Json) }
}

#[divan::bench]
fn json_in_place(bencher: divan::Bencher<'_, '_>) {
    run(bencher, format(Format::Json), &short_json());
}

/// What the way by a tree costs: the transform does nothing.
#[divan::bench]
fn json_by_a_tree(bencher: divan::Bencher<'_, '_>) {
    run(bencher, with_transforms(r#"{ type = "SetSchemaMetadata" }"#), &short_json());
}

#[divan::bench]
fn json_through_three_transforms(bencher: divan::Bencher<'_, '_>) {
    let transforms = r#"{ type = "ReplaceField", renames = "ts:time" },
        { type = "InsertField", "static.field" = "source", "static.value" = "bench" },
        { type = "Cast", spec = "seq:string" }"#;
    run(bencher, with_transforms(transforms), &short_json());
}

#[divan::bench]
fn json_envelope(bencher: divan::Bencher<'_, '_>) {
    run(bencher, format(Format::JsonEnvelope), &records::enveloped());
}

#[divan::bench]
fn csv(bencher: divan::Bencher<'_, '_>) {
    let (config, records) = records::csv();
    run(bencher, config, &records);
}

#[divan::bench]
fn influx(bencher: divan::Bencher<'_, '_>) {
    run(bencher, format(Format::Influx), &records::influx());
}

#[divan::bench]
fn avro_of_8_fields(bencher: divan::Bencher<'_, '_>) {
    run_with(bencher, format(Format::Avro), &orders::avro(), &orders::book());
}

#[divan::bench]
fn avro_of_8_fields_by_a_tree(bencher: divan::Bencher<'_, '_>) {
    let config = with_transforms(r#"{ type = "SetSchemaMetadata" }"#);
    run_with(bencher, TopicConfig { format: Format::Avro, ..config }, &orders::avro(), &orders::book());
}

#[divan::bench]
fn protobuf_of_8_fields(bencher: divan::Bencher<'_, '_>) {
    run_with(bencher, format(Format::Protobuf), &orders::protobuf(), &orders::book());
}

#[divan::bench]
fn protobuf_of_8_fields_by_a_tree(bencher: divan::Bencher<'_, '_>) {
    let config = with_transforms(r#"{ type = "SetSchemaMetadata" }"#);
    let config = TopicConfig { format: Format::Protobuf, ..config };
    run_with(bencher, config, &orders::protobuf(), &orders::book());
}

/// To be held against `json_in_place`: all rows pass.
#[cfg(feature = "sql")]
#[divan::bench]
fn json_filtered(bencher: divan::Bencher<'_, '_>) {
    let filter = "price > 0 and symbol <> ''".to_owned();
    run(bencher, TopicConfig { filter, ..format(Format::Json) }, &short_json());
}

#[cfg(feature = "sql")]
#[divan::bench]
fn json_with_a_computed_column(bencher: divan::Bencher<'_, '_>) {
    let columns = [("notional".to_owned(), "price * seq".to_owned())].into();
    run(bencher, TopicConfig { columns, ..format(Format::Json) }, &short_json());
}
