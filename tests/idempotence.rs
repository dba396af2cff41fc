//! Idempotent producers (KIP-98): what is sent twice is written once. Against the real QuestDB, row by row.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use quafka::demo::questdb_server::free_port;
use serde_json::json;
use support::batches::{Batch, produce};
use support::{Gateway, QuestDbServer, Wire};

const PATIENCE: Duration = Duration::from_secs(30);
const DUPLICATE: i16 = 0;
const NOT_ENOUGH_REPLICAS: i16 = 19;
const OUT_OF_ORDER: i16 = 45;
const OLD_EPOCH: i16 = 47;
const VERSION: i16 = 9;

fn only(response: &ProduceResponse) -> &PartitionProduceResponse {
    &response.responses[0].partition_responses[0]
}

/// An idempotent producer of one partition: its records are their own sequence numbers.
struct Producer {
    wire: Wire,
    topic: &'static str,
    id: i64,
    epoch: i16,
}

impl Producer {
    async fn new(gateway: &Gateway, topic: &'static str) -> Self {
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let response = wire.call(&InitProducerIdRequest::default().with_transactional_id(None), 4).await;
        Self { wire, topic, id: response.producer_id.0, epoch: response.producer_epoch }
    }

    fn batch(&self, first: i32, records: i32) -> ProduceRequest {
        let values =
            (0..records).map(|index| format!(r#"{{"seq":{}}}"#, i64::from(first) + i64::from(index)));
        self.batch_of(first, values)
    }

    fn batch_of(&self, first: i32, values: impl IntoIterator<Item = String>) -> ProduceRequest {
        produce(self.topic, 0, Batch::of(values).from_producer(self.id, self.epoch, first).encode())
    }

    async fn send(&mut self, first: i32, records: i32) -> (i16, i64) {
        let request = self.batch(first, records);
        let response = self.wire.call(&request, VERSION).await;
        (only(&response).error_code, only(&response).base_offset)
    }

    async fn accepted(&mut self, first: i32, records: i32) -> i64 {
        let (error, offset) = self.send(first, records).await;
        assert_eq!(error, 0);
        offset
    }

    async fn reconnect(&mut self, gateway: &Gateway) {
        self.wire = Wire::connect(gateway.bootstrap()).await;
    }
}

/// Every number from 0 to below `rows` is there exactly once.
async fn is_dense(questdb: &QuestDbServer, table: &str, rows: u64) {
    questdb.wait_for_rows(table, rows, PATIENCE).await;
    let found = questdb.sql(&format!("SELECT count_distinct(seq), min(seq), max(seq) FROM {table}")).await;
    assert_eq!(found[0], [json!(rows), json!(0), json!(rows - 1)]);
}

/// The producer is one that this life of the gateway knows nothing of, so that it may begin anywhere.
#[tokio::test]
async fn what_follows_a_batch_that_could_not_be_taken_is_not_taken_for_the_first() {
    let nowhere = format!("http::addr=127.0.0.1:{};", free_port().unwrap());
    let gateway = Gateway::start_with_conf("", &nowhere).await;
    let mut producer = Producer::new(&gateway, "away").await;
    for (first, error) in [(0, NOT_ENOUGH_REPLICAS), (10, OUT_OF_ORDER), (0, NOT_ENOUGH_REPLICAS)] {
        let request = producer.batch(first, 10).with_timeout_ms(500);
        let response = producer.wire.call(&request, VERSION).await;
        assert_eq!(only(&response).error_code, error, "batch {first}");
    }
}

#[tokio::test]
async fn a_batch_that_comes_again_is_answered_with_its_first_offset() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut producer = Producer::new(&gateway, "again").await;
    let mut offsets = Vec::new();
    for first in (0..60).step_by(10) {
        offsets.push(producer.accepted(first, 10).await);
    }
    assert!(offsets.is_sorted_by(|a, b| a + 10 == *b), "{offsets:?}");
    // The last five, in any order, as often as one likes, also over a new connection.
    for _ in 0..2 {
        for index in [5, 1, 3, 2, 4] {
            assert_eq!(producer.send(index * 10, 10).await, (DUPLICATE, offsets[index as usize]));
        }
        producer.reconnect(&gateway).await;
    }
    // The one before these is not remembered, and half a batch is not the batch.
    assert_eq!(producer.send(0, 10).await, (OUT_OF_ORDER, -1));
    assert_eq!(producer.send(50, 5).await, (OUT_OF_ORDER, -1));
    producer.accepted(60, 1).await;
    is_dense(questdb, "again", 61).await;
}

#[tokio::test]
async fn a_batch_that_comes_again_while_the_first_is_under_way_is_written_once() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut producer = Producer::new(&gateway, "under_way").await;
    let mut offsets = Vec::new();
    for first in (0..200).step_by(10) {
        // Over two connections, and more than once over each.
        let request = producer.batch(first, 10);
        let mut other = Wire::connect(gateway.bootstrap()).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push((producer.wire.send(&request, VERSION).await, other.send(&request, VERSION).await));
        }
        let mut answers = Vec::new();
        for (id, other_id) in ids {
            answers.push(producer.wire.receive::<ProduceRequest>(id, VERSION).await);
            answers.push(other.receive::<ProduceRequest>(other_id, VERSION).await);
        }
        assert!(answers.iter().all(|answer| only(answer) == only(&answers[0])), "{answers:?}");
        assert_eq!(only(&answers[0]).error_code, 0);
        offsets.push(only(&answers[0]).base_offset);
    }
    assert!(offsets.is_sorted_by(|a, b| a + 10 == *b), "{offsets:?}");
    is_dense(questdb, "under_way", 200).await;
}

