//! QuestDB is away, or killed under load, or never comes back. Against servers of our own, which are killed.

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use support::batches::{Batch, produce, produce_all};
use support::{Gateway, QuestDbServer, Wire, until};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(60);
const NOT_ENOUGH_REPLICAS: i16 = 19;
const REQUEST_TIMED_OUT: i16 = 7;
const OUT_OF_ORDER: i16 = 45;
const VERSION: i16 = 9;

fn errors(response: &ProduceResponse) -> Vec<i16> {
    let partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    partitions.map(|partition| partition.error_code).collect()
}

fn one(topic: &str, value: &str, timeout_ms: i32) -> ProduceRequest {
    produce(topic, 0, Batch::of([value.to_owned()]).encode()).with_timeout_ms(timeout_ms)
}

/// Retriable, and before the client stops waiting; nothing of it is written later.
async fn is_refused_in_time(wire: &mut Wire, request: &ProduceRequest, allowed: &[i16]) {
    let asked = Instant::now();
    let response = wire.call(request, VERSION).await;
    let took = asked.elapsed();
    assert!(errors(&response).iter().all(|error| allowed.contains(error)), "{response:?}");
    assert!(took < Duration::from_millis(request.timeout_ms as u64), "{took:?} of {} ms", request.timeout_ms);
}

