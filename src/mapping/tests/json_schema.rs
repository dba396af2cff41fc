//! JSON by a JSON Schema in place: the same rows as by a tree.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::schema;
use super::trees::{self, both, by_tree, types, written};
use crate::config::{Format, LoneSurrogates, TopicConfig, Unsupported};
use crate::decode::json_schema::JsonSchema;
use crate::decode::{Known, Schema, SchemaBook, SchemaKey};
use crate::mapping::SourceRecord;
use crate::rows::{ColumnValues, RowError};
use crate::schema::TableSchema;

fn topic(properties: &str) -> (TopicConfig, tempfile::NamedTempFile) {
    trees::topic(Format::JsonSchema, &format!(r#"{{"type":"object","properties":{{{properties}}}}}"#))
}

fn bytes<'a>(values: &[&'a str]) -> Vec<&'a [u8]> {
    values.iter().map(|value| value.as_bytes()).collect()
}

/// The only record that is refused.
fn one(refused: &[RowError]) -> &RowError {
    let [error] = refused else { panic!("{refused:?}") };
    error
}

/// Every type that docs/formats.md has, and the column that it says.
#[test]
fn each_type_has_its_column() {
    let data = "org.apache.kafka.connect.data";
    let fields = [
        (r#"{"type":"boolean"}"#.to_owned(), "true", "BOOLEAN"),
        (r#"{"type":"integer"}"#.to_owned(), "1", "LONG"),
        (r#"{"type":"integer"}"#.to_owned(), "1.0", "LONG"),
        (r#"{"type":"number"}"#.to_owned(), "1", "DOUBLE"),
        (r#"{"type":"number"}"#.to_owned(), "1.5", "DOUBLE"),
        (r#"{"type":"string"}"#.to_owned(), "\"1\"", "VARCHAR"),
        (
            r#"{"type":"string","format":"date-time"}"#.to_owned(),
            "\"2020-01-02T03:04:05.5+01:00\"",
            "TIMESTAMP",
        ),
        (
            r#"{"type":"string","format":"date-time"}"#.to_owned(),
            "\"2020-01-02T03:04:05\\u005a\"",
            "TIMESTAMP",
        ),
        (r#"{"type":"string","format":"date"}"#.to_owned(), "\"2020-01-02\"", "TIMESTAMP"),
        (r#"{"type":"string","format":"time"}"#.to_owned(), "\"03:04:05Z\"", "VARCHAR"),
        (r#"{"enum":["BUY","SELL"]}"#.to_owned(), "\"BUY\"", "VARCHAR"),
        (r#"{"type":["null","number"]}"#.to_owned(), "1", "DOUBLE"),
        (r#"{"oneOf":[{"type":"null"},{"type":"integer"}]}"#.to_owned(), "1", "LONG"),
        (r#"{"type":["integer","string"]}"#.to_owned(), "1", "LONG"),
        ("true".to_owned(), "1.5", "DOUBLE"),
        (r#"{"type":"array","items":{"type":"number"}}"#.to_owned(), "[1, 2]", "DOUBLE[]"),
        (
            r#"{"type":"array","items":{"type":"array","items":{"type":"integer"}}}"#.to_owned(),
            "[[1],[2]]",
            "DOUBLE[]",
        ),
        (r#"{"type":"array","items":{"type":"number"}}"#.to_owned(), "[]", "DOUBLE[]"),
        (r#"{"type":"array","items":{"type":"string"}}"#.to_owned(), "[\"x\"]", "VARCHAR"),
        (
            r#"{"type":"object","connect.type":"map","additionalProperties":{"type":"number"}}"#.to_owned(),
            "{\"a\":1}",
            "VARCHAR",
        ),
        (r#"{"type":"string","connect.type":"bytes"}"#.to_owned(), "\"AQID\"", "VARCHAR"),
        (r#"{"type":"number","connect.type":"float32"}"#.to_owned(), "0.1", "DOUBLE"),
        (format!(r#"{{"type":"integer","title":"{data}.Timestamp"}}"#), "1", "TIMESTAMP"),
        (format!(r#"{{"type":"integer","title":"{data}.Date"}}"#), "1", "TIMESTAMP"),
        (format!(r#"{{"type":"integer","title":"{data}.Time"}}"#), "1", "LONG"),
        (format!(r#"{{"type":"number","title":"{data}.Decimal"}}"#), "1.50", "VARCHAR"),
    ];
    let members = |of: &dyn Fn(&(String, &'static str, &'static str)) -> String| {
        let members: Vec<_> =
            fields.iter().enumerate().map(|(index, field)| format!(r#""f{index}":{}"#, of(field))).collect();
        members.join(",")
    };
    let (config, _file) = topic(&members(&|field| field.0.clone()));
    let value = format!("{{{}}}", members(&|field| field.1.to_owned()));
    let (block, refused) = both(config, &TableSchema::default(), &bytes(&[&value, &value]));
    assert_eq!(refused, []);
    let expected: Vec<_> =
        fields.iter().enumerate().map(|(index, field)| (format!("f{index}"), field.2)).collect();
    assert_eq!(types(&block.unwrap()), expected);
}

#[test]
fn values_are_what_was_sent() {
    let (config, _file) = topic(
        r#""t":{"type":"string","format":"date-time"},"d":{"type":"string","format":"date"},"n":{"type":"number"},
           "o":{"type":"object","properties":{"x":{"type":"number"},"y":{"type":"object","properties":{"z":{"type":"integer"}}}}}"#,
    );
    let values = [
        r#"{"t":"2020-01-02T03:04:05.123456+01:00","d":"1970-01-02","n":7,"o":{"x":1,"y":{"z":2.0}},"more":{"a":1}}"#,
        r#"{"t":null,"n":9007199254740993,"o":null}"#,
    ];
    let (block, refused) = both(config, &TableSchema::default(), &bytes(&values));
    assert_eq!(refused, []);
    let block = block.unwrap();
    let names: Vec<_> = block.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["t", "d", "n", "o_x", "o_y_z", "more_a"]);
    let ColumnValues::Timestamp(times) = &block.columns[0].values else { panic!() };
    assert_eq!(times.value(0), 1_577_930_645_123_456);
    let ColumnValues::Timestamp(days) = &block.columns[1].values else { panic!() };
    assert_eq!(days.value(0), 86_400_000_000);
    let ColumnValues::Double(numbers) = &block.columns[2].values else { panic!() };
    assert_eq!(numbers.values().to_vec(), [7.0, 9_007_199_254_740_992.0]);
    let ColumnValues::Long(inner) = &block.columns[4].values else { panic!() };
    assert_eq!(inner.value(0), 2);
    let ColumnValues::Long(more) = &block.columns[5].values else { panic!() };
    assert_eq!(more.value(0), 1);
}

#[test]
fn the_table_decides_as_for_other_formats() {
    let (config, _file) = topic(
        r#""n":{"type":"number"},"s":{"type":"string"},"v":{"type":"string","format":"date-time"},
           "t":{"type":"string","format":"date-time"},"c":{"type":"number"}"#,
    );
    let columns = schema(&[
        ("timestamp", "TIMESTAMP"),
        ("n", "LONG"),
        ("s", "UUID"),
        ("v", "VARCHAR"),
        ("t", "TIMESTAMP_NS"),
        ("c", "DECIMAL(18,2)"),
    ]);
    let uuid = "123e4567-e89b-12d3-a456-426614174000";
    let value =
        |n: &str, s: &str, t: &str| format!(r#"{{"n":{n},"s":"{s}","v":"any text","t":"{t}","c":12.5}}"#);
    let time = "2020-01-02T03:04:05.123456789Z";
    let values = [
        // An integer beyond what a double holds exactly is no double here.
        value("9007199254740993", uuid, time),
        value("1.5", uuid, time),
        value("1", "no", time),
        value("1", uuid, "yesterday"),
    ];
    let values: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
    let (block, refused) = both(config, &columns, &values);
    let block = block.unwrap();
    assert_eq!(block.origin.to_vec(), [0]);
    let ColumnValues::Long(numbers) = &block.columns[0].values else { panic!() };
    assert_eq!(numbers.value(0), 9_007_199_254_740_993);
    let ColumnValues::Varchar(texts) = &block.columns[2].values else { panic!() };
    assert_eq!(texts.value(0), "any text");
    let columns: Vec<_> = refused.iter().map(|error| error.column.as_deref().unwrap()).collect();
    assert_eq!(columns, ["n", "s", "t"]);
    assert!(refused[2].message.contains("`yesterday` is no time"), "{refused:?}");
}

#[test]
fn a_value_that_contradicts_its_schema_is_a_bad_record() {
    let (config, _file) = topic(
        r#""i":{"type":"integer"},"o":{"properties":{"n":{"type":"number"}}},"a":{"type":"array","items":{"type":"number"}},
           "l":{"type":"array","items":{"properties":{"b":{"type":"boolean"}}}}"#,
    );
    let values = [
        r#"{"i":"1"}"#,
        r#"{"i":1.5}"#,
        r#"{"o":{"n":"x"}}"#,
        r#"{"a":[1,"x"]}"#,
        r#"{"l":[{"b":1}]}"#,
        r#"{"o":5}"#,
        "[1]",
        r#"{"i":"#,
        r#"{"i":1}"#,
    ];
    let (block, refused) = both(config, &TableSchema::default(), &bytes(&values));
    assert_eq!(block.unwrap().origin.to_vec(), [8]);
    let says = [
        ("i", "by the schema of its file, field `i`: \"1\" contradicts the schema, which says integer"),
        ("i", "field `i`: 1.5 contradicts the schema, which says integer"),
        ("o_n", "field `o_n`: \"x\" contradicts the schema, which says number"),
        ("a", "field `a`: \"x\" contradicts the schema, which says number"),
        ("l", "field `l.b`: 1 contradicts the schema, which says boolean"),
        ("o", "field `o`: 5 contradicts the schema, which says object"),
        ("value", "[1] contradicts the schema, which says object"),
        ("", "it is not valid JSON"),
    ];
    for (error, (column, says)) in refused.iter().zip(says) {
        assert!(error.message.starts_with("the record's value cannot be read as json_schema: "), "{error:?}");
        assert_eq!(error.column.as_deref().unwrap_or_default(), column, "{error:?}");
        assert!(error.message.contains(says), "{}", error.message);
    }
    assert_eq!(refused.len(), says.len());
}

#[test]
fn a_payload_that_is_no_object_is_one_column_and_null_is_no_row() {
    let (config, _file) = trees::topic(Format::JsonSchema, r#"{"type":["null","number"]}"#);
    let (block, refused) = both(config, &TableSchema::default(), &bytes(&["1", "null", "", "2.5"]));
    assert_eq!(refused, []);
    let block = block.unwrap();
    assert_eq!(types(&block), [("value".to_owned(), "DOUBLE")]);
    assert_eq!(block.origin.to_vec(), [0, 3]);
}

#[test]
fn names_that_come_twice_and_halves_of_surrogate_pairs_are_as_in_json() {
    let (config, _file) =
        topic(r#""a":{"type":"number"},"s":{"type":"string"},"t":{"type":"string","format":"date"}"#);
    let values = [r#"{"s":"x","a":1,"a":2}"#, r#"{"a":1,"s":"\ud800"}"#, r#"{"a":1,"t":"\ud800"}"#];
    let (block, refused) = both(config.clone(), &TableSchema::default(), &bytes(&values));
    let block = block.unwrap();
    assert_eq!(block.origin.to_vec(), [0]);
    let ColumnValues::Double(numbers) = &block.columns[1].values else { panic!() };
    assert_eq!(numbers.value(0), 2.0);
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[0].column.as_deref(), Some("s"));
    assert!(refused[0].message.contains("cannot be read as json_schema: by the schema"), "{refused:?}");
    let config = TopicConfig { lone_surrogates: LoneSurrogates::Replace, ..config };
    let (block, refused) = both(config, &TableSchema::default(), &bytes(&values));
    let block = block.unwrap();
    assert_eq!(block.origin.to_vec(), [0, 1]);
    let ColumnValues::Varchar(texts) = &block.columns[0].values else { panic!() };
    assert_eq!(texts.value(1), "?");
    assert!(one(&refused).message.contains("`?` is no time"), "{refused:?}");
}

#[test]
fn a_field_can_be_the_designated_timestamp() {
    let (config, _file) =
        topic(r#""t":{"type":"string","format":"date-time"},"n":{"type":"number"},"a":{"type":"integer"}"#);
    for (field, value, micros) in [
        ("t", r#"{"t":"2020-01-02T03:04:05Z","a":1}"#, 1_577_934_245_000_000),
        // Nanoseconds, of which a double has not all.
        ("n", r#"{"n":1577934245123456789,"a":1}"#, 1_577_934_245_123_456),
    ] {
        let timestamp: toml::Table = format!("t = {{ field = \"{field}\" }}").parse().unwrap();
        let timestamp = Some(timestamp["t"].clone().try_into().unwrap());
        let config = TopicConfig { timestamp, ..config.clone() };
        let (block, refused) = both(config, &TableSchema::default(), &bytes(&[value]));
        assert_eq!(refused, []);
        assert_eq!(block.unwrap().timestamp.values.to_vec(), [micros]);
    }
}

#[test]
fn maps_are_as_unsupported_says() {
    let (config, _file) = topic(
        r#""m":{"type":"object","connect.type":"map","additionalProperties":{"type":"number"}},"a":{"type":"integer"}"#,
    );
    let config = TopicConfig { unsupported: Unsupported::Skip, ..config };
    let (block, refused) = both(config, &TableSchema::default(), &bytes(&[r#"{"m":{"x":1},"a":1}"#]));
    assert_eq!(refused, []);
    assert_eq!(types(&block.unwrap()), [("a".to_owned(), "LONG")]);
}

fn framed(id: u8, body: &str) -> Vec<u8> {
    [&[0, 0, 0, 0, id], body.as_bytes()].concat()
}

/// A schema that adds a column and widens another, between records of the one before; also where the format is not
/// said, and for keys.
#[test]
fn records_of_several_schemas_go_to_one_table() {
    let book = SchemaBook::default();
    let known = |text: &str| Known::Schema(Schema::Json(Arc::new(JsonSchema::parse(text, &[]).unwrap())));
    book.insert(SchemaKey::Id(1), known(r#"{"properties":{"a":{"type":"integer"}}}"#));
    book.insert(SchemaKey::Id(2), known(r#"{"properties":{"b":{"type":"string"},"a":{"type":"number"}}}"#));
    let until = Instant::now() + Duration::from_secs(60);
    book.insert(SchemaKey::Id(4), Known::Refused("the schema registry does not have schema 4".into(), until));
    let values = [
        framed(1, r#"{"a":1}"#),
        framed(2, r#"{"b":"x","a":2.5}"#),
        framed(2, r#"{"b":"x","a":2.5,"a":3.5}"#),
        framed(1, r#"{"a":3}"#),
        framed(4, "{}"),
        framed(1, r#"{"a":"x"}"#),
    ];
    for format in [Format::JsonSchema, Format::Auto] {
        let config = TopicConfig { format, key_format: format, ..TopicConfig::default() };
        let of = |config| {
            let records = values.iter().map(|value| SourceRecord {
                value: Some(value),
                key: Some(b"\0\0\0\0\x01{\"a\":1,\"a\":7}"),
                ..SourceRecord::default()
            });
            written(config, &TableSchema::default(), Some(&book), records.collect())
        };
        let (tree, in_place) = (of(by_tree(&config)), of(config));
        assert_eq!(format!("{:?}", in_place.0), format!("{:?}", tree.0));
        let block = in_place.0.unwrap();
        assert_eq!(block.origin.to_vec(), [0, 1, 2, 3]);
        assert_eq!(
            types(&block),
            [("key_a", "LONG"), ("a", "DOUBLE"), ("b", "VARCHAR")]
                .map(|(name, kind)| (name.to_owned(), kind))
        );
        let ColumnValues::Long(keys) = &block.columns[0].values else { panic!() };
        assert_eq!(keys.values().to_vec(), [7; 4]);
        assert!(in_place.1[0].message.contains("does not have schema 4"), "{:?}", in_place.1);
        assert!(
            in_place.1[1].message.contains("by schema 1, field `a`: \"x\" contradicts"),
            "{:?}",
            in_place.1
        );
    }
}
