use proptest::prelude::*;

use super::*;
use crate::decode::{Object, Timestamp};

fn read(schema: &str, bytes: &[u8]) -> Result<Value, AvroError> {
    AvroSchema::parse(schema, &[]).unwrap_or_else(|error| panic!("{schema}: {error}")).read(bytes)
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn object(members: &[(&str, Value)]) -> Value {
    Value::Object(Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()))
}

#[test]
fn primitives() {
    for (schema, bytes, value) in [
        ("\"null\"", &[][..], Value::Null),
        ("null", &[], Value::Null),
        ("\"boolean\"", &[1], Value::Boolean(true)),
        ("\"int\"", &[0x03], Value::Integer(-2)),
        (r#"{"type":"long"}"#, &[0x80, 0x01], Value::Integer(64)),
        (r#"{"type":{"type":"long"}}"#, &[0x02], Value::Integer(1)),
        ("\"float\"", &[0, 0, 0xc0, 0x3f], Value::Float(1.5)),
        ("\"double\"", &[0, 0, 0, 0, 0, 0, 0xf8, 0x3f], Value::double(1.5)),
        ("\"bytes\"", &[0x04, 1, 2], Value::Bytes(vec![1, 2])),
        ("\"string\"", &[0x06, 0x66, 0x6f, 0x6f], text("foo")),
        (r#"{"type":"fixed","name":"F","size":2}"#, &[1, 2], Value::Bytes(vec![1, 2])),
        (r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, &[0x02], text("B")),
    ] {
        assert_eq!(read(schema, bytes), Ok(value), "{schema}");
    }
}

#[test]
fn logical_types() {
    let day = 86_400_000;
    let ten = &[0x14][..];
    for (schema, bytes, value) in [
        (r#"{"type":"int","logicalType":"date"}"#, ten, Value::Timestamp(Timestamp::Millis(10 * day))),
        (r#"{"type":"int","logicalType":"time-millis"}"#, ten, Value::Integer(10)),
        (r#"{"type":"long","logicalType":"time-micros"}"#, ten, Value::Integer(10)),
        (r#"{"type":"long","logicalType":"timestamp-millis"}"#, ten, Value::Timestamp(Timestamp::Millis(10))),
        (r#"{"type":"long","logicalType":"timestamp-micros"}"#, ten, Value::Timestamp(Timestamp::Micros(10))),
        (r#"{"type":"long","logicalType":"timestamp-nanos"}"#, ten, Value::Timestamp(Timestamp::Nanos(10))),
        (
            r#"{"type":"long","logicalType":"local-timestamp-millis"}"#,
            ten,
            Value::Timestamp(Timestamp::Millis(10)),
        ),
        (
            r#"{"type":"long","logicalType":"local-timestamp-micros"}"#,
            ten,
            Value::Timestamp(Timestamp::Micros(10)),
        ),
        (
            r#"{"type":"long","logicalType":"local-timestamp-nanos"}"#,
            ten,
            Value::Timestamp(Timestamp::Nanos(10)),
        ),
        (r#"{"type":"long","logicalType":"date"}"#, ten, Value::Integer(10)),
        (r#"{"type":"string","logicalType":"uuid"}"#, &[0x02, b'x'], text("x")),
        (
            r#"{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}"#,
            &[0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0],
            text("123e4567-e89b-12d3-a456-426614174000"),
        ),
        (
            r#"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#,
            &[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0],
            text("P1M2DT0.003S"),
        ),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#,
            &[0x04, 0x30, 0x39],
            Value::Decimal("123.45".into()),
        ),
        (
            r#"{"type":"fixed","name":"M","size":3,"logicalType":"decimal","precision":5,"scale":1}"#,
            &[0xff, 0xff, 0xfe],
            Value::Decimal("-0.2".into()),
        ),
    ] {
        assert_eq!(read(schema, bytes), Ok(value), "{schema}");
    }
}

/// What AvroConverter's own attributes say.
#[test]
fn names_of_kafka_connect() {
    let ten = &[0x14][..];
    for (schema, value) in [
        (
            r#"{"type":"int","connect.name":"io.debezium.time.Date","connect.version":1}"#,
            Value::Timestamp(Timestamp::Millis(864_000_000)),
        ),
        (
            r#"{"type":"long","connect.name":"io.debezium.time.MicroTimestamp"}"#,
            Value::Timestamp(Timestamp::Micros(10)),
        ),
        (
            r#"{"type":"long","connect.name":"org.apache.kafka.connect.data.Timestamp","logicalType":"timestamp-millis"}"#,
            Value::Timestamp(Timestamp::Millis(10)),
        ),
        (r#"{"type":"long","connect.name":"io.debezium.time.NanoTimestamp"}"#, Value::Integer(10)),
        (r#"{"type":"int","connect.type":"int8"}"#, Value::Integer(10)),
    ] {
        assert_eq!(read(schema, ten), Ok(value), "{schema}");
    }
    let decimal = r#"{"type":"bytes","connect.name":"org.apache.kafka.connect.data.Decimal","connect.parameters":{"scale":"3"}}"#;
    assert_eq!(read(decimal, &[0x02, 0x05]), Ok(Value::Decimal("0.005".into())));
    let map = r#"{"type":"array","items":{"type":"record","name":"MapEntry","namespace":"io.confluent.connect.avro",
        "fields":[{"name":"key","type":"int"},{"name":"value","type":"string"}]}}"#;
    let entries = Object(vec![("5".to_owned(), text("x"))]);
    assert_eq!(read(map, &[0x02, 0x0a, 0x02, b'x', 0]), Ok(Value::Map(entries)));
}

#[test]
fn unions() {
    let optional = r#"["null","string"]"#;
    assert_eq!(read(optional, &[0]), Ok(Value::Null));
    assert_eq!(read(optional, &[0x02, 0x02, b'x']), Ok(text("x")));
    assert_eq!(read(r#"["string","null"]"#, &[0x02]), Ok(Value::Null));
    let wide = r#"["null","int",{"type":"record","name":"a.R","fields":[{"name":"f","type":"int"}]}]"#;
    assert_eq!(read(wide, &[0]), Ok(Value::Null));
    assert_eq!(read(wide, &[0x02, 0x02]), Ok(object(&[("int", Value::Integer(1))])));
    let nested = object(&[("R", object(&[("f", Value::Integer(1))]))]);
    assert_eq!(read(wide, &[0x04, 0x02]), Ok(nested));
    assert_eq!(read(wide, &[0x06]).unwrap_err().kind, AvroErrorKind::NoSuchBranch(3));
    assert_eq!(read(wide, &[0x01]).unwrap_err().kind, AvroErrorKind::NoSuchBranch(-1));
}

#[test]
fn names_and_namespaces() {
    let schema = r#"{"type":"record","name":"A","namespace":"x.y","fields":[
        {"name":"e","type":{"type":"enum","name":"E","symbols":["P","Q"]}},
        {"name":"again","type":"E"},
        {"name":"full","type":"x.y.E"},
        {"name":"other","type":{"type":"record","name":"z.B","fields":[
            {"name":"inner","type":{"type":"fixed","name":"F","size":1}},
            {"name":"f","type":"F"}]}},
        {"name":"g","type":"z.F"}]}"#;
    let Ok(Value::Object(read)) = read(schema, &[2, 0, 2, 7, 8, 9]) else { panic!() };
    assert_eq!(read.field("again"), Some(&text("P")));
    assert_eq!(read.field("g"), Some(&Value::Bytes(vec![9])));
}

#[test]
fn references_to_other_schemas() {
    let money = r#"{"type":"record","name":"m.Money","fields":[{"name":"amount","type":"long"},{"name":"unit","type":"m.Unit"}]}"#;
    let unit = r#"{"type":"enum","name":"m.Unit","symbols":["EUR"]}"#;
    let trade = r#"{"type":"record","name":"t.Trade","fields":[{"name":"price","type":"m.Money"}]}"#;
    let schema = AvroSchema::parse(trade, &[unit.to_owned(), money.to_owned()]).unwrap();
    let price = object(&[("amount", Value::Integer(1)), ("unit", text("EUR"))]);
    assert_eq!(schema.read(&[2, 0]), Ok(object(&[("price", price)])));
    assert!(AvroSchema::parse(trade, &[]).unwrap_err().to_string().contains("m.Money"));
}

const LIST: &str = r#"{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]}]}"#;

#[test]
fn a_schema_that_refers_to_itself_is_read_as_a_tree() {
    let schema = AvroSchema::parse(LIST, &[]).unwrap();
    assert!(schema.program().is_none());
    let inner = object(&[("v", Value::Integer(2)), ("next", Value::Null)]);
    assert_eq!(schema.read(&[2, 2, 4, 0]), Ok(object(&[("v", Value::Integer(1)), ("next", inner)])));
    // As deep as its bytes say, up to a limit.
    assert_eq!(schema.read(&[2; 100_000]).unwrap_err().kind, AvroErrorKind::TooDeep);
    let endless = r#"{"type":"record","name":"A","fields":[{"name":"a","type":"A"}]}"#;
    assert_eq!(read(endless, &[]).unwrap_err().kind, AvroErrorKind::TooDeep);
}

/// A few bytes, or none, may stand for as many values as a schema likes.
#[test]
fn values_without_bytes_are_bounded() {
    let nulls = r#"{"type":"array","items":"null"}"#;
    let count = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(read(nulls, &count).unwrap_err().kind, AvroErrorKind::TooManyValues);
    let smallest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0];
    assert_eq!(read(nulls, &smallest).unwrap_err().kind, AvroErrorKind::TooManyValues);
    let mut schema = r#"{"type":"record","name":"R0","fields":[]}"#.to_owned();
    for level in 1..40 {
        schema = format!(
            r#"{{"type":"record","name":"R{level}","fields":[{{"name":"a","type":{schema}}},{{"name":"b","type":"R{}"}}]}}"#,
            level - 1
        );
    }
    let schema = AvroSchema::parse(&schema, &[]).unwrap();
    assert!(schema.program().is_none());
    assert_eq!(schema.read(&[]).unwrap_err().kind, AvroErrorKind::TooManyValues);
}

#[test]
fn schemas_that_are_wrong() {
    for (schema, says) in [
        ("{", "not JSON"),
        ("5", "is no schema"),
        ("{}", "no `type`"),
        ("\"Foo\"", "no type `Foo`"),
        (r#"{"type":"record","name":"R"}"#, "no `fields`"),
        (r#"{"type":"record","fields":[]}"#, "no `name`"),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"x"}]}"#,
            "field `a`: there is no type `x`",
        ),
        (r#"{"type":"record","name":"R","fields":[{"name":"a"}]}"#, "no `type`"),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
            "field `a` twice",
        ),
        (r#"{"type":"array"}"#, "no `items`"),
        (r#"{"type":"map"}"#, "no `values`"),
        (r#"{"type":"enum","name":"E","symbols":[1]}"#, "no `symbols`"),
        (r#"{"type":"fixed","name":"E","size":-1}"#, "no `size`"),
        (r#"["int","int"]"#, "two branches `int`"),
        (r#"["int",["null"]]"#, "directly in a union"),
        (r#"[{"type":"fixed","name":"a.E","size":1},{"type":"fixed","name":"a.E","size":1}]"#, "there twice"),
    ] {
        let error = AvroSchema::parse(schema, &[]).expect_err(schema).to_string();
        assert!(error.contains(says), "{schema}: {error}");
    }
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(10_000), "}".repeat(10_000));
    assert!(AvroSchema::parse(&deep, &[]).is_err());
}

mod oracle {
    use std::collections::HashMap;

    use apache_avro::types::Value as Apache;

    use super::*;
    use crate::decode::test_numbers::Numbers;

    /// A type, and how a value of it is made of random numbers.
    #[derive(Clone, Debug)]
    enum Shape {
        Null,
        Boolean,
        Int,
        Long,
        Float,
        Double,
        Bytes,
        Text,
        Date,
        Micros,
        Fixed(usize),
        Enum(usize),
        Decimal(u32),
        Array(Box<Shape>),
        Map(Box<Shape>),
        Record(Vec<Shape>),
        Optional(Box<Shape>),
        Wide,
    }

    fn shape() -> impl Strategy<Value = Shape> {
        let leaf = prop_oneof![
            Just(Shape::Null),
            Just(Shape::Boolean),
            Just(Shape::Int),
            Just(Shape::Long),
            Just(Shape::Float),
            Just(Shape::Double),
            Just(Shape::Bytes),
            Just(Shape::Text),
            Just(Shape::Date),
            Just(Shape::Micros),
            Just(Shape::Wide),
            (0..5_usize).prop_map(Shape::Fixed),
            (1..5_usize).prop_map(Shape::Enum),
            (0..5_u32).prop_map(Shape::Decimal),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            let optional = inner.clone().prop_filter("a union in a union", |shape| {
                !matches!(shape, Shape::Null | Shape::Optional(_) | Shape::Wide)
            });
            prop_oneof![
                inner.clone().prop_map(|shape| Shape::Array(Box::new(shape))),
                inner.clone().prop_map(|shape| Shape::Map(Box::new(shape))),
                prop::collection::vec(inner, 0..5).prop_map(Shape::Record),
                optional.prop_map(|shape| Shape::Optional(Box::new(shape))),
            ]
        })
    }

    impl Shape {
        /// The schema; named types get numbers.
        fn schema(&self, types: &mut usize) -> String {
            *types += 1;
            let number = *types;
            match self {
                Self::Null => "\"null\"".to_owned(),
                Self::Boolean => "\"boolean\"".to_owned(),
                Self::Int => "\"int\"".to_owned(),
                Self::Long => "\"long\"".to_owned(),
                Self::Float => "\"float\"".to_owned(),
                Self::Double => "\"double\"".to_owned(),
                Self::Bytes => "\"bytes\"".to_owned(),
                Self::Text => "\"string\"".to_owned(),
                Self::Date => r#"{"type":"int","logicalType":"date"}"#.to_owned(),
                Self::Micros => r#"{"type":"long","logicalType":"timestamp-micros"}"#.to_owned(),
                Self::Fixed(size) => format!(r#"{{"type":"fixed","name":"F{number}","size":{size}}}"#),
                Self::Enum(symbols) => {
                    let symbols: Vec<_> = (0..*symbols).map(|symbol| format!("\"S{symbol}\"")).collect();
                    format!(r#"{{"type":"enum","name":"E{number}","symbols":[{}]}}"#, symbols.join(","))
                }
                Self::Decimal(scale) => {
                    format!(r#"{{"type":"bytes","logicalType":"decimal","precision":30,"scale":{scale}}}"#)
                }
                Self::Array(item) => format!(r#"{{"type":"array","items":{}}}"#, item.schema(types)),
                Self::Map(value) => format!(r#"{{"type":"map","values":{}}}"#, value.schema(types)),
                Self::Record(fields) => {
                    let fields: Vec<_> = fields
                        .iter()
                        .enumerate()
                        .map(|(index, field)| {
                            format!(r#"{{"name":"f{index}","type":{}}}"#, field.schema(types))
                        })
                        .collect();
                    format!(r#"{{"type":"record","name":"R{number}","fields":[{}]}}"#, fields.join(","))
                }
                Self::Optional(inner) => format!(r#"["null",{}]"#, inner.schema(types)),
                Self::Wide => r#"["null","int","string"]"#.to_owned(),
            }
        }

        fn dimensions(&self) -> Option<usize> {
            match self {
                Self::Int | Self::Long | Self::Float | Self::Double => Some(0),
                Self::Array(item) => Some(item.dimensions()? + 1),
                _ => None,
            }
        }

        /// A value as the oracle has it and as it is to be read.
        fn value(&self, numbers: &mut Numbers) -> (Apache, Value) {
            let next = numbers.next();
            let bytes: Vec<u8> = next.to_be_bytes()[..(next % 8) as usize].to_vec();
            let word = format!("é{}", "x".repeat((next % 200) as usize));
            match self {
                Self::Null => (Apache::Null, Value::Null),
                Self::Boolean => (Apache::Boolean(next & 1 == 1), Value::Boolean(next & 1 == 1)),
                Self::Int => (Apache::Int(next as i32), Value::Integer((next as i32).into())),
                Self::Long => (Apache::Long(next as i64), Value::Integer(next as i64)),
                Self::Float => (Apache::Float(next as f32 / 3.0), Value::Float(next as f32 / 3.0)),
                Self::Double => (Apache::Double(next as f64 / 3.0), Value::double(next as f64 / 3.0)),
                Self::Bytes => (Apache::Bytes(bytes.clone()), Value::Bytes(bytes)),
                Self::Text => (Apache::String(word.clone()), Value::Text(word)),
                Self::Date => {
                    let millis = i64::from(next as i32) * 86_400_000;
                    (Apache::Date(next as i32), Value::Timestamp(Timestamp::Millis(millis)))
                }
                Self::Micros => {
                    (Apache::TimestampMicros(next as i64), Value::Timestamp(Timestamp::Micros(next as i64)))
                }
                Self::Fixed(size) => {
                    let bytes = vec![next as u8; *size];
                    (Apache::Fixed(*size, bytes.clone()), Value::Bytes(bytes))
                }
                Self::Enum(symbols) => {
                    let symbol = next % *symbols as u64;
                    (Apache::Enum(symbol as u32, format!("S{symbol}")), Value::Text(format!("S{symbol}")))
                }
                Self::Decimal(scale) => {
                    let unscaled = next as i64;
                    let decimal = apache_avro::Decimal::from(unscaled.to_be_bytes());
                    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = *scale as usize + 1);
                    let (whole, fraction) = digits.split_at(digits.len() - *scale as usize);
                    let point = if fraction.is_empty() { "" } else { "." };
                    let sign = if unscaled < 0 { "-" } else { "" };
                    (
                        Apache::Decimal(decimal),
                        Value::Decimal(format!("{sign}{whole}{point}{fraction}").into()),
                    )
                }
                Self::Array(item) => {
                    let items: Vec<_> = (0..numbers.below(4)).map(|_| item.value(numbers)).collect();
                    let (theirs, ours): (Vec<_>, Vec<_>) = items.into_iter().unzip();
                    let as_double = |value| match value {
                        Value::Float(float) => Value::double(float.into()),
                        other => other,
                    };
                    let ours: Vec<_> = ours.into_iter().map(as_double).collect();
                    let is_empty = ours.iter().all(|element| matches!(element, Value::EmptyArray { .. }));
                    let ours = match self.dimensions() {
                        Some(dimensions @ 1..=3) if is_empty => Value::EmptyArray { dimensions },
                        _ => Value::Array(ours),
                    };
                    (Apache::Array(theirs), ours)
                }
                // Their maps have no order, so that one entry has to do.
                Self::Map(value) => {
                    if numbers.below(2) == 0 {
                        return (Apache::Map(HashMap::new()), Value::Map(Object::default()));
                    }
                    let (theirs, ours) = value.value(numbers);
                    let map = Object(vec![(word.clone(), ours)]);
                    (Apache::Map(HashMap::from([(word, theirs)])), Value::Map(map))
                }
                Self::Record(fields) => {
                    let values = fields.iter().enumerate().map(|(index, field)| {
                        let (theirs, ours) = field.value(numbers);
                        ((format!("f{index}"), theirs), (format!("f{index}"), ours))
                    });
                    let (theirs, ours): (Vec<_>, Vec<_>) = values.unzip();
                    (Apache::Record(theirs), Value::Object(Object(ours)))
                }
                Self::Optional(inner) => {
                    if next & 1 == 0 {
                        return (Apache::Union(0, Box::new(Apache::Null)), Value::Null);
                    }
                    let (theirs, ours) = inner.value(numbers);
                    (Apache::Union(1, Box::new(theirs)), ours)
                }
                Self::Wide => match next % 3 {
                    0 => (Apache::Union(0, Box::new(Apache::Null)), Value::Null),
                    1 => {
                        let ours = object(&[("int", Value::Integer((next as i32).into()))]);
                        (Apache::Union(1, Box::new(Apache::Int(next as i32))), ours)
                    }
                    _ => {
                        let ours = object(&[("string", text(&word))]);
                        (Apache::Union(2, Box::new(Apache::String(word))), ours)
                    }
                },
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn what_apache_avro_writes_is_read_as_the_same(shape in shape(), seed in 1..u64::MAX) {
            let schema = shape.schema(&mut 0);
            let (theirs, ours) = shape.value(&mut Numbers(seed));
            let parsed = apache_avro::Schema::parse_str(&schema).unwrap();
            let bytes = apache_avro::to_avro_datum(&parsed, theirs).unwrap();
            let read = read(&schema, &bytes);
            prop_assert_eq!(read, Ok(ours), "{}", schema);
            // With less it is another value or none, and nothing panics.
            let schema = AvroSchema::parse(&schema, &[]).unwrap();
            for end in 0..bytes.len() {
                let _ = schema.read(&bytes[..end]);
            }
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error_within_them(shape in shape(), bytes: Vec<u8>) {
            let schema = AvroSchema::parse(&shape.schema(&mut 0), &[]).unwrap();
            if let Err(error) = schema.read(&bytes) {
                prop_assert!(error.offset <= bytes.len());
            }
        }
    }
}