#[tokio::test]
async fn while_questdb_is_away_nothing_is_acked_and_when_it_is_back_all_goes_on() {
    let mut questdb = QuestDbServer::start_own().await;
    questdb.kill();
    // From here on the gateway is never restarted.
    let gateway = Gateway::start("", &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    assert!(gateway.admin_get("/ready").await.0.contains("503"));
    let never_there = [NOT_ENOUGH_REPLICAS];
    is_refused_in_time(&mut wire, &one("away", r#"{"v":-1}"#, 1000), &never_there).await;
    is_refused_in_time(&mut wire, &one("away", r#"{"v":-1}"#, 3000).with_acks(1), &never_there).await;
    let topics =
        ["away", "away_too", "away_three"].map(|topic| (topic, 0, Batch::of([r#"{"v":-1}"#]).encode()));
    is_refused_in_time(&mut wire, &produce_all(-1, topics).with_timeout_ms(2000), &never_there).await;

    questdb.restart().await;
    until("rows are written again", PATIENCE, async || {
        errors(&wire.call(&one("away", r#"{"v":1}"#, 1000), VERSION).await) == [0]
    })
    .await;
    assert!(gateway.admin_get("/ready").await.0.contains("200"));

    // Killed between two requests, with the table known and connections open.
    assert_eq!(errors(&wire.call(&one("away", r#"{"v":1}"#, 30_000), VERSION).await), [0]);
    questdb.kill();
    for timeout_ms in [1000, 2000] {
        is_refused_in_time(
            &mut wire,
            &one("away", r#"{"v":-1}"#, timeout_ms),
            &[NOT_ENOUGH_REPLICAS, REQUEST_TIMED_OUT],
        )
        .await;
    }
    questdb.restart().await;
    // A patient request waits until it is back, whichever of the two comes first.
    assert_eq!(errors(&wire.call(&one("away", r#"{"v":1}"#, 30_000), VERSION).await), [0]);
    questdb.wait_for_rows("away", 3, PATIENCE).await;
    assert_eq!(questdb.count("away_too").await + questdb.count("away_three").await, 0);
    assert_eq!(gateway.closed_for("failed").await, 0);
}

const ROWS: i32 = 20;
/// What clients have in flight at most, where they are idempotent.
const WINDOW: usize = 5;

/// What an idempotent producer knows in the end: its rows are numbered from 0, without a gap.
struct Sent {
    rows: i32,
    /// The first numbers of batches of which the gateway said that the outcome is unknown.
    unknown: Vec<i32>,
}

/// Sends as fast as it is answered, five batches at a time, until it is told to stop and all is acked. What fails is
/// sent again from there on, as clients do.
async fn load(bootstrap: String, partition: i32, stop: Arc<AtomicBool>, acked: Arc<AtomicU64>) -> Sent {
    let mut wire = Wire::connect(bootstrap).await;
    let producer = wire.call(&InitProducerIdRequest::default().with_transactional_id(None), 4).await;
    let mut sent = Sent { rows: 0, unknown: Vec::new() };
    while !stop.load(Ordering::Relaxed) {
        let mut window = Vec::new();
        for index in 0..WINDOW as i32 {
            let first = sent.rows + index * ROWS;
            let values = (first..first + ROWS).map(|seq| format!(r#"{{"p":{partition},"seq":{seq}}}"#));
            let batch =
                Batch::of(values).from_producer(producer.producer_id.0, producer.producer_epoch, first);
            window.push((first, wire.send(&produce("load", partition, batch.encode()), VERSION).await));
        }
        let mut failed = false;
        for (first, id) in window {
            let response = wire.receive::<ProduceRequest>(id, VERSION).await;
            match errors(&response)[..] {
                [0] => {
                    // A follower of a failed batch must not be written before it.
                    assert!(!failed, "batch {first} overtook the one before it");
                    sent.rows = first + ROWS;
                    acked.fetch_add(ROWS as u64, Ordering::Relaxed);
                }
                [REQUEST_TIMED_OUT] => {
                    sent.unknown.push(first);
                    failed = true;
                }
                [NOT_ENOUGH_REPLICAS] => failed = true,
                [OUT_OF_ORDER] if failed => {}
                _ => panic!("{response:?}"),
            }
        }
    }
    sent
}

/// Every row that was acked is there. A row is there twice only where the gateway had said that it does not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_questdb_under_load_loses_nothing_that_was_acked() {
    const PRODUCERS: i32 = 4;
    let mut questdb = QuestDbServer::start_own().await;
    let gateway = Gateway::start("", &questdb).await;
    let stop = Arc::new(AtomicBool::new(false));
    let acked: Vec<Arc<AtomicU64>> = (0..PRODUCERS).map(|_| Arc::default()).collect();
    let producers: Vec<_> = (0..PRODUCERS)
        .zip(&acked)
        .map(|(partition, acked)| {
            tokio::spawn(load(gateway.bootstrap(), partition, stop.clone(), acked.clone()))
        })
        .collect();
    let all_have = |rows: u64| acked.iter().all(|acked| acked.load(Ordering::Relaxed) >= rows);
    until("rows flow", PATIENCE, async || all_have(2_000)).await;
    questdb.kill();
    questdb.restart().await;
    let so_far = acked.iter().map(|acked| acked.load(Ordering::Relaxed)).max().unwrap();
    until("rows flow again", PATIENCE, async || all_have(so_far + 2_000)).await;
    stop.store(true, Ordering::Relaxed);

    let mut sent = Vec::new();
    for producer in producers {
        sent.push(tokio::time::timeout(PATIENCE, producer).await.unwrap().unwrap());
    }
    until("all is applied", PATIENCE, async || questdb.is_applied("load").await).await;
    let mut found: HashMap<(i32, i32), u64> = HashMap::new();
    for row in questdb.sql("SELECT p, seq, count() FROM load").await {
        let [p, seq, count] = [0, 1, 2].map(|column| row[column].as_u64().unwrap());
        found.insert((p as i32, seq as i32), count);
    }
    let (mut rows, mut duplicates, mut unknown) = (0, 0, 0);
    for (partition, sent) in (0..).zip(&sent) {
        rows += sent.rows;
        unknown += sent.unknown.len();
        for seq in 0..sent.rows {
            let count = found.remove(&(partition, seq)).unwrap_or(0);
            assert_ne!(count, 0, "row {seq} of producer {partition} was acked and is lost");
            let doubtful =
                sent.unknown.iter().filter(|first| (**first..**first + ROWS).contains(&seq)).count() as u64;
            assert!(count <= 1 + doubtful, "row {seq} of producer {partition} is there {count} times");
            duplicates += count - 1;
        }
    }
    println!("{rows} rows acked; {unknown} batches of unknown outcome, {duplicates} rows there twice");
    // All that was sent has been acked in the end.
    assert!(found.is_empty(), "{} rows that nobody sent", found.len());
}

/// The only test that has to wait: a shutdown that QuestDB does not let end is ended after 30 s, and says so.
#[tokio::test]
async fn a_shutdown_that_questdb_holds_up_ends_by_its_deadline() {
    let mut questdb = QuestDbServer::start_own().await;
    let conf = format!("{}request_timeout=120000;", questdb.http_conf());
    let mut gateway = Gateway::start_with_conf("", &conf).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for _ in 0..2 {
        assert_eq!(errors(&wire.call(&one("held", r#"{"v":1}"#, 30_000), VERSION).await), [0]);
    }
    questdb.pause();
    let id = wire.send(&one("held", r#"{"v":2}"#, 120_000), VERSION).await;
    until("it is in flight", PATIENCE, async || gateway.sample("quafka_memory_used_bytes").await > 0).await;
    let asked = Instant::now();
    gateway.send_sigterm();
    until("no connection is accepted", PATIENCE, async || {
        TcpStream::connect(gateway.bootstrap()).await.is_err()
    })
    .await;
    let status = gateway.wait_for_end(Duration::from_secs(33)).await;
    println!("ended after {:?} with {status}", asked.elapsed());
    assert!(asked.elapsed() > Duration::from_secs(29));
    assert_eq!(status.code(), Some(1));
    assert!(gateway.log().contains("shutdown took more than 30 s"), "{}", gateway.log());
    // It may still have been told that the outcome is unknown, but not that it was written.
    let answer = tokio::time::timeout(PATIENCE, wire.receive_bytes()).await.unwrap();
    if let Ok(answer) = answer {
        println!("the last answer to {id}: {answer:?}");
        assert!(answer.windows(2).any(|bytes| bytes == REQUEST_TIMED_OUT.to_be_bytes()));
    }
    questdb.resume();
}
