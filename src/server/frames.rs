//! Length-prefixed frames off a byte stream, within the memory budget.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use quafka_protocol::FrameError;
use quafka_protocol::frame::body_length;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::time::timeout;

use crate::api::Frame;
use crate::memory::{FrameCharge, MemoryBudget};

const PREFIX_BYTES: usize = 4;
/// What one read takes at most.
const READ_BYTES: usize = 256 * 1024;
/// What an idle connection's buffer holds: small, since thousands of them may idle.
const IDLE_BUFFER_BYTES: usize = 4 * 1024;

/// Why no further frame comes.
#[derive(Debug, thiserror::Error)]
pub(super) enum FramesError {
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("connection lost: {0}")]
    Io(#[from] io::Error),
    #[error("closed by the client in the middle of a request, after {received} of {length} bytes")]
    Truncated { received: usize, length: usize },
    #[error("no progress for {seconds} s in the middle of a request, after {received} of {length} bytes")]
    Stalled { seconds: u64, received: usize, length: usize },
    #[error("idle for {seconds} s")]
    Idle { seconds: u64 },
    #[error("memory is full of incomplete requests, and this one made no progress for longest")]
    Evicted,
}

/// Reads frames.
pub(super) struct Frames<R> {
    stream: Budgeted<R>,
    buffer: BytesMut,
    budget: MemoryBudget,
    limit_bytes: usize,
    stalled: Duration,
    idle: Duration,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(
        stream: R,
        budget: MemoryBudget,
        limit_bytes: usize,
        stalled: Duration,
        idle: Duration,
    ) -> Self {
        let stream = Budgeted { stream, budget: budget.clone() };
        Self { stream, buffer: BytesMut::new(), budget, limit_bytes, stalled, idle }
    }

    /// The next frame; nothing where the peer has closed the connection between two frames.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, FramesError> {
        let mut charge = self.budget.frame();
        // What came together with the last frame.
        charge.arrived(self.buffer.len());
        let mut length = None;
        loop {
            if length.is_none()
                && let Some(prefix) = self.buffer.first_chunk::<PREFIX_BYTES>()
            {
                length = Some(body_length(*prefix, self.limit_bytes)?);
            }
            if let Some(length) = length
                && self.buffer.len() >= PREFIX_BYTES + length
            {
                let mut bytes = self.buffer.split_to(PREFIX_BYTES + length);
                let rest = self.buffer.len();
                let _prefix = bytes.split_to(PREFIX_BYTES);
                charge.complete(rest);
                return Ok(Some(Frame { bytes: bytes.freeze(), charge }));
            }
            if !self.read(&mut charge, length).await? {
                return match (self.buffer.len(), length) {
                    (0, _) => Ok(None),
                    (received, length) => {
                        Err(FramesError::Truncated { received, length: PREFIX_BYTES + length.unwrap_or(0) })
                    }
                };
            }
        }
    }

    /// Reads something; false at the stream's end.
    async fn read(&mut self, charge: &mut FrameCharge, length: Option<usize>) -> Result<bool, FramesError> {
        let received = self.buffer.len();
        // Memory follows what has arrived, never what was announced: the buffer doubles, up to the frame's end.
        let room = match length {
            None => IDLE_BUFFER_BYTES,
            Some(length) => (PREFIX_BYTES + length - received).min(received.max(IDLE_BUFFER_BYTES)),
        };
        if self.buffer.capacity() == received {
            self.buffer.reserve(room);
        }
        let patience = if received == 0 { self.idle } else { self.stalled };
        let read = loop {
            // While nothing is read because memory is full, time is not held against the peer.
            tokio::select! {
                biased;
                () = self.budget.room() => {}
                () = charge.evicted() => return Err(FramesError::Evicted),
            }
            let mut target = (&mut self.buffer).limit(READ_BYTES);
            let read = tokio::select! {
                biased;
                read = timeout(patience, self.stream.read_buf(&mut target)) => read,
                () = charge.evicted() => return Err(FramesError::Evicted),
            };
            match read {
                Ok(Ok(read)) => break read,
                // Something is there to be read, but memory has filled up meanwhile.
                Ok(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return Err(self.silent(patience, length)),
            }
        };
        charge.arrived(read);
        Ok(read > 0)
    }

    fn silent(&self, patience: Duration, length: Option<usize>) -> FramesError {
        let seconds = patience.as_secs();
        match self.buffer.len() {
            0 => FramesError::Idle { seconds },
            received => {
                FramesError::Stalled { seconds, received, length: PREFIX_BYTES + length.unwrap_or(0) }
            }
        }
    }
}

