//! What bad records cost: streams of trades in turn without any and with some, all with `on_error = "dlq"`.
//!
//! Half of the bad records are no JSON, and half have a text for a DOUBLE column: those make the gateway look at the
//! table again, in case that it has changed. Both are found by the gateway, before QuestDB sees them. There is no row
//! that only QuestDB finds bad, except when a table changes while batches are under way: then all of a batch that do not
//! fit any more are found with one more request, which `tests/dead_letters.rs` counts.

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quafka::demo::trades::Trades;

use crate::support::{Gateway, QuestDbServer};
use crate::{FIRST_TS_MICROS, Load, encode, send, start};

const PATIENCE: Duration = Duration::from_secs(600);

pub async fn compare(load: Load, percent: f64) -> Result<(), Box<dyn Error>> {
    if !(percent > 0.0 && percent <= 100.0) {
        return Err("--bad is a percentage above 0".into());
    }
    let (questdb, gateway) = start(&load, "dlq").await;
    let every = (100.0 / percent).round() as usize;
    println!("{load:?}\nwarming up");
    stream(&load, &gateway, &questdb, "warm_up", None).await?;
    stream(&load, &gateway, &questdb, "warm_up_bad", Some(every)).await?;

    let mut ratios = Vec::new();
    for pair in 1..=load.pairs {
        let clean = stream(&load, &gateway, &questdb, &format!("clean_{pair}"), None).await?;
        let bad = stream(&load, &gateway, &questdb, &format!("bad_{pair}"), Some(every)).await?;
        println!(
            "pair {pair}: {clean:>10.0} rows/s visible without bad records, {bad:>10.0} records/s with {percent} % of \
             them: {:.3}",
            bad / clean
        );
        ratios.push(bad / clean);
    }
    ratios.sort_by(f64::total_cmp);
    if let Some(median) = ratios.get(ratios.len() / 2) {
        println!("throughput with {percent} % bad records, of that without: {median:.3} (median)");
    }
    Ok(())
}

/// Records a second, until the last row and the last letter are visible.
async fn stream(
    load: &Load,
    gateway: &Gateway,
    questdb: &QuestDbServer,
    topic: &str,
    bad_every: Option<usize>,
) -> Result<f64, Box<dyn Error>> {
    let is_bad = |row: usize| bad_every.is_some_and(|every| row % every == every - 1);
    let batches = encode(load.rows, load, |row, trade| {
        if is_bad(row) { spoil(row, row / bad_every.unwrap_or(1), trade) } else { trade }
    })?;
    let letters = (0..load.rows).filter(|row| is_bad(*row)).count() as u64;
    // The table is there before, so that its columns have the types of good records.
    send(gateway, topic, encode(load.batch, load, |_, trade| trade)?, load).await?;
    let first = load.batch as u64;
    questdb.wait_for_rows(topic, first, PATIENCE).await;
    let letters_before = questdb.count("quafka_dead_letters").await;

    let start = Instant::now();
    send(gateway, topic, batches, load).await?;
    questdb.wait_for_rows(topic, first + load.rows as u64 - letters, PATIENCE).await;
    if letters > 0 {
        questdb.wait_for_rows("quafka_dead_letters", letters_before + letters, PATIENCE).await;
    }
    Ok(load.rows as f64 / start.elapsed().as_secs_f64())
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
