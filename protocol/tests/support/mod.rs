//! What the tests share: requests and batches as the `kafka-protocol` crate writes them.

#![allow(dead_code, unused_macros, reason = "each test binary uses a part of this")]

pub mod requests;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{self as theirs, RecordBatchEncoder, RecordEncodeOptions};
use proptest::prelude::*;
use quafka_protocol::Compression;

/// A record to be written and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

pub fn plain_record() -> impl Strategy<Value = Plain> {
    let bytes = || proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200));
    (
        prop_oneof![Just(-1), 0..4_000_000_000_000_i64],
        bytes(),
        bytes(),
        proptest::collection::btree_map("\\PC{0,10}", bytes(), 0..4),
    )
        .prop_map(|(timestamp_ms, key, value, headers)| Plain {
            timestamp_ms,
            key,
            value,
            headers: headers.into_iter().collect(),
        })
}

/// What a producer writes around its records.
#[derive(Debug, Clone, Copy)]
pub struct Producer {
    pub id: i64,
    pub epoch: i16,
    pub sequence: i32,
    pub transactional: bool,
}

pub const NOT_IDEMPOTENT: Producer = Producer { id: -1, epoch: -1, sequence: -1, transactional: false };

/// A batch that the other crate encodes and `compress` compresses.
pub fn encode_batch(
    records: &[Plain],
    producer: Producer,
    compression: Compression,
    compress: impl Fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let records: Vec<theirs::Record> = records
        .iter()
        .zip(0_i32..)
        .map(|(record, index)| theirs::Record {
            transactional: producer.transactional,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            timestamp_type: theirs::TimestampType::Creation,
            offset: i64::from(index),
            sequence: producer.sequence.wrapping_add(index),
            timestamp: record.timestamp_ms,
            key: record.key.clone().map(Bytes::from),
            value: record.value.clone().map(Bytes::from),
            headers: record
                .headers
                .iter()
                .map(|(key, value)| (StrBytes::from_string(key.clone()), value.clone().map(Bytes::from)))
                .collect::<IndexMap<_, _>>(),
        })
        .collect();
    let mut out = BytesMut::new();
    RecordBatchEncoder::encode_with_custom_compression(
        &mut out,
        &records,
        &RecordEncodeOptions { version: 2, compression: their_compression(compression) },
        Some(|from: &mut BytesMut, to: &mut BytesMut, _: theirs::Compression| {
            to.put_slice(&compress(from));
            Ok(())
        }),
    )
    .unwrap();
    out.to_vec()
}

/// Plain records: key "k", value of `size` bytes that compress somewhat.
pub fn uniform_records(count: usize, size: usize) -> Vec<Plain> {
    (0..count)
        .map(|index| Plain {
            timestamp_ms: 1_700_000_000_000 + i64::try_from(index).unwrap(),
            key: None,
            value: Some(format!("{{\"id\":{index},\"v\":{}}}", index * 7919 % 10007).into_bytes()).map(
                |mut value| {
                    value.resize(size, b'x');
                    value
                },
            ),
            headers: Vec::new(),
        })
        .collect()
}

fn their_compression(compression: Compression) -> theirs::Compression {
    match compression {
        Compression::None => theirs::Compression::None,
        Compression::Gzip => theirs::Compression::Gzip,
        Compression::Snappy => theirs::Compression::Snappy,
        Compression::Lz4 => theirs::Compression::Lz4,
        Compression::Zstd => theirs::Compression::Zstd,
    }
}

/// Writes the CRC that belongs to a batch whose bytes were changed.
pub fn fix_crc(batch: &mut [u8]) {
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}

pub mod codecs {
    //! Encoders, none of which shares code with what is tested, but for snappy's and zstd's libraries.

    use std::io::Write;

    use quafka_protocol::Compression;

    /// A name, what a batch's header says, and the encoder.
    pub type Codec = (&'static str, Compression, fn(&[u8]) -> Vec<u8>);

    /// Every way of compressing that producers were seen to have.
    pub fn all() -> Vec<Codec> {
        vec![
            ("none", Compression::None, |bytes| bytes.to_vec()),
            ("gzip", Compression::Gzip, gzip),
            ("gzip, two members", Compression::Gzip, |bytes| in_two(bytes, gzip)),
            ("snappy, raw", Compression::Snappy, snappy),
            ("snappy, xerial", Compression::Snappy, xerial),
            ("snappy, two xerial streams", Compression::Snappy, |bytes| in_two(bytes, xerial)),
            ("lz4, linked", Compression::Lz4, |bytes| lz4(bytes, true, false, lz4::BlockSize::Max64KB)),
            ("lz4, independent", Compression::Lz4, |bytes| lz4(bytes, false, false, lz4::BlockSize::Max64KB)),
            ("lz4, checksums", Compression::Lz4, |bytes| lz4(bytes, true, true, lz4::BlockSize::Max256KB)),
            ("lz4, 4 MB blocks", Compression::Lz4, |bytes| lz4(bytes, true, true, lz4::BlockSize::Max4MB)),
            ("lz4, two frames", Compression::Lz4, |bytes| {
                in_two(bytes, |part| lz4(part, true, true, lz4::BlockSize::Max64KB))
            }),
            ("lz4 by lz4_flex, all options", Compression::Lz4, lz4_flex_frame),
            ("zstd, with content size", Compression::Zstd, |bytes| zstd::bulk::compress(bytes, 3).unwrap()),
            ("zstd, streamed", Compression::Zstd, |bytes| zstd_stream(bytes, 3)),
            ("zstd, streamed, level 19", Compression::Zstd, |bytes| zstd_stream(bytes, 19)),
            ("zstd, two frames", Compression::Zstd, |bytes| in_two(bytes, |part| zstd_stream(part, 1))),
        ]
    }

    fn in_two(bytes: &[u8], compress: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        [compress(first), compress(second)].concat()
    }

    pub fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    pub fn snappy(bytes: &[u8]) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(bytes).unwrap()
    }

    pub fn xerial(bytes: &[u8]) -> Vec<u8> {
        let mut out = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
        for block in bytes.chunks(32 * 1024) {
            let block = snappy(block);
            out.extend_from_slice(&u32::try_from(block.len()).unwrap().to_be_bytes());
            out.extend_from_slice(&block);
        }
        out
    }

    /// By liblz4.
    pub fn lz4(bytes: &[u8], linked: bool, checksum: bool, block_size: lz4::BlockSize) -> Vec<u8> {
        let mut encoder = lz4::EncoderBuilder::new()
            .block_mode(if linked { lz4::BlockMode::Linked } else { lz4::BlockMode::Independent })
            .checksum(if checksum {
                lz4::ContentChecksum::ChecksumEnabled
            } else {
                lz4::ContentChecksum::NoChecksum
            })
            .block_size(block_size)
            .build(Vec::new())
            .unwrap();
        encoder.write_all(bytes).unwrap();
        let (out, result) = encoder.finish();
        result.unwrap();
        out
    }

    pub fn lz4_flex_frame(bytes: &[u8]) -> Vec<u8> {
        let info = lz4_flex::frame::FrameInfo::new()
            .block_mode(lz4_flex::frame::BlockMode::Linked)
            .block_size(lz4_flex::frame::BlockSize::Max64KB)
            .block_checksums(true)
            .content_checksum(true)
            .content_size(Some(bytes.len() as u64));
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    pub fn zstd_stream(bytes: &[u8], level: i32) -> Vec<u8> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), level).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }
}
