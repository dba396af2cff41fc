//! With `exactly_once` no row is there twice, whatever breaks between the gateway and QuestDB, and whichever of them is
//! killed. Each is also tried without it, where rows must be there twice: else nothing has gone wrong.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use support::batches::{Batch, produce};
use support::{Gateway, Mishap, Obstacle, QuestDbServer, Wire, until};

const PATIENCE: Duration = Duration::from_secs(60);
const NOT_ENOUGH_REPLICAS: i16 = 19;
const REQUEST_TIMED_OUT: i16 = 7;
const OUT_OF_ORDER: i16 = 45;
const VERSION: i16 = 9;
const ROWS: i32 = 20;
const NO_ERRORS: [i16; 0] = [];

fn error(response: &ProduceResponse) -> i16 {
    response.responses[0].partition_responses[0].error_code
}

/// A batch of an idempotent producer's whose rows have the numbers from `first` on.
fn batch(topic: &str, partition: i32, producer: (i64, i16), first: i32) -> ProduceRequest {
    let values = (first..first + ROWS).map(|seq| format!(r#"{{"p":{partition},"seq":{seq}}}"#));
    let batch = Batch::of(values).from_producer(producer.0, producer.1, first);
    produce(topic, partition, batch.encode())
}

async fn producer(wire: &mut Wire) -> (i64, i16) {
    let answer = wire.call(&InitProducerIdRequest::default().with_transactional_id(None), 4).await;
    (answer.producer_id.0, answer.producer_epoch)
}

/// Sends a batch until it is acked, as clients do; the errors before that.
async fn deliver(wire: &mut Wire, request: &ProduceRequest) -> Vec<i16> {
    let mut errors = Vec::new();
    loop {
        match error(&wire.call(request, VERSION).await) {
            0 => return errors,
            error @ (NOT_ENOUGH_REPLICAS | REQUEST_TIMED_OUT) if errors.len() < 20 => errors.push(error),
            error => panic!("error {error} after {errors:?}"),
        }
    }
}

fn setting(exactly_once: bool) -> String {
    format!("[questdb]\nexactly_once = {exactly_once}\n")
}

/// A gateway with a data dir of its own.
async fn durable(name: &str, settings: &str, conf: &str, folder: &tempfile::TempDir) -> Gateway {
    let data_dir = folder.path().join(name);
    let config = format!("data_dir = {data_dir:?}\n{settings}");
    Gateway::start_with_conf(&config, conf).await
}

async fn applied(questdb: &QuestDbServer, table: &str) {
    until("all is applied", PATIENCE, async || questdb.is_applied(table).await).await;
}

#[tokio::test]
async fn a_lost_answer_is_found_out() {
    let questdb = QuestDbServer::start().await;
    for exactly_once in [true, false] {
        let obstacle = Obstacle::before(questdb).await;
        let gateway = Gateway::start_with_conf(&setting(exactly_once), &obstacle.http_conf()).await;
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let producer = producer(&mut wire).await;
        let mut mishaps = 0;
        for mishap in [Mishap::ReplySwallowed, Mishap::CutHalfway, Mishap::DeliveredLate] {
            let topic = format!("lost_{mishap:?}_{exactly_once}").to_lowercase();
            let mut first = 0;
            let mut errors = Vec::new();
            // The first request creates the table; the second and fourth are the first ones of their connections; before
            // the last one the writer is known.
            for broken in [true, true, false, true, false, false, true] {
                if broken {
                    obstacle.next(&topic, mishap);
                }
                errors.extend(deliver(&mut wire, &batch(&topic, 0, producer, first)).await);
                first += ROWS;
            }
            mishaps += 4;
            until("all mishaps are over", PATIENCE, async || obstacle.blocked() == mishaps).await;
            applied(questdb, &topic).await;
            let rows = questdb.count(&topic).await as i32;
            println!("{topic}: {first} rows sent, {rows} there, errors {errors:?}");
            let twice = if mishap == Mishap::CutHalfway { 0 } else { 4 * ROWS };
            if exactly_once {
                assert_eq!((rows, errors), (first, NO_ERRORS.to_vec()));
            } else {
                assert_eq!((rows, errors), (first + twice, vec![REQUEST_TIMED_OUT; 4]));
            }
        }
    }
}

/// An answer that is late rather than lost: QuestDB stands still until the gateway has given up waiting for it.
#[tokio::test]
async fn a_request_that_questdb_only_takes_later_is_found() {
    let mut questdb = QuestDbServer::start_own().await;
    let conf = format!("{}request_timeout=1000;", questdb.http_conf());
    let gateway = Gateway::start_with_conf(&setting(true), &conf).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let producer = producer(&mut wire).await;
    for first in [0, ROWS] {
        assert_eq!(deliver(&mut wire, &batch("late", 0, producer, first)).await, NO_ERRORS);
    }
    questdb.pause();
    let asked = Instant::now();
    let request = batch("late", 0, producer, 2 * ROWS).with_timeout_ms(4_000);
    let id = wire.send(&request, VERSION).await;
    until("the answer is given up", PATIENCE, async || gateway.log().contains("no answer from QuestDB"))
        .await;
    // The client is told in time that it is not known. What it sends again waits for the first attempt.
    assert_eq!(error(&wire.receive::<ProduceRequest>(id, VERSION).await), REQUEST_TIMED_OUT);
    assert!(asked.elapsed() < Duration::from_secs(4));
    questdb.resume();
    let errors = deliver(&mut wire, &batch("late", 0, producer, 2 * ROWS)).await;
    println!("sent again: {errors:?}, {}", asked_about(&gateway.log()));
    applied(&questdb, "late").await;
    assert_eq!(questdb.count("late").await as i32, 3 * ROWS);
}

/// QuestDB is killed when it has committed and nobody has heard of it. Its numbers and writers outlive that.
#[tokio::test]
async fn a_commit_is_found_after_a_crash_of_questdb() {
    let mut questdb = QuestDbServer::start_own().await;
    for (exactly_once, expected) in [(true, 3 * ROWS), (false, 4 * ROWS)] {
        let obstacle = Obstacle::before(&questdb).await;
        let gateway = Gateway::start_with_conf(&setting(exactly_once), &obstacle.http_conf()).await;
        let topic = format!("crashed_{exactly_once}");
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let producer = producer(&mut wire).await;
        deliver(&mut wire, &batch(&topic, 0, producer, 0)).await;
        obstacle.next(&topic, Mishap::ReplyWithheld);
        let request = batch(&topic, 0, producer, ROWS);
        let id = wire.send(&request, VERSION).await;
        until("QuestDB has answered", PATIENCE, async || obstacle.blocked() == 1).await;
        questdb.kill();
        questdb.restart().await;
        let answer = error(&wire.receive::<ProduceRequest>(id, VERSION).await);
        println!("{topic}: {answer}; {}", asked_about(&gateway.log()));
        if exactly_once {
            assert_eq!(answer, 0);
        } else {
            assert_eq!(answer, REQUEST_TIMED_OUT);
            deliver(&mut wire, &request).await;
        }
        deliver(&mut wire, &batch(&topic, 0, producer, 2 * ROWS)).await;
        applied(&questdb, &topic).await;
        assert_eq!(questdb.count(&topic).await as i32, expected, "{topic}");
    }
}

/// What others write must never be taken for a request that was lost. They write all the time, one row a transaction,
/// into the same seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_write_is_not_mistaken() {
    let questdb = QuestDbServer::start().await;
    let obstacle = Obstacle::before(questdb).await;
    let gateway = Gateway::start_with_conf(&setting(true), &obstacle.http_conf()).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let producer = producer(&mut wire).await;
    deliver(&mut wire, &batch("shared", 0, producer, 0)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                questdb
                    .sql("INSERT INTO shared(p, seq, timestamp) VALUES (99, 0, '2023-11-14T22:13:20')")
                    .await;
                written += 1;
            }
            written
        }
    });
    let mut first = ROWS;
    let mut unknown: HashMap<i32, usize> = HashMap::new();
    for round in 0..12 {
        let mishap = if round % 2 == 0 { Mishap::CutHalfway } else { Mishap::ReplySwallowed };
        // Some at once on a new connection, some when its writer is known.
        for _ in 0..round % 3 * 2 {
            unknown.insert(first, deliver(&mut wire, &batch("shared", 0, producer, first)).await.len());
            first += ROWS;
        }
        obstacle.next("shared", mishap);
        unknown.insert(first, deliver(&mut wire, &batch("shared", 0, producer, first)).await.len());
        first += ROWS;
    }
    stop.store(true, Ordering::Relaxed);
    let others = others.await.unwrap();
    applied(questdb, "shared").await;
    assert_eq!(obstacle.blocked(), 12);
    let mut counts: HashMap<i32, u64> = HashMap::new();
    for row in questdb.sql("SELECT seq, count() FROM shared WHERE p = 0").await {
        counts.insert(row[0].as_i64().unwrap() as i32, row[1].as_u64().unwrap());
    }
    let unclear = unknown.values().filter(|errors| **errors > 0).count();
    let twice = counts.values().filter(|count| **count > 1).count();
    println!("{others} transactions of others; {unclear} batches unclear, {twice} rows twice of {first}");
    for seq in 0..first {
        let count = counts.get(&seq).copied().unwrap_or(0);
        let doubtful = unknown.get(&(seq - seq % ROWS)).copied().unwrap_or(0) as u64;
        assert!((1..=1 + doubtful).contains(&count), "row {seq} is there {count} times, {doubtful} doubtful");
    }
    assert!(others > 100);
}

