//! Protobuf in place: the same rows as by a tree.

use std::sync::Arc;

use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use quafka_protocol::{RecordBatch, Records};

use crate::config::{Format, SchemaFile, TopicConfig};
use crate::decode::protobuf::ProtobufSchema;
use crate::decode::protobuf::oracle::{descriptor, fields};
use crate::decode::test_numbers::Numbers;
use crate::decode::{Known, Schema, SchemaBook, SchemaKey};
use crate::mapping::SourceRecord;
use crate::rows::{Block, ColumnValues, RowError};
use crate::schema::TableSchema;

use super::schema;
use super::trees::{both, by_tree, types, written};

/// A topic whose values are of a schema in a file.
fn topic(proto: &str) -> (TopicConfig, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.proto");
    let syntax = if proto.starts_with("syntax") { "" } else { "syntax = \"proto3\"; " };
    std::fs::write(&file, format!("{syntax}{proto}")).unwrap();
    let schema = Some(SchemaFile { file, include: None, message: Some("M".to_owned()) });
    (TopicConfig { format: Format::Protobuf, schema, ..TopicConfig::default() }, folder)
}

fn new(proto: &str, values: &[&[u8]]) -> (Option<Block>, Vec<RowError>) {
    let (config, _folder) = topic(proto);
    both(config, &TableSchema::default(), values)
}

fn names(block: &Block) -> Vec<&str> {
    block.columns.iter().map(|column| &*column.name).collect()
}

const IMPORTS: &str = "import \"google/protobuf/timestamp.proto\"; import \"google/protobuf/duration.proto\"; \
    import \"google/protobuf/wrappers.proto\"; import \"google/protobuf/struct.proto\"; import \"google/protobuf/any.proto\"; \
    import \"confluent/type/decimal.proto\"; import \"google/type/date.proto\"; import \"google/type/timeofday.proto\"; ";

/// Every type that docs/formats.md has, and the column that it says. Nothing is in the payload but empty messages, so
/// that all is as it is by default.
#[test]
fn each_type_has_its_column() {
    let columns = [
        ("bool", "BOOLEAN"),
        ("int32", "LONG"),
        ("int64", "LONG"),
        ("uint32", "LONG"),
        ("uint64", "LONG"),
        ("sint32", "LONG"),
        ("sint64", "LONG"),
        ("fixed32", "LONG"),
        ("fixed64", "LONG"),
        ("sfixed32", "LONG"),
        ("sfixed64", "LONG"),
        ("float", "DOUBLE"),
        ("double", "DOUBLE"),
        ("string", "VARCHAR"),
        ("bytes", "VARCHAR"),
        ("E", "VARCHAR"),
        ("repeated double", "DOUBLE[]"),
        ("repeated int32", "DOUBLE[]"),
        ("repeated bool", "VARCHAR"),
        ("repeated string", "VARCHAR"),
        ("repeated N", "VARCHAR"),
        ("map<string, int32>", "VARCHAR"),
        ("google.protobuf.Timestamp", "TIMESTAMP"),
        ("google.protobuf.Duration", "VARCHAR"),
        ("google.protobuf.Int64Value", "LONG"),
        ("google.protobuf.StringValue", "VARCHAR"),
        ("google.protobuf.BoolValue", "BOOLEAN"),
        ("google.protobuf.DoubleValue", "DOUBLE"),
        ("google.protobuf.Struct", "VARCHAR"),
        ("google.protobuf.ListValue", "VARCHAR"),
        ("confluent.type.Decimal", "VARCHAR"),
        ("google.type.TimeOfDay", "LONG"),
    ];
    let mut value = Vec::new();
    let mut declared = String::new();
    for (index, (kind, _)) in columns.iter().enumerate() {
        declared.push_str(&format!("{kind} f{index} = {}; ", index + 1));
        // An array without elements has no type to tell.
        match *kind {
            "repeated bool" => value.extend([0x9a, 1, 1, 1]),
            "repeated string" => value.extend([0xa2, 1, 1, b'x']),
            "repeated N" => value.extend([0xaa, 1, 0]),
            _ => {}
        }
        if kind.contains('.') {
            let key = (index as u32 + 1) << 3 | 2;
            value.extend([key as u8 | 0x80, (key >> 7) as u8, 0]);
        }
    }
    let (block, refused) = new(
        &format!("{IMPORTS} enum E {{ A = 0; }} message N {{}} message M {{ {declared} }}"),
        &[&value, &value],
    );
    assert_eq!(refused, []);
    let expected: Vec<_> =
        columns.iter().enumerate().map(|(index, (_, column))| (format!("f{index}"), *column)).collect();
    assert_eq!(types(&block.unwrap()), expected);
    let date = "google.type.Date a = 1; google.protobuf.Value b = 2; google.protobuf.Any c = 3; google.protobuf.Value d = 4;";
    let value = [
        0x0a, 7, 0x08, 0xe8, 0x0f, 0x10, 2, 0x18, 29, 0x12, 2, 0x20, 1, 0x1a, 3, 0x0a, 1, b'u', 0x22, 2,
        0x08, 0,
    ];
    let (block, refused) = new(&format!("{IMPORTS} message M {{ {date} }}"), &[&value]);
    assert_eq!(refused, []);
    let block = block.unwrap();
    let expected = [("a", "TIMESTAMP"), ("b", "VARCHAR"), ("c_type_url", "VARCHAR"), ("c_value", "VARCHAR")];
    assert_eq!(types(&block), expected.map(|(name, column)| (name.to_owned(), column)));
}

