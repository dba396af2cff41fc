//! Tables that the gateway creates as a topic's `create` settings say, in the real QuestDB.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::{CreateTopicsRequest, DescribeConfigsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use quafka::config::{CreateTable, TopicConfig};
use quafka::demo::questdb_server::Options;
use quafka_protocol::ErrorCode;
use serde_json::json;
use support::batches::{Batch, produce};
use support::{Gateway, QuestDbServer, Wire};

const PATIENCE: Duration = Duration::from_secs(20);

/// Sends one batch with these values; the error and its message.
async fn send(wire: &mut Wire, topic: &str, values: &[&str]) -> (i16, String) {
    let records = Batch::of(values.iter().map(|value| (*value).to_owned())).encode();
    let response = wire.call(&produce(topic, 0, records), 9).await;
    let partition = &response.responses[0].partition_responses[0];
    (partition.error_code, partition.error_message.as_ref().map(ToString::to_string).unwrap_or_default())
}

/// What QuestDB says of a table: partitioned by, TTL and its unit, and whether it deduplicates.
async fn shape(questdb: &QuestDbServer, table: &str) -> serde_json::Value {
    let query =
        format!("SELECT partitionBy, ttlValue, ttlUnit, dedup FROM tables() WHERE table_name = '{table}'");
    json!(questdb.sql(&query).await.first())
}

/// A column's type and whether it is a deduplication key.
async fn column(questdb: &QuestDbServer, table: &str, column: &str) -> serde_json::Value {
    let query = format!("SELECT type, upsertKey FROM table_columns('{table}') WHERE \"column\" = '{column}'");
    json!(questdb.sql(&query).await.first())
}

