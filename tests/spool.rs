//! Batches that wait on disk for QuestDB. Against servers of our own, which are killed.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use support::batches::{Batch, produce};
use support::{Gateway, Proxy, QuestDbServer, Trouble, Wire, until};

const PATIENCE: Duration = Duration::from_secs(60);
const NOT_ENOUGH_REPLICAS: i16 = 19;
const VERSION: i16 = 9;

fn errors(response: &ProduceResponse) -> Vec<i16> {
    let partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    partitions.map(|partition| partition.error_code).collect()
}

/// The configuration with a data dir of the gateway's own.
fn spooled(folder: &tempfile::TempDir, durability: &str, more: &str) -> String {
    let data_dir = folder.path().join("data");
    format!("data_dir = {:?}\ndurability = \"{durability}\"\n{more}", data_dir.display().to_string())
}

/// Sends rows numbered from `first` on, as an idempotent producer that has one batch in flight, and again what failed.
/// Returns how often it was told to wait.
async fn send(
    wire: &mut Wire,
    topic: &str,
    partition: i32,
    producer: (i64, i16),
    rows: std::ops::Range<i32>,
) -> u32 {
    const ROWS: i32 = 10;
    let mut told_to_wait = 0;
    let mut first = rows.start;
    while first < rows.end {
        // All of one instant, so that the table has them in the order in which they were written.
        let values =
            (first..first + ROWS).map(|seq| format!(r#"{{"at":1700000000,"p":{partition},"seq":{seq}}}"#));
        let batch = Batch::of(values).from_producer(producer.0, producer.1, first);
        let request = produce(topic, partition, batch.encode()).with_timeout_ms(30_000);
        match errors(&wire.call(&request, VERSION).await)[..] {
            [0] => first += ROWS,
            [NOT_ENOUGH_REPLICAS] => told_to_wait += 1,
            ref other => panic!("{other:?}"),
        }
    }
    told_to_wait
}

async fn producer(wire: &mut Wire) -> (i64, i16) {
    let producer = wire.call(&InitProducerIdRequest::default().with_transactional_id(None), 4).await;
    (producer.producer_id.0, producer.producer_epoch)
}

/// Every row once, and the rows of a partition in the order in which they were sent.
async fn is_exact(questdb: &QuestDbServer, topic: &str, partitions: i32, rows: i32) {
    questdb.wait_for_rows(topic, (partitions * rows) as u64, PATIENCE).await;
    let counted = questdb
        .sql(&format!("SELECT p, count(), count_distinct(seq), min(seq), max(seq) FROM {topic} ORDER BY p"))
        .await;
    for (partition, row) in counted.iter().enumerate() {
        assert_eq!(
            *row,
            [partition as i32, rows, rows, 0, rows - 1].map(serde_json::Value::from),
            "{counted:?}"
        );
    }
    assert_eq!(counted.len(), partitions as usize);
    let mut next = vec![0; partitions as usize];
    for row in questdb.sql(&format!("SELECT p, seq FROM {topic}")).await {
        let [partition, seq] = [0, 1].map(|column| row[column].as_i64().unwrap());
        assert_eq!(seq, next[partition as usize], "partition {partition}");
        next[partition as usize] += 1;
    }
}

const OF_ONE_INSTANT: &str = "[topics.\"*\"]\ntimestamp = { field = \"at\", unit = \"seconds\" }\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_spool_mode_batches_are_taken_while_questdb_is_away_and_across_kills_of_the_gateway() {
    let mut questdb = QuestDbServer::start_own().await;
    questdb.kill();
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::start(&spooled(&folder, "spool", OF_ONE_INSTANT), &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let ids = producer(&mut wire).await;
    for partition in 0..3 {
        assert_eq!(send(&mut wire, "kept", partition, ids, 0..500).await, 0);
    }
    assert_eq!(gateway.sample("quafka_spool_batches").await, 150);
    // What was sent before the kill and is sent again is known, though this is another life.
    gateway.kill();
    gateway.restart().await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for partition in 0..3 {
        assert_eq!(send(&mut wire, "kept", partition, ids, 490..1_000).await, 0);
    }
    let listed = quafka_spool(&gateway, "ls");
    let told = String::from_utf8(listed.stdout).unwrap();
    // 51 more of each, of which one was known.
    assert!(
        told.contains("300 batches wait")
            && told.lines().any(|line| line.starts_with("kept ") && line.contains(" 100 ")),
        "{told}"
    );
    assert!(quafka_spool(&gateway, "verify").status.success());
    let refused = quafka_spool(&gateway, "drain");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("another quafka uses this folder"));
    questdb.restart().await;
    is_exact(&questdb, "kept", 3, 1_000).await;
    until("the spool is empty", PATIENCE, async || gateway.sample("quafka_spool_batches").await == 0).await;
    // Nothing of it comes again.
    assert!(gateway.terminate().await.success());
    gateway.restart().await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    send(&mut wire, "kept", 0, ids, 1_000..1_010).await;
    questdb.wait_for_rows("kept", 3_010, PATIENCE).await;
    assert_eq!(questdb.count("kept").await, 3_010);
}

fn quafka_spool(gateway: &Gateway, action: &str) -> std::process::Output {
    let config = gateway.folder().join("quafka.toml");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_quafka"));
    command.args(["spool", action, "--config"]).arg(config).output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_is_drained_without_a_gateway() {
    let mut questdb = QuestDbServer::start_own().await;
    questdb.kill();
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::start(&spooled(&folder, "spool", OF_ONE_INSTANT), &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let ids = producer(&mut wire).await;
    send(&mut wire, "drained", 0, ids, 0..500).await;
    gateway.kill();
    questdb.restart().await;
    let drained = quafka_spool(&gateway, "drain");
    assert!(drained.status.success(), "{drained:?}");
    is_exact(&questdb, "drained", 1, 500).await;
    let told = String::from_utf8(quafka_spool(&gateway, "ls").stdout).unwrap();
    assert!(told.contains("0 batches wait"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_overflow_mode_only_what_questdb_does_not_take_in_time_goes_through_the_spool() {
    let mut questdb = QuestDbServer::start_own().await;
    let folder = tempfile::tempdir().unwrap();
    let more = format!("[spool]\noverflow_after = \"5s\"\n{OF_ONE_INSTANT}");
    let gateway = Gateway::start(&spooled(&folder, "overflow", &more), &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let ids = producer(&mut wire).await;
    send(&mut wire, "too_much", 0, ids, 0..500).await;
    assert_eq!(gateway.sample("quafka_spool_appended_total").await, 0);
    questdb.kill();
    let away = Instant::now();
    send(&mut wire, "too_much", 0, ids, 500..1_000).await;
    // Only the first batch waited; the others saw that it did.
    assert!(away.elapsed() < Duration::from_secs(30), "{:?}", away.elapsed());
    assert_eq!(gateway.sample("quafka_spool_batches").await, 50);
    questdb.restart().await;
    until("the spool is empty", PATIENCE, async || gateway.sample("quafka_spool_batches").await == 0).await;
    let appended = gateway.sample("quafka_spool_appended_total").await;
    send(&mut wire, "too_much", 0, ids, 1_000..1_500).await;
    assert_eq!(gateway.sample("quafka_spool_appended_total").await, appended, "it goes directly again");
    is_exact(&questdb, "too_much", 1, 1_500).await;
}

/// QuestDB stands still: the first of five batches is under way to it for longer than its producer waits, and the others are
/// given up meanwhile. They must not go to the spool before the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_overflow_mode_a_batch_of_which_nothing_is_known_is_not_overtaken() {
    let mut questdb = QuestDbServer::start_own().await;
    let folder = tempfile::tempdir().unwrap();
    let more = format!("[spool]\noverflow_after = \"200ms\"\n{OF_ONE_INSTANT}");
    let conf = format!("{}request_timeout=2500;", questdb.http_conf());
    let gateway = Gateway::start_with_conf(&spooled(&folder, "overflow", &more), &conf).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let ids = producer(&mut wire).await;
    send(&mut wire, "overtaken", 0, ids, 0..10).await;
    questdb.wait_for_rows("overtaken", 10, PATIENCE).await;
    send(&mut wire, "overtaken", 0, ids, 10..20).await;
    questdb.pause();
    let mut sent = Vec::new();
    for first in (20..70).step_by(10) {
        let values = (first..first + 10).map(|seq| format!(r#"{{"at":1700000000,"p":0,"seq":{seq}}}"#));
        let batch = Batch::of(values).from_producer(ids.0, ids.1, first);
        let request = produce("overtaken", 0, batch.encode()).with_timeout_ms(1_000);
        sent.push(wire.send(&request, VERSION).await);
    }
    for id in sent {
        let answer = wire.receive::<ProduceRequest>(id, VERSION).await;
        println!("{:?}", errors(&answer));
    }
    // All of them wait on disk before QuestDB goes on, so that nothing of the first attempt is written.
    until("all are in the spool", PATIENCE, async || gateway.sample("quafka_spool_batches").await == 5).await;
    questdb.kill();
    questdb.restart().await;
    until("the spool is empty", PATIENCE, async || gateway.sample("quafka_spool_batches").await == 0).await;
    // Answered from what is known of them: they were saved.
    send(&mut wire, "overtaken", 0, ids, 20..80).await;
    is_exact(&questdb, "overtaken", 1, 80).await;
}

/// Every second request of those that write what waits is cut in its middle: what follows it is not written before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_the_spool_is_not_overtaken_when_a_request_is_lost() {
    let questdb = QuestDbServer::start().await;
    let proxy = Proxy::before(questdb.port(), b"POST /write").await;
    proxy.trouble(Some((Trouble::CutRequest, 2)));
    let folder = tempfile::tempdir().unwrap();
    let conf = format!("http::addr={};", proxy.address());
    let gateway = Gateway::start_with_conf(&spooled(&folder, "spool", OF_ONE_INSTANT), &conf).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let ids = producer(&mut wire).await;
    // So many that one attempt has more than one request; sent in between, so that there are many attempts.
    for first in (0..10_000).step_by(500) {
        send(&mut wire, "cut_off", 0, ids, first..first + 500).await;
    }
    is_exact(questdb, "cut_off", 1, 10_000).await;
    assert!(proxy.troubled() > 5, "{} requests were cut", proxy.troubled());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_record_in_the_spool_becomes_a_dead_letter_and_delays_nobody() {
    let questdb = QuestDbServer::start_own().await;
    questdb
        .sql("CREATE TABLE bad (v LONG, timestamp TIMESTAMP) TIMESTAMP(timestamp) PARTITION BY DAY WAL")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(&spooled(&folder, "spool", ""), &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let batch = Batch::of([r#"{"v":1}"#, r#"{"v":"x"}"#, r#"{"v":3}"#]).encode();
    assert_eq!(errors(&wire.call(&produce("bad", 0, batch), VERSION).await), [0]);
    questdb.wait_for_rows("bad", 2, PATIENCE).await;
    questdb.wait_for_rows("quafka_dead_letters", 1, PATIENCE).await;
    let letters = questdb.sql("SELECT kafka_topic, value FROM quafka_dead_letters").await;
    assert_eq!(letters, [["bad", r#"{"v":"x"}"#].map(serde_json::Value::from)]);
    // What is no record batch is refused before it is acknowledged.
    let mut damaged = Batch::of([r#"{"v":1}"#]).encode().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(errors(&wire.call(&produce("bad", 0, damaged.into()), VERSION).await), [2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_makes_producers_wait_and_loses_nothing() {
    let mut questdb = QuestDbServer::start_own().await;
    questdb.kill();
    let folder = tempfile::tempdir().unwrap();
    let more = "[spool]\nbytes = \"16MiB\"\nsegment_bytes = \"1MiB\"";
    let gateway = Gateway::start(&spooled(&folder, "spool", more), &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let text = "x".repeat(500_000);
    let mut acked = 0;
    let full = loop {
        let batch = Batch::of([format!(r#"{{"n":{acked},"text":"{text}"}}"#)]).encode();
        let response = wire.call(&produce("full", 0, batch), VERSION).await;
        match errors(&response)[..] {
            [0] => acked += 1,
            _ => break response,
        }
        assert!(acked < 100);
    };
    assert_eq!(errors(&full), [NOT_ENOUGH_REPLICAS]);
    let message = full.responses[0].partition_responses[0].error_message.clone().unwrap();
    assert!(message.contains("the spool is full"), "{message}");
    questdb.restart().await;
    until("there is room again", PATIENCE, async || {
        let batch = Batch::of([r#"{"n":-1}"#]).encode();
        errors(&wire.call(&produce("full", 0, batch), VERSION).await) == [0]
    })
    .await;
    questdb.wait_for_rows("full", acked + 1, PATIENCE).await;
    let sums = questdb.sql("SELECT count(), sum(n), sum(length(text)) FROM full WHERE n >= 0").await;
    let acked = acked as i64;
    assert_eq!(sums, [[acked, acked * (acked - 1) / 2, acked * 500_000].map(serde_json::Value::from)]);
}