/// Neither which columns there are nor their order depends on the order of the fields.
#[test]
fn columns_are_in_the_order_of_their_declaration() {
    let proto = "message M { int32 a = 3; N n = 2; string b = 1; oneof o { int32 x = 5; N y = 4; } } message N { bool t = 1; }";
    let fields: [&[u8]; 4] = [&[0x18, 7], &[0x12, 2, 0x08, 1], &[0x0a, 1, b'x'], &[0x28, 9]];
    let forth = fields.concat();
    let back: Vec<u8> = fields.iter().rev().flat_map(|field| field.to_vec()).collect();
    let (one, _) = new(proto, &[&forth]);
    let (other, _) = new(proto, &[&back]);
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    assert_eq!(names(&one.unwrap()), ["a", "n_t", "b", "x"]);
    // Of a oneof the field that is set, also where another was before it.
    let (block, refused) = new(proto, &[&[0x28, 9, 0x22, 0], &[0x22, 2, 0x08, 1, 0x28, 0]]);
    assert_eq!(refused, []);
    assert_eq!(names(&block.unwrap()), ["a", "b", "y_t", "x"]);
}

/// However many of a batch's payloads have their fields in another order, or fields that the schema does not have.
#[test]
fn the_order_of_fields_may_change_within_a_batch() {
    let proto = "message M { int32 a = 1; N n = 2; optional string b = 3; double c = 20; } message N { int64 x = 1; bool y = 2; }";
    let in_order =
        [&[0x08, 7, 0x12, 4, 0x08, 1, 0x10, 1, 0x1a, 1, b'x', 0xa1, 1][..], &1.5_f64.to_le_bytes()].concat();
    let unknown: &[u8] = &[0x08, 7, 0x32, 2, 0x08, 1, 0x12, 4, 0x18, 5, 0x10, 1, 0x1a, 1, b'y', 0x98, 6, 0];
    let out_of_order: &[u8] = &[0x1a, 1, b'z', 0x12, 4, 0x10, 1, 0x08, 1, 0x08, 9];
    let wrong: &[u8] = &[0x08, 7, 0x12, 4, 0x0d, 1, 0x10, 1];
    let truncated: &[u8] = &[0x08, 7, 0x12, 2, 0x08, 1, 0x1a, 2, b'x'];
    let once = [&in_order, unknown, out_of_order, wrong, truncated, &[]];
    let values: Vec<&[u8]> = once.iter().cycle().take(once.len() * 30).copied().collect();
    let (block, refused) = new(proto, &values);
    let block = block.unwrap();
    assert_eq!(names(&block), ["a", "n_x", "n_y", "b", "c"]);
    assert_eq!(block.rows(), 30 * 4);
    let refused: Vec<u32> = refused.iter().map(|error| error.record).collect();
    assert_eq!(refused, (0..30).flat_map(|round| [round * 6 + 3, round * 6 + 4]).collect::<Vec<u32>>());
}

