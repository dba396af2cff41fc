//! Records whose schemas are in a registry, against the real QuestDB: what becomes of them while the registry is there,
//! away, slow, refuses or answers nonsense. The registry is a peer of our own, because a real one is never so unwell on
//! demand.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};
use quafka::demo::questdb_server::free_port;
use support::batches::{Batch, produce};
use support::schemas::{Mood, SchemaPeer as Peer};
use support::{Gateway, QuestDbServer, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

const TRADE: &str = r#"{"type":"record","name":"Trade","fields":[{"name":"n","type":"long"}]}"#;

fn config(port: u16, more: &str) -> String {
    format!(
        "[registry]\nurls = [\"http://127.0.0.1:{port}\"]\nrequest_timeout = \"1s\"\n{more}\n[topics.\"*\"]\nformat = \"avro\"\n"
    )
}

/// A value of [`TRADE`] or of any other schema that begins with a long.
fn value(id: u32, n: u8) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), &[n * 2]].concat()
}

async fn send(wire: &mut Wire, topic: &str, batch: Bytes, timeout_ms: i32) -> PartitionProduceResponse {
    let request = produce(topic, 0, batch).with_timeout_ms(timeout_ms);
    let response = wire.call(&request, 9).await;
    response.responses[0].partition_responses[0].clone()
}

fn message(answer: &PartitionProduceResponse) -> String {
    answer.error_message.clone().unwrap_or_default().to_string()
}

#[tokio::test]
async fn a_schema_is_asked_for_once() {
    let questdb = QuestDbServer::start().await;
    let (peer, port) = Peer::start().await;
    peer.register("/schemas/ids/1", TRADE, "");
    let gateway = Gateway::start(&config(port, ""), questdb).await;
    let mut producers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let bootstrap = gateway.bootstrap();
        producers.spawn(async move {
            let mut wire = Wire::connect(bootstrap).await;
            for n in 0..10 {
                let batch = Batch::of([value(1, n), value(1, n)]).encode();
                let answer = send(&mut wire, "once", batch, 30_000).await;
                assert_eq!(answer.error_code, 0, "{}", message(&answer));
            }
        });
    }
    while let Some(done) = producers.join_next().await {
        done.unwrap();
    }
    questdb.wait_for_rows("once", 160, PATIENCE).await;
    assert_eq!(questdb.sql("SELECT sum(n) FROM once").await[0][0], 16 * 45);
    assert_eq!(peer.asked_for("/schemas/ids/1"), 1);
}

