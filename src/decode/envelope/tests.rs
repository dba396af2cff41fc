//! What JsonConverter makes of its envelopes, and what it should not.

use super::*;
use crate::decode::{Object, Timestamp, Value};

fn read(schema: &str, payload: &str) -> Result<Payload, String> {
    let document = format!("{{\"schema\":{schema},\"payload\":{payload}}}");
    Envelope::default().read(document.as_bytes()).map_err(|error| error.to_string())
}

fn value(schema: &str, payload: &str) -> Value {
    read(schema, payload).unwrap_or_else(|error| panic!("{schema} {payload}: {error}")).value
}

fn refused(schema: &str, payload: &str) -> String {
    match read(schema, payload) {
        Ok(value) => panic!("{schema} {payload}: {value:?}"),
        Err(error) => error,
    }
}

#[test]
fn primitives() {
    for (schema, payload, expected) in [
        ("int8", "-128", Value::Integer(-128)),
        ("int16", "32767", Value::Integer(32_767)),
        ("int32", "-2147483648", Value::Integer(-2_147_483_648)),
        ("int64", "9223372036854775807", Value::Integer(i64::MAX)),
        ("int64", "2.0", Value::Integer(2)),
        ("float", "0.1", Value::Float(0.1)),
        ("float", "3", Value::Float(3.0)),
        ("double", "0.1", Value::Double { value: 0.1, text: Some("0.1".into()) }),
        ("double", "1", Value::double(1.0)),
        ("boolean", "true", Value::Boolean(true)),
        ("string", "\"x\"", Value::Text("x".into())),
        ("bytes", "\"AQID\"", Value::Bytes(vec![1, 2, 3])),
    ] {
        let payload = read(&format!("{{\"type\":\"{schema}\"}}"), payload).unwrap();
        assert_eq!(payload.value, expected, "{schema}");
        assert!(payload.has_schema);
    }
}

#[test]
fn logical_types_as_the_connector_sees_them() {
    let named = |kind: &str, name: &str| format!("{{\"type\":\"{kind}\",\"name\":\"{name}\",\"version\":1}}");
    let millis = |millis| Value::Timestamp(Timestamp::Millis(millis));
    for (kind, name, payload, expected) in [
        ("int64", "org.apache.kafka.connect.data.Timestamp", "1600000000123", millis(1_600_000_000_123)),
        ("int32", "org.apache.kafka.connect.data.Date", "18500", millis(18_500 * 86_400_000)),
        ("int32", "org.apache.kafka.connect.data.Date", "-1", millis(-86_400_000)),
        ("int32", "org.apache.kafka.connect.data.Time", "3661001", Value::Integer(3_661_001)),
        ("int32", "io.debezium.time.Date", "1", millis(86_400_000)),
        ("int64", "io.debezium.time.MicroTimestamp", "5", Value::Timestamp(Timestamp::Micros(5))),
        ("int64", "io.debezium.time.Timestamp", "5", Value::Integer(5)),
        ("int64", "io.debezium.time.NanoTimestamp", "5", Value::Integer(5)),
        (
            "string",
            "io.debezium.time.ZonedTimestamp",
            "\"2020-01-02T03:04:05Z\"",
            Value::Text("2020-01-02T03:04:05Z".into()),
        ),
        ("string", "com.example.Own", "\"x\"", Value::Text("x".into())),
    ] {
        assert_eq!(value(&named(kind, name), payload), expected, "{name}");
    }
    let wrong = refused(&named("string", "org.apache.kafka.connect.data.Date"), "\"x\"");
    assert!(wrong.contains("cannot be of type `string`"), "{wrong}");
}

