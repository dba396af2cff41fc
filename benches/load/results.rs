//! The results as files: one for each part, with the machine, so that none is taken for another's.

use std::fs;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::usage::Usage;
use crate::{Load, Outcome, machine};

/// Where the results go, and what they all have in common.
pub struct Results<'a> {
    load: &'a Load,
    machine: Value,
}

impl<'a> Results<'a> {
    pub fn new(load: &'a Load) -> Outcome<Self> {
        fs::create_dir_all(&load.save).map_err(|error| format!("{}: {error}", load.save.display()))?;
        Ok(Self { load, machine: machine::describe() })
    }

    /// What is measured on what, for people.
    pub fn heading(&self) -> String {
        let text = |name: &str| self.machine[name].as_str().unwrap_or("?").to_owned();
        format!(
            "quafka {}, commit {}, {} build; {}, {} cores, Linux {}",
            text("quafka"),
            text("commit"),
            text("build"),
            text("cpu"),
            self.machine["cores"],
            text("kernel"),
        )
    }

    pub fn save(&self, part: &str, result: Value) -> Outcome<()> {
        let load = self.load;
        let file = load.save.join(format!("{part}.json"));
        let all = json!({
            "part": part,
            "quick": load.quick,
            "machine": self.machine,
            "settings": {
                "rows": load.rows(), "connections": load.connections, "batch": load.batch,
                "in_flight": load.in_flight, "lanes": load.lanes, "heap": load.heap, "pairs": load.pairs(),
                "exactly_once": load.exactly_once,
            },
            "result": result,
        });
        fs::write(&file, serde_json::to_vec_pretty(&all)?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(())
    }
}

/// A stream of rows that was measured.
pub struct Measured {
    pub rows: usize,
    /// Of the records as JSON, whatever way they went.
    pub json_bytes: usize,
    pub acked_seconds: f64,
    pub visible_seconds: f64,
    /// From handing a request over until its answer, in microseconds.
    pub acks: Histogram<u64>,
    /// Name, and what it used from the start until all was visible.
    pub processes: Vec<(&'static str, Usage)>,
}

impl Measured {
    pub fn visible_rows_per_second(&self) -> f64 {
        self.rows as f64 / self.visible_seconds
    }

    pub fn cpu_seconds_per_million(&self, process: &str) -> Option<f64> {
        let (_, usage) = self.processes.iter().find(|(name, _)| *name == process)?;
        Some(usage.cpu.as_secs_f64() / self.rows as f64 * 1e6)
    }

    /// For people, on one line.
    pub fn line(&self) -> String {
        let mut line = format!(
            "{:>9.0} rows/s visible, {:>9.0} acknowledged, ack p50 {:.1} ms p99 {:.1} ms",
            self.visible_rows_per_second(),
            self.rows as f64 / self.acked_seconds,
            self.acks.value_at_quantile(0.5) as f64 / 1e3,
            self.acks.value_at_quantile(0.99) as f64 / 1e3,
        );
        for (name, usage) in &self.processes {
            let cpu = self.cpu_seconds_per_million(name).unwrap_or(0.0);
            line += &format!("; {name} {cpu:.2} CPU-s/M rows, {} MiB", usage.peak_resident_bytes >> 20);
        }
        line
    }

    pub fn json(&self) -> Value {
        let processes: serde_json::Map<String, Value> = self
            .processes
            .iter()
            .map(|(name, usage)| {
                let figures = json!({
                    "cpu_seconds_per_million_rows": self.cpu_seconds_per_million(name),
                    "peak_resident_bytes": usage.peak_resident_bytes,
                });
                ((*name).to_owned(), figures)
            })
            .collect();
        json!({
            "rows": self.rows,
            "json_bytes": self.json_bytes,
            "rows_per_second_acked": self.rows as f64 / self.acked_seconds,
            "rows_per_second_visible": self.visible_rows_per_second(),
            "json_bytes_per_second_visible": self.json_bytes as f64 / self.visible_seconds,
            "ack_ms": latencies(&self.acks),
            "processes": processes,
        })
    }
}

/// Of a histogram of microseconds: some quantiles in milliseconds, and all of it as counts up to bounds that grow by a
/// twentieth each.
pub fn latencies(micros: &Histogram<u64>) -> Value {
    let quantile = |quantile| micros.value_at_quantile(quantile) as f64 / 1e3;
    let bars: Vec<Value> = micros
        .iter_log(50, 1.05)
        .filter(|step| step.count_since_last_iteration() > 0)
        .map(|step| json!([step.value_iterated_to() as f64 / 1e3, step.count_since_last_iteration()]))
        .collect();
    json!({
        "count": micros.len(), "p50": quantile(0.5), "p90": quantile(0.9), "p99": quantile(0.99),
        "p999": quantile(0.999), "max": micros.max() as f64 / 1e3, "histogram": bars,
    })
}

/// The middle one; of two, the higher.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
