//! CreatePartitions (37), versions 0-3.
//!
//! Partitions are virtual, so there can be more of them at once. Those that are there go on, with their offsets and
//! their producers. The number holds until the topic is deleted or the gateway ends.
//!
//! 1. A topic named twice in the request gets 42.
//! 2. A topic that is not to be had gets the code that Metadata gives it.
//! 3. A count that is not above what the topic has, or above 10,000, gets 37.
//! 4. Manual assignments: as many as new partitions, else 39. Which brokers they name does not matter.

use std::collections::HashMap;

use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsResponse, TopicName};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::CreatePartitionsRequest;
use quafka_protocol::requests::create_partitions::GrowingTopic;

use super::Call;
use super::create_topics::MAX_PARTITIONS;
use super::errors::topic_error;
use super::reply::text;

pub(super) fn answer(call: Call<'_>, request: &CreatePartitionsRequest<'_>) -> CreatePartitionsResponse {
    let mut named: HashMap<&str, usize> = HashMap::new();
    for topic in &request.topics {
        *named.entry(topic.name).or_default() += 1;
    }
    let grow = |wanted: &GrowingTopic<'_>| {
        let result = CreatePartitionsTopicResult::default().with_name(TopicName(text(wanted.name)));
        let grown = if named.get(wanted.name).is_some_and(|times| *times > 1) {
            Err((ErrorCode::InvalidRequest, "the request names this topic twice".to_owned()))
        } else {
            grow(call, wanted, request.validate_only)
        };
        match grown {
            Ok(()) => result.with_error_message(None),
            Err((error, message)) => {
                result.with_error_code(error.code()).with_error_message(Some(text(message)))
            }
        }
    };
    CreatePartitionsResponse::default().with_results(request.topics.iter().map(grow).collect())
}

fn grow(call: Call<'_>, wanted: &GrowingTopic<'_>, validate_only: bool) -> Result<(), (ErrorCode, String)> {
    let topics = &call.gateway.topics;
    let topic = topics.describe(wanted.name).map_err(|error| (topic_error(&error), error.to_string()))?;
    let has = topic.partitions().len();
    let count = usize::try_from(wanted.count).unwrap_or_default();
    if count <= has || wanted.count > MAX_PARTITIONS {
        let message = format!("the topic has {has} partitions; it can be given more, up to {MAX_PARTITIONS}");
        return Err((ErrorCode::InvalidPartitions, message));
    }
    if let Some(assignments) = &wanted.assignments
        && assignments.len() != count - has
    {
        let message = format!("{} assignments for {} new partitions", assignments.len(), count - has);
        return Err((ErrorCode::InvalidReplicaAssignment, message));
    }
    if !validate_only {
        topics.grow(wanted.name, count).map_err(|error| (topic_error(&error), error.to_string()))?;
        tracing::info!(peer = %call.connection.peer, topic = wanted.name, had = has, has = count, "partitions added");
    }
    Ok(())
}
