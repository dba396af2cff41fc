use proptest::prelude::*;

use super::*;
use crate::decode::{Object, Timestamp};

fn schema(text: &str) -> JsonSchema {
    JsonSchema::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn read(text: &str, payload: &str) -> Result<Value, String> {
    schema(text).read(payload.as_bytes()).map_err(|fault| fault.to_string())
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn double(value: f64, text: &str) -> Value {
    Value::Double { value, text: Some(text.into()) }
}

fn object(members: &[(&str, Value)]) -> Value {
    Value::Object(Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()))
}

#[test]
fn types_decide() {
    let int = Value::Integer;
    for (schema, payload, value) in [
        (r#"{"type":"boolean"}"#, "true", Value::Boolean(true)),
        (r#"{"type":"integer"}"#, "1", int(1)),
        (r#"{"type":"integer"}"#, "1.0", int(1)),
        (r#"{"type":"integer"}"#, "2e3", int(2_000)),
        (r#"{"type":"integer"}"#, "9223372036854775808", Value::BigInteger("9223372036854775808".into())),
        (r#"{"type":"number"}"#, "1", double(1.0, "1")),
        (r#"{"type":"number"}"#, "-0.5", double(-0.5, "-0.5")),
        (r#"{"type":"string"}"#, r#""a\nb""#, text("a\nb")),
        (r#"{"type":"string","format":"date-time"}"#, r#""x""#, Value::Time("x".to_owned())),
        (r#"{"type":"string","format":"date"}"#, r#""2020-01-02""#, Value::Time("2020-01-02".to_owned())),
        (r#"{"type":"string","format":"time"}"#, r#""10:00:00Z""#, text("10:00:00Z")),
        (r#"{"type":"null"}"#, "null", Value::Null),
        (r#"{"enum":["a","b",null]}"#, r#""a""#, text("a")),
        (r#"{"enum":[1,2.5]}"#, "1", double(1.0, "1")),
        (r#"{"const":7}"#, "7", int(7)),
        ("true", "1", int(1)),
        ("{}", r#"{"a":1}"#, object(&[("a", int(1))])),
        (r#"{"type":"object"}"#, r#"{"a":1}"#, object(&[("a", int(1))])),
        (r#"{"type":"integer"}"#, " ", Value::Null),
    ] {
        assert_eq!(read(schema, payload), Ok(value), "{schema} {payload}");
    }
}

#[test]
fn null_is_no_value_whatever_the_type() {
    for kind in ["integer", "string", "object", "array", "boolean", "number"] {
        assert_eq!(read(&format!(r#"{{"type":"{kind}"}}"#), "null"), Ok(Value::Null));
    }
}

#[test]
fn types_that_may_be_null_and_types_of_several() {
    for nullable in [
        r#"{"type":["null","number"]}"#,
        r#"{"oneOf":[{"type":"null"},{"type":"number"}]}"#,
        r#"{"anyOf":[{"type":"number"},{"type":"null"}]}"#,
        r#"{"type":["integer","number"]}"#,
        r#"{"oneOf":[{"type":"integer"},{"type":"number"}]}"#,
        r#"{"allOf":[{"description":"x"},{"type":"number"}]}"#,
    ] {
        assert_eq!(read(nullable, "1"), Ok(double(1.0, "1")), "{nullable}");
        assert_eq!(read(nullable, "null"), Ok(Value::Null), "{nullable}");
    }
    let either = r#"{"type":["integer","string"]}"#;
    assert_eq!(read(either, "1"), Ok(Value::Integer(1)));
    assert_eq!(read(either, "\"1\""), Ok(text("1")));
    assert_eq!(read(r#"{"allOf":[{"type":"number"},{"type":"integer"}]}"#, "1"), Ok(Value::Integer(1)));
}

#[test]
fn objects_of_several_schemas_have_the_fields_of_all() {
    let base = r##""definitions":{"b":{"properties":{"n":{"type":"number"},"s":{"type":"string"}}}}"##;
    for schema in [
        format!(
            r##"{{"allOf":[{{"$ref":"#/definitions/b"}}],"properties":{{"m":{{"type":"number"}}}},{base}}}"##
        ),
        format!(
            r##"{{"oneOf":[{{"$ref":"#/definitions/b"}},{{"properties":{{"m":{{"type":"number"}},"n":{{"type":"integer"}}}}}}],{base}}}"##
        ),
    ] {
        let value = read(&schema, r#"{"n":1,"m":2}"#).unwrap();
        assert_eq!(value, object(&[("n", double(1.0, "1")), ("m", double(2.0, "2"))]), "{schema}");
    }
    let differ =
        r#"{"anyOf":[{"properties":{"a":{"type":"string"}}},{"properties":{"a":{"type":"integer"}}}]}"#;
    assert_eq!(read(differ, r#"{"a":1}"#), Ok(object(&[("a", Value::Integer(1))])));
    assert_eq!(read(differ, r#"{"a":"x"}"#), Ok(object(&[("a", text("x"))])));
    let required =
        r#"{"properties":{"a":{"type":"number"}},"anyOf":[{"required":["a"]},{"required":["b"]}]}"#;
    assert_eq!(read(required, r#"{"a":1}"#), Ok(object(&[("a", double(1.0, "1"))])));
}

#[test]
fn fields_that_the_schema_does_not_name() {
    let payload = r#"{"a":1,"b":1}"#;
    let open = r#"{"properties":{"a":{"type":"number"}}}"#;
    assert_eq!(read(open, payload), Ok(object(&[("a", double(1.0, "1")), ("b", Value::Integer(1))])));
    let typed = r#"{"properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"number"}}"#;
    assert_eq!(read(typed, payload), Ok(object(&[("a", Value::Integer(1)), ("b", double(1.0, "1"))])));
}

#[test]
fn arrays() {
    let numbers = r#"{"type":"array","items":{"type":"number"}}"#;
    assert_eq!(read(numbers, "[1,2.5]"), Ok(Value::Array(vec![double(1.0, "1"), double(2.5, "2.5")])));
    assert_eq!(read(numbers, "[]"), Ok(Value::EmptyArray { dimensions: 1 }));
    let rows = format!(r#"{{"type":"array","items":{numbers}}}"#);
    assert_eq!(read(&rows, "[[],[]]"), Ok(Value::EmptyArray { dimensions: 2 }));
    let texts = r#"{"type":"array","items":{"type":"string"}}"#;
    assert_eq!(read(texts, r#"["a"]"#), Ok(Value::Array(vec![text("a")])));
    assert_eq!(read(texts, "[]"), Ok(Value::Array(vec![])));
    let places = r#"{"type":"array","items":[{"type":"string"},{"type":"number"}]}"#;
    assert_eq!(read(places, r#"["a",1]"#), Ok(Value::Array(vec![text("a"), Value::Integer(1)])));
}

#[test]
fn what_connect_writes() {
    let millis = |millis| Value::Timestamp(Timestamp::Millis(millis));
    let named = |kind: &str, name: &str, connect: &str| {
        format!(
            r#"{{"oneOf":[{{"type":"null"}},{{"type":"{kind}","title":"{name}","connect.version":1,"connect.type":"{connect}","connect.parameters":{{"scale":"2"}}}}],"connect.index":3}}"#
        )
    };
    let data = "org.apache.kafka.connect.data";
    for (kind, name, connect, payload, value) in [
        ("integer", format!("{data}.Timestamp"), "int64", "5", millis(5)),
        ("integer", format!("{data}.Date"), "int32", "2", millis(172_800_000)),
        ("integer", format!("{data}.Time"), "int32", "2", Value::Integer(2)),
        (
            "integer",
            "io.debezium.time.MicroTimestamp".into(),
            "int64",
            "5",
            Value::Timestamp(Timestamp::Micros(5)),
        ),
        ("number", format!("{data}.Decimal"), "bytes", "12.30", Value::Decimal("12.30".into())),
        ("number", format!("{data}.Decimal"), "bytes", "\"MDk=\"", Value::Decimal("123.45".into())),
        ("integer", String::new(), "int8", "5", Value::Integer(5)),
        ("number", String::new(), "int16", "5", Value::Integer(5)),
        ("number", String::new(), "float32", "0.1", Value::Float(0.1)),
        ("number", String::new(), "float64", "0.1", double(0.1, "0.1")),
        ("string", String::new(), "bytes", "\"AQID\"", Value::Bytes(vec![1, 2, 3])),
    ] {
        assert_eq!(read(&named(kind, &name, connect), payload), Ok(value), "{kind} {name} {connect}");
    }
    let map = r#"{"type":"object","connect.type":"map","additionalProperties":{"type":"number"}}"#;
    assert_eq!(read(map, r#"{"a":1}"#), Ok(Value::Map(Object(vec![("a".to_owned(), double(1.0, "1"))]))));
    let entries = r#"{"type":"array","connect.type":"map","items":{"type":"object","properties":{"key":{"type":"integer","connect.index":0},"value":{"type":"string","connect.index":1}}}}"#;
    assert_eq!(
        read(entries, r#"[{"key":7,"value":"x"}]"#),
        Ok(Value::Map(Object(vec![("7".to_owned(), text("x"))])))
    );
    assert!(read(entries, "[7]").unwrap_err().contains("says a map"));
}

#[test]
fn a_value_that_contradicts_its_schema_is_told_with_its_field() {
    for (kind, payload, says) in [
        ("integer", "1.5", "1.5 contradicts the schema, which says integer"),
        ("integer", "1e300", "says integer"),
        ("integer", "\"1\"", "\"1\" contradicts the schema, which says integer"),
        ("number", "\"1\"", "says number"),
        ("number", "true", "says number"),
        ("string", "1", "says string"),
        ("boolean", "0", "says boolean"),
        ("object", "[]", "says object"),
        ("array", "{}", "says array"),
        ("null", "1", "says null"),
    ] {
        let error = read(&format!(r#"{{"type":"{kind}"}}"#), payload).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    let long = format!("[\n\"{}\"]", "é".repeat(100));
    let error = read(r#"{"type":"integer"}"#, &long).unwrap_err();
    assert!(
        error.starts_with("[\"é") && error.contains("é… contradicts") && !error.contains('\n'),
        "{error}"
    );
    let nested = r#"{"properties":{"a":{"properties":{"b":{"type":"integer"}}}}}"#;
    let error = read(nested, r#"{"a":{"b":"x"}}"#).unwrap_err();
    assert_eq!(error, "field `a.b`: \"x\" contradicts the schema, which says integer");
    assert!(read(nested, r#"{"a":"#).unwrap_err().contains("not valid JSON"));
    assert!(read(r#"{"type":"string","connect.type":"bytes"}"#, "\"%\"").is_err());
    let decimal = r#"{"type":"number","title":"org.apache.kafka.connect.data.Decimal"}"#;
    assert!(read(decimal, "1e400").is_err());
}

#[test]
fn references_of_all_kinds() {
    let money = r#"{"$id":"http://example.com/money.json","type":"number","$defs":{"u":{"$anchor":"unit","type":"string"}}}"#;
    let references = [("money.json".to_owned(), money.to_owned())];
    for (reference, payload, value) in [
        ("#/$defs/own", "1", double(1.0, "1")),
        ("#/$defs/an%20escape~1", "1", double(1.0, "1")),
        ("#anchored", "1", double(1.0, "1")),
        ("#id", "1", double(1.0, "1")),
        ("inner.json", "1", double(1.0, "1")),
        ("money.json", "1", double(1.0, "1")),
        ("http://example.com/money.json", "1", double(1.0, "1")),
        ("http://example.com/money.json#", "1", double(1.0, "1")),
        ("money.json#/$defs/u", "\"x\"", text("x")),
        ("http://example.com/money.json#unit", "\"x\"", text("x")),
    ] {
        let own = format!(
            r##"{{"$id":"http://example.com/order.json","$ref":"{reference}","$defs":{{"own":{{"type":"number"}},"an escape/":{{"type":"number"}},
            "a":{{"$anchor":"anchored","type":"number"}},"b":{{"$id":"#id","type":"number"}},"c":{{"$id":"inner.json","type":"number"}}}}}}"##
        );
        let schema =
            JsonSchema::parse(&own, &references).unwrap_or_else(|error| panic!("{reference}: {error}"));
        assert_eq!(schema.read(payload.as_bytes()), Ok(value), "{reference}");
    }
}

#[test]
fn what_is_no_schema() {
    for (schema, says) in [
        ("5", "no schema"),
        ("{", "not JSON"),
        (r#"{"type":"text"}"#, "no type `text`"),
        (r#"{"type":5}"#, "no type"),
        (r#"{"properties":{"a":5}}"#, "no schema"),
        (r##"{"$ref":"#/definitions/x"}"##, "no `#/definitions/x`"),
        (r#"{"$ref":"other.json"}"#, "no `other.json`"),
        (r##"{"$ref":"#"}"##, "leads to nothing"),
    ] {
        let error = JsonSchema::parse(schema, &[]).unwrap_err().to_string();
        assert!(error.contains(says), "{schema}: {error}");
    }
}

#[test]
fn schemas_that_refer_to_themselves() {
    let tree = r##"{"properties":{"n":{"type":"number"},"next":{"oneOf":[{"type":"null"},{"$ref":"#"}]}}}"##;
    let value = read(tree, r#"{"n":1,"next":{"n":2,"next":null}}"#).unwrap();
    let inner = object(&[("n", double(2.0, "2")), ("next", Value::Null)]);
    assert_eq!(value, object(&[("n", double(1.0, "1")), ("next", inner)]));
    // Deeper than a scanner goes.
    let deep = format!("{}{}", "{\"next\":".repeat(200), "}".repeat(200));
    assert!(read(tree, &deep).is_err());
    for endless in [
        r##"{"allOf":[{"$ref":"#"}]}"##,
        r##"{"oneOf":[{"$ref":"#"},{"$ref":"#"},{"properties":{"a":{"$ref":"#"}}}]}"##,
        r##"{"anyOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"items":{"$ref":"#"}}}}]}"##,
    ] {
        // Read as JSON has it, or refused: not for ever.
        let _ = JsonSchema::parse(endless, &[]).map(|schema| schema.read(b"{\"a\":{\"a\":1}}"));
    }
    // A chain of references as long as one likes takes no stack.
    let links: Vec<_> = (0..15_000)
        .map(|n| format!(r##""{n}":{{"properties":{{"a":{{"$ref":"#/$defs/{}"}}}}}}"##, n + 1))
        .collect();
    let chain =
        format!(r##"{{"$ref":"#/$defs/0","$defs":{{{},"15000":{{"type":"number"}}}}}}"##, links.join(","));
    assert_eq!(read(&chain, r#"{"a":{}}"#), Ok(object(&[("a", object(&[]))])));
}

#[test]
fn schemas_that_are_too_large_are_told() {
    let fields: Vec<_> = (0..30_000).map(|n| format!(r#""f{n}":{{"type":"number"}}"#)).collect();
    let error = JsonSchema::parse(&format!(r#"{{"properties":{{{}}}}}"#, fields.join(",")), &[]).unwrap_err();
    assert!(error.to_string().contains("more than 20000 types"), "{error}");
    let fields: Vec<_> = (0..5_000).map(|n| format!(r#""f{n}":true"#)).collect();
    let part = r##"{"$ref":"#/$defs/wide"}"##;
    let schema = format!(
        r#"{{"oneOf":[{}],"$defs":{{"wide":{{"properties":{{{}}}}}}}}}"#,
        vec![part; 1_000].join(","),
        fields.join(",")
    );
    let error = JsonSchema::parse(&schema, &[]).unwrap_err();
    assert!(error.to_string().contains("combines too many"), "{error}");
}

proptest! {
    /// Without types in the schema a payload is as without one.
    #[test]
    fn an_open_schema_changes_nothing(payload in "[\\[\\]{}:,0-9a-c\" .e-]{0,40}") {
        let schema = schema("{}");
        let tree = json::tree(payload.as_bytes());
        if !json::is_blank(payload.as_bytes()) {
            prop_assert_eq!(schema.read(payload.as_bytes()).ok(), tree.ok());
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", payload in "\\PC*") {
        if let Ok(schema) = JsonSchema::parse(&text, &[]) {
            let _ = schema.read(payload.as_bytes());
        }
    }
}