/// A client that is gone before its answer came: the batch is written, and its copy is a copy.
#[tokio::test]
async fn a_client_that_left_before_the_answer_is_told_when_it_comes_back() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut producer = Producer::new(&gateway, "gone").await;
    for first in 0..20 {
        let request = producer.batch(first, 1);
        producer.wire.send(&request, VERSION).await;
        producer.reconnect(&gateway).await;
        // Whichever of the two came first.
        producer.accepted(first, 1).await;
    }
    is_dense(questdb, "gone", 20).await;
}

#[tokio::test]
async fn gaps_and_old_epochs_are_refused_and_change_nothing() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut producer = Producer::new(&gateway, "gaps").await;
    producer.accepted(0, 10).await;
    assert_eq!(producer.send(11, 5).await.0, OUT_OF_ORDER);
    assert_eq!(producer.send(9, 5).await.0, OUT_OF_ORDER);
    producer.accepted(10, 10).await;
    // A new epoch begins at zero.
    producer.epoch += 1;
    assert_eq!(producer.send(20, 5).await.0, OUT_OF_ORDER);
    let request = producer.batch_of(0, (20..25).map(|seq| format!(r#"{{"seq":{seq}}}"#)));
    assert_eq!(only(&producer.wire.call(&request, VERSION).await).error_code, 0);
    producer.epoch -= 1;
    assert_eq!(producer.send(20, 5).await.0, OLD_EPOCH);
    assert_eq!(producer.send(0, 10).await.0, OLD_EPOCH);
    // Other producers have numbers of their own.
    let mut other = Producer::new(&gateway, "gaps").await;
    assert_ne!(other.id, producer.id);
    let request = other.batch_of(0, [r#"{"seq":25}"#.to_owned()]);
    assert_eq!(only(&other.wire.call(&request, VERSION).await).error_code, 0);
    is_dense(questdb, "gaps", 26).await;
}

#[tokio::test]
async fn numbers_wrap_and_a_restarted_gateway_takes_any() {
    let questdb = QuestDbServer::start().await;
    let mut gateway = Gateway::start("", questdb).await;
    let mut producer = Producer::new(&gateway, "wrap").await;
    let offset = producer.accepted(i32::MAX - 4, 10).await;
    assert_eq!(producer.send(i32::MAX - 4, 10).await, (DUPLICATE, offset));
    producer.accepted(5, 5).await;
    gateway.restart().await;
    producer.reconnect(&gateway).await;
    producer.accepted(10, 5).await;
    assert_eq!(producer.send(16, 5).await.0, OUT_OF_ORDER);
    questdb.wait_for_rows("wrap", 20, PATIENCE).await;
}

/// A batch that was refused has had its numbers: its followers are in order, and its copy is refused likewise.
#[tokio::test]
async fn a_refused_batch_stays_refused_and_its_followers_are_in_order() {
    let questdb = QuestDbServer::start().await;
    questdb
        .sql("CREATE TABLE refused_once (seq LONG, id UUID, timestamp TIMESTAMP) TIMESTAMP(timestamp) PARTITION BY DAY WAL")
        .await;
    let gateway = Gateway::start("", questdb).await;
    let mut producer = Producer::new(&gateway, "refused_once").await;
    // One that the gateway refuses, and one that only QuestDB can.
    let bad = ["{", r#"{"id":"no uuid"}"#];
    let mut next = 0;
    for value in bad {
        let refused = producer.batch_of(next, [r#"{"seq":-1}"#.to_owned(), value.to_owned()]);
        let follower = producer
            .batch_of(next + 2, [format!(r#"{{"seq":{next}}}"#), format!(r#"{{"seq":{}}}"#, next + 1)]);
        // Pipelined: the follower is under way before the outcome is known.
        let ids = [producer.wire.send(&refused, VERSION).await, producer.wire.send(&follower, VERSION).await];
        let first = producer.wire.receive::<ProduceRequest>(ids[0], VERSION).await;
        let second = producer.wire.receive::<ProduceRequest>(ids[1], VERSION).await;
        assert_eq!((only(&first).error_code, only(&second).error_code), (87, 0), "{value}");
        assert_eq!(only(&first).record_errors[0].batch_index, 1);
        let copy = producer.wire.call(&refused, VERSION).await;
        assert_eq!(only(&copy), only(&first));
        next += 4;
    }
    questdb.wait_for_rows("refused_once", 4, PATIENCE).await;
    assert_eq!(questdb.sql("SELECT count() FROM refused_once WHERE seq >= 0").await[0][0], 4);
}
