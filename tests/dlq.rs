//! `quafka dlq`: letters are listed, shown and sent again, against the real gateway and QuestDB.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::{Command, Output};
use std::time::Duration;

use quafka::producer::{OutgoingRecord, Producer, encode_records};
use serde_json::{Value, json};
use support::{Gateway, QuestDbServer};

const PATIENCE: Duration = Duration::from_secs(30);

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// `quafka dlq` with these arguments, which are divided by blanks.
fn dlq(questdb: &QuestDbServer, line: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quafka"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("QUAFKA_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.arg("dlq").args(line.split(' ')).args(["--questdb", &questdb.http_conf()]);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Produces one batch, which must be acknowledged: its base offset.
async fn produce(gateway: &Gateway, topic: &str, records: &[OutgoingRecord<'_>]) -> i64 {
    let mut producer = Producer::connect(&gateway.bootstrap(), 1).await.unwrap();
    let batch = encode_records(records).unwrap();
    producer.send(topic, 3, batch).await.unwrap().wait().await.unwrap().base_offset
}

fn record(value: &str) -> OutgoingRecord<'_> {
    OutgoingRecord {
        timestamp_ms: 1_700_000_000_123,
        value: Some(value.as_bytes()),
        ..OutgoingRecord::default()
    }
}

#[tokio::test]
async fn what_was_bad_becomes_rows_once_its_reason_is_gone() {
    let questdb = QuestDbServer::start().await;
    let columns = "id LONG, price LONG, header_source VARCHAR, key VARCHAR, timestamp TIMESTAMP";
    questdb.sql(&format!("CREATE TABLE mended ({columns}) TIMESTAMP(timestamp) PARTITION BY DAY WAL")).await;
    let topic = "[topics.mended]\nheaders = [\"source\"]\ndlq = { table = \"mended_dead\" }\n";
    let gateway = Gateway::start(&format!("{topic}on_error = \"dlq\""), questdb).await;
    let headers = [("source".to_owned(), Some(b"test".to_vec()))];
    let bad = OutgoingRecord {
        key: Some(b"k"),
        headers: &headers,
        timestamp_ms: 1_700_000_000_456,
        ..record(r#"{"id":2,"price":1.5}"#)
    };
    let sent = [record(r#"{"id":1,"price":1}"#), bad, record("{\"id\":3"), record(r#"{"id":4,"price":4}"#)];
    let base_offset = produce(&gateway, "mended", &sent).await;
    questdb.wait_for_rows("mended", 2, PATIENCE).await;
    questdb.wait_for_rows("mended_dead", 2, PATIENCE).await;

    let list = dlq(questdb, "list --table mended_dead --json");
    assert_eq!(list.code, Some(0), "{}", list.stderr);
    let groups = list.lines();
    assert_eq!(groups.len(), 2, "{}", list.stdout);
    let of_price = groups.iter().find(|group| group["column"] == "price").unwrap();
    assert_eq!(
        (&of_price["topic"], &of_price["letters"], &of_price["replayed"]),
        (&json!("mended"), &json!(1), &json!(0))
    );
    assert!(of_price["last_error"].as_str().unwrap().contains("column price is LONG"), "{of_price}");
    let list = dlq(questdb, "list --table mended_dead --limit 1").stdout;
    assert!(list.contains("mended") && list.contains("1 letter more for other reasons"), "{list}");
    let show = dlq(
        questdb,
        &format!("show --table mended_dead --topic mended --partition 3 --offset {}", base_offset + 1),
    );
    for words in [
        "key:       k",
        "header source: test",
        r#"{"id":2,"price":1.5}"#,
        "column price is LONG",
        "dlq replay",
    ] {
        assert!(show.stdout.contains(words), "{words} in\n{}", show.stdout);
    }

    questdb.sql("ALTER TABLE mended ALTER COLUMN price TYPE DOUBLE").await;
    support::until("the column is altered", PATIENCE, async || {
        let query = "SELECT type FROM table_columns('mended') WHERE \"column\" = 'price'";
        questdb.sql(query).await == [[json!("DOUBLE")]]
    })
    .await;
    // Another gateway, which refuses what is still bad.
    let gateway = Gateway::start(topic, questdb).await;
    // The first rows after a change are still written as before it by QuestDB itself.
    produce(&gateway, "mended", &[record(r#"{"id":0}"#)]).await;
    let dry = dlq(questdb, "replay --table mended_dead --dry-run");
    assert_eq!(dry.stdout, "would send 2 letters to mended, partition 3\n", "{}", dry.stderr);
    let replay = format!("replay --table mended_dead --to {}", gateway.bootstrap());
    let replayed = dlq(questdb, &replay);
    assert_eq!(
        replayed.stdout, "1 letter sent again and acknowledged\n1 letter refused again, and still here\n",
        "{}",
        replayed.stderr
    );
    assert_eq!(replayed.code, Some(1));
    let offset = base_offset + 2;
    assert!(
        replayed.stderr.starts_with(&format!("mended, partition 3, offset {offset}: refused again: ")),
        "{}",
        replayed.stderr
    );
    questdb.wait_for_rows("mended", 4, PATIENCE).await;
    let rows = questdb
        .sql("SELECT id, price, header_source, key, timestamp FROM mended WHERE id > 0 ORDER BY id")
        .await;
    let row = |id: i64, price: f64, source: Value, key: Value, millis: i64| {
        vec![json!(id), json!(price), source, key, json!(format!("2023-11-14T22:13:20.{millis}000Z"))]
    };
    assert_eq!(
        rows,
        [
            row(1, 1.0, Value::Null, Value::Null, 123),
            row(2, 1.5, json!("test"), json!("k"), 456),
            row(4, 4.0, Value::Null, Value::Null, 123),
        ]
    );

    // Once is enough, and what was refused is tried again.
    let again = dlq(questdb, &replay);
    assert_eq!(
        again.stdout, "0 letters sent again and acknowledged\n1 letter refused again, and still here\n",
        "{}",
        again.stderr
    );
    let show = dlq(questdb, "show --table mended_dead --json").lines();
    let marks: Vec<_> = show.iter().map(|letter| letter["replayed"].is_null()).collect();
    assert_eq!(marks, [true, false], "{show:?}");
    // Unless more are wanted.
    let again = dlq(questdb, &format!("{replay} --again --limit 1"));
    assert_eq!((again.stdout.as_str(), again.code), ("1 letter sent again and acknowledged\n", Some(0)));
    questdb.wait_for_rows("mended", 5, PATIENCE).await;

    let port = quafka::demo::questdb_server::free_port().unwrap();
    let away = dlq(questdb, &format!("replay --table mended_dead --to 127.0.0.1:{port}"));
    assert_eq!((away.stdout.as_str(), away.code), ("0 letters sent again and acknowledged\n", Some(1)));
    let words = format!("connection to 127.0.0.1:{port}: Connection refused");
    assert!(
        away.stderr.contains(&words) && away.stderr.contains("stays for another replay"),
        "{}",
        away.stderr
    );
}

/// Where every record is bad, those that are sent again come back as letters: with all that they had.
#[tokio::test]
async fn records_are_sent_again_byte_for_byte() {
    let questdb = QuestDbServer::start().await;
    let config = "[topics.exact]\nformat = \"raw\"\nkey_format = \"raw\"\nrequired = [\"nobody\"]\non_error = \"dlq\"\n\
                  dlq = { table = \"exact_dead\" }";
    let gateway = Gateway::start(config, questdb).await;
    let headers = [
        ("a".to_owned(), Some(b"1".to_vec())),
        ("a".to_owned(), None),
        (String::new(), Some(Vec::new())),
        ("\"\\\u{1}ü".to_owned(), Some(vec![0, 0xff])),
    ];
    let all_bytes: Vec<u8> = (0..=255).collect();
    let controls: Vec<u8> = (1..32).collect();
    let keys: [Option<&[u8]>; 5] = [None, Some(b""), Some(b"key"), Some(&all_bytes), Some(b"\0")];
    let values: [&[u8]; 5] =
        [b"text", &all_bytes, &controls, "\u{1f600} \"quoted\" \\ \u{7f}".as_bytes(), b" \0 "];
    let records: Vec<_> = keys
        .into_iter()
        .zip(values)
        .enumerate()
        .map(|(index, (key, value))| OutgoingRecord {
            timestamp_ms: 1_700_000_000_000 + index as i64,
            key,
            value: Some(value),
            headers: if index % 2 == 0 { &headers } else { &[] },
        })
        .collect();
    let first = produce(&gateway, "exact", &records).await;
    questdb.wait_for_rows("exact_dead", 5, PATIENCE).await;
    let letters = |from: i64| {
        let shown = dlq(questdb, "show --table exact_dead --limit 1000 --json");
        let mut letters = shown.lines();
        letters.sort_by_key(|letter| letter["offset"].as_i64());
        letters.retain(|letter| letter["offset"].as_i64().unwrap() >= from);
        letters
    };
    let content = |letters: &[Value]| -> Vec<Value> {
        letters
            .iter()
            .map(|letter| {
                let mut letter = letter.clone();
                let fields = letter.as_object_mut().unwrap();
                fields.retain(|name, _| !["offset", "arrived", "replayed"].contains(&name.as_str()));
                letter
            })
            .collect()
    };
    let before = letters(first);
    assert_eq!(before.len(), 5);
    assert_eq!(
        (&before[0]["key"], &before[1]["key"], &before[2]["key"]),
        (&json!(null), &json!(""), &json!("key"))
    );
    assert_eq!(before[2]["value"], json!(String::from_utf8(controls.clone()).unwrap()));
    assert_eq!(before[1]["headers"], json!([]));
    assert_eq!(
        before[0]["headers"],
        json!([
            { "key": "a", "value": "1" },
            { "key": "a", "value": null },
            { "key": "", "value": "" },
            { "key": "\"\\\u{1}ü", "value_base64": "AP8=" },
        ])
    );
    assert_eq!(before[4]["timestamp"], json!("2023-11-14T22:13:20.004000Z"));

    let replay = format!("replay --table exact_dead --to {}", gateway.bootstrap());
    let replayed = dlq(questdb, &replay);
    assert_eq!(
        replayed.stdout,
        "5 letters sent again and acknowledged\n  5 of them became dead letters again, with new offsets: see quafka dlq \
         show\n",
        "{}",
        replayed.stderr
    );
    assert_eq!(replayed.code, Some(1));
    questdb.wait_for_rows("exact_dead", 10, PATIENCE).await;
    let after = letters(first + 5);
    assert_eq!(content(&after), content(&before));
    let marked = |letters: &[Value]| letters.iter().filter(|letter| letter["replayed"].is_string()).count();
    assert_eq!((marked(&letters(first)), marked(&after)), (5, 0));
}

/// As large as a record can be, and more than one answer of QuestDB's may hold.
#[tokio::test]
async fn large_records_are_sent_again() {
    let questdb = QuestDbServer::start().await;
    let config = "[topics.large]\nformat = \"raw\"\nrequired = [\"nobody\"]\non_error = \"dlq\"\n\
                  dlq = { table = \"large_dead\" }";
    let gateway = Gateway::start(config, questdb).await;
    let quotes = "\"\n".repeat(200_000);
    let mut values: Vec<Vec<u8>> = vec![vec![0xff; 1_000_000]];
    values.extend((0..8).map(|number| format!("{number}{quotes}").into_bytes()));
    for value in &values {
        let record = OutgoingRecord { value: Some(value), ..OutgoingRecord::default() };
        produce(&gateway, "large", &[record]).await;
    }
    questdb.wait_for_rows("large_dead", 9, PATIENCE).await;
    let replayed = dlq(questdb, &format!("replay --table large_dead --to {}", gateway.bootstrap()));
    assert!(replayed.stdout.starts_with("9 letters sent again and acknowledged\n"), "{}", replayed.stderr);
    questdb.wait_for_rows("large_dead", 18, PATIENCE).await;
    let letters = "SELECT value, value_base64 FROM large_dead";
    let differing = questdb
        .sql(&format!("SELECT count() FROM (SELECT n FROM (SELECT value, value_base64, count() n FROM ({letters})) WHERE n <> 2)"))
        .await;
    assert_eq!(differing, [[json!(0)]]);
}

/// Many letters of several partitions, in their order, also where a whole page is refused.
#[tokio::test]
async fn the_order_of_a_partition_is_kept() {
    let questdb = QuestDbServer::start().await;
    let topic = "[topics.ordered]\nrecord_columns = { offset = \"o\" }\ndlq = { table = \"ordered_dead\" }\n";
    let gateway =
        Gateway::start(&format!("{topic}on_error = \"dlq\"\nrequired = [\"nobody\"]"), questdb).await;
    let values: Vec<String> = (0..1_200).map(|id| format!("{{\"id\":{id}}}")).collect();
    for some in values.chunks(300) {
        produce(&gateway, "ordered", &some.iter().map(|value| record(value)).collect::<Vec<_>>()).await;
    }
    questdb.wait_for_rows("ordered_dead", 1_200, PATIENCE).await;
    let gateway = Gateway::start(topic, questdb).await;
    let replayed = dlq(questdb, &format!("replay --table ordered_dead --to {}", gateway.bootstrap()));
    assert_eq!(
        (replayed.stdout.as_str(), replayed.code),
        ("1200 letters sent again and acknowledged\n", Some(0)),
        "{}",
        replayed.stderr
    );
    questdb.wait_for_rows("ordered", 1_200, PATIENCE).await;
    let rows = questdb.sql("SELECT id FROM ordered ORDER BY o").await;
    assert_eq!(rows, (0..1_200).map(|id| vec![json!(id)]).collect::<Vec<_>>());
    let list = dlq(questdb, "list --table ordered_dead --json").lines();
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!((&list[0]["letters"], &list[0]["replayed"]), (&json!(1_200), &json!(1_200)));
}

#[tokio::test]
async fn what_cannot_be_is_said() {
    let questdb = QuestDbServer::start().await;
    let none = dlq(questdb, "list --table no_such_table");
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("QuestDB has no table `no_such_table`"), "{}", none.stderr);
    questdb
        .sql("CREATE TABLE no_letters (timestamp TIMESTAMP) TIMESTAMP(timestamp) PARTITION BY DAY WAL")
        .await;
    let other = dlq(questdb, "show --table no_letters");
    assert!(other.stderr.contains("has no column `kafka_topic`"), "{}", other.stderr);
}
