//! Records over HTTP, as Redpanda's HTTP Proxy ("pandaproxy") and the REST proxies before it take them.
//!
//! `POST /topics/{topic}` makes record batches of its body and hands them to [`crate::api`] as a Produce request with
//! acks=all: there is no second way to QuestDB. `GET /topics` and `GET /brokers` tell what there is. Nothing can be
//! read, so there are no consumers.

mod body;
mod partitioner;
mod produce;
mod reply;
mod request;

use std::sync::Arc;

use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, http};
use serde_json::json;
use tokio_util::task::TaskTracker;

use crate::api::{Connection, Gateway, NODE_ID};
use reply::{Fault, ok};
use request::Format;

/// What the handlers share.
struct Shared {
    gateway: Arc<Gateway>,
    /// Writes go on when their client is gone, and a shutdown waits for them.
    writes: TaskTracker,
}

/// The routes. Requests must carry their [`Connection`] as an extension.
pub fn router(gateway: Arc<Gateway>, writes: TaskTracker) -> Router {
    Router::new()
        .route("/topics", get(topics))
        .route("/topics/{topic}", post(post_topic))
        .route("/brokers", get(brokers))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .with_state(Arc::new(Shared { gateway, writes }))
}

async fn topics(State(shared): State<Arc<Shared>>) -> Response {
    let topics = shared.gateway.topics.list();
    ok(StatusCode::OK, &json!(topics.iter().map(|topic| topic.name().as_ref()).collect::<Vec<_>>()))
}

async fn brokers() -> Response {
    ok(StatusCode::OK, &json!({ "brokers": [NODE_ID] }))
}

async fn unknown(request: Request) -> Response {
    let message = format!(
        "{} {}: this is a quafka gateway, which takes records in (POST /topics/TOPIC) and tells of GET /topics and GET \
         /brokers; nothing can be read here, read the tables with SQL",
        request.method(),
        request.uri().path()
    );
    Fault { code: 404, message }.into()
}

async fn post_topic(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    Path(topic): Path<String>,
    request: http::Request<axum::body::Body>,
) -> Response {
    match write(&shared, connection, topic, request).await {
        Ok(response) => response,
        Err(fault) => {
            tracing::debug!(peer = %connection.peer, code = fault.code, "pandaproxy: {}", fault.message);
            fault.into()
        }
    }
}

async fn write(
    shared: &Shared,
    connection: Connection,
    topic: String,
    request: http::Request<axum::body::Body>,
) -> Result<Response, Fault> {
    let gateway = &shared.gateway;
    let format = Format::of(request.headers())?;
    let partitions = produce::partitions(gateway, &topic)?;
    let mut body = body::read(gateway, request.into_body()).await?;
    let records = request::parse(&body.bytes, format)?;
    body.charge(records.overhead_bytes());
    let batches = records.into_batches(partitions)?;
    let produce = produce::Produce::new(gateway, &topic, batches)?;
    drop(body);
    let gateway = gateway.clone();
    let write = shared.writes.spawn(async move { produce.run(&gateway, connection).await });
    write.await.map_err(|panic| Fault { code: 50002, message: format!("internal error: {panic}") })?
}
