//! Formats and transforms through the real gateway into the real QuestDB.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::batches::{Batch, produce_all};
use support::{Gateway, QuestDbServer, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

const TOPICS: &str = r#"
[topics.f_envelope]
format = "json_envelope"

[topics.f_csv]
format = "csv"
csv = { columns = ["id", "price", "zip"] }

[topics.f_influx]
format = "influx"

[topics.f_rows]
format = "json"
top_level_array = "rows"

[topics.f_long]
format = "long"

[topics."f_raw_trades"]
format = "json"
transforms = [
    { type = "Filter", predicate = { type = "TopicNameMatches", pattern = "nothing" } },
    { type = "ExtractField", field = "payload" },
    { type = "ReplaceField", renames = { px = "price" }, exclude = ["secret"] },
    { type = "InsertField", offset.field = "kafka_offset", static.field = "source", static.value = "test" },
    { type = "RegexRouter", regex = "(.*)_raw_(.*)", replacement = "$1_$2" },
]
"#;

#[tokio::test]
async fn each_format_becomes_rows() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start(TOPICS, questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let envelope = r#"{"schema":{"type":"struct","fields":[{"type":"float","field":"f"},
        {"type":"int32","field":"n","default":7},{"type":"double","field":"d"}]},"payload":{"f":0.1,"d":1}}"#;
    let long: &[u8] = &42_i64.to_be_bytes();
    let batch = |topic, records: &[&[u8]]| {
        let records: Vec<_> = records.iter().map(|record| bytes::Bytes::copy_from_slice(record)).collect();
        (topic, 0, Batch::of(records).encode())
    };
    let trade: &[u8] = br#"{"payload":{"id":1,"px":1.5,"secret":"x"}}"#;
    let response = wire
        .call(
            &produce_all(
                -1,
                [
                    batch("f_envelope", &[envelope.as_bytes()]),
                    batch("f_csv", &[b"1,1.50,007", b"2,,\"a,b\""]),
                    batch("f_influx", &[b"f_cpu,host=a usage=1.5 1600000000000000000\nf_mem used=5i"]),
                    batch("f_rows", &[br#"[{"a":1},{"a":2}]"#, br#"{"a":3}"#]),
                    batch("f_long", &[long]),
                    batch("f_raw_trades", &[trade]),
                ],
            ),
            9,
        )
        .await;
    for answer in response.responses.iter().flat_map(|topic| &topic.partition_responses) {
        assert_eq!(answer.error_code, 0, "{answer:?}");
    }
    let rows: [(&str, &str, u64, Value); 7] = [
        ("f_envelope", "f, n, d", 1, json!([[0.10000000149011612, 7, 1.0]])),
        ("f_csv", "id, price, zip", 2, json!([[1, 1.5, "007"], [2, null, "a,b"]])),
        ("f_cpu", "usage, timestamp", 1, json!([[1.5, "2020-09-13T12:26:40.000000Z"]])),
        ("f_mem", "used", 1, json!([[5]])),
        ("f_rows", "a", 3, json!([[1], [2], [3]])),
        ("f_long", "value", 1, json!([[42]])),
        ("f_trades", "id, price, source", 1, json!([[1, 1.5, "test"]])),
    ];
    for (table, columns, count, expected) in rows {
        questdb.wait_for_rows(table, count, PATIENCE).await;
        let first = columns.split(',').next().unwrap();
        let found = questdb.sql(&format!("SELECT {columns} FROM {table} ORDER BY {first}")).await;
        assert_eq!(json!(found), expected, "{table}");
    }
    let columns = questdb.sql("SELECT \"column\" FROM table_columns('f_trades') ORDER BY 1").await;
    assert_eq!(json!(columns), json!([["id"], ["kafka_offset"], ["price"], ["source"], ["timestamp"]]));
}

/// A wrong transform is no surprise for the first record: the gateway does not start with it.
#[test]
fn a_wrong_transform_is_found_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("quafka.toml");
    std::fs::write(&file, "[topics.\"orders-*\"]\ntransforms = [{ type = \"Flaten\" }]\n").unwrap();
    // An address that is nobody's (RFC 5737): a gateway that did start would end there.
    let output = Command::new(env!("CARGO_BIN_EXE_quafka"))
        .args(["serve", "--listen", "192.0.2.1:0", "--admin", "127.0.0.1:0", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    let place = format!("{}:2: topics.\"orders-*\".transforms: number 1, `Flaten`: ", file.display());
    assert!(said.contains(&place) && said.contains("did you mean `Flatten`?"), "{said}");
}
