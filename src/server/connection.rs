//! One connection: requests are taken in order, may overlap in QuestDB, and are answered in order.
//!
//! Three tasks, so that none waits for another's peer: the reader takes requests, the settler waits for their outcomes,
//! the writer sends responses. The settler goes on when the client is gone, because the outcome of a batch is part of
//! its producer's state.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quafka_protocol::FrameError;
use quafka_protocol::frame::Stranger;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::frames::{Frames, FramesError};
use crate::api::{self, Answer, Connection, Gateway, Refusal, Reply};
use crate::memory::FrameCharge;

/// Requests of one connection that wait for their outcome. Clients have 5 in flight, some a few hundred; beyond this
/// the socket is not read until an answer goes out.
const MAX_IN_FLIGHT: usize = 256;

/// Bytes of responses that a client may leave unread before its socket is not read either, besides what the system
/// buffers. A short question can have a long answer.
const MAX_UNSENT_BYTES: usize = 64 << 10;

/// Short responses go out together, as many as there are up to this.
const GATHER_BYTES: usize = 8 << 10;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("closed by the client")]
    Client,
    #[error("the gateway is shutting down")]
    Shutdown,
    #[error(transparent)]
    Frames(#[from] FramesError),
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error("{0}")]
    Failed(String),
    #[error("cannot send: {0}")]
    Send(std::io::Error),
    #[error("the client has not read its responses for {0} s")]
    NotRead(u64),
}

/// A request's reply, with its place among those in flight.
type Due = (Reply, Place);
type Sendable = (Bytes, Place);

/// Held until the response is sent.
struct Place {
    _in_flight: OwnedSemaphorePermit,
    /// Of a response that was known at once: its part of what may be unsent, and of the memory budget. Boxed, because
    /// an idle connection has room for many places.
    _unsent: Option<Box<(OwnedSemaphorePermit, FrameCharge)>>,
}

impl From<OwnedSemaphorePermit> for Place {
    fn from(in_flight: OwnedSemaphorePermit) -> Self {
        Self { _in_flight: in_flight, _unsent: None }
    }
}

/// Serves a connection until either side ends it. After `shutdown` no request is taken any more, but those in flight are
/// answered.
pub(super) async fn serve<S>(
    stream: S,
    connection: Connection,
    gateway: Arc<Gateway>,
    shutdown: CancellationToken,
) -> End
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (read_half, write_half) = tokio::io::split(stream);
    let limits = &gateway.config.limits;
    let frames = Frames::new(
        read_half,
        gateway.memory.clone(),
        limits.request_bytes,
        limits.stalled_request,
        limits.idle_connection,
    );
    let patience = limits.stalled_request;
    let (due, dues) = mpsc::channel(MAX_IN_FLIGHT);
    // Bounded by the places in flight.
    let (sendable, sendables) = mpsc::unbounded_channel();
    // Ends the intake: from outside, or because one of the two others has come to an end.
    let stop = shutdown.child_token();
    let settler = tokio::spawn(settle(dues, sendable, stop.clone()));
    let writer = tokio::spawn(write(write_half, sendables, patience, stop.clone()));
    let taken = take(frames, &connection, &gateway, due.clone(), stop).await;
    if let (Some(End::Frames(FramesError::Frame(error))), Ok(place)) =
        (&taken, Arc::new(Semaphore::new(1)).acquire_owned().await)
        && let Some(farewell) = farewell(error)
    {
        // Fails where the connection is gone.
        let _ = due.send((Reply::Now(Answer::Send(farewell)), place.into())).await;
    }
    drop(due);
    // `due` is gone now: what was taken is settled and sent, then the two others end.
    match (taken, settler.await, writer.await) {
        (_, Err(panic), _) | (_, _, Err(panic)) => End::Failed(format!("internal error: {panic}")),
        (_, Ok(Some(reason)), _) => End::Failed(reason),
        (None, _, Ok(Err(end))) => end,
        (None, _, Ok(Ok(()))) if shutdown.is_cancelled() => End::Shutdown,
        (None, _, Ok(Ok(()))) => End::Client,
        (Some(end), _, _) => end,
    }
}

