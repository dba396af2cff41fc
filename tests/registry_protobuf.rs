//! Protobuf by the schemas of a registry, against the real QuestDB: the schema's references, its messages, and how it
//! changes in the course of time. The registry is a peer of our own.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use serde_json::json;
use support::batches::{Batch, produce};
use support::schemas::SchemaPeer;
use support::{Gateway, QuestDbServer, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

const PROTOBUF: &str = ",\"schemaType\":\"PROTOBUF\"";

fn register(peer: &SchemaPeer, id: u32, schema: &str, more: &str) {
    let schema = format!("syntax = \"proto3\"; {schema}");
    peer.register(&format!("/schemas/ids/{id}"), &schema, &format!("{PROTOBUF}{more}"));
}

/// A payload of the first message of a schema.
fn value(id: u32, payload: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), &[0], payload].concat()
}

async fn gateway(port: u16, format: &str, questdb: &'static QuestDbServer) -> Gateway {
    let config = format!(
        "[registry]\nurls = [\"http://127.0.0.1:{port}\"]\n[topics.\"*\"]\nformat = \"{format}\"\non_error = \"reject\"\n"
    );
    Gateway::start(&config, questdb).await
}

async fn send(wire: &mut Wire, topic: &str, batch: Bytes) -> PartitionProduceResponse {
    let response = wire.call(&produce(topic, 0, batch), 9).await;
    response.responses[0].partition_responses[0].clone()
}

async fn sent(wire: &mut Wire, topic: &str, values: impl IntoIterator<Item = Vec<u8>>) {
    let answer = send(wire, topic, Batch::of(values).encode()).await;
    let message = answer.error_message.clone().unwrap_or_default();
    assert_eq!(answer.error_code, 0, "{message} {:?}", answer.record_errors);
}

/// A newer schema adds a field, leaves one out, makes another wider and renames one; its records and those of the older
/// one come in one batch, in any order.
#[tokio::test]
async fn schemas_change_and_records_of_all_come_in_one_batch() {
    let questdb = QuestDbServer::start().await;
    let (peer, port) = SchemaPeer::start().await;
    register(&peer, 1, "message T { int32 n = 1; string gone = 2; float x = 3; }", "");
    register(
        &peer,
        2,
        "message T { int64 n = 1; reserved 2; double x = 4; optional string added = 5; repeated double book = 6; }",
        "",
    );
    let gateway = gateway(port, "protobuf", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let old = |n: u8| value(1, &[0x08, n, 0x12, 1, b'g', 0x1d, 0, 0, 0xc0, 0x3f]);
    let newer = |n: u8| {
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
        let x = 0.1_f64.to_le_bytes();
        value(2, &[&[0x2a, 1, n, 0x08][..], &huge, &[0x21], &x, &[0x32, 8], &1.0_f64.to_le_bytes()].concat())
    };
    sent(&mut wire, "evolves", [old(1), newer(b'a'), old(2), value(2, &[]), value(1, &[])]).await;
    // The other way round: a batch that begins with the newer one, when the table is there.
    sent(&mut wire, "evolves", [newer(b'b'), old(3)]).await;
    questdb.wait_for_rows("evolves", 7, PATIENCE).await;
    let rows = questdb.sql("SELECT n, gone, x, added, book FROM evolves ORDER BY added, n").await;
    let huge = (1_i64 << 53) - 1;
    let mut expected = vec![
        json!([0, "", 0.0, null, null]),
        json!([0, null, 0.0, null, []]),
        json!([1, "g", 1.5, null, null]),
        json!([2, "g", 1.5, null, null]),
        json!([3, "g", 1.5, null, null]),
        json!([huge, null, 0.1, "a", [1.0]]),
        json!([huge, null, 0.1, "b", [1.0]]),
    ];
    let sort = |rows: &mut Vec<serde_json::Value>| rows.sort_by_key(ToString::to_string);
    let mut rows: Vec<_> = rows.into_iter().map(serde_json::Value::from).collect();
    sort(&mut rows);
    sort(&mut expected);
    assert_eq!(rows, expected);
}

/// Files that a schema imports and those that they import, by the names that they are imported by; what serializers take
/// for granted is not asked for.
#[tokio::test]
async fn a_schema_is_read_with_what_it_imports() {
    let questdb = QuestDbServer::start().await;
    let (peer, port) = SchemaPeer::start().await;
    register(
        &peer,
        1,
        "package t; import \"m/money.proto\"; import \"google/protobuf/timestamp.proto\"; import \"confluent/type/decimal.proto\"; \
         message Other {} message Trade { message Leg { m.Money price = 1; google.protobuf.Timestamp at = 2; \
         confluent.type.Decimal fee = 3; oneof side { string buyer = 4; string seller = 5; } } }",
        ",\"references\":[{\"name\":\"m/money.proto\",\"subject\":\"money\",\"version\":4}]",
    );
    peer.register(
        "/subjects/money/versions/4",
        "syntax = \"proto3\"; package m; import \"unit.proto\"; message Money { int64 cents = 1; Unit unit = 2; }",
        &format!("{PROTOBUF},\"references\":[{{\"name\":\"unit.proto\",\"subject\":\"unit\",\"version\":1}}]"),
    );
    peer.register(
        "/subjects/unit/versions/1",
        "syntax = \"proto3\"; package m; enum Unit { USD = 0; EUR = 1; }",
        PROTOBUF,
    );
    let gateway = gateway(port, "auto", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let leg = [
        &[0x0a, 4, 0x08, 5, 0x10, 1][..],
        &[0x12, 6, 0x08, 0x80, 0xe2, 0xcf, 0xaa, 0x06],
        &[0x1a, 5, 0x0a, 1, 123, 0x18, 2],
        &[0x2a, 1, b's'],
    ]
    .concat();
    let framed = |indexes: &[u8]| [&[0, 0, 0, 0, 1][..], indexes, &leg].concat();
    sent(&mut wire, "imports", [framed(&[4, 2, 0])]).await;
    questdb.wait_for_rows("imports", 1, PATIENCE).await;
    let columns = questdb.sql("SELECT \"column\", type FROM table_columns('imports')").await;
    let expected = [
        ("price_cents", "LONG"),
        ("price_unit", "VARCHAR"),
        ("at", "TIMESTAMP"),
        ("fee", "VARCHAR"),
        ("seller", "VARCHAR"),
        ("timestamp", "TIMESTAMP"),
    ];
    assert_eq!(columns, expected.map(|(name, kind)| [json!(name), json!(kind)]));
    let rows = questdb.sql("SELECT price_cents, price_unit, at, fee, seller FROM imports").await;
    let at = "2023-11-14T22:13:20.000000Z";
    assert_eq!(rows, [[json!(5), json!("EUR"), json!(at), json!("1.23"), json!("s")]]);
    assert_eq!(peer.asked().len(), 3);
    // A message that there is not.
    let answer = send(&mut wire, "imports", Batch::of([framed(&[4, 2, 2])]).encode()).await;
    assert_eq!(answer.error_code, 87);
    let error = answer.record_errors[0].batch_index_error_message.clone().unwrap();
    assert!(
        error.contains("cannot be read as auto")
            && error.contains("indexes [1, 1], which the schema does not have"),
        "{error}"
    );
}
