//! Load from end to end: batches that are encoded beforehand, over several connections, through the real gateway
//! into a real QuestDB, until a SELECT sees the last row.
//!
//! `cargo bench --bench load -- --rows 5000000 --connections 4`; `--help` shows the rest. The result is printed and
//! saved as `target/load.json`. With `--bad 1` it is asked what bad records cost: see `bad.rs`.

mod bad;
#[path = "../../tests/support/mod.rs"]
mod support;
mod usage;

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use hdrhistogram::Histogram;
use quafka::demo::latencies;
use quafka::demo::questdb_server::Options;
use quafka::demo::trades::Trades;
use quafka::producer::{ProduceError, Producer, encode_batch};
use serde_json::json;
use support::{Gateway, QuestDbServer};
use tokio::sync::mpsc;
use usage::Usage;

/// What is measured.
#[derive(Clone, Debug, Parser)]
struct Load {
    /// Rows that count
    #[arg(long, env = "LOAD_ROWS", default_value_t = 2_000_000)]
    rows: usize,
    /// Rows before, to another table, that let QuestDB's compiler warm up
    #[arg(long, env = "LOAD_WARM_UP", default_value_t = 500_000)]
    warm_up: usize,
    /// Kafka connections, each to a partition of its own
    #[arg(long, env = "LOAD_CONNECTIONS", default_value_t = 4)]
    connections: usize,
    /// Records in a batch, and batches in a request: one
    #[arg(long, env = "LOAD_BATCH", default_value_t = 1_000)]
    batch: usize,
    /// Requests in flight on each connection; Java's producer has 5
    #[arg(long, env = "LOAD_IN_FLIGHT", default_value_t = 5)]
    in_flight: usize,
    /// The gateway's connections to QuestDB
    #[arg(long, env = "LOAD_LANES", default_value_t = 2)]
    lanes: usize,
    /// With `questdb.exactly_once` and a data dir: what that costs
    #[arg(long, env = "LOAD_EXACTLY_ONCE")]
    exactly_once: bool,
    /// QuestDB's Java heap
    #[arg(long, env = "LOAD_HEAP", default_value = "1g")]
    heap: String,
    /// Instead: compares streams without bad records and with so many in a hundred, which become dead letters
    #[arg(long, env = "LOAD_BAD", value_name = "PERCENT")]
    bad: Option<f64>,
    /// Pairs of streams in that comparison
    #[arg(long, env = "LOAD_PAIRS", default_value_t = 3)]
    pairs: usize,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// Microseconds at 2026-01-01. Rows follow one another by a microsecond, so a table fills one partition in order.
const FIRST_TS_MICROS: i64 = 1_767_225_600_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let load = Load::parse();
    // The generator shares the machine with what it measures, so it gets by with few threads.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match load.bad {
        Some(percent) => runtime.block_on(bad::compare(load, percent)),
        None => runtime.block_on(measure(load)),
    }
}

async fn start(load: &Load, on_error: &str) -> (QuestDbServer, Gateway) {
    let options = Options { heap: load.heap.clone(), ..Options::default() };
    let questdb = QuestDbServer::start_own_with(options).await;
    let config = format!(
        "{}[questdb]\nlanes = {}\nexactly_once = {}\n[topics.\"*\"]\ntimestamp = {{ field = \"ts\", unit = \"micros\" }}\n\
         symbols = [\"symbol\", \"side\"]\npartitions = {}\non_error = \"{on_error}\"\n",
        if load.exactly_once { "data_dir = \"data\"\n" } else { "" },
        load.lanes,
        load.exactly_once,
        load.connections
    );
    let gateway = Gateway::start(&config, &questdb).await;
    (questdb, gateway)
}

