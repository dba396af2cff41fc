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
use crate::api::{Connection, Gateway, Principal};
use crate::ops::Closed;

/// As for Kafka's.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until `shutdown`; the tracker has them all.
pub(super) async fn listen(
    listener: TcpListener,
    router: Router,
    gateway: Arc<Gateway>,
    admission: Admission,
    shutdown: CancellationToken,
    connections: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match admission.admit(peer.ip()) {
            Ok(pass) => {
                let patience = gateway.config.limits.stalled_request;
                connections.spawn(serve(stream, peer, router.clone(), patience, shutdown.clone(), pass));
            }
            Err(reason) => {
                gateway.metrics.connection_closed(Closed::TurnedAway);
                tracing::warn!(%peer, %reason, "connection turned away");
            }
        }
    }
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
