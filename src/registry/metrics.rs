use std::time::Instant;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What is counted of the way to a schema registry. Clones share the numbers.
#[derive(Clone, Debug)]
pub(super) struct RegistryMetrics {
    requests: Family<AnswerLabel, Counter>,
    request_seconds: Histogram,
    /// The schemas that are known.
    pub schemas: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabel {
    answer: Answer,
}

/// What a server has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the label's values")]
pub(super) enum Answer {
    found,
    not_found,
    /// Nothing, or nothing that one can go by.
    none,
}

impl Default for RegistryMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            request_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            schemas: Gauge::default(),
        }
    }
}

impl RegistryMetrics {
    /// Puts the numbers into a registry of metrics, under names that begin with `quafka_schema_registry` where its prefix is
    /// `quafka`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("schema_registry");
        registry.register(
            "requests",
            "Requests to the schema registry's servers, by what they answered; `none` is no answer, or none to go by",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "request",
            "Time from a request to the schema registry to its answer, or to giving up",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register("schemas", "Schemas that are known, and not asked for again", self.schemas.clone());
    }

    /// A request begins; it is counted when what is returned here is dropped, also where nobody has waited for its end.
    pub fn begin(&self) -> Request<'_> {
        Request { metrics: self, started: Instant::now(), answer: Answer::none }
    }
}

/// A request that is under way.
pub(super) struct Request<'m> {
    metrics: &'m RegistryMetrics,
    started: Instant,
    pub answer: Answer,
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.metrics.requests.get_or_create(&AnswerLabel { answer: self.answer }).inc();
        self.metrics.request_seconds.observe(self.started.elapsed().as_secs_f64());
    }
}
