//! The demo's producer: trades at a steady rate, and what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::trades::Trades;
use crate::producer::{PendingAck, ProduceError, Producer, encode_batch};

/// How often trades are sent: often enough to look alive, seldom enough for batches of some size.
const TICK: Duration = Duration::from_millis(10);
/// A batch of trades of this many records stays below Kafka's 1 MiB.
const LARGEST_BATCH: u64 = 5_000;
const IN_FLIGHT: usize = 32;

/// What became of the trades so far.
#[derive(Debug)]
pub(super) struct Tally {
    pub sent: AtomicU64,
    pub acked: AtomicU64,
    pub failed: AtomicU64,
    /// From before a batch was sent to its reply, in microseconds, one value a batch; emptied by who shows them.
    pub ack_micros: Mutex<Histogram<u64>>,
    pub last_error: Mutex<Option<ProduceError>>,
}

impl Tally {
    pub fn new() -> Self {
        Self {
            sent: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            ack_micros: Mutex::new(latencies()),
            last_error: Mutex::new(None),
        }
    }

    fn settle(&self, records: u64, sent_at: Instant, outcome: Result<Instant, ProduceError>) {
        match outcome {
            Ok(received) => {
                let micros = received.saturating_duration_since(sent_at).as_micros();
                // Fails only where the histogram could not grow to hold the value.
                let _ = self.ack_micros.lock().record(u64::try_from(micros).unwrap_or(u64::MAX));
                self.acked.fetch_add(records, Ordering::Relaxed);
            }
            Err(error) => {
                self.failed.fetch_add(records, Ordering::Relaxed);
                *self.last_error.lock() = Some(error);
            }
        }
    }
}

/// Latencies to three digits.
pub fn latencies() -> Histogram<u64> {
    Histogram::new(3).unwrap_or_else(|error| unreachable!("a histogram may have 0 to 5 digits: {error}"))
}

struct Sent {
    records: u64,
    at: Instant,
    ack: PendingAck,
}

/// Sends `rate` trades a second until told to stop, and returns when the fate of all of them is known. A
/// connection that is lost is opened again.
pub(super) async fn run(
    address: String,
    topic: String,
    rate: u64,
    tally: Arc<Tally>,
    stop: CancellationToken,
) {
    let mut trades = Trades::new(2_026);
    while !stop.is_cancelled() {
        let (sent, acks) = mpsc::unbounded_channel();
        let settling = tokio::spawn(settle(acks, tally.clone()));
        let ended = send(&address, &topic, rate, &tally, &mut trades, &sent, &stop).await;
        drop(sent);
        // Ends with the last reply; the producer that has been dropped on an error fails those that never come.
        let _ = settling.await;
        if let Err(error) = ended {
            *tally.last_error.lock() = Some(error);
            let pause = tokio::time::sleep(Duration::from_millis(500));
            stop.run_until_cancelled(pause).await;
        }
    }
}

/// One connection's worth.
async fn send(
    address: &str,
    topic: &str,
    rate: u64,
    tally: &Tally,
    trades: &mut Trades,
    sent: &mpsc::UnboundedSender<Sent>,
    stop: &CancellationToken,
) -> Result<(), ProduceError> {
    let mut producer = Producer::connect(address, IN_FLIGHT).await?;
    let partitions = producer.partitions(topic).await?.max(1);
    let mut partition = 0;
    let mut clock = Pace::new(rate);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let mut due = clock.due(Instant::now());
        while due > 0 && !stop.is_cancelled() {
            let records = due.min(LARGEST_BATCH);
            due -= records;
            let now_micros = now_micros();
            let batch = encode_batch((0..records).map(|_| trades.next(now_micros)), now_micros / 1_000)?;
            let at = Instant::now();
            let ack = producer.send(topic, partition, batch).await?;
            partition = (partition + 1) % partitions;
            tally.sent.fetch_add(records, Ordering::Relaxed);
            // Its receiver lives as long as this sender.
            let _ = sent.send(Sent { records, at, ack });
        }
    }
    producer.drain().await;
    Ok(())
}

/// In order: replies come in the order of requests, and each keeps the time at which it came.
async fn settle(mut acks: mpsc::UnboundedReceiver<Sent>, tally: Arc<Tally>) {
    while let Some(Sent { records, at, ack }) = acks.recv().await {
        let outcome = ack.wait().await.map(|ack| ack.received);
        tally.settle(records, at, outcome);
    }
}

/// Microseconds since the epoch.
pub(super) fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// How many records are due at a rate.
#[derive(Debug)]
struct Pace {
    rate: u64,
    since: Instant,
    taken: u64,
}

impl Pace {
    fn new(rate: u64) -> Self {
        Self { rate, since: Instant::now(), taken: 0 }
    }

    /// The records that are due and were not taken before. What a slow server made us miss is forgotten after a
    /// second, so that the rate is not exceeded for long to make up for it.
    fn due(&mut self, now: Instant) -> u64 {
        let nanos = now.saturating_duration_since(self.since).as_nanos();
        let total = u64::try_from(nanos * u128::from(self.rate) / 1_000_000_000).unwrap_or(u64::MAX);
        let due = total.saturating_sub(self.taken);
        self.taken = total;
        due.min(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_loses_no_record_and_catches_up_for_a_second_at_most() {
        let mut pace = Pace::new(333);
        let start = pace.since;
        let taken: u64 = (1..=100).map(|tick| pace.due(start + tick * TICK)).sum();
        assert_eq!(taken, 333);
        assert_eq!(pace.due(start + Duration::from_secs(100)), 333);
        assert_eq!(pace.due(start + Duration::from_secs(100)), 0);
        assert_eq!(pace.due(start + Duration::from_secs(101)), 333);
    }
}