#[test]
fn what_comes_twice_is_what_it_is_in_a_tree() {
    let proto = format!(
        "{IMPORTS} message M {{ int32 a = 1; N n = 2; repeated int32 r = 3; repeated string s = 4; \
         google.protobuf.Timestamp t = 5; google.protobuf.StringValue w = 6; }} message N {{ int32 x = 1; M m = 2; repeated double d = 3; }}"
    );
    // It refers to itself.
    let values: [&[u8]; 3] = [
        &[0x08, 1, 0x08, 2],
        &[0x12, 2, 0x08, 1, 0x12, 4, 0x12, 2, 0x08, 5],
        &[0x1a, 2, 1, 2, 0x08, 5, 0x18, 3],
    ];
    let (block, refused) = new(&proto, &values);
    assert_eq!(refused, []);
    assert_eq!(names(&block.unwrap()), ["a", "r", "n_x", "n_m_a", "n_m_r", "n_d"]);
    let proto = proto.replace("M m = 2; ", "");
    let values: [&[u8]; 6] = [
        &[0x12, 2, 0x08, 1, 0x12, 2, 0x08, 5],
        &[0x1a, 2, 1, 2, 0x08, 5, 0x18, 3],
        &[0x18, 1, 0x18, 2, 0x1a, 1, 3],
        &[0x22, 1, b'x', 0x22, 1, b'y', 0x08, 1, 0x22, 0],
        &[0x2a, 2, 0x08, 5, 0x2a, 2, 0x10, 6],
        &[0x32, 3, 0x0a, 1, b'x', 0x08, 1, 0x32, 0],
    ];
    let (_, refused) = new(&proto, &values);
    assert_eq!(refused, []);
}

#[test]
fn a_timestamp_is_as_exact_as_its_column() {
    let proto = format!("{IMPORTS} message M {{ google.protobuf.Timestamp t = 1; }}");
    let (config, _folder) = topic(&proto);
    // 5 s and 1,002,003 ns; the year 1, which has no nanoseconds since 1970.
    let value = [0x0a, 6, 0x08, 5, 0x10, 0x93, 0x94, 0x3d];
    let year_1 = [0x0a, 11, 0x08, 0x80, 0x92, 0xb8, 0xc3, 0x98, 0xfe, 0xff, 0xff, 0xff, 0x01];
    let column = |name: &str| schema(&[("timestamp", "TIMESTAMP"), ("t", name)]);
    let (block, refused) = both(config.clone(), &TableSchema::default(), &[&value, &year_1]);
    assert_eq!(refused, []);
    let ColumnValues::Timestamp(micros) = &block.unwrap().columns[0].values.clone() else { panic!() };
    assert_eq!(micros.values().to_vec(), [5_001_002, -62_135_596_800_000_000]);
    let (block, refused) = both(config.clone(), &column("TIMESTAMP_NS"), &[&value, &year_1]);
    let ColumnValues::TimestampNanos(nanos) = &block.unwrap().columns[0].values.clone() else { panic!() };
    assert_eq!(nanos.values().to_vec(), [5_001_002_003]);
    assert!(
        refused[0].message.contains("0001-01-01T00:00:00Z` is beyond the times of a TIMESTAMP_NS"),
        "{refused:?}"
    );
    for name in ["DATE", "VARCHAR", "SYMBOL", "LONG", "DOUBLE"] {
        both(config.clone(), &column(name), &[&value]);
    }
    let timestamp: toml::Table = "t = { field = \"t\", missing = \"record\" }".parse().unwrap();
    let timestamp = Some(timestamp["t"].clone().try_into().unwrap());
    let designated = TopicConfig { timestamp, ..config };
    let proto = format!("{IMPORTS} message M {{ google.protobuf.Timestamp t = 1; int32 a = 2; }}");
    let (with_a, _folder) = topic(&proto);
    let designated = TopicConfig { schema: with_a.schema, ..designated };
    // A field that is absent is missing, and not null.
    let (block, refused) = both(designated, &TableSchema::default(), &[&value, &[0x10, 1]]);
    assert_eq!(refused, []);
    assert_eq!(block.unwrap().timestamp.values.to_vec(), [5_001_002, 1_001_000]);
}

