//! What Redpanda's tools ask on its admin port: `/v1/status/ready`, `/v1/brokers`, `/v1/cluster/health_overview` in the
//! shapes of Redpanda's Admin API, and `/public_metrics`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::http::AdminServer;
use super::public_metrics;

/// Prometheus' own text format: some of Redpanda's names are not allowed in OpenMetrics.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The node and its topics at the moment.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The node's id.
    pub node_id: i32,
    /// Where clients reach it.
    pub host: String,
    /// Where clients reach it.
    pub port: u16,
    /// The topics, by name.
    pub topics: Vec<TopicState>,
}

/// A topic at the moment.
#[derive(Clone, Debug)]
pub struct TopicState {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions it has.
    pub partitions: usize,
    /// Those of its partitions that have been written to, and what has been.
    pub written: Vec<PartitionState>,
}

/// What has been written to a partition in this life of the gateway.
#[derive(Clone, Copy, Debug)]
pub struct PartitionState {
    /// The partition.
    pub index: usize,
    /// Records that were committed.
    pub records: u64,
    /// Their batches, in bytes as sent.
    pub bytes: u64,
    /// The offset that the next record gets.
    pub next_offset: i64,
}

pub(super) fn router() -> Router<Arc<AdminServer>> {
    Router::new()
        .route("/v1/status/ready", get(ready))
        .route("/v1/brokers", get(brokers))
        .route("/v1/brokers/{id}", get(broker))
        .route("/v1/cluster/health_overview", get(health_overview))
        .route("/public_metrics", get(metrics))
}

async fn ready(State(admin): State<Arc<AdminServer>>) -> Response {
    match (admin.ready)().await {
        Ok(()) => answer(StatusCode::OK, &json!({ "status": "ready" })),
        Err(_) => answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "booting" })),
    }
}

async fn brokers(State(admin): State<Arc<AdminServer>>) -> Response {
    answer(StatusCode::OK, &json!([described(&(admin.cluster)())]))
}

async fn broker(State(admin): State<Arc<AdminServer>>, Path(id): Path<String>) -> Response {
    let cluster = (admin.cluster)();
    if id == cluster.node_id.to_string() {
        return answer(StatusCode::OK, &described(&cluster));
    }
    let error = json!({ "message": format!("broker with id: {id} not found"), "code": 404 });
    answer(StatusCode::NOT_FOUND, &error)
}

fn described(cluster: &Cluster) -> Value {
    json!({
        "node_id": cluster.node_id,
        "num_cores": std::thread::available_parallelism().map_or(1, usize::from),
        // There is no RPC between nodes; this is where clients connect.
        "internal_rpc_address": cluster.host,
        "internal_rpc_port": cluster.port,
        "membership_status": "active",
        "is_alive": true,
        "version": concat!("quafka ", env!("CARGO_PKG_VERSION")),
        "maintenance_status": { "draining": false },
        // Nothing is kept on disk here.
        "disk_space": [],
    })
}

/// Healthy while QuestDB takes rows; then every partition has its leader, this node.
async fn health_overview(State(admin): State<Arc<AdminServer>>) -> Response {
    let reasons: Vec<String> = match (admin.ready)().await {
        Ok(()) => Vec::new(),
        Err(reason) => vec![format!("questdb: {reason}")],
    };
    let node_id = (admin.cluster)().node_id;
    let overview = json!({
        "is_healthy": reasons.is_empty(),
        "unhealthy_reasons": reasons,
        "controller_id": node_id,
        "all_nodes": [node_id],
        "nodes_down": [],
        "nodes_in_recovery_mode": [],
        "high_disk_usage_nodes": [],
        "leaderless_partitions": [],
        "leaderless_count": 0,
        "under_replicated_partitions": [],
        "under_replicated_count": 0,
    });
    answer(StatusCode::OK, &overview)
}

fn answer(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

async fn metrics(State(admin): State<Arc<AdminServer>>) -> Response {
    match public_metrics::render(&admin.metrics, &(admin.cluster)()) {
        Ok(text) => ([(header::CONTENT_TYPE, PROMETHEUS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
