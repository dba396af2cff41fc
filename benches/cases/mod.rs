//! What there is to measure between the socket and QuestDB, without either. The load harness times these cases,
//! `instructions` counts them.

// Each benchmark compiles all of this and uses some of it.
#![allow(dead_code, clippy::unwrap_used)]

pub mod orders;
pub mod records;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use quafka::config::{Format, TopicConfig};
use quafka::mapping::{Pipeline, Plan, SourceRecord, Tables};
use quafka::producer::encode_batch;
use quafka::rows::{Block, TableName};
use quafka::schema::TableSchema;
use quafka::sink::ilp::{self, IlpVersion};
use quafka_protocol::{Decompressor, RecordBatch, Records};

use records::{OTHER_TYPES, ROWS};

/// Something that is done with [`ROWS`] records or rows at a time.
pub struct Case {
    /// For results and baselines.
    pub name: &'static str,
    /// For people.
    pub what: &'static str,
    run: Box<dyn FnMut() -> usize>,
}

impl Case {
    fn new(name: &'static str, what: &'static str, run: impl FnMut() -> usize + 'static) -> Self {
        Self { name, what, run: Box::new(run) }
    }

    /// Does it once. What comes of it depends on all that was done, so that nothing of it can be left out.
    pub fn run(&mut self) -> usize {
        (self.run)()
    }
}

/// All cases.
pub fn all() -> Vec<Case> {
    let same_types = ["SYMBOL", "SYMBOL", "DOUBLE", "DOUBLE", "LONG", "LONG"];
    let no_table = TableSchema::default();
    let (csv_config, csv) = records::csv();
    vec![
        batch_decode(),
        json(
            "json_trade",
            "JSON of 6 fields to a block",
            records::with_symbols(),
            &no_table,
            records::trades(),
        ),
        json(
            "json_trade_typed",
            "JSON of 6 fields to a block, table of the same types",
            TopicConfig::default(),
            &records::table_of(same_types),
            records::trades(),
        ),
        json(
            "json_trade_coerced",
            "JSON of 6 fields to a block, every value converted",
            TopicConfig::default(),
            &records::table_of(OTHER_TYPES),
            records::trades_with_short_sides(),
        ),
        json(
            "json_60_fields",
            "JSON of 60 fields to a block",
            TopicConfig::default(),
            &no_table,
            records::wide(),
        ),
        pipeline("csv", "CSV of 4 fields to a block", csv_config, csv),
        pipeline(
            "influx",
            "line protocol of 4 fields to a block",
            records::format(Format::Influx),
            records::influx(),
        ),
        pipeline(
            "json_envelope",
            "JSON of 4 fields with Connect's schema to a block",
            records::format(Format::JsonEnvelope),
            records::enveloped(),
        ),
        by_schema(
            "avro_8_fields",
            "record batch of Avro of 8 fields to a block",
            Format::Avro,
            orders::avro(),
        ),
        by_schema(
            "protobuf_8_fields",
            "record batch of Protobuf of 8 fields to a block",
            Format::Protobuf,
            orders::protobuf(),
        ),
        ilp_encode("ilp_encode", "block of 6 columns to ILP", records::with_symbols(), &records::trades()),
        ilp_encode("ilp_encode_60", "block of 60 columns to ILP", TopicConfig::default(), &records::wide()),
    ]
}

/// As large as no batch is.
const LIMIT: usize = 10 << 20;

/// From the bytes of a batch of records of 100 bytes to each record, checksum included.
fn batch_decode() -> Case {
    let value = Bytes::from(vec![b'x'; 100]);
    let batch = encode_batch(vec![value; ROWS], 1_700_000_000_000).unwrap();
    let mut decompressor = Decompressor::new();
    Case::new("batch_decode", "record batch to records, checksum included", move || {
        let batch = RecordBatch::parse(&batch, LIMIT).unwrap();
        let bytes = decompressor.decompress(batch.header.compression, batch.records, LIMIT).unwrap();
        Records::new(&batch.header, bytes)
            .map(|record| {
                let record = record.unwrap();
                record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + record.headers.len()
            })
            .sum()
    })
}