#[test]
fn the_table_decides_as_for_other_formats() {
    let (config, _folder) = topic(
        "message M { int64 n = 1; double d = 2; string s = 3; E e = 4; bool b = 5; uint64 u = 6; float f = 7; bytes y = 8; repeated int32 r = 9; } \
         enum E { SELL = 0; BUY = 1; }",
    );
    let value = |n: u8, s: &[u8]| {
        [
            &[0x08, n, 0x11][..],
            &1.5_f64.to_le_bytes(),
            &[0x1a, s.len() as u8],
            s,
            &[0x20, 1, 0x28, 1, 0x30, 7],
        ]
        .concat()
    };
    let columns = schema(&[
        ("timestamp", "TIMESTAMP"),
        ("n", "BYTE"),
        ("d", "FLOAT"),
        ("s", "UUID"),
        ("e", "SYMBOL"),
        ("b", "LONG"),
        ("u", "DOUBLE"),
        ("f", "SYMBOL"),
    ]);
    let uuid = b"123e4567-e89b-12d3-a456-426614174000";
    let values = [value(2, uuid), value(2, b"no"), value(4, uuid)];
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let (block, refused) = both(config.clone(), &columns, &values);
    assert_eq!(block.unwrap().origin.to_vec(), [0, 2]);
    let [error] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!((error.record, error.column.as_deref()), (1, Some("s")));
    // A uint64 that no LONG holds goes into what does.
    let huge = [0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for (column, refusals) in
        [("LONG", 1), ("DOUBLE", 0), ("VARCHAR", 0), ("LONG256", 0), ("DECIMAL(20,0)", 0)]
    {
        let columns = schema(&[("timestamp", "TIMESTAMP"), ("u", column)]);
        let (_, refused) = both(config.clone(), &columns, &[&huge]);
        if column != "LONG256" {
            assert_eq!(refused.len(), refusals, "{column}: {refused:?}");
        }
    }
    let (_, refused) = both(config.clone(), &TableSchema::default(), &[&huge]);
    assert!(refused[0].message.contains("beyond what a LONG holds"), "{refused:?}");
    for column in ["VARCHAR", "LONG", "DOUBLE[]", "DOUBLE[][]"] {
        let columns = schema(&[("timestamp", "TIMESTAMP"), ("r", column)]);
        both(config.clone(), &columns, &[&[0x4a, 2, 1, 2], &[]]);
    }
    let symbols = TopicConfig { symbols: vec!["e".to_owned()], ..config };
    let (block, _) = both(symbols, &TableSchema::default(), &[&[0x20, 1], &[0x20, 9]]);
    let block = block.unwrap();
    assert!(types(&block).contains(&("e".to_owned(), "SYMBOL")));
}

#[test]
fn a_row_that_is_refused_leaves_nothing_for_the_next() {
    let proto = "syntax = \"proto2\"; message M { optional int32 a = 1; required string b = 2; }";
    let (block, refused) =
        new(proto, &[&[0x08, 2, 0x12, 2, b'x'], &[0x08, 2, 0x12, 1, b'x'], &[0x08, 3], &[0x0a, 1, 0]]);
    let messages: Vec<_> = refused.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(messages.len(), 3);
    assert!(
        messages[0].starts_with(
            "the record's value cannot be read as protobuf: by the schema of its file, a length is 2, which is beyond \
             the end at byte 3"
        ),
        "{messages:?}"
    );
    assert!(messages[1].contains("required field b is missing"), "{messages:?}");
    assert!(messages[2].contains("field a is an int32 by the schema"), "{messages:?}");
    assert_eq!(block.unwrap().origin.to_vec(), [1]);
}

#[test]
fn a_payload_may_be_what_is_no_message() {
    let (config, _folder) = topic(&format!("{IMPORTS} message M {{}}"));
    let with = |message: &str| {
        let schema =
            config.schema.clone().map(|schema| SchemaFile { message: Some(message.to_owned()), ..schema });
        both(TopicConfig { schema, ..config.clone() }, &TableSchema::default(), &[&[0x08, 5]]).0.unwrap()
    };
    assert_eq!(types(&with("google.protobuf.Int32Value")), [("value".to_owned(), "LONG")]);
    assert_eq!(types(&with("google.protobuf.Timestamp")), [("value".to_owned(), "TIMESTAMP")]);
}

fn book() -> SchemaBook {
    let book = SchemaBook::default();
    let known = |text: &str| {
        let text = format!("syntax = \"proto3\"; {text}");
        Known::Schema(Schema::Protobuf(Arc::new(ProtobufSchema::parse(&text, &[]).unwrap())))
    };
    book.insert(SchemaKey::Id(1), known("message M { int32 a = 1; }"));
    book.insert(
        SchemaKey::Id(2),
        known("message M { string b = 2; double a = 3; } message N { message P { bool c = 1; } }"),
    );
    let avro = crate::decode::avro::AvroSchema::parse("\"long\"", &[]).unwrap();
    book.insert(SchemaKey::Id(3), Known::Schema(Schema::Avro(Arc::new(avro))));
    book
}

/// Two schemas, three messages and another format, one after the other.
#[test]
fn records_of_several_schemas_go_to_one_table() {
    let book = book();
    let newer = [&[0, 0, 0, 0, 2, 0, 0x12, 1, b'x', 0x19][..], &2.5_f64.to_le_bytes()].concat();
    let values: [&[u8]; 6] = [
        &[0, 0, 0, 0, 1, 0, 0x08, 1],
        &newer,
        &[0, 0, 0, 0, 1, 2, 0, 0x08, 3],
        &[0, 0, 0, 0, 2, 4, 2, 0, 0x08, 1],
        &[0, 0, 0, 0, 3, 8],
        &[0, 0, 0, 0, 2, 2, 6],
    ];
    for (format, rows) in [(Format::Protobuf, &[0, 1, 2, 3][..]), (Format::Auto, &[0, 1, 2, 3, 4])] {
        let config = TopicConfig { format, ..TopicConfig::default() };
        let of = |config| {
            let records = values.map(|value| SourceRecord { value: Some(value), ..SourceRecord::default() });
            written(config, &TableSchema::default(), Some(&book), records.to_vec())
        };
        let (tree, in_place) = (of(by_tree(&config)), of(config));
        assert_eq!(format!("{:?}", in_place.0), format!("{:?}", tree.0));
        assert_eq!(in_place.1, tree.1);
        let block = in_place.0.unwrap();
        assert_eq!(block.origin.to_vec(), rows);
        assert_eq!(names(&block)[..3], ["a", "b", "c"]);
        let last = &in_place.1.last().unwrap().message;
        assert!(last.contains("names the message of indexes [3], which the schema does not have"), "{last}");
        if format == Format::Protobuf {
            let message = &in_place.1[0].message;
            assert!(message.contains("schema 3 is of format avro"), "{message}");
        }
    }
}

#[test]
fn keys_have_schemas_of_their_own() {
    let book = book();
    let config = TopicConfig { key_format: Format::Protobuf, ..TopicConfig::default() };
    let record = |key: &'static [u8]| SourceRecord {
        key: Some(key),
        value: Some(b"{\"v\":1}"),
        ..SourceRecord::default()
    };
    let records =
        vec![record(&[0, 0, 0, 0, 1, 0, 0x08, 1]), record(b"plain"), record(&[0, 0, 0, 0, 1, 0, 0x08])];
    let of = |config| written(config, &TableSchema::default(), Some(&book), records.clone());
    for (config, columns) in [
        (config.clone(), &["key_a", "v"][..]),
        (TopicConfig { include_key: false, ..config.clone() }, &["v"]),
    ] {
        let (tree, in_place) = (of(by_tree(&config)), of(config));
        assert_eq!(format!("{:?}", in_place.0), format!("{:?}", tree.0));
        assert_eq!(in_place.1, tree.1);
        let block = in_place.0.unwrap();
        assert_eq!((names(&block), block.origin.to_vec()), (columns.to_vec(), vec![0]));
        let says = ["does not begin with a zero byte", "by schema 1, it ends too early at byte 1"];
        for (error, says) in in_place.1.iter().zip(says) {
            assert!(error.message.starts_with("the record's key cannot be read as protobuf"), "{error:?}");
            assert!(error.message.contains(says), "{error:?}");
        }
    }
}

