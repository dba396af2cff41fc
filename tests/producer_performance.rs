//! Kafka's own load generator, as it is, against the gateway: an idempotent Java producer with `acks=all`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Gateway, QuestDbServer, java};

const RECORDS: u64 = 10_000;

/// Sends [`RECORDS`] records, and fails with all that was said where it does not say that it sent them.
async fn send(gateway: &Gateway, topic: &str, more: &[&str]) {
    let bootstrap = gateway.bootstrap();
    let records = RECORDS.to_string();
    let arguments = ["--topic", topic, "--num-records", &records, "--throughput", "-1"];
    let arguments: Vec<String> = arguments.iter().chain(more).map(|text| (*text).to_owned()).collect();
    let run = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        java::producer_performance(&bootstrap, &arguments)
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", gateway.log());
    assert!(said.contains(&format!("{RECORDS} records sent")), "{said}\n{}", gateway.log());
    assert!(!said.contains("Exception"), "{said}\n{}", gateway.log());
}

#[tokio::test]
async fn payloads_of_a_file_become_columns() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let payloads = gateway.folder().join("payloads");
    std::fs::write(&payloads, "{\"symbol\":\"TEST\",\"price\":1.5}\n{\"symbol\":\"TEST\",\"price\":2.5}\n")
        .unwrap();
    send(&gateway, "perf", &["--payload-file", payloads.to_str().unwrap()]).await;
    questdb.wait_for_rows("perf", RECORDS, Duration::from_secs(60)).await;
    let prices = questdb.sql("SELECT symbol, price FROM perf GROUP BY symbol, price ORDER BY price").await;
    assert_eq!(json!(prices), json!([["TEST", 1.5], ["TEST", 2.5]]));
}

#[tokio::test]
async fn random_payloads_become_text() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    send(&gateway, "perf-random", &["--record-size", "100"]).await;
    questdb.wait_for_rows("perf-random", RECORDS, Duration::from_secs(60)).await;
    let lengths = questdb.sql("SELECT length(value), count() FROM 'perf-random'").await;
    assert_eq!(json!(lengths), json!([[100, RECORDS]]));
}
