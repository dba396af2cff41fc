//! Produce (0), versions 3-12; 0-2 are advertised and answered with error 35.
//!
//! Checked in this order, as a broker does; a partition's failure is that partition's alone:
//!
//! 1. acks must be -1, 0 or 1: else 21 everywhere.
//! 2. A transactional id: 53 everywhere.
//! 3. The topic: 17, 3 or 44 as in Metadata; an unknown partition 3; no records at all 87.
//! 4. QuestDB's table must be known, or be known not to be there: else 19. One that is not there is created where the
//!    topic's settings say how; if QuestDB refuses that, 40.
//! 5. The batch, as in [`quafka_protocol::RecordBatch::parse`]: 87, 10, 2, 76; zstd below version 7: 76.
//! 6. The producer's epoch and sequence (KIP-98): 47, 45; a batch that was sent before is answered as it was then.
//! 7. Decompression: 10 over the limit, else 2. Records that lie about their sizes: 87.
//! 8. Records that cannot become rows: 87 with `record_errors` (KIP-467), and nothing of the batch is written.
//! 9. What QuestDB says: committed 0; rejected as in 8; certainly not written 19; outcome unknown, or not known in
//!    time, 7.
//!
//! With acks=0 there is no response; an error ends the connection, which is all that such a client can notice.

mod batch;
mod response;
mod settle;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use quafka_protocol::requests::ProduceRequest;
use quafka_protocol::{DecodeError, ErrorCode, Reader, RequestHeader};
use tokio::time::timeout_at;

use super::errors::topic_error;
use super::{Call, Frame, Refusal, Reply};
use crate::mapping::Plan;
use crate::schema::{SchemaError, TableSchema};
use crate::sink::{Submission, ticket};
use crate::topics::{Partition, Topic};
use batch::Prepared;
use response::Failure;
use settle::{Pending, Waiting};

pub(super) use response::too_old;

/// However patient a client is, it hears from us by then.
const MAX_PATIENCE: Duration = Duration::from_secs(30);
/// However impatient, QuestDB gets this long.
const MIN_PATIENCE: Duration = Duration::from_millis(250);

/// Between two attempts to ask QuestDB what a table looks like.
const SCHEMA_PAUSE: Duration = Duration::from_millis(100);

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
    let work = split(call, &frame.bytes)
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
    let deadline = Instant::now() + patience;
    let circumstances = Circumstances {
        version: call.version,
        arrival_ms: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64,
        deadline,
        // At seven eighths of the client's patience: what the lanes give up at the deadline is still told as such.
        answer_by: deadline + patience / 6,
    };
    let mut topics = Vec::with_capacity(work.topics.len());
    for topic in work.topics {
        let mut pending = Vec::with_capacity(topic.partitions.len());
        let target = match &refusal {
            Some(failure) => Err(failure.clone()),
            None => target(call, &topic.name, circumstances.deadline).await,
        };
        for (index, records) in topic.partitions {
            let outcome = match &target {
                Ok(target) => write(call, target, index, records, circumstances).await,
                Err(failure) => Pending::Failed(failure.clone()),
            };
            pending.push((index, outcome));
        }
        topics.push((topic.name, pending));
    }
    // The records are in blocks now, or refused.
    drop(frame);
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

/// A topic that can be written to.
struct Target {
    topic: Arc<Topic>,
    plan: Arc<Plan>,
}

async fn target(call: Call<'_>, name: &str, deadline: Instant) -> Result<Target, Failure> {
    let topic = call
        .gateway
        .topics
        .resolve(name)
        .map_err(|error| Failure::new(topic_error(&error), format!("topic {name:?}: {error}")))?;
    let schema = schema(call, &topic, deadline).await?;
    let plan =
        topic.plan(&schema).map_err(|error| Failure::new(ErrorCode::InvalidRecord, error.to_string()))?;
    Ok(Target { topic, plan })
}

/// What the table looks like, which is created where it is not there and the topic's settings say how. QuestDB may be
/// away for a moment: that is waited for, as it is by the lanes.
async fn schema(call: Call<'_>, topic: &Topic, deadline: Instant) -> Result<Arc<TableSchema>, Failure> {
    let unavailable = |reason| Failure::new(ErrorCode::NotEnoughReplicas, reason);
    let table = topic.table();
    loop {
        match timeout_at(deadline.into(), call.gateway.schemas.table_of(table, topic.config())).await {
            Ok(Ok(schema)) => return Ok(schema),
            Ok(Err(refused @ SchemaError::Refused { .. })) => {
                return Err(Failure::new(ErrorCode::InvalidConfig, refused.to_string()));
            }
            Ok(Err(_)) if Instant::now() + SCHEMA_PAUSE < deadline => tokio::time::sleep(SCHEMA_PAUSE).await,
            Ok(Err(error)) => return Err(unavailable(error.to_string())),
            Err(_) => {
                return Err(unavailable(format!("QuestDB does not say what columns table `{table}` has")));
            }
        }
    }
}

/// Checks one partition's batch, makes it a block and hands that to its lane.
async fn write(
    call: Call<'_>,
    target: &Target,
    index: i32,
    records: Option<Bytes>,
    circumstances: Circumstances,
) -> Pending {
    let Some(partition) = target.topic.partition(index) else {
        let message = format!(
            "topic {:?} has no partition {index}, only 0 to {}",
            target.topic.name(),
            target.topic.partitions().len() - 1
        );
        return Pending::Failed(Failure::new(ErrorCode::UnknownTopicOrPartition, message));
    };
    let Some(records) = records else {
        return Pending::Failed(Failure::new(ErrorCode::InvalidRecord, "no record batch".to_owned()));
    };
    let Ok(turn) = timeout_at(circumstances.deadline.into(), call.gateway.memory.decode_turn()).await else {
        let message = "memory is full of batches that wait for QuestDB (limits.memory)".to_owned();
        return Pending::Failed(Failure::new(ErrorCode::NotEnoughReplicas, message));
    };
    let prepared = prepare(call, target, partition, &records, circumstances);
    let (admitted, block, adds_columns) = match prepared {
        Prepared::Done(pending) => return pending,
        Prepared::Block { admitted, block, adds_columns } => (admitted, block, adds_columns),
    };
    let charge = turn.charge(block.memory_bytes());
    drop(turn);
    let (resolver, ticket) = ticket();
    let submission = Submission {
        block,
        partition: index,
        deadline: circumstances.deadline,
        fence: admitted.fence(),
        charge,
        resolver,
    };
    call.gateway.sink.submit(submission).await;
    Pending::Waiting(Waiting { table: target.topic.table().clone(), ticket, admitted, adds_columns })
}

fn prepare(
    call: Call<'_>,
    target: &Target,
    partition: &Arc<Partition>,
    records: &[u8],
    circumstances: Circumstances,
) -> Prepared {
    call.gateway.with_decompressor(|decompressor| {
        let limits = &call.gateway.config.limits;
        let metrics = &call.gateway.metrics;
        batch::prepare(partition, &target.plan, records, circumstances, limits, decompressor, metrics)
    })
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
