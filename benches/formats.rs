//! Formats and transforms to a block, on one core: rows a second are divan's items a second.
//!
//! `cargo bench --bench formats`, with `--features sql` also what expressions cost

#![allow(clippy::unwrap_used)] // A benchmark that cannot run may say so.

mod cases;

use cases::Through;
use cases::records::{self, format, short_json};
use divan::counter::{BytesCount, ItemsCount};
use quafka::config::{Format, TopicConfig, Transform};

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