#[test]
fn decimals_in_both_notations() {
    let schema = |scale: &str| {
        format!(
            "{{\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{{\"scale\":\"{scale}\"}}}}"
        )
    };
    assert_eq!(value(&schema("2"), "\"MDk=\""), Value::Decimal("123.45".into()));
    assert_eq!(value(&schema("2"), "123.45"), Value::Decimal("123.45".into()));
    assert_eq!(value(&schema("0"), "7"), Value::Decimal("7".into()));
    assert!(refused(&schema("x"), "1").contains("no scale"));
    assert!(refused(&schema("2147483647"), "1").contains("no scale"));
    assert!(refused(&schema("2"), "1e300000").contains("more digits"));
    assert!(refused(&schema("2"), "\"%\"").contains("Base64"));
}

const STRUCT: &str = r#"{"type":"struct","fields":[{"type":"int32","field":"id"},
    {"type":"string","optional":true,"field":"o"},{"type":"int32","field":"d","default":7},
    {"type":"struct","optional":true,"field":"s","fields":[{"type":"double","field":"x"}]}]}"#;

#[test]
fn structs_have_their_schemas_fields() {
    let Value::Object(object) = value(STRUCT, r#"{"s":{"x":1.5},"id":1,"extra":5}"#) else { panic!() };
    let names: Vec<_> = object.0.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["id", "o", "d", "s"]);
    assert_eq!(object.field("o"), Some(&Value::Null));
    assert_eq!(object.field("d"), Some(&Value::Integer(7)));
    assert!(matches!(object.field("s"), Some(Value::Object(inner)) if inner.0.len() == 1));
    let error = refused(STRUCT, r#"{"id":1,"s":{"x":"no"}}"#);
    assert_eq!(error, "field `s`: field `x`: \"no\" contradicts the schema, which says double");
    assert!(refused(STRUCT, "{}").contains("field `id`: it is null or absent"));
    assert!(refused(STRUCT, r#"{"id":null}"#).contains("field `id`: it is null or absent"));
    assert!(refused(STRUCT, "5").contains("says struct"));
}

#[test]
fn arrays_and_maps() {
    let floats = value(r#"{"type":"array","items":{"type":"float"}}"#, "[0.1,1.5]");
    assert_eq!(floats, Value::Array(vec![Value::double(0.10000000149011612), Value::double(1.5)]));
    let map = value(r#"{"type":"map","keys":{"type":"string"},"values":{"type":"int32"}}"#, r#"{"a":1}"#);
    assert_eq!(map, Value::Map(Object(vec![("a".into(), Value::Integer(1))])));
    let pairs = r#"{"type":"map","keys":{"type":"int32"},"values":{"type":"string"}}"#;
    assert_eq!(value(pairs, r#"[[7,"x"]]"#), Value::Map(Object(vec![("7".into(), Value::Text("x".into()))])));
    assert!(refused(pairs, r#"{"7":"x"}"#).contains("array of [key, value]"));
    assert!(refused(pairs, "[[1]]").contains("[key, value]"));
    assert!(refused(pairs, "[1]").contains("[key, value]"));
    assert!(refused(r#"{"type":"array","items":{"type":"int8"}}"#, "[1,300]").contains("element 1: 300"));
}

#[test]
fn a_payload_that_contradicts_its_schema_is_refused() {
    for (schema, payload) in [
        ("int32", "\"str\""),
        ("int32", "1.5"),
        ("int32", "3000000000"),
        ("int64", "9223372036854775808"),
        ("int64", "9.3e18"),
        ("int8", "300"),
        ("string", "5"),
        ("boolean", "1"),
        ("double", "\"1\""),
        ("double", "1e400"),
        ("float", "1e39"),
        ("bytes", "[1]"),
        ("string", "null"),
    ] {
        let error = refused(&format!("{{\"type\":\"{schema}\"}}"), payload);
        assert!(error.contains("schema"), "{error}");
    }
}

#[test]
fn what_is_no_envelope_or_no_schema() {
    for document in [
        r#"{"id":1}"#,
        r#"{"schema":{"type":"int32"},"payload":1,"x":2}"#,
        r#"{"payload":1}"#,
        "",
        "5",
        "null",
    ] {
        let error = Envelope::default().read(document.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("no envelope"), "{document}: {error}");
    }
    for (schema, says) in [
        ("5", "no schema"),
        ("{}", "no `type`"),
        (r#"{"type":"float64"}"#, "no type `float64`"),
        (r#"{"type":"array"}"#, "needs `items`"),
        (r#"{"type":"struct"}"#, "needs `fields`"),
        (r#"{"type":"struct","fields":[{"type":"int8"}]}"#, "no name"),
        (r#"{"type":"struct","fields":[{"type":"int8","field":"a"},{"type":"int8","field":"a"}]}"#, "twice"),
        (r#"{"type":"int8","default":300}"#, "default contradicts"),
    ] {
        let error = refused(schema, "1");
        assert!(error.contains(says), "{schema}: {error}");
    }
    let torn = Envelope::default().read(b"{\"schema\":null,\"payload\":").unwrap_err().to_string();
    assert!(torn.contains("not valid JSON"), "{torn}");
}

#[test]
fn without_a_schema_the_payload_decides() {
    let payload = read("null", r#"{"id":1}"#).unwrap();
    assert_eq!(payload.value, Value::Object(Object(vec![("id".into(), Value::Integer(1))])));
    assert!(!payload.has_schema);
    assert_eq!(value(r#"{"type":"string","optional":true}"#, "null"), Value::Null);
}

#[test]
fn a_schema_is_read_once_and_forgotten_in_time() {
    let envelope = Envelope::default();
    for number in 0..20 {
        for _ in 0..2 {
            let document = format!(
                r#"{{"payload":{{"f{number}":1}},"schema":{{"type":"struct","fields":[{{"type":"int8","field":"f{number}"}}]}}}}"#
            );
            let Value::Object(object) = envelope.read(document.as_bytes()).unwrap().value else { panic!() };
            assert_eq!(object.0, [(format!("f{number}"), Value::Integer(1))]);
        }
    }
    assert_eq!(envelope.schemas.lock().len(), MAX_REMEMBERED);
}

#[test]
fn fields_times_elements_are_bounded() {
    let fields: Vec<_> =
        (0..10_000).map(|n| format!(r#"{{"type":"int8","optional":true,"field":"f{n}"}}"#)).collect();
    let schema = format!(r#"{{"type":"array","items":{{"type":"struct","fields":[{}]}}}}"#, fields.join(","));
    let error = refused(&schema, &format!("[{}{{}}]", "{},".repeat(10_000)));
    assert!(error.contains("the schema makes more than"), "{error}");
    let default = "x".repeat(100_000);
    let schema = format!(
        r#"{{"type":"array","items":{{"type":"struct","fields":[{{"type":"string","field":"a","default":"{default}"}}]}}}}"#
    );
    let error = refused(&schema, &format!("[{}{{}}]", "{},".repeat(1_000)));
    assert!(error.contains("the schema makes more than"), "{error}");
}

#[test]
fn an_array_without_numbers_has_its_dimensions() {
    let array = |items: &str| format!(r#"{{"type":"array","items":{items}}}"#);
    let one = array(r#"{"type":"double"}"#);
    let (two, four) = (array(&one), array(&array(&array(&one))));
    assert_eq!(value(&one, "[]"), Value::EmptyArray { dimensions: 1 });
    for empty in ["[]", "[[]]", "[[],[]]"] {
        assert_eq!(value(&two, empty), Value::EmptyArray { dimensions: 2 }, "{empty}");
    }
    assert_eq!(value(&array(r#"{"type":"int32"}"#), "[]"), Value::EmptyArray { dimensions: 1 });
    // Jagged, of something else, or of more dimensions than QuestDB has.
    assert!(matches!(value(&two, "[[],[1.5]]"), Value::Array(_)));
    assert_eq!(value(&array(r#"{"type":"string"}"#), "[]"), Value::Array(Vec::new()));
    assert_eq!(value(&four, "[]"), Value::Array(Vec::new()));
}
