use std::time::Duration;

use super::file::{Report, Section};
use super::units::{Size, Span};

/// What keeps one peer from harming the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The largest request frame, in bytes; Kafka's `socket.request.max.bytes`.
    pub request_bytes: usize,
    /// The largest record batch as sent, in bytes; Kafka's `max.message.bytes`.
    pub batch_bytes: usize,
    /// The largest record batch after decompression, in bytes.
    pub decompressed_bytes: usize,
    /// All that is held between the sockets and QuestDB, in bytes.
    pub memory: usize,
    /// Open Kafka connections.
    pub connections: usize,
    /// Open Kafka connections from one IP address.
    pub connections_per_address: usize,
    /// Topics that may come into being by being produced to.
    pub topics: usize,
    /// How long an incomplete request may make no progress.
    pub stalled_request: Duration,
    /// How long a connection may be silent; Kafka's `connections.max.idle.ms`.
    pub idle_connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 100 << 20,
            batch_bytes: 1_048_588,
            decompressed_bytes: 32 << 20,
            memory: 256 << 20,
            connections: 10_000,
            connections_per_address: 1_000,
            topics: 10_000,
            stalled_request: Duration::from_secs(30),
            idle_connection: Duration::from_secs(600),
        }
    }
}

impl Limits {
    /// Reads `[limits]`. A default follows what is given: who sets only `memory` to 64 MiB is not told that the
    /// default of `request_bytes` is larger, but gets requests of up to 64 MiB.
    pub(super) fn load(top: &mut Section<'_>, report: &mut Report<'_>) -> Self {
        let default = Self::default();
        let mut section = top.section("limits", report);
        let memory = size(&mut section, "memory", report);
        let request_bytes = size(&mut section, "request_bytes", report);
        let batch_bytes = size(&mut section, "batch_bytes", report);
        let decompressed_bytes = size(&mut section, "decompressed_bytes", report);

        let memory = memory.unwrap_or(default.memory);
        let request_bytes = request_bytes.unwrap_or(default.request_bytes.min(memory));
        let batch_bytes = batch_bytes.unwrap_or(default.batch_bytes.min(request_bytes).min(memory / 2));
        let decompressed_bytes =
            decompressed_bytes.unwrap_or(default.decompressed_bytes.max(batch_bytes).min(memory));
        let limits = Self {
            request_bytes,
            batch_bytes,
            decompressed_bytes,
            memory,
            connections: count(&mut section, "connections", 1, report).unwrap_or(default.connections),
            connections_per_address: count(&mut section, "connections_per_address", 1, report)
                .unwrap_or(default.connections_per_address),
            topics: count(&mut section, "topics", 0, report).unwrap_or(default.topics),
            stalled_request: span(&mut section, "stalled_request", report).unwrap_or(default.stalled_request),
            idle_connection: span(&mut section, "idle_connection", report).unwrap_or(default.idle_connection),
        };
        section.finish(report);
        limits.check(report);
        limits
    }

    /// What contradicts itself. Each complaint is of a key that was given: the defaults follow.
    fn check(&self, report: &mut Report<'_>) {
        let show = |bytes: usize| Size(bytes).to_string();
        if self.memory < MEMORY_MIN {
            report.error("limits.memory", format!("{} is less than {}", show(self.memory), show(MEMORY_MIN)));
        }
        if self.request_bytes > i32::MAX as usize {
            let reason =
                format!("{} is more than a Kafka frame can be long, 2GiB - 1", show(self.request_bytes));
            report.error("limits.request_bytes", reason);
        } else if self.request_bytes > self.memory {
            let reason = format!(
                "{} is more than limits.memory, {}: such a request could never be held",
                show(self.request_bytes),
                show(self.memory)
            );
            report.error("limits.request_bytes", reason);
        }
        if self.batch_bytes > self.request_bytes {
            let reason = format!(
                "{} is more than limits.request_bytes, {}: such a batch could never arrive",
                show(self.batch_bytes),
                show(self.request_bytes)
            );
            report.error("limits.batch_bytes", reason);
        } else if self.batch_bytes > self.memory / 2 {
            let reason = format!(
                "{} is more than half of limits.memory, {}: a batch is held as bytes and as rows",
                show(self.batch_bytes),
                show(self.memory)
            );
            report.error("limits.batch_bytes", reason);
        }
        if self.decompressed_bytes > self.memory {
            let reason = format!(
                "{} is more than limits.memory, {}",
                show(self.decompressed_bytes),
                show(self.memory)
            );
            report.error("limits.decompressed_bytes", reason);
        } else if self.decompressed_bytes < self.batch_bytes && report.is_given("limits.decompressed_bytes") {
            let reason = format!(
                "{} is less than limits.batch_bytes, {}",
                show(self.decompressed_bytes),
                show(self.batch_bytes)
            );
            report.error("limits.decompressed_bytes", reason);
        }
    }
}

/// With less, not even the smallest batches of a few connections fit.
const MEMORY_MIN: usize = 1 << 20;

pub(super) fn size(section: &mut Section<'_>, key: &'static str, report: &mut Report<'_>) -> Option<usize> {
    let Size(bytes) = section.value(key, report)?;
    if bytes == 0 {
        report.error(&section.full(key), "must be more than 0");
        return None;
    }
    Some(bytes)
}

fn count(
    section: &mut Section<'_>,
    key: &'static str,
    least: usize,
    report: &mut Report<'_>,
) -> Option<usize> {
    let count = section.value::<i64>(key, report)?;
    let checked = usize::try_from(count).ok().filter(|count| *count >= least);
    if checked.is_none() {
        report.error(&section.full(key), format!("{count} is less than {least}"));
    }
    checked
}

pub(super) fn span(
    section: &mut Section<'_>,
    key: &'static str,
    report: &mut Report<'_>,
) -> Option<Duration> {
    section.value::<Span>(key, report).map(|Span(duration)| duration)
}
