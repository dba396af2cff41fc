use super::*;
use crate::decode::{Object, Timestamp};

fn schema(text: &str) -> ProtobufSchema {
    ProtobufSchema::parse(&format!("syntax = \"proto3\"; {text}"), &[]).unwrap()
}

fn object(members: &[(&str, Value)]) -> Value {
    Value::Object(Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn int(value: i64) -> Value {
    Value::Integer(value)
}

/// The value of the only field of a message, which has number 1.
fn one(field: &str, bytes: &[u8]) -> Result<Value, ProtobufErrorKind> {
    let schema = schema(&format!("message M {{ {field} }}"));
    match schema.read(bytes) {
        Ok(Value::Object(Object(mut members))) => Ok(members.remove(0).1),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.kind),
    }
}

#[test]
fn scalars() {
    for (kind, bytes, value) in [
        ("int32", &[0x08, 0x96, 0x01][..], int(150)),
        ("int32", &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], int(-1)),
        // Five bytes are as good as ten, and what is beyond 32 bits does not count.
        ("int32", &[0x08, 0xff, 0xff, 0xff, 0xff, 0x0f], int(-1)),
        ("int32", &[0x08, 0x81, 0x80, 0x80, 0x80, 0x10], int(1)),
        ("int64", &[0x08, 0xff, 0xff, 0xff, 0xff, 0x0f], int(u32::MAX.into())),
        ("uint32", &[0x08, 0xff, 0xff, 0xff, 0xff, 0x0f], int(u32::MAX.into())),
        ("uint64", &[0x08, 1], int(1)),
        (
            "uint64",
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            Value::BigInteger("18446744073709551615".into()),
        ),
        ("sint32", &[0x08, 0x03], int(-2)),
        ("sint64", &[0x08, 0x03], int(-2)),
        ("fixed32", &[0x0d, 0xff, 0xff, 0xff, 0xff], int(u32::MAX.into())),
        ("sfixed32", &[0x0d, 0xff, 0xff, 0xff, 0xff], int(-1)),
        ("fixed64", &[0x09, 1, 0, 0, 0, 0, 0, 0, 0], int(1)),
        ("sfixed64", &[0x09, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], int(-1)),
        ("float", &[0x0d, 0, 0, 0x80, 0x3f], Value::Float(1.0)),
        ("double", &[0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f], Value::double(1.0)),
        ("bool", &[0x08, 0x02], Value::Boolean(true)),
        ("string", &[0x0a, 2, 0xc3, 0xa9], text("é")),
        ("bytes", &[0x0a, 2, 0xff, 0], Value::Bytes(vec![0xff, 0])),
    ] {
        assert_eq!(one(&format!("{kind} a = 1;"), bytes), Ok(value), "{kind}");
    }
}

#[test]
fn what_is_not_there_is_null_or_as_by_default() {
    for (field, value) in [
        ("int32 a = 1;", int(0)),
        ("double a = 1;", Value::double(0.0)),
        ("string a = 1;", text("")),
        ("bytes a = 1;", Value::Bytes(Vec::new())),
        ("bool a = 1;", Value::Boolean(false)),
        ("E a = 1; enum E { NONE = 0; SOME = 1; }", text("NONE")),
        ("repeated int32 a = 1;", Value::EmptyArray { dimensions: 1 }),
        ("repeated string a = 1;", Value::Array(Vec::new())),
        ("map<string, int32> a = 1;", Value::Map(Object::default())),
        ("optional int32 a = 1;", Value::Null),
        ("M a = 1;", Value::Null),
        ("oneof o { int32 a = 1; }", Value::Null),
    ] {
        assert_eq!(one(field, &[]), Ok(value), "{field}");
    }
    // That is there, though it is as by default.
    assert_eq!(one("optional int32 a = 1;", &[0x08, 0]), Ok(int(0)));
    assert_eq!(one("oneof o { string a = 1; }", &[0x0a, 0]), Ok(text("")));
    let proto2 =
        "syntax = \"proto2\"; message M { optional int32 a = 1 [default = 5]; required int32 b = 2; }";
    let proto2 = ProtobufSchema::parse(proto2, &[]).unwrap();
    assert_eq!(proto2.read(&[0x10, 3]), Ok(object(&[("a", Value::Null), ("b", int(3))])));
    let error = proto2.read(&[0x08, 3]).unwrap_err();
    assert_eq!(error.to_string(), "required field b is missing in what ends at byte 2");
}

