//! Metadata (3), versions 0-12.
//!
//! Every topic has its partitions led by this one node.
//!
//! 1. The null list (version 0: the empty list) asks for all topics: those produced to, created or asked for by a
//!    producer in this life, and those that the configuration names.
//! 2. A topic by id (from version 10) is found if it is one of those, else error 100.
//! 3. A topic by name: an illegal name gets 17; one that must be created first gets 3; any other legal name exists.
//!    With `allow_auto_topic_creation` it is among all topics from then on, as it is on a broker: there are clients
//!    that ask for it, and then wait until they see it there. It is answered in the same way where it cannot be
//!    remembered because there are too many (`limits.topics`); a Produce will tell.

use std::sync::Arc;

use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataResponse, TopicName};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::MetadataRequest;
use quafka_protocol::requests::metadata::MetadataTopic;
use uuid::Uuid;

use super::Call;
use super::errors::topic_error;
use super::gateway::{Gateway, NODE_ID};
use super::reply::text;
use crate::topics::{Topic, TopicError};

pub(super) fn answer(call: Call<'_>, request: &MetadataRequest<'_>) -> MetadataResponse {
    let topics = match &request.topics {
        None => call.gateway.topics.list().iter().map(|topic| describe(topic)).collect(),
        Some(topics) => {
            topics.iter().map(|topic| find(call, topic, request.allow_auto_topic_creation)).collect()
        }
    };
    let address = call.gateway.address_for(call.connection);
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(NODE_ID))
        .with_host(text(address.host))
        .with_port(i32::from(address.port));
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(text(Gateway::CLUSTER_ID)))
        .with_controller_id(BrokerId(NODE_ID))
        .with_topics(topics)
}

fn find(call: Call<'_>, wanted: &MetadataTopic<'_>, create: bool) -> MetadataResponseTopic {
    let topics = &call.gateway.topics;
    let Some(name) = wanted.name else {
        let found: Option<Arc<Topic>> =
            topics.list().into_iter().find(|topic| topic.id() == &wanted.topic_id);
        return match found {
            Some(topic) => describe(&topic),
            None => MetadataResponseTopic::default()
                .with_error_code(ErrorCode::UnknownTopicId.code())
                .with_topic_id(Uuid::from_bytes(wanted.topic_id)),
        };
    };
    let created = if create { topics.resolve(name) } else { topics.describe(name) };
    let found = match created {
        Err(TopicError::TooMany { .. }) => topics.describe(name),
        found => found,
    };
    match found {
        Ok(topic) => describe(&topic),
        Err(error) => MetadataResponseTopic::default()
            .with_error_code(topic_error(&error).code())
            .with_name(Some(TopicName(text(name)))),
    }
}

fn describe(topic: &Topic) -> MetadataResponseTopic {
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(BrokerId(NODE_ID))
            .with_leader_epoch(0)
            .with_replica_nodes(vec![BrokerId(NODE_ID)])
            .with_isr_nodes(vec![BrokerId(NODE_ID)])
    };
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(topic.name().as_ref()))))
        .with_topic_id(Uuid::from_bytes(*topic.id()))
        .with_partitions((0..topic.partitions().len() as i32).map(partition).collect())
}
