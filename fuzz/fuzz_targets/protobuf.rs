#![no_main]
//! Any bytes by a schema: what is read is what prost-reflect reads, rows in place are those by a tree, and nothing panics.
//!
//! The first byte picks the schema; the rest is the payload.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage,
    Value as Theirs,
};
use quafka::config::{Format, TopicConfig, Transform};
use quafka::decode::protobuf::{ProtobufErrorKind, ProtobufSchema};
use quafka::decode::{Known, Object, Schema, SchemaBook, SchemaKey, Value};
use quafka::mapping::{Pipeline, Plan, SourceRecord, Tables};
use quafka::rows::TableName;
use quafka::schema::TableSchema;

const SCHEMAS: [&str; 6] = [
    r#"syntax = "proto3"; message M { int32 a = 1; int64 b = 2; uint32 c = 3; uint64 d = 4; sint32 e = 5; sint64 f = 6;
        fixed32 g = 7; fixed64 h = 8; sfixed32 i = 9; sfixed64 j = 10; float k = 11; double l = 12; bool m = 13;
        string n = 14; bytes o = 15; optional int32 p = 16; E q = 17; enum E { A = 0; B = 1; C = -1; } }"#,
    r#"syntax = "proto3"; message M { int32 v = 1; M next = 2; repeated M more = 3; }"#,
    r#"syntax = "proto3"; message M { N n = 3; oneof o { N x = 1; string y = 2; int32 z = 4; } }
        message N { int64 a = 2; P p = 1; } message P { repeated string s = 1; bool b = 9; oneof o { P2 q = 3; double d = 4; } }
        message P2 { repeated fixed32 f = 1; }"#,
    r#"syntax = "proto3"; message M { repeated double a = 1; repeated sint32 b = 2 [packed = false]; repeated string c = 3;
        repeated N d = 4; repeated bool e = 5; map<string, int32> f = 6; map<int64, N> g = 7; map<bool, E> h = 8; }
        message N { int32 x = 1; repeated float y = 2; } enum E { Z = 0; O = 1; }"#,
    r#"syntax = "proto2"; message M { optional int32 a = 1; required string b = 2; repeated group G = 3 { optional int32 x = 1; }
        optional group H = 4 { optional bytes y = 1; optional M m = 2; } optional E e = 5; } enum E { ONE = 1; TWO = 2; }"#,
    r#"syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
        import "google/protobuf/struct.proto"; import "google/protobuf/duration.proto"; message M {
        google.protobuf.Timestamp a = 1; google.protobuf.Int64Value b = 2; google.protobuf.Struct c = 3;
        google.protobuf.Value d = 4; google.protobuf.Duration e = 5; repeated google.protobuf.Timestamp f = 6; }"#,
];

/// A schema with maps. Their entries they take for messages without a look at the wire type; a Struct is a map, too.
const WITH_MAPS: usize = 3;

/// The schema with messages that have a meaning, which theirs do not know.
const WITH_MEANING: usize = 5;

struct Case {
    theirs: MessageDescriptor,
    ours: Arc<ProtobufSchema>,
    book: SchemaBook,
}

fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let case = |text: &&str| {
            let ours = Arc::new(ProtobufSchema::parse(text, &[]).expect("a schema"));
            let book = SchemaBook::default();
            book.insert(SchemaKey::Id(0), Known::Schema(Schema::Protobuf(ours.clone())));
            let file = protox::file::File::from_source("x.proto", text).expect("a file");
            let mut pool = DescriptorPool::global();
            pool.add_file_descriptor_proto(file.file_descriptor_proto().clone()).expect("a schema");
            Case { theirs: pool.get_message_by_name("M").expect("a message"), ours, book }
        };
        SCHEMAS.iter().map(case).collect()
    })
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
            let config = TopicConfig { format: Format::Protobuf, transforms, ..TopicConfig::default() };
            let pipeline = Pipeline::new("t", &Arc::new(config)).expect("a pipeline");
            let table = TableName::new("t");
            let plan = pipeline.plan(&table, &TableSchema::default()).expect("a plan");
            (pipeline, HashMap::from([(table, Arc::new(plan))]))
        };
        vec![make(Vec::new()), make(vec![nothing])]
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [schema, payload @ ..] = data else { return };
    let cases = cases();
    let number = usize::from(*schema) % cases.len();
    let case = &cases[number];
    let theirs = || DynamicMessage::decode(case.theirs.clone(), payload);
    match case.ours.read(payload) {
        Ok(ours) => {
            let theirs = theirs().expect("we have read it");
            if number != WITH_MEANING {
                assert_eq!(shown(&ours), shown(&of(&theirs)));
            }
        }
        Err(error) => {
            assert!(error.offset <= payload.len());
            // They nest deeper, do not look for what is required, and know no meanings.
            let is_ours = matches!(
                error.kind,
                ProtobufErrorKind::TooDeep
                    | ProtobufErrorKind::TooManyValues
                    | ProtobufErrorKind::Missing(_)
                    | ProtobufErrorKind::Impossible(_)
            );
            let is_ours = is_ours
                || matches!(number, WITH_MAPS | WITH_MEANING)
                    && matches!(error.kind, ProtobufErrorKind::WrongWireType { expected: "a message", .. });
            assert!(is_ours || theirs().is_err(), "{error}");
        }
    }
    let framed = [&[0; 6][..], payload].concat();
    // Twice in a row: the second finds the names of the first.
    let rows = pipelines().iter().map(|(pipeline, plans)| {
        let mut tables = Tables::with_schemas(pipeline, plans, Some(&case.book));
        let outcomes = [0, 1].map(|index| {
            let record = SourceRecord { index, value: Some(&framed), ..SourceRecord::default() };
            // In place a column may refuse a value before the payload shows that it is none.
            tables.append(&record).map_err(|error| error.record)
        });
        without_places(&format!("{outcomes:?} {:?}", tables.finish()))
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows[0], rows[1]);
});

