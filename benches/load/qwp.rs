//! The client's side over QWP: no QuestDB that speaks it can be had, so a process of its own takes the messages and counts
//! their rows. What is told is the CPU of the sink alone, and that of the whole gateway.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quafka::config::Transport;
use quafka::memory::MemoryBudget;
use quafka::questdb::QuestDb;
use quafka::rows::Block;
use quafka::sink::{self, Sink, SinkMetrics, SinkOptions, Submission, Ticket, ticket};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cases::{self, records};
use crate::records::{Kind, Source};
use crate::send::{Batches, send};
use crate::stage::gateway_config;
use crate::support::Gateway;
use crate::support::qwp_peer::{self, Reply};
use crate::usage::{Usage, forget_peak};
use crate::{Load, Outcome};

/// QuestDB's `http.recv.buffer.size`, which caps a message.
const MAX_MESSAGE_BYTES: usize = 2 << 20;

pub async fn measure(load: &Load) -> Outcome<Value> {
    let sink = by_sink(load).await?;
    let gateway = by_gateway(load).await?;
    Ok(json!({ "sink": sink, "gateway": gateway }))
}

/// Blocks that are made beforehand, through lanes: merging, encoding, sending, answers.
async fn by_sink(load: &Load) -> Outcome<Value> {
    let peer = Peer::start()?;
    let options = SinkOptions { transport: Transport::Qwp, lanes: load.lanes, ..SinkOptions::default() };
    let sink = Sink::start(options, QuestDb::from_conf(&peer.conf())?, SinkMetrics::default()).await?;
    let block = cases::block(records::with_symbols(), &records::trades());
    let blocks = load.rows().div_ceil(block.rows());
    let budget = MemoryBudget::new(1 << 30);
    let before = Usage::of(std::process::id())?;
    let start = Instant::now();
    let mut tickets = std::collections::VecDeque::new();
    for number in 0..blocks {
        // As many under way as connections of producers have.
        if tickets.len() >= load.connections * load.in_flight {
            committed(tickets.pop_front()).await?;
        }
        let partition = (number % load.connections) as i32;
        tickets.push_back(submit(&sink, &budget, block.clone(), partition).await);
    }
    while !tickets.is_empty() {
        committed(tickets.pop_front()).await?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let used = Usage::of(std::process::id())? - before;
    sink.close(tokio::time::Instant::now() + Duration::from_secs(10)).await;
    peer.figures("sink", blocks * block.rows(), seconds, used)
}

async fn submit(sink: &Sink, budget: &MemoryBudget, block: Block, partition: i32) -> Ticket {
    let (resolver, ticket) = ticket();
    let charge = budget.decode_turn().await.charge(block.memory_bytes());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    sink.submit(Submission { block, partition, deadline, fence: None, label: None, charge, resolver }).await;
    ticket
}

async fn committed(ticket: Option<Ticket>) -> Outcome<()> {
    match ticket {
        Some(ticket) => match ticket.outcome().await {
            sink::Outcome::Committed => Ok(()),
            other => Err(format!("a block was not committed: {other:?}").into()),
        },
        None => Ok(()),
    }
}

/// Batches through the real gateway, which takes the peer for a QuestDB that has no tables.
async fn by_gateway(load: &Load) -> Outcome<Value> {
    let peer = Peer::start()?;
    let gateway = Gateway::start_with_conf(&gateway_config(load, "reject"), &peer.conf()).await;
    let mut source = Source::new(Kind::Trades);
    let batches = load.rows() / load.batch;
    let mut encoded = Batches::new();
    for _ in 0..batches {
        encoded.push_back(("trades".to_owned(), source.batch(load.batch)?));
    }
    forget_peak(gateway.id())?;
    let before = Usage::of(gateway.id())?;
    let start = Instant::now();
    send(&gateway.bootstrap(), encoded, load.connections, load.in_flight).await?;
    let seconds = start.elapsed().as_secs_f64();
    let used = Usage::of(gateway.id())? - before;
    peer.figures("gateway", batches * load.batch, seconds, used)
}

/// A child that takes QWP.
struct Peer {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<std::process::ChildStdout>,
    port: u16,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Counts {
    messages: u64,
    bytes: u64,
    rows: u64,
}

impl Peer {
    fn start() -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--qwp-peer")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().ok_or("the peer has no output")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let port =
            line.trim().parse().map_err(|error| format!("the peer told `{line}` as its port: {error}"))?;
        Ok(Self { child, stdin, stdout, port })
    }

    fn conf(&self) -> String {
        format!("ws::addr=127.0.0.1:{};", self.port)
    }

    /// Ends it, and fails where it has not got all rows.
    fn figures(mut self, who: &str, rows: usize, seconds: f64, used: Usage) -> Outcome<Value> {
        drop(self.stdin.take());
        let mut told = String::new();
        self.stdout.read_to_string(&mut told)?;
        let counts: Counts = serde_json::from_str(&told)?;
        if counts.rows != rows as u64 {
            return Err(format!("the peer got {} rows, not {rows}", counts.rows).into());
        }
        let cpu = used.cpu.as_secs_f64() / rows as f64 * 1e6;
        println!(
            "  {who:<28} {cpu:.3} CPU-s/M rows, {:.0} rows/s, {:.1} bytes a row, {:.0} rows a message, peak {} MiB",
            rows as f64 / seconds,
            counts.bytes as f64 / rows as f64,
            rows as f64 / counts.messages as f64,
            used.peak_resident_bytes >> 20,
        );
        Ok(json!({
            "rows": rows, "rows_per_second": rows as f64 / seconds, "cpu_seconds_per_million_rows": cpu,
            "bytes_per_row": counts.bytes as f64 / rows as f64, "rows_per_message": rows as f64 / counts.messages as f64,
            "peak_resident_bytes": used.peak_resident_bytes,
        }))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends by itself when its input is closed, and its input is closed however this process ends.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// Until the input is closed; then it tells what it was sent.
pub fn be_the_peer() -> Outcome<()> {
    let counts: Arc<[AtomicU64; 3]> = Arc::default();
    let seen = counts.clone();
    let port = qwp_peer::start(MAX_MESSAGE_BYTES, move |message, _| {
        let add = [1, message.len() as u64, qwp_peer::rows(message)];
        for (count, add) in seen.iter().zip(add) {
            count.fetch_add(add, Ordering::Relaxed);
        }
        Reply::Ok
    });
    println!("{port}");
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let [messages, bytes, rows] = [0, 1, 2].map(|index: usize| counts[index].load(Ordering::Relaxed));
    println!("{}", serde_json::to_string(&Counts { messages, bytes, rows })?);
    Ok(())
}
