#![no_main]
//! Any bytes as a JSON Schema, and as a payload of one: rows in place are those by a tree, and nothing panics.
//!
//! The first byte picks the schema, or says that the bytes up to the first zero byte are one.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use quafka::config::{Format, TopicConfig, Transform};
use quafka::decode::json_schema::JsonSchema;
use quafka::decode::{Known, Schema, SchemaBook, SchemaKey};
use quafka::mapping::{Pipeline, Plan, SourceRecord, Tables};
use quafka::rows::TableName;
use quafka::schema::TableSchema;

const SCHEMAS: [&str; 5] = [
    r#"{"properties":{"a":{"type":"integer"},"b":{"type":"number"},"c":{"type":"string"},"d":{"type":"boolean"},
        "e":{"type":"string","format":"date-time"},"f":{"type":"string","connect.type":"bytes"},
        "g":{"type":"number","connect.type":"float32"},"h":{"type":["null","integer"]}},
        "additionalProperties":{"type":"number"}}"#,
    r##"{"properties":{"v":{"type":"integer"},"next":{"oneOf":[{"type":"null"},{"$ref":"#"}]}}}"##,
    r#"{"properties":{"a":{"type":"array","items":{"type":"number"}},"b":{"type":"array","items":{"type":"array",
        "items":{"type":"integer"}}},"c":{"type":"array","items":{"type":["null","string"]}},
        "d":{"type":"array","items":{"properties":{"x":{"type":"number"}}}}}}"#,
    r#"{"properties":{"a":{"type":"object","connect.type":"map","additionalProperties":{"type":"number"}},
        "b":{"type":"array","connect.type":"map","items":{"properties":{"key":{"type":"integer"},"value":{"type":"string"}}}},
        "c":{"type":"number","title":"org.apache.kafka.connect.data.Decimal","connect.parameters":{"scale":"2"}},
        "d":{"type":"integer","title":"org.apache.kafka.connect.data.Timestamp"},
        "e":{"type":"integer","title":"io.debezium.time.MicroTimestamp"}}}"#,
    r#"{"type":["null","number"]}"#,
];

fn books() -> &'static [SchemaBook] {
    static BOOKS: OnceLock<Vec<SchemaBook>> = OnceLock::new();
    BOOKS.get_or_init(|| {
        SCHEMAS.iter().map(|text| book(JsonSchema::parse(text, &[]).expect("a schema"))).collect()
    })
}

fn book(schema: JsonSchema) -> SchemaBook {
    let book = SchemaBook::default();
    book.insert(SchemaKey::Id(0), Known::Schema(Schema::Json(Arc::new(schema))));
    book
}

/// In place, and by a tree: the transform does nothing.
fn pipelines() -> &'static [(Pipeline, HashMap<TableName, Arc<Plan>>)] {
    static PIPELINES: OnceLock<Vec<(Pipeline, HashMap<TableName, Arc<Plan>>)>> = OnceLock::new();
    PIPELINES.get_or_init(|| {
        let nothing = Transform {
            kind: "SetSchemaMetadata".to_owned(),
            of: None,
            predicate: None,
            negate: false,
            options: toml::Table::new(),
        };
        let make = |transforms| {
            let config = TopicConfig { format: Format::JsonSchema, transforms, ..TopicConfig::default() };
            let pipeline = Pipeline::new("t", &Arc::new(config)).expect("a pipeline");
            let table = TableName::new("t");
            let plan = pipeline.plan(&table, &TableSchema::default()).expect("a plan");
            (pipeline, HashMap::from([(table, Arc::new(plan))]))
        };
        vec![make(Vec::new()), make(vec![nothing])]
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [choice, rest @ ..] = data else { return };
    match books().get(usize::from(*choice)) {
        Some(book) => rows(book, rest),
        None => {
            let end = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
            let (schema, payload) = rest.split_at(end);
            let Ok(text) = std::str::from_utf8(schema) else { return };
            let Ok(schema) = JsonSchema::parse(text, &[("other.json".to_owned(), SCHEMAS[0].to_owned())]) else { return };
            rows(&book(schema), payload.get(1..).unwrap_or_default());
        }
    }
});

fn rows(book: &SchemaBook, payload: &[u8]) {
    let framed = [&[0; 5][..], payload].concat();
    // Twice in a row: the second finds the names of the first.
    let rows = pipelines().iter().map(|(pipeline, plans)| {
        let mut tables = Tables::with_schemas(pipeline, plans, Some(book));
        let outcomes = [0, 1].map(|index| {
            let record = SourceRecord { index, value: Some(&framed), ..SourceRecord::default() };
            // In place a column may refuse a value before the payload shows that it is none.
            tables.append(&record).map_err(|error| error.record)
        });
        // Names that come twice, and arrays as texts, are as they were sent in place, and in order by a tree.
        let finished = tables.finish();
        let count: usize = finished.tables.iter().map(|rows| rows.block.rows()).sum();
        format!("{outcomes:?} {count}")
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows[0], rows[1]);
}