/// The gateway is killed when QuestDB has committed and the gateway has not heard of it.
#[tokio::test]
async fn a_request_that_was_under_way_when_the_gateway_was_killed_is_found() {
    let questdb = QuestDbServer::start().await;
    for (exactly_once, expected) in [(true, 3 * ROWS), (false, 4 * ROWS)] {
        let folder = tempfile::tempdir().unwrap();
        let obstacle = Obstacle::before(questdb).await;
        let mut gateway = durable("data", &setting(exactly_once), &obstacle.http_conf(), &folder).await;
        let topic = format!("killed_{exactly_once}");
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let producer = producer(&mut wire).await;
        deliver(&mut wire, &batch(&topic, 0, producer, 0)).await;
        obstacle.next(&topic, Mishap::ReplyWithheld);
        wire.send(&batch(&topic, 0, producer, ROWS), VERSION).await;
        until("QuestDB has answered", PATIENCE, async || obstacle.blocked() == 1).await;
        gateway.kill();
        gateway.restart().await;
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        for first in [ROWS, 2 * ROWS] {
            assert_eq!(deliver(&mut wire, &batch(&topic, 0, producer, first)).await, NO_ERRORS);
        }
        applied(questdb, &topic).await;
        assert_eq!(questdb.count(&topic).await as i32, expected, "{topic}");
    }
}

