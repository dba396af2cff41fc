//! From the outcomes of a request's batches to its response.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use quafka_protocol::ErrorCode;
use tokio::time::timeout_at;

use super::job::{Job, Letters, Write};
use super::response::{Failure, PartitionResponse, encode};
use crate::api::{Answer, Call, Connection, Gateway, Reply};
use crate::config::OnError;
use crate::rows::RecordIndex;
use crate::sink::{Outcome, Ticket};
use crate::topics::{Admitted, Earlier, Rejection, Verdict};

/// What is known of a batch when its request has been taken.
pub(super) enum Pending {
    Failed(Failure),
    Rejected(Arc<Rejection>),
    Committed {
        base_offset: i64,
    },
    /// It was sent before.
    Earlier(Earlier),
    /// It is on its way to QuestDB.
    Waiting(Box<Waiting>),
}

/// A batch whose outcome is not known yet.
pub(super) struct Waiting {
    pub(super) job: Job,
    /// One for each table.
    pub(super) writes: Vec<(Write, Ticket)>,
    /// With the records that they are of.
    pub(super) letters: Vec<(Letters, Vec<RecordIndex>)>,
    pub(super) admitted: Admitted,
}

/// The reply to a request with these batches, by topic and partition. Without `answer_by` there is none: acks=0.
pub(super) fn reply(
    call: Call<'_>,
    answer_by: Option<Instant>,
    topics: Vec<(String, Vec<(i32, Pending)>)>,
) -> Reply {
    let gateway = call.gateway.clone();
    let connection = *call.connection;
    let (api, version, correlation_id) = (call.api, call.version, call.correlation_id);
    let received = Instant::now();
    Reply::Later(Box::pin(async move {
        let mut responses = Vec::with_capacity(topics.len());
        for (topic, partitions) in topics {
            let mut settled = Vec::with_capacity(partitions.len());
            for (index, pending) in partitions {
                let response = settle(index, pending, answer_by).await;
                if response.error != ErrorCode::None {
                    gateway.metrics.produce_error(response.error);
                    // Without acks the connection ends, and the reason is logged with that.
                    if answer_by.is_some() {
                        log(&gateway, &connection, &topic, &response);
                    }
                }
                settled.push(response);
            }
            responses.push((topic, settled));
        }
        gateway.metrics.produce_latency(received.elapsed());
        if answer_by.is_none() {
            return without_response(responses);
        }
        let call = Call { gateway: &gateway, connection: &connection, api, version, correlation_id };
        encode(call, responses)
    }))
}

async fn settle(index: i32, pending: Pending, answer_by: Option<Instant>) -> PartitionResponse {
    match pending {
        Pending::Failed(failure) => PartitionResponse::failed(index, failure),
        Pending::Rejected(rejection) => PartitionResponse::rejected(index, rejection),
        Pending::Committed { base_offset } => PartitionResponse::committed(index, base_offset),
        Pending::Earlier(earlier) => match in_time(Box::pin(earlier.verdict()), answer_by).await {
            Ok(Some(Verdict::Committed { base_offset })) => PartitionResponse::committed(index, base_offset),
            Ok(Some(Verdict::Rejected(rejection))) => PartitionResponse::rejected(index, rejection),
            Ok(None) => {
                let message = "the first attempt of this batch failed; send it again".to_owned();
                PartitionResponse::failed(index, Failure::new(ErrorCode::NotEnoughReplicas, message))
            }
            Err(_) => PartitionResponse::failed(index, not_known_in_time()),
        },
        Pending::Waiting(waiting) => {
            match in_time(Box::pin(written(index, *waiting)), answer_by).await {
                Ok(response) => response,
                Err(written) => {
                    // What becomes of the batch is part of its producer's state, and the answer to its copies.
                    tokio::spawn(written);
                    PartitionResponse::failed(index, not_known_in_time())
                }
            }
        }
    }
}

