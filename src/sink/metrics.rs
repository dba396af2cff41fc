use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What the lanes count. Clones share the numbers.
#[derive(Clone, Debug)]
pub struct SinkMetrics {
    /// Requests that QuestDB answered or should have answered, by what became of them.
    pub requests: Family<AnswerLabel, Counter>,
    /// Requests that begin before the end of an earlier one to the same table.
    pub late_requests: Counter,
    /// Rows that QuestDB has committed.
    pub rows_committed: Counter,
    /// Rows of blocks in which QuestDB rejected one.
    pub rows_rejected: Counter,
    /// Rows of blocks that were given up as certainly not written.
    pub rows_unavailable: Counter,
    /// Rows of blocks of which nobody knows.
    pub rows_unknown: Counter,
    /// Rows whose answer was lost, and that QuestDB was found to have.
    pub rows_found: Counter,
    /// Rows whose answer was lost, and that QuestDB was found not to have.
    pub rows_not_found: Counter,
    /// Bytes of all requests.
    pub sent_bytes: Counter,
    /// From the beginning of a request's encoding to QuestDB's answer.
    pub request_seconds: Histogram,
    /// Rows a request.
    pub request_rows: Histogram,
    /// Blocks that wait for a lane.
    pub queued_blocks: Gauge,
    /// Attempts to reach QuestDB that failed.
    pub connect_failures: Counter,
    /// Panics in a lane. Each is a bug.
    pub lane_panics: Counter,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AnswerLabel {
    /// What became of it.
    pub answer: AnswerKind,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(missing_docs, reason = "the outcomes' names")]
pub enum AnswerKind {
    #[allow(non_camel_case_types, reason = "the label's value")]
    committed,
    #[allow(non_camel_case_types, reason = "the label's value")]
    rejected,
    #[allow(non_camel_case_types, reason = "the label's value")]
    unavailable,
    #[allow(non_camel_case_types, reason = "the label's value")]
    not_sent,
    #[allow(non_camel_case_types, reason = "the label's value")]
    unknown,
    #[allow(non_camel_case_types, reason = "the label's value")]
    not_arrived,
}

impl Default for SinkMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            late_requests: Counter::default(),
            rows_committed: Counter::default(),
            rows_rejected: Counter::default(),
            rows_unavailable: Counter::default(),
            rows_unknown: Counter::default(),
            rows_found: Counter::default(),
            rows_not_found: Counter::default(),
            sent_bytes: Counter::default(),
            request_seconds: Histogram::new(exponential_buckets(0.000_5, 2.0, 15)),
            request_rows: Histogram::new(exponential_buckets(1.0, 4.0, 10)),
            queued_blocks: Gauge::default(),
            connect_failures: Counter::default(),
            lane_panics: Counter::default(),
        }
    }
}

impl SinkMetrics {
    /// Puts the numbers into a registry, under names that begin with `quafka_sink` where the registry's prefix is
    /// `quafka`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("sink");
        registry.register("requests", "Requests to QuestDB, by what became of them", self.requests.clone());
        registry.register(
            "late_requests",
            "Requests with rows that are earlier than some of an earlier request to the same table, so that QuestDB has to merge them",
            self.late_requests.clone(),
        );
        registry.register("rows_committed", "Rows that QuestDB has committed", self.rows_committed.clone());
        registry.register(
            "rows_rejected",
            "Rows of record batches in which QuestDB rejected a row",
            self.rows_rejected.clone(),
        );
        registry.register(
            "rows_unavailable",
            "Rows that were certainly not written, because QuestDB could not be reached or did not take them",
            self.rows_unavailable.clone(),
        );
        registry.register(
            "rows_unknown",
            "Rows that were sent, and QuestDB's answer never came",
            self.rows_unknown.clone(),
        );
        registry.register(
            "rows_found",
            "Rows whose answer was lost and that QuestDB, asked for them, has",
            self.rows_found.clone(),
        );
        registry.register(
            "rows_not_found",
            "Rows whose answer was lost and that QuestDB, asked for them, has not",
            self.rows_not_found.clone(),
        );
        registry.register_with_unit("sent", "Bytes sent to QuestDB", Unit::Bytes, self.sent_bytes.clone());
        registry.register_with_unit(
            "request",
            "Time from encoding a request to QuestDB's answer",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register("request_rows", "Rows a request", self.request_rows.clone());
        registry.register("queued_blocks", "Record batches that wait for a lane", self.queued_blocks.clone());
        registry.register(
            "connect_failures",
            "Attempts to reach QuestDB that failed",
            self.connect_failures.clone(),
        );
        registry.register(
            "lane_panics",
            "Panics in a lane, each of which is a bug",
            self.lane_panics.clone(),
        );
    }

    pub(super) fn request(&self, answer: AnswerKind) {
        self.requests.get_or_create(&AnswerLabel { answer }).inc();
    }
}
