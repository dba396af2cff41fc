//! Batches that are wrong: each is its partition's error, and all around it is written. Against the real QuestDB.

// Helpers count as code that runs, but these are only called by tests.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{ProduceRequest, ProduceResponse, TransactionalId};
use kafka_protocol::protocol::StrBytes;
use quafka_protocol::limits::MAX_BATCH_BYTES;
use support::batches::{Batch, produce, produce_all};
use support::{Gateway, QuestDbServer, Wire};

const PATIENCE: Duration = Duration::from_secs(30);
const MIB: usize = 1 << 20;

/// Where the fields of a batch are.
const MAGIC: usize = 16;
const ATTRIBUTES: usize = 22;
const LAST_OFFSET_DELTA: usize = 23;
const RECORD_COUNT: usize = 57;
const RECORDS: usize = 61;

fn good() -> Bytes {
    Batch::of([r#"{"v":1}"#]).encode()
}

/// A batch with something changed, whose length and CRC are right again.
fn altered(batch: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut batch = batch.to_vec();
    change(&mut batch);
    let length = (batch.len() - 12) as u32;
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch.into()
}

/// A batch whose records are these bytes, said to be compressed.
fn with_records(codec: u8, records: &[u8]) -> Bytes {
    altered(&good(), |batch| {
        batch.truncate(RECORDS);
        batch.extend_from_slice(records);
        batch[ATTRIBUTES] |= codec;
    })
}

const GZIP: u8 = 1;
const LZ4: u8 = 3;
const ZSTD: u8 = 4;

fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).unwrap()
}

fn gzip_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The partitions' answers, in order.
fn answers(response: &ProduceResponse) -> Vec<&PartitionProduceResponse> {
    response.responses.iter().flat_map(|topic| &topic.partition_responses).collect()
}

fn only(response: &ProduceResponse) -> &PartitionProduceResponse {
    let answers = answers(response);
    assert_eq!(answers.len(), 1);
    answers[0]
}

