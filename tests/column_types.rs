//! Values of all kinds into columns of all types, through the real gateway into the real QuestDB.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::messages::ProduceResponse;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use quafka::config::{TimestampFormat, TopicConfig};
use quafka::mapping::{Plan, SourceRecord};
use quafka::rows::TableName;
use quafka::schema::{TableColumn, TableSchema};
use serde_json::{Value, json};
use support::batches::{Batch, produce};
use support::{Gateway, QuestDbServer, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

/// The error code, and the messages of the records that were refused.
fn outcome(response: &ProduceResponse) -> (i16, Vec<String>) {
    let answer = &response.responses[0].partition_responses[0];
    let message = |error: &kafka_protocol::messages::produce_response::BatchIndexAndErrorMessage| {
        error.batch_index_error_message.clone().unwrap_or_default().to_string()
    };
    (answer.error_code, answer.record_errors.iter().map(message).collect())
}

/// What every type is offered.
const EVERY_KIND: [&str; 14] = [
    "\"str\"",
    "\"123\"",
    "5",
    "1.5",
    "2.0",
    "true",
    "null",
    "[1.5]",
    "9223372036854775807",
    "-1",
    "1e10",
    "[\"a\"]",
    "9223372036854775808",
    "-9223372036854775808",
];

/// A type, what it takes of [`EVERY_KIND`] and what is read back, and more values with what is read back; None:
/// refused.
struct Case {
    type_name: &'static str,
    of_every_kind: Vec<(&'static str, Value)>,
    others: Vec<(&'static str, Option<Value>)>,
}

fn cases() -> Vec<Case> {
    let case =
        |type_name, of_every_kind: &[(&'static str, Value)], others: &[(&'static str, Option<Value>)]| Case {
            type_name,
            of_every_kind: of_every_kind.to_vec(),
            others: others.to_vec(),
        };
    let small = [("5", json!(5)), ("2.0", json!(2)), ("true", json!(1)), ("-1", json!(-1))];
    let texts = [
        ("\"str\"", json!("str")),
        ("\"123\"", json!("123")),
        ("5", json!("5")),
        ("1.5", json!("1.5")),
        ("2.0", json!("2.0")),
        ("true", json!("true")),
        ("[1.5]", json!("[1.5]")),
        ("9223372036854775807", json!("9223372036854775807")),
        ("-1", json!("-1")),
        ("1e10", json!("1e10")),
        ("[\"a\"]", json!("[\"a\"]")),
        ("9223372036854775808", json!("9223372036854775808")),
        ("-9223372036854775808", json!("-9223372036854775808")),
    ];
    let doubles = |largest: Value, smallest: Value| {
        vec![
            ("5", json!(5.0)),
            ("1.5", json!(1.5)),
            ("2.0", json!(2.0)),
            ("true", json!(1.0)),
            ("9223372036854775807", largest.clone()),
            ("-1", json!(-1.0)),
            ("1e10", json!(1e10)),
            ("9223372036854775808", largest),
            ("-9223372036854775808", smallest),
        ]
    };
    let times = |five: &str, two: &str, last: &str, minus_one: &str, big: &str| {
        [("5", five), ("2.0", two), ("9223372036854775807", last), ("-1", minus_one), ("1e10", big)]
            .map(|(value, read)| (value, json!(read)))
            .to_vec()
    };
    let id = "\"ad956a45-a55b-441e-b80d-023a2bf5d041\"";
    vec![
        case("BOOLEAN", &[("true", json!(true))], &[("false", Some(json!(false))), ("0", None)]),
        case("BYTE", &small, &[("127", Some(json!(127))), ("128", None), ("-128", Some(json!(-128)))]),
        case(
            "SHORT",
            &small,
            &[("32767", Some(json!(32_767))), ("32768", None), ("-32768", Some(json!(-32_768)))],
        ),
        case(
            "INT",
            &small,
            &[("2147483647", Some(json!(2_147_483_647))), ("2147483648", None), ("-2147483648", None)],
        ),
        case(
            "LONG",
            &[&small[..], &[("9223372036854775807", json!(i64::MAX)), ("1e10", json!(10_000_000_000_i64))]]
                .concat(),
            &[("-9223372036854775807", Some(json!(-i64::MAX))), ("1e400", None), ("-9.3e18", None)],
        ),
        case(
            "FLOAT",
            &doubles(json!(9.223372e18), json!(-9.223372e18)),
            &[("0.1", Some(json!(0.1))), ("3.4028235e38", Some(json!(3.4028235e38))), ("3.5e38", None)],
        ),
        case(
            "DOUBLE",
            &doubles(json!(9.223372036854776e18), json!(-9.223372036854776e18)),
            &[("0.1", Some(json!(0.1))), ("5e-324", Some(json!(5e-324))), ("1e400", None), ("\"1.5\"", None)],
        ),
        case(
            "STRING",
            &texts,
            &[("\"\"", Some(json!(""))), ("\"\u{1f680}\\n\"", Some(json!("\u{1f680}\n")))],
        ),
        case(
            "VARCHAR",
            &texts,
            &[("\"\"", Some(json!(""))), ("\"\u{1f680}\\n\"", Some(json!("\u{1f680}\n")))],
        ),
        case(
            "SYMBOL",
            &[
                &texts[..6],
                &[("[\"a\"]", json!("[\"a\"]")), ("1e10", json!("1.0E10")), ("-1", json!("-1"))],
                &[
                    ("9223372036854775807", json!("9223372036854775807")),
                    ("9223372036854775808", json!("9223372036854775808")),
                    ("-9223372036854775808", json!("-9223372036854775808")),
                ],
            ]
            .concat(),
            &[("\"\u{1f680}, =\"", Some(json!("\u{1f680}, =")))],
        ),
        case(
            "TIMESTAMP",
            &times(
                "1970-01-01T00:00:00.000005Z",
                "1970-01-01T00:00:00.000002Z",
                "294247-01-10T04:00:54.775807Z",
                "1969-12-31T23:59:59.999999Z",
                "1970-01-01T02:46:40.000000Z",
            ),
            &[
                ("\"2020-01-02T03:04:05.123456789Z\"", Some(json!("2020-01-02T03:04:05.123456Z"))),
                ("\"2020-01-02T03:04:05+02:00\"", Some(json!("2020-01-02T01:04:05.000000Z"))),
                ("\"2020-01-02\"", Some(json!("2020-01-02T00:00:00.000000Z"))),
                ("\"1600000000000000\"", None),
            ],
        ),
        case(
            "TIMESTAMP_NS",
            &times(
                "1970-01-01T00:00:00.000000005Z",
                "1970-01-01T00:00:00.000000002Z",
                "2262-04-11T23:47:16.854775807Z",
                "1969-12-31T23:59:59.999999999Z",
                "1970-01-01T00:00:10.000000000Z",
            ),
            &[
                ("\"2020-01-02T03:04:05.123456789Z\"", Some(json!("2020-01-02T03:04:05.123456789Z"))),
                ("1600000000123456789", Some(json!("2020-09-13T12:26:40.123456789Z"))),
                ("\"2300-01-01\"", None),
            ],
        ),
        case(
            "DATE",
            &[
                ("5", json!("1970-01-01T00:00:00.005Z")),
                ("2.0", json!("1970-01-01T00:00:00.002Z")),
                ("-1", json!("1969-12-31T23:59:59.999Z")),
                ("1e10", json!("1970-04-26T17:46:40.000Z")),
            ],
            &[
                ("\"2020-01-02T03:04:05.123456Z\"", Some(json!("2020-01-02T03:04:05.123Z"))),
                ("\"1950-01-02\"", Some(json!("1950-01-02T00:00:00.000Z"))),
            ],
        ),
        case(
            "UUID",
            &[],
            &[
                (id, Some(json!("ad956a45-a55b-441e-b80d-023a2bf5d041"))),
                (
                    "\"00000000-0000-0000-0000-000000000000\"",
                    Some(json!("00000000-0000-0000-0000-000000000000")),
                ),
                ("\"80000000-0000-0000-8000-000000000000\"", None),
                ("\"\"", None),
            ],
        ),
        case(
            "IPv4",
            &[],
            &[
                ("\"192.168.1.1\"", Some(json!("192.168.1.1"))),
                ("\"0.0.0.0\"", Some(json!(null))),
                ("\"\"", Some(json!(null))),
                ("\"1.2.3.4.5\"", None),
            ],
        ),
        case("CHAR", &[], &[("\"c\"", Some(json!("c"))), ("\"é\"", None), ("\"\"", None)]),
        case(
            "LONG256",
            &[],
            &[
                ("\"0x1234\"", Some(json!("0x1234"))),
                ("\"0xabc\"", Some(json!("0x0abc"))),
                ("\"0xzz\"", None),
            ],
        ),
        case(
            "GEOHASH(8c)",
            &[],
            &[
                ("\"u33d8b12\"", Some(json!("u33d8b12"))),
                ("\"U33d8b1234\"", Some(json!("u33d8b12"))),
                ("\"u33\"", None),
                ("\"aaaaaaaa\"", None),
            ],
        ),
        case(
            "GEOHASH(7b)",
            // These are in base 32.
            &[("\"str\"", json!("1100011")), ("\"123\"", json!("0000100"))],
            &[("\"u3\"", Some(json!("1101000"))), ("\"u\"", None), ("\"ai\"", None)],
        ),
        case(
            "DECIMAL(10,2)",
            &[
                ("\"123\"", json!("123.00")),
                ("5", json!("5.00")),
                ("1.5", json!("1.50")),
                ("2.0", json!("2.00")),
                ("-1", json!("-1.00")),
            ],
            &[
                ("\"12.34\"", Some(json!("12.34"))),
                ("\"1.5e3\"", Some(json!("1500.00"))),
                ("-99999999.99", Some(json!("-99999999.99"))),
                ("\"12.345\"", None),
                ("0.1", Some(json!("0.10"))),
            ],
        ),
        case(
            "DECIMAL(76,10)",
            &[
                ("\"123\"", json!("123.0000000000")),
                ("5", json!("5.0000000000")),
                ("1.5", json!("1.5000000000")),
                ("2.0", json!("2.0000000000")),
                ("9223372036854775807", json!("9223372036854775807.0000000000")),
                ("-1", json!("-1.0000000000")),
                ("1e10", json!("10000000000.0000000000")),
                ("9223372036854775808", json!("9223372036854775808.0000000000")),
                ("-9223372036854775808", json!("-9223372036854775808.0000000000")),
            ],
            &[(
                "123456789012345678901234567890.0123456789",
                Some(json!("123456789012345678901234567890.0123456789")),
            )],
        ),
        case("DOUBLE[]", &[("[1.5]", json!([1.5]))], &[("[]", Some(json!([]))), ("[[1]]", None)]),
        case("DOUBLE[][]", &[], &[("[[1],[2]]", Some(json!([[1.0], [2.0]]))), ("[[1],[2,3]]", None)]),
        case("BINARY", &[], &[]),
        case("LONG128", &[], &[]),
    ]
}

#[tokio::test]
async fn every_type_takes_what_it_can_hold_and_refuses_the_rest() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for (number, case) in cases().into_iter().enumerate() {
        let (type_name, table) = (case.type_name, format!("typed_{number}"));
        let sql = format!(
            "CREATE TABLE {table} (id LONG, v {type_name}, at TIMESTAMP) TIMESTAMP(at) PARTITION BY DAY WAL"
        );
        questdb.sql(&sql).await;
        let taken = |value: &str| case.of_every_kind.iter().find(|(other, _)| *other == value);
        let every_kind = EVERY_KIND.iter().filter(|value| **value != "null");
        let offered: Vec<(&str, Option<Value>)> = every_kind
            .map(|value| (*value, taken(value).map(|(_, read)| read.clone())))
            .chain(case.others.iter().cloned())
            .collect();
        let mut expected: BTreeMap<u64, Value> = BTreeMap::new();
        for (id, (value, read)) in (0..).zip(&offered) {
            let batch = Batch::of([format!(r#"{{"id":{id},"v":{value}}}"#)]).encode();
            let (error, messages) = outcome(&wire.call(&produce(&table, 0, batch), 9).await);
            match read {
                Some(read) => {
                    assert_eq!(error, 0, "{value} into {type_name}: {messages:?}");
                    expected.insert(id, read.clone());
                }
                None => {
                    assert_eq!(error, 87, "{value} into {type_name} was taken");
                    assert!(messages[0].contains("column v"), "{value} into {type_name}: {messages:?}");
                    // QuestDB would have put it in other words, after a round trip.
                    assert!(
                        !messages[0].contains("QuestDB refused"),
                        "{value} into {type_name}: {messages:?}"
                    );
                }
            }
        }
        // Null is no value of any type.
        let nothing = offered.len() as u64;
        let batch = Batch::of([format!(r#"{{"id":{nothing},"v":null}}"#)]).encode();
        assert_eq!(outcome(&wire.call(&produce(&table, 0, batch), 9).await).0, 0);

        questdb.wait_for_rows(&table, expected.len() as u64 + 1, PATIENCE).await;
        // QuestDB's JSON has no words for these.
        let column = if matches!(type_name, "BINARY" | "LONG128") { "null" } else { "v" };
        let rows = questdb.sql(&format!("SELECT id, {column} FROM {table} WHERE id != {nothing}")).await;
        let found: BTreeMap<u64, Value> =
            rows.into_iter().map(|row| (row[0].as_u64().unwrap(), row[1].clone())).collect();
        assert_eq!(found, expected, "{type_name}; offered were {offered:?}");
    }
}

/// What the gateway lets through by its own rules for a type, of many values near their edges.
fn let_through(type_name: &str, values: impl Strategy<Value = String>, count: usize) -> Vec<String> {
    let column = |name: &str, type_name: &str| {
        (name.to_owned(), TableColumn { name: name.into(), type_name: type_name.into() })
    };
    let columns = [column("at", "TIMESTAMP"), column("id", "LONG"), column("v", type_name)];
    let schema = TableSchema { designated: Some("at".into()), columns: HashMap::from(columns) };
    let plan =
        Plan::new(&Arc::from("t"), TableName::new("t"), &Arc::new(TopicConfig::default()), &schema).unwrap();
    let mut runner = TestRunner::deterministic();
    let mut block = plan.block_builder();
    let mut through = Vec::new();
    for _ in 0..count {
        let value = values.new_tree(&mut runner).unwrap().current();
        let record = format!(r#"{{"id":{},"v":{value}}}"#, through.len());
        let source = SourceRecord { value: Some(record.as_bytes()), ..SourceRecord::default() };
        if plan.append(&source, &mut block).is_ok() {
            through.push(record);
        }
    }
    through
}

#[tokio::test]
async fn what_is_let_through_is_what_questdb_takes_and_reads_as_no_null() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let integer = || {
        let edge = prop::sample::select(vec![7_u32, 8, 15, 16, 31, 32, 53, 62, 63]);
        prop_oneof![
            any::<i64>().prop_map(|value| value.to_string()),
            (edge, -2_i128..3, any::<bool>()).prop_map(|(bits, add, minus)| {
                let value = (1_i128 << bits) + add;
                if minus { -value } else { value }.to_string()
            }),
        ]
    };
    let number = move || {
        prop_oneof![
            integer(),
            any::<f64>().prop_filter_map("finite", |value| value.is_finite().then(|| format!("{value:?}"))),
            "-?(0|[1-9][0-9]{0,11})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?",
        ]
    };
    let date = "[12][0-9]{3}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?\
                (Z|[+-][01][0-9]:?[0-5][0-9])?)?";
    let texts: [(&str, &str); 10] = [
        ("UUID", "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        ("IPv4", "[1-9][0-9]{0,2}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}"),
        ("CHAR", "[ -~]"),
        ("LONG256", "0x[0-9a-fA-F]{1,66}"),
        ("GEOHASH(8c)", "[0-9b-zB-Z]{6,13}"),
        ("GEOHASH(7b)", "[0-9b-z]{1,4}"),
        ("GEOHASH(60b)", "[0-9b-hjkmnp-z]{12}"),
        ("TIMESTAMP", date),
        ("TIMESTAMP_NS", date),
        ("DATE", date),
    ];
    let decimal = "[-+]?[0-9]{0,12}\\.?[0-9]{0,4}([eE][+-]?[0-9]{1,2})?";
    let decimals = ["DECIMAL(1,0)", "DECIMAL(10,2)", "DECIMAL(18,18)", "DECIMAL(38,10)", "DECIMAL(76,38)"];
    let numbers = ["BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "TIMESTAMP", "TIMESTAMP_NS", "DATE"];
    let quoted = |text: String| serde_json::to_string(&text).unwrap();
    let through = texts
        .iter()
        .map(|(type_name, pattern)| (*type_name, let_through(type_name, pattern.prop_map(quoted), 1_000)))
        .chain(
            decimals
                .iter()
                .map(|type_name| (*type_name, let_through(type_name, decimal.prop_map(quoted), 1_000))),
        )
        .chain(
            decimals
                .iter()
                .chain(&numbers)
                .map(|type_name| (*type_name, let_through(type_name, number(), 1_000))),
        );
    for (index, (type_name, records)) in through.enumerate() {
        assert!(records.len() > 10, "{type_name} takes {} of 1,000", records.len());
        let table = format!("through_{index}");
        let sql = format!(
            "CREATE TABLE {table} (id LONG, v {type_name}, at TIMESTAMP) TIMESTAMP(at) PARTITION BY DAY WAL"
        );
        questdb.sql(&sql).await;
        let rows = records.len() as u64;
        let (error, messages) =
            outcome(&wire.call(&produce(&table, 0, Batch::of(records).encode()), 9).await);
        assert_eq!(error, 0, "{type_name}: {messages:?}");
        questdb.wait_for_rows(&table, rows, PATIENCE).await;
        if !matches!(type_name, "BYTE" | "SHORT") {
            let nulls = questdb.sql(&format!("SELECT id FROM {table} WHERE v IS NULL")).await;
            assert!(nulls.is_empty(), "{type_name}: QuestDB reads null in {nulls:?}");
        }
    }
}

#[tokio::test]
async fn a_column_changed_by_hand_is_picked_up() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    questdb
        .sql("CREATE TABLE changed (id LONG, v LONG, at TIMESTAMP) TIMESTAMP(at) PARTITION BY DAY WAL")
        .await;
    let integer = || produce("changed", 0, Batch::of([r#"{"id":1,"v":1}"#]).encode());
    let fraction = || produce("changed", 0, Batch::of([r#"{"id":2,"v":1.5}"#]).encode());
    assert_eq!(outcome(&wire.call(&integer(), 9).await).0, 0);
    let (error, messages) = outcome(&wire.call(&fraction(), 9).await);
    assert_eq!(error, 87);
    assert!(messages[0].contains("ALTER COLUMN v TYPE DOUBLE"), "{messages:?}");

    questdb.sql("ALTER TABLE changed ALTER COLUMN v TYPE DOUBLE").await;
    // Far below the time for which the gateway believes what it knows of a table.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let (error, messages) = outcome(&wire.call(&fraction(), 9).await);
        if error == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{messages:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    questdb.wait_for_rows("changed", 2, PATIENCE).await;
    let rows = questdb.sql("SELECT id, v FROM changed ORDER BY id").await;
    assert_eq!(rows, [[json!(1), json!(1.0)], [json!(2), json!(1.5)]]);
}

#[tokio::test]
async fn designated_timestamps_of_either_unit() {
    let questdb = QuestDbServer::start().await;
    let config = r#"
        [topics.nanos]
        timestamp = { field = "t" }
        [topics.missing]
        timestamp = { field = "t", format = "dd.MM.yyyy HH:mm z", missing = "record" }
        timestamp_fields = ["born"]
    "#;
    let gateway = Gateway::start(config, questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    questdb.sql("CREATE TABLE nanos (id LONG, at TIMESTAMP_NS) TIMESTAMP(at) PARTITION BY DAY WAL").await;
    let records = [
        r#"{"id":1,"t":"2020-01-02T03:04:05.123456789Z"}"#,
        r#"{"id":2,"t":1600000000123456789}"#,
        r#"{"id":3,"t":9214646399.999999999}"#,
    ];
    let (error, messages) = outcome(&wire.call(&produce("nanos", 0, Batch::of(records).encode()), 9).await);
    assert_eq!(error, 0, "{messages:?}");
    questdb.wait_for_rows("nanos", 3, PATIENCE).await;
    let rows = questdb.sql("SELECT at FROM nanos ORDER BY id").await;
    let expected = [
        "2020-01-02T03:04:05.123456789Z",
        "2020-09-13T12:26:40.123456789Z",
        "2261-12-31T23:59:59.999999999Z",
    ];
    assert_eq!(rows, expected.map(|time| vec![json!(time)]));

    let records =
        [r#"{"id":1,"t":"02.07.2020 03:04 Europe/Berlin","born":"1985-01-02T03:04:05.5Z"}"#, r#"{"id":2}"#];
    let (error, messages) = outcome(&wire.call(&produce("missing", 0, Batch::of(records).encode()), 9).await);
    assert_eq!(error, 0, "{messages:?}");
    questdb.wait_for_rows("missing", 2, PATIENCE).await;
    let rows = questdb.sql("SELECT timestamp, born FROM missing ORDER BY id").await;
    let expected = [
        vec![json!("2020-07-02T01:04:00.000000Z"), json!("1985-01-02T03:04:05.500000Z")],
        vec![json!("2023-11-14T22:13:20.000000Z"), json!(null)],
    ];
    assert_eq!(rows, expected);
    assert_eq!(gateway.sample("quafka_substituted_timestamps_total").await, 1);
}

/// Formats that are read here are read to the same times by QuestDB's own `to_timestamp()`.
#[tokio::test]
async fn formats_mean_what_they_mean_to_questdb() {
    let questdb = QuestDbServer::start().await;
    let formats = [
        "yyyy-MM-ddTHH:mm:ss.SSSUUUZ",
        "yyyyMMddHHmmssSSS",
        "y-M-d H:m:s.U+ z",
        "E, dd MMM yyyy HH:mm:ss z",
        "MMMM d y hh:mm a",
        "YYYY-Www",
        "dd/MM/yy K:mm a",
    ];
    let number = |digits: &str| format!("[0-9]{{{digits}}}");
    // Not around a change to summer time or back: QuestDB looks those up as if the time were UTC.
    let texts = [
        format!("{}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-5][0-9]\\.{}(Z|[+-][0-2][0-9]:?[0-6][0-9])", number("4"), number("6")),
        format!("20{}[01][0-9][0-3][0-9][0-2][0-9][0-5][0-9][0-5][0-9]{}", number("2"), number("2,4")),
        format!("20{}-[0-9]{{1,2}}-[0-3]?[0-9] [0-9]{{1,2}}:[0-9]:[0-9]\\.{} (UTC|GMT\\+0[0-9]|[+-][01][0-9])", number("2"), number("1,7")),
        "(Mon|tuesday|WED|Thur), [0-3][0-9] (jan|Feb|August|JUN|Juni) 20[0-9]{2} [0-2][0-9]:[0-5][0-9]:[0-5][0-9] (GMT|utc|Z|\\+0130|-02|Europe/Paris|PST)".to_owned(),
        "(January|may|December) [0-9]{1,2} [0-9]{2,4} [01][0-9]:[0-5][0-9] (am|PM|pm)".to_owned(),
        "(19|20)[0-9]{2}-W[0-5][0-9]".to_owned(),
        "[0-3][0-9]/[01][0-9]/[0-9]{2} [0-9]{1,2}:[0-5][0-9] ?(am|PM)".to_owned(),
    ];
    let mut runner = TestRunner::deterministic();
    for (format, pattern) in formats.iter().zip(&texts) {
        let own: TimestampFormat = format.parse().unwrap();
        let text = |runner: &mut TestRunner| pattern.as_str().new_tree(runner).unwrap().current();
        let texts: Vec<String> = (0..150).map(|_| text(&mut runner)).collect();
        let mut read = 0;
        for texts in texts.chunks(50) {
            let times: Vec<String> =
                texts.iter().map(|text| format!("to_timestamp('{text}', '{format}')::long")).collect();
            let row = questdb.sql(&format!("SELECT {}", times.join(", "))).await.remove(0);
            for (text, questdb_s) in texts.iter().zip(row) {
                let micros = own.parse(text).and_then(|time| time.micros());
                assert_eq!(micros, questdb_s.as_i64(), "{text:?} by {format:?}");
                read += u64::from(micros.is_some());
            }
        }
        assert!(read > 10, "only {read} of 150 are read by {format:?}");
    }
}
