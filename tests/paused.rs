//! QuestDB stands still (SIGSTOP): connections stay open and nothing answers. Producers block, memory stays within its
//! budget, clients are answered in time, and when it goes on so does everything else.

// Helpers count as code that runs, but these are only called by tests.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse, ResponseHeader};
use kafka_protocol::protocol::Decodable;
use support::batches::{Batch, produce, produce_all};
use support::{Gateway, QuestDbServer, Wire, frame, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

const PATIENCE: Duration = Duration::from_secs(60);
const VERSION: i16 = 9;
const MIB: u64 = 1 << 20;

/// One server for all tests here, and one test at a time.
async fn pausable() -> MutexGuard<'static, QuestDbServer> {
    static SERVER: OnceCell<Mutex<QuestDbServer>> = OnceCell::const_new();
    let server = SERVER.get_or_init(async || Mutex::new(QuestDbServer::start_own().await)).await;
    let mut server = server.lock().await;
    // A test that failed may have left it paused.
    server.resume();
    server
}

fn error(response: &ProduceResponse) -> i16 {
    response.responses[0].partition_responses[0].error_code
}

/// Two rows, so that the table is there and the gateway knows its columns.
async fn prepare(wire: &mut Wire, topic: &str) {
    for _ in 0..2 {
        let response = wire.call(&produce(topic, 0, Batch::of([r#"{"v":0}"#]).encode()), VERSION).await;
        assert_eq!(error(&response), 0, "{response:?}");
    }
}

/// Half a gigabyte from eight connections against a budget of 64 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn producers_block_and_memory_stays_within_its_budget() {
    const CONNECTIONS: i32 = 8;
    const FRAMES: u64 = 64;
    const RECORDS: usize = 64;
    let mut questdb = pausable().await;
    let gateway = Gateway::start("[limits]\nmemory = \"64MiB\"", &questdb).await;
    prepare(&mut Wire::connect(gateway.bootstrap()).await, "blocked").await;
    let idle = gateway.resident_bytes();
    questdb.pause();

    let value = format!(r#"{{"v":1,"text":"{}"}}"#, "x".repeat(16_000));
    let batch = Batch::of(vec![value; RECORDS]).encode();
    let written = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let mut producers = Vec::new();
    for partition in 0..CONNECTIONS {
        let (mut reader, mut writer) = TcpStream::connect(gateway.bootstrap()).await.unwrap().into_split();
        let bytes = frame(&produce("blocked", partition, batch.clone()), VERSION, partition);
        let (written, stop) = (written.clone(), stop.clone());
        producers.push(tokio::spawn(async move {
            let send = async {
                let mut frames = 0;
                while frames < FRAMES && !stop.load(Ordering::Relaxed) {
                    for chunk in bytes.chunks(64 << 10) {
                        writer.write_all(chunk).await.unwrap();
                        written.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                    }
                    frames += 1;
                }
                // Nothing more comes; answers still do.
                writer.shutdown().await.unwrap();
                frames
            };
            let (frames, answers) = tokio::join!(send, read_answers(&mut reader));
            assert_eq!(answers.len() as u64, frames);
            answers
        }));
    }
    let mut last = (0, Instant::now());
    until("the budget is full and no producer gets on", PATIENCE, async || {
        let now = written.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        }
        gateway.sample("quafka_memory_used_bytes").await >= 64 * MIB
            && last.1.elapsed() > Duration::from_secs(1)
    })
    .await;
    let (used, peak) = (gateway.sample("quafka_memory_used_bytes").await, gateway.peak_resident_bytes());
    let sent = written.load(Ordering::Relaxed);
    println!(
        "blocked after {} MiB; charged {} MiB; resident {} MiB, at its peak {} MiB, idle {} MiB",
        sent / MIB,
        used / MIB,
        gateway.resident_bytes() / MIB,
        peak / MIB,
        idle / MIB
    );
    assert!(sent < CONNECTIONS as u64 * FRAMES * batch.len() as u64, "nobody was held up");
    assert!(used < 80 * MIB, "{used} bytes are charged");
    assert!(peak < idle + 128 * MIB, "peak memory {peak} bytes, idle {idle}");

    stop.store(true, Ordering::Relaxed);
    questdb.resume();
    let mut acked = 0;
    for producer in producers {
        for error in tokio::time::timeout(PATIENCE, producer).await.unwrap().unwrap() {
            assert_eq!(error, 0);
            acked += RECORDS as u64;
        }
    }
    println!("{acked} rows acked; peak memory {} MiB", gateway.peak_resident_bytes() / MIB);
    questdb.wait_for_rows("blocked", acked + 2, PATIENCE).await;
    until("all memory is given back", PATIENCE, async || {
        gateway.sample("quafka_memory_used_bytes").await == 0
    })
    .await;
}

/// The errors of all answers until the stream's end.
async fn read_answers(reader: &mut OwnedReadHalf) -> Vec<i16> {
    let mut errors = Vec::new();
    while let Ok(length) = reader.read_u32().await {
        let mut body = vec![0; length as usize];
        reader.read_exact(&mut body).await.unwrap();
        let mut body = bytes::Bytes::from(body);
        ResponseHeader::decode(&mut body, 1).unwrap();
        errors.push(error(&ProduceResponse::decode(&mut body, VERSION).unwrap()));
    }
    errors
}

/// Whoever does not want to wait is told in time; what then becomes of the batch is what its copy is answered with.
#[tokio::test]
async fn clients_are_answered_in_time_and_copies_with_what_became_of_the_first() {
    let mut questdb = pausable().await;
    let gateway = Gateway::start("", &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    prepare(&mut wire, "impatient").await;
    let producer = wire.call(&InitProducerIdRequest::default().with_transactional_id(None), 4).await;
    let (id, epoch) = (producer.producer_id.0, producer.producer_epoch);
    let numbered = |first: i32| {
        produce(
            "impatient",
            0,
            Batch::of([format!(r#"{{"v":{first}}}"#)]).from_producer(id, epoch, first).encode(),
        )
    };
    let in_time = async |wire: &mut Wire, request: &ProduceRequest, errors: &[i16]| {
        let asked = Instant::now();
        let response = wire.call(request, VERSION).await;
        let took = asked.elapsed();
        println!("{} after {took:?} of {} ms", error(&response), request.timeout_ms);
        assert!(errors.contains(&error(&response)), "{response:?}");
        assert!(
            took < Duration::from_millis(request.timeout_ms as u64),
            "{took:?} of {} ms",
            request.timeout_ms
        );
    };

    questdb.pause();
    // A batch that is under way to a table that is known: nobody knows what becomes of it.
    in_time(&mut wire, &numbered(0).with_timeout_ms(1500), &[7]).await;
    // Its copy is not written beside it, and not answered before it.
    in_time(&mut wire, &numbered(0).with_timeout_ms(1500), &[7]).await;
    // One behind it was not sent to QuestDB, or not known to be.
    in_time(&mut wire, &numbered(1).with_timeout_ms(1500), &[7, 19]).await;
    // A table of which nothing is known yet.
    let unknown = produce("impatient_unknown", 0, Batch::of([r#"{"v":1}"#]).encode());
    in_time(&mut wire, &unknown.with_timeout_ms(1500), &[19]).await;

    questdb.resume();
    until("the copies are acked", PATIENCE, async || {
        let mut acked = 0;
        for first in 0..2 {
            let response = wire.call(&numbered(first), VERSION).await;
            assert!([0, 7, 19, 45].contains(&error(&response)), "{response:?}");
            acked += i32::from(error(&response) == 0);
        }
        acked == 2
    })
    .await;
    questdb.wait_for_rows("impatient", 4, PATIENCE).await;
    assert_eq!(questdb.count("impatient_unknown").await, 0);
}

/// A request that fits into memory as bytes, but not as rows: its first batch waits for QuestDB, and its second for room.
#[tokio::test]
async fn a_batch_that_finds_no_memory_is_refused_in_time() {
    let mut questdb = pausable().await;
    let gateway = Gateway::start("[limits]\nmemory = \"2MiB\"", &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    prepare(&mut wire, "no_memory").await;
    questdb.pause();
    let batch = || Batch::of([format!(r#"{{"v":1,"text":"{}"}}"#, "x".repeat(900_000))]).encode();
    let request =
        produce_all(-1, [("no_memory", 0, batch()), ("no_memory", 1, batch())]).with_timeout_ms(1500);
    let asked = Instant::now();
    let response = wire.call(&request, VERSION).await;
    let took = asked.elapsed();
    let second = &response.responses[1].partition_responses[0];
    println!("{} and {} after {took:?}", error(&response), second.error_code);
    assert_eq!((error(&response), second.error_code), (7, 19), "{response:?}");
    assert!(took < Duration::from_millis(1500), "{took:?}");
    questdb.resume();
    // The first one was under way.
    questdb.wait_for_rows("no_memory", 3, PATIENCE).await;
    until("all memory is given back", PATIENCE, async || {
        gateway.sample("quafka_memory_used_bytes").await == 0
    })
    .await;
}

#[tokio::test]
async fn a_copy_that_comes_while_the_first_waits_is_written_once() {
    let mut questdb = pausable().await;
    let gateway = Gateway::start("", &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    prepare(&mut wire, "copies").await;
    let producer = wire.call(&InitProducerIdRequest::default().with_transactional_id(None), 4).await;
    let batch = Batch::of([r#"{"v":1}"#, r#"{"v":2}"#]);
    let batch = batch.from_producer(producer.producer_id.0, producer.producer_epoch, 0);
    let request = produce("copies", 3, batch.encode());

    questdb.pause();
    let requests = "quafka_requests_total{api=\"Produce\"}";
    let before = gateway.sample(requests).await;
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let id = wire.send(&request, VERSION).await;
        waiting.push((wire, id));
    }
    until("all are taken", PATIENCE, async || gateway.sample(requests).await == before + 4).await;
    questdb.resume();
    let mut offsets = Vec::new();
    for (mut wire, id) in waiting {
        let response = wire.receive::<ProduceRequest>(id, VERSION).await;
        assert_eq!(error(&response), 0);
        offsets.push(response.responses[0].partition_responses[0].base_offset);
    }
    assert!(offsets.iter().all(|offset| *offset == offsets[0] && *offset >= 0), "{offsets:?}");
    questdb.wait_for_rows("copies", 4, PATIENCE).await;
}

/// SIGTERM: nothing new is taken, everything taken is answered, and the end is a clean one.
#[tokio::test]
async fn a_shutdown_answers_what_is_in_flight() {
    const IN_FLIGHT: u64 = 30;
    let mut questdb = pausable().await;
    let mut gateway = Gateway::start("", &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    prepare(&mut wire, "leaving").await;
    let mut idle = Wire::connect(gateway.bootstrap()).await;
    questdb.pause();
    let requests = "quafka_requests_total{api=\"Produce\"}";
    let before = gateway.sample(requests).await;
    let request = produce("leaving", 0, Batch::of([r#"{"v":1}"#]).encode());
    let mut ids = Vec::new();
    for _ in 0..IN_FLIGHT {
        ids.push(wire.send(&request, VERSION).await);
    }
    until("all are taken", PATIENCE, async || gateway.sample(requests).await == before + IN_FLIGHT).await;
    gateway.send_sigterm();
    until("no connection is accepted", PATIENCE, async || {
        TcpStream::connect(gateway.bootstrap()).await.is_err()
    })
    .await;
    tokio::time::timeout(PATIENCE, idle.closed()).await.unwrap();
    // Too late: it is not taken, and so not written.
    wire.send(&request, VERSION).await;
    questdb.resume();
    for id in ids {
        let response = wire.receive::<ProduceRequest>(id, VERSION).await;
        assert_eq!(error(&response), 0, "{response:?}");
    }
    tokio::time::timeout(PATIENCE, wire.closed()).await.unwrap();
    let status = gateway.wait_for_end(PATIENCE).await;
    assert_eq!(status.code(), Some(0), "{}", gateway.log());
    questdb.wait_for_rows("leaving", 2 + IN_FLIGHT, PATIENCE).await;
}
