//! What a topic's settings change.

use super::*;

#[test]
fn a_field_becomes_the_designated_timestamp() {
    let mut topic = Topic::with(timestamp("meta.ts", TimestampUnit::Auto), &[]);
    topic.row(r#"{"id":1,"meta":{"ts":1600000000123}}"#).row(r#"{"meta.ts":1600000000.5,"id":2}"#);
    topic.row(r#"{"id":3,"meta_ts":1,"meta":{"ts":1600000000}}"#);
    let block = topic.block();
    assert_eq!(
        block.timestamp.values_us.as_ref(),
        [1_600_000_000_123_000, 1_600_000_000_500_000, 1_600_000_000_000_000]
    );
    assert_eq!(block.columns.len(), 1);
}

#[test]
fn a_bad_timestamp_is_refused() {
    let mut topic = Topic::with(timestamp("ts", TimestampUnit::Seconds), &[]);
    for (value, words) in [
        (r#"{"id":1}"#, "no number in field ts"),
        (r#"{"id":1,"ts":null}"#, "no number in field ts"),
        (r#"{"id":1,"TS":1}"#, "no number in field ts"),
        (r#"{"id":1,"ts":{"a":1}}"#, "no number in field ts"),
        (r#"{"id":1,"ts":"2020-01-01T00:00:00Z"}"#, "has a string: `2020-01-01T00:00:00Z`"),
        (r#"{"id":1,"ts":true}"#, "has a boolean"),
        (r#"{"id":1,"ts":[1.5]}"#, "has an array"),
        (r#"{"id":1,"ts":-1}"#, "-1 (in seconds) is no time"),
        (r#"{"id":1,"ts":9223372036854775807}"#, "no time"),
        (r#"{"id":1,"ts":253402300800}"#, "no time"),
        (r#"{"ts":1}"#, "no value for any column"),
    ] {
        let message = topic.refused(value);
        assert!(message.contains(words), "{message}");
    }
    // The next record does not inherit a timestamp.
    topic.refused(r#"{"ts":1,"a*b":1}"#);
    topic.refused(r#"{"id":1}"#);
    topic.row(r#"{"id":1,"ts":1}"#);
    assert_eq!(topic.block().timestamp.values_us.as_ref(), [1_000_000]);
}

#[test]
fn a_timestamp_from_the_key() {
    let mut topic = Topic::with(timestamp("key_ts", TimestampUnit::Millis), &[]);
    topic.record(Some(br#"{"ts":1600000000000,"k":1}"#), Some(br#"{"id":1}"#)).unwrap();
    let block = topic.block();
    assert_eq!(block.timestamp.values_us.as_ref(), [1_600_000_000_000_000]);
    assert_eq!(block.columns.len(), 2);
}

#[test]
fn a_field_named_like_the_designated_timestamp() {
    let message = Topic::new().refused(r#"{"id":1,"Timestamp":"2020-01-01"}"#);
    assert!(message.contains("timestamp = { field = \"Timestamp\" }"), "{message}");
    Topic::new().row(r#"{"id":1,"timestamp":null}"#);
    let mut topic = Topic::with(timestamp("timestamp", TimestampUnit::Auto), &[]);
    topic.row(r#"{"id":1,"timestamp":1600000000}"#);
    assert_eq!(topic.block().timestamp.values_us.as_ref(), [1_600_000_000_000_000]);
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
