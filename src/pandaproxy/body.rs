//! A request's body, within the memory budget.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::reply::Fault;
use crate::api::Gateway;
use crate::memory::FrameCharge;

/// A body has to become batches of `limits.batch_bytes` at most: so many of them, in all partitions together.
const BODY_BATCHES: usize = 8;

/// A body that has arrived, and its share of the memory budget.
pub(super) struct ReadBody {
    pub bytes: Bytes,
    charge: FrameCharge,
}

impl ReadBody {
    /// Charges what is made of it, too.
    pub(super) fn charge(&mut self, bytes: usize) {
        self.charge.arrived(bytes);
    }
}

/// Reads the body as the Kafka side reads a frame: no more than the limit, charged as it arrives, not while memory is
/// full, and not for ever.
pub(super) async fn read(gateway: &Gateway, mut body: Body) -> Result<ReadBody, Fault> {
    let limits = &gateway.config.limits;
    let limit = limits.request_bytes.min(limits.batch_bytes.saturating_mul(BODY_BATCHES));
    let mut charge = gateway.memory.frame();
    let mut bytes = BytesMut::new();
    loop {
        let evicted = || Fault {
            code: 50003,
            message: "memory is full of incomplete requests (limits.memory); send it again".to_owned(),
        };
        tokio::select! {
            () = gateway.memory.room() => {}
            () = charge.evicted() => return Err(evicted()),
        }
        let frame = tokio::select! {
            frame = timeout(limits.stalled_request, body.frame()) => frame,
            () = charge.evicted() => return Err(evicted()),
        };
        let frame = match frame {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => {
                return Err(Fault { code: 400, message: format!("the body is not complete: {error}") });
            }
            Ok(None) => break,
            Err(_) => {
                let seconds = limits.stalled_request.as_secs();
                return Err(Fault {
                    code: 408,
                    message: format!("nothing of the body came for {seconds} s"),
                });
            }
        };
        // What is no data are trailers, which mean nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            let message = format!(
                "the body is larger than {limit} bytes ({BODY_BATCHES} times limits.batch_bytes, and at most \
                 limits.request_bytes)"
            );
            return Err(Fault { code: 413, message });
        }
        charge.arrived(data.len());
        bytes.extend_from_slice(&data);
    }
    charge.complete(0);
    Ok(ReadBody { bytes: bytes.freeze(), charge })
}