/// Blocks tell where in memory their buffers are.
fn without_places(text: &str) -> String {
    let mut parts = text.split("ptr: 0x");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| shown.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit())));
    shown
}

/// Theirs as ours is.
fn of(message: &DynamicMessage) -> Value {
    let descriptor = message.descriptor();
    let mut fields: Vec<_> = descriptor.fields().collect();
    fields.sort_by_key(|field| field.path().last().copied());
    let member = |field: &FieldDescriptor| {
        let has_value = !field.supports_presence() || message.has_field(field);
        let value = if has_value { value(&message.get_field(field), field) } else { Value::Null };
        (field.name().to_owned(), value)
    };
    Value::Object(Object(fields.iter().map(member).collect()))
}

fn value(theirs: &Theirs, field: &FieldDescriptor) -> Value {
    match theirs {
        Theirs::Bool(value) => Value::Boolean(*value),
        Theirs::I32(value) => Value::Integer((*value).into()),
        Theirs::I64(value) => Value::Integer(*value),
        Theirs::U32(value) => Value::Integer((*value).into()),
        Theirs::U64(value) => match i64::try_from(*value) {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::BigInteger(value.to_string().into()),
        },
        Theirs::F32(value) => Value::Float(*value),
        Theirs::F64(value) => Value::double(*value),
        Theirs::String(value) => Value::Text(value.clone()),
        Theirs::Bytes(value) => Value::Bytes(value.to_vec()),
        Theirs::EnumNumber(number) => {
            let kind = field.kind();
            let name = kind.as_enum().and_then(|of| of.get_value(*number));
            Value::Text(name.map_or(number.to_string(), |name| name.name().to_owned()))
        }
        Theirs::Message(message) => of(message),
        Theirs::List(items) => {
            let is_number = !matches!(
                field.kind(),
                Kind::Bool | Kind::String | Kind::Bytes | Kind::Enum(_) | Kind::Message(_)
            );
            if items.is_empty() && is_number {
                return Value::EmptyArray { dimensions: 1 };
            }
            let items = items.iter().map(|item| match value(item, field) {
                Value::Float(float) => Value::double(float.into()),
                other => other,
            });
            Value::Array(items.collect())
        }
        Theirs::Map(entries) => {
            let kind = field.kind();
            let of_entry = kind.as_message().expect("an entry").map_entry_value_field();
            let entries = entries.iter().map(|(key, entry)| {
                let key = match key {
                    MapKey::Bool(key) => key.to_string(),
                    MapKey::I64(key) => key.to_string(),
                    MapKey::String(key) => key.clone(),
                    other => panic!("{other:?}"),
                };
                (key, value(entry, &of_entry))
            });
            Value::Map(Object(entries.collect()))
        }
    }
}

/// Without the order of maps, which theirs do not have.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(Object(members)) => {
            let members = members.iter().map(|(name, value)| format!("{name}: {}", shown(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Map(Object(entries)) => {
            let mut entries: Vec<_> =
                entries.iter().map(|(name, value)| format!("{name:?}: {}", shown(value))).collect();
            entries.sort();
            format!("map {{{}}}", entries.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}
