//! QuestDB suspends a table: it goes on committing rows to it and shows none. The gateway raises the alarm and takes no
//! more rows for that table, while all others go on.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use kafka_protocol::messages::{ProduceRequest, ProduceResponse};
use quafka::demo::questdb_server::Options;
use support::batches::{Batch, produce};
use support::{Gateway, QuestDbServer, Wire, until};

const PATIENCE: Duration = Duration::from_secs(60);
const ALARM: Duration = Duration::from_secs(30);
const NOT_ENOUGH_REPLICAS: i16 = 19;
const VERSION: i16 = 9;

/// QuestDB suspends a table by order in this mode only; else because it cannot apply what was committed.
async fn questdb() -> QuestDbServer {
    let settings = vec![("QDB_DEV_MODE_ENABLED".to_owned(), "true".to_owned())];
    QuestDbServer::start_own_with(Options { settings, ..Options::default() }).await
}

fn one(topic: &str) -> ProduceRequest {
    produce(topic, 0, Batch::of([r#"{"v":1}"#]).encode()).with_timeout_ms(2_000)
}

fn answer(response: &ProduceResponse) -> (i16, String) {
    let partition = &response.responses[0].partition_responses[0];
    (partition.error_code, partition.error_message.as_ref().map(ToString::to_string).unwrap_or_default())
}

#[tokio::test]
async fn a_suspended_table_raises_the_alarm_and_takes_no_rows() {
    let questdb = questdb().await;
    let mut gateway = Gateway::start("", &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for topic in ["stuck", "fine"] {
        assert_eq!(answer(&wire.call(&one(topic), VERSION).await).0, 0);
        questdb.wait_for_rows(topic, 1, PATIENCE).await;
    }
    // Not written to by this gateway: none of its business.
    questdb.sql("CREATE TABLE foreign_one (v LONG, ts TIMESTAMP) TIMESTAMP(ts) PARTITION BY DAY WAL").await;
    questdb.sql("ALTER TABLE foreign_one SUSPEND WAL").await;
    questdb.sql("ALTER TABLE stuck SUSPEND WAL WITH 28, 'no space left'").await;
    let suspended = Instant::now();
    // Until it is noticed, QuestDB says that it has committed, and that is so: after the table is resumed all is there.
    let mut acked = 1;
    let refusal = loop {
        assert!(suspended.elapsed() < ALARM, "{acked} rows were acked, and nothing was noticed");
        match answer(&wire.call(&one("stuck"), VERSION).await) {
            (0, _) => acked += 1,
            (error, message) => break (error, message),
        }
    };
    let noticed = suspended.elapsed();
    println!("noticed after {noticed:?}, {acked} rows acked");
    assert_eq!(refusal.0, NOT_ENOUGH_REPLICAS);
    assert!(
        refusal.1.contains("suspended table `stuck`") && refusal.1.contains("no space left"),
        "{refusal:?}"
    );
    assert_eq!(gateway.sample("quafka_suspended_tables").await, 1);
    assert_eq!(gateway.sample(r#"quafka_table_suspended{table="stuck"}"#).await, 1);
    let log = gateway.log();
    let alarm = log.lines().find(|line| line.contains("ERROR")).expect("an alarm in the log");
    assert!(alarm.contains(r#"ALTER TABLE "stuck" RESUME WAL"#), "{alarm}");
    assert!(!log.contains("foreign_one"), "{log}");
    // Others go on meanwhile, and a gateway that starts now does not take rows either.
    assert_eq!(answer(&wire.call(&one("fine"), VERSION).await).0, 0);
    gateway.restart().await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    until("it is noticed again", ALARM, async || {
        let (error, _) = answer(&wire.call(&one("stuck"), VERSION).await);
        acked += u64::from(error == 0);
        error == NOT_ENOUGH_REPLICAS
    })
    .await;
    assert_eq!(questdb.count("stuck").await, 1);

    questdb.sql("ALTER TABLE stuck RESUME WAL").await;
    until("it takes rows again", ALARM, async || answer(&wire.call(&one("stuck"), VERSION).await).0 == 0)
        .await;
    // Each that was acked once, and none that was refused.
    questdb.wait_for_rows("stuck", acked + 1, PATIENCE).await;
    until("the alarm is over", ALARM, async || gateway.sample("quafka_suspended_tables").await == 0).await;
    assert_eq!(gateway.sample(r#"quafka_table_suspended{table="stuck"}"#).await, 0);
    questdb.wait_for_rows("fine", 2, PATIENCE).await;
}
