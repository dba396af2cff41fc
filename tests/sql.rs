//! SQL in a topic's settings, from real producers' bytes into the real QuestDB. `cargo test --features sql` has the
//! engine; without it, that it is missing is told.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::{Command, Output};

/// What `quafka serve` makes of a file that it is not to serve with: at an address that is nobody's (RFC 5737).
fn serve(config: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("quafka.toml");
    std::fs::write(&file, config).unwrap();
    Command::new(env!("CARGO_BIN_EXE_quafka"))
        .args(["serve", "--listen", "192.0.2.1:0", "--admin", "127.0.0.1:0", "--config"])
        .arg(&file)
        .output()
        .unwrap()
}

/// The reason for which it does not start.
fn refused(config: &str) -> String {
    let output = serve(config);
    assert!(!output.status.success(), "{config}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[cfg(not(feature = "sql"))]
#[test]
fn a_build_without_the_engine_says_which_one_has_it() {
    for (setting, key) in
        [("filter = \"price > 0\"", "filter"), ("columns.notional = \"price * qty\"", "columns.notional")]
    {
        let said = refused(&format!("[topics.\"trades-*\"]\n{setting}\n"));
        assert!(said.contains("cargo build --release --features sql"), "{said}");
        assert!(said.contains("trades-*") && said.contains(&format!("{key}: `price")), "{said}");
    }
}

#[cfg(feature = "sql")]
mod with_the_engine {
    use std::time::Duration;

    use kafka_protocol::messages::ProduceResponse;
    use kafka_protocol::messages::produce_response::PartitionProduceResponse;
    use serde_json::{Value, json};

    use super::refused;
    use super::support::batches::{Batch, produce};
    use super::support::{Gateway, QuestDbServer, Wire};

    const PATIENCE: Duration = Duration::from_secs(30);

    const TOPICS: &str = r#"
[topics.q_trades]
symbols = ["venue", "kind"]
timestamp = { field = "ts", unit = "micros" }
filter = "price > 0"
columns.notional = "price * qty"
columns.kind = "case when qty >= 100 then 'block' else 'lot' end"
columns.hour = "date_trunc('hour', timestamp)"

[topics.q_typed]
columns = { share = "part * 100 / whole", tag = "upper(tag)" }

[topics.q_letters]
on_error = "dlq"
dlq = { table = "q_dead" }
columns.share = "part * 100 / whole"

[topics.q_skip]
on_error = "skip"
filter = "cast(code as bigint) < 500"
"#;

    fn answer(response: &ProduceResponse) -> &PartitionProduceResponse {
        &response.responses[0].partition_responses[0]
    }

    async fn send(wire: &mut Wire, topic: &str, records: &[&str]) -> PartitionProduceResponse {
        let records: Vec<_> = records.iter().map(|record| record.to_string()).collect();
        let response = wire.call(&produce(topic, 0, Batch::of(records).encode()), 9).await;
        answer(&response).clone()
    }

    async fn rows(questdb: &QuestDbServer, sql: &str) -> Value {
        json!(questdb.sql(sql).await)
    }

    #[tokio::test]
    async fn columns_are_computed_and_rows_filtered() {
        let questdb = QuestDbServer::start().await;
        let gateway = Gateway::start(TOPICS, questdb).await;
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let hour = 3_600_000_000_i64;
        let trade = |price: &str, qty: u32, at: i64| {
            format!(r#"{{"price":{price},"qty":{qty},"venue":"X","ts":{}}}"#, 400_000 * hour + at)
        };
        let first = [trade("1.5", 2, 1), trade("-1.5", 2, 2), trade("0.25", 100, 3)];
        let nothing = [trade("null", 1, 4), trade("0.0", 1, 5)];
        let later = [trade("4.0", 25, hour + 6)];
        for batch in [&first[..], &nothing[..], &later[..]] {
            let records: Vec<&str> = batch.iter().map(String::as_str).collect();
            let answer = send(&mut wire, "q_trades", &records).await;
            // What the filter does not let through is acknowledged: there is nothing to do about it.
            assert_eq!(answer.error_code, 0, "{answer:?}");
        }
        questdb.wait_for_rows("q_trades", 3, PATIENCE).await;
        let found =
            rows(questdb, "SELECT price, notional, kind, hour FROM q_trades ORDER BY timestamp").await;
        let hour = |text: &str| format!("2015-08-19T{text}:00:00.000000Z");
        assert_eq!(
            found,
            json!([
                [1.5, 3.0, "lot", hour("16")],
                [0.25, 25.0, "block", hour("16")],
                [4.0, 100.0, "lot", hour("17")]
            ])
        );
        let types = "SELECT \"column\", type FROM table_columns('q_trades') WHERE \"column\" IN ('notional', 'kind', \
                     'hour') ORDER BY 1";
        assert_eq!(
            rows(questdb, types).await,
            json!([["hour", "TIMESTAMP"], ["kind", "SYMBOL"], ["notional", "DOUBLE"]])
        );
        let metrics = metrics_page(&gateway.admin()).await;
        assert!(metrics.contains("quafka_filtered_rows_total 3"), "{metrics}");
    }

    /// The metrics page.
    async fn metrics_page(admin: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(admin).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nhost: quafka\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).await.unwrap();
        page
    }

    #[tokio::test]
    async fn a_record_without_a_value_goes_the_way_of_bad_records() {
        let questdb = QuestDbServer::start().await;
        let gateway = Gateway::start(TOPICS, questdb).await;
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let records = [r#"{"part":1,"whole":4}"#, r#"{"part":1,"whole":0}"#, r#"{"part":3,"whole":4}"#];

        let answer = send(&mut wire, "q_typed", &records).await;
        assert_eq!(answer.error_code, 87, "{answer:?}");
        assert_eq!(answer.record_errors.len(), 1);
        assert_eq!(answer.record_errors[0].batch_index, 1);
        let message = answer.record_errors[0].batch_index_error_message.clone().unwrap().to_string();
        assert!(
            message.contains("column share, computed as `part * 100 / whole`: Divide by zero"),
            "{message}"
        );

        let answer = send(&mut wire, "q_letters", &records).await;
        assert_eq!(answer.error_code, 0, "{answer:?}");
        questdb.wait_for_rows("q_letters", 2, PATIENCE).await;
        questdb.wait_for_rows("q_dead", 1, PATIENCE).await;
        assert_eq!(rows(questdb, "SELECT share FROM q_letters ORDER BY 1").await, json!([[25], [75]]));
        let letters = rows(questdb, "SELECT value, error_column FROM q_dead").await;
        assert_eq!(letters, json!([[records[1], "share"]]));

        let records = [r#"{"code":"200"}"#, r#"{"code":"many"}"#, r#"{"code":"503"}"#, r#"{"code":"404"}"#];
        let answer = send(&mut wire, "q_skip", &records).await;
        assert_eq!(answer.error_code, 0, "{answer:?}");
        questdb.wait_for_rows("q_skip", 2, PATIENCE).await;
        assert_eq!(rows(questdb, "SELECT code FROM q_skip ORDER BY 1").await, json!([["200"], ["404"]]));
        let metrics = metrics_page(&gateway.admin()).await;
        assert!(metrics.contains("quafka_bad_records_total{on_error=\"skip\"} 1"), "{metrics}");
        assert!(metrics.contains("quafka_filtered_rows_total 1"), "{metrics}");
    }

    #[tokio::test]
    async fn a_computed_column_is_of_the_tables_type() {
        let questdb = QuestDbServer::start().await;
        questdb
            .sql(
                "CREATE TABLE q_typed (timestamp TIMESTAMP, part LONG, whole LONG, share FLOAT, tag SYMBOL) \
                 TIMESTAMP(timestamp) PARTITION BY DAY WAL",
            )
            .await;
        let gateway = Gateway::start(TOPICS, questdb).await;
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let answer = send(&mut wire, "q_typed", &[r#"{"part":1,"whole":4,"tag":"abc"}"#]).await;
        assert_eq!(answer.error_code, 0, "{answer:?}");
        questdb.wait_for_rows("q_typed", 1, PATIENCE).await;
        assert_eq!(rows(questdb, "SELECT share, tag FROM q_typed").await, json!([[25.0, "ABC"]]));
    }

    #[test]
    fn a_wrong_expression_is_found_at_the_start() {
        for (setting, words) in [
            ("filter = \"price >\"", "filter: `price >`"),
            ("filter = \"price + 1\"", "it is no condition"),
            ("columns.n = \"nope(price)\"", "columns.n: `nope(price)`"),
        ] {
            let said = refused(&format!("[topics.\"trades-*\"]\n{setting}\n"));
            assert!(said.contains("trades-*") && said.contains(words), "{said}");
        }
    }
}
