//! AlterConfigs (33), versions 0-2, and IncrementalAlterConfigs (44), versions 0-1.
//!
//! What is changed over the wire is how a topic's table is made, while it is not there: the `quafka.` configs of
//! CreateTopics, by IncrementalAlterConfigs. It is the way for tools that check the configs' names when they create a
//! topic. Everything else gets 40, with where it is changed: a tool hears that, instead of believing that it has set a
//! retention.
//!
//! 1. Anything but setting (operation 0) `quafka.` configs of a topic (resource type 2) gets 40.
//! 2. A topic that is not to be had gets the code that Metadata gives it.
//! 3. A config or value that is wrong gets 40, as in CreateTopics.
//! 4. A table that is there already: 40. Where QuestDB does not say whether it is: 19.

use std::sync::Arc;

use kafka_protocol::messages::{AlterConfigsResponse, IncrementalAlterConfigsResponse};
use kafka_protocol::messages::{alter_configs_response, incremental_alter_configs_response};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::alter_configs::{AlteredConfig, AlteredResource};
use quafka_protocol::requests::{AlterConfigsRequest, IncrementalAlterConfigsRequest};

use super::Call;
use super::errors::topic_error;
use super::reply::text;
use crate::config::TOPIC_CONFIG_PREFIX;
use crate::topics::TopicError;

const TOPIC: i8 = 2;
const SET: i8 = 0;

pub(super) fn answer(request: &AlterConfigsRequest<'_>) -> AlterConfigsResponse {
    let responses = request.resources.iter().map(|resource| {
        alter_configs_response::AlterConfigsResourceResponse::default()
            .with_error_code(ErrorCode::InvalidConfig.code())
            .with_error_message(Some(text(reason(resource))))
            .with_resource_type(resource.resource_type)
            .with_resource_name(text(resource.resource_name))
    });
    AlterConfigsResponse::default().with_responses(responses.collect())
}

pub(super) async fn incremental(
    call: Call<'_>,
    request: &IncrementalAlterConfigsRequest<'_>,
) -> IncrementalAlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in &request.resources {
        let response = incremental_alter_configs_response::AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(text(resource.resource_name));
        responses.push(match alter(call, resource, request.validate_only).await {
            Ok(()) => response.with_error_message(None),
            Err((error, message)) => {
                response.with_error_code(error.code()).with_error_message(Some(text(message)))
            }
        });
    }
    IncrementalAlterConfigsResponse::default().with_responses(responses)
}

async fn alter(
    call: Call<'_>,
    resource: &AlteredResource<'_>,
    validate_only: bool,
) -> Result<(), (ErrorCode, String)> {
    let ours = |config: &AlteredConfig<'_>| {
        config.operation == SET && config.name.starts_with(TOPIC_CONFIG_PREFIX) && config.value.is_some()
    };
    let invalid = |message| Err((ErrorCode::InvalidConfig, message));
    if resource.resource_type != TOPIC || resource.configs.is_empty() || !resource.configs.iter().all(ours) {
        return invalid(reason(resource));
    }
    let refused = |error: TopicError| (topic_error(&error), error.to_string());
    let (topics, name) = (&call.gateway.topics, resource.resource_name);
    let topic = topics.describe(name).map_err(refused)?;
    let configs = resource.configs.iter().filter_map(|config| Some((config.name, config.value?)));
    let config = match topic.config().with_configs(configs) {
        Ok(config) => Arc::new(config),
        Err(reason) => return invalid(reason),
    };
    let reconfigured = topics.reconfigure(name, config.clone(), true).map_err(refused)?;
    // Where the table depends on the record, those that are there stay as they are.
    if let Some(table) = reconfigured.pipeline().table() {
        let schema = call.gateway.schemas.table(table).await;
        let schema = schema.map_err(|error| (ErrorCode::NotEnoughReplicas, error.to_string()))?;
        if !schema.columns.is_empty() {
            return invalid(format!(
                "table `{table}` is there already, so these configs would change nothing: change it in QuestDB with \
                 ALTER TABLE, and what the topic's records become in the configuration file, [topics.\"{name}\"]"
            ));
        }
    }
    if !validate_only {
        topics.reconfigure(name, config, false).map_err(refused)?;
        tracing::info!(peer = %call.connection.peer, topic = name, "the table's settings are changed");
    }
    Ok(())
}

fn reason(resource: &AlteredResource<'_>) -> String {
    let names = resource.configs.iter().map(|config| config.name).take(5).collect::<Vec<_>>().join(", ");
    let name = resource.resource_name;
    if resource.resource_type == TOPIC {
        format!(
            "cannot change {names} of topic {name}: a quafka gateway's topics are set in its configuration file, \
             [topics.\"{name}\"], or with the configs of CreateTopics; how long rows are kept is the table's TTL, \
             ALTER TABLE ... SET TTL in QuestDB"
        )
    } else {
        format!("cannot change {names}: a quafka gateway's settings are changed in its configuration file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_the_config_and_the_place() {
        let config = AlteredConfig { name: "retention.ms", operation: 0, value: Some("1") };
        let resource = |resource_type| AlteredResource {
            resource_type,
            resource_name: "t",
            configs: vec![config.clone()],
        };
        let topic = reason(&resource(TOPIC));
        assert!(
            topic.starts_with("cannot change retention.ms of topic t") && topic.contains("[topics.\"t\"]")
        );
        assert!(reason(&resource(4)).ends_with("configuration file"));
    }
}
