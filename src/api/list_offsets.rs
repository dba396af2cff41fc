//! ListOffsets (2), versions 1-8.
//!
//! 1. A topic that is not to be had gets the code that Metadata gives it; an unknown partition 3.
//! 2. -1 (latest) is the offset that the next record gets. Everything before it has left for QuestDB, so -2
//!    (earliest), -4 (earliest local) and any time in the past are the same: there is nothing older to read.
//! 3. -3 (largest timestamp) has no answer: offset -1, as Kafka says for an empty partition.

use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ListOffsetsResponse, TopicName};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::ListOffsetsRequest;
use quafka_protocol::requests::list_offsets::ListOffsetsPartition;

use super::Call;
use super::errors::topic_error;
use super::reply::text;
use crate::topics::Topic;

const MAX_TIMESTAMP: i64 = -3;

pub(super) fn answer(call: Call<'_>, request: &ListOffsetsRequest<'_>) -> ListOffsetsResponse {
    let topics = request.topics.iter().map(|wanted| {
        let topic = call.gateway.topics.describe(wanted.name).map_err(|error| topic_error(&error));
        let partitions = wanted.partitions.iter().map(|partition| match &topic {
            Ok(topic) => offset_of(call, topic, partition),
            Err(error) => refused(partition, *error),
        });
        ListOffsetsTopicResponse::default()
            .with_name(TopicName(text(wanted.name)))
            .with_partitions(partitions.collect())
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

fn offset_of(call: Call<'_>, topic: &Topic, wanted: &ListOffsetsPartition) -> ListOffsetsPartitionResponse {
    let Some(partition) = topic.partition(wanted.index) else {
        return refused(wanted, ErrorCode::UnknownTopicOrPartition);
    };
    let offset = if wanted.timestamp_ms == MAX_TIMESTAMP { -1 } else { partition.next_offset() };
    ListOffsetsPartitionResponse::default()
        .with_partition_index(wanted.index)
        .with_timestamp(-1)
        .with_offset(offset)
        // KIP-320; before it there is no such field.
        .with_leader_epoch(if call.version >= 4 { 0 } else { -1 })
}

fn refused(wanted: &ListOffsetsPartition, error: ErrorCode) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse::default()
        .with_partition_index(wanted.index)
        .with_error_code(error.code())
        .with_timestamp(-1)
        .with_offset(-1)
}
