use bytes::BytesMut;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};
use quafka_protocol::{RecordBatch, Records};

use super::*;

fn config(toml: &str) -> TopicConfig {
    let text = format!("[topics.t]\n{toml}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("q.toml");
    std::fs::write(&file, text).unwrap();
    let loaded = crate::config::load(Some(&file), &crate::config::Overrides::default());
    (*loaded.unwrap_or_else(|errors| panic!("{errors}")).config.topics.of("t")).clone()
}

fn topic(toml: &str) -> Topic {
    Topic::with(config(toml), &[])
}

#[test]
fn prefixes_of_objects_and_of_what_has_no_fields() {
    let mut both = topic("key_prefix = \"k\"\nvalue_prefix = \"v\"");
    both.record(Some(br#"{"id":7}"#), Some(br#"{"id":1,"in":{"x":2}}"#)).unwrap();
    both.record(Some(b"plain"), Some(b"text")).unwrap();
    assert_eq!(
        both.columns(),
        [
            "k_id LONG 7 null",
            "v_id LONG 1 null",
            "v_in_x LONG 2 null",
            "k VARCHAR null \"plain\"",
            "v VARCHAR null \"text\""
        ]
    );
    let mut none = topic("key_prefix = \"\"");
    none.record(Some(br#"{"id":7}"#), Some(b"text")).unwrap();
    none.record(Some(b"plain"), Some(b"text")).unwrap();
    assert_eq!(
        none.columns(),
        ["id LONG 7 null", "value VARCHAR \"text\" \"text\"", "key VARCHAR null \"plain\""]
    );
}

#[test]
fn columns_are_renamed_then_chosen() {
    let mut topic =
        topic("rename = { A = \"b\", x_y = \"z\" }\nonly = [\"b\", \"z\", \"q*\"]\ndrop = [\"qq\"]");
    topic.row(r#"{"a":1,"x":{"y":2,"w":3},"b*d":4,"q1":5,"qq":6,"Q2":7}"#);
    assert_eq!(topic.columns(), ["b LONG 1", "z LONG 2", "q1 LONG 5", "Q2 LONG 7"]);
}

#[test]
fn what_is_dropped_need_not_be_right() {
    let mut topic = topic("drop = [\"bad*\", \"timestamp\"]");
    topic.row(r#"{"id":1,"bad":[1,"x"],"bad.name*":2,"bad_int":99999999999999999999,"timestamp":"x"}"#);
    assert_eq!(topic.columns(), ["id LONG 1"]);
}

#[test]
fn defaults_fill_in_and_required_refuses() {
    let mut topic =
        topic("defaults = { venue = \"X\", n = 1, f = 1.5, b = true }\nrequired = [\"id\", \"venue\"]");
    topic.row(r#"{"id":1}"#).row(r#"{"id":2,"venue":"Y","n":null}"#);
    let error = topic.value(r#"{"venue":"Z"}"#).unwrap_err();
    assert_eq!(error.column.as_deref(), Some("id"));
    assert!(error.message.contains("no value for column id, which `required` lists"), "{}", error.message);
    topic.row(r#"{"id":3,"venue":"Z"}"#);
    assert_eq!(
        topic.columns(),
        [
            "id LONG 1 2 3",
            "b BOOLEAN true true true",
            "f DOUBLE 1.5 1.5 1.5",
            "n LONG 1 1 1",
            "venue VARCHAR \"X\" \"Y\" \"Z\""
        ]
    );
}

#[test]
fn headers_and_the_place_of_a_record_are_columns_where_asked_for() {
    let toml = "headers = [\"trace-*\", \"Region\"]\nrename = { header_region = \"region\" }\n\
                record_columns = { offset = \"o\", partition = \"p\", topic = \"t\", timestamp = \"at\" }";
    let mut topic = topic(toml);
    // The last of a name wins, and what is not asked for stays away.
    let headers =
        [("Region", "eu"), ("other", "x"), ("trace-id", "2")].map(|(name, value)| (name, value.into()));
    let batch = batch(&headers, br#"{"id":1}"#);
    let batch = RecordBatch::parse(&batch, usize::MAX).unwrap();
    let record = Records::new(&batch.header, batch.records).next().unwrap().unwrap();
    let source = SourceRecord {
        partition: 3,
        offset: 42,
        timestamp_ms: 1_700_000_000_000,
        value: record.value,
        headers: record.headers,
        ..SourceRecord::default()
    };
    topic.plan.append(&source, &mut topic.block).unwrap();
    let columns = topic.columns();
    assert_eq!(columns[..3], ["id LONG 1", "region VARCHAR \"eu\"", "header_trace_id VARCHAR \"2\""]);
    for column in ["o LONG 42", "p LONG 3", "at TIMESTAMP 1700000000000000"] {
        assert!(columns.contains(&column.to_owned()), "{columns:?}");
    }
}

/// A batch of one record with these headers.
pub fn batch(headers: &[(&'static str, Vec<u8>)], value: &'static [u8]) -> BytesMut {
    let mut batch = BytesMut::new();
    let record = Record {
        transactional: false,
        control: false,
        partition_leader_epoch: 0,
        delete_horizon: false,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: -1,
        timestamp: 0,
        key: None,
        value: Some(value.into()),
        headers: headers
            .iter()
            .map(|(name, value)| (StrBytes::from(*name), Some(value.clone().into())))
            .collect(),
    };
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut batch, &[record], &options).unwrap();
    batch
}