/// The same when what was under way came out of the spool.
#[tokio::test]
async fn a_batch_of_the_spool_is_written_once_when_the_gateway_was_killed() {
    let questdb = QuestDbServer::start().await;
    for (exactly_once, expected) in [(true, 2 * ROWS), (false, 3 * ROWS)] {
        let folder = tempfile::tempdir().unwrap();
        let obstacle = Obstacle::before(questdb).await;
        let settings = format!("durability = \"spool\"\n{}", setting(exactly_once));
        let mut gateway = durable("data", &settings, &obstacle.http_conf(), &folder).await;
        let topic = format!("spooled_{exactly_once}");
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let producer = producer(&mut wire).await;
        obstacle.next(&topic, Mishap::ReplyWithheld);
        assert_eq!(deliver(&mut wire, &batch(&topic, 0, producer, 0)).await, NO_ERRORS);
        until("QuestDB has answered", PATIENCE, async || obstacle.blocked() == 1).await;
        gateway.kill();
        gateway.restart().await;
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        assert_eq!(deliver(&mut wire, &batch(&topic, 0, producer, ROWS)).await, NO_ERRORS);
        until("the spool is empty", PATIENCE, async || {
            questdb.count(&topic).await as i32 >= 2 * ROWS
                && gateway.sample("quafka_spool_batches").await == 0
        })
        .await;
        applied(questdb, &topic).await;
        assert_eq!(questdb.count(&topic).await as i32, expected, "{topic}");
    }
}

