//! Sends the records of a job with schema_registry_converter and rskafka. tests/serializers/README.md describes the
//! arguments.

mod formats;

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures_util::future::join_all;
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::client::producer::BatchProducerBuilder;
use rskafka::client::producer::aggregator::RecordAggregator;
use rskafka::record::Record;
use serde_json::{Value, json};

use crate::formats::Encoder;

/// rskafka has no defaults for these.
const BATCH_BYTES: usize = 512 * 1024;
const LINGER: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() -> ExitCode {
    let (sent, acked, errors) = match run().await {
        Ok((sent, errors)) => (sent, sent - errors.len(), errors),
        Err(error) => (0, 0, vec![error.to_string()]),
    };
    let shown: Vec<_> = errors.iter().take(10).collect();
    let told = json!({
        "client": "schema_registry_converter", "version": env!("SERIALIZER_VERSION"), "sent": sent, "acked": acked, "errors": shown,
    });
    println!("{told}");
    if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many records were sent, and what went wrong with some.
async fn run() -> Result<(usize, Vec<String>), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options: HashMap<_, _> = arguments
        .chunks_exact(2)
        .map(|pair| (pair[0].trim_start_matches("--").to_owned(), pair[1].clone()))
        .collect();
    let option = |name: &str| options.get(name).cloned().ok_or(format!("--{name} is missing"));
    let (topic, format) = (option("topic")?, option("format")?);
    let job: Value = serde_json::from_str(&std::fs::read_to_string(option("job")?)?)?;

    let mut encoders = Vec::new();
    for (version, schema) in job["schemas"].as_array().into_iter().flatten().enumerate() {
        let schema = schema.as_str().unwrap_or_default();
        encoders.push(Encoder::new(&format, &option("registry")?, &topic, schema, version)?);
    }
    let mut records = Vec::new();
    for record in job["records"].as_array().into_iter().flatten() {
        let encoder = &encoders[record["schema"].as_u64().unwrap_or_default() as usize];
        records.push(Record {
            key: None,
            value: Some(encoder.encode(&record["value"]).await?),
            headers: BTreeMap::new(),
            timestamp: Utc::now(),
        });
    }

    let sent = records.len();
    let client = ClientBuilder::new(vec![option("brokers")?]).build().await?;
    let partition = client.partition_client(topic, 0, UnknownTopicHandling::Retry).await?;
    let producer = BatchProducerBuilder::new(Arc::new(partition))
        .with_compression(Compression::NoCompression)
        .with_linger(LINGER)
        .build(RecordAggregator::new(BATCH_BYTES));
    let delivered = join_all(records.into_iter().map(|record| producer.produce(record))).await;
    Ok((sent, delivered.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect()))
}
