//! What bad records cost: streams of trades in turn without any and with some, all with `on_error = "dlq"`.
//!
//! Half of the bad records are no JSON, and half have a text for a DOUBLE column: those make the gateway look at the
//! table again, in case that it has changed. Both are found by the gateway, before QuestDB sees them. There is no row
//! that only QuestDB finds bad, except when a table changes while batches are under way: then all of a batch that do not
//! fit any more are found with one more request, which `tests/dead_letters.rs` counts.

use std::time::Instant;

use bytes::Bytes;
use quafka::demo::trades::Trades;
use quafka::producer::encode_batch;

use crate::records::{FIRST_TS_MICROS, Kind, Source};
use crate::results::median;
use crate::send::{Batches, send};
use crate::stage::{PATIENCE, Stage};
use crate::{Load, Outcome};

pub async fn compare(load: Load, percent: f64) -> Outcome<()> {
    if !(percent > 0.0 && percent <= 100.0) {
        return Err("--bad is a percentage above 0".into());
    }
    let stage = Stage::start(&load, "dlq").await;
    let every = (100.0 / percent).round() as usize;
    println!("{load:?}\nwarming up");
    stream(&stage, "warm_up", None).await?;
    stream(&stage, "warm_up_bad", Some(every)).await?;

    let mut ratios = Vec::new();
    for pair in 1..=load.pairs() {
        let clean = stream(&stage, &format!("clean_{pair}"), None).await?;
        let bad = stream(&stage, &format!("bad_{pair}"), Some(every)).await?;
        println!(
            "pair {pair}: {clean:>10.0} rows/s visible without bad records, {bad:>10.0} records/s with {percent} % of \
             them: {:.3}",
            bad / clean
        );
        ratios.push(bad / clean);
    }
    println!("throughput with {percent} % bad records, of that without: {:.3} (median)", median(ratios));
    Ok(())
}

/// Records a second, until the last row and the last letter are visible.
async fn stream(stage: &Stage, topic: &str, bad_every: Option<usize>) -> Outcome<f64> {
    let (load, questdb, rows) = (&stage.load, &stage.questdb, stage.load.rows());
    let is_bad = |row: usize| bad_every.is_some_and(|every| row % every == every - 1);
    let batches = encode(rows, load, topic, |row, trade| {
        if is_bad(row) { spoil(row, row / bad_every.unwrap_or(1), trade) } else { trade }
    })?;
    let letters = (0..rows).filter(|row| is_bad(*row)).count() as u64;
    let bootstrap = stage.gateway.bootstrap();
    // The table is there before, so that its columns have the types of good records.
    send(&bootstrap, encode(load.batch, load, topic, |_, trade| trade)?, load.connections, load.in_flight)
        .await?;
    let first = load.batch as u64;
    questdb.wait_for_rows(topic, first, PATIENCE).await;
    let letters_before = questdb.count("quafka_dead_letters").await;

    let start = Instant::now();
    send(&bootstrap, batches, load.connections, load.in_flight).await?;
    questdb.wait_for_rows(topic, first + rows as u64 - letters, PATIENCE).await;
    if letters > 0 {
        questdb.wait_for_rows("quafka_dead_letters", letters_before + letters, PATIENCE).await;
    }
    Ok(rows as f64 / start.elapsed().as_secs_f64())
}

/// Batches of trades, each trade as `change` makes it of its number and its value.
fn encode(rows: usize, load: &Load, topic: &str, change: impl Fn(usize, Bytes) -> Bytes) -> Outcome<Batches> {
    let mut trades = Source::new(Kind::Trades);
    let mut batches = Batches::new();
    for start in (0..rows).step_by(load.batch) {
        let values = (start..rows.min(start + load.batch)).map(|row| change(row, trades.next()));
        let batch = encode_batch(values.collect::<Vec<_>>(), FIRST_TS_MICROS / 1_000)?;
        batches.push_back((topic.to_owned(), batch));
    }
    Ok(batches)
}

/// The trade as a bad record: in one way or in the other, by how many there are before it.
fn spoil(row: usize, before: usize, trade: Bytes) -> Bytes {
    if before.is_multiple_of(2) {
        return trade.slice(..trade.len() - 1);
    }
    let mut other = Trades::new(row as u64).next(FIRST_TS_MICROS + row as i64).to_vec();
    other.truncate(other.len() - 1);
    // The last of a name's values counts.
    other.extend_from_slice(br#","price":"none"}"#);
    other.into()
}