/// A natural key does it without all this.
#[tokio::test]
async fn a_natural_key_leaves_one_row_of_two() {
    let questdb = QuestDbServer::start().await;
    let obstacle = Obstacle::before(questdb).await;
    for (topic, keys, rows) in [("keyed", r#"["timestamp", "seq"]"#, ROWS), ("unkeyed", "[]", 2 * ROWS)] {
        let config = format!(
            "[topics.{topic}.create]\ncolumns = {{ p = \"long\", seq = \"long\" }}\ndedup_keys = {keys}\n"
        );
        let gateway = Gateway::start_with_conf(&config, &obstacle.http_conf()).await;
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let producer = producer(&mut wire).await;
        obstacle.next(topic, Mishap::ReplySwallowed);
        assert_eq!(deliver(&mut wire, &batch(topic, 0, producer, 0)).await, [REQUEST_TIMED_OUT]);
        applied(questdb, topic).await;
        assert_eq!(questdb.count(topic).await as i32, rows, "{topic}");
    }
}

/// Clients have as many in flight at most, where they are idempotent.
const WINDOW: i32 = 5;

/// Sends as fast as it is answered until it is told to stop and all is acked, to a gateway that may be killed meanwhile.
/// `acked` is what it knows: its rows have the numbers below it.
async fn load(bootstrap: String, partition: i32, stop: Arc<AtomicBool>, acked: Arc<AtomicI32>) {
    let mut wire = Wire::connect(&bootstrap).await;
    let producer = producer(&mut wire).await;
    while !stop.load(Ordering::Relaxed) {
        if send_window(&mut wire, partition, producer, &acked).await.is_err() {
            wire = loop {
                match Wire::try_connect(&bootstrap).await {
                    Ok(wire) => break wire,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
        }
    }
}

async fn send_window(
    wire: &mut Wire,
    partition: i32,
    producer: (i64, i16),
    acked: &AtomicI32,
) -> std::io::Result<()> {
    let mut window = Vec::new();
    for index in 0..WINDOW {
        let first = acked.load(Ordering::Relaxed) + index * ROWS;
        window.push((first, wire.try_send(&batch("load", partition, producer, first), VERSION).await?));
    }
    let mut failed = false;
    for (first, id) in window {
        match error(&wire.try_receive::<ProduceRequest>(id, VERSION).await?) {
            0 if failed => panic!("batch {first} overtook the one before it"),
            0 => acked.store(first + ROWS, Ordering::Relaxed),
            NOT_ENOUGH_REPLICAS | REQUEST_TIMED_OUT => failed = true,
            OUT_OF_ORDER if failed => {}
            error => panic!("error {error} for batch {first} of partition {partition}"),
        }
    }
    Ok(())
}

const PRODUCERS: i32 = 4;

struct Load {
    stop: Arc<AtomicBool>,
    acked: Vec<Arc<AtomicI32>>,
    producers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(gateway: &Gateway) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acked: Vec<Arc<AtomicI32>> = (0..PRODUCERS).map(|_| Arc::default()).collect();
        let producers = (0..).zip(&acked).map(|(partition, acked)| {
            tokio::spawn(load(gateway.bootstrap(), partition, stop.clone(), acked.clone()))
        });
        let producers = producers.collect();
        Self { stop, acked, producers }
    }

    /// Until every producer has so many more rows acked.
    async fn goes_on(&self, rows: i32) {
        let acked = |producer: &Arc<AtomicI32>| producer.load(Ordering::Relaxed);
        let before: Vec<i32> = self.acked.iter().map(acked).collect();
        until("rows flow", PATIENCE, async || {
            self.producers.iter().all(|producer| !producer.is_finished())
                && self.acked.iter().zip(&before).all(|(now, before)| acked(now) >= before + rows)
        })
        .await;
    }

    /// Ends it, and counts: rows acked, rows that are there more than once. Panics where an acked row is missing, or
    /// one is there that was not sent.
    async fn end(self, questdb: &QuestDbServer) -> (i32, i32) {
        self.stop.store(true, Ordering::Relaxed);
        for producer in self.producers {
            tokio::time::timeout(PATIENCE, producer).await.unwrap().unwrap();
        }
        applied(questdb, "load").await;
        let mut found: HashMap<(i32, i32), i32> = HashMap::new();
        for row in questdb.sql("SELECT p, seq, count() FROM load").await {
            let [p, seq, count] = [0, 1, 2].map(|column| row[column].as_i64().unwrap() as i32);
            found.insert((p, seq), count);
        }
        let (mut rows, mut twice) = (0, 0);
        for (partition, acked) in (0..).zip(&self.acked) {
            let acked = acked.load(Ordering::Relaxed);
            rows += acked;
            for seq in 0..acked {
                let count = found.remove(&(partition, seq)).unwrap_or(0);
                assert_ne!(count, 0, "row {seq} of producer {partition} was acked and is lost");
                twice += i32::from(count > 1);
            }
        }
        // A window that failed in the end may be there.
        let rest = found.iter().filter(|((partition, seq), _)| {
            *seq >= self.acked[*partition as usize].load(Ordering::Relaxed) + WINDOW * ROWS
        });
        assert_eq!(rest.count(), 0, "rows that nobody sent");
        assert!(found.values().all(|count| *count == 1));
        (rows, twice)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_of_questdb_under_load_double_no_row() {
    let mut questdb = QuestDbServer::start_own().await;
    let gateway = Gateway::start(&setting(true), &questdb).await;
    let load = Load::start(&gateway);
    for _ in 0..3 {
        load.goes_on(1_000).await;
        questdb.kill();
        questdb.restart().await;
    }
    load.goes_on(1_000).await;
    let (rows, twice) = load.end(&questdb).await;
    let found = gateway.sample("quafka_sink_rows_found_total").await;
    let not_found = gateway.sample("quafka_sink_rows_not_found_total").await;
    println!("{rows} rows acked, {twice} twice; of lost requests {found} rows were there, {not_found} not");
    assert_eq!(twice, 0);
    // Else nothing was put to the test.
    assert!(found + not_found > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_of_the_gateway_under_load_double_no_row() {
    kill_the_gateway_under_load("direct").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_of_the_gateway_double_no_row_of_the_spool() {
    kill_the_gateway_under_load("spool").await;
}

async fn kill_the_gateway_under_load(durability: &str) {
    let questdb = QuestDbServer::start_own().await;
    let folder = tempfile::tempdir().unwrap();
    // Each life leaves a file behind, and the next one looks through all of it.
    let spool = "[spool]\nsegment_bytes = \"1MiB\"\n";
    let settings = format!("durability = \"{durability}\"\n{spool}{}", setting(true));
    let mut gateway = durable("data", &settings, &questdb.http_conf(), &folder).await;
    let load = Load::start(&gateway);
    for _ in 0..8 {
        load.goes_on(500).await;
        gateway.kill();
        gateway.restart().await;
    }
    load.goes_on(500).await;
    load.stop.store(true, Ordering::Relaxed);
    until("the spool is empty", PATIENCE, async || gateway.sample("quafka_spool_batches").await == 0).await;
    let (rows, twice) = load.end(&questdb).await;
    println!("{durability}: {rows} rows acked, {twice} twice; {} lives had to ask", asked(&gateway.log()));
    assert_eq!(twice, 0);
    // Else nothing was put to the test.
    assert!(asked(&gateway.log()) > 0);
}

/// What QuestDB said of requests whose answers were lost.
fn asked_about(log: &str) -> String {
    let findings = log.lines().filter_map(|line| line.split_once("finding=").map(|(_, finding)| finding));
    findings.collect::<Vec<_>>().join("; ")
}

/// How often lives of the gateway had something to ask.
fn asked(log: &str) -> usize {
    log.matches("asking QuestDB which requests of before have arrived").count()
}
