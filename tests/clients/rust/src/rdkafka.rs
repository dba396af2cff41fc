//! rdkafka: librdkafka for Rust, which is built from the source that the crate brings.

use std::error::Error;

use futures_util::future::join_all;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::PATIENCE;
use crate::job::{Acks, Codec, Job, Record, Tally};

pub async fn produce(job: Job, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
    let headers = job.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value) })
    });

    // docs:begin
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &job.brokers)
        .set("acks", acks(job.acks))
        .set("compression.type", codec(job.codec))
        .set("enable.idempotence", job.idempotence.to_string())
        .create()?;
    let deliveries = job.records.iter().map(|Record { key, value }| {
        let record = FutureRecord { key: key.as_ref(), ..FutureRecord::to(&job.topic) };
        producer.send(record.payload(value).headers(headers.clone()), PATIENCE)
    });
    for delivered in join_all(deliveries).await {
        tally.settle(delivered.map(drop).map_err(|(error, _)| error));
    }
    // docs:end
    Ok(())
}

fn acks(acks: Acks) -> &'static str {
    match acks {
        Acks::Zero => "0",
        Acks::One => "1",
        Acks::All => "all",
    }
}

fn codec(codec: Codec) -> &'static str {
    match codec {
        Codec::None => "none",
        Codec::Gzip => "gzip",
        Codec::Snappy => "snappy",
        Codec::Lz4 => "lz4",
        Codec::Zstd => "zstd",
    }
}
