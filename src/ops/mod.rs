//! Metrics, health and the admin HTTP endpoint.

mod http;
mod log_limit;
mod metrics;

pub use http::AdminServer;
pub use log_limit::LogLimit;
pub use metrics::{Closed, Metrics};
