use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, Pass};
use super::life::attend;
use crate::api::{Connection, Gateway, Principal};
use crate::ops::Closed;

/// When the system has no file descriptor left, accepting again at once would only burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts Kafka connections until `shutdown`; the tracker has them all.
pub(super) async fn listen(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    admission: Admission,
    shutdown: CancellationToken,
    connections: TaskTracker,
) {
    accept(listener, &gateway, &admission, &shutdown, |stream, peer, pass| {
        connections.spawn(run(stream, peer, gateway.clone(), shutdown.clone(), pass));
    })
    .await;
}

/// Accepts connections until `shutdown` and hands on those that are admitted.
pub(super) async fn accept(
    listener: TcpListener,
    gateway: &Gateway,
    admission: &Admission,
    shutdown: &CancellationToken,
    mut admitted: impl FnMut(TcpStream, SocketAddr, Pass),
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
            Ok(pass) => admitted(stream, peer, pass),
            Err(reason) => {
                gateway.metrics.connection_closed(Closed::TurnedAway);
                tracing::warn!(%peer, %reason, "connection turned away");
            }
        }
    }
}

async fn run(
    stream: TcpStream,
    peer: SocketAddr,
    gateway: Arc<Gateway>,
    shutdown: CancellationToken,
    _pass: Pass,
) {
    // Responses are small and waited for.
    let prepared = stream.set_nodelay(true).and_then(|()| stream.local_addr());
    let local = match prepared {
        Ok(local) => local,
        Err(error) => return tracing::debug!(%peer, %error, "connection gone before it began"),
    };
    let connection = Connection { peer, local, principal: Principal::Anonymous };
    attend(stream, connection, gateway, shutdown).await;
}
