//! Thousands of short lives of a gateway, each by a seed: real connections, producer state, lanes and spool between
//! producers and a QuestDB that are models, over a network that is none, by a clock that does not wait. What the
//! producers were told is held against what QuestDB has.
//!
//! A seed that fails is printed with all that happened. `QUAFKA_SEED=N` runs it again, with the gateway's log where
//! `RUST_LOG` asks for it; `QUAFKA_SEEDS=N` runs more of them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod check;
mod disk;
mod producer;
mod questdb;
mod random;
mod run;
mod setup;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::Mutex;
use run::run;
use setup::Bug;

/// Within a minute or so in a debug build on two cores.
const SEEDS: u64 = 3_000;
/// A bug that is put in on purpose has to be found within so many.
const SEEDS_FOR_A_BUG: u64 = 200;
/// Of a seed that fails, the last things that happened.
const LINES_SHOWN: usize = 400;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// Runs seeds on all cores, until one fails; returns the smallest that has, and what came of it.
fn first_failure(seeds: u64, bug: Option<Bug>) -> Option<(u64, run::Run)> {
    world::note_panics();
    let next = AtomicU64::new(0);
    let failed = Mutex::new(None);
    let work = || {
        while failed.lock().is_none() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let run = run(seed, bug);
            if !run.wrong.is_empty() {
                let mut failed = failed.lock();
                if failed.as_ref().is_none_or(|(other, _)| *other > seed) {
                    *failed = Some((seed, run));
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    failed.into_inner()
}

/// What is printed of a seed that fails.
fn report(seed: u64, run: &run::Run) -> String {
    let skipped = run.happened.len().saturating_sub(LINES_SHOWN);
    format!(
        "seed {seed}:\n  {}\nwhat happened, with the life and the seconds ({skipped} lines before these):\n{}\n\nto run it \
         again: QUAFKA_SEED={seed} cargo test --test simulation\n",
        run.wrong.join("\n  "),
        run.happened[skipped..].join("\n"),
    )
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order_whatever_goes_wrong() {
    if let Some(seed) = number("QUAFKA_SEED") {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().init();
        world::note_panics();
        let run = run(seed, None);
        println!("{}", report(seed, &run));
        assert!(run.wrong.is_empty(), "seed {seed} fails");
        return;
    }
    if let Some((seed, run)) = first_failure(number("QUAFKA_SEEDS").unwrap_or(SEEDS), None) {
        println!("{}", report(seed, &run));
        panic!("seed {seed} fails");
    }
}

#[test]
fn a_seed_is_the_same_each_time_and_all_that_is_to_go_wrong_does() {
    world::note_panics();
    let mut seen = String::new();
    for seed in 0..60 {
        let (first, second) = (run(seed, None).happened, run(seed, None).happened);
        let differs = first.iter().zip(&second).position(|(a, b)| a != b);
        assert_eq!(differs.map(|line| (&first[line], &second[line])), None, "seed {seed}, line {differs:?}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
        seen += &first[1..].join("\n");
    }
    let towards_questdb = [
        ": Written",
        ": Late(",
        ": Lost\n",
        ": LostAndWritten(",
        ": HalfAnswered",
        ": Silent(",
        ": Unavailable",
        ": Error(",
        ": Refused",
        "is refused for row",
        "is gone",
        "is committed late",
        "for quafka_dead_letters",
    ];
    let of_the_gateway = ["is killed", "is told to end"];
    let towards_producers = [
        "cut before a request",
        "cut in the middle of a request",
        "cut after a request",
        "cut at a response",
        "no response in time",
        "closed by the gateway",
        "begins an epoch",
        "gives up",
        "is answered with 0",
        "is answered with 7",
        "is answered with 19",
        "is answered with 45",
        "is answered with 56",
        "is answered with 87",
    ];
    for event in [&towards_questdb[..], &of_the_gateway, &towards_producers].concat() {
        assert!(seen.contains(event), "in none of the seeds anything {event:?}");
    }
}

#[test]
fn bugs_that_are_put_in_on_purpose_are_found() {
    for (bug, complaint) in [
        (Bug::AnswersBeforeTheCommit, "was acknowledged and is not there"),
        (Bug::CommitsTwice, " is there "),
        (Bug::Reorders, "stands before row"),
        (Bug::NumbersAnew, "is there twice"),
        (Bug::InventsRows, "that nobody has sent"),
        (Bug::LeaksMemory, "bytes of memory"),
        (Bug::LeaksATask, "1 tasks"),
    ] {
        let found = first_failure(SEEDS_FOR_A_BUG, Some(bug));
        let (seed, run) = found.unwrap_or_else(|| panic!("{bug:?} is not found in {SEEDS_FOR_A_BUG} seeds"));
        let is_named = run.wrong.iter().any(|wrong| wrong.contains(complaint));
        assert!(is_named, "{bug:?} is not called by its name: {}", report(seed, &run));
    }
}
