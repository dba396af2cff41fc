//! `on_error`: bad records are set aside or skipped, all others of their batch are written, and good + bad = sent.
//! Against the real QuestDB.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use kafka_protocol::messages::ProduceResponse;
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use serde_json::{Value, json};
use support::batches::{Batch, produce};
use support::{Gateway, Obstacle, QuestDbServer, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

fn answer(response: &ProduceResponse) -> &PartitionProduceResponse {
    &response.responses[0].partition_responses[0]
}

/// Produces a batch that must be acknowledged: its base offset.
async fn acknowledged(wire: &mut Wire, topic: &str, batch: &Batch) -> i64 {
    let response = wire.call(&produce(topic, 3, batch.encode()), 9).await;
    let answer = answer(&response);
    assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
    answer.base_offset
}

async fn ids(questdb: &QuestDbServer, table: &str) -> Vec<Value> {
    let rows = questdb.sql(&format!("SELECT id FROM '{table}' ORDER BY id")).await;
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

#[tokio::test]
async fn bad_records_are_kept_whole_and_the_others_are_written() {
    let questdb = QuestDbServer::start().await;
    let config = "[topics.kept]\non_error = \"dlq\"\ndlq = { table = \"kept_dead\" }";
    let gateway = Gateway::start(config, questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let mut batch = Batch::of([&b"{\"id\":1}"[..], b"{\"id\":", b"\xff\xfe", b"{\"id\":4}", b"{}"]);
    batch.records[1].0 = Some("key".into());
    let base_offset = acknowledged(&mut wire, "kept", &batch).await;

    questdb.wait_for_rows("kept", 2, PATIENCE).await;
    assert_eq!(ids(questdb, "kept").await, [json!(1), json!(4)]);
    questdb.wait_for_rows("kept_dead", 3, PATIENCE).await;
    let columns =
        "kafka_topic, kafka_partition, kafka_offset, kafka_timestamp, key, value, value_base64, error_column";
    let letters = questdb.sql(&format!("SELECT {columns} FROM kept_dead ORDER BY kafka_offset")).await;
    let letter = |index: i64, key: Value, value: Value, base64: Value, column: Value| {
        let offset = base_offset + index;
        vec![
            json!("kept"),
            json!(3),
            json!(offset),
            json!("2023-11-14T22:13:20.000000Z"),
            key,
            value,
            base64,
            column,
        ]
    };
    assert_eq!(
        letters,
        [
            letter(1, json!("key"), json!("{\"id\":"), json!(null), json!(null)),
            letter(2, json!(null), json!(null), json!("//4="), json!("value")),
            letter(4, json!(null), json!("{}"), json!(null), json!(null)),
        ]
    );
    let errors = questdb.sql("SELECT error FROM kept_dead ORDER BY kafka_offset").await;
    for (error, words) in errors.iter().zip(["not valid JSON", "not UTF-8", "no value for any column"]) {
        assert!(error[0].as_str().unwrap().contains(words), "{error:?}");
    }
    // The next batch's offsets are behind those of the bad records.
    assert_eq!(acknowledged(&mut wire, "kept", &Batch::of(["{\"id\":6}"])).await, base_offset + 5);
    assert_eq!(gateway.sample("quafka_bad_records_total{on_error=\"dlq\"}").await, 3);
    assert!(gateway.log().contains("kept as dead letters"), "{}", gateway.log());
}

#[tokio::test]
async fn a_batch_of_bad_records_only_is_acknowledged_once_it_is_kept() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("[topics.\"*\"]\non_error = \"dlq\"", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    acknowledged(&mut wire, "all_bad", &Batch::of(["{", "{\"id\":"])).await;
    let query = "SELECT count() FROM quafka_dead_letters WHERE kafka_topic = 'all_bad'";
    support::until("letters", PATIENCE, async || {
        questdb.try_sql(query).await.is_ok_and(|rows| rows[0][0] == json!(2))
    })
    .await;
    assert!(questdb.try_sql("SELECT * FROM all_bad").await.is_err(), "no row, no table");
}

#[tokio::test]
async fn bad_records_are_skipped_and_counted_where_so_configured() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("[topics.skipped]\non_error = \"skip\"", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    acknowledged(&mut wire, "skipped", &Batch::of(["{\"id\":1}", "{", "{\"id\":3}", "{\"id\":4}x"])).await;
    questdb.wait_for_rows("skipped", 2, PATIENCE).await;
    assert_eq!(ids(questdb, "skipped").await, [json!(1), json!(3)]);
    assert_eq!(gateway.sample("quafka_bad_records_total{on_error=\"skip\"}").await, 2);
    assert!(gateway.log().contains("skipped: "), "{}", gateway.log());
}

/// The gateway believes for a while what it has seen of a table. When QuestDB refuses rows because of a change since,
/// the rows are made anew, and all that do not fit any more are found at once.
#[tokio::test]
async fn a_table_that_was_altered_costs_one_more_request_and_not_one_a_bad_record() {
    let questdb = QuestDbServer::start_own().await;
    questdb
        .sql("CREATE TABLE altered (id LONG, v VARCHAR, ts TIMESTAMP) TIMESTAMP(ts) PARTITION BY DAY WAL")
        .await;
    let gateway = Gateway::start("[topics.altered]\non_error = \"dlq\"", &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    acknowledged(&mut wire, "altered", &Batch::of([r#"{"id":0,"v":"0"}"#])).await;
    questdb.wait_for_rows("altered", 1, PATIENCE).await;
    questdb.sql("ALTER TABLE altered ALTER COLUMN v TYPE UUID").await;
    support::until("the column is altered", PATIENCE, async || {
        let query = "SELECT type FROM table_columns('altered') WHERE \"column\" = 'v'";
        questdb.sql(query).await == [[json!("UUID")]]
    })
    .await;
    // The first rows after a change are still written as before it by QuestDB itself, and converted.
    acknowledged(&mut wire, "altered", &Batch::of([r#"{"id":-1}"#])).await;

    let value = |id: usize| match id % 10 {
        0 => format!(r#"{{"id":{id},"v":"text {id}"}}"#),
        _ => format!(r#"{{"id":{id},"v":"00000000-0000-0000-0000-{id:012}"}}"#),
    };
    let requests = || gateway.sample("quafka_sink_requests_total{answer=\"rejected\"}");
    let before = requests().await;
    acknowledged(&mut wire, "altered", &Batch::of((1..=100).map(value))).await;
    questdb.wait_for_rows("altered", 92, PATIENCE).await;
    questdb.wait_for_rows("quafka_dead_letters", 10, PATIENCE).await;
    let good: Vec<Value> = (-1..=100).filter(|id| id % 10 != 0 || *id == 0).map(|id| json!(id)).collect();
    assert_eq!(ids(&questdb, "altered").await, good);
    let letters =
        questdb.sql("SELECT value, error_column FROM quafka_dead_letters ORDER BY kafka_offset").await;
    let bad: Vec<_> = (1..=10).map(|n| vec![json!(value(n * 10)), json!("v")]).collect();
    assert_eq!(letters, bad);
    assert_eq!(requests().await - before, 1, "rejected requests");
}

/// Without dead letters the producer sends again what met a table that had just been changed.
#[tokio::test]
async fn a_batch_that_meets_an_altered_table_is_to_be_sent_again() {
    let questdb = QuestDbServer::start_own().await;
    questdb
        .sql("CREATE TABLE resent (id LONG, v DOUBLE, ts TIMESTAMP) TIMESTAMP(ts) PARTITION BY DAY WAL")
        .await;
    let gateway = Gateway::start("", &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    acknowledged(&mut wire, "resent", &Batch::of([r#"{"id":1,"v":1.5}"#])).await;
    questdb.wait_for_rows("resent", 1, PATIENCE).await;
    questdb.sql("ALTER TABLE resent ALTER COLUMN v TYPE TIMESTAMP").await;
    support::until("the column is altered", PATIENCE, async || {
        let query = "SELECT type FROM table_columns('resent') WHERE \"column\" = 'v'";
        questdb.sql(query).await == [[json!("TIMESTAMP")]]
    })
    .await;
    acknowledged(&mut wire, "resent", &Batch::of([r#"{"id":0}"#])).await;
    let batch = Batch::of([r#"{"id":2,"v":1.5}"#]);
    let response = wire.call(&produce("resent", 3, batch.encode()), 9).await;
    let first = answer(&response);
    assert_eq!(first.error_code, 19, "{:?}", first.error_message);
    assert!(first.error_message.as_ref().unwrap().contains("was changed"), "{first:?}");
    let response = wire.call(&produce("resent", 3, batch.encode()), 9).await;
    let second = answer(&response);
    assert_eq!(second.error_code, 87, "{second:?}");
    assert!(second.error_message.as_ref().unwrap().contains("column v is TIMESTAMP"), "{second:?}");
}

#[tokio::test]
async fn dead_letters_go_to_another_cluster_with_their_reasons() {
    let questdb = QuestDbServer::start().await;
    // What stands for the other cluster writes its records into a table, headers and all.
    let other =
        Gateway::start("[topics.\"*\"]\nformat = \"text\"\nheaders = [\"*\"]\nheader_prefix = \"\"", questdb)
            .await;
    let config = format!(
        "[topics.away]\non_error = \"dlq\"\ndlq = {{ topic = \"away_dead\", bootstrap = \"{}\" }}",
        other.bootstrap()
    );
    let gateway = Gateway::start(&config, questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let base_offset = acknowledged(&mut wire, "away", &Batch::of(["{\"id\":1}", "{\"id\":"])).await;
    questdb.wait_for_rows("away", 1, PATIENCE).await;
    questdb.wait_for_rows("away_dead", 1, PATIENCE).await;
    let columns = "value, __connect_errors_topic, __connect_errors_partition, __connect_errors_offset";
    let letters = questdb.sql(&format!("SELECT {columns} FROM away_dead")).await;
    let offset = (base_offset + 1).to_string();
    assert_eq!(letters, [[json!("{\"id\":"), json!("away"), json!("3"), json!(offset)]]);
    let error = questdb.sql("SELECT __connect_errors_exception_message FROM away_dead").await;
    assert!(error[0][0].as_str().unwrap().contains("not valid JSON"), "{error:?}");
}

/// A batch whose letters cannot be kept is not acknowledged. Its good rows are written by then, and are not written
/// again when it is sent again.
#[tokio::test]
async fn no_acknowledgement_without_the_letters() {
    let questdb = QuestDbServer::start().await;
    let port = quafka::demo::questdb_server::free_port().unwrap();
    let config = format!(
        "[topics.unkept]\non_error = \"dlq\"\ndlq = {{ topic = \"unkept_dead\", bootstrap = \"127.0.0.1:{port}\" }}"
    );
    let gateway = Gateway::start(&config, questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let batch = Batch::of(["{\"id\":1}", "{"]);
    let mut request = produce("unkept", 3, batch.encode());
    request.timeout_ms = 2_000;
    let response = wire.call(&request, 9).await;
    let answer = answer(&response);
    assert_eq!(answer.error_code, 19, "{answer:?}");
    let message = answer.error_message.as_ref().unwrap();
    assert!(message.contains("dead letters cannot be sent to topic unkept_dead at 127.0.0.1:"), "{message}");
    assert!(message.contains("a part of the batch is done"), "{message}");

    let config = format!("listen = \"127.0.0.1:{port}\"\n[topics.\"*\"]\nformat = \"text\"");
    let _other = Gateway::start(&config, questdb).await;
    acknowledged(&mut wire, "unkept", &batch).await;
    questdb.wait_for_rows("unkept_dead", 1, PATIENCE).await;
    questdb.wait_for_rows("unkept", 1, PATIENCE).await;
    // It is over with that: the next of the same content is another batch.
    acknowledged(&mut wire, "unkept", &batch).await;
    questdb.wait_for_rows("unkept_dead", 2, PATIENCE).await;
    questdb.wait_for_rows("unkept", 2, PATIENCE).await;
}

/// The other way round: the letters and the rows of one table are written, and those of another are not. By a producer
/// without idempotence and by one with it.
#[tokio::test]
async fn what_is_done_of_a_batch_is_not_done_twice() {
    let questdb = QuestDbServer::start().await;
    let obstacle = Obstacle::before(questdb).await;
    let config =
        "[topics.parts]\non_error = \"dlq\"\ntable = \"parts_${key}\"\ndlq = { table = \"parts_dead\" }";
    let gateway = Gateway::start_with_conf(config, &obstacle.http_conf()).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let mut batch = Batch::of(["{\"id\":1}", "{\"id\":2}", "{", "{\"id\":4}"]);
    for (record, key) in batch.records.iter_mut().zip(["a", "b", "a", "a"]) {
        record.0 = Some(key.into());
    }
    for (round, batch) in (1..).zip([batch.clone(), batch.from_producer(7, 0, 0)]) {
        obstacle.block(Some("parts_b"));
        for attempt in 1..=2 {
            let blocked = obstacle.blocked();
            let response = wire.call(&produce("parts", 3, batch.encode()), 9).await;
            let answer = answer(&response);
            assert_eq!(answer.error_code, 19, "round {round}, attempt {attempt}: {answer:?}");
            assert_eq!(obstacle.blocked(), blocked + 1);
        }
        obstacle.block(None);
        acknowledged(&mut wire, "parts", &batch).await;
        questdb.wait_for_rows("parts_a", 2 * round, PATIENCE).await;
        questdb.wait_for_rows("parts_b", round, PATIENCE).await;
        questdb.wait_for_rows("parts_dead", round, PATIENCE).await;
    }
    assert_eq!(ids(questdb, "parts_a").await, [1, 1, 4, 4].map(|id| json!(id)));
}

/// QuestDB commits table by table: where it refuses rows for one, those for another may be there.
#[tokio::test]
async fn a_refusal_says_which_tables_have_rows_of_the_batch() {
    let questdb = QuestDbServer::start().await;
    // The gateway knows a view's columns, and not that it takes no rows.
    questdb
        .sql("CREATE TABLE halves_a (id LONG, timestamp TIMESTAMP) TIMESTAMP(timestamp) PARTITION BY DAY WAL")
        .await;
    let view = "SELECT timestamp, max(id) id FROM halves_a SAMPLE BY 1h";
    questdb.sql(&format!("CREATE MATERIALIZED VIEW halves_b AS ({view}) PARTITION BY DAY")).await;
    let gateway = Gateway::start("[topics.halves]\ntable = \"halves_${key}\"", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let mut batch = Batch::of(["{\"id\":1}", "{\"id\":2}"]);
    for (record, key) in batch.records.iter_mut().zip(["a", "b"]) {
        record.0 = Some(key.into());
    }
    batch.records[1].0 = Some("b".into());
    let batch = batch.from_producer(8, 0, 0);
    // The second time it is told what became of the first.
    for attempt in 1..=2 {
        let response = wire.call(&produce("halves", 3, batch.encode()), 9).await;
        let answer = answer(&response);
        assert_eq!(answer.error_code, 87, "attempt {attempt}: {answer:?}");
        let message = answer.error_message.as_ref().unwrap();
        assert!(
            message.starts_with("the batch was refused, but its rows for `halves_a` are written; record 1: "),
            "{message}"
        );
        assert_eq!(answer.record_errors.len(), 1, "{answer:?}");
    }
    questdb.wait_for_rows("halves_a", 1, PATIENCE).await;
}

/// Also those that QuestDB refuses, which are found one after the other.
#[tokio::test]
async fn every_record_that_is_skipped_is_counted() {
    let questdb = QuestDbServer::start().await;
    questdb
        .sql("CREATE TABLE viewed (id LONG, timestamp TIMESTAMP) TIMESTAMP(timestamp) PARTITION BY DAY WAL")
        .await;
    let view = "SELECT timestamp, max(id) id FROM viewed SAMPLE BY 1h";
    questdb.sql(&format!("CREATE MATERIALIZED VIEW counted AS ({view}) PARTITION BY DAY")).await;
    let gateway = Gateway::start("[topics.counted]\non_error = \"skip\"", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    acknowledged(&mut wire, "counted", &Batch::of(["{\"id\":1}", "{", "{\"id\":3}", "{\"id\":4}"])).await;
    assert_eq!(gateway.sample("quafka_bad_records_total{on_error=\"skip\"}").await, 4);
}

/// What the gateway has seen of a table is doubted for every bad record, and not only for the first of a batch.
#[tokio::test]
async fn a_changed_column_is_noticed_behind_a_record_that_is_bad_anyway() {
    let questdb = QuestDbServer::start_own().await;
    questdb
        .sql("CREATE TABLE noticed (id LONG, v DOUBLE, ts TIMESTAMP) TIMESTAMP(ts) PARTITION BY DAY WAL")
        .await;
    let gateway = Gateway::start("[topics.noticed]\non_error = \"skip\"", &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    acknowledged(&mut wire, "noticed", &Batch::of([r#"{"id":1,"v":1.5}"#])).await;
    questdb.sql("ALTER TABLE noticed ALTER COLUMN v TYPE VARCHAR").await;
    support::until("the column is altered", PATIENCE, async || {
        let query = "SELECT type FROM table_columns('noticed') WHERE \"column\" = 'v'";
        questdb.sql(query).await == [[json!("VARCHAR")]]
    })
    .await;
    // The first rows after a change are still written as before it by QuestDB itself.
    acknowledged(&mut wire, "noticed", &Batch::of([r#"{"id":0}"#])).await;
    // By itself the gateway looks again after 30 s.
    let mut sent = 0;
    support::until("a text is written", Duration::from_secs(25), async || {
        sent += 1;
        acknowledged(&mut wire, "noticed", &Batch::of(["{", r#"{"id":2,"v":"text"}"#])).await;
        questdb.sql("SELECT id FROM noticed WHERE id = 2").await.len() == 1
    })
    .await;
    // All of them were counted: the first of each batch, and the second until the change was noticed.
    let skipped = gateway.sample("quafka_bad_records_total{on_error=\"skip\"}").await;
    assert!((sent..=2 * sent).contains(&skipped), "{skipped} of {sent} batches");
}
