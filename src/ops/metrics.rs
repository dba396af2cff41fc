use std::time::{Duration, Instant};

use parking_lot::RwLock;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use quafka_protocol::{ApiKey, Compression, ErrorCode};

use crate::config::OnError;

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// By the client, between two requests.
    ByClient,
    /// The gateway shut down.
    Shutdown,
    /// Over a limit of connections.
    TurnedAway,
    /// What came was no Kafka request.
    NotKafka,
    /// A request that does not decode, or was never advertised.
    BadRequest,
    /// The network or the client ended it in the middle of something.
    Lost,
    /// No progress in the middle of a request or a response.
    Stalled,
    /// Silent for too long.
    Idle,
    /// Memory was full of incomplete requests.
    Evicted,
    /// An error with acks=0, or a fault of the gateway's own.
    Failed,
}

impl Closed {
    fn label(self) -> &'static str {
        match self {
            Self::ByClient => "by_client",
            Self::Shutdown => "shutdown",
            Self::TurnedAway => "turned_away",
            Self::NotKafka => "not_kafka",
            Self::BadRequest => "bad_request",
            Self::Lost => "lost",
            Self::Stalled => "stalled",
            Self::Idle => "idle",
            Self::Evicted => "evicted",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClosedLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiLabels {
    api: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodecLabels {
    compression: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OnErrorLabels {
    on_error: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    error: &'static str,
}

/// What the gateway counts. Rendered in the OpenMetrics text format.
#[derive(Debug)]
pub struct Metrics {
    started: Instant,
    registry: RwLock<Registry>,
    connections_open: Gauge,
    connections_closed: Family<ClosedLabels, Counter>,
    requests: Family<ApiLabels, Counter>,
    batches: Family<CodecLabels, Counter>,
    batch_bytes: Family<CodecLabels, Counter>,
    records: Counter,
    substituted_timestamps: Counter,
    filtered_rows: Counter,
    bad_records: Family<OnErrorLabels, Counter>,
    produce_errors: Family<ErrorLabels, Counter>,
    produce_latency: Histogram,
    memory_used: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics that are all zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("quafka");
        let mut info = Family::<Vec<(&'static str, &'static str)>, Gauge>::default();
        info = register(&mut registry, "build_info", "The version that runs", info);
        info.get_or_create(&vec![("version", env!("CARGO_PKG_VERSION"))]).set(1);
        let registry_ref = &mut registry;
        let connections_open =
            register(registry_ref, "connections_open", "Open Kafka connections", Gauge::default());
        let connections_closed = register(
            registry_ref,
            "connections_closed",
            "Closed Kafka connections, by reason",
            Family::default(),
        );
        let requests = register(registry_ref, "requests", "Kafka requests, by API", Family::default());
        let batches =
            register(registry_ref, "record_batches", "Record batches received, by codec", Family::default());
        let batch_bytes = register(
            registry_ref,
            "record_batch_bytes",
            "Record batches received, in bytes as sent",
            Family::default(),
        );
        let records =
            register(registry_ref, "records", "Records in the batches received", Counter::default());
        let substituted_timestamps = register(
            registry_ref,
            "substituted_timestamps",
            "Rows whose designated timestamp is not from the field that it was to come from, because their records \
             lack it",
            Counter::default(),
        );
        let filtered_rows = register(
            registry_ref,
            "filtered_rows",
            "Rows that were not written because of their topic's filter",
            Counter::default(),
        );
        let bad_records = register(
            registry_ref,
            "bad_records",
            "Records that could not become rows, by what became of them",
            Family::default(),
        );
        let produce_errors = register(
            registry_ref,
            "produce_errors",
            "Record batches answered with an error, by Kafka's name of it",
            Family::default(),
        );
        let produce_latency = Histogram::new(exponential_buckets(0.000_25, 2.0, 18));
        registry.register_with_unit(
            "produce_latency",
            "From a Produce request's hand-over to QuestDB to its outcome",
            Unit::Seconds,
            produce_latency.clone(),
        );
        let memory_used = Gauge::default();
        registry.register_with_unit(
            "memory_used",
            "Bytes between the sockets and QuestDB, against limits.memory",
            Unit::Bytes,
            memory_used.clone(),
        );
        Self {
            started: Instant::now(),
            registry: RwLock::new(registry),
            connections_open,
            connections_closed,
            requests,
            batches,
            batch_bytes,
            records,
            substituted_timestamps,
            filtered_rows,
            bad_records,
            produce_errors,
            produce_latency,
            memory_used,
        }
    }

    /// Lets another part register what it counts.
    pub fn extend(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.write());
    }

    /// A connection was accepted.
    pub fn connection_opened(&self) {
        self.connections_open.inc();
    }

    /// A connection ended; one that was turned away never was open.
    pub fn connection_closed(&self, reason: Closed) {
        if reason != Closed::TurnedAway {
            self.connections_open.dec();
        }
        self.connections_closed.get_or_create(&ClosedLabels { reason: reason.label() }).inc();
    }

    /// A request was read.
    pub fn requests(&self, api: ApiKey) {
        self.requests.get_or_create(&ApiLabels { api: api.name() }).inc();
    }

    /// A record batch was read.
    pub fn batch(&self, compression: Compression, bytes: usize, records: u32) {
        let labels = CodecLabels { compression: compression.name() };
        self.batches.get_or_create(&labels).inc();
        self.batch_bytes.get_or_create(&labels).inc_by(bytes as u64);
        self.records.inc_by(u64::from(records));
    }

    /// Rows got another designated timestamp than the one that their records lack.
    pub fn substituted_timestamps(&self, rows: u64) {
        self.substituted_timestamps.inc_by(rows);
    }

    /// So many rows were not let through by their topic's filter.
    pub fn filtered_rows(&self, rows: u64) {
        self.filtered_rows.inc_by(rows);
    }

    /// So many records could not become rows.
    pub fn bad_records(&self, on_error: OnError, records: usize) {
        let on_error = match on_error {
            OnError::Reject => "reject",
            OnError::Dlq => "dlq",
            OnError::Skip => "skip",
        };
        self.bad_records.get_or_create(&OnErrorLabels { on_error }).inc_by(records as u64);
    }

    /// A record batch was answered with an error.
    pub fn produce_error(&self, error: ErrorCode) {
        self.produce_errors.get_or_create(&ErrorLabels { error: error.name() }).inc();
    }

    /// A Produce request is settled.
    pub fn produce_latency(&self, latency: Duration) {
        self.produce_latency.observe(latency.as_secs_f64());
    }

    /// For how long there have been metrics.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Kafka connections that are open.
    pub fn open_connections(&self) -> i64 {
        self.connections_open.get()
    }

    /// The latency of Produce requests under another name (without its unit, seconds) and a label.
    pub(super) fn latency_as(
        &self,
        name: &str,
        (label, value): (&'static str, &'static str),
    ) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_labels([(label.into(), value.into())].into_iter());
        let help = "From a Produce request's hand-over to QuestDB to its outcome";
        registry.register_with_unit(name, help, Unit::Seconds, self.produce_latency.clone());
        let mut text = String::new();
        prometheus_client::encoding::text::encode_registry(&mut text, &registry)?;
        // Known to OpenMetrics alone.
        Ok(text.lines().filter(|line| !line.starts_with("# UNIT")).flat_map(|line| [line, "\n"]).collect())
    }

    /// All of it, as OpenMetrics text.
    pub fn render(&self, memory_used_bytes: usize) -> Result<String, std::fmt::Error> {
        self.memory_used.set(memory_used_bytes as i64);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry.read())?;
        Ok(text)
    }
}

fn register<M: prometheus_client::registry::Metric + Clone>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    metric: M,
) -> M {
    registry.register(name, help, metric.clone());
    metric
}
