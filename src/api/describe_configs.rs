//! DescribeConfigs (32), versions 0-4.
//!
//! 1. A topic (resource type 2) that is not to be had gets the code that Metadata gives it.
//! 2. A broker (4) must be this node, or empty for the cluster's defaults; another gets 42.
//! 3. Other resource types get 42.
//! 4. Only the keys asked for are told; the null list asks for all.
//!
//! What is told is what holds: Kafka's own names where a setting of the gateway means the same, and `quafka.` names
//! for what only a gateway has. All are read-only: they are changed in the configuration file.

use bytes::BufMut;
use kafka_protocol::messages::DescribeConfigsResponse;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::DescribeConfigsRequest;
use quafka_protocol::requests::describe_configs::ConfigResource;

use super::by_hand::PutKafka;
use super::errors::topic_error;
use super::gateway::NODE_ID;
use super::reply::text;
use super::{Call, Refusal, Reply};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// `org.apache.kafka.common.config.ConfigDef.Type`, as it goes over the wire.
#[derive(Clone, Copy)]
enum Type {
    Boolean = 1,
    String = 2,
    Int = 3,
    Long = 5,
    List = 7,
}

type Setting = (&'static str, String, Type);

pub(super) fn handle(call: Call<'_>, request: &DescribeConfigsRequest<'_>) -> Result<Reply, Refusal> {
    let response = answer(call, request);
    if call.version >= 1 {
        return call.reply(&response);
    }
    Ok(call.encode_by_hand(|body| {
        body.put_i32(response.throttle_time_ms);
        body.put_array(&response.results, |body, resource| {
            body.put_i16(resource.error_code);
            body.put_nullable_string(resource.error_message.as_deref());
            body.put_i8(resource.resource_type);
            body.put_string(&resource.resource_name);
            body.put_array(&resource.configs, |body, config| {
                body.put_string(&config.name);
                body.put_nullable_string(config.value.as_deref());
                body.put_bool(config.read_only);
                // Not a default: in later versions this is the config source.
                body.put_bool(false);
                body.put_bool(config.is_sensitive);
            });
        });
    }))
}

fn answer(call: Call<'_>, request: &DescribeConfigsRequest<'_>) -> DescribeConfigsResponse {
    let results = request.resources.iter().map(|resource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(text(resource.resource_name));
        match settings(call, resource) {
            Ok(settings) => result.with_error_message(None).with_configs(render(settings, resource)),
            Err((error, message)) => {
                result.with_error_code(error.code()).with_error_message(Some(text(message)))
            }
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn settings(call: Call<'_>, resource: &ConfigResource<'_>) -> Result<Vec<Setting>, (ErrorCode, String)> {
    match resource.resource_type {
        TOPIC => topic(call, resource.resource_name),
        BROKER if resource.resource_name.is_empty() || resource.resource_name == NODE_ID.to_string() => {
            Ok(broker(call))
        }
        BROKER => {
            let message = format!("there is no broker {}, only broker {NODE_ID}", resource.resource_name);
            Err((ErrorCode::InvalidRequest, message))
        }
        other => Err((ErrorCode::InvalidRequest, format!("resource type {other} has no configs here"))),
    }
}

fn topic(call: Call<'_>, name: &str) -> Result<Vec<Setting>, (ErrorCode, String)> {
    let topic =
        call.gateway.topics.describe(name).map_err(|error| (topic_error(&error), error.to_string()))?;
    let config = topic.config();
    Ok(vec![
        // A table keeps rows until QuestDB's TTL or a DROP PARTITION takes them.
        ("cleanup.policy", "delete".to_owned(), Type::List),
        ("retention.ms", "-1".to_owned(), Type::Long),
        ("retention.bytes", "-1".to_owned(), Type::Long),
        ("compression.type", "producer".to_owned(), Type::String),
        ("message.timestamp.type", "CreateTime".to_owned(), Type::String),
        ("min.insync.replicas", "1".to_owned(), Type::Int),
        ("max.message.bytes", call.gateway.config.limits.batch_bytes.to_string(), Type::Int),
        (
            "quafka.table",
            config.table.as_ref().map_or_else(|| name.to_owned(), ToString::to_string),
            Type::String,
        ),
        ("quafka.symbols", config.symbols.join(","), Type::List),
        ("quafka.doubles", config.doubles.join(","), Type::List),
        ("quafka.include.key", config.include_key.to_string(), Type::Boolean),
    ])
}

fn broker(call: Call<'_>) -> Vec<Setting> {
    let config = &call.gateway.config;
    let defaults = config.topics.of("");
    vec![
        ("broker.id", NODE_ID.to_string(), Type::Int),
        ("listeners", format!("PLAINTEXT://{}", call.gateway.listening), Type::String),
        (
            "advertised.listeners",
            format!("PLAINTEXT://{}", call.gateway.address_for(call.connection)),
            Type::String,
        ),
        ("auto.create.topics.enable", defaults.auto_create.to_string(), Type::Boolean),
        ("num.partitions", defaults.partitions.to_string(), Type::Int),
        ("default.replication.factor", "1".to_owned(), Type::Int),
        ("message.max.bytes", config.limits.batch_bytes.to_string(), Type::Int),
        ("socket.request.max.bytes", config.limits.request_bytes.to_string(), Type::Int),
    ]
}

fn render(settings: Vec<Setting>, resource: &ConfigResource<'_>) -> Vec<DescribeConfigsResourceResult> {
    /// `DescribeConfigsResponse.ConfigSource.STATIC_BROKER_CONFIG`
    const STATIC: i8 = 4;
    let wanted = |name: &str| resource.configuration_keys.as_ref().is_none_or(|keys| keys.contains(&name));
    settings
        .into_iter()
        .filter(|(name, _, _)| wanted(name))
        .map(|(name, value, kind)| {
            DescribeConfigsResourceResult::default()
                .with_name(text(name))
                .with_value(Some(text(value)))
                .with_read_only(true)
                .with_config_source(STATIC)
                .with_config_type(kind as i8)
        })
        .collect()
}
