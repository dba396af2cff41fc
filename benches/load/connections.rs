//! The idle gateway, and many connections with few records each: what a fleet of devices looks like.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hdrhistogram::Histogram;
use quafka::demo::latencies;
use quafka::demo::trades::Trades;
use quafka::producer::{PendingAck, ProduceError, Producer, encode_batch};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::records::Kind;
use crate::results;
use crate::stage::{PATIENCE, Stage};
use crate::usage::{Usage, forget_peak};
use crate::{Load, Outcome};

/// Between a connection's records: 100 of them a second.
const PACE: Duration = Duration::from_millis(10);
/// For memory to come to rest.
const REST: Duration = Duration::from_secs(2);
const TOPIC: &str = "fleet";

pub async fn measure(load: &Load) -> Outcome<Value> {
    let stage = Stage::start(load, "reject").await;
    let gateway = stage.gateway.id();
    sleep(load.pick(REST, Duration::ZERO)).await;
    let idle = Usage::of(gateway)?.resident_bytes;
    println!("  idle                         {:.1} MiB resident", mib(idle));

    stage.warm_up(Kind::Trades).await?;
    sleep(load.pick(REST, Duration::ZERO)).await;
    let warm = Usage::of(gateway)?.resident_bytes;

    let mut fleet = Vec::new();
    let bootstrap = stage.gateway.bootstrap();
    for _ in 0..load.pick(1_000, 20) {
        let mut producer = Producer::connect(&bootstrap, load.in_flight).await?;
        producer.partitions(TOPIC).await?;
        fleet.push(producer);
    }
    let connections = fleet.len();
    sleep(load.pick(REST, Duration::ZERO)).await;
    let connected = Usage::of(gateway)?.resident_bytes;
    let per_connection = |bytes: u64| bytes.saturating_sub(warm) as f64 / connections as f64;
    println!(
        "  {connections} connections            {:.1} MiB resident, {:.1} KiB a connection",
        mib(connected),
        per_connection(connected) / 1024.0
    );

    forget_peak(gateway)?;
    let before = [Usage::of(gateway)?, Usage::of(stage.questdb.id())?, Usage::of(std::process::id())?];
    let seconds = load.pick(15.0, 1.0);
    let fleet = Fleet::run(fleet, Duration::from_secs_f64(seconds)).await?;
    let used = [Usage::of(gateway)?, Usage::of(stage.questdb.id())?, Usage::of(std::process::id())?];
    let cpus = [0, 1, 2].map(|process: usize| (used[process] - before[process]).cpu.as_secs_f64() / seconds);
    let peak = used[0].peak_resident_bytes;
    stage.questdb.wait_for_rows(TOPIC, fleet.records, PATIENCE).await;

    let offered = connections as f64 / PACE.as_secs_f64();
    let achieved = fleet.records as f64 / fleet.seconds;
    println!(
        "  {offered:.0} records/s offered     {achieved:.0} acknowledged in {:.1} records a batch; record -> ack p50 {:.1} ms, \
         p99 {:.1} ms; peak {:.1} MiB, {:.1} KiB a connection; cores: gateway {:.2}, QuestDB {:.2}, generator {:.2}",
        fleet.records as f64 / fleet.batches as f64,
        fleet.acks.value_at_quantile(0.5) as f64 / 1e3,
        fleet.acks.value_at_quantile(0.99) as f64 / 1e3,
        mib(peak),
        per_connection(peak) / 1024.0,
        cpus[0],
        cpus[1],
        cpus[2],
    );
    Ok(json!({
        "idle_bytes": idle, "warm_bytes": warm,
        "connections": connections, "connected_bytes": connected, "connected_bytes_per_connection": per_connection(connected),
        "records_per_second_offered": offered, "records_per_second_acked": achieved,
        "records_per_batch": fleet.records as f64 / fleet.batches as f64,
        "record_to_ack_ms": results::latencies(&fleet.acks),
        "peak_bytes": peak, "peak_bytes_per_connection": per_connection(peak),
        "cores": { "gateway": cpus[0], "questdb": cpus[1], "generator": cpus[2] },
    }))
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// What became of all records.
struct Fleet {
    records: u64,
    batches: u64,
    /// Until the last answer.
    seconds: f64,
    /// From a record's being there until it is acknowledged, in microseconds.
    acks: Histogram<u64>,
}

impl Fleet {
    async fn run(producers: Vec<Producer>, lasts: Duration) -> Outcome<Self> {
        let count = producers.len() as u32;
        let start = Instant::now();
        let start_ts = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as i64;
        let mut running = Vec::new();
        for (number, producer) in (0..).zip(producers) {
            let device = Device {
                producer,
                partition: (number % 16) as i32,
                // Spread over the pace, as devices are that know nothing of each other.
                first: start + PACE * number / count,
                end: start + lasts,
                trades: Trades::new(number.into()),
                start,
                start_ts,
            };
            running.push(tokio::spawn(device.run()));
        }
        let mut fleet = Self { records: 0, batches: 0, seconds: 0.0, acks: latencies() };
        for device in running {
            let (acks, batches) = device.await??;
            fleet.records += acks.len();
            fleet.batches += batches;
            fleet.acks.add(acks)?;
        }
        fleet.seconds = start.elapsed().as_secs_f64();
        Ok(fleet)
    }
}

/// A producer to which records come at a steady pace. As Kafka's own, it sends them at once, and while too many requests
/// are unanswered it gathers what comes in the next batch.
struct Device {
    producer: Producer,
    partition: i32,
    first: Instant,
    end: Instant,
    trades: Trades,
    start: Instant,
    /// What its clock shows then, in microseconds.
    start_ts: i64,
}

impl Device {
    /// The latencies of its records, and how many batches they were in.
    async fn run(mut self) -> Result<(Histogram<u64>, u64), ProduceError> {
        let (sent, mut acks) = mpsc::unbounded_channel();
        let settle = async move {
            let mut latencies = latencies();
            let mut batches = 0;
            while let Some((mut due, records, ack)) = acks.recv().await {
                let (ack, records): (PendingAck, u32) = (ack, records);
                let received = Instant::from_std(ack.wait().await?.received);
                batches += 1;
                for _ in 0..records {
                    latencies += received.duration_since(due).as_micros() as u64;
                    due += PACE;
                }
            }
            Ok((latencies, batches))
        };
        let send = async move {
            let mut due = self.first;
            while due < self.end {
                sleep_until(due).await;
                let late = Instant::now().min(self.end).duration_since(due);
                let records = 1 + (late.as_nanos() / PACE.as_nanos()) as u32;
                let batch = self.batch(due, records)?;
                let ack = self.producer.send(TOPIC, self.partition, batch).await?;
                // Where the receiver has gone, it has an error to report.
                if sent.send((due, records, ack)).is_err() {
                    break;
                }
                due += PACE * records;
            }
            drop(sent);
            self.producer.drain().await;
            Ok(())
        };
        let (settled, ()) = tokio::try_join!(settle, send)?;
        Ok(settled)
    }

    /// Each record has the time at which it came, so that those of all devices are about in the order of their times.
    fn batch(&mut self, first: Instant, records: u32) -> Result<Bytes, ProduceError> {
        let ts = self.start_ts + first.duration_since(self.start).as_micros() as i64;
        let pace = PACE.as_micros() as i64;
        let values: Vec<Bytes> =
            (0..records.into()).map(|number: i64| self.trades.next(ts + number * pace)).collect();
        encode_batch(values, ts / 1_000)
    }
}
