//! What the table's columns change.

use super::*;

fn one(type_name: &str) -> Topic {
    Topic::table(&[("ts", "TIMESTAMP"), ("V", type_name)])
}

fn takes(type_name: &str, values: &[&str], expected: &str) {
    let mut topic = one(type_name);
    for value in values {
        topic.row(&format!(r#"{{"v":{value}}}"#));
    }
    assert!(!topic.block.adds_columns());
    assert_eq!(topic.columns(), [format!("V {expected}")], "{type_name}");
}

fn refuses(type_name: &str, values: &[&str]) {
    for value in values {
        // As the column's first value of the block, and after others.
        for before in [&[][..], &["{\"v\":1}", "{\"v\":\"x\"}", "{\"v\":true}"]] {
            let mut topic = one(type_name);
            for before in before {
                let _ = topic.value(before);
            }
            let record = topic.records;
            let error = topic.value(&format!(r#"{{"v":{value}}}"#)).expect_err(value);
            assert_eq!((error.record, error.column.as_deref()), (record, Some("V")));
            let message = error.message;
            assert!(message.contains(type_name) && message.contains(value.trim_matches('"')), "{message}");
        }
    }
}

#[test]
fn integers() {
    takes("LONG", &["1", "2.0", "-3e2", "true", "false"], "LONG 1 2 -300 1 0");
    takes("LONG", &["9223372036854775807", "9.2e18"], "LONG 9223372036854775807 9200000000000000000");
    takes("INT", &["2147483647", "-2147483647", "1.0"], "LONG 2147483647 -2147483647 1");
    takes("SHORT", &["32767", "-32768"], "LONG 32767 -32768");
    takes("BYTE", &["127", "-128"], "LONG 127 -128");
    refuses("LONG", &["1.5", "\"1\"", "9223372036854775808", "-9223372036854775808", "9.3e18", "-9.3e18"]);
    assert!(one("LONG").refused(r#"{"v":1e400}"#).contains("beyond all doubles"));
    refuses("INT", &["2147483648", "-2147483648", "1e10", "0.5"]);
    refuses("SHORT", &["32768", "-32769", "32768.0"]);
    refuses("BYTE", &["128", "-129"]);
}

#[test]
fn a_fraction_in_a_long_column_shows_the_ways_out() {
    let message = one("LONG").refused(r#"{"v":1.5}"#);
    assert!(message.contains("1.5") && message.contains("ALTER COLUMN V TYPE DOUBLE"), "{message}");
}

#[test]
fn doubles() {
    let values = ["1", "1.5", "-0.0", "9007199254740993", "100000000000000000000", "true"];
    takes("DOUBLE", &values, "DOUBLE 1.0 1.5 -0.0 9007199254740992.0 1e20 1.0");
    takes("FLOAT", &["5", "0.1"], "DOUBLE 5.0 0.1");
    refuses("DOUBLE", &["\"1.5\""]);
    assert!(one("DOUBLE").refused(r#"{"v":1e400}"#).contains("beyond all doubles"));
    assert!(one("DOUBLE").refused(&format!(r#"{{"v":{}}}"#, "9".repeat(400))).contains("beyond all doubles"));
}

#[test]
fn booleans() {
    takes("BOOLEAN", &["true", "false"], "BOOLEAN true false");
    refuses("BOOLEAN", &["\"true\"", "1", "1.5", "[1]"]);
}

#[test]
fn texts() {
    let values = ["\"x\"", "5", "-0", "1.50", "1e400", "123456789012345678901", "true", "\"\""];
    let expected = r#"VARCHAR "x" "5" "0" "1.50" "1e400" "123456789012345678901" "true" """#;
    takes("VARCHAR", &values, expected);
    takes("STRING", &values, expected);
    takes("SYMBOL", &["\"x\"", "5", "1.50", "true", "\"x\""], "SYMBOL x 5 1.5 true x");
}

#[test]
fn types_that_are_not_known_take_what_comes() {
    takes("SOMETHING", &["\"x\""], r#"VARCHAR "x""#);
    takes("SOMETHING", &["5", "6"], "LONG 5 6");
    takes("SOMETHING(10,2)", &["5", "1.5"], "DOUBLE 5.0 1.5");
    let mut topic = one("SOMETHING");
    topic.row(r#"{"v":"x"}"#);
    assert!(topic.refused(r#"{"v":1}"#).contains("one type for a field"));
}

#[test]
fn a_column_that_refuses_its_first_value_takes_the_next() {
    for (type_name, bad, good) in [
        ("BOOLEAN", "1", "true"),
        ("LONG", "1.5", "1"),
        ("UUID", "\"x\"", "\"ad956a45-a55b-441e-b80d-023a2bf5d041\""),
        ("TIMESTAMP", "\"x\"", "\"2020-01-02\""),
        ("DOUBLE[]", "[[1]]", "[1]"),
    ] {
        let mut topic = Topic::table(&[("ts", "TIMESTAMP"), ("v", type_name), ("w", "LONG")]);
        // The column is known from an earlier block, and not yet used in this one.
        topic.row(&format!(r#"{{"v":{good}}}"#)).columns();
        topic.refused(&format!(r#"{{"w":1,"v":{bad}}}"#));
        topic.row(&format!(r#"{{"v":{good}}}"#));
        let columns = topic.columns();
        assert_eq!(columns.len(), 1, "{type_name}: {columns:?}");
    }
}

#[test]
fn the_table_decides_before_the_settings() {
    let mut config = symbols(&["s", "n"]);
    config.doubles = vec!["l".into()];
    let columns = [("ts", "TIMESTAMP"), ("s", "VARCHAR"), ("n", "LONG"), ("l", "LONG")];
    let mut topic = Topic::with(config, &columns);
    topic.row(r#"{"s":"x","n":5,"l":6}"#);
    assert_eq!(topic.columns(), [r#"s VARCHAR "x""#, "n LONG 5", "l LONG 6"]);
}

#[test]
fn new_columns_are_noticed() {
    let mut topic = one("LONG");
    topic.row(r#"{"v":1}"#);
    assert!(!topic.block.adds_columns());
    topic.refused(r#"{"new":1,"v":"x"}"#);
    assert!(!topic.block.adds_columns());
    topic.row(r#"{"new":1}"#);
    assert!(topic.block.adds_columns());
    topic.block();
    assert!(!topic.block.adds_columns());
}
