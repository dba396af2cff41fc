//! The performance harness: what the gateway does on this machine, beside what QuestDB does by itself in the same run.
//!
//! `cargo bench --bench load` runs all parts and saves a JSON file for each in `target/bench/`, from which
//! `tests/bench/report` makes the table and docs/performance.md. `-- --only latency,tables` runs some, `-- --quick` all in
//! seconds, with figures that mean nothing; `-- --help` shows the rest. With `--bad 1` it is asked what bad records
//! cost: see `bad.rs`.

mod bad;
#[path = "../cases/mod.rs"]
mod cases;
mod connections;
mod direct;
mod growth;
mod latency;
mod machine;
mod micro;
mod qwp;
mod records;
mod results;
mod send;
mod stage;
#[path = "../../tests/support/mod.rs"]
mod support;
mod throughput;
mod usage;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use results::Results;

/// What can go wrong; the harness ends with it.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What is measured.
#[derive(Clone, Debug, Parser)]
struct Load {
    /// Only these parts
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// All of it with so little that it takes seconds: to see that it works. Given sizes win over its own
    #[arg(long)]
    quick: bool,
    /// Where the results go
    #[arg(long, value_name = "FOLDER", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench"))]
    save: PathBuf,
    /// Rows of a stream that is measured [default: 2,000,000]
    #[arg(long, env = "LOAD_ROWS", value_parser = clap::value_parser!(u32).range(1_000..))]
    rows: Option<u32>,
    /// Rows before, to other tables, that let QuestDB's compiler warm up [default: 500,000]
    #[arg(long, env = "LOAD_WARM_UP")]
    warm_up: Option<u32>,
    /// Streams of a kind in a comparison, in turn [default: 3]
    #[arg(long, env = "LOAD_PAIRS")]
    pairs: Option<usize>,
    /// Kafka connections, each to a partition of its own
    #[arg(long, env = "LOAD_CONNECTIONS", default_value_t = 4)]
    connections: usize,
    /// Records in a batch, and batches in a request: one
    #[arg(long, env = "LOAD_BATCH", default_value_t = 1_000)]
    batch: usize,
    /// Requests in flight on each connection; Java's producer has 5
    #[arg(long, env = "LOAD_IN_FLIGHT", default_value_t = 5)]
    in_flight: usize,
    /// The gateway's connections to QuestDB, and those of the direct client
    #[arg(long, env = "LOAD_LANES", default_value_t = 2)]
    lanes: usize,
    /// With `questdb.exactly_once` and a data dir: what that costs
    #[arg(long, env = "LOAD_EXACTLY_ONCE")]
    exactly_once: bool,
    /// QuestDB's Java heap
    #[arg(long, env = "LOAD_HEAP", default_value = "1g")]
    heap: String,
    /// Instead: compares streams without bad records and with so many in a hundred, which become dead letters
    #[arg(long, env = "LOAD_BAD", value_name = "PERCENT")]
    bad: Option<f64>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
    /// A process of its own that takes QWP; see `qwp.rs`
    #[arg(long, hide = true)]
    qwp_peer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Code on one core, without sockets
    Micro,
    /// Rows a second, CPU and memory, beside a client that sends QuestDB's own protocol
    Throughput,
    /// One record at a time: until it is acknowledged, and until a SELECT sees it
    Latency,
    /// The idle gateway, and many connections with few records each
    Connections,
    /// One table, and many
    Tables,
    /// Few columns, and many
    Columns,
    /// The side of the client over QWP
    Qwp,
}

impl Load {
    /// A size, or a small one for `--quick`.
    fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    fn rows(&self) -> usize {
        self.rows.map_or_else(|| self.pick(2_000_000, 20_000), |rows| rows as usize)
    }

    fn warm_up(&self) -> usize {
        self.warm_up.map_or_else(|| self.pick(500_000, 2_000), |rows| rows as usize)
    }

    fn pairs(&self) -> usize {
        self.pairs.unwrap_or_else(|| self.pick(3, 1)).max(1)
    }
}

fn main() -> Outcome<()> {
    let load = Load::parse();
    if load.qwp_peer {
        return qwp::be_the_peer();
    }
    machine::raise_the_limit_of_files()?;
    // The generator shares the machine with what it measures, so it gets by with few threads.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match load.bad {
        Some(percent) => runtime.block_on(bad::compare(load, percent)),
        None => runtime.block_on(measure(load)),
    }
}

async fn measure(load: Load) -> Outcome<()> {
    let started = Instant::now();
    let results = Results::new(&load)?;
    println!("{}", results.heading());
    for part in Part::value_variants() {
        if !load.only.is_empty() && !load.only.contains(part) {
            continue;
        }
        let name = part.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        let part_started = Instant::now();
        println!("\n{name}");
        let result = match part {
            Part::Micro => micro::measure(&load)?,
            Part::Throughput => throughput::measure(&load).await?,
            Part::Latency => latency::measure(&load).await?,
            Part::Connections => connections::measure(&load).await?,
            Part::Tables => growth::tables(&load).await?,
            Part::Columns => growth::columns(&load).await?,
            Part::Qwp => qwp::measure(&load).await?,
        };
        results.save(&name, result)?;
        println!("  {:.0} s", part_started.elapsed().as_secs_f64());
    }
    println!("\n{:.0} s, saved in {}", started.elapsed().as_secs_f64(), load.save.display());
    Ok(())
}
