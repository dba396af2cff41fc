//! DeleteTopics (20), versions 0-6.
//!
//! Forgets a topic: its settings, its producers' state, its place in the list. Its table stays as it is; a table is
//! dropped in QuestDB, by somebody who means it.
//!
//! 1. A topic by id (from version 6) that is not known gets 100.
//! 2. A topic by name that is not known gets 3.

use bytes::BufMut;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsResponse, TopicName};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::DeleteTopicsRequest;
use quafka_protocol::requests::delete_topics::DeleteTopic;
use uuid::Uuid;

use super::by_hand::PutKafka;
use super::errors::topic_error;
use super::reply::text;
use super::{Call, Refusal, Reply};

pub(super) fn handle(call: Call<'_>, request: &DeleteTopicsRequest<'_>) -> Result<Reply, Refusal> {
    let response = answer(call, request);
    if call.version >= 1 {
        return call.reply(&response);
    }
    Ok(call.encode_by_hand(|body| {
        body.put_array(&response.responses, |body, topic| {
            body.put_string(topic.name.as_deref().map_or("", |name| name));
            body.put_i16(topic.error_code);
        });
    }))
}

fn answer(call: Call<'_>, request: &DeleteTopicsRequest<'_>) -> DeleteTopicsResponse {
    DeleteTopicsResponse::default()
        .with_responses(request.topics.iter().map(|topic| delete(call, topic)).collect())
}

fn delete(call: Call<'_>, wanted: &DeleteTopic<'_>) -> DeletableTopicResult {
    let topics = &call.gateway.topics;
    let result = DeletableTopicResult::default().with_topic_id(Uuid::from_bytes(wanted.topic_id));
    let name = match wanted.name {
        Some(name) => name.to_owned(),
        None => match topics.list().into_iter().find(|topic| topic.id() == &wanted.topic_id) {
            Some(topic) => topic.name().to_string(),
            None => return result.with_name(None).with_error_code(ErrorCode::UnknownTopicId.code()),
        },
    };
    let result = result.with_name(Some(TopicName(text(name.as_str()))));
    match topics.forget(&name) {
        Ok(()) => {
            tracing::info!(peer = %call.connection.peer, topic = name, "topic forgotten; its table stays");
            result
        }
        Err(error) => result
            .with_error_code(topic_error(&error).code())
            .with_error_message(Some(text(error.to_string()))),
    }
}
