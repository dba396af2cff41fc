//! Fetch (1), versions 4-12.
//!
//! Nothing can be read here, but a consumer that comes all the same must idle rather than break: every partition is
//! empty, and the answer takes as long as the client is willing to wait. Clients also judge by the versions of this
//! API which message formats a broker knows, so it must be advertised.
//!
//! 1. No fetch sessions (KIP-227): session id 0 says so, and the client sends whole requests.
//! 2. A topic that is not to be had gets the code that Metadata gives it; an unknown partition 3.
//! 3. Whatever the offset, there is nothing at it, and the high watermark is that offset: a consumer believes itself at
//!    the end and waits, instead of starting over whenever a producer moves the real end.

use std::time::Duration;

use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{BrokerId, FetchResponse, TopicName};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::FetchRequest;
use quafka_protocol::requests::fetch::FetchPartition;

use super::errors::topic_error;
use super::reply::text;
use super::{Answer, Call, Refusal, Reply};
use crate::topics::Topic;

/// Java's consumer asks for 500 ms; nobody needs to hold a request for longer than this.
const MAX_WAIT_MS: i32 = 30_000;
/// A consumer that asks without waiting would ask as fast as it can.
const MIN_WAIT_MS: i32 = 100;

pub(super) fn handle(call: Call<'_>, request: &FetchRequest<'_>) -> Result<Reply, Refusal> {
    let mut failed = false;
    let topics = request.topics.iter().map(|wanted| {
        let topic = call.gateway.topics.describe(wanted.name).map_err(|error| topic_error(&error));
        let partitions = wanted.partitions.iter().map(|partition| {
            let data = match &topic {
                Ok(topic) => nothing_in(topic, partition),
                Err(error) => refused(partition, *error),
            };
            failed |= data.error_code != ErrorCode::None.code();
            data
        });
        FetchableTopicResponse::default()
            .with_topic(TopicName(text(wanted.name)))
            .with_partitions(partitions.collect())
    });
    let response = FetchResponse::default().with_responses(topics.collect());
    let frame = call.encode(&response)?;
    if failed {
        return Ok(Reply::Now(Answer::Send(frame)));
    }
    let wait_ms = request.max_wait_ms.clamp(MIN_WAIT_MS, MAX_WAIT_MS);
    Ok(Reply::Later(Box::pin(async move {
        tokio::time::sleep(Duration::from_millis(wait_ms as u64)).await;
        Answer::Send(frame)
    })))
}

fn nothing_in(topic: &Topic, wanted: &FetchPartition) -> PartitionData {
    if topic.partition(wanted.index).is_none() {
        return refused(wanted, ErrorCode::UnknownTopicOrPartition);
    }
    let end = wanted.fetch_offset;
    empty(wanted).with_high_watermark(end).with_last_stable_offset(end).with_log_start_offset(end)
}

fn refused(wanted: &FetchPartition, error: ErrorCode) -> PartitionData {
    empty(wanted).with_error_code(error.code()).with_high_watermark(-1)
}

fn empty(wanted: &FetchPartition) -> PartitionData {
    PartitionData::default()
        .with_partition_index(wanted.index)
        .with_preferred_read_replica(BrokerId(-1))
        .with_records(Some(bytes::Bytes::new()))
}
