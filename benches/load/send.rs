//! Batches through Kafka connections, several in flight on each, and what their answers took.

use std::time::Instant;

use bytes::Bytes;
use hdrhistogram::Histogram;
use quafka::demo::latencies;
use quafka::producer::{PendingAck, ProduceError, Producer};
use tokio::sync::mpsc;

use crate::Outcome;

/// What one connection sends: topics and batches, in order.
pub type Batches = Vec<(String, Bytes)>;

/// Sends all, each connection to the partition of its number, and returns the latencies in microseconds when the last
/// batch is acknowledged.
pub async fn send(bootstrap: &str, connections: Vec<Batches>, in_flight: usize) -> Outcome<Histogram<u64>> {
    let mut running = Vec::new();
    for (partition, batches) in (0..).zip(connections) {
        let mut producer = Producer::connect(bootstrap, in_flight).await?;
        let mut topics: Vec<&String> = batches.iter().map(|(topic, _)| topic).collect();
        topics.sort_unstable();
        topics.dedup();
        for topic in topics {
            producer.partitions(topic).await?;
        }
        running.push(tokio::spawn(send_all(producer, partition, batches)));
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
    batches: Batches,
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
        for (topic, batch) in batches {
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
