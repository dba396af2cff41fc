#![no_main]
//! Any bytes by a schema: what is read is what prost-reflect reads, rows in place are those by a tree, and nothing panics.
//!
//! The first byte picks the schema; the rest is the payload.

#[path = "../../src/decode/protobuf/theirs.rs"]
mod theirs;

use std::sync::{Arc, OnceLock};

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use quafka::config::Format;
use quafka::decode::protobuf::{ProtobufErrorKind, ProtobufSchema};
use quafka::decode::{Object, Schema, SchemaBook, Value};
use quafka_fuzz::schemas::{BothWays, book, without_places};
use theirs::{of, shown};

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

static WAYS: BothWays = BothWays::of(Format::Protobuf);

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
            let book = book(Schema::Protobuf(ours.clone()));
            let file = protox::file::File::from_source("x.proto", text).expect("a file");
            let mut pool = DescriptorPool::global();
            pool.add_file_descriptor_proto(file.file_descriptor_proto().clone()).expect("a schema");
            Case { theirs: pool.get_message_by_name("M").expect("a message"), ours, book }
        };
        SCHEMAS.iter().map(case).collect()
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
    WAYS.agree(&case.book, &framed, without_places);
});
