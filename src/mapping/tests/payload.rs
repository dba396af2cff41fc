//! What a record becomes without any settings, in a table that does not exist.

use super::*;

#[test]
fn each_kind_of_value() {
    let mut topic = Topic::new();
    topic
        .row(r#"{"i":1,"d":1.5,"b":true,"s":"x","n":null}"#)
        .row(r#" { "i" : -9223372036854775807 , "d" : 1e3, "b" : false, "s" : "" } "#)
        .row(r#"{"i":9223372036854775807,"d":-0.0,"s":"q\" b\\ n\n s\/ u\u0041 \ud83d\ude80 nul\u0000"}"#);
    assert_eq!(
        topic.columns(),
        [
            "i LONG 1 -9223372036854775807 9223372036854775807",
            "d DOUBLE 1.5 1000.0 -0.0",
            "b BOOLEAN true false null",
            r#"s VARCHAR "x" "" "q\" b\\ n\n s/ uA 🚀 nul\0""#,
        ]
    );
}

#[test]
fn rows_keep_their_origin_and_their_time() {
    let mut topic = Topic::new();
    topic.row(r#"{"a":1}"#);
    topic.refused("{}");
    assert_eq!(topic.record(Some(b"k"), None), Ok(Appended::Skipped));
    assert_eq!(topic.record(Some(b"k"), Some(b"")), Ok(Appended::Skipped));
    topic.row(r#"{"a":2}"#);
    let block = topic.block();
    assert_eq!(block.origin, [0, 4]);
    assert_eq!(block.timestamp.name.as_ref(), "timestamp");
    assert_eq!(block.timestamp.values.as_ref(), [1_000_000, 1_004_000]);
    assert!(topic.block.finish().is_none());
}

#[test]
fn kafka_timestamps_before_1970_are_refused() {
    let mut topic = Topic::new();
    let record = SourceRecord { timestamp_ms: -1, value: Some(b"{\"a\":1}"), ..SourceRecord::default() };
    let error = topic.plan.append(&record, &mut topic.block).unwrap_err();
    assert!(error.message.contains("Kafka timestamp is -1 ms"), "{}", error.message);
    assert!(topic.block.finish().is_none());
}

#[test]
fn columns_come_and_go() {
    let mut topic = Topic::new();
    topic.row(r#"{"id":1,"a":1}"#).row(r#"{"id":2,"b":2.5}"#).row(r#"{"id":3,"c":"x"}"#);
    topic.row(r#"{"id":4,"a":4,"b":4.5,"c":"z"}"#).row(r#"{"c":"w","id":5}"#);
    assert_eq!(
        topic.columns(),
        [
            "id LONG 1 2 3 4 5",
            "a LONG 1 null null 4 null",
            "b DOUBLE null 2.5 null 4.5 null",
            r#"c VARCHAR null null "x" "z" "w""#,
        ]
    );
    // The next block starts anew, with what its records have.
    topic.row(r#"{"b":"now text","id":6}"#);
    assert_eq!(topic.columns(), [r#"b VARCHAR "now text""#, "id LONG 6"]);
}

#[test]
fn nested_objects_are_flattened() {
    let mut topic = Topic::new();
    topic.row(r#"{"a":{"b":2,"c":{"d":"x","e":{}}},"f.g":{"h.i":3},".x":1,"":{"y":2}}"#);
    assert_eq!(
        topic.columns(),
        ["a_b LONG 2", r#"a_c_d VARCHAR "x""#, "f_g_h_i LONG 3", "_x LONG 1", "_y LONG 2"]
    );
    // One name, once an object and once not.
    topic.row(r#"{"a":{"b":3}}"#).row(r#"{"a":4}"#).row(r#"{"a":{"b":5}}"#);
    assert_eq!(topic.columns(), ["a_b LONG 3 null 5", "a LONG null 4 null"]);
}

#[test]
fn of_names_that_collide_the_last_wins() {
    let mut topic = Topic::new();
    topic.row(r#"{"a_b":1,"a":{"b":2}}"#).row(r#"{"a":{"b":3},"a_b":4}"#).row(r#"{"a.b":5,"a_b":6}"#);
    topic.row(r#"{"A_B":7,"a_b":8}"#).row(r#"{"a_b":9,"A_B":null}"#);
    assert_eq!(topic.columns(), ["a_b LONG 2 4 6 8 9"]);
    // Also where only the last has a type that the column takes.
    topic.row(r#"{"a_b":[1.5],"a":{"b":"s"}}"#).row(r#"{"a":{"b":"t"}}"#);
    assert_eq!(topic.columns(), [r#"a_b VARCHAR "s" "t""#]);
    topic.row(r#"{"x":1}"#).row(r#"{"x":1.5,"X":2}"#);
    assert_eq!(topic.columns(), ["x LONG 1 2"]);
}

#[test]
fn of_a_name_that_comes_twice_the_last_wins() {
    let mut topic = Topic::new();
    topic
        .row(r#"{"id":1,"a":1,"a":2}"#)
        .row(r#"{"id":2,"a":3,"a":"x","a":4}"#)
        .row(r#"{"id":3,"a":5,"\u0061":null}"#);
    topic.row(r#"{"id":4,"o":{"p":1,"q":2},"o":{"q":3}}"#).row(r#"{"id":5,"o":{"p":1,"p":2}}"#);
    topic.row(r#"{"id":6,"o":{"p":1},"o":7,"a":{"a":1},"a":8}"#);
    assert_eq!(
        topic.columns(),
        [
            "id LONG 1 2 3 4 5 6",
            "a LONG 2 4 null null null 8",
            "o_q LONG null null null 3 null null",
            "o_p LONG null null null null 2 null",
            "o LONG null null null null null 7",
        ]
    );
}

#[test]
fn column_names_ignore_case() {
    let mut topic = Topic::new();
    topic.row(r#"{"id":1,"Price":1.5}"#).row(r#"{"id":2,"price":2.5}"#).row(r#"{"ID":3,"PRICE":3.5}"#);
    topic.row(r#"{"Žluť":1}"#).row(r#"{"žLUŤ":2}"#);
    assert_eq!(
        topic.columns(),
        ["id LONG 1 2 3 null null", "Price DOUBLE 1.5 2.5 3.5 null null", "Žluť LONG null null null 1 2"]
    );
}

#[test]
fn names_that_questdb_refuses_are_named() {
    let mut topic = Topic::new();
    for name in ["a-b", "a*b", "a?b", "a\\\\b", "a\\nb", "", "a/b", &"n".repeat(128)] {
        let error = topic.value(&format!(r#"{{"id":1,"{name}":1}}"#)).unwrap_err();
        assert!(error.message.contains("cannot be a column"), "{}", error.message);
        assert!(error.column.is_some());
    }
    let message = topic.refused(r#"{"x":{"y-z":1}}"#);
    assert!(message.contains("\"x_y-z\""), "{message}");
    // Without a value there is no column.
    topic.row(r#"{"id":1,"a-b":null,"🚀":2}"#);
    assert_eq!(topic.columns(), ["id LONG 1", "🚀 LONG 2"]);
}

#[test]
fn integers_beyond_a_long_are_refused() {
    let mut topic = Topic::new();
    for value in [
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "123456789012345678901234567890",
    ] {
        let error = topic.value(&format!(r#"{{"v":{value}}}"#)).unwrap_err();
        assert_eq!(error.column.as_deref(), Some("v"));
        assert!(error.message.contains(value), "{}", error.message);
    }
    assert!(topic.refused(r#"{"v":1e400}"#).contains("1e400 is beyond all doubles"));
    topic.row(r#"{"v":1e-400}"#);
    assert_eq!(topic.columns(), ["v DOUBLE 0.0"]);
}

#[test]
fn malformed_json_is_an_error_and_not_text() {
    let mut topic = Topic::new();
    for value in
        ["{", "{bad", r#"{"a":1"#, r#"{"a":1}x"#, r#"{"a":01}"#, r#"{"a":"\ud800"}"#, "\u{feff}{\"a\":1}"]
    {
        let message = topic.refused(value);
        assert!(message.contains("not valid JSON") && message.contains("at byte"), "{message}");
    }
    let error = topic.record(None, Some(b"{\"a\":\"x\xffy\"}")).unwrap_err();
    assert!(error.message.contains("not UTF-8 (at byte 7)"), "{}", error.message);
    let deep = format!("{}1{}", r#"{"a":"#.repeat(128), "}".repeat(128));
    assert!(topic.refused(&deep).contains("127 levels"));
    assert!(topic.block.finish().is_none());
}

#[test]
fn text_that_is_no_object_goes_to_the_column_value() {
    let mut topic = Topic::new();
    topic.row("hello").row("42").row("[1]").row(" \"x\" ").row("null").row("žluť");
    assert_eq!(topic.columns(), [r#"value VARCHAR "hello" "42" "[1]" " \"x\" " "null" "žluť""#]);
    let error = topic.record(None, Some(b"x\xffy")).unwrap_err();
    assert!(error.message.contains("not UTF-8"), "{}", error.message);
    assert_eq!(error.column.as_deref(), Some("value"));
}

#[test]
fn keys() {
    let mut topic = Topic::new();
    topic.record(Some(b"k1"), Some(br#"{"id":1}"#)).unwrap();
    topic.record(Some(b""), Some(br#"{"id":2}"#)).unwrap();
    topic.record(None, Some(br#"{"id":3}"#)).unwrap();
    topic.record(Some(br#" {"id":7,"in":{"ner":1.5}}"#), Some(br#"{"id":4}"#)).unwrap();
    topic.record(Some(b"k5"), Some(b"text")).unwrap();
    topic.record(Some(b"k6"), Some(b"{}")).unwrap();
    assert_eq!(
        topic.columns(),
        [
            r#"key VARCHAR "k1" "" null null "k5" "k6""#,
            "id LONG 1 2 3 4 null null",
            "key_id LONG null null null 7 null null",
            "key_in_ner DOUBLE null null null 1.5 null null",
            r#"value VARCHAR null null null null "text" null"#,
        ]
    );
}

#[test]
fn a_field_does_not_replace_the_key() {
    let mut topic = Topic::new();
    topic.record(Some(b"k1"), Some(br#"{"id":1,"key":"mine","Key":5}"#)).unwrap();
    topic.record(None, Some(br#"{"id":2,"key":"alone"}"#)).unwrap();
    topic.record(Some(br#"{"a":1,"a":2}"#), Some(br#"{"id":3,"key_a":3}"#)).unwrap();
    assert_eq!(
        topic.columns(),
        [r#"key VARCHAR "k1" "alone" null"#, "id LONG 1 2 3", "key_a LONG null null 2"]
    );
}

#[test]
fn bad_keys_show_the_way_out() {
    let mut topic = Topic::new();
    for key in [&b"{\"a\":"[..], b"{}x", b"k\xff", b"{\"\xff\":1}"] {
        let error = topic.record(Some(key), Some(br#"{"id":1}"#)).unwrap_err();
        assert!(error.message.contains("include_key = false"), "{}", error.message);
    }
    let mut topic = Topic::with(TopicConfig { include_key: false, ..TopicConfig::default() }, &[]);
    topic.record(Some(b"k\xff"), Some(br#"{"id":1}"#)).unwrap();
    topic.record(Some(b"{"), Some(br#"{"id":2,"id":3}"#)).unwrap();
    assert_eq!(topic.columns(), ["id LONG 1 3"]);
}

#[test]
fn a_record_without_any_column_is_refused() {
    let mut topic = Topic::new();
    for value in ["{}", r#"{"a":null}"#, r#"{"a":{}}"#, r#"{"a":[]}"#, " {} "] {
        let message = topic.refused(value);
        assert!(message.contains("no value for any column"), "{message}");
    }
}

#[test]
fn integers_become_doubles_when_a_fraction_follows() {
    let mut topic = Topic::new();
    topic
        .row(r#"{"v":1}"#)
        .row(r#"{"w":1}"#)
        .row(r#"{"v":9007199254740992}"#)
        .row(r#"{"v":1.5}"#)
        .row(r#"{"v":-3}"#);
    assert!(topic.refused(r#"{"v":9007199254740993}"#).contains("no DOUBLE is exactly 9007199254740993"));
    assert!(topic.refused(r#"{"v":9223372036854775807}"#).contains("9223372036854775807"));
    topic.row(r#"{"v":9007199254740994}"#);
    assert_eq!(
        topic.columns(),
        [
            "v DOUBLE 1.0 null 9007199254740992.0 1.5 -3.0 9007199254740994.0",
            "w LONG null 1 null null null null"
        ]
    );
    topic.row(r#"{"v":9007199254740993}"#);
    let message = topic.refused(r#"{"v":0.5}"#);
    assert!(message.contains("integers above 2^53") && message.contains("0.5"), "{message}");
    assert_eq!(topic.columns(), ["v LONG 9007199254740993"]);
}

#[test]
fn other_mixtures_in_a_batch_are_refused() {
    let values =
        [("\"x\"", "a string"), ("1", "an integer"), ("true", "a boolean"), ("[1]", "an array of numbers")];
    for (first, first_name) in values {
        for (second, second_name) in values.iter().filter(|(second, _)| *second != first) {
            let mut topic = Topic::new();
            topic.row(&format!(r#"{{"v":{first}}}"#));
            let error = topic.value(&format!(r#"{{"v":{second}}}"#)).unwrap_err();
            assert_eq!(error.column.as_deref(), Some("v"));
            assert_eq!(error.record, 1);
            let message = error.message;
            assert!(message.contains(first_name) && message.contains(second_name), "{message}");
        }
    }
}

#[test]
fn a_row_that_fails_leaves_no_trace() {
    let mut topic = Topic::new();
    topic.row(r#"{"id":1,"s":"a","n":1}"#);
    let adds = topic.block.adds_columns();
    // New columns, a promotion, a new name in another spelling, and then something bad.
    topic.refused(r#"{"New":"leak","s":"leak","n":1.5,"o":{"p":[1,2]},"x*y":1}"#);
    topic.refused(r#"{"id":1.5,"s":"leak""#);
    assert_eq!(topic.block.adds_columns(), adds);
    topic.row(r#"{"id":3,"s":"c","n":9007199254740993,"NEW":true,"o":{"P":"text"}}"#);
    assert_eq!(
        topic.columns(),
        [
            "id LONG 1 3",
            r#"s VARCHAR "a" "c""#,
            "n LONG 1 9007199254740993",
            "NEW BOOLEAN null true",
            r#"o_P VARCHAR null "text""#,
        ]
    );
}

#[test]
fn values_in_messages_are_cut() {
    let mut topic = Topic::new();
    topic.row(r#"{"v":1}"#);
    let message = topic.refused(&format!(r#"{{"v":"{}"}}"#, "ž".repeat(5_000)));
    assert!(message.len() < 600 && message.contains('…'), "{message}");
}

#[test]
fn a_block_has_limits() {
    let mut topic = Topic::new();
    let wide: Vec<String> = (0..2_049).map(|column| format!("\"c{column}\":1")).collect();
    let message = topic.refused(&format!("{{{}}}", wide.join(",")));
    assert!(message.contains("2048 columns"), "{message}");
    // Rows that each have another column take room for all of them.
    let mut refused = 0;
    for row in 0..40_000 {
        refused += usize::from(topic.value(&format!(r#"{{"c{}":1}}"#, row % 2_000)).is_err());
    }
    assert!(refused > 0);
    assert!(topic.block.memory_bytes() < 200 << 20, "{}", topic.block.memory_bytes());
    let expected = topic.block.memory_bytes();
    let block = topic.block();
    // Vectors have room to spare.
    assert!(block.memory_bytes() < expected * 2, "{} but {expected}", block.memory_bytes());
}

#[test]
fn names_made_of_data_are_refused_in_the_end() {
    let mut topic = Topic::new();
    topic.row(r#"{"id":1}"#);
    let mut last = String::new();
    for row in 0..12_000 {
        match topic.value(&format!(r#"{{"id":1,"o":{{"n{row}":null}}}}"#)) {
            Ok(_) => {}
            Err(error) => last = error.message,
        }
    }
    assert!(last.contains("10,000 different field names"), "{last}");
    topic.row(r#"{"id":2}"#);
}
