//! AlterConfigs (33), versions 0-2, and IncrementalAlterConfigs (44), versions 0-1.
//!
//! Nothing can be changed over the wire: every resource gets 40, with where its settings are changed. A tool hears
//! that, instead of believing that it has set a retention.

use kafka_protocol::messages::{AlterConfigsResponse, IncrementalAlterConfigsResponse};
use kafka_protocol::messages::{alter_configs_response, incremental_alter_configs_response};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::alter_configs::AlteredResource;
use quafka_protocol::requests::{AlterConfigsRequest, IncrementalAlterConfigsRequest};

use super::reply::text;

const TOPIC: i8 = 2;

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

pub(super) fn incremental(request: &IncrementalAlterConfigsRequest<'_>) -> IncrementalAlterConfigsResponse {
    let responses = request.resources.iter().map(|resource| {
        incremental_alter_configs_response::AlterConfigsResourceResponse::default()
            .with_error_code(ErrorCode::InvalidConfig.code())
            .with_error_message(Some(text(reason(resource))))
            .with_resource_type(resource.resource_type)
            .with_resource_name(text(resource.resource_name))
    });
    IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
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
    use quafka_protocol::requests::alter_configs::AlteredConfig;

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