fn json(
    name: &'static str,
    what: &'static str,
    config: TopicConfig,
    schema: &TableSchema,
    records: Vec<String>,
) -> Case {
    let plan = plan(config, schema);
    let mut builder = plan.block_builder();
    Case::new(name, what, move || {
        for (index, record) in records.iter().enumerate() {
            plan.append(&source(index, record), &mut builder).unwrap();
        }
        builder.finish().unwrap().rows()
    })
}

/// The way of formats that are not read in place.
fn pipeline(name: &'static str, what: &'static str, config: TopicConfig, records: Vec<String>) -> Case {
    let mut through = Through::new(config);
    Case::new(name, what, move || through.run(&records))
}

/// From the bytes of a batch whose records have schemas to a block, checksum included.
fn by_schema(name: &'static str, what: &'static str, format: Format, values: Vec<Vec<u8>>) -> Case {
    let values: Vec<Bytes> = values.into_iter().map(Bytes::from).collect();
    let batch = encode_batch(values, 1_700_000_000_000).unwrap();
    let book = orders::book();
    let through = Through::new(TopicConfig { format, ..TopicConfig::default() });
    let mut decompressor = Decompressor::new();
    Case::new(name, what, move || {
        let batch = RecordBatch::parse(&batch, LIMIT).unwrap();
        let bytes = decompressor.decompress(batch.header.compression, batch.records, LIMIT).unwrap();
        let mut tables = Tables::with_schemas(&through.pipeline, &through.plans, Some(&book));
        for (index, record) in Records::new(&batch.header, bytes).enumerate() {
            let record = record.unwrap();
            let record = SourceRecord {
                index: index as u32,
                timestamp_ms: 1_700_000_000_000,
                key: record.key,
                value: record.value,
                headers: record.headers,
                ..SourceRecord::default()
            };
            tables.append(&record).unwrap();
        }
        let rows = tables.finish().tables.iter().map(|rows| rows.block.rows()).sum();
        assert_eq!(rows, ROWS);
        rows
    })
}

fn ilp_encode(name: &'static str, what: &'static str, config: TopicConfig, records: &[String]) -> Case {
    let block = block(config, records);
    let mut body = Vec::new();
    Case::new(name, what, move || {
        body.clear();
        ilp::encode(&block, IlpVersion::V2, &mut body).unwrap();
        body.len()
    })
}

/// Records as the block that they become.
pub fn block(config: TopicConfig, records: &[String]) -> Block {
    let plan = plan(config, &TableSchema::default());
    let mut builder = plan.block_builder();
    for (index, record) in records.iter().enumerate() {
        plan.append(&source(index, record), &mut builder).unwrap();
    }
    builder.finish().unwrap()
}

/// The plan for the table `trades`.
pub fn plan(config: TopicConfig, schema: &TableSchema) -> Plan {
    Plan::new(&"t".into(), TableName::new("trades"), &Arc::new(config), schema).unwrap()
}

/// A topic's whole way from records to blocks.
pub struct Through {
    pipeline: Pipeline,
    plans: HashMap<TableName, Arc<Plan>>,
}

impl Through {
    /// To the table `trades`, which does not exist yet.
    pub fn new(config: TopicConfig) -> Self {
        let pipeline = Pipeline::new("trades", &Arc::new(config)).unwrap();
        let table = TableName::new("trades");
        let plan = Arc::new(pipeline.plan(&table, &TableSchema::default()).unwrap());
        Self { pipeline, plans: HashMap::from([(table, plan)]) }
    }

    /// The rows that these records became: all of them.
    pub fn run(&mut self, records: &[String]) -> usize {
        let mut tables = Tables::new(&self.pipeline, &self.plans);
        for (index, record) in records.iter().enumerate() {
            tables.append(&source(index, record)).unwrap();
        }
        assert!(tables.unknown().is_empty());
        let rows = tables.finish().tables.iter().map(|rows| rows.block.rows()).sum();
        assert_eq!(rows, records.len());
        rows
    }
}

/// A record without a key, of that place in its batch.
pub fn source(index: usize, value: &str) -> SourceRecord<'_> {
    SourceRecord {
        index: index as u32,
        timestamp_ms: 1_700_000_000_000,
        value: Some(value.as_bytes()),
        ..SourceRecord::default()
    }
}
