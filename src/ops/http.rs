use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::redpanda;
use super::{Cluster, Metrics};
use crate::memory::MemoryBudget;

/// OpenMetrics 1.0, as Prometheus asks for it.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Asks whether rows can be written now.
pub type ReadyCheck = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The admin endpoint: `/metrics` and health over HTTP, and what Redpanda's tools ask there.
pub struct AdminServer {
    /// What is told of the metrics.
    pub metrics: Arc<Metrics>,
    /// What is told of memory.
    pub memory: MemoryBudget,
    /// Resolves to the reason where the gateway cannot write rows at the moment.
    pub ready: ReadyCheck,
    /// Tells of the node and its topics.
    pub cluster: Box<dyn Fn() -> Cluster + Send + Sync>,
}

impl AdminServer {
    /// Serves until `shutdown`.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/live", get(|| async { "live\n" }))
            .route("/ready", get(ready))
            .merge(redpanda::router())
            .with_state(Arc::new(self));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).with_graceful_shutdown(shutdown.cancelled_owned()).await
    }
}

async fn metrics(State(admin): State<Arc<AdminServer>>) -> Response {
    match admin.metrics.render(admin.memory.used_bytes()) {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// 200 while QuestDB takes rows, 503 with the reason otherwise: for load balancers and orchestrators.
async fn ready(State(admin): State<Arc<AdminServer>>) -> Response {
    match (admin.ready)().await {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
    }
}
