//! What trees have and JSON does not.

use super::*;
use crate::config::{BytesText, NullInArray, Unsupported};
use crate::decode::{Message, Object, Timestamp, Value};

impl Topic {
    fn tree(&mut self, fields: &[(&str, Value)]) -> Result<Appended, RowError> {
        let object = Object(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
        let message = Message {
            key_has_schema: true,
            value_has_schema: true,
            topic: "t".to_owned(),
            partition: 0,
            offset: 0,
            timestamp_ms: 1,
            key: Value::Null,
            value: Value::Object(object),
            headers: Vec::new(),
            table: None,
            designated: None,
        };
        let record = SourceRecord { timestamp_ms: 1, ..SourceRecord::default() };
        self.plan.append_message(&record, &message, &mut self.block)
    }

    fn value_into(type_name: &str, value: &Value) -> Result<String, String> {
        let mut topic = Self::table(&[("ts", "TIMESTAMP"), ("v", type_name)]);
        topic.tree(&[("v", value.clone())]).map_err(|error| error.message)?;
        Ok(topic.columns().remove(0))
    }
}

fn decimal(digits: &str) -> Value {
    Value::Decimal(digits.into())
}

fn map() -> Value {
    Value::Map(Object(vec![("a".to_owned(), Value::Integer(1))]))
}

#[test]
fn new_columns() {
    let mut topic = Topic::new();
    topic
        .tree(&[
            ("s", Value::Symbol("x".to_owned())),
            ("d", decimal("12.340")),
            ("b", Value::Bytes(vec![1, 2, 3])),
            ("m", map()),
            ("ms", Value::Timestamp(Timestamp::Millis(-1))),
            ("us", Value::Timestamp(Timestamp::Micros(5))),
            ("ns", Value::Timestamp(Timestamp::Nanos(1_600_000_000_123_456_789))),
            ("nan", Value::double(f64::NAN)),
            ("inf", Value::double(f64::INFINITY)),
        ])
        .unwrap();
    assert_eq!(
        topic.columns(),
        [
            "s SYMBOL x",
            r#"d VARCHAR "12.340""#,
            r#"b VARCHAR "AQID""#,
            r#"m VARCHAR "{\"a\":1}""#,
            "ms TIMESTAMP -1000",
            "us TIMESTAMP 5",
            "ns TIMESTAMP_NS 1600000000123456789",
            "nan DOUBLE NaN",
            "inf DOUBLE inf",
        ]
    );
}

#[test]
fn decimals_into_a_table_s_columns() {
    let into = |type_name, digits: &str| Topic::value_into(type_name, &decimal(digits));
    assert_eq!(into("DECIMAL(10,2)", "12.340").unwrap(), "v DECIMAL 12.34");
    assert_eq!(into("DOUBLE", "12.34").unwrap(), "v DOUBLE 12.34");
    assert_eq!(into("LONG", "12.00").unwrap(), "v LONG 12");
    assert_eq!(into("LONG", "-9223372036854775807").unwrap(), "v LONG -9223372036854775807");
    assert_eq!(into("VARCHAR", "12.340").unwrap(), r#"v VARCHAR "12.340""#);
    assert_eq!(into("SYMBOL", "12.340").unwrap(), "v SYMBOL 12.340");
    assert!(into("DECIMAL(10,2)", "1.005").unwrap_err().contains("has 3 digits behind the point"));
    assert!(into("LONG", "12.5").unwrap_err().contains("has a fraction"));
    assert!(into("LONG", "9223372036854775808").unwrap_err().contains("is beyond it"));
    assert!(into("BOOLEAN", "1").unwrap_err().contains("a decimal: `1`"));
}

#[test]
fn times_into_a_table_s_columns() {
    let into = |type_name, time| Topic::value_into(type_name, &Value::Timestamp(time));
    let nanos = Timestamp::Nanos(1_600_000_000_123_456_789);
    assert_eq!(into("TIMESTAMP", nanos).unwrap(), "v TIMESTAMP 1600000000123456");
    assert_eq!(into("TIMESTAMP_NS", nanos).unwrap(), "v TIMESTAMP_NS 1600000000123456789");
    assert_eq!(into("DATE", nanos).unwrap(), "v DATE 1600000000123");
    assert_eq!(into("VARCHAR", nanos).unwrap(), r#"v VARCHAR "2020-09-13T12:26:40.123456789Z""#);
    assert_eq!(into("SYMBOL", nanos).unwrap(), "v SYMBOL 1600000000123456");
    // As QuestDB's Kafka connector has written them.
    assert_eq!(into("LONG", nanos).unwrap(), "v LONG 1600000000123456789");
    assert_eq!(into("LONG", Timestamp::Micros(7)).unwrap(), "v LONG 7");
    let message = into("LONG", Timestamp::Millis(1_600_000_000_123)).unwrap_err();
    assert!(message.contains("a timestamp: `2020-09-13T12:26:40.123Z`"), "{message}");
    assert!(into("TIMESTAMP_NS", Timestamp::Millis(i64::MAX)).unwrap_err().contains("from 1677 to 2262"));
    assert!(into("DATE", Timestamp::Millis(i64::MAX)).unwrap_err().contains("beyond the times of a DATE"));
}

#[test]
fn bytes_are_a_number_of_256_bits_or_an_id() {
    let into = |type_name, bytes: &[u8]| Topic::value_into(type_name, &Value::Bytes(bytes.to_vec()));
    assert_eq!(into("LONG256", &[1, 0xff]).unwrap(), "v LONG256 0x01ff");
    assert_eq!(into("UUID", &[0xab; 16]).unwrap(), "v UUID abababab-abab-abab-abab-abababababab");
    assert!(into("LONG256", &[1; 33]).unwrap_err().contains("the record has bytes"));
    assert!(into("UUID", &[1; 15]).unwrap_err().contains("the record has bytes"));
    assert!(into("LONG", &[1]).unwrap_err().contains("the record has bytes: `AQ==`"));
    let mut topic = Topic::with(TopicConfig { bytes: BytesText::Hex, ..TopicConfig::default() }, &[]);
    topic.tree(&[("v", Value::Bytes(vec![0, 0xab]))]).unwrap();
    assert_eq!(topic.columns(), [r#"v VARCHAR "00ab""#]);
}

#[test]
fn what_has_no_type_is_left_out_or_refused_where_the_settings_say_so() {
    let strings = Value::Array(vec![Value::Text("a".to_owned())]);
    let deep =
        Value::Array(vec![Value::Array(vec![Value::Array(vec![Value::Array(vec![Value::Integer(1)])])])]);
    let values = [decimal("1.5"), Value::Bytes(vec![1]), map(), strings, deep];
    let config = |unsupported| TopicConfig { unsupported, ..TopicConfig::default() };
    for value in values {
        let mut topic = Topic::with(config(Unsupported::Skip), &[]);
        topic.tree(&[("id", Value::Integer(1)), ("v", value.clone())]).unwrap();
        assert_eq!(topic.columns(), ["id LONG 1"], "{value:?}");
        assert!(topic.tree(&[("v", value.clone())]).unwrap_err().message.contains("no value for any column"));

        for columns in [&[][..], &[("ts", "TIMESTAMP"), ("v", "VARCHAR")]] {
            let mut topic = Topic::with(config(Unsupported::Refuse), columns);
            let error = topic.tree(&[("id", Value::Integer(1)), ("v", value.clone())]).unwrap_err();
            assert_eq!(error.column.as_deref(), Some("v"));
            assert!(error.message.contains("`unsupported = \"refuse\"`"), "{}", error.message);
        }
    }
    // What has a type in the table is not unsupported.
    let mut topic = Topic::with(config(Unsupported::Refuse), &[("ts", "TIMESTAMP"), ("v", "DECIMAL(5,2)")]);
    topic.tree(&[("v", decimal("1.5"))]).unwrap();
    assert_eq!(topic.columns(), ["v DECIMAL 1.5"]);
}

#[test]
fn a_text_in_an_array_of_numbers_is_refused_even_where_arrays_of_texts_are_left_out() {
    let config = TopicConfig { unsupported: Unsupported::Skip, ..TopicConfig::default() };
    let mut topic = Topic::with(config, &[]);
    for value in ["[1.5,null]", "[[1.5],[1.5,2.5]]", "[1.5,\"x\"]"] {
        topic.refused(&format!(r#"{{"id":1,"v":{value}}}"#));
    }
    topic.row(r#"{"id":2,"v":["x"]}"#);
    assert_eq!(topic.columns(), ["id LONG 2"]);
}

#[test]
fn nulls_in_arrays_are_nan_where_the_settings_say_so() {
    let config = TopicConfig { null_in_array: NullInArray::Nan, ..TopicConfig::default() };
    let mut topic = Topic::with(config, &[]);
    topic.row(r#"{"a":[1.5,null],"b":[[null,1],[2,3]],"c":[null],"t":["a",null]}"#);
    for value in ["[[1.5],null]", "[null,[1.5]]", "[[null],null]", "[1.5,null,\"x\"]"] {
        topic.refused(&format!(r#"{{"a":{value}}}"#));
    }
    assert_eq!(
        topic.columns(),
        [
            "a ARRAY [2][1.5,NaN]",
            "b ARRAY [2,2][NaN,1.0,2.0,3.0]",
            "c ARRAY [1][NaN]",
            r#"t VARCHAR "[\"a\",null]""#,
        ]
    );
}

#[test]
fn times_and_decimals_as_the_designated_timestamp() {
    let mut topic = Topic::with(timestamp("ts", TimestampUnit::Auto), &[]);
    topic
        .tree(&[("id", Value::Integer(1)), ("ts", Value::Timestamp(Timestamp::Millis(1_600_000_000_123)))])
        .unwrap();
    topic.tree(&[("id", Value::Integer(2)), ("ts", decimal("1600000000.5"))]).unwrap();
    topic
        .tree(&[("id", Value::Integer(3)), ("ts", Value::Symbol("2020-01-02T03:04:05Z".to_owned()))])
        .unwrap();
    for value in
        [Value::Bytes(vec![1]), map(), Value::double(f64::NAN), Value::Timestamp(Timestamp::Millis(-1))]
    {
        topic.tree(&[("id", Value::Integer(3)), ("ts", value)]).unwrap_err();
    }
    let expected = [1_600_000_000_123_000, 1_600_000_000_500_000, 1_577_934_245_000_000];
    assert_eq!(topic.block().timestamp.values.as_ref(), expected);
}