async fn measure(load: Load) -> Result<(), Box<dyn Error>> {
    let (questdb, gateway) = start(&load, "reject").await;
    println!("{load:?}\nwarming up");
    send(&gateway, "warm_up", encode(load.warm_up, &load, |_, trade| trade)?, &load).await?;
    questdb.wait_for_rows("warm_up", load.warm_up as u64, Duration::from_secs(120)).await;

    let batches = encode(load.rows, &load, |_, trade| trade)?;
    let bytes: usize = batches.iter().flatten().map(Bytes::len).sum();
    println!("{} rows in {} MiB of batches", load.rows, bytes >> 20);
    let before = [Usage::of(gateway.id())?, Usage::of(questdb.id())?, Usage::of(std::process::id())?];
    let start = Instant::now();
    let acks = send(&gateway, "load", batches, &load).await?;
    let acked = start.elapsed();
    questdb.wait_for_rows("load", load.rows as u64, Duration::from_secs(600)).await;
    let visible = start.elapsed();
    let after = [Usage::of(gateway.id())?, Usage::of(questdb.id())?, Usage::of(std::process::id())?];

    let per_second = |time: Duration| (load.rows as f64 / time.as_secs_f64()).round();
    let millis = |quantile| acks.value_at_quantile(quantile) as f64 / 1_000.0;
    println!("acknowledged  {:>12} rows/s in {:.2} s", per_second(acked), acked.as_secs_f64());
    println!("visible       {:>12} rows/s in {:.2} s", per_second(visible), visible.as_secs_f64());
    println!(
        "send -> ack   p50 {:.1} ms, p99 {:.1} ms, of {} batches",
        millis(0.5),
        millis(0.99),
        acks.len()
    );
    let mut processes = serde_json::Map::new();
    for ((name, before), after) in ["gateway", "questdb", "generator"].into_iter().zip(before).zip(after) {
        let cpu = (after.cpu - before.cpu).as_secs_f64() / load.rows as f64 * 1e6;
        println!(
            "{name:<13} {cpu:>12.3} CPU-s per million rows, peak resident {} MiB",
            after.peak_resident_bytes >> 20
        );
        let figures =
            json!({ "cpu_seconds_per_million_rows": cpu, "peak_resident_bytes": after.peak_resident_bytes });
        processes.insert(name.to_owned(), figures);
    }
    let result = json!({
        "rows": load.rows, "connections": load.connections, "batch": load.batch, "in_flight": load.in_flight,
        "lanes": load.lanes, "exactly_once": load.exactly_once, "codec": "none", "batch_bytes": bytes,
        "cores": std::thread::available_parallelism()?.get(),
        "rows_per_second_acked": per_second(acked), "rows_per_second_visible": per_second(visible),
        "ack_p50_ms": millis(0.5), "ack_p99_ms": millis(0.99), "processes": processes,
    });
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("load.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&result)?)?;
    println!("saved as {}", file.display());
    Ok(())
}

/// Batches of trades for each connection, each trade as `change` makes it of its number and its value. Those of one row of time are spread over all connections, so that they
/// arrive about in the order of their timestamps, as from producers that work side by side.
fn encode(
    rows: usize,
    load: &Load,
    change: impl Fn(usize, Bytes) -> Bytes,
) -> Result<Vec<Vec<Bytes>>, ProduceError> {
    let mut trades = Trades::new(7);
    let mut connections = vec![Vec::new(); load.connections];
    let mut row = 0;
    while row < rows {
        let end = rows.min(row + load.batch);
        let values = (row..end).map(|row| change(row, trades.next(FIRST_TS_MICROS + row as i64)));
        let batch = encode_batch(values, FIRST_TS_MICROS / 1_000)?;
        connections[row / load.batch % load.connections].push(batch);
        row = end;
    }
    Ok(connections)
}

/// Sends all batches, and returns the latencies in microseconds when the last is acknowledged.
async fn send(
    gateway: &Gateway,
    topic: &str,
    batches: Vec<Vec<Bytes>>,
    load: &Load,
) -> Result<Histogram<u64>, Box<dyn Error>> {
    let mut connections = Vec::new();
    for (partition, batches) in (0..).zip(batches) {
        let mut producer = Producer::connect(&gateway.bootstrap(), load.in_flight).await?;
        producer.partitions(topic).await?;
        let topic = topic.to_owned();
        connections.push(tokio::spawn(async move { send_all(producer, &topic, partition, batches).await }));
    }
    let mut all = latencies();
    for connection in connections {
        all.add(connection.await??)?;
    }
    Ok(all)
}

async fn send_all(
    mut producer: Producer,
    topic: &str,
    partition: i32,
    batches: Vec<Bytes>,
) -> Result<Histogram<u64>, ProduceError> {
    let (sent, mut acks) = mpsc::unbounded_channel();
    let settle = async move {
        let mut latencies = latencies();
        while let Some((at, ack)) = acks.recv().await {
            let ack: quafka::producer::PendingAck = ack;
            let received = ack.wait().await?.received;
            latencies += received.duration_since(at).as_micros() as u64;
        }
        Ok(latencies)
    };
    let send = async move {
        for batch in batches {
            let at = Instant::now();
            // Where the receiver has gone, it has an error to report.
            if sent.send((at, producer.send(topic, partition, batch).await?)).is_err() {
                break;
            }
        }
        drop(sent);
        producer.drain().await;
        Ok(())
    };
    let (latencies, ()) = tokio::try_join!(settle, send)?;
    Ok(latencies)
}
