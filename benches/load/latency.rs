//! One record at a time: how long until it is acknowledged, and until a SELECT sees it; beside QuestDB's own commit of
//! one row, in turn in one run.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use quafka::demo::latencies;
use quafka::producer::Producer;
use quafka::questdb::QuestDb;
use serde_json::Value;

use crate::records::{Kind, Source};
use crate::results;
use crate::stage::Stage;
use crate::{Load, Outcome, direct};

/// Records in a row by one way, before it is the other's turn.
const TURN: usize = 100;
/// Between records that come alone: servers that have nothing to do take a nap meanwhile.
const PACE: Duration = Duration::from_millis(10);
/// How long a row may take until a SELECT sees it.
const PATIENCE: Duration = Duration::from_secs(30);

pub async fn measure(load: &Load) -> Outcome<Value> {
    let stage = Stage::start(load, "reject").await;
    stage.warm_up(Kind::Trades).await?;
    let questdb = QuestDb::from_conf(&stage.questdb.http_conf())?;
    let mut client = Client {
        producer: Producer::connect(&stage.gateway.bootstrap(), 1).await?,
        connection: questdb.connection(),
        questdb,
        records: Source::new(Kind::Trades),
    };
    client.producer.partitions("acks").await?;
    client.producer.partitions("sights").await?;

    let turns = load.pick(30, 1);
    // The first turn of each is not counted: it makes the tables.
    let (mut acks, mut commits) = (latencies(), latencies());
    for turn in 0..=turns {
        let (mut ack, mut commit) = (latencies(), latencies());
        for _ in 0..TURN {
            ack += client.produce("acks").await?;
        }
        for _ in 0..TURN {
            commit += client.commit("commits").await?;
        }
        if turn > 0 {
            acks.add(ack)?;
            commits.add(commit)?;
        }
    }
    let rows = ((turns + 1) * TURN) as u64;
    stage.questdb.wait_for_rows("acks", rows, PATIENCE).await;
    stage.questdb.wait_for_rows("commits", rows, PATIENCE).await;

    let (mut alone_acks, mut alone_commits) = (latencies(), latencies());
    for _ in 0..load.pick(500, 20) {
        tokio::time::sleep(PACE).await;
        alone_acks += client.produce("acks").await?;
        tokio::time::sleep(PACE).await;
        alone_commits += client.commit("commits").await?;
    }

    let (mut sights, mut direct_sights) = (latencies(), latencies());
    for row in 1..=load.pick(500, 20) {
        let start = Instant::now();
        client.produce("sights").await?;
        client.see("sights", row).await?;
        sights += start.elapsed().as_micros() as u64;
        let start = Instant::now();
        client.commit("direct_sights").await?;
        client.see("direct_sights", row).await?;
        direct_sights += start.elapsed().as_micros() as u64;
    }
    let all = [
        ("produce_to_ack", &acks),
        ("questdb_commit", &commits),
        ("produce_to_ack_alone", &alone_acks),
        ("questdb_commit_alone", &alone_commits),
        ("produce_to_visible", &sights),
        ("questdb_commit_to_visible", &direct_sights),
    ];
    for (name, histogram) in all {
        println!("  {name:<28} {}", quantiles(histogram));
    }
    Ok(all
        .into_iter()
        .map(|(name, histogram)| (name.to_owned(), results::latencies(histogram)))
        .collect::<serde_json::Map<_, _>>()
        .into())
}

fn quantiles(micros: &Histogram<u64>) -> String {
    let millis = |quantile| micros.value_at_quantile(quantile) as f64 / 1e3;
    format!(
        "p50 {:.3} ms, p90 {:.3} ms, p99 {:.3} ms, of {}",
        millis(0.5),
        millis(0.9),
        millis(0.99),
        micros.len()
    )
}

struct Client {
    producer: Producer,
    connection: quafka::questdb::HttpConnection,
    questdb: QuestDb,
    records: Source,
}

impl Client {
    /// Microseconds from handing over a record until it is acknowledged.
    async fn produce(&mut self, topic: &str) -> Outcome<u64> {
        let batch = self.records.batch(1)?;
        let start = Instant::now();
        let ack = self.producer.send(topic, 0, batch).await?.wait().await?;
        Ok(ack.received.duration_since(start).as_micros() as u64)
    }

    /// Microseconds that QuestDB takes to commit a row.
    async fn commit(&mut self, table: &str) -> Outcome<u64> {
        let body = self.records.lines(table, 1)?;
        let start = Instant::now();
        direct::post(&mut self.connection, body).await?;
        Ok(start.elapsed().as_micros() as u64)
    }

    /// Asks until a table has so many rows. QuestDB's answers are the clock: there is no pause between questions.
    async fn see(&mut self, table: &str, rows: u64) -> Outcome<()> {
        let asked = Instant::now();
        loop {
            let answer = self.questdb.sql(&format!("SELECT count() FROM {table}")).await?;
            let count = answer.rows.first().and_then(|row| row.first()?.as_u64());
            if count >= Some(rows) {
                return Ok(());
            }
            if asked.elapsed() > PATIENCE {
                return Err(format!("{table} has {count:?} rows, not {rows}, after {PATIENCE:?}").into());
            }
        }
    }
}
