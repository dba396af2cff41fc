//! A Rust client that nobody here wrote, rskafka, in every codec that it has.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use rskafka::chrono::{DateTime, Utc};
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::record::Record;
use serde_json::json;
use support::{Gateway, QuestDbServer};

const RECORDS: u64 = 1_000;

fn record(seq: u64, time: DateTime<Utc>) -> Record {
    let value = format!(r#"{{"seq":{seq},"price":{}.5,"note":"line {seq}\nof \"text\""}}"#, seq * 2);
    Record {
        key: Some(format!("key-{seq}").into_bytes()),
        value: Some(value.into_bytes()),
        headers: BTreeMap::from([("source".to_owned(), b"rskafka".to_vec())]),
        timestamp: time,
    }
}

#[tokio::test]
async fn every_codec_arrives_value_by_value() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let client = ClientBuilder::new(vec![gateway.bootstrap()]).build().await.unwrap();
    let codecs = [
        Compression::NoCompression,
        Compression::Gzip,
        Compression::Lz4,
        Compression::Snappy,
        Compression::Zstd,
    ];
    let time = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
    for codec in codecs {
        let topic = format!("rskafka-{codec:?}").to_lowercase();
        let partition = client.partition_client(&topic, 0, UnknownTopicHandling::Retry).await.unwrap();
        let records = (0..RECORDS).map(|seq| record(seq, time)).collect();
        let offsets = partition.produce(records, codec).await.unwrap();
        let first = offsets[0];
        assert!(offsets.iter().copied().eq(first..first + RECORDS as i64), "{topic}");

        questdb.wait_for_rows(&topic, RECORDS, Duration::from_secs(60)).await;
        let query = format!(
            "SELECT count_distinct(seq), sum(seq), sum(price), count_distinct(key), \
             count_distinct(timestamp), max(timestamp), min(note) FROM '{topic}'"
        );
        let sum = RECORDS * (RECORDS - 1) / 2;
        let price = (2 * sum) as f64 + RECORDS as f64 / 2.0;
        let expected =
            json!([[RECORDS, sum, price, RECORDS, 1, "2023-11-14T22:13:20.123000Z", "line 0\nof \"text\""]]);
        assert_eq!(json!(questdb.sql(&query).await), expected, "{topic}");
    }
}
