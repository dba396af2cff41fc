//! Metrics, health and the admin HTTP endpoint.

mod http;
mod log_limit;
mod metrics;
mod public_metrics;
mod redpanda;

pub use http::AdminServer;
pub use log_limit::LogLimit;
pub use metrics::{Closed, Metrics};
pub use redpanda::{Cluster, PartitionState, TopicState};
