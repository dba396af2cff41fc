//! Metrics, health and the admin HTTP endpoint.

mod http;
mod metrics;

pub use http::AdminServer;
pub use metrics::{Closed, Metrics};
