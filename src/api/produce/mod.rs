//! Produce (0), versions 3-12; 0-2 are advertised and answered with error 35.
//!
//! Checked in this order, as a broker does; a partition's failure is that partition's alone:
//!
//! 1. acks must be -1, 0 or 1: else 21 everywhere.
//! 2. A transactional id: 53 everywhere.
//! 3. The topic: 17, 3 or 44 as in Metadata; an unknown partition 3; no records at all 87.
//! 4. The batch, as in [`quafka_protocol::RecordBatch::parse`]: 87, 10, 2, 76; zstd below version 7: 76.
//! 5. The producer's epoch and sequence (KIP-98): 47, 45; a batch that was sent before is answered as it was then.
//! 6. QuestDB's table must be known, or be known not to be there: else 19. One that is not there is created where the
//!    topic's settings say how; if QuestDB refuses that, 40.
//! 7. Decompression: 10 over the limit, else 2. Records that lie about their sizes: 87.
//! 8. Records that cannot become rows: 87 with `record_errors` (KIP-467), and nothing of the batch is written.
//! 9. What QuestDB says: committed 0; rejected as in 8; certainly not written 19; outcome unknown, or not known in
//!    time, 7.
//!
//! With acks=0 there is no response; an error ends the connection, which is all that such a client can notice.

mod bad_records;
mod batch;
mod drain;
mod job;
mod label;
mod plans;
mod response;
mod settle;
mod spooling;
mod target;
mod unfinished;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use quafka_protocol::requests::ProduceRequest;
use quafka_protocol::{DecodeError, ErrorCode, Reader, RequestHeader};

use super::{Call, Frame, Refusal, Reply};
use crate::config::Durability;
use response::Failure;
use settle::Pending;
use target::Target;
use tokio::time::Instant;

pub use drain::drain;
pub use label::Written;
pub(super) use response::too_old;
pub use spooling::{SpoolMetrics, Spooling};
pub use unfinished::Unfinished;

/// However patient a client is, it hears from us by then.
const MAX_PATIENCE: Duration = Duration::from_secs(30);
/// However impatient, QuestDB gets this long.
const MIN_PATIENCE: Duration = Duration::from_millis(250);

/// A Produce request, cut loose from its frame's text: no borrow crosses an await.
struct Work {
    acks: i16,
    timeout_ms: i32,
    transactional: bool,
    topics: Vec<TopicWork>,
}

struct TopicWork {
    name: String,
    partitions: Vec<(i32, Option<Bytes>)>,
}

/// What all batches of one request have in common.
#[derive(Clone, Copy)]
struct Circumstances {
    version: i16,
    /// For records without a timestamp, in milliseconds since the epoch.
    arrival_ms: i64,
    /// Until when QuestDB may be waited for.
    deadline: Instant,
    /// When the client hears that the outcome is unknown, where it still is.
    answer_by: Instant,
}

/// Hands the request's batches to the lanes, in order; the reply waits for them.
pub(super) async fn handle(call: Call<'_>, frame: Frame) -> Result<Reply, Refusal> {
    let Frame { bytes, charge } = frame;
    let charge = Arc::new(charge);
    let work = split(call, &bytes)
        .map_err(|error| Refusal::Malformed { what: format!("{} v{}", call.api, call.version), error })?;
    let refusal = if !matches!(work.acks, -1..=1) {
        Some(Failure::new(
            ErrorCode::InvalidRequiredAcks,
            format!("acks={}: it must be -1, 0 or 1", work.acks),
        ))
    } else if work.transactional {
        let message = super::find_coordinator::NO_TRANSACTIONS.to_owned();
        Some(Failure::new(ErrorCode::TransactionalIdAuthorizationFailed, message))
    } else {
        None
    };
    let patience = patience(work.timeout_ms);
    let begun = Instant::now();
    // Where batches overflow into the spool, QuestDB has less time.
    let config = &call.gateway.config;
    let overflow_after = match config.durability {
        Durability::Overflow => config.spool.overflow_after,
        Durability::Direct | Durability::Spool => patience,
    };
    let deadline = begun + patience.min(overflow_after);
    let circumstances = Circumstances {
        version: call.version,
        arrival_ms: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64,
        deadline,
        // At seven eighths of the client's patience: what the lanes give up at the deadline is still told as such.
        answer_by: begun + patience + patience / 6,
    };
    let mut topics = Vec::with_capacity(work.topics.len());
    for topic in work.topics {
        let mut pending = Vec::with_capacity(topic.partitions.len());
        let mut target = match &refusal {
            Some(failure) => Err(failure.clone()),
            None => Target::of(call.gateway, &topic.name, circumstances.deadline).await,
        };
        for (index, records) in topic.partitions {
            let outcome = match &mut target {
                Ok(target) => {
                    let written = target.write(call, index, records, &charge, circumstances).await;
                    written.unwrap_or_else(|pending| pending)
                }
                Err(failure) => Pending::Failed(failure.clone()),
            };
            pending.push((index, outcome));
        }
        topics.push((topic.name, pending));
    }
    // The records are in blocks now, refused, or kept by those who may need them again.
    drop((bytes, charge));
    // Without acks nobody waits.
    let answer_by = (work.acks != 0).then_some(circumstances.answer_by);
    Ok(settle::reply(call, answer_by, topics))
}

fn split(call: Call<'_>, frame: &Bytes) -> Result<Work, DecodeError> {
    let mut reader = Reader::new(frame);
    RequestHeader::decode(&mut reader)?;
    let request = ProduceRequest::decode(&mut reader, call.version)?;
    let topics = request.topics.iter().map(|topic| TopicWork {
        name: topic.name.to_owned(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| (partition.index, partition.records.map(|records| frame.slice_ref(records))))
            .collect(),
    });
    Ok(Work {
        acks: request.acks,
        timeout_ms: request.timeout_ms,
        transactional: request.transactional_id.is_some(),
        topics: topics.collect(),
    })
}

/// The answer has to arrive before the client gives up, or it would send again what is still under way: so a
/// quarter of its patience is left for the way back.
fn patience(timeout_ms: i32) -> Duration {
    let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or_default());
    (timeout / 4 * 3).clamp(MIN_PATIENCE, MAX_PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_comes_before_the_client_gives_up() {
        assert_eq!(patience(30_000), Duration::from_millis(22_500));
        assert_eq!(patience(5_000), Duration::from_millis(3_750));
        assert_eq!(patience(0), MIN_PATIENCE);
        assert_eq!(patience(-1), MIN_PATIENCE);
        assert_eq!(patience(i32::MAX), MAX_PATIENCE);
    }
}
