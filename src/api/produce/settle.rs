//! From the outcomes of a request's batches to its response.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use quafka_protocol::ErrorCode;
use tokio::time::{Instant, timeout_at};

use super::job::Writing;
use super::response::{Failure, PartitionResponse, encode};
use super::spooling::{Overflow, Storing};
use crate::api::{Answer, Call, Connection, Gateway, Reply};
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
    /// It is on its way to the spool.
    Storing(Box<Storing>),
    /// It goes to the spool when all before it are settled.
    Overflow(Box<(Overflow, Admitted)>),
}

/// A batch whose outcome is not known yet.
pub(super) struct Waiting {
    pub(super) begun: Box<Writing>,
    pub(super) admitted: Admitted,
    /// For the spool, where QuestDB does not take it in time.
    pub(super) overflow: Option<Overflow>,
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
        Pending::Storing(storing) => stored(index, storing.stored().await),
        Pending::Overflow(overflow) => {
            let (overflow, admitted) = *overflow;
            stored(index, overflow.save(admitted).await)
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
        Some(answer_by) => match timeout_at(answer_by, &mut future).await {
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
    let Waiting { begun, admitted, overflow } = waiting;
    match (begun.written().await, overflow) {
        (Ok(None), _) => PartitionResponse::committed(index, admitted.commit()),
        (Ok(Some(rejection)), _) => {
            let rejection = Arc::new(rejection);
            admitted.reject(rejection.clone());
            PartitionResponse::rejected(index, rejection)
        }
        (Err(failure), Some(overflow)) if failure.is_questdbs() => {
            stored(index, overflow.save(admitted).await)
        }
        // `admitted` is dropped: the batch failed, and its producer sends it again.
        (Err(failure), _) => PartitionResponse::failed(index, failure),
    }
}

fn stored(index: i32, stored: Result<i64, Failure>) -> PartitionResponse {
    match stored {
        Ok(base_offset) => PartitionResponse::committed(index, base_offset),
        Err(failure) => PartitionResponse::failed(index, failure),
    }
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
