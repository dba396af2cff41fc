#![no_main]
//! Any bytes as a JSON Schema, and as a payload of one: rows in place are those by a tree, and nothing panics.
//!
//! The first byte picks the schema, or says that the bytes up to the first zero byte are one.

use std::sync::{Arc, OnceLock};

use quafka::config::Format;
use quafka::decode::json_schema::JsonSchema;
use quafka::decode::{Schema, SchemaBook};
use quafka_fuzz::schemas::{BothWays, book};

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

static WAYS: BothWays = BothWays::of(Format::JsonSchema);

fn books() -> &'static [SchemaBook] {
    static BOOKS: OnceLock<Vec<SchemaBook>> = OnceLock::new();
    BOOKS.get_or_init(|| {
        SCHEMAS.iter().map(|text| book_of(JsonSchema::parse(text, &[]).expect("a schema"))).collect()
    })
}

fn book_of(schema: JsonSchema) -> SchemaBook {
    book(Schema::Json(Arc::new(schema)))
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
            rows(&book_of(schema), payload.get(1..).unwrap_or_default());
        }
    }
});

fn rows(book: &SchemaBook, payload: &[u8]) {
    let framed = [&[0; 5][..], payload].concat();
    // Names that come twice, and arrays as texts, are as they were sent in place, and in order by a tree.
    WAYS.agree(book, &framed, |finished| {
        finished.tables.iter().map(|rows| rows.block.rows()).sum::<usize>().to_string()
    });
}