#[tokio::test]
async fn a_table_is_created_before_the_first_write() {
    let questdb = QuestDbServer::start().await;
    let config = r#"
        [topics.created]
        timestamp = { field = "at", unit = "millis" }
        symbols = ["side"]
        create = { partition_by = "hour", ttl = "30 days", dedup_keys = ["timestamp", "id"], columns = { id = "LONG", "no te" = "VARCHAR", owner = "UUID" } }
    "#;
    let gateway = Gateway::start(config, questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let first =
        [r#"{"at":1700000000000,"id":1,"v":1.5}"#, r#"{"at":1700000000000,"id":2,"v":2.5,"side":"buy"}"#];
    assert_eq!(send(&mut wire, "created", &first).await, (0, String::new()));
    // The same again, with another value: deduplicated, and the last one wins.
    assert_eq!(send(&mut wire, "created", &[r#"{"at":1700000000000,"id":1,"v":9.5}"#]).await.0, 0);
    questdb.wait_for_rows("created", 2, PATIENCE).await;
    assert_eq!(shape(questdb, "created").await, json!(["HOUR", 30, "DAY", true]));
    assert_eq!(column(questdb, "created", "timestamp").await, json!(["TIMESTAMP", true]));
    assert_eq!(column(questdb, "created", "id").await, json!(["LONG", true]));
    assert_eq!(column(questdb, "created", "no te").await, json!(["VARCHAR", false]));
    assert_eq!(column(questdb, "created", "owner").await, json!(["UUID", false]));
    assert_eq!(column(questdb, "created", "side").await, json!(["SYMBOL", false]));
    assert_eq!(column(questdb, "created", "v").await, json!(["DOUBLE", false]));
    let values = questdb.sql("SELECT id, v, side FROM created ORDER BY id").await;
    assert_eq!(json!(values), json!([[1, 9.5, null], [2, 2.5, "buy"]]));
}

#[tokio::test]
async fn many_that_come_at_once_find_one_table_with_its_shape() {
    let questdb = QuestDbServer::start().await;
    let config = r#"
        [topics."crowd-*"]
        table = "crowd"
        create = { dedup_keys = ["timestamp", "id"], columns = { id = "LONG" } }
    "#;
    let gateway = Gateway::start(config, questdb).await;
    let senders = (0..40).map(|index| {
        let bootstrap = gateway.bootstrap();
        tokio::spawn(async move {
            let mut wire = Wire::connect(bootstrap).await;
            // Half of them see a table that is not there remembered, half find that out.
            send(&mut wire, &format!("crowd-{}", index % 4), &[&format!(r#"{{"id":{index}}}"#)]).await
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        assert_eq!(sender.await.unwrap(), (0, String::new()));
    }
    questdb.wait_for_rows("crowd", 40, PATIENCE).await;
    assert_eq!(shape(questdb, "crowd").await, json!(["DAY", 0, "HOUR", true]));
    let created = gateway.log().matches("table created").count();
    assert!((1..10).contains(&created), "not each of them creates it, but {created} did");
}

#[tokio::test]
async fn a_table_that_is_there_stays_as_it_is() {
    let questdb = QuestDbServer::start().await;
    questdb.sql("CREATE TABLE there (ts TIMESTAMP, id INT) TIMESTAMP(ts) PARTITION BY MONTH WAL").await;
    let config = "[topics.there]\ncreate = { partition_by = \"hour\", columns = { id = \"LONG\" } }";
    let gateway = Gateway::start(config, questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    assert_eq!(send(&mut wire, "there", &[r#"{"id":1}"#]).await.0, 0);
    questdb.wait_for_rows("there", 1, PATIENCE).await;
    assert_eq!(shape(questdb, "there").await, json!(["MONTH", 0, "HOUR", false]));
    assert_eq!(column(questdb, "there", "id").await, json!(["INT", false]));
}

/// What the gateway takes, QuestDB takes, and the reverse: else a mistake would show with the first write only, or what
/// is right would be refused.
#[tokio::test]
async fn partitions_and_times_to_live_fit_together_as_questdb_sees_it() {
    let questdb = QuestDbServer::start().await;
    for partition_by in ["HOUR", "DAY", "WEEK", "MONTH", "YEAR"] {
        for ttl in [
            "1 HOUR",
            "24 HOURS",
            "168 HOURS",
            "1 DAY",
            "7 DAYS",
            "8 DAYS",
            "1 WEEK",
            "1 MONTH",
            "12 MONTHS",
            "1 YEAR",
            "100000 HOURS",
            "100000 YEARS",
        ] {
            let create = CreateTable {
                partition_by: partition_by.parse().ok(),
                ttl: ttl.parse().ok(),
                ..CreateTable::default()
            };
            let ours = create.check(&TopicConfig::default());
            let statement = format!(
                "CREATE TABLE IF NOT EXISTS \"ttl {partition_by} {ttl}\" (ts TIMESTAMP) TIMESTAMP(ts) \
                 PARTITION BY {partition_by} TTL {ttl} WAL"
            );
            let theirs = questdb.try_sql(&statement).await;
            assert_eq!(ours.is_ok(), theirs.is_ok(), "{statement}: {ours:?} {theirs:?}");
        }
    }
}

#[tokio::test]
async fn every_column_type_can_be_created() {
    let questdb = QuestDbServer::start().await;
    let types = [
        "BOOLEAN",
        "BYTE",
        "SHORT",
        "CHAR",
        "INT",
        "LONG",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMP_NS",
        "FLOAT",
        "DOUBLE",
        "STRING",
        "VARCHAR",
        "SYMBOL",
        "LONG256",
        "UUID",
        "IPV4",
        "BINARY",
        "DOUBLE[]",
        "DOUBLE[][]",
        "DOUBLE[][][]",
        "GEOHASH(1b)",
        "GEOHASH(12c)",
        "DECIMAL(76,76)",
        "DECIMAL(5)",
    ];
    let columns = types.iter().enumerate().map(|(index, kind)| format!("c{index} = \"{kind}\""));
    let columns = columns.collect::<Vec<_>>().join("\n");
    let gateway = Gateway::start(&format!("[topics.alltypes.create.columns]\n{columns}"), questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    assert_eq!(send(&mut wire, "alltypes", &[r#"{"c4":1}"#]).await, (0, String::new()));
    for (index, kind) in types.iter().enumerate() {
        let created = column(questdb, "alltypes", &format!("c{index}")).await;
        let expected = if *kind == "DECIMAL(5)" { "DECIMAL(5,0)" } else { kind };
        assert_eq!(created[0].as_str().unwrap().to_uppercase(), expected.to_uppercase());
    }
}

/// Creates a topic with these configs; the error and its message.
async fn create(wire: &mut Wire, topic: &str, configs: &[(&str, &str)]) -> (i16, String) {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let config = |(name, value): &(&str, &str)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    let topic = CreatableTopic::default()
        .with_name(TopicName(text(topic)))
        .with_num_partitions(2)
        .with_replication_factor(-1)
        .with_configs(configs.iter().map(config).collect());
    let response = wire.call(&CreateTopicsRequest::default().with_topics(vec![topic]), 7).await;
    let topic = &response.topics[0];
    (topic.error_code, topic.error_message.as_ref().map(ToString::to_string).unwrap_or_default())
}

#[tokio::test]
async fn a_topic_is_created_with_its_tables_shape() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("[topics.\"*\"]\nauto_create = false", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let (error, message) = create(&mut wire, "wired", &[("quafka.ttl", "36 hours")]).await;
    assert_eq!(error, ErrorCode::InvalidConfig.code());
    assert!(
        message.starts_with("quafka.ttl=36 hours: 36 HOURS is not a whole number of partitions"),
        "{message}"
    );
    let configs = [
        ("retention.ms", "604800000"),
        ("quafka.table", "wired_${topic}"),
        ("quafka.partition.by", "hour"),
        ("quafka.ttl", "36 hours"),
        ("quafka.dedup.keys", "timestamp,id"),
        ("quafka.columns", "id LONG"),
        ("quafka.symbols", "side"),
    ];
    assert_eq!(create(&mut wire, "wired", &configs).await, (0, String::new()));

    // What was given is told, and that it was.
    let resource = DescribeConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(StrBytes::from_static_str("wired"))
        .with_configuration_keys(None);
    let described = wire.call(&DescribeConfigsRequest::default().with_resources(vec![resource]), 4).await;
    let given: Vec<_> = described.results[0]
        .configs
        .iter()
        .filter(|config| config.config_source == 1)
        .map(|config| (config.name.to_string(), config.value.as_ref().unwrap().to_string()))
        .collect();
    let expected = [
        ("quafka.table", "wired_wired"),
        ("quafka.symbols", "side"),
        ("quafka.partition.by", "HOUR"),
        ("quafka.ttl", "36 HOURS"),
        ("quafka.dedup.keys", "timestamp,id"),
        ("quafka.columns", "id LONG"),
    ];
    assert_eq!(given, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    for value in [1, 2] {
        let row = format!(r#"{{"id":7,"v":{value},"side":"buy"}}"#);
        assert_eq!(send(&mut wire, "wired", &[&row]).await, (0, String::new()));
    }
    questdb.wait_for_rows("wired_wired", 1, PATIENCE).await;
    assert_eq!(shape(questdb, "wired_wired").await, json!(["HOUR", 36, "HOUR", true]));
    assert_eq!(column(questdb, "wired_wired", "side").await, json!(["SYMBOL", false]));
    assert_eq!(json!(questdb.sql("SELECT v FROM wired_wired").await), json!([[2]]));
}

/// A QuestDB that creates no tables: the producer hears its words and the statement, and nothing is retried.
#[tokio::test]
async fn a_table_that_questdb_refuses_is_told_so() {
    let settings = vec![("QDB_HTTP_SECURITY_READONLY".to_owned(), "true".to_owned())];
    let questdb = QuestDbServer::start_own_with(Options { settings, ..Options::default() }).await;
    let gateway = Gateway::start("[topics.refused]\ncreate = { columns = { x = \"INT\" } }", &questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let (error, message) = send(&mut wire, "refused", &[r#"{"x":1}"#]).await;
    assert_eq!(error, ErrorCode::InvalidConfig.code(), "{message}");
    for part in ["table `refused`", "permission denied", "in: CREATE TABLE IF NOT EXISTS \"refused\""] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}
