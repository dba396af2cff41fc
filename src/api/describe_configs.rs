//! DescribeConfigs (32), versions 0-4.
//!
//! 1. A topic (resource type 2) that is not to be had gets the code that Metadata gives it.
//! 2. A broker (4) must be this node, or empty for the cluster's defaults; another gets 42.
//! 3. Other resource types get 42.
//! 4. Only the keys asked for are told; the null list asks for all.
//!
//! What is told is what holds: Kafka's own names where a setting of the gateway means the same, and `quafka.` names
//! for what only a gateway has. All are read-only: they are changed in the configuration file, or given when the topic
//! is created.

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

/// `DescribeConfigsResponse.ConfigSource`, as it goes over the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Given when the topic was created.
    Topic = 1,
    /// The gateway's configuration.
    Broker = 4,
    /// Cannot be anything else here.
    Default = 5,
}

struct Setting {
    name: &'static str,
    value: String,
    kind: Type,
    source: Source,
}

impl Setting {
    fn new(name: &'static str, value: impl ToString, kind: Type, source: Source) -> Self {
        Self { name, value: value.to_string(), kind, source }
    }
}

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
                // Whether it is a default, of which later versions made the config source.
                body.put_bool(config.config_source == Source::Default as i8);
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
    let mut settings = vec![
        // A table keeps rows until QuestDB's TTL or a DROP PARTITION takes them.
        Setting::new("cleanup.policy", "delete", Type::List, Source::Default),
        Setting::new("retention.ms", -1, Type::Long, Source::Default),
        Setting::new("retention.bytes", -1, Type::Long, Source::Default),
        Setting::new("compression.type", "producer", Type::String, Source::Default),
        Setting::new("message.timestamp.type", "CreateTime", Type::String, Source::Default),
        Setting::new("min.insync.replicas", 1, Type::Int, Source::Default),
        Setting::new("max.message.bytes", call.gateway.config.limits.batch_bytes, Type::Int, Source::Broker),
    ];
    let configured = call.gateway.topics.configured(name);
    let from_file = configured.configs();
    let source = |as_in_file: bool| if as_in_file { Source::Broker } else { Source::Topic };
    let table = topic.config().table.as_ref().map_or_else(|| name.to_owned(), ToString::to_string);
    let table_source = source(topic.config().table == configured.table);
    settings.push(Setting::new("quafka.table", table, Type::String, table_source));
    settings.extend(topic.config().configs().into_iter().map(|config| {
        let source = source(from_file.contains(&config));
        let kind = match config.0 {
            "quafka.include.key" => Type::Boolean,
            "quafka.partition.by" | "quafka.ttl" => Type::String,
            _ => Type::List,
        };
        Setting::new(config.0, config.1, kind, source)
    }));
    Ok(settings)
}

fn broker(call: Call<'_>) -> Vec<Setting> {
    let config = &call.gateway.config;
    let defaults = config.topics.of("");
    let plaintext = |address: &dyn std::fmt::Display| format!("PLAINTEXT://{address}");
    let advertised = call.gateway.address_for(call.connection);
    let setting =
        |name, value: &dyn ToString, kind| Setting::new(name, value.to_string(), kind, Source::Broker);
    vec![
        setting("broker.id", &NODE_ID, Type::Int),
        setting("listeners", &plaintext(&call.gateway.listening), Type::String),
        setting("advertised.listeners", &plaintext(&advertised), Type::String),
        setting("auto.create.topics.enable", &defaults.auto_create, Type::Boolean),
        setting("num.partitions", &defaults.partitions, Type::Int),
        setting("message.max.bytes", &config.limits.batch_bytes, Type::Int),
        setting("socket.request.max.bytes", &config.limits.request_bytes, Type::Int),
        Setting::new("default.replication.factor", 1, Type::Int, Source::Default),
        Setting::new("delete.topic.enable", true, Type::Boolean, Source::Default),
    ]
}

fn render(settings: Vec<Setting>, resource: &ConfigResource<'_>) -> Vec<DescribeConfigsResourceResult> {
    let wanted = |name: &str| resource.configuration_keys.as_ref().is_none_or(|keys| keys.contains(&name));
    settings
        .into_iter()
        .filter(|setting| wanted(setting.name))
        .map(|setting| {
            DescribeConfigsResourceResult::default()
                .with_name(text(setting.name))
                .with_value(Some(text(setting.value)))
                .with_read_only(true)
                .with_config_source(setting.source as i8)
                .with_config_type(setting.kind as i8)
        })
        .collect()
}