/// What a peer that speaks another protocol can read.
///
/// A TLS client gets a sentence that is no TLS. That is what its library knows as a server without it: OpenSSL's "wrong
/// version number", Go's "first record does not look like a TLS handshake", Java's "unrecognized SSL message". An alert
/// would send people looking for versions and certificates, and a bare end of the connection for the network.
fn farewell(error: &FrameError) -> Option<Bytes> {
    match error {
        FrameError::Stranger { stranger: Stranger::Http } => Some(Bytes::from_static(
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 86\r\nConnection: close\r\n\r\n\
            This port speaks the Kafka protocol; HTTP is served at the admin and pandaproxy ports\n",
        )),
        FrameError::Stranger { stranger: Stranger::Tls } => {
            Some(Bytes::from_static(b"This Kafka listener is plaintext: set security.protocol=PLAINTEXT\n"))
        }
        _ => None,
    }
}

/// Takes requests until there are no more, or `stop`; returns what went wrong, if anything did.
async fn take<R: AsyncRead + Unpin>(
    mut frames: Frames<R>,
    connection: &Connection,
    gateway: &Arc<Gateway>,
    due: mpsc::Sender<Due>,
    stop: CancellationToken,
) -> Option<End> {
    let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    let unsent = Arc::new(Semaphore::new(MAX_UNSENT_BYTES));
    loop {
        // Only between two requests: one that has been taken is taken whole.
        let next = async {
            let place = in_flight.clone().acquire_owned().await;
            (place, frames.next().await)
        };
        let (place, frame) = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            (place, frame) = next => (place.ok()?, frame),
        };
        let frame = match frame {
            Ok(frame) => frame?,
            Err(error) => return Some(error.into()),
        };
        // Boxed, because an idle connection has no use for the memory that handling a request takes.
        let reply = match Box::pin(api::handle(gateway, connection, frame)).await {
            Ok(reply) => reply,
            Err(refusal) => return Some(refusal.into()),
        };
        let mut place = Place::from(place);
        if let Reply::Now(Answer::Send(response)) = &reply {
            let mut charge = gateway.memory.frame();
            charge.arrived(response.len());
            charge.complete(0);
            // Never closed. It is given back by the writer, also when that comes to its end.
            let bytes = response.len().min(MAX_UNSENT_BYTES) as u32;
            let unsent = unsent.clone().acquire_many_owned(bytes).await.ok()?;
            place._unsent = Some(Box::new((unsent, charge)));
        }
        due.send((reply, place)).await.ok()?;
    }
}

/// Waits for outcomes, in order; returns why the connection has to end, where an answer says so.
async fn settle(
    mut dues: mpsc::Receiver<Due>,
    sendable: mpsc::UnboundedSender<Sendable>,
    stop: CancellationToken,
) -> Option<String> {
    let mut reason = None;
    while let Some((reply, place)) = dues.recv().await {
        let answer = match reply {
            Reply::Now(answer) => answer,
            Reply::Later(answer) => answer.await,
        };
        match answer {
            // Fails where the writer is gone: nobody to tell, but the next outcomes still have to be settled.
            Answer::Send(frame) if reason.is_none() => drop(sendable.send((frame, place))),
            Answer::Send(_) | Answer::Nothing => {}
            Answer::Close(why) => {
                reason.get_or_insert(why);
                stop.cancel();
            }
        }
    }
    reason
}

/// Sends responses; where that fails, the intake stops too.
async fn write<W: AsyncWrite + Unpin>(
    stream: W,
    sendables: mpsc::UnboundedReceiver<Sendable>,
    patience: Duration,
    stop: CancellationToken,
) -> Result<(), End> {
    let result = send_all(stream, sendables, patience).await;
    stop.cancel();
    result
}

async fn send_all<W: AsyncWrite + Unpin>(
    mut stream: W,
    mut sendables: mpsc::UnboundedReceiver<Sendable>,
    patience: Duration,
) -> Result<(), End> {
    let mut gathered = BytesMut::new();
    while let Some((frame, place)) = sendables.recv().await {
        let last = sendables.is_empty();
        let send = async {
            if gathered.is_empty() && last {
                stream.write_all(&frame).await?;
                return stream.flush().await;
            }
            gathered.extend_from_slice(&frame);
            if last || gathered.len() >= GATHER_BYTES {
                stream.write_all(&gathered).await?;
                // What is idle holds no memory.
                gathered = BytesMut::new();
            }
            if last { stream.flush().await } else { Ok(()) }
        };
        timeout(patience, send).await.map_err(|_| End::NotRead(patience.as_secs()))?.map_err(End::Send)?;
        drop(place);
    }
    // A half-close, so that a client that is still reading gets all of it.
    timeout(patience, stream.shutdown()).await.ok();
    Ok(())
}
