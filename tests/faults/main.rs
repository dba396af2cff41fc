//! Faults, injected into the real gateway before the real QuestDB under load, and what was lost and doubled by them.
//!
//! ```text
//! cargo test --test faults                          all; some 20 minutes
//! cargo test --test faults -- --quick               a part of it; a few minutes
//! cargo test --test faults -- --only kill-gateway,disk-full
//! cargo test --test faults -- --table docs/reliability.md   writes the table there
//! cargo test --test faults -- --list                which there are
//! ```
//!
//! Every producer numbers its rows and keeps a book of what it was told. In the end every row that was acknowledged has to be
//! in QuestDB; a row that was not may be. One is there more than once only where an answer had left open what became of the
//! first attempt. Then the same check is made to fail: see `check` and `site`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod check;
mod load;
mod page;
mod scenarios;
mod site;
#[path = "../support/mod.rs"]
mod support;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::FutureExt;
use quafka::demo::questdb_server::Options;
use scenarios::{Extent, NAMES};
use support::QuestDbServer;

#[derive(Parser)]
struct Arguments {
    /// A part of it
    #[arg(long)]
    quick: bool,
    /// Only these, divided by commas
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// For how many seconds QuestDB is away where it is for a while: 600, or 10 of the quick ones
    #[arg(long)]
    away: Option<u64>,
    /// The page to write the table into
    #[arg(long, conflicts_with_all = ["quick", "only"])]
    table: Option<PathBuf>,
    /// Tell which there are
    #[arg(long)]
    list: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        NAMES.iter().for_each(|(name, quick)| println!("{name}{}", if *quick { " (quick)" } else { "" }));
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = arguments.only.iter().find(|name| NAMES.iter().all(|(known, _)| known != name)) {
        eprintln!("there is no fault `{unknown}`; --list tells which there are");
        return ExitCode::from(2);
    }
    let quick = arguments.quick;
    let away = Duration::from_secs(arguments.away.unwrap_or(if quick { 10 } else { 600 }));
    let chosen = |name: &str, is_quick: bool| match arguments.only.as_slice() {
        [] => is_quick || !quick,
        only => only.iter().any(|chosen| chosen == name),
    };

    // So that a table can be suspended by order.
    let settings = vec![("QDB_DEV_MODE_ENABLED".to_owned(), "true".to_owned())];
    let mut questdb = QuestDbServer::start_own_with(Options { settings, ..Options::default() }).await;
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (name, _) in NAMES.iter().filter(|(name, is_quick)| chosen(name, *is_quick)) {
        println!("{name}");
        let started = Instant::now();
        let run = AssertUnwindSafe(scenarios::rows(name, &mut questdb, Extent { quick, away }));
        match run.catch_unwind().await {
            Ok(more) => rows.extend(more),
            Err(_) => {
                failed.push(*name);
                // Whatever was being done to it.
                questdb.resume();
                questdb.restart().await;
            }
        }
        println!("  took {:.0} s", started.elapsed().as_secs_f64());
    }
    let table = page::table(&rows);
    println!("\n{table}");
    if !failed.is_empty() {
        eprintln!("FAILED: {}", failed.join(", "));
        return ExitCode::FAILURE;
    }
    if let Some(page) = arguments.table
        && let Err(error) = page::write(&page, &table)
    {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
