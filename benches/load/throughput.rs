//! Rows a second through the gateway and without it, in turn in one run; then by the size of batches and by the number
//! of connections.

use serde_json::{Value, json};

use crate::records::Kind;
use crate::results::{Measured, median};
use crate::stage::{Stage, Stream};
use crate::{Load, Outcome};

/// Rows in a request of the direct client: many, which is the ceiling, and as many as a batch has.
const DIRECT: [usize; 2] = [10_000, 1_000];
/// Records in a batch, for the curve. 1 MiB of these records is about 9,000.
const BATCHES: [usize; 5] = [10, 100, 1_000, 3_000, 8_000];
const CONNECTIONS: [usize; 5] = [1, 2, 4, 8, 16];

pub async fn measure(load: &Load) -> Outcome<Value> {
    let stage = Stage::start(load, "reject").await;
    stage.warm_up(Kind::Trades).await?;
    let rows = load.rows();
    let mut rounds = Vec::new();
    for round in 1..=load.pairs() {
        let stream = stage.stream(&format!("gateway_{round}"), Kind::Trades, rows);
        let gateway = stage.by_gateway(&stream).await?;
        println!("  {:<28} {}", "gateway", gateway.line());
        let mut directly = Vec::new();
        for batch in DIRECT {
            let name = format!("direct_{batch}_{round}");
            let direct = stage.directly(&Stream { name, batch, ..stream.clone() }).await?;
            println!("  {:<28} {}", format!("direct, {batch} rows a request"), direct.line());
            directly.push(direct);
        }
        rounds.push((gateway, directly));
    }

    let mut by_batch = Vec::new();
    for batch in BATCHES {
        // Small batches are slow, and a fixed number of rows would take minutes.
        let rows = rows.min(batch * load.pick(2_000, 20)).max(1);
        let mut stream = stage.stream(&format!("by_batch_{batch}"), Kind::Trades, rows);
        stream.batch = batch;
        by_batch.push(point(&stage, "batch", batch, &stream).await?);
    }
    let mut by_connections = Vec::new();
    for connections in CONNECTIONS {
        let mut stream = stage.stream(&format!("by_connections_{connections}"), Kind::Trades, rows / 2);
        stream.connections = connections;
        by_connections.push(point(&stage, "connections", connections, &stream).await?);
    }

    let ratio = |number: usize, of: &dyn Fn(&Measured) -> f64| {
        median(rounds.iter().map(|(gateway, directly)| of(gateway) / of(&directly[number])).collect())
    };
    let questdb_cpu = |measured: &Measured| measured.cpu_seconds_per_million("questdb").unwrap_or(f64::NAN);
    let against: Vec<Value> = DIRECT
        .iter()
        .enumerate()
        .map(|(number, batch)| {
            json!({
                "direct_batch": batch,
                "throughput": ratio(number, &Measured::visible_rows_per_second),
                "questdb_cpu": ratio(number, &questdb_cpu),
            })
        })
        .collect();
    for one in &against {
        println!(
            "  of direct, {} rows a request: {:.3} of its throughput, {:.3} of the CPU that QuestDB took",
            one["direct_batch"],
            one["throughput"].as_f64().unwrap_or(f64::NAN),
            one["questdb_cpu"].as_f64().unwrap_or(f64::NAN),
        );
    }
    let rounds: Vec<Value> = rounds
        .iter()
        .map(|(gateway, directly)| {
            let directly: Vec<Value> = DIRECT
                .iter()
                .zip(directly)
                .map(|(batch, one)| json!({ "batch": batch, "measured": one.json() }))
                .collect();
            json!({ "gateway": gateway.json(), "direct": directly })
        })
        .collect();
    Ok(json!({
        "rounds": rounds, "medians_of_ratios": against, "by_batch": by_batch, "by_connections": by_connections,
    }))
}

async fn point(stage: &Stage, name: &str, value: usize, stream: &Stream) -> Outcome<Value> {
    let measured = stage.by_gateway(stream).await?;
    println!("  {:<28} {}", format!("{name} {value}"), measured.line());
    Ok(json!({ name: value, "measured": measured.json() }))
}