#[test]
fn a_header_names_schema_and_message() {
    let book = book();
    let config = TopicConfig { format: Format::Protobuf, ..TopicConfig::default() };
    let of = |header: &[u8]| {
        let batch = super::selection::batch(&[("__value_schema_id", header.to_vec())], &[0x08, 1]);
        let batch = RecordBatch::parse(&batch, usize::MAX).unwrap();
        let record = Records::new(&batch.header, batch.records).next().unwrap().unwrap();
        let record = SourceRecord { value: record.value, headers: record.headers, ..SourceRecord::default() };
        written(config.clone(), &TableSchema::default(), Some(&book), vec![record])
    };
    let (block, refused) = of(&[0, 0, 0, 0, 2, 4, 2, 0]);
    assert_eq!(refused, []);
    assert_eq!(names(&block.unwrap()), ["c"]);
    let (_, refused) = of(&[0, 0, 0, 0, 2]);
    assert!(refused[0].message.contains("no message's indexes"), "{refused:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Of any schema any payload, whole, in parts and damaged.
    #[test]
    fn in_place_is_as_by_a_tree(fields in fields(), seed in 1..u64::MAX, place: usize, byte: u8) {
        let text = fields.schema();
        let descriptor = descriptor(&text);
        let mut numbers = Numbers(seed);
        let [one, other] = [(); 2].map(|()| numbers.message(&descriptor).encode_to_vec());
        let parts = [one.as_slice(), &other].concat();
        let mut damaged = parts.clone();
        if !damaged.is_empty() {
            let place = place % damaged.len();
            damaged[place] = byte;
        }
        let (config, _folder) = topic(&text);
        both(config, &TableSchema::default(), &[&one, &other, &parts, &damaged, &one]);
    }
}
