//! What a Redpanda user brings along: rpk's calls, the admin port, dashboards, the HTTP proxy. The real QuestDB is
//! behind.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use quafka::demo::questdb_server::free_port;
use serde_json::{Value, json};
use support::batches::{Batch, produce};
use support::{Gateway, QuestDbServer, Wire, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);
const JSON: &str = "application/vnd.kafka.json.v2+json";
const BINARY: &str = "application/vnd.kafka.binary.v2+json";

/// rpk asks with the highest versions that Redpanda 24.3 has: list, create, produce, describe.
#[tokio::test]
async fn rpk_topic_commands() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let text = StrBytes::from_static_str;
    let name = || TopicName(text("rpk-topic"));
    let named = ApiVersionsRequest::default()
        .with_client_software_name(text("kgo"))
        .with_client_software_version(text("1.18.0"));
    assert_eq!(wire.call(&named, 3).await.error_code, 0);

    // rpk topic create rpk-topic -p 3
    let topic =
        CreatableTopic::default().with_name(name()).with_num_partitions(3).with_replication_factor(-1);
    let created = wire.call(&CreateTopicsRequest::default().with_topics(vec![topic]), 6).await;
    assert_eq!((created.topics[0].error_code, created.topics[0].num_partitions), (0, 3));
    // rpk topic list
    let listed = wire.call(&MetadataRequest::default().with_topics(None), 8).await;
    let topics: Vec<_> = listed.topics.iter().map(|topic| topic.name.as_ref().unwrap().to_string()).collect();
    assert_eq!((topics, listed.topics[0].partitions.len()), (vec!["rpk-topic".to_owned()], 3));
    // rpk topic produce rpk-topic
    let id = wire.call(&InitProducerIdRequest::default().with_transactional_id(None), 3).await;
    assert_eq!(id.error_code, 0);
    for sequence in 0..2 {
        let batch =
            Batch::of([format!(r#"{{"n":{sequence}}}"#)]).from_producer(id.producer_id.0, 0, sequence);
        let response = wire.call(&produce("rpk-topic", 1, batch.encode()), 7).await;
        assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    }
    questdb.wait_for_rows("rpk-topic", 2, PATIENCE).await;
    // rpk topic describe rpk-topic
    let asked = MetadataRequestTopic::default().with_name(Some(name()));
    assert_eq!(
        wire.call(&MetadataRequest::default().with_topics(Some(vec![asked])), 8).await.topics.len(),
        1
    );
    let resource = DescribeConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text("rpk-topic"))
        .with_configuration_keys(None);
    let configs = wire.call(&DescribeConfigsRequest::default().with_resources(vec![resource]), 4).await;
    assert!(configs.results[0].configs.iter().any(|config| config.name.as_str() == "cleanup.policy"));
    let mut offset = async |timestamp| {
        let partition = ListOffsetsPartition::default().with_partition_index(1).with_timestamp(timestamp);
        let topic = ListOffsetsTopic::default().with_name(name()).with_partitions(vec![partition]);
        let response = wire.call(&ListOffsetsRequest::default().with_topics(vec![topic]), 4).await;
        let partition = &response.topics[0].partitions[0];
        assert_eq!(partition.error_code, 0);
        partition.offset
    };
    assert_eq!(offset(-2).await, offset(-1).await, "nothing can be read");
}

#[tokio::test]
async fn the_admin_port_answers_as_redpandas() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("[topics.admin-topic]\npartitions = 3", questdb).await;
    let get = async |path: &str| -> (String, Value) {
        let (status, body) = gateway.admin_get(path).await;
        (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}")))
    };
    let (status, ready) = get("/v1/status/ready").await;
    assert_eq!((status.as_str(), ready), ("HTTP/1.1 200 OK", json!({"status": "ready"})));
    let (_, brokers) = get("/v1/brokers").await;
    let port: u16 = gateway.bootstrap().rsplit(':').next().unwrap().parse().unwrap();
    let broker = &brokers[0];
    assert_eq!(brokers.as_array().unwrap().len(), 1);
    assert_eq!((&broker["node_id"], &broker["membership_status"]), (&json!(1), &json!("active")));
    assert_eq!((&broker["internal_rpc_port"], &broker["is_alive"]), (&json!(port), &json!(true)));
    assert_eq!(get("/v1/brokers/1").await.1, *broker);
    assert!(get("/v1/brokers/2").await.0.contains("404"));
    let (_, health) = get("/v1/cluster/health_overview").await;
    let expected = json!({
        "is_healthy": true, "unhealthy_reasons": [], "controller_id": 1, "all_nodes": [1], "nodes_down": [],
        "nodes_in_recovery_mode": [], "high_disk_usage_nodes": [], "leaderless_partitions": [],
        "leaderless_count": 0, "under_replicated_partitions": [], "under_replicated_count": 0
    });
    assert_eq!(health, expected);
}