/// A stream that is not read while memory is full. The check comes with the read itself and not only before it,
/// because thousands of connections may wait here with one check long behind them.
struct Budgeted<R> {
    stream: R,
    budget: MemoryBudget,
}

impl<R: AsyncRead + Unpin> AsyncRead for Budgeted<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.budget.has_room() {
            Pin::new(&mut self.stream).poll_read(context, buffer)
        } else {
            Poll::Ready(Err(io::ErrorKind::WouldBlock.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn frames<R: AsyncRead + Unpin>(stream: R, budget: &MemoryBudget) -> Frames<R> {
        Frames::new(stream, budget.clone(), LIMIT, Duration::from_millis(50), Duration::from_millis(100))
    }

    fn encoded(body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32).to_be_bytes(), body].concat()
    }

    #[tokio::test]
    async fn frames_arrive_whole_however_they_are_cut() {
        let bodies = [vec![1; 8], vec![2; 70_000], vec![3; 9], vec![4; 500_000]];
        let stream: Vec<u8> = bodies.iter().flat_map(|body| encoded(body)).collect();
        for cut in [1_000, 4_096, 65_537, stream.len()] {
            let budget = MemoryBudget::new(1 << 30);
            let (mut near, far) = tokio::io::duplex(1 << 16);
            let chunks: Vec<Vec<u8>> = stream.chunks(cut).map(<[u8]>::to_vec).collect();
            tokio::spawn(async move {
                for chunk in chunks {
                    near.write_all(&chunk).await.unwrap();
                }
            });
            let mut frames = frames(far, &budget);
            for body in &bodies {
                let frame = frames.next().await.unwrap().unwrap();
                assert_eq!(frame.bytes, body);
                assert!(budget.used_bytes() >= body.len());
            }
            assert!(frames.next().await.unwrap().is_none());
            assert_eq!(budget.used_bytes(), 0);
        }
    }

    #[tokio::test]
    async fn an_announced_length_takes_no_memory() {
        let budget = MemoryBudget::new(1 << 30);
        let (mut near, far) = tokio::io::duplex(64);
        near.write_all(&(LIMIT as u32).to_be_bytes()).await.unwrap();
        let mut frames = frames(far, &budget);
        assert!(matches!(frames.next().await, Err(FramesError::Stalled { received: 4, .. })));
        assert!(frames.buffer.capacity() <= 2 * IDLE_BUFFER_BYTES, "{}", frames.buffer.capacity());
    }

    #[tokio::test]
    async fn silence_and_early_ends_are_told_apart() {
        let budget = MemoryBudget::new(1 << 30);
        let (_near, far) = tokio::io::duplex(64);
        assert!(matches!(frames(far, &budget).next().await, Err(FramesError::Idle { .. })));
        let whole = encoded(&[0; 20]);
        assert!(matches!(
            frames(&whole[..10], &budget).next().await,
            Err(FramesError::Truncated { received: 10, length: 24 })
        ));
        assert!(matches!(frames(&b"GET / HTTP/1.1"[..], &budget).next().await, Err(FramesError::Frame(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_budget_stops_reading_and_is_not_held_against_the_peer() {
        let budget = MemoryBudget::new(100);
        let mut other = budget.frame();
        other.arrived(100);
        other.complete(0);
        let whole = encoded(&[0; 20]);
        let mut frames = frames(&whole[..], &budget);
        let mut next = Box::pin(frames.next());
        assert!(timeout(Duration::from_secs(3600), &mut next).await.is_err());
        drop(other);
        assert_eq!(next.await.unwrap().unwrap().bytes.len(), 20);
    }
}