#[tokio::test]
async fn one_bad_batch_is_its_partitions_error_alone() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    // One more than limits.decompressed_bytes.
    let zeros = vec![0; 33 * MIB];
    let too_large = Batch::of([vec![b' '; MAX_BATCH_BYTES]]).encode();
    let just_fits = {
        let empty = Batch::of([r#"{"v":"#.to_owned() + &" ".repeat(1000) + "1}"]).encode().len() - 1000;
        Batch::of([r#"{"v":"#.to_owned() + &" ".repeat(MAX_BATCH_BYTES - empty - 4) + "1}"]).encode()
    };
    assert!((MAX_BATCH_BYTES - 2..=MAX_BATCH_BYTES).contains(&just_fits.len()), "{}", just_fits.len());
    let cases: Vec<(&str, &str, i32, Bytes, i16)> = vec![
        ("good", "wrong", 0, good(), 0),
        (
            "CRC",
            "wrong",
            1,
            altered(&good(), |_| {}).iter().rev().skip(1).rev().copied().chain([1]).collect(),
            2,
        ),
        ("magic 1", "wrong", 1, altered(&good(), |batch| batch[MAGIC] = 1), 87),
        ("magic 0", "wrong", 1, altered(&good(), |batch| batch[MAGIC] = 0), 87),
        ("as large as allowed", "wrong", 0, just_fits, 0),
        ("too large", "wrong", 1, too_large, 10),
        ("illegal topic", "no such", 0, good(), 17),
        ("another illegal topic", "..", 0, good(), 17),
        ("zstd bomb", "wrong", 2, with_records(ZSTD, &zstd_of(&zeros)), 10),
        ("gzip bomb", "wrong", 2, with_records(GZIP, &gzip_of(&zeros)), 10),
        ("no lz4", "wrong", 2, with_records(LZ4, b"this is no lz4 frame"), 2),
        ("no such codec", "wrong", 2, altered(&good(), |batch| batch[ATTRIBUTES] |= 5), 76),
        ("good", "also_wrong", 3, good(), 0),
        ("partition 8 of 8", "wrong", 8, good(), 3),
        ("partition -1", "wrong", -1, good(), 3),
        ("two batches", "wrong", 4, [good(), good()].concat().into(), 87),
        ("half a batch", "wrong", 4, good().slice(..40), 87),
        ("no bytes", "wrong", 4, Bytes::new(), 87),
        (
            "2^31 - 1 records",
            "wrong",
            5,
            altered(&good(), |batch| {
                batch[RECORD_COUNT..RECORDS].copy_from_slice(&i32::MAX.to_be_bytes());
                batch[LAST_OFFSET_DELTA..LAST_OFFSET_DELTA + 4]
                    .copy_from_slice(&(i32::MAX - 1).to_be_bytes());
            }),
            87,
        ),
        (
            "no records",
            "wrong",
            5,
            altered(&good(), |batch| {
                batch[RECORD_COUNT..RECORDS].fill(0);
                batch[LAST_OFFSET_DELTA..LAST_OFFSET_DELTA + 4].fill(0xff);
            }),
            87,
        ),
        (
            "a record that lies about its size",
            "wrong",
            5,
            altered(&good(), |batch| batch[RECORDS] = 0x7e),
            87,
        ),
        (
            "a record with a value of 2 GiB",
            "wrong",
            5,
            with_records(0, &[20, 0, 0, 0, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0]),
            87,
        ),
        ("a record with a length without an end", "wrong", 5, with_records(0, &[0xff; 12]), 87),
        ("bytes behind the records", "wrong", 5, altered(&good(), |batch| batch.push(0)), 87),
        ("a base offset", "wrong", 6, altered(&good(), |batch| batch[7] = 1), 87),
        ("a control batch", "wrong", 6, altered(&good(), |batch| batch[ATTRIBUTES] |= 0x20), 87),
        ("a transactional batch", "wrong", 6, altered(&good(), |batch| batch[ATTRIBUTES] |= 0x10), 87),
        ("good", "wrong", 7, good(), 0),
    ];
    let before = gateway.peak_resident_bytes();
    for version in 3..=12 {
        // Once is enough of what takes a second in a debug build.
        let cases: Vec<_> = cases.iter().filter(|case| case.0 != "gzip bomb" || version == 12).collect();
        let batches =
            cases.iter().map(|(_, topic, partition, records, _)| (*topic, *partition, records.clone()));
        let response = wire.call(&produce_all(-1, batches), version).await;
        for ((what, topic, partition, _, error), answer) in cases.iter().copied().zip(answers(&response)) {
            // Below version 7 there is no zstd at all.
            let error = if version < 7 && *what == "zstd bomb" { 76 } else { *error };
            assert_eq!(answer.index, *partition);
            assert_eq!(
                answer.error_code, error,
                "version {version}, {topic}: {what}: {:?}",
                answer.error_message
            );
            assert_eq!(answer.base_offset >= 0, error == 0, "{what}");
            if version >= 8 {
                assert_eq!(answer.error_message.is_some(), error != 0, "{what}");
            }
        }
        assert_eq!(answers(&response).len(), cases.len());
    }
    println!("peak memory grew by {} bytes", gateway.peak_resident_bytes() - before);
    questdb.wait_for_rows("wrong", 30, PATIENCE).await;
    questdb.wait_for_rows("also_wrong", 10, PATIENCE).await;
    // The connection was never at stake.
    assert_eq!(gateway.closed_for("bad_request").await + gateway.closed_for("failed").await, 0);
}

#[tokio::test]
async fn acks_transactions_and_zstd_are_checked() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for version in 3..=12 {
        for acks in [5, 2, -2] {
            let response = wire.call(&produce("acks", 0, good()).with_acks(acks), version).await;
            assert_eq!(only(&response).error_code, 21, "acks={acks}");
        }
        let id = TransactionalId(StrBytes::from_static_str("tx"));
        let response = wire.call(&produce("acks", 0, good()).with_transactional_id(Some(id)), version).await;
        assert_eq!(only(&response).error_code, 53);
        for acks in [1, -1] {
            let zstd = with_records(ZSTD, &zstd_of(&good()[RECORDS..]));
            let response = wire.call(&produce("zstd", 0, zstd).with_acks(acks), version).await;
            assert_eq!(only(&response).error_code, if version < 7 { 76 } else { 0 }, "version {version}");
        }
    }
    questdb.wait_for_rows("zstd", 12, PATIENCE).await;
    assert_eq!(questdb.count("acks").await, 0);
}

/// Versions 0 to 2 are advertised, because old clients look at the lowest one, and refused with 35.
#[tokio::test]
async fn old_produce_requests_are_refused_in_their_own_format() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    for version in 0..=2 {
        let mut request = BytesMut::new();
        for half in [0, version, 0, 77] {
            request.put_i16(half);
        }
        request.put_slice(&[0xff, 0xff]); // No client id.
        request.put_i16(-1);
        request.put_i32(1000);
        request.put_slice(&[0, 0, 0, 1, 0, 3, b'o', b'l', b'd', 0, 0, 0, 1, 0, 0, 0, 6]);
        request.put_i32(good().len() as i32);
        request.put_slice(&good());
        let length = request.len() as u32;
        wire.send_bytes(&length.to_be_bytes()).await.unwrap();
        wire.send_bytes(&request).await.unwrap();

        let mut expected = BytesMut::new();
        expected.put_i32(77);
        expected.put_slice(&[0, 0, 0, 1, 0, 3, b'o', b'l', b'd', 0, 0, 0, 1, 0, 0, 0, 6, 0, 35]);
        expected.put_i64(-1);
        if version >= 2 {
            expected.put_i64(-1);
        }
        if version >= 1 {
            expected.put_i32(0);
        }
        assert_eq!(wire.receive_bytes().await.unwrap(), expected, "version {version}");
    }
    assert_eq!(questdb.count("old").await, 0);
}

/// acks=0: never a response; what is wrong ends the connection.
#[tokio::test]
async fn without_acks_rows_arrive_and_errors_end_the_connection() {
    let questdb = QuestDbServer::start().await;
    let gateway = Gateway::start("", questdb).await;
    let mut wire = Wire::connect(gateway.bootstrap()).await;
    let silent = |records| produce("silent", 0, records).with_acks(0);
    for _ in 0..50 {
        wire.send(&silent(good()), 9).await;
    }
    // The next response is the one to this.
    let response = wire.call(&produce("silent", 1, good()), 9).await;
    assert_eq!(only(&response).error_code, 0);
    questdb.wait_for_rows("silent", 51, PATIENCE).await;

    for bad in [good().slice(..40), Batch::of(["{\"v\":"]).encode(), Batch::of([r#"{"v":"text"}"#]).encode()]
    {
        let before = gateway.closed_for("failed").await;
        let mut wire = Wire::connect(gateway.bootstrap()).await;
        let peer = wire.local_addr();
        // What was asked before is answered before.
        let answered = wire.send(&produce("silent", 2, good()), 9).await;
        wire.send(&silent(bad), 9).await;
        let response = wire.receive::<ProduceRequest>(answered, 9).await;
        assert_eq!(only(&response).error_code, 0);
        tokio::time::timeout(PATIENCE, wire.closed()).await.unwrap();
        support::until("it is counted", PATIENCE, async || gateway.closed_for("failed").await == before + 1)
            .await;
        let log = gateway.log_of(peer);
        assert!(log.len() == 1 && log[0].contains("acks=0 and topic \"silent\" partition 0"), "{log:#?}");
    }
    questdb.wait_for_rows("silent", 54, PATIENCE).await;
}
