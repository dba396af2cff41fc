//! Records that cannot become rows: 87 with the record's index and the reason, nothing of their batch written, and all
//! around them written. Against the real QuestDB.

// Helpers count as code that runs, but these are only called by tests.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use kafka_protocol::messages::ProduceResponse;
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use support::batches::{Batch, produce, produce_all};
use support::{Gateway, QuestDbServer, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

fn answers(response: &ProduceResponse) -> Vec<&PartitionProduceResponse> {
    response.responses.iter().flat_map(|topic| &topic.partition_responses).collect()
}

/// The record errors of an answer: 87, and nothing else.
fn refused(answer: &PartitionProduceResponse) -> Vec<(i32, String)> {
    assert_eq!(answer.error_code, 87, "{answer:?}");
    assert_eq!(answer.base_offset, -1);
    let message = answer.error_message.as_ref().unwrap();
    assert!(message.contains("nothing of the batch was written"), "{message}");
    let error = |error: &kafka_protocol::messages::produce_response::BatchIndexAndErrorMessage| {
        (error.batch_index, error.batch_index_error_message.clone().unwrap().to_string())
    };
    answer.record_errors.iter().map(error).collect()
}

#[tokio::test]
async fn what_cannot_become_a_row_is_named_and_its_neighbours_are_written() {
    let questdb = QuestDbServer::start().await;
    questdb
        .sql(
            "CREATE TABLE refused (id SYMBOL, v DOUBLE, n INT, at TIMESTAMP) TIMESTAMP(at) PARTITION BY DAY WAL",
        )
        .await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let ok = r#"{"id":"ok","v":1.5}"#;
    // Which of three records is bad, and words that its producer needs.
    let bad: [(&str, &str); 8] = [
        (r#"{"v":"#, "not valid JSON"),
        (r#"{"v":1} trailing"#, "not valid JSON"),
        (r#"{"v":01}"#, "not valid JSON"),
        (r#"{"v":"text"}"#, "column v is DOUBLE"),
        (r#"{"n":1.5}"#, "column n is INT"),
        (r#"{"n":2147483648}"#, "column n is INT"),
        (r#"{"at":1}"#, "designated timestamp"),
        (r#"{}"#, "no value for any column"),
    ];
    let batches = bad.iter().enumerate().flat_map(|(index, (value, _))| {
        let good = ("refused", 7, Batch::of([ok, ok]).encode());
        [("refused", (index % 7) as i32, Batch::of([ok, *value, ok, *value]).encode()), good]
    });
    let response = wire.call(&produce_all(-1, batches), 9).await;
    let answers = answers(&response);
    assert_eq!(answers.len(), 2 * bad.len());
    for (pair, (value, words)) in answers.chunks(2).zip(bad) {
        let errors = refused(pair[0]);
        assert_eq!(errors.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 3], "{value}");
        assert!(errors.iter().all(|(_, message)| message.contains(words)), "{value}: {errors:?}");
        assert_eq!(pair[1].error_code, 0, "the neighbour of {value}: {:?}", pair[1].error_message);
    }
    questdb.wait_for_rows("refused", 2 * bad.len() as u64, PATIENCE).await;
    assert_eq!(questdb.sql("SELECT count() FROM refused WHERE id = 'ok'").await[0][0], 2 * bad.len());
}

/// Before version 8 there is no place for what is wrong: the error alone.
#[tokio::test]
async fn old_versions_hear_the_error_alone() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for version in 3..8 {
        let response = wire.call(&produce("old_versions", 0, Batch::of(["{"]).encode()), version).await;
        assert_eq!(answers(&response)[0].error_code, 87);
    }
    assert_eq!(questdb.count("old_versions").await, 0);
}

/// A batch of nothing but bad records says so of the first hundred: the response stays small.
#[tokio::test]
async fn a_thousand_bad_records_are_a_hundred_errors() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let batch = Batch::of(std::iter::repeat_n("{", 1000)).encode();
    let response = wire.call(&produce("thousand", 0, batch), 9).await;
    assert_eq!(refused(answers(&response)[0]).len(), 100);
}

/// Texts go to UUID, TIMESTAMP and IPV4 columns as they are, and QuestDB alone knows which of them it takes. What it
/// refuses is one batch of one producer, though the batches of all share its requests.
#[tokio::test]
async fn a_row_that_only_questdb_refuses_takes_nobody_else_with_it() {
    const PRODUCERS: usize = 12;
    const BATCHES: usize = 20;
    let questdb = QuestDbServer::start().await;
    questdb
        .sql(
            "CREATE TABLE only_questdb (who INT, id UUID, a IPV4, seen TIMESTAMP, timestamp TIMESTAMP) \
             TIMESTAMP(timestamp) PARTITION BY DAY WAL",
        )
        .await;
    let gateway = Gateway::start("", questdb).await;
    let uuid = "b8a1b7a2-5a1e-4a8f-9d57-0d4b7a1b2c3d";
    let row = |who: usize, id: &str| format!(r#"{{"who":{who},"id":"{id}"}}"#);
    let mut producers = tokio::task::JoinSet::new();
    for who in 0..PRODUCERS {
        let bootstrap = gateway.bootstrap();
        producers.spawn(async move {
            let mut wire = Wire::connect(bootstrap).await;
            // Every third producer sends a bad record in every other batch, at a place of its own.
            let is_bad = |batch: usize| who % 3 == 0 && batch % 2 == 1;
            for batch in 0..BATCHES {
                let at = batch % 5;
                let id = |index| if is_bad(batch) && index == at { "no uuid" } else { uuid };
                let values = (0..5).map(|index| row(who, id(index)));
                // Few partitions, so that producers meet in them.
                let request = produce("only_questdb", who as i32 % 2, Batch::of(values).encode());
                let response = wire.call(&request, 9).await;
                let answer = answers(&response)[0];
                if is_bad(batch) {
                    let errors = refused(answer);
                    assert_eq!(errors.len(), 1);
                    assert_eq!(errors[0].0, at as i32, "{errors:?}");
                    assert!(errors[0].1.contains("id"), "{errors:?}");
                } else {
                    assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
                }
            }
        });
    }
    while let Some(done) = producers.join_next().await {
        done.unwrap();
    }
    let bad = PRODUCERS.div_ceil(3) * (BATCHES / 2) * 5;
    questdb.wait_for_rows("only_questdb", (PRODUCERS * BATCHES * 5 - bad) as u64, PATIENCE).await;
    let of_each = questdb.sql("SELECT who, count() FROM only_questdb ORDER BY who").await;
    for (who, row) in of_each.iter().enumerate() {
        assert_eq!(row[1], if who % 3 == 0 { BATCHES * 5 / 2 } else { BATCHES * 5 }, "producer {who}");
    }
    // All in one request: each has its own answer, too.
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let values = [
        (r#"{"id":"no uuid"}"#, "id"),
        (r#"{"seen":"yesterday"}"#, "seen"),
        (r#"{"a":"1.2.3.400"}"#, "a"),
        (r#"{"a":"1.2.3.40","id":"b8a1b7a2-5a1e-4a8f-9d57-0d4b7a1b2c3d"}"#, ""),
    ];
    let batches = (0..).zip(values).map(|(partition, (value, _))| {
        ("only_questdb", partition, Batch::of([r#"{"who":99}"#, value]).encode())
    });
    let response = wire.call(&produce_all(-1, batches), 9).await;
    for (answer, (value, column)) in answers(&response).into_iter().zip(values) {
        if column.is_empty() {
            assert_eq!(answer.error_code, 0, "{value}: {:?}", answer.error_message);
        } else {
            let errors = refused(answer);
            assert!(errors.len() == 1 && errors[0].0 == 1, "{value}: {errors:?}");
            assert!(errors[0].1.contains(column), "{value}: {errors:?}");
        }
    }
    questdb.wait_for_rows("only_questdb", (PRODUCERS * BATCHES * 5 - bad + 2) as u64, PATIENCE).await;
}
