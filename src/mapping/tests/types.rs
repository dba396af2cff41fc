//! Tables with columns of all types.

use super::*;

fn one(type_name: &str) -> Topic {
    Topic::table(&[("ts", "TIMESTAMP"), ("v", type_name)])
}

fn takes(type_name: &str, values: &[&str], expected: &str) {
    let mut topic = one(type_name);
    for value in values {
        topic.row(&format!(r#"{{"v":{value}}}"#));
    }
    assert_eq!(topic.columns(), [format!("v {expected}")], "{type_name}");
}

/// Every refusal names the column, its type, the value and the table.
fn refuses(type_name: &str, values: &[&str]) {
    for value in values {
        let message = one(type_name).refused(&format!(r#"{{"v":{value}}}"#));
        let shown = value.trim_matches('"');
        assert!(message.starts_with(&format!("column v is {type_name} in table t")), "{message}");
        assert!(
            message.contains(&format!("`{shown}`")) || message.contains(&format!(" {shown} ")),
            "{message}"
        );
    }
}

#[test]
fn times() {
    let texts = [r#""2020-01-02T03:04:05.123456789Z""#, r#""2020-01-02""#, r#""2020-01-02 03:04:05.5""#];
    takes("TIMESTAMP", &texts, "TIMESTAMP 1577934245123456 1577923200000000 1577934245500000");
    takes("TIMESTAMP_NS", &texts, "TIMESTAMP_NS 1577934245123456789 1577923200000000000 1577934245500000000");
    takes("DATE", &texts, "DATE 1577934245123 1577923200000 1577934245500");
    takes("TIMESTAMP", &["5", "-1", "2.0", "9223372036854775807"], "TIMESTAMP 5 -1 2 9223372036854775807");
    takes("TIMESTAMP_NS", &["1600000000123456789", "1e10"], "TIMESTAMP_NS 1600000000123456789 10000000000");
    takes("DATE", &["1600000000123", r#""1969-12-31T23:59:59.999Z""#], "DATE 1600000000123 -1");
    for type_name in ["TIMESTAMP", "TIMESTAMP_NS", "DATE"] {
        refuses(type_name, &["\"str\"", "\"123\"", "\"1600000000000000\"", "1.5", "true", "[1.5]", "\"\""]);
        refuses(type_name, &["-9223372036854775808", "9223372036854775808", "1e300"]);
    }
    refuses("TIMESTAMP_NS", &["\"2300-01-01\"", "\"1600-01-01\""]);
    refuses("DATE", &["9223372036854775"].map(|_| "9223372036854775807"));
}

#[test]
fn floats() {
    takes("FLOAT", &["5", "0.1", "3.4028235e38", "true", "-0.0"], "DOUBLE 5.0 0.1 3.4028235e38 1.0 -0.0");
    refuses("FLOAT", &["1e39", "-3.5e38", "\"1.5\"", "[1.5]"]);
    assert!(one("FLOAT").refused(r#"{"v":1e400}"#).contains("beyond all doubles"));
}

#[test]
fn what_questdb_reads_from_texts() {
    let id = "ad956a45-a55b-441e-b80d-023a2bf5d041";
    takes("UUID", &[&format!("\"{id}\"")], &format!("UUID {id}"));
    takes("IPv4", &["\"192.168.1.1\"", "\"0.0.0.0\"", "\"\""], "IPv4 192.168.1.1 0.0.0.0 ");
    takes("CHAR", &["\"c\"", "\" \""], "CHAR c  ");
    takes("LONG256", &["\"0x1234\"", "\"0xabc\""], "LONG256 0x1234 0x0abc");
    takes("GEOHASH(8c)", &["\"u33d8b12\"", "\"U33D8B121\""], "GEOHASH u33d8b12 U33D8B12");
    takes("GEOHASH(7b)", &["\"u3\""], "GEOHASH u3");
    takes(
        "DECIMAL(10,2)",
        &["\"123\"", "5", "1.5", "2.0", "-1", "\"12.34\"", "12.340", "1e3", "-0.0"],
        "DECIMAL 123 5 1.5 2 -1 12.34 12.34 1000 0",
    );
    takes("DECIMAL(76,0)", &["123456789012345678901234567890"], "DECIMAL 123456789012345678901234567890");
    for type_name in ["UUID", "IPv4", "CHAR", "LONG256", "GEOHASH(8c)"] {
        refuses(
            type_name,
            &["\"str\"", "\"123\"", "5", "1.5", "true", "[1.5]", "9223372036854775807", "-1", "1e10"],
        );
        refuses(type_name, &["123456789012345678901", "1e400", "[\"a\"]"]);
    }
    refuses("UUID", &["\"\"", "\"80000000-0000-0000-8000-000000000000\""]);
    refuses("CHAR", &["\"\"", "\"é\"", "\"ab\""]);
    refuses("LONG256", &["\"0xzz\"", "\"0x\""]);
    refuses("GEOHASH(8c)", &["\"u33d\"", "\"aaaaaaaa\""]);
    refuses(
        "DECIMAL(10,2)",
        &["\"str\"", "true", "[1.5]", "9223372036854775807", "1e10", "\"12.345\"", "12.345"],
    );
    refuses("DECIMAL(10,2)", &["1e400", "123456789012345678901", "\"NaN\""]);
}

#[test]
fn closed_types_take_nothing_but_null() {
    for type_name in ["BINARY", "LONG128", "DOUBLE[][][][]"] {
        refuses(type_name, &["\"str\"", "5", "1.5", "true", "[1.5]", "[[[[1.5]]]]", "[\"a\"]"]);
        let mut topic = Topic::table(&[("ts", "TIMESTAMP"), ("v", type_name), ("id", "LONG")]);
        topic.row(r#"{"id":1,"v":null}"#);
        assert_eq!(topic.columns(), ["id LONG 1"]);
    }
}

#[test]
fn rows_that_lack_a_column_have_null_in_it() {
    let columns = [
        ("ts", "TIMESTAMP"),
        ("id", "LONG"),
        ("d", "DATE"),
        ("u", "IPv4"),
        ("n", "TIMESTAMP_NS"),
        ("f", "FLOAT"),
    ];
    let mut topic = Topic::table(&columns);
    topic.row(r#"{"id":1}"#).row(r#"{"id":2,"d":5,"u":"1.2.3.4","n":7,"f":1.5}"#).row(r#"{"id":3}"#);
    topic.refused(r#"{"d":6,"u":"1.2.3.5","n":8,"f":2.5,"id":"x"}"#);
    topic.row(r#"{"id":4,"u":"1.2.3.6","u":"1.2.3.7"}"#);
    assert_eq!(
        topic.columns(),
        [
            "id LONG 1 2 3 4",
            "d DATE null 5 null null",
            "u IPv4 null 1.2.3.4 null 1.2.3.7",
            "n TIMESTAMP_NS null 7 null null",
            "f DOUBLE null 1.5 null null",
        ]
    );
}
