//! JSON records to a block, on one core: rows a second are divan's items a second.
//!
//! `cargo bench --bench json`

#![allow(clippy::unwrap_used)] // A benchmark that cannot run may say so.

use std::fmt::Write;
use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use quafka::config::{TimestampConfig, TimestampUnit, TopicConfig};
use quafka::mapping::{Plan, SourceRecord};
use quafka::rows::TableName;
use quafka::schema::{TableColumn, TableSchema};

fn main() {
    divan::main();
}

const ROWS: usize = 1_000;

fn trades() -> Vec<String> {
    let symbols = ["BTC-USD", "ETH-USD", "SOL-USD", "DOGE-USD"];
    let trade = |row: usize| {
        format!(
            r#"{{"symbol":"{}","side":"{}","price":{}.5,"qty":0.{:02},"seq":{row},"ts":{}}}"#,
            symbols[row % 4],
            if row.is_multiple_of(3) { "buy" } else { "sell" },
            65_000 + row % 100,
            row % 90 + 10,
            1_700_000_000_000_000 + row * 1_000,
        )
    };
    (0..ROWS).map(trade).collect()
}

fn wide() -> Vec<String> {
    let record = |row: usize| {
        let mut record = format!("{{\"id\":{row}");
        for field in 1..60 {
            let _ = match field % 4 {
                0 => write!(record, ",\"text_field_{field}\":\"value {row}\""),
                1 => write!(record, ",\"integer_field_{field}\":{}", row * field),
                2 => write!(record, ",\"double_field_{field}\":{}.25", row + field),
                _ => write!(record, ",\"flag_{field}\":{}", (row + field).is_multiple_of(2)),
            };
        }
        record + "}"
    };
    (0..ROWS).map(record).collect()
}

fn nested() -> Vec<String> {
    let record = |row: usize| {
        format!(
            r#"{{"id":{row},"device":{{"name":"d{}","place":{{"lat":48.{row},"lon":17.1}}}},"reading":{{"value":{row}.5,"unit":"C","samples":[1.5,2.5,3.5]}}}}"#,
            row % 50
        )
    };
    (0..ROWS).map(record).collect()
}

/// Every other record has its fields in another order and lacks one.
fn shuffled() -> Vec<String> {
    let swap = |(row, trade): (usize, String)| {
        if row.is_multiple_of(2) {
            trade
        } else {
            format!(
                r#"{{"seq":{row},"price":65000.5,"symbol":"BTC-USD","ts":1700000000000000,"side":"buy"}}"#
            )
        }
    };
    trades().into_iter().enumerate().map(swap).collect()
}

fn run(bencher: divan::Bencher<'_, '_>, config: TopicConfig, records: &[String]) {
    run_into(bencher, config, &TableSchema::default(), records);
}

fn run_into(bencher: divan::Bencher<'_, '_>, config: TopicConfig, schema: &TableSchema, records: &[String]) {
    let plan = Plan::new(&"t".into(), TableName::new("trades"), &Arc::new(config), schema).unwrap();
    let mut builder = plan.block_builder();
    let bytes: usize = records.iter().map(String::len).sum();
    bencher.counter(ItemsCount::new(records.len())).counter(BytesCount::new(bytes)).bench_local(|| {
        for (index, record) in records.iter().enumerate() {
            let record = SourceRecord {
                index: index as u32,
                timestamp_ms: 1_700_000_000_000,
                key: None,
                value: Some(record.as_bytes()),
                ..SourceRecord::default()
            };
            plan.append(&record, &mut builder).unwrap();
        }
        builder.finish()
    });
}

/// The trades' table, with these types of symbol, side, price, qty, seq and ts.
fn table_of(types: [&str; 6]) -> TableSchema {
    let mut schema = TableSchema { designated: Some("timestamp".into()), ..TableSchema::default() };
    let names = ["symbol", "side", "price", "qty", "seq", "ts"];
    let columns = names.into_iter().zip(types).chain([("timestamp", "TIMESTAMP")]);
    for (name, type_name) in columns {
        let column = TableColumn { name: name.into(), type_name: type_name.into() };
        schema.columns.insert(name.to_owned(), column);
    }
    schema
}

fn with_symbols() -> TopicConfig {
    TopicConfig {
        timestamp: Some(TimestampConfig::of_number("ts", TimestampUnit::Micros)),
        symbols: vec!["symbol".to_owned(), "side".to_owned()],
        ..TopicConfig::default()
    }
}

#[divan::bench]
fn trade(bencher: divan::Bencher<'_, '_>) {
    run(bencher, TopicConfig::default(), &trades());
}

#[divan::bench]
fn trade_with_symbols_and_timestamp(bencher: divan::Bencher<'_, '_>) {
    run(bencher, with_symbols(), &trades());
}

/// A table with the types that the trades have.
#[divan::bench]
fn trade_into_a_table_of_its_types(bencher: divan::Bencher<'_, '_>) {
    let types = ["SYMBOL", "SYMBOL", "DOUBLE", "DOUBLE", "LONG", "LONG"];
    run_into(bencher, TopicConfig::default(), &table_of(types), &trades());
}

/// The same values, each of which has to be converted.
#[divan::bench]
fn trade_into_a_table_of_other_types(bencher: divan::Bencher<'_, '_>) {
    let types = ["VARCHAR", "CHAR", "FLOAT", "DECIMAL(18,4)", "DOUBLE", "TIMESTAMP"];
    let records: Vec<_> =
        trades().iter().map(|trade| trade.replace("\"buy\"", "\"b\"").replace("\"sell\"", "\"s\"")).collect();
    run_into(bencher, TopicConfig::default(), &table_of(types), &records);
}

#[divan::bench]
fn trade_in_two_orders(bencher: divan::Bencher<'_, '_>) {
    run(bencher, TopicConfig::default(), &shuffled());
}

#[divan::bench]
fn trade_one_record_a_block(bencher: divan::Bencher<'_, '_>) {
    run(bencher, TopicConfig::default(), &trades()[..1]);
}

#[divan::bench]
fn sixty_fields(bencher: divan::Bencher<'_, '_>) {
    run(bencher, TopicConfig::default(), &wide());
}

#[divan::bench]
fn nested_with_array(bencher: divan::Bencher<'_, '_>) {
    run(bencher, TopicConfig::default(), &nested());
}

#[divan::bench]
fn trade_by_serde_json_value(bencher: divan::Bencher<'_, '_>) {
    let records = trades();
    bencher.counter(ItemsCount::new(records.len())).bench_local(|| {
        records
            .iter()
            .map(|record| serde_json::from_str::<serde_json::Value>(record))
            .filter(Result::is_ok)
            .count()
    });
}
