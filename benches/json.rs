//! JSON records to a block, on one core: rows a second are divan's items a second.
//!
//! `cargo bench --bench json`

#![allow(clippy::unwrap_used)] // A benchmark that cannot run may say so.

mod cases;

use cases::records::{OTHER_TYPES, ROWS, table_of, trades, trades_with_short_sides, wide, with_symbols};
use divan::counter::{BytesCount, ItemsCount};
use quafka::config::TopicConfig;
use quafka::schema::TableSchema;

fn main() {
    divan::main();
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
    let plan = cases::plan(config, schema);
    let mut builder = plan.block_builder();
    let bytes: usize = records.iter().map(String::len).sum();
    bencher.counter(ItemsCount::new(records.len())).counter(BytesCount::new(bytes)).bench_local(|| {
        for (index, record) in records.iter().enumerate() {
            plan.append(&cases::source(index, record), &mut builder).unwrap();
        }
        builder.finish()
    });
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
    run_into(bencher, TopicConfig::default(), &table_of(OTHER_TYPES), &trades_with_short_sides());
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
