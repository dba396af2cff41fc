//! Avro in place: the same rows as by a tree.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::{Format, OnError, SchemaFile, TopicConfig, Transform};
use crate::decode::avro::AvroSchema;
use crate::decode::{Known, Schema, SchemaBook, SchemaKey};
use crate::mapping::{Pipeline, SourceRecord, Tables};
use crate::rows::{ColumnValues, TableName};
use crate::schema::TableSchema;

use super::schema;
use super::trees::{both, by_tree, rows, types, written};

/// A topic whose values are of a schema in a file.
fn topic(avro: &str) -> (TopicConfig, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(avro.as_bytes()).unwrap();
    let schema = Some(SchemaFile { file: file.path().to_owned(), include: None, message: None });
    (TopicConfig { format: Format::Avro, schema, ..TopicConfig::default() }, file)
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

/// Every type that docs/formats.md has, and the column that it says.
#[test]
fn each_type_has_its_column() {
    let fields = [
        (r#""boolean""#, &[1][..], "BOOLEAN"),
        (r#""int""#, &[2], "LONG"),
        (r#""long""#, &[2], "LONG"),
        (r#""float""#, &[0, 0, 0x80, 0x3f], "DOUBLE"),
        (r#""double""#, &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f], "DOUBLE"),
        (r#""string""#, &[2, b'x'], "VARCHAR"),
        (r#""bytes""#, &[2, 9], "VARCHAR"),
        (r#"{"type":"fixed","name":"F","size":1}"#, &[9], "VARCHAR"),
        (r#"{"type":"enum","name":"E","symbols":["A"]}"#, &[0], "VARCHAR"),
        (r#"{"type":"int","logicalType":"date"}"#, &[2], "TIMESTAMP"),
        (r#"{"type":"int","logicalType":"time-millis"}"#, &[2], "LONG"),
        (r#"{"type":"long","logicalType":"time-micros"}"#, &[2], "LONG"),
        (r#"{"type":"long","logicalType":"timestamp-millis"}"#, &[2], "TIMESTAMP"),
        (r#"{"type":"long","logicalType":"timestamp-micros"}"#, &[2], "TIMESTAMP"),
        (r#"{"type":"long","logicalType":"timestamp-nanos"}"#, &[2], "TIMESTAMP_NS"),
        (r#"{"type":"long","logicalType":"local-timestamp-micros"}"#, &[2], "TIMESTAMP"),
        (r#"{"type":"string","logicalType":"uuid"}"#, &[2, b'x'], "VARCHAR"),
        (r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#, &[2, 5], "VARCHAR"),
        (r#"{"type":"array","items":"double"}"#, &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0], "DOUBLE[]"),
        (r#"{"type":"array","items":{"type":"array","items":"int"}}"#, &[2, 2, 2, 0, 0], "DOUBLE[]"),
        (r#"{"type":"array","items":"string"}"#, &[2, 2, b'x', 0], "VARCHAR"),
        (r#"{"type":"map","values":"int"}"#, &[2, 2, b'x', 2, 0], "VARCHAR"),
        (r#"["null","long"]"#, &[2, 2], "LONG"),
    ];
    let declared: Vec<_> = fields
        .iter()
        .enumerate()
        .map(|(index, (kind, ..))| format!(r#"{{"name":"f{index}","type":{kind}}}"#))
        .collect();
    let value: Vec<u8> = fields.iter().flat_map(|(_, bytes, _)| bytes.to_vec()).collect();
    let (config, _file) = topic(&record(&declared.join(",")));
    let (block, refused) = both(config, &TableSchema::default(), &[&value, &value]);
    assert_eq!(refused, []);
    let expected: Vec<_> =
        fields.iter().enumerate().map(|(index, (.., column))| (format!("f{index}"), *column)).collect();
    assert_eq!(types(&block.unwrap()), expected);
}

#[test]
fn nested_records_and_wide_unions_are_columns_of_joined_names() {
    let (config, _file) = topic(&record(
        r#"{"name":"a","type":{"type":"record","name":"A","fields":[{"name":"x","type":"int"},{"name":"y","type":["null","A"]}]}},
           {"name":"u","type":["null","int","string"]}"#,
    ));
    // It refers to itself.
    let (block, refused) =
        both(config, &TableSchema::default(), &[&[2, 2, 4, 0, 2, 6], &[2, 0, 4, 2, b'x'], &[2, 0, 0]]);
    assert_eq!(refused, []);
    let block = block.unwrap();
    let names: Vec<_> = block.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["a_x", "a_y_x", "u_int", "u_string"]);
    let (config, _file) = topic(&record(
        r#"{"name":"a","type":{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]}},
           {"name":"u","type":["null","int","A"]},{"name":"o","type":["null","A"]}"#,
    ));
    let (block, refused) = both(
        config,
        &TableSchema::default(),
        &[&[2, 2, 6, 0], &[2, 4, 8, 2, 2], &[2, 0, 0], &[2, 6, 0], &[2]],
    );
    assert_eq!(refused.len(), 2);
    let block = block.unwrap();
    let names: Vec<_> = block.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["a_x", "u_int", "u_A_x", "o_x"]);
    assert_eq!(block.origin.to_vec(), [0, 1, 2]);
}

#[test]
fn a_payload_that_is_no_record_is_one_column_and_null_is_no_row() {
    let (config, _file) = topic(r#"["null","long"]"#);
    let (block, refused) = both(config, &TableSchema::default(), &[&[2, 8], &[0], &[2, 10], &[0, 0]]);
    assert_eq!(refused.len(), 1, "something is left over: {refused:?}");
    let block = block.unwrap();
    assert_eq!(types(&block), [("value".to_owned(), "LONG")]);
    assert_eq!(block.origin.to_vec(), [0, 2]);
    let (config, _file) = topic(&format!(r#"["null",{}]"#, record(r#"{"name":"a","type":"int"}"#)));
    let (block, _) = both(config, &TableSchema::default(), &[&[0], &[2, 10]]);
    assert_eq!(block.unwrap().origin.to_vec(), [1]);
}

#[test]
fn the_table_decides_as_for_other_formats() {
    let (config, _file) = topic(&record(
        r#"{"name":"n","type":"long"},{"name":"d","type":"double"},{"name":"s","type":"string"},
           {"name":"e","type":{"type":"enum","name":"E","symbols":["BUY","SELL"]}},{"name":"b","type":"boolean"},
           {"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}}"#,
    ));
    let value =
        |n: u8, s: &[u8]| [&[n][..], &1.5_f64.to_le_bytes(), &[s.len() as u8 * 2], s, &[2, 1, 20]].concat();
    let columns = schema(&[
        ("timestamp", "TIMESTAMP"),
        ("n", "BYTE"),
        ("d", "FLOAT"),
        ("s", "UUID"),
        ("e", "SYMBOL"),
        ("b", "LONG"),
        ("t", "TIMESTAMP_NS"),
    ]);
    let uuid = b"123e4567-e89b-12d3-a456-426614174000";
    let values = [value(2, uuid), value(2, b"no"), value(4, uuid)];
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let (block, refused) = both(config, &columns, &values);
    assert_eq!(block.unwrap().origin.to_vec(), [0, 2]);
    let [error] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!((error.record, error.column.as_deref()), (1, Some("s")));
}

#[test]
fn arrays_that_columns_do_not_take_are_judged_as_trees() {
    let array =
        |item: &str| topic(&record(&format!(r#"{{"name":"a","type":{{"type":"array","items":{item}}}}}"#)));
    let double = |value: f64| value.to_le_bytes();
    let new = TableSchema::default();
    let (config, _file) = array(r#""double""#);
    let two = [&[4][..], &double(1.0), &double(2.0), &[0]].concat();
    // In two blocks, the second with its size.
    let blocks = [&[2][..], &double(1.0), &[1, 16], &double(2.0), &[0]].concat();
    let (block, refused) = both(config.clone(), &new, &[&two, &blocks]);
    assert_eq!(refused, []);
    assert_eq!(types(&block.unwrap()), [("a".to_owned(), "DOUBLE[]")]);
    for columns in [
        schema(&[("timestamp", "TIMESTAMP"), ("a", "VARCHAR")]),
        schema(&[("timestamp", "TIMESTAMP"), ("a", "LONG")]),
    ] {
        both(config.clone(), &columns, &[&two, &[0]]);
    }
    both(config, &new, &[&[0], &two]);
    let (config, _file) = array(r#"{"type":"array","items":"int"}"#);
    let jagged = [4, 2, 2, 0, 4, 2, 2, 0, 0];
    let (_, refused) = both(config, &new, &[&jagged]);
    assert!(refused[0].message.contains("rectangular"), "{refused:?}");
}

#[test]
fn a_row_that_is_refused_leaves_nothing_for_the_next() {
    let (config, _file) = topic(&record(r#"{"name":"a","type":"int"},{"name":"b","type":"string"}"#));
    let (block, refused) =
        both(config, &TableSchema::default(), &[&[2, 4, b'x'], &[2, 2, b'x'], &[2, 2, b'y', 0]]);
    let messages: Vec<_> = refused.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(messages.len(), 2);
    assert!(
        messages[0].starts_with(
            "the record's value cannot be read as avro: by the schema of its file, a length is 2, which is beyond the end \
             at byte 1"
        ),
        "{messages:?}"
    );
    assert!(messages[1].contains("1 bytes are left over at byte 3"), "{messages:?}");
    assert_eq!(block.unwrap().origin.to_vec(), [1]);
}

#[test]
fn a_field_can_be_the_designated_timestamp() {
    let (config, _file) = topic(&record(
        r#"{"name":"t","type":["null",{"type":"long","logicalType":"timestamp-micros"}]},{"name":"a","type":"int"}"#,
    ));
    let timestamp: toml::Table = "t = { field = \"t\", missing = \"record\" }".parse().unwrap();
    let timestamp = Some(timestamp["t"].clone().try_into().unwrap());
    let (block, refused) =
        both(TopicConfig { timestamp, ..config }, &TableSchema::default(), &[&[2, 20, 2], &[0, 2]]);
    assert_eq!(block.unwrap().timestamp.values.to_vec(), [10]);
    assert!(refused[0].message.contains("null in field t"), "{refused:?}");
}

fn book() -> SchemaBook {
    let book = SchemaBook::default();
    let known = |text: &str| Known::Schema(Schema::Avro(Arc::new(AvroSchema::parse(text, &[]).unwrap())));
    book.insert(SchemaKey::Id(1), known(&record(r#"{"name":"a","type":"int"}"#)));
    book.insert(
        SchemaKey::Id(2),
        known(&record(r#"{"name":"b","type":"string"},{"name":"a","type":"double"}"#)),
    );
    book.insert(SchemaKey::Guid(uuid::Uuid::from_u128(7)), known("\"string\""));
    let until = Instant::now() + Duration::from_secs(60);
    book.insert(
        SchemaKey::Id(404),
        Known::Refused("the schema registry does not have schema 404".into(), until),
    );
    book
}

/// A schema that adds a column and widens another, between records of the one before.
#[test]
fn records_of_several_schemas_go_to_one_table() {
    let book = book();
    let newer = [&[0, 0, 0, 0, 2, 2, b'x'][..], &2.5_f64.to_le_bytes()].concat();
    let values: [&[u8]; 4] = [&[0, 0, 0, 0, 1, 2], &newer, &[0, 0, 0, 0, 1, 6], &[0, 0, 0, 1, 0x94, 1]];
    for format in [Format::Avro, Format::Auto] {
        let config = TopicConfig { format, ..TopicConfig::default() };
        let of = |config| {
            let records = values.map(|value| SourceRecord { value: Some(value), ..SourceRecord::default() });
            written(config, &TableSchema::default(), Some(&book), records.to_vec())
        };
        let (tree, in_place) = (of(by_tree(&config)), of(config));
        assert_eq!(format!("{:?}", in_place.0), format!("{:?}", tree.0));
        assert_eq!(in_place.1, tree.1);
        let block = in_place.0.unwrap();
        assert_eq!(block.origin.to_vec(), [0, 1, 2]);
        assert_eq!(types(&block), [("a".to_owned(), "DOUBLE"), ("b".to_owned(), "VARCHAR")]);
        let message = &in_place.1[0].message;
        assert!(message.contains("does not have schema 404"), "{message}");
    }
}

#[test]
fn keys_have_schemas_of_their_own_and_auto_still_reads_json() {
    let book = book();
    let config = TopicConfig { key_format: Format::Avro, ..TopicConfig::default() };
    let record = |key: &'static [u8], value: &'static [u8]| SourceRecord {
        key: Some(key),
        value: Some(value),
        ..SourceRecord::default()
    };
    let records = vec![record(&[0, 0, 0, 0, 1, 2], b"{\"v\":1,\"v\":2}"), record(b"plain", b"{\"v\":1}")];
    let (tree, in_place) = (
        written(by_tree(&config), &TableSchema::default(), Some(&book), records.clone()),
        written(config, &TableSchema::default(), Some(&book), records),
    );
    assert_eq!(format!("{:?}", in_place.0), format!("{:?}", tree.0));
    assert_eq!(types(&in_place.0.unwrap()), [("key_a".to_owned(), "LONG"), ("v".to_owned(), "LONG")]);
    assert!(
        in_place.1[0].message.starts_with("the record's key cannot be read as avro: it does not begin with")
    );
    assert_eq!(in_place.1, tree.1);
}

/// What is not known is told, and is no bad record, whatever becomes of those.
#[test]
fn schemas_that_are_not_known_are_missing() {
    let book = book();
    let config = TopicConfig { format: Format::Avro, on_error: OnError::Skip, ..TopicConfig::default() };
    for config in [by_tree(&config), config] {
        let pipeline = Pipeline::new("t", &Arc::new(config)).unwrap();
        let plan = Arc::new(pipeline.plan(&TableName::new("t"), &TableSchema::default()).unwrap());
        let plans = HashMap::from([(TableName::new("t"), plan)]);
        let mut tables = Tables::with_schemas(&pipeline, &plans, Some(&book));
        for id in [9, 1, 8, 9] {
            let value = [0, 0, 0, 0, id, 2];
            let record = SourceRecord { value: Some(&value), ..SourceRecord::default() };
            tables.append(&record).unwrap();
        }
        let missing: Vec<_> = tables.missing_schemas().iter().copied().collect();
        assert_eq!(missing, [SchemaKey::Id(8), SchemaKey::Id(9)]);
        // Not as many as somebody likes.
        for id in 1_000..2_000_u32 {
            let value = [&[0][..], &id.to_be_bytes()].concat();
            tables.append(&SourceRecord { value: Some(&value), ..SourceRecord::default() }).unwrap();
        }
        assert_eq!(tables.missing_schemas().len(), 16);
    }
}

#[test]
fn without_a_registry_auto_knows_no_framing() {
    let (block, refused) =
        rows(TopicConfig::default(), &TableSchema::default(), &[&[0, 0, 0, 0, 1, 2], b"{\"a\":1}"]);
    assert_eq!(refused, []);
    let names: Vec<_> = types(&block.unwrap());
    assert_eq!(names, [("value".to_owned(), "VARCHAR"), ("a".to_owned(), "LONG")]);
}

/// As QuestDB's Kafka connector, which has no type for them, has written them.
#[test]
fn micros_and_nanos_go_into_a_column_of_numbers() {
    let field = |name: &str, kind: &str| {
        format!(r#"{{"name":"{name}","type":{{"type":"long","logicalType":"timestamp-{kind}"}}}}"#)
    };
    let (config, _file) = topic(&record(&[field("u", "micros"), field("n", "nanos")].join(",")));
    let columns = schema(&[("timestamp", "TIMESTAMP"), ("u", "LONG"), ("n", "LONG")]);
    let (block, refused) = both(config, &columns, &[&[20, 40]]);
    assert_eq!(refused, []);
    let block = block.unwrap();
    let longs: Vec<_> = block
        .columns
        .iter()
        .map(|column| match &column.values {
            ColumnValues::Long(values) => values.value(0),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(longs, [10, 20]);
}

#[test]
fn a_debezium_envelope_is_opened() {
    let row = r#"{"type":"record","name":"Value","fields":[{"name":"id","type":"int"},
        {"name":"at","type":{"type":"long","connect.version":1,"connect.name":"io.debezium.time.MicroTimestamp"}}]}"#;
    let (config, _file) = topic(&format!(
        r#"{{"type":"record","name":"Envelope","namespace":"a.b.c","fields":[
            {{"name":"before","type":["null",{row}],"default":null}},
            {{"name":"after","type":["null","Value"],"default":null}},
            {{"name":"op","type":"string"}},
            {{"name":"ts_ms","type":["null","long"],"default":null}}],"connect.name":"a.b.c.Envelope"}}"#
    ));
    let kind = "ExtractNewRecordState".to_owned();
    let transform = Transform { kind, of: None, predicate: None, negate: false, options: toml::Table::new() };
    let config = TopicConfig { transforms: vec![transform], ..config };
    let update: &[u8] = &[2, 2, 20, 2, 4, 40, 2, b'u', 2, 6];
    let created: &[u8] = &[0, 2, 6, 60, 2, b'c', 0];
    let (block, refused) = rows(config, &TableSchema::default(), &[update, created]);
    assert_eq!(refused, []);
    let block = block.unwrap();
    assert_eq!(types(&block), [("id".to_owned(), "LONG"), ("at".to_owned(), "TIMESTAMP")]);
    let ColumnValues::Timestamp(at) = &block.columns[1].values else { panic!() };
    assert_eq!(at.values().to_vec(), [20, 30]);
}

/// It is no time, also where its fields would be columns.
#[test]
fn a_record_where_the_designated_timestamp_belongs_is_refused() {
    let (config, _file) = topic(&record(
        r#"{"name":"t","type":["long",{"type":"record","name":"T","fields":[{"name":"x","type":"int"}]}]},
           {"name":"o","type":["null",{"type":"record","name":"O","fields":[{"name":"x","type":"int"}]}]},
           {"name":"a","type":"int"}"#,
    ));
    let timestamp: toml::Table = "t = { field = \"o\" }".parse().unwrap();
    let timestamp = Some(timestamp["t"].clone().try_into().unwrap());
    let (_, refused) =
        both(TopicConfig { timestamp, ..config }, &TableSchema::default(), &[&[0, 2, 2, 4, 2]]);
    assert_eq!(refused[0].column.as_deref(), Some("o"), "{refused:?}");
}

#[test]
fn an_empty_array_of_numbers_has_its_column() {
    let (config, _file) = topic(&record(
        r#"{"name":"a","type":{"type":"array","items":"double"}},
           {"name":"b","type":{"type":"array","items":{"type":"array","items":"int"}}},{"name":"c","type":"int"}"#,
    ));
    let (block, refused) = both(config, &TableSchema::default(), &[&[0, 0, 2], &[0, 2, 0, 0, 4]]);
    assert_eq!(refused, []);
    let expected = [("a", "DOUBLE[]"), ("b", "DOUBLE[]"), ("c", "LONG")];
    assert_eq!(types(&block.unwrap()), expected.map(|(name, kind)| (name.to_owned(), kind)));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    const SCHEMAS: [&str; 6] = [
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"long"},
            {"name":"c","type":"string"},{"name":"d","type":"double"},{"name":"e","type":"float"},
            {"name":"f","type":"boolean"},{"name":"g","type":"bytes"},{"name":"h","type":["null","long"]}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"x","type":["null","int","string",{"type":"record","name":"S",
            "fields":[{"name":"y","type":"boolean"},{"name":"z","type":["null","int"]}]}]},
            {"name":"w","type":["S","null"]},{"name":"X","type":"int"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"double"}},
            {"name":"b","type":{"type":"array","items":{"type":"array","items":"int"}}},
            {"name":"c","type":{"type":"array","items":["null","string"]}},{"name":"n","type":"null"}]}"#,
        r#"{"type":"map","values":{"type":"array","items":{"type":"enum","name":"E","symbols":["A","B","C"]}}}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"int","logicalType":"date"}},
            {"name":"b","type":{"type":"long","logicalType":"timestamp-millis"}},
            {"name":"c","type":{"type":"long","logicalType":"timestamp-nanos"}},
            {"name":"d","type":{"type":"fixed","name":"F","size":3}},
            {"name":"e","type":{"type":"bytes","logicalType":"decimal","precision":5,"scale":1}}]}"#,
        r#"["null","long"]"#,
    ];

    /// Bytes that are small numbers more often than not, so that lengths and branches are those that there are.
    fn payload() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![4 => 0_u8..8, 1 => any::<u8>()], 0..40)
    }

    fn columns() -> impl Strategy<Value = TableSchema> {
        let types =
            ["LONG", "DOUBLE", "VARCHAR", "TIMESTAMP", "SYMBOL", "BOOLEAN", "DOUBLE[]", "SHORT", "DATE"];
        prop::collection::vec(prop::sample::select(&["a", "b", "c", "d", "x_int", "w_y", "value"][..]), 0..3)
            .prop_flat_map(move |names| {
                let types = prop::collection::vec(prop::sample::select(types.to_vec()), names.len());
                types.prop_map(move |types| {
                    let mut columns = vec![("timestamp", "TIMESTAMP")];
                    columns.extend(names.iter().copied().zip(types));
                    if columns.len() == 1 { TableSchema::default() } else { schema(&columns) }
                })
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_bytes_are_the_same_rows_in_place_and_by_a_tree(
            which in 0..SCHEMAS.len(),
            values in prop::collection::vec(payload(), 1..6),
            columns in columns(),
        ) {
            let (config, _file) = topic(SCHEMAS[which]);
            let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            both(config, &columns, &values);
        }
    }
}
