//! rskafka: pure Rust. It always asks for acks=all, has no idempotent producer and picks no partition by itself.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures_util::future::join_all;
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::client::producer::BatchProducerBuilder;
use rskafka::client::producer::aggregator::RecordAggregator;
use rskafka::record::Record;

use crate::job::{Acks, Codec, Job, Tally};

/// Bytes of records that make a batch, and for how long it waits for more; it has no defaults for them.
const BATCH_BYTES: usize = 512 * 1024;
const LINGER: Duration = Duration::from_millis(10);

pub async fn produce(job: Job, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
    if job.acks != Acks::All || job.idempotence {
        return Err("rskafka has acks=all without idempotence, nothing else".into());
    }
    let headers: BTreeMap<_, _> = job.headers.into_iter().collect();
    let records = job.records.into_iter().map(|record| Record {
        key: record.key,
        value: Some(record.value),
        headers: headers.clone(),
        timestamp: Utc::now(),
    });

    // docs:begin
    let client = ClientBuilder::new(vec![job.brokers]).build().await?;
    let partition = client.partition_client(job.topic, 0, UnknownTopicHandling::Retry).await?;
    let producer = BatchProducerBuilder::new(Arc::new(partition))
        .with_compression(compression(job.codec))
        .with_linger(LINGER)
        .build(RecordAggregator::new(BATCH_BYTES));
    for delivered in join_all(records.map(|record| producer.produce(record))).await {
        tally.settle(delivered.map(drop));
    }
    // docs:end
    Ok(())
}

fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::None => Compression::NoCompression,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}
