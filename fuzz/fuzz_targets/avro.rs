#![no_main]
//! Any bytes by a schema: what is read is what apache-avro reads, rows in place are those by a tree, and nothing panics.
//!
//! The first byte picks the schema; the rest is the payload.

use std::sync::{Arc, OnceLock};

use apache_avro::types::Value as Apache;
use quafka::config::Format;
use quafka::decode::avro::AvroSchema;
use quafka::decode::{Object, Schema, SchemaBook, Timestamp, Value};
use quafka_fuzz::schemas::{BothWays, book, without_places};

const SCHEMAS: [&str; 7] = [
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"long"},
        {"name":"c","type":"string"},{"name":"d","type":"double"},{"name":"e","type":"float"},
        {"name":"f","type":"boolean"},{"name":"g","type":"bytes"},{"name":"h","type":["null","long"]}]}"#,
    r#"{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"x","type":["null","int","string",{"type":"record","name":"S",
        "fields":[{"name":"y","type":"boolean"},{"name":"z","type":["null","S"]}]}]},{"name":"w","type":["int","null"]}]}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"double"}},
        {"name":"b","type":{"type":"array","items":{"type":"array","items":"int"}}},
        {"name":"c","type":{"type":"array","items":["null","string"]}},{"name":"d","type":{"type":"array","items":"null"}}]}"#,
    r#"{"type":"map","values":{"type":"array","items":{"type":"enum","name":"E","symbols":["A","B","C"]}}}"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"int","logicalType":"date"}},
        {"name":"b","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"c","type":{"type":"long","logicalType":"timestamp-nanos"}},
        {"name":"d","type":{"type":"fixed","name":"F","size":3}},
        {"name":"e","type":{"type":"long","logicalType":"local-timestamp-micros"}}]}"#,
    r#"["null","long"]"#,
];

static WAYS: BothWays = BothWays::of(Format::Avro);

struct Case {
    theirs: apache_avro::Schema,
    ours: Arc<AvroSchema>,
    book: SchemaBook,
}

fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let case = |text: &&str| {
            let ours = Arc::new(AvroSchema::parse(text, &[]).expect("a schema"));
            let book = book(Schema::Avro(ours.clone()));
            Case { theirs: apache_avro::Schema::parse_str(text).expect("a schema"), ours, book }
        };
        SCHEMAS.iter().map(case).collect()
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [schema, payload @ ..] = data else { return };
    let cases = cases();
    let case = &cases[usize::from(*schema) % cases.len()];
    match case.ours.read(payload) {
        // What is not bounded by its bytes they would not bound either, so that they read only what was found to be.
        Ok(ours) => {
            let theirs = apache_avro::from_avro_datum(&case.theirs, &mut &payload[..], None).expect("we have read it");
            assert_eq!(format!("{:?}", in_order(ours)), format!("{:?}", in_order(of(theirs, false))));
        }
        Err(error) => assert!(error.offset <= payload.len()),
    }
    let framed = [&[0; 5][..], payload].concat();
    WAYS.agree(&case.book, &framed, without_places);
});

/// Theirs as ours is.
fn of(theirs: Apache, in_array: bool) -> Value {
    match theirs {
        Apache::Null => Value::Null,
        Apache::Boolean(value) => Value::Boolean(value),
        Apache::Int(value) => Value::Integer(value.into()),
        Apache::Long(value) => Value::Integer(value),
        Apache::Float(value) if in_array => Value::double(value.into()),
        Apache::Float(value) => Value::Float(value),
        Apache::Double(value) => Value::double(value),
        Apache::Bytes(bytes) | Apache::Fixed(_, bytes) => Value::Bytes(bytes),
        Apache::String(text) | Apache::Enum(_, text) => Value::Text(text),
        Apache::Date(days) => Value::Timestamp(Timestamp::Millis(i64::from(days) * 86_400_000)),
        Apache::TimestampMillis(value) => Value::Timestamp(Timestamp::Millis(value)),
        Apache::TimestampNanos(value) => Value::Timestamp(Timestamp::Nanos(value)),
        Apache::LocalTimestampMicros(value) => Value::Timestamp(Timestamp::Micros(value)),
        Apache::Array(items) => Value::Array(items.into_iter().map(|item| of(item, true)).collect()),
        // Theirs have no order.
        Apache::Map(entries) => {
            in_order(Value::Map(Object(entries.into_iter().map(|(key, value)| (key, of(value, false))).collect())))
        }
        Apache::Record(fields) => Value::Object(Object(fields.into_iter().map(field).collect())),
        Apache::Union(_, value) => of(*value, in_array),
        other => panic!("{other:?}"),
    }
}

fn field((name, value): (String, Apache)) -> (String, Value) {
    let value = match value {
        // The one union of several types has a member for each of them.
        Apache::Union(branch @ 1.., value) if name == "x" => {
            let branch = ["null", "int", "string", "S"][branch as usize];
            Value::Object(Object(vec![(branch.to_owned(), of(*value, false))]))
        }
        value => of(value, false),
    };
    (name, value)
}

/// Without what theirs do not tell: the order of maps, and of what an empty array has nothing.
fn in_order(value: Value) -> Value {
    match value {
        Value::EmptyArray { .. } => Value::Array(Vec::new()),
        Value::Array(items) => {
            let items: Vec<_> = items.into_iter().map(in_order).collect();
            let is_empty = items.iter().all(|item| *item == Value::Array(Vec::new()));
            Value::Array(if is_empty { Vec::new() } else { items })
        }
        Value::Object(Object(members)) => {
            Value::Object(Object(members.into_iter().map(|(name, value)| (name, in_order(value))).collect()))
        }
        Value::Map(Object(mut entries)) => {
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Map(Object(entries))
        }
        other => other,
    }
}
