//! What more tables and more columns cost: streams of the same bytes, with and without the gateway, in turn.

use serde_json::{Value, json};

use crate::records::{Kind, Source};
use crate::results::{Measured, median};
use crate::stage::{Stage, Stream};
use crate::{Load, Outcome};

const TABLES: [usize; 3] = [1, 10, 100];
const COLUMNS: [usize; 3] = [6, 20, 60];

/// The same rows into one table, and into many in turn.
pub async fn tables(load: &Load) -> Outcome<Value> {
    let stage = Stage::start(load, "reject").await;
    stage.warm_up(Kind::Trades).await?;
    let rows = load.rows() / 2;
    let curve = curve(&stage, &TABLES, |tables| {
        let mut stream = stage.stream(&format!("tables_{tables}"), Kind::Trades, rows);
        stream.tables = tables;
        stream
    });
    Ok(json!({ "tables": curve.await? }))
}

/// About the same bytes in narrow rows and in wide ones.
pub async fn columns(load: &Load) -> Outcome<Value> {
    let stage = Stage::start(load, "reject").await;
    stage.warm_up(Kind::Wide(COLUMNS[0])).await?;
    let bytes = load.rows() * 50;
    let curve = curve(&stage, &COLUMNS, |columns| {
        let kind = Kind::Wide(columns);
        let record = Source::new(kind).next().len();
        let mut stream = stage.stream(&format!("columns_{columns}"), kind, bytes / record);
        // As many bytes a batch, too: about 100 KB with the default.
        stream.batch = (load.batch * 100 / record).max(1);
        stream
    });
    Ok(json!({ "columns": curve.await? }))
}

/// One figure for each point and way: the median of all rounds.
async fn curve(stage: &Stage, points: &[usize], stream: impl Fn(usize) -> Stream) -> Outcome<Vec<Value>> {
    let mut by_gateway: Vec<Vec<Measured>> = points.iter().map(|_| Vec::new()).collect();
    let mut directly: Vec<Vec<Measured>> = points.iter().map(|_| Vec::new()).collect();
    for round in 1..=stage.load.pairs() {
        for (number, &point) in points.iter().enumerate() {
            let stream = stream(point);
            let named =
                |way: &str| Stream { name: format!("{}_{way}_{round}", stream.name), ..stream.clone() };
            let measured = stage.by_gateway(&named("gateway")).await?;
            println!("  {point:>4}, gateway {}", measured.line());
            by_gateway[number].push(measured);
            let measured = stage.directly(&named("direct")).await?;
            println!("  {point:>4}, direct  {}", measured.line());
            directly[number].push(measured);
        }
    }
    let way = |measured: &[Measured]| {
        let figure = |of: &dyn Fn(&Measured) -> f64| median(measured.iter().map(of).collect());
        json!({
            "rows_per_second": figure(&Measured::visible_rows_per_second),
            "json_bytes_per_second": figure(&|one| one.json_bytes as f64 / one.visible_seconds),
            "gateway_cpu": figure(&|one| one.cpu_seconds_per_million("gateway").unwrap_or(f64::NAN)),
            "questdb_cpu": figure(&|one| one.cpu_seconds_per_million("questdb").unwrap_or(f64::NAN)),
            "rounds": measured.iter().map(Measured::json).collect::<Vec<_>>(),
        })
    };
    let all = points.iter().zip(by_gateway).zip(directly);
    Ok(all
        .map(|((point, gateway), direct)| json!({ "point": point, "gateway": way(&gateway), "direct": way(&direct) }))
        .collect())
}
