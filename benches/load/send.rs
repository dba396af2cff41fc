//! Batches through Kafka connections, several in flight on each, and what their answers took.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use quafka::demo::latencies;
use quafka::producer::{PendingAck, ProduceError, Producer};
use tokio::sync::mpsc;

use crate::Outcome;

/// Topics and batches, in order.
pub type Batches = VecDeque<(String, Bytes)>;

/// Sends all and returns the latencies in microseconds when the last batch is acknowledged. Each connection writes to the
/// partition of its number, and takes the next batch as soon as it may have one more in flight: as with producers that
/// work side by side, what is under way at a time is about of the same time.
pub async fn send(
    bootstrap: &str,
    batches: Batches,
    connections: usize,
    in_flight: usize,
) -> Outcome<Histogram<u64>> {
    let mut topics: Vec<&String> = batches.iter().map(|(topic, _)| topic).collect();
    topics.sort_unstable();
    topics.dedup();
    let mut producers = Vec::new();
    for _ in 0..connections {
        let mut producer = Producer::connect(bootstrap, in_flight).await?;
        for topic in &topics {
            producer.partitions(topic).await?;
        }
        producers.push(producer);
    }
    let batches = Arc::new(Mutex::new(batches));
    let mut running = Vec::new();
    for (partition, producer) in (0..).zip(producers) {
        running.push(tokio::spawn(send_all(producer, partition, batches.clone())));
    }
    let mut all = latencies();
    for connection in running {
        all.add(connection.await??)?;
    }
    Ok(all)
}

async fn send_all(
    mut producer: Producer,
    partition: i32,
    batches: Arc<Mutex<Batches>>,
) -> Result<Histogram<u64>, ProduceError> {
    let (sent, mut acks) = mpsc::unbounded_channel();
    let settle = async move {
        let mut latencies = latencies();
        while let Some((at, ack)) = acks.recv().await {
            let ack: PendingAck = ack;
            let received = ack.wait().await?.received;
            latencies += received.duration_since(at).as_micros() as u64;
        }
        Ok(latencies)
    };
    let send = async move {
        loop {
            producer.ready().await;
            let next = batches.lock().pop_front();
            let Some((topic, batch)) = next else { break };
            let at = Instant::now();
            // Where the receiver has gone, it has an error to report.
            if sent.send((at, producer.send(&topic, partition, batch).await?)).is_err() {
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