#[tokio::test]
async fn the_admin_port_says_what_is_wrong() {
    let gateway = Gateway::start_with_conf("", "http::addr=127.0.0.1:9;").await;
    let (status, body) = gateway.admin_get("/v1/status/ready").await;
    assert_eq!((status.contains("503"), body.as_str()), (true, r#"{"status":"booting"}"#));
    let (_, body) = gateway.admin_get("/v1/cluster/health_overview").await;
    let health: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(health["is_healthy"], false);
    assert!(health["unhealthy_reasons"][0].as_str().unwrap().starts_with("questdb: "), "{health}");
}

#[tokio::test]
async fn dashboards_find_redpandas_metrics() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("[topics.metered]\npartitions = 3", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let records = Batch::of([r#"{"v":1}"#, r#"{"v":2}"#, r#"{"v":3}"#]).encode();
    let response = wire.call(&produce("metered", 2, records.clone()), 9).await;
    let base_offset = response.responses[0].partition_responses[0].base_offset;
    // A refused batch was not produced.
    let refused = wire.call(&produce("metered", 2, Batch::of(["{"]).encode()), 9).await;
    assert_eq!(refused.responses[0].partition_responses[0].error_code, 87);
    let (status, text) = gateway.admin_get("/public_metrics").await;
    assert!(status.contains("200"));
    let topic = "redpanda_namespace=\"kafka\",redpanda_topic=\"metered\"";
    for (name, value) in [
        ("redpanda_cluster_brokers".to_owned(), 1),
        ("redpanda_cluster_topics".to_owned(), 1),
        ("redpanda_cluster_partitions".to_owned(), 3),
        (format!("redpanda_kafka_partitions{{{topic}}}"), 3),
        (format!("redpanda_kafka_replicas{{{topic}}}"), 1),
        (format!("redpanda_kafka_records_produced_total{{{topic}}}"), 3),
        (
            format!("redpanda_kafka_request_bytes_total{{{topic},redpanda_request=\"produce\"}}"),
            records.len() as i64,
        ),
        (format!("redpanda_kafka_max_offset{{{topic},redpanda_partition=\"2\"}}"), base_offset + 3),
        ("redpanda_rpc_active_connections{redpanda_server=\"kafka\"}".to_owned(), 1),
        ("redpanda_kafka_request_latency_seconds_count{redpanda_request=\"produce\"}".to_owned(), 2),
    ] {
        let line = format!("{name} {value}");
        assert!(text.lines().any(|shown| shown == line), "{line} is not in:\n{text}");
    }
    let buckets =
        text.lines().filter(|line| line.starts_with("redpanda_kafka_request_latency_seconds_bucket{"));
    assert!(
        buckets.clone().all(|line| line.contains("redpanda_request=\"produce\"") && line.contains("le=\""))
    );
    assert!(buckets.count() > 10, "{text}");
    // Prometheus' text format: each line is a comment or a sample, each family has its type once and in front.
    let mut typed: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let name = family.split(' ').next().unwrap();
            assert!(!typed.contains(&name), "{name} twice");
            typed.push(name);
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(sample.starts_with(typed.last().unwrap()), "{line} is not of {:?}", typed.last());
        }
    }
}

/// A gateway with the HTTP proxy, and where that is.
async fn with_proxy(config: &str, questdb_conf: &str) -> (Gateway, String) {
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let gateway =
        Gateway::start_with_conf(&format!("pandaproxy = \"{address}\"\n{config}"), questdb_conf).await;
    (gateway, address)
}

/// The status and the body of an answer.
async fn http(address: &str, head: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!("{head}\r\nHost: proxy\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // The answer to what is too large may come before all of it is sent.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(head.to_lowercase().contains("content-type: application/vnd.kafka.v2+json"), "{head}");
    (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}")))
}

async fn post(address: &str, topic: &str, format: &str, body: &str) -> (u16, Value) {
    http(address, &format!("POST /topics/{topic} HTTP/1.1\r\nContent-Type: {format}"), body).await
}

#[tokio::test]
async fn records_come_in_over_http_and_are_committed() {
    let questdb = QuestDbServer::start().await;
    let (gateway, proxy) = with_proxy("[topics.httprows]\npartitions = 4", &questdb.http_conf()).await;
    let body = r#"{"records":[
        {"key":"k","value":{"seq":0,"price":1.5},"partition":1},
        {"value":{"seq":1,"price":2.5},"partition":3},
        {"value":{"seq":2,"price":3.5},"partition":1}]}"#;
    let (status, answer) = post(&proxy, "httprows", JSON, body).await;
    assert_eq!(status, 200, "{answer}");
    let entry = |index: usize| {
        let entry = &answer["offsets"][index];
        (entry["partition"].as_i64().unwrap(), entry["offset"].as_i64().unwrap())
    };
    assert_eq!((entry(0).0, entry(1).0, entry(2)), (1, 3, (1, entry(0).1 + 1)), "{answer}");
    assert_eq!(answer["offsets"].as_array().unwrap().len(), 3);
    // Committed before the answer: visible as soon as QuestDB has applied it. JSON keys and values come as JSON.
    questdb.wait_for_rows("httprows", 3, PATIENCE).await;
    let rows = questdb.sql("SELECT seq, price, key FROM httprows ORDER BY seq").await;
    assert_eq!(json!(rows), json!([[0, 1.5, "\"k\""], [1, 2.5, null], [2, 3.5, null]]));

    // {"seq":3} with key k, and a JSON string with escapes.
    let body = r#"{"records":[{"key":"aw==","value":"eyJzZXEiOjN9"},{"value":"eyJzZXEi\u004fjR9"}]}"#;
    let (status, answer) = post(&proxy, "httprows", BINARY, body).await;
    assert_eq!((status, answer["offsets"].as_array().unwrap().len()), (200, 2), "{answer}");
    questdb.wait_for_rows("httprows", 5, PATIENCE).await;
    let rows = questdb.sql("SELECT seq, key FROM httprows WHERE seq > 2 ORDER BY seq").await;
    assert_eq!(json!(rows), json!([[3, "k"], [4, null]]));

    assert_eq!(http(&proxy, "GET /topics HTTP/1.1", "").await, (200, json!(["httprows"])));
    assert_eq!(http(&proxy, "GET /brokers HTTP/1.1", "").await, (200, json!({"brokers": [1]})));
    until("what was charged is given back", PATIENCE, async || {
        gateway.sample("quafka_memory_used_bytes").await == 0
    })
    .await;
}

#[tokio::test]
async fn a_record_that_cannot_become_a_row_is_told_to_its_sender() {
    let questdb = QuestDbServer::start().await;
    let (_gateway, proxy) = with_proxy("[topics.httpbad]\npartitions = 2", &questdb.http_conf()).await;
    questdb.sql("CREATE TABLE httpbad (ts TIMESTAMP, v LONG) TIMESTAMP(ts) PARTITION BY DAY WAL").await;
    let bad = r#"{"records":[{"value":{"v":1},"partition":0},{"value":{"v":2},"partition":1},{"value":{"v":"x"},"partition":1}]}"#;
    let (status, answer) = post(&proxy, "httpbad", JSON, bad).await;
    // One partition's records are written, the other's are not.
    assert_eq!(status, 200, "{answer}");
    let offsets = &answer["offsets"];
    assert!(
        offsets[0]["offset"].as_i64().unwrap() >= 0 && offsets[0].get("error_code").is_none(),
        "{answer}"
    );
    assert_eq!((&offsets[1]["error_code"], &offsets[1]["offset"]), (&json!(87), &json!(-1)));
    assert!(
        offsets[1]["error"].as_str().unwrap().starts_with("nothing of the batch was written"),
        "{answer}"
    );
    assert!(offsets[2]["error"].as_str().unwrap().contains("column v"), "{answer}");
    questdb.wait_for_rows("httpbad", 1, PATIENCE).await;
    // None is written: the status says so.
    let (status, answer) = post(&proxy, "httpbad", JSON, r#"{"records":[{"value":{"v":"x"}}]}"#).await;
    assert_eq!((status, &answer["error_code"]), (400, &json!(40002)), "{answer}");
    assert_eq!(answer["offsets"][0]["error_code"], 87);
}

#[tokio::test]
async fn requests_that_are_no_good_are_told_why() {
    let config = "[topics.\"closed-*\"]\nauto_create = false\n[limits]\nbatch_bytes = 10_000";
    let questdb = QuestDbServer::start().await;
    let (gateway, proxy) = with_proxy(config, &questdb.http_conf()).await;
    let good = r#"{"records":[{"value":{"v":1}}]}"#;
    let large = format!(r#"{{"records":[{{"value":"{}"}}]}}"#, "x".repeat(80_000));
    let too_large_a_batch = format!(r#"{{"records":[{{"value":"{}"}}]}}"#, "x".repeat(20_000));
    for (topic, format, body, status, code, part) in [
        ("t", "application/json", good, 415, 415, "application/vnd.kafka.binary.v2+json"),
        ("t", JSON, "{", 422, 422, "the body is wrong"),
        ("t", BINARY, good, 422, 422, "record 0: value is not base64"),
        ("t", JSON, r#"{"records":[{"value":1,"partition":8}]}"#, 404, 40402, "no partition 8, only 0 to 7"),
        ("closed-1", JSON, good, 404, 40401, "no such topic"),
        ("not%20legal", JSON, good, 400, 40002, "only ASCII letters"),
        ("t", JSON, &large, 413, 413, "larger than 80000 bytes"),
        // Refused by the one way that there is.
        ("t", JSON, &too_large_a_batch, 400, 40002, "limit"),
    ] {
        let (found, answer) = post(&proxy, topic, format, body).await;
        assert_eq!((found, &answer["error_code"]), (status, &json!(code)), "{topic} {format}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(part), "{part} is not in {answer}");
    }
    for head in
        ["GET /topics/t/partitions/0/records HTTP/1.1", "POST /consumers/g HTTP/1.1", "PUT /topics HTTP/1.1"]
    {
        let (status, answer) = http(&proxy, head, "").await;
        assert_eq!((status, &answer["error_code"]), (404, &json!(404)), "{head}");
        assert!(answer["message"].as_str().unwrap().contains("takes records in"), "{answer}");
    }
    until("what was charged is given back", PATIENCE, async || {
        gateway.sample("quafka_memory_used_bytes").await == 0
    })
    .await;
}

/// QuestDB is away, the gateway ends, a client stalls: none of that keeps anybody waiting for ever.
#[tokio::test]
async fn trouble_is_told_in_time() {
    let config = "[limits]\nstalled_request = \"500ms\"\nconnections_per_address = 3";
    let (mut gateway, proxy) = with_proxy(config, "http::addr=127.0.0.1:9;").await;
    // A body that does not come, and a head that does not.
    let mut stalled = TcpStream::connect(&proxy).await.unwrap();
    let head =
        format!("POST /topics/t HTTP/1.1\r\nHost: p\r\nContent-Type: {JSON}\r\nContent-Length: 9\r\n\r\n{{");
    stalled.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(PATIENCE, stalled.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    let mut silent = TcpStream::connect(&proxy).await.unwrap();
    silent.write_all(b"POST /top").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, silent.read_to_end(&mut rest)).await.unwrap().unwrap();
    drop(stalled);

    // One budget of connections for both protocols.
    let mut kafka = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        wire.call(&MetadataRequest::default().with_topics(None), 9).await;
        kafka.push(wire);
    }
    let mut refused = TcpStream::connect(&proxy).await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, refused.read_to_end(&mut rest)).await.unwrap().ok();
    assert!(rest.is_empty() && gateway.closed_for("turned_away").await == 1);
    drop(kafka);
    until("they are gone", PATIENCE, async || gateway.sample("quafka_connections_open").await == 0).await;

    // A write that waits for QuestDB while the gateway is told to end.
    let write = tokio::spawn({
        let proxy = proxy.clone();
        async move { post(&proxy, "t", JSON, r#"{"records":[{"value":{"v":1}}]}"#).await }
    });
    until("the request is on its way", PATIENCE, async || {
        gateway.sample("quafka_requests_total{api=\"Produce\"}").await == 1
    })
    .await;
    gateway.send_sigterm();
    let (status, answer) = tokio::time::timeout(Duration::from_secs(60), write).await.unwrap().unwrap();
    assert_eq!((status, &answer["error_code"]), (500, &json!(50003)), "{answer}");
    assert!(gateway.wait_for_end(Duration::from_secs(60)).await.success(), "{}", gateway.log());
}