#[test]
fn an_enums_number_that_has_no_name_is_its_number() {
    let e = "E a = 1; enum E { option allow_alias = true; A = 0; B = 1; B2 = 1; MINUS = -1; FAR = 1000; }";
    let minus = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for (bytes, name) in [
        (&[0x08, 0][..], "A"),
        (&[0x08, 1], "B"),
        (&[0x08, 0xe8, 0x07], "FAR"),
        (&minus, "MINUS"),
        (&[0x08, 7], "7"),
    ] {
        assert_eq!(one(e, bytes), Ok(text(name)));
    }
}

#[test]
fn fields_come_in_any_order_and_the_last_counts() {
    let schema =
        schema("message M { int32 b = 2; string a = 1; M m = 3; oneof o { int32 x = 4; int32 y = 5; } }");
    let expected =
        object(&[("b", int(2)), ("a", text("z")), ("m", Value::Null), ("x", Value::Null), ("y", int(9))]);
    // Unknown fields of each wire type are between them.
    let bytes = [
        &[0x28, 1, 0x20, 8, 0x0a, 1, b'q', 0x10, 7, 0x28, 9, 0x0a, 1, b'z', 0x10, 2][..],
        &[0x78, 1, 0x79, 0, 0, 0, 0, 0, 0, 0, 0, 0x7a, 1, 0, 0x7b, 0x08, 1, 0x7c, 0x7d, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(schema.read(&bytes), Ok(expected));
    // A message in two parts is both together.
    let Ok(Value::Object(merged)) = schema.read(&[0x1a, 2, 0x10, 1, 0x1a, 3, 0x0a, 1, b'x']) else {
        panic!()
    };
    let inner = object(&[
        ("b", int(1)),
        ("a", text("x")),
        ("m", Value::Null),
        ("x", Value::Null),
        ("y", Value::Null),
    ]);
    assert_eq!(merged.field("m"), Some(&inner));
}

#[test]
fn repeated_fields_are_packed_or_not() {
    let ints = || Value::Array(vec![int(1), int(2), int(3)]);
    for bytes in [&[0x0a, 3, 1, 2, 3][..], &[0x08, 1, 0x08, 2, 0x08, 3], &[0x0a, 2, 1, 2, 0x08, 3]] {
        assert_eq!(one("repeated int32 a = 1;", bytes), Ok(ints()));
        assert_eq!(one("repeated int32 a = 1 [packed = false];", bytes), Ok(ints()));
    }
    assert_eq!(
        one("repeated float a = 1;", &[0x0d, 0, 0, 0x80, 0x3f]),
        Ok(Value::Array(vec![Value::double(1.0)]))
    );
    assert_eq!(
        one("repeated string a = 1;", &[0x0a, 1, b'x', 0x0a, 0]),
        Ok(Value::Array(vec![text("x"), text("")]))
    );
    let map = [0x0a, 5, 0x0a, 1, b'k', 0x10, 7, 0x0a, 0, 0x0a, 5, 0x10, 8, 0x0a, 1, b'k'];
    let entries = Object(vec![("k".to_owned(), int(8)), (String::new(), int(0))]);
    assert_eq!(one("map<string, int32> a = 1;", &map), Ok(Value::Map(entries)));
    let by_number = Object(vec![("-1".to_owned(), object(&[]))]);
    assert_eq!(one("map<sint32, E> a = 1; message E {}", &[0x0a, 2, 0x08, 1]), Ok(Value::Map(by_number)));
}

#[test]
fn groups_are_messages() {
    let schema = ProtobufSchema::parse(
        "syntax = \"proto2\"; message M { optional group G = 1 { optional int32 x = 1; } repeated group H = 2 {} }",
        &[],
    )
    .unwrap();
    let expected = object(&[("g", object(&[("x", int(5))])), ("h", Value::Array(vec![object(&[])]))]);
    assert_eq!(schema.read(&[0x0b, 0x08, 5, 0x0c, 0x13, 0x14]), Ok(expected));
}

/// A field of a message that everybody knows, with what imports that takes.
fn known(file: &str, kind: &str, bytes: &[u8]) -> Result<Value, ProtobufErrorKind> {
    let text = format!("syntax = \"proto3\"; import \"{file}\"; message M {{ {kind} a = 1; }}");
    match ProtobufSchema::parse(&text, &[]).unwrap().read(bytes) {
        Ok(Value::Object(Object(mut members))) => Ok(members.remove(0).1),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.kind),
    }
}

#[test]
fn messages_that_everybody_knows() {
    let wrapper = |kind: &str, bytes: &[u8]| {
        known("google/protobuf/wrappers.proto", &format!("google.protobuf.{kind}"), bytes)
    };
    assert_eq!(wrapper("Int64Value", &[]), Ok(Value::Null));
    assert_eq!(wrapper("Int64Value", &[0x0a, 0]), Ok(int(0)));
    assert_eq!(wrapper("StringValue", &[0x0a, 3, 0x0a, 1, b'x']), Ok(text("x")));
    assert_eq!(wrapper("BoolValue", &[0x0a, 2, 0x08, 1]), Ok(Value::Boolean(true)));
    let timestamp =
        |bytes: &[u8]| known("google/protobuf/timestamp.proto", "google.protobuf.Timestamp", bytes);
    assert_eq!(timestamp(&[]), Ok(Value::Null));
    assert_eq!(
        timestamp(&[0x0a, 4, 0x08, 5, 0x10, 6]),
        Ok(Value::Timestamp(Timestamp::Seconds { seconds: 5, nanos: 6 }))
    );
    let minus = [0x0a, 11, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(timestamp(&minus), Err(ProtobufErrorKind::Impossible("a Timestamp has -1 nanos".to_owned())));
    let duration = known("google/protobuf/duration.proto", "google.protobuf.Duration", &[0x0a, 2, 0x08, 90]);
    assert_eq!(duration, Ok(text("PT90S")));
    let decimal = known(
        "confluent/type/decimal.proto",
        "confluent.type.Decimal",
        &[0x0a, 6, 0x0a, 2, 0xff, 0x85, 0x18, 2],
    );
    assert_eq!(decimal, Ok(Value::Decimal("-1.23".into())));
    let scale = [0x0a, 9, 0x0a, 1, 1, 0x18, 0xff, 0xff, 0xff, 0xff, 0x07];
    assert_eq!(
        known("confluent/type/decimal.proto", "confluent.type.Decimal", &scale),
        Err(ProtobufErrorKind::LongDecimal)
    );
    let date =
        known("google/type/date.proto", "google.type.Date", &[0x0a, 7, 0x08, 0xb2, 0x0f, 0x10, 1, 0x18, 2]);
    assert_eq!(date, Ok(Value::Timestamp(Timestamp::Millis(86_400_000))));
    let time = known("google/type/timeofday.proto", "google.type.TimeOfDay", &[0x0a, 4, 0x08, 1, 0x18, 2]);
    assert_eq!(time, Ok(int(3_602_000)));
}

/// What has any values, and so no columns, is JSON; within JSON it is no text of it.
#[test]
fn structs_are_json() {
    // {"k": [null, 1.5, "x"]}
    let inner = [0x32, 17, 0x0a, 2, 0x08, 0, 0x0a, 9, 0x11, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x0a, 0];
    let entry = [&[0x0a, 1, b'k', 0x12, inner.len() as u8][..], &inner].concat();
    let object = [&[0x0a, entry.len() as u8][..], &entry].concat();
    let value = [&[0x0a, object.len() as u8][..], &object].concat();
    let file = "google/protobuf/struct.proto";
    let json = r#"{"k":[null,1.5,null]}"#;
    assert_eq!(known(file, "google.protobuf.Struct", &value), Ok(text(json)));
    assert_eq!(known(file, "google.protobuf.Struct", &[]), Ok(Value::Null));
    let Ok(list) = known(file, "repeated google.protobuf.Struct", &value) else { panic!() };
    let mut shown = String::new();
    list.write_json(&mut shown);
    assert_eq!(shown, format!("[{json}]"));
    assert_eq!(known(file, "google.protobuf.Value", &[0x0a, 2, 0x20, 1]), Ok(text("true")));
    assert_eq!(known(file, "google.protobuf.Value", &[0x0a, 2, 0x08, 0]), Ok(Value::Null));
    assert_eq!(known(file, "google.protobuf.ListValue", &[0x0a, 0]), Ok(text("[]")));
}

#[test]
fn what_a_payload_has_no_business_to_be() {
    let schema = schema("message M { int32 a = 1; string s = 2; M m = 3; repeated int32 r = 4; }");
    for (bytes, says) in [
        (
            &[0x0a, 1, 0][..],
            "field a is an int32 by the schema, and bytes with a length in the payload at byte 1",
        ),
        (&[0x10, 1], "field s is a string by the schema, and a varint in the payload at byte 1"),
        (&[0x12, 1, 0xff], "a string is not UTF-8 at byte 1"),
        (&[0x12, 5, b'x'], "a length is 5, which is beyond the end at byte 1"),
        (&[0x08], "it ends too early at byte 1"),
        (&[0x08, 0x80], "it ends too early at byte 1"),
        (&[0x00], "a field has the number 0 at byte 0"),
        (&[0x0f], "a field has the wire type 7 at byte 0"),
        (&[0x1a, 3, 0x12, 1, 0xff], "a string is not UTF-8 at byte 3"),
        (&[0x1a, 3, 0x12, 2, b'x', 0x08, 1], "a length is 2, which is beyond the end at byte 3"),
        (&[0x22, 1, 0x80], "it ends too early at byte 2"),
        (&[0x0c], "field a is an int32 by the schema, and a group's end in the payload at byte 1"),
        (&[0x7c], "the group 15 does not begin and end as one at byte 1"),
    ] {
        assert_eq!(schema.read(bytes).unwrap_err().to_string(), says, "{bytes:?}");
    }
    // Each level is a byte of length and one of a tag, as long as that is enough.
    let mut deep = Vec::new();
    for _ in 0..200 {
        let mut length = Vec::new();
        let mut left = deep.len();
        while left > 127 {
            length.push(left as u8 | 0x80);
            left >>= 7;
        }
        length.push(left as u8);
        deep = [&[0x1a][..], &length, &deep].concat();
    }
    assert_eq!(schema.read(&deep).unwrap_err().kind, ProtobufErrorKind::TooDeep);
}

/// Two bytes may stand for a message of as many fields as a schema likes.
#[test]
fn values_without_bytes_are_bounded() {
    let fields: String = (1..=500).map(|number| format!("int32 f{number} = {number}; ")).collect();
    let schema = schema(&format!("message M {{ repeated W w = 1; }} message W {{ {fields} }}"));
    assert!(schema.read(&[0x0a, 0].repeat(1_000)).is_ok());
    let error = schema.read(&[0x0a, 0].repeat(10_000)).unwrap_err();
    assert_eq!(error.kind, ProtobufErrorKind::TooManyValues);
    assert!(error.offset <= 20_000);
}

#[test]
fn a_framing_names_the_message() {
    let schema = schema(
        "message A { map<string, int32> m = 1; message B { message C { string c = 1; } } } enum E { Z = 0; } message D { int32 d = 1; }",
    );
    let framed = |framing, bytes: &[u8]| {
        schema
            .message_of(framing, bytes)
            .map(|(number, rest)| (schema.types().message(number).unwrap().name.to_string(), rest.to_vec()))
    };
    let message = |bytes: &[u8]| framed(ProtobufFraming::Confluent, bytes);
    let is = |bytes: &[u8], name: &str| assert_eq!(message(bytes), Ok((name.to_owned(), b"x".to_vec())));
    is(&[0, b'x'], "A");
    is(&[2, 0, b'x'], "A");
    is(&[2, 2, b'x'], "D");
    // The entries of a map are no message that one could send.
    is(&[4, 0, 0, b'x'], "A.B");
    is(&[6, 0, 0, 0, b'x'], "A.B.C");
    for bytes in [&[][..], &[2], &[6, 0, 0], &[0x80]] {
        assert!(message(bytes).unwrap_err().0.contains("no message's indexes"), "{bytes:?}");
    }
    assert!(message(&[2, 4]).unwrap_err().0.contains("of indexes [2], which the schema does not have"));
    assert!(message(&[4, 2, 0]).unwrap_err().0.contains("[1, 0]"));
    assert!(message(&[2, 1]).unwrap_err().0.contains("[-1]"));
    assert!(message(&[1]).unwrap_err().0.contains("counts -1 indexes"));
    assert!(message(&[0xfe, 0xff, 0xff, 0xff, 0x0f]).unwrap_err().0.contains("counts 2147483647 indexes"));

    let none = |bytes: &[u8]| framed(ProtobufFraming::None, bytes);
    assert_eq!(none(&[2, b'x']), Ok(("A".to_owned(), vec![2, b'x'])));
    assert_eq!(none(&[]), Ok(("A".to_owned(), Vec::new())));

    let named = |bytes: &[u8]| framed(ProtobufFraming::Apicurio, bytes);
    for (name, full) in [("A", "A"), ("D", "D"), ("A.B.C", "A.B.C"), ("B", "A.B"), ("C", "A.B.C")] {
        let length = name.len() as u8;
        let framing = [&[length + 2, 0x0a, length][..], name.as_bytes(), b"x"].concat();
        assert_eq!(named(&framing), Ok((full.to_owned(), b"x".to_vec())));
    }
    // What else is in it is not of interest.
    assert_eq!(named(&[5, 0x10, 7, 0x0a, 1, b'D', b'x']), Ok(("D".to_owned(), b"x".to_vec())));
    for bytes in [&[][..], &[3, 0x0a, 2, b'D'], &[2, 0x0a, 5, b'D'], &[3, 0x0a, 1, 0xff], &[1, 0x08], &[0]] {
        assert!(named(bytes).unwrap_err().0.contains("no message's name"), "{bytes:?}");
    }
    assert!(named(&[3, 0x0a, 1, b'X']).unwrap_err().0.contains("no message X; it has A, D"));
}

#[test]
fn schemas_import_others() {
    let import = |name: &str, text: &str| Import {
        name: name.to_owned(),
        text: format!("syntax = \"proto3\"; {text}"),
    };
    let imports = [
        import("m/unit.proto", "package m; enum Unit { EUR = 0; }"),
        import(
            "m/money.proto",
            "package m; import \"m/unit.proto\"; message Money { int64 cents = 1; Unit unit = 2; }",
        ),
    ];
    let trade = "syntax = \"proto3\"; import \"m/money.proto\"; import \"confluent/meta.proto\"; \
                 message Trade { m.Money price = 1 [(confluent.field_meta) = { doc: \"how much\" }]; }";
    let read = ProtobufSchema::parse(trade, &imports).unwrap().read(&[0x0a, 2, 0x08, 5]);
    let price = object(&[("cents", int(5)), ("unit", text("EUR"))]);
    assert_eq!(read, Ok(object(&[("price", price)])));
    let error = ProtobufSchema::parse(trade, &[]).unwrap_err().to_string();
    assert!(error.contains("m/money.proto"), "{error}");
}

/// All that serializers take for granted can be imported, and their numbers are those of their publishers.
#[test]
fn what_is_taken_for_granted_is_there() {
    let names = [
        "calendar_period",
        "color",
        "date",
        "datetime",
        "dayofweek",
        "expr",
        "fraction",
        "latlng",
        "money",
        "month",
        "postal_address",
        "quaternion",
        "timeofday",
    ];
    let google = [
        "any",
        "api",
        "duration",
        "empty",
        "field_mask",
        "source_context",
        "struct",
        "timestamp",
        "type",
        "wrappers",
        "descriptor",
    ];
    let imports: String = names
        .iter()
        .map(|name| format!("import \"google/type/{name}.proto\"; "))
        .chain(google.iter().map(|name| format!("import \"google/protobuf/{name}.proto\"; ")))
        .collect();
    schema(&format!("{imports} message M {{ google.type.Color c = 1; google.type.PostalAddress p = 2; }}"));
}

/// Serializers for Python and Go register a file's descriptor.
#[test]
fn a_schema_may_be_a_descriptor_in_base64() {
    use base64::Engine as _;
    use prost_reflect::prost::Message as _;
    let file = protox::file::File::from_source("x.proto", "syntax = \"proto3\"; message M { int32 a = 1; }")
        .unwrap();
    let bytes = file.file_descriptor_proto().encode_to_vec();
    let coded = base64::engine::general_purpose::STANDARD.encode(bytes);
    let schema = ProtobufSchema::parse(&coded, &[]).unwrap();
    assert_eq!(schema.read(&[0x08, 1]), Ok(object(&[("a", int(1))])));
}

#[test]
fn schemas_that_are_wrong() {
    for (text, says) in [
        ("", "no message"),
        ("mesage M {}", "schema.proto:1:"),
        ("syntax = \"proto3\"; message M { Foo a = 1; }", "Foo"),
        ("syntax = \"proto3\"; message M { int32 a = 1; int32 b = 1; }", "1"),
        ("syntax = \"proto3\"; import \"schema.proto\"; message M {}", "schema.proto"),
        ("edition = \"2023\"; message M {}", "edition"),
    ] {
        let error = ProtobufSchema::parse(text, &[]).expect_err(text).to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    let deep = format!("syntax = \"proto3\"; {}{}", "message M { ".repeat(10_000), "}".repeat(10_000));
    assert!(ProtobufSchema::parse(&deep, &[]).is_err());
    let deep = format!(
        "syntax = \"proto3\"; import \"confluent/meta.proto\"; message M {{ option (confluent.message_meta) = {}{}; }}",
        "{ a ".repeat(10_000),
        "}".repeat(10_000)
    );
    assert!(ProtobufSchema::parse(&deep, &[]).is_err());
}

#[test]
fn a_file_with_what_it_imports() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        std::fs::write(at(name), format!("syntax = \"proto3\"; {text}")).unwrap();
    };
    write(
        "own/trade.proto",
        "package t; import \"unit.proto\"; import \"m/money.proto\"; message Trade { m.Money price = 1; Unit unit = 2; }",
    );
    write("own/unit.proto", "package t; enum Unit { EUR = 0; }");
    write("shared/m/money.proto", "package m; message Money { int64 cents = 1; }");
    write("own/two.proto", "message A { message C { int32 c = 1; } } message B {}");
    let trade = at("own/trade.proto");
    let shared = at("shared");
    let schema = ProtobufSchema::read_file(&trade, Some(&shared), None).unwrap();
    let price = object(&[("cents", int(5))]);
    assert_eq!(schema.read(&[0x0a, 2, 0x08, 5]), Ok(object(&[("price", price), ("unit", text("EUR"))])));
    let wrong =
        |path: &Path, message| ProtobufSchema::read_file(path, None, message).unwrap_err().to_string();
    assert!(wrong(&trade, None).contains("m/money.proto"), "{}", wrong(&trade, None));
    assert!(wrong(&at("own/none.proto"), None).contains("No such file"));
    assert!(wrong(&at("own/two.proto"), None).contains("several messages (A, B)"));
    assert!(wrong(&at("own/two.proto"), Some("C")).contains("no message C; it has A, B"));
    let inner = ProtobufSchema::read_file(&at("own/two.proto"), None, Some("A.C")).unwrap();
    assert_eq!(inner.read(&[0x08, 1]), Ok(object(&[("c", int(1))])));

    let set = protox::Compiler::new([at("own"), shared])
        .unwrap()
        .include_imports(true)
        .open_file("trade.proto")
        .unwrap()
        .encode_file_descriptor_set();
    std::fs::write(at("trade.desc"), set).unwrap();
    let schema = ProtobufSchema::read_file(&at("trade.desc"), None, None).unwrap();
    assert_eq!(schema.types().message(schema.root()).unwrap().name.as_ref(), "t.Trade");
    let money = ProtobufSchema::read_file(&at("trade.desc"), None, Some("m.Money")).unwrap();
    assert_eq!(money.read(&[0x08, 1]), Ok(object(&[("cents", int(1))])));
    assert!(wrong(&at("trade.desc"), Some("m.None")).contains("no message m.None"));
    std::fs::write(at("garbage.desc"), b"not a set").unwrap();
    assert!(wrong(&at("garbage.desc"), None).contains("descriptor_set_out"));
}
