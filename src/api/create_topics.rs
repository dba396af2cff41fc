//! CreateTopics (19), versions 0-7.
//!
//! A topic need not be created to be produced to, unless `auto_create` is off for its name. Creating one fixes its
//! number of partitions and puts it on the list.
//!
//! 1. A topic named twice in the request gets 42.
//! 2. An illegal name gets 17, one that exists 36.
//! 3. Partitions: -1 is the configured number; below 1 or above 10,000 gets 37; manual assignments must be 0..n-1.
//! 4. Replication factor -1 or 1; more gets 38, as there is one node.
//! 5. Configs of Kafka's are taken and mean nothing here. `quafka.` ones are the topic's settings
//!    ([`crate::config`]); an unknown one, and a value that is not allowed, gets 40.
//!
//! Settings hold until the topic is deleted or the gateway ends; what they made of the table stays.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BufMut;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::{CreateTopicsResponse, TopicName};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::CreateTopicsRequest;
use quafka_protocol::requests::create_topics::CreatableTopic;
use uuid::Uuid;

use super::by_hand::PutKafka;
use super::errors::topic_error;
use super::reply::text;
use super::{Call, Refusal, Reply};
use crate::config::TOPIC_CONFIG_PREFIX;

pub(super) const MAX_PARTITIONS: i32 = 10_000;

pub(super) fn handle(call: Call<'_>, request: &CreateTopicsRequest<'_>) -> Result<Reply, Refusal> {
    let response = answer(call, request);
    if call.version >= 2 {
        return call.reply(&response);
    }
    Ok(call.encode_by_hand(|body| {
        body.put_array(&response.topics, |body, topic| {
            body.put_string(&topic.name);
            body.put_i16(topic.error_code);
            if call.version >= 1 {
                body.put_nullable_string(topic.error_message.as_deref());
            }
        });
    }))
}

fn answer(call: Call<'_>, request: &CreateTopicsRequest<'_>) -> CreateTopicsResponse {
    let mut named: HashMap<&str, usize> = HashMap::new();
    for topic in &request.topics {
        *named.entry(topic.name).or_default() += 1;
    }
    let create = |wanted: &CreatableTopic<'_>| {
        let result = if named.get(wanted.name).is_some_and(|times| *times > 1) {
            Err((ErrorCode::InvalidRequest, "the request names this topic twice".to_owned()))
        } else {
            create(call, wanted, request.validate_only)
        };
        result.unwrap_or_else(|(error, message)| {
            CreatableTopicResult::default()
                .with_name(TopicName(text(wanted.name)))
                .with_error_code(error.code())
                .with_error_message(Some(text(message)))
                .with_num_partitions(-1)
                .with_replication_factor(-1)
                .with_configs(None)
        })
    };
    CreateTopicsResponse::default().with_topics(request.topics.iter().map(create).collect())
}

fn create(
    call: Call<'_>,
    wanted: &CreatableTopic<'_>,
    validate_only: bool,
) -> Result<CreatableTopicResult, (ErrorCode, String)> {
    let partitions = partitions(wanted)?;
    if !matches!(wanted.replication_factor, -1 | 1) {
        let message = format!(
            "replication factor {}: this gateway is one node, so only 1 (or -1) is possible",
            wanted.replication_factor
        );
        return Err((ErrorCode::InvalidReplicationFactor, message));
    }
    let topics = &call.gateway.topics;
    // No value stands for the default.
    let configs = wanted.configs.iter().filter_map(|config| Some((config.name, config.value?)));
    let configs = configs.filter(|(name, _)| name.starts_with(TOPIC_CONFIG_PREFIX));
    let config = topics.configured(wanted.name).with_configs(configs);
    let config = Arc::new(config.map_err(|reason| (ErrorCode::InvalidConfig, reason))?);
    let topic = if validate_only {
        topics.check(wanted.name, partitions, config)
    } else {
        topics.create(wanted.name, partitions, config)
    };
    let topic = topic.map_err(|error| (topic_error(&error), error.to_string()))?;
    Ok(CreatableTopicResult::default()
        .with_name(TopicName(text(wanted.name)))
        .with_topic_id(Uuid::from_bytes(*topic.id()))
        .with_num_partitions(topic.partitions().len() as i32)
        .with_replication_factor(1)
        .with_error_message(None)
        .with_configs(Some(Vec::new())))
}

fn partitions(wanted: &CreatableTopic<'_>) -> Result<Option<i32>, (ErrorCode, String)> {
    let invalid = |message: &str| Err((ErrorCode::InvalidPartitions, message.to_owned()));
    if !wanted.assignments.is_empty() {
        let mut indexes: Vec<i32> = wanted.assignments.iter().map(|one| one.partition_index).collect();
        indexes.sort_unstable();
        if !indexes.iter().copied().eq(0..indexes.len() as i32) {
            return invalid("the assigned partitions must be 0, 1, 2 and so on");
        }
        if indexes.len() > MAX_PARTITIONS as usize {
            return invalid("a topic has at most 10000 partitions");
        }
        return Ok(Some(indexes.len() as i32));
    }
    match wanted.num_partitions {
        -1 => Ok(None),
        1..=MAX_PARTITIONS => Ok(Some(wanted.num_partitions)),
        _ => invalid("the number of partitions must be from 1 to 10000, or -1 for the configured one"),
    }
}