/// The future's output; the future itself, where it has none by then.
async fn in_time<F: Future>(
    mut future: Pin<Box<F>>,
    answer_by: Option<Instant>,
) -> Result<F::Output, Pin<Box<F>>> {
    match answer_by {
        None => Ok(future.await),
        Some(answer_by) => match timeout_at(answer_by.into(), &mut future).await {
            Ok(output) => Ok(output),
            Err(_) => Err(future),
        },
    }
}

fn not_known_in_time() -> Failure {
    let message = "QuestDB has not answered in time: it is unknown whether the batch is written".to_owned();
    Failure::new(ErrorCode::RequestTimedOut, message)
}

async fn written(index: i32, waiting: Waiting) -> PartitionResponse {
    let Waiting { mut job, writes, mut letters, admitted } = waiting;
    let gateway = job.gateway.clone();
    let mut writes = VecDeque::from(writes);
    let mut rejected = Vec::new();
    let mut failure: Option<Failure> = None;
    while let Some((write, ticket)) = writes.pop_front() {
        match ticket.outcome().await {
            Outcome::Committed => {
                if write.adds_columns {
                    gateway.schemas.invalidate(&write.table).await;
                }
                job.progress.rows_written(write);
            }
            Outcome::Rejected(errors) if job.kept.is_some() => match job.again(&write, errors).await {
                Ok((again, more)) => {
                    writes.extend(again);
                    letters.extend(more);
                }
                Err(failed) => drop(failure.get_or_insert(failed)),
            },
            // The table was changed a moment ago: what the producer sends again is made for what it is now.
            Outcome::Rejected(errors) => match job.has_changed(&write).await {
                Ok(false) => rejected.extend(errors),
                Ok(true) => {
                    let message = format!("table {} was changed while the batch was under way", write.table);
                    failure.get_or_insert(Failure::new(ErrorCode::NotEnoughReplicas, message));
                }
                Err(failed) => drop(failure.get_or_insert(failed)),
            },
            // That one table's rows may be written weighs more than that another's are not.
            Outcome::Unknown(reason) => {
                failure = Some(Failure::new(ErrorCode::RequestTimedOut, reason.as_ref().to_owned()));
            }
            Outcome::Unavailable(reason) => {
                let unavailable = Failure::new(ErrorCode::NotEnoughReplicas, reason.as_ref().to_owned());
                failure.get_or_insert(unavailable);
            }
        }
    }
    for (letters, records) in letters {
        match job.keep(letters).await {
            Ok(()) => job.progress.letters_kept(records),
            Err(failed) => drop(failure.get_or_insert(failed)),
        }
    }
    // `admitted` is dropped with a failure: the batch failed, and its producer sends it again.
    if let Some(failure) = failure {
        return PartitionResponse::failed(index, job.progress.explain(failure));
    }
    let written = job.progress.finish();
    if rejected.is_empty() {
        return PartitionResponse::committed(index, admitted.commit());
    }
    gateway.metrics.bad_records(OnError::Reject, rejected.len());
    let rejection = Arc::new(Rejection { errors: rejected, written });
    admitted.reject(rejection.clone());
    PartitionResponse::rejected(index, rejection)
}

/// Says in the log what was not written: clients of older versions have no message to show, and several do not show the
/// one that they have.
fn log(gateway: &Gateway, connection: &Connection, topic: &str, response: &PartitionResponse) {
    let Some(suppressed) = gateway.refusals.let_through() else { return };
    let (peer, partition, error) = (connection.peer, response.index, response.error.name());
    let message = response.message.as_deref().unwrap_or_default();
    tracing::warn!(%peer, topic, partition, error, suppressed, "{message}");
}

fn without_response(responses: Vec<(String, Vec<PartitionResponse>)>) -> Answer {
    for (topic, partitions) in responses {
        if let Some(bad) = partitions.into_iter().find(|partition| partition.error != ErrorCode::None) {
            let message = bad.message.unwrap_or_default();
            return Answer::Close(format!(
                "acks=0 and topic {topic:?} partition {} failed with {}: {message}",
                bad.index,
                bad.error.name()
            ));
        }
    }
    Answer::Nothing
}