/// Known schemas go on; others are neither bad records nor dead letters, and are read as soon as the registry is back.
#[tokio::test]
async fn while_the_registry_is_away_batches_come_again() {
    let questdb = QuestDbServer::start().await;
    let (peer, port) = Peer::start().await;
    peer.register("/schemas/ids/1", TRADE, "");
    let topic = "\n[topics.away]\non_error = \"dlq\"\ndlq = { table = \"away_letters\" }\n";
    let gateway = Gateway::start(&(config(port, "") + topic), questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    assert_eq!(send(&mut wire, "away", Batch::of([value(1, 1)]).encode(), 30_000).await.error_code, 0);
    for (mood, says) in [
        (Mood::Says(503, "no"), "answers 503"),
        (Mood::Says(401, "{}"), "check the credentials"),
        (Mood::Says(403, ""), "check the credentials"),
        (Mood::Says(200, "<html>welcome</html>"), "is no schema"),
        (Mood::Says(200, "{}"), "is no schema"),
        (Mood::Says(404, "<html>nothing here</html>"), "check the path"),
        // By its own limit, or by the batch's where the machine is slow.
        (Mood::Silent, "no answer"),
    ] {
        peer.set(mood.clone());
        let known = send(&mut wire, "away", Batch::of([value(1, 2)]).encode(), 30_000).await;
        assert_eq!(known.error_code, 0, "{mood:?}: {}", message(&known));
        let batch = Batch::of([value(1, 3), value(2, 4)]).encode();
        let answer = send(&mut wire, "away", batch, 3_000).await;
        assert_eq!(answer.error_code, 19, "{mood:?}: {}", message(&answer));
        assert!(
            message(&answer).contains("schema 2 of the batch's records is not known"),
            "{}",
            message(&answer)
        );
        assert!(message(&answer).contains(says), "{mood:?}: {}", message(&answer));
    }
    peer.register("/schemas/ids/2", TRADE, "");
    peer.set(Mood::Well);
    let batch = Batch::of([value(1, 3), value(2, 4)]).encode();
    assert_eq!(send(&mut wire, "away", batch, 30_000).await.error_code, 0);
    questdb.wait_for_rows("away", 10, PATIENCE).await;
    assert_eq!(questdb.count("away_letters").await, 0);
}

/// A registry that comes up while a producer waits is not missed, and the next of several is asked.
#[tokio::test]
async fn a_batch_waits_for_a_registry_that_comes_up() {
    let questdb = QuestDbServer::start().await;
    let peer = Arc::new(Peer::default());
    peer.register("/apis/ccompat/v7/schemas/ids/1", TRADE, "");
    let (nobody, port) = (free_port().unwrap(), free_port().unwrap());
    let config = format!(
        "[registry]\nurls = [\"http://127.0.0.1:{nobody}\", \"http://127.0.0.1:{port}/apis/ccompat/v7/\"]\n\
         [topics.\"*\"]\nformat = \"avro\"\n"
    );
    let gateway = Gateway::start(&config, questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let answer = send(&mut wire, "comes_up", Batch::of([value(1, 1)]).encode(), 1_000).await;
    assert_eq!(answer.error_code, 19);
    assert!(message(&answer).contains("cannot connect to the schema registry"), "{}", message(&answer));
    let request = produce("comes_up", 0, Batch::of([value(1, 1)]).encode());
    let id = wire.send(&request, 9).await;
    peer.serve(port).await;
    let response = wire.receive::<kafka_protocol::messages::ProduceRequest>(id, 9).await;
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    questdb.wait_for_rows("comes_up", 1, PATIENCE).await;
}

#[tokio::test]
async fn a_schema_that_the_registry_does_not_have_makes_a_bad_record_until_it_does() {
    let questdb = QuestDbServer::start().await;
    let (peer, port) = Peer::start().await;
    peer.register("/schemas/ids/1", TRADE, "");
    peer.register("/schemas/ids/3", "{}", "");
    peer.register("/schemas/ids/4", "syntax = \"proto3\"; mesage M {}", ",\"schemaType\":\"PROTOBUF\"");
    peer.register("/schemas/ids/6", "{}", ",\"schemaType\":\"XML\"");
    peer.register("/schemas/ids/7", "syntax = \"proto3\"; message M {}", ",\"schemaType\":\"PROTOBUF\"");
    peer.register(
        "/schemas/ids/5",
        TRADE,
        ",\"references\":[{\"name\":\"x\",\"subject\":\"x\",\"version\":1}]",
    );
    let topic = "\n[topics.kept]\non_error = \"dlq\"\ndlq = { table = \"kept_letters\" }\n";
    let gateway = Gateway::start(&(config(port, "") + topic), questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let values = || {
        let text = b"text".to_vec();
        [value(1, 1), value(2, 2), value(3, 3), value(4, 4), value(5, 5), text, value(6, 6), value(7, 0)]
    };
    let answer = send(&mut wire, "refused", Batch::of(values()).encode(), 30_000).await;
    assert_eq!(answer.error_code, 87);
    let errors: Vec<_> = answer
        .record_errors
        .iter()
        .map(|error| (error.batch_index, error.batch_index_error_message.clone().unwrap().to_string()))
        .collect();
    let says = [
        (1, "the schema registry does not have schema 2"),
        (2, "schema 3 of the registry: a schema has no `type`"),
        (3, "schema 4 of the registry: schema.proto:1:20: "),
        (4, "does not have version 1 of subject \"x\""),
        (5, "does not begin with a zero byte"),
        (6, "it is XML, which quafka does not read yet"),
        (7, "schema 7 is of format protobuf; with `auto` a topic takes all formats that have schemas"),
    ];
    assert_eq!(errors.len(), says.len(), "{errors:?}");
    for ((index, error), (record, words)) in errors.iter().zip(says) {
        assert!(*index == record && error.contains(words), "{error}");
    }
    // It is not asked for with each batch.
    let asked = peer.asked_for("/schemas/ids/2");
    assert_eq!(send(&mut wire, "kept", Batch::of(values()).encode(), 30_000).await.error_code, 0);
    assert_eq!(peer.asked_for("/schemas/ids/2"), asked);
    questdb.wait_for_rows("kept", 1, PATIENCE).await;
    questdb.wait_for_rows("kept_letters", 7, PATIENCE).await;

    peer.register("/schemas/ids/2", TRADE, "");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = send(&mut wire, "refused", Batch::of([value(2, 2)]).encode(), 30_000).await;
        if answer.error_code == 0 {
            break;
        }
        assert!(answer.error_code == 87 && Instant::now() < deadline, "{}", message(&answer));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    questdb.wait_for_rows("refused", 1, PATIENCE).await;
}

/// Ids from thin air are answered by a bounded number of requests.
#[tokio::test]
async fn a_batch_of_unknown_schemas_is_no_storm_of_requests() {
    let questdb = QuestDbServer::start().await;
    let (peer, port) = Peer::start().await;
    let gateway = Gateway::start(&config(port, ""), questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let batch = Batch::of((1_000..2_000).map(|id| value(id, 1))).encode();
    let answer = send(&mut wire, "storm", batch, 30_000).await;
    assert_eq!(answer.error_code, 19);
    assert!(message(&answer).contains("more than 64 schemas"), "{}", message(&answer));
    assert_eq!(peer.asked().len(), 64);
}

#[tokio::test]
async fn credentials_are_sent() {
    let questdb = QuestDbServer::start().await;
    for (keys, expected) in [
        ("username = \"ann\"\npassword = \"hunter2\"", "Basic YW5uOmh1bnRlcjI="),
        ("token = \"abc\"", "Bearer abc"),
    ] {
        let (peer, port) = Peer::start().await;
        peer.register("/schemas/ids/1", TRADE, "");
        let gateway = Gateway::start(&config(port, keys), questdb).await;
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        assert_eq!(send(&mut wire, "secret", Batch::of([value(1, 1)]).encode(), 30_000).await.error_code, 0);
        assert_eq!(peer.asked(), [("/schemas/ids/1".to_owned(), Some(expected.to_owned()))]);
        assert!(!gateway.log().contains("hunter2"));
    }
}

/// A schema that names types of others, which name types of others; a schema that a header names; a key's schema.
#[tokio::test]
async fn schemas_of_schemas_of_headers_and_of_keys() {
    let questdb = QuestDbServer::start().await;
    let (peer, port) = Peer::start().await;
    let guid = uuid::Uuid::from_u128(0x89791762_2336_4186_9674_299b90a802e2);
    let reference =
        |subject: &str| format!(r#","references":[{{"name":"x","subject":"{subject}","version":3}}]"#);
    let money = r#"{"type":"record","name":"m.Money","fields":[{"name":"cents","type":"long"},{"name":"unit","type":"m.Unit"}]}"#;
    let order = r#"{"type":"record","name":"Order","fields":[{"name":"price","type":"m.Money"}]}"#;
    peer.register(&format!("/schemas/guids/{guid}"), order, &reference("money/eur"));
    peer.register("/subjects/money%2Feur/versions/3", money, &reference("unit"));
    peer.register("/subjects/unit/versions/3", r#"{"type":"enum","name":"m.Unit","symbols":["EUR"]}"#, "");
    peer.register("/schemas/ids/7", "\"string\"", "");
    let config = config(port, "").replace("format", "key_format = \"avro\"\nformat");
    let gateway = Gateway::start(&config, questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let header = [&[1][..], guid.as_bytes()].concat();
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: -1,
        timestamp: 1_700_000_000_000,
        key: Some(Bytes::from_static(b"\0\0\0\0\x07\x06key")),
        value: Some(Bytes::from_static(&[84, 0])),
        headers: [(StrBytes::from_static_str("__value_schema_id"), Some(Bytes::from(header)))]
            .into_iter()
            .collect(),
    };
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut batch, [&record], &options).unwrap();
    let answer = send(&mut wire, "headers", batch.freeze(), 30_000).await;
    assert_eq!(answer.error_code, 0, "{}", message(&answer));
    questdb.wait_for_rows("headers", 1, PATIENCE).await;
    let rows = questdb.sql("SELECT price_cents, price_unit, key FROM headers").await;
    assert_eq!(rows, [[serde_json::json!(42), "EUR".into(), "key".into()]]);
}

#[tokio::test]
async fn check_asks_the_registry() {
    let questdb = QuestDbServer::start().await;
    let (peer, port) = Peer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("quafka.toml");
    let text = config(port, "") + &format!("[questdb]\nconf = \"{}\"\n", questdb.http_conf());
    std::fs::write(&file, text).unwrap();
    let check = || {
        let (file, program) = (file.clone(), env!("CARGO_BIN_EXE_quafka"));
        tokio::task::spawn_blocking(move || {
            let output = Command::new(program).arg("check").arg("--config").arg(file).output().unwrap();
            let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            (output.status.success(), text)
        })
    };
    let (ok, text) = check().await.unwrap();
    assert!(ok && text.contains("The schema registry answers."), "{text}");
    peer.set(Mood::Says(401, ""));
    let (ok, text) = check().await.unwrap();
    assert!(
        !ok && text.contains("quafka.toml:2: registry.urls: ") && text.contains("check the credentials"),
        "{text}"
    );
}
