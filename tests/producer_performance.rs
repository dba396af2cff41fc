//! Kafka's own load generator, as it is, against the gateway: an idempotent Java producer with `acks=all`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use support::{Gateway, QuestDbServer, java};

#[tokio::test]
async fn kafkas_producer_performance_writes_every_record() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let payloads = gateway.folder().join("payloads");
    std::fs::write(&payloads, "{\"symbol\":\"TEST\",\"price\":1.5}\n{\"symbol\":\"TEST\",\"price\":2.5}\n")
        .unwrap();

    let bootstrap = gateway.bootstrap();
    let run = move || {
        let payloads = payloads.to_str().unwrap();
        let arguments =
            ["--topic", "perf", "--num-records", "10000", "--throughput", "-1", "--payload-file", payloads];
        java::producer_performance(&bootstrap, &arguments)
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();

    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", gateway.log());
    assert!(said.contains("10000 records sent"), "{said}\n{}", gateway.log());
    questdb.wait_for_rows("perf", 10_000, Duration::from_secs(60)).await;
    let prices = questdb.sql("SELECT symbol, price FROM perf GROUP BY symbol, price ORDER BY price").await;
    assert_eq!(serde_json::json!(prices), serde_json::json!([["TEST", 1.5], ["TEST", 2.5]]));
}
