//! What the code between the socket and QuestDB costs on one core.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cases::{self, Case, records::ROWS};
use crate::results::median;
use crate::{Load, Outcome};

/// Long enough that looking at the clock costs nothing, short enough that many fall between two interruptions.
const SAMPLE: Duration = Duration::from_millis(10);

pub fn measure(load: &Load) -> Outcome<Value> {
    let mut figures = Vec::new();
    for mut case in cases::all() {
        let nanos = nanos_a_record(&mut case, load);
        println!("  {:<52} {nanos:>8.1} ns a record, {:>6.2} M/s", case.what, 1e3 / nanos);
        figures.push(json!({
            "name": case.name, "what": case.what, "nanos_per_record": nanos, "records_per_second": 1e9 / nanos,
        }));
    }
    Ok(json!({ "cases": figures }))
}

/// The median of many samples.
fn nanos_a_record(case: &mut Case, load: &Load) -> f64 {
    let mut timed = |runs: usize| {
        let start = Instant::now();
        for _ in 0..runs {
            black_box(case.run());
        }
        start.elapsed()
    };
    // A warm-up that also tells how many runs make a sample.
    let mut runs = 1;
    while timed(runs) < SAMPLE && !load.quick {
        runs *= 2;
    }
    let samples = (0..load.pick(50, 1)).map(|_| timed(runs).as_secs_f64() * 1e9 / (runs * ROWS) as f64);
    median(samples.collect())
}
