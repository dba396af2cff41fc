//! HTTP connections for the pandaproxy: admitted as Kafka's are, and ended as those are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, Pass};
use super::listener::accept;
use crate::api::{Connection, Gateway, Principal};

/// Accepts connections until `shutdown`; the tracker has them all.
pub(super) async fn listen(
    listener: TcpListener,
    router: Router,
    gateway: Arc<Gateway>,
    admission: Admission,
    shutdown: CancellationToken,
    connections: TaskTracker,
) {
    let patience = gateway.config.limits.stalled_request;
    accept(listener, &gateway, &admission, &shutdown, |stream, peer, pass| {
        connections.spawn(serve(stream, peer, router.clone(), patience, shutdown.clone(), pass));
    })
    .await;
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    patience: Duration,
    shutdown: CancellationToken,
    _pass: Pass,
) {
    let Ok(local) = stream.set_nodelay(true).and_then(|()| stream.local_addr()) else { return };
    let connection = Connection { peer, local, principal: Principal::Anonymous };
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(connection);
        router.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience);
    let served = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "HTTP connection ended");
    }
}
