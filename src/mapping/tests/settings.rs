//! What a topic's settings change.

use super::*;
use crate::config::{Format, LoneSurrogates};

#[test]
fn a_field_named_like_the_designated_timestamp() {
    let message = Topic::new().refused(r#"{"id":1,"Timestamp":"2020-01-01"}"#);
    assert!(message.contains("timestamp = { field = \"Timestamp\" }"), "{message}");
    Topic::new().row(r#"{"id":1,"timestamp":null}"#);
    let mut topic = Topic::with(timestamp("timestamp", TimestampUnit::Auto), &[]);
    topic.row(r#"{"id":1,"timestamp":1600000000}"#);
    assert_eq!(topic.block().timestamp.values.as_ref(), [1_600_000_000_000_000]);
    // A table has its own name for it.
    let mut topic = Topic::table(&[("ts", "TIMESTAMP"), ("id", "LONG")]);
    topic.row(r#"{"id":1,"timestamp":"free"}"#);
    topic.refused(r#"{"id":1,"ts":1600000000}"#);
    assert_eq!(topic.block().timestamp.name.as_ref(), "ts");
}

#[test]
fn symbols_are_numbered_and_numbers_become_their_text() {
    let mut topic = Topic::with(symbols(&["s", "i", "d", "b", "big", "a.x", "key"]), &[]);
    topic.record(Some(b"k"), Some(br#"{"s":"x","i":5,"d":1.5,"b":true,"big":1e10,"a":{"x":""}}"#)).unwrap();
    topic.row(r#"{"s":"žluť \ud83d\ude80","i":-6,"d":1e-7,"b":false,"big":123456789012345678901}"#);
    topic.row(r#"{"s":"x","i":5,"d":1.50,"big":10000000000.0}"#);
    let block = topic.block();
    let shown: Vec<_> =
        block.columns.iter().map(|column| format!("{} {}", column.name, show(&column.values))).collect();
    assert_eq!(
        shown,
        [
            "key SYMBOL k null null",
            "s SYMBOL x žluť 🚀 x",
            "i SYMBOL 5 -6 5",
            "d SYMBOL 1.5 1.0E-7 1.5",
            "b SYMBOL true false null",
            "big SYMBOL 1.0E10 123456789012345678901 1.0E10",
            "a_x SYMBOL  null null",
        ]
    );
    let ColumnValues::Symbol(symbols) = &block.columns[1].values else { panic!() };
    assert_eq!(symbols.values().len(), 2);
}

#[test]
fn a_failed_row_adds_no_symbol() {
    let mut topic = Topic::with(symbols(&["s"]), &[]);
    for row in 0..50 {
        topic.refused(&format!(r#"{{"s":"bad{row}","a*b":1}}"#));
        topic.row(&format!(r#"{{"s":"good{}"}}"#, row % 10));
    }
    let block = topic.block();
    let ColumnValues::Symbol(symbols) = &block.columns[0].values else { panic!() };
    assert_eq!(symbols.values().len(), 10);
}

#[test]
fn an_array_in_symbols_is_an_array() {
    let mut topic = Topic::with(symbols(&["v", "s"]), &[]);
    topic.row(r#"{"v":[1.5,2.5],"s":"a"}"#);
    assert_eq!(topic.columns(), ["v ARRAY [2][1.5,2.5]", "s SYMBOL a"]);
}

#[test]
fn doubles_take_integers() {
    let mut topic = Topic::with(doubles(&["a.p", "s", "b"]), &[]);
    topic.row(r#"{"a":{"p":1},"s":"1.5","b":true}"#).row(r#"{"A_P":1.5}"#).row(r#"{"a_p":9007199254740993}"#);
    topic.row(r#"{"a_p":100000000000000000000}"#);
    assert_eq!(
        topic.columns(),
        [
            "a_p DOUBLE 1.0 1.5 9007199254740992.0 1e20",
            r#"s VARCHAR "1.5" null null null"#,
            "b BOOLEAN true null null null",
        ]
    );
}

#[test]
fn symbols_of_doubles_are_their_texts() {
    let config = TopicConfig { symbols: vec!["x".to_owned()], ..doubles(&["X", "y"]) };
    let mut topic = Topic::with(config, &[("timestamp", "TIMESTAMP"), ("y", "SYMBOL"), ("z", "SYMBOL")]);
    topic.row(r#"{"x":5,"y":-6,"z":7}"#).row(r#"{"x":1e21}"#).row(r#"{"x":123456789012345678901}"#);
    topic.row(r#"{"x":"5","y":1.50}"#);
    assert_eq!(
        topic.columns(),
        [
            "x SYMBOL 5.0 1.0E21 1.2345678901234568E20 5",
            "y SYMBOL -6.0 null null 1.5",
            "z SYMBOL 7 null null null"
        ]
    );
}

#[test]
fn the_first_record_decides_where_integers_are_not_widened() {
    let config = TopicConfig { widen_integers: false, ..TopicConfig::default() };
    let mut topic = Topic::with(config.clone(), &[]);
    topic.row(r#"{"v":1,"w":1.5}"#);
    let message = topic.refused(r#"{"v":1.5}"#);
    assert!(message.contains("column v has an integer in the first record") && message.contains("`doubles`"));
    for beyond in ["1e19", "-9223372036854775808.0", "0.5"] {
        topic.refused(&format!(r#"{{"v":{beyond}}}"#));
    }
    topic.row(r#"{"v":2.0,"w":2}"#);
    assert_eq!(topic.columns(), ["v LONG 1 2", "w DOUBLE 1.5 2.0"]);
    // A record that was refused decides nothing.
    let mut topic = Topic::with(config, &[]);
    topic.refused(r#"{"v":1,"a*b":1}"#);
    topic.row(r#"{"v":1.5}"#).row(r#"{"v":1}"#);
    assert_eq!(topic.columns(), ["v DOUBLE 1.5 1.0"]);
}

#[test]
fn halves_of_surrogate_pairs() {
    let mut topic = Topic::new();
    let message = topic.refused(r#"{"id":1,"o":{"v":"x\ud83dy"}}"#);
    assert!(message.starts_with("field o_v: the value starts with `{` but is not valid JSON"), "{message}");
    assert!(message.contains("`lone_surrogates = \"replace\"`"), "{message}");
    assert!(topic.refused(r#"{"v":["\udc00"]}"#).starts_with("field v: "));

    let mut topic = Topic::with(replacing(), &[]);
    topic.row(r#"{"id":1,"v":"x\ud83dy"}"#).row(r#"{"id":2,"v":"\ud83d\ude80"}"#);
    topic.row(r#"{"id":0,"id":3,"v":"\udc00","v":"\udc00\n"}"#);
    assert_eq!(topic.record(Some(br#"{"k":"\ud83d"}"#), Some(br#"{"id":4}"#)), Ok(Appended::Row));
    assert_eq!(topic.record(Some(b"\\ud83d"), Some(b"{\"v\":\"\xed\xa0\x80\"}")), Ok(Appended::Row));
    topic.refused(r#"{"v":"\ud83d"} and more"#);
    assert!(topic.record(None, Some(b"{\"v\":\"\xff\"}")).is_err());
    assert!(topic.record(Some(b"{\"k\":\"\xff\"}"), Some(b"{\"v\":1}")).is_err());
    assert_eq!(
        topic.columns(),
        [
            "id LONG 1 2 3 4 null",
            r#"v VARCHAR "x?y" "🚀" "?\n" null "?""#,
            r#"key_k VARCHAR null null null "?" null"#,
            r#"key VARCHAR null null null null "\\ud83d""#,
        ]
    );
}

#[test]
fn halves_of_surrogate_pairs_where_a_key_is_not_written() {
    let config = TopicConfig { include_key: false, key_format: Format::Json, ..replacing() };
    let mut topic = Topic::with(config, &[]);
    assert_eq!(topic.record(Some(br#""\ud83d""#), Some(b"{\"v\":1}")), Ok(Appended::Row));
    assert_eq!(topic.record(Some(br#""\ud83d""#), None), Ok(Appended::Skipped));
    for bad in [&b"\"\\ud83d"[..], b"\"\xff\""] {
        let error = topic.record(Some(bad), Some(b"{\"v\":1}")).unwrap_err();
        assert!(error.message.contains("the record's key is not valid JSON"), "{}", error.message);
    }
}

fn replacing() -> TopicConfig {
    TopicConfig { lone_surrogates: LoneSurrogates::Replace, ..TopicConfig::default() }
}

#[test]
fn a_table_without_designated_timestamp_has_no_plan() {
    let mut schema = schema(&[("id", "LONG")]);
    schema.designated = None;
    let error = Plan::new(&"t".into(), TableName::new("t"), &Arc::default(), &schema).unwrap_err();
    assert!(error.to_string().contains("table t has no designated timestamp"), "{error}");
}

#[test]
fn a_block_is_filled_by_one_plan() {
    let mut topic = Topic::new();
    topic.row(r#"{"a":1}"#);
    let other = Topic::with(symbols(&["a"]), &[]).plan;
    let record = SourceRecord { index: 9, value: Some(br#"{"a":"x"}"#), ..SourceRecord::default() };
    assert!(other.append(&record, &mut topic.block).is_err());
    assert_eq!(topic.columns(), ["a LONG 1"]);
    assert_eq!(other.append(&record, &mut topic.block), Ok(Appended::Row));
    assert_eq!(topic.columns(), ["a SYMBOL x"]);
}
