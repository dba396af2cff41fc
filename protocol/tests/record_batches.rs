//! Record batches: what another encoder writes is read back to the same values, and each thing that can be wrong gets
//! its own error and code.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use proptest::prelude::*;
use quafka_protocol::{
    BatchError, Compression, DecodeErrorKind, Decompressor, ErrorCode, RecordBatch, Records, TimestampType,
};
use support::{
    NOT_IDEMPOTENT, Plain, Producer, codecs, encode_batch, fix_crc, plain_record, uniform_records,
};

const LIMIT: usize = 10 * 1024 * 1024;

fn decode(batch: &[u8], decompressor: &mut Decompressor) -> Result<Vec<Plain>, String> {
    let batch = RecordBatch::parse(batch, LIMIT).map_err(|error| error.to_string())?;
    let bytes = decompressor
        .decompress(batch.header.compression, batch.records, LIMIT)
        .map_err(|error| error.to_string())?;
    Records::new(&batch.header, bytes)
        .zip(0_i32..)
        .map(|(record, index)| {
            let record = record.map_err(|error| error.to_string())?;
            assert_eq!(record.offset_delta, index);
            assert_eq!(record.headers.len(), record.headers.clone().count());
            Ok(Plain {
                timestamp_ms: record.timestamp_ms,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: record
                    .headers
                    .map(|(key, value)| (key.to_owned(), value.map(<[u8]>::to_vec)))
                    .collect(),
            })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_encoded_is_decoded(
        records in proptest::collection::vec(plain_record(), 1..30),
        id in prop_oneof![Just(-1_i64), 0..i64::MAX],
        epoch in any::<i16>(),
        sequence in 0..i32::MAX,
        transactional in any::<bool>(),
    ) {
        let producer = Producer { id, epoch, sequence, transactional };
        let mut decompressor = Decompressor::new();
        for (name, compression, compress) in codecs::all() {
            let encoded = encode_batch(&records, producer, compression, compress);
            let batch = RecordBatch::parse(&encoded, LIMIT).unwrap();
            let header = batch.header;
            prop_assert_eq!(header.compression, compression, "{}", name);
            prop_assert_eq!(header.timestamp_type, TimestampType::CreateTime);
            prop_assert_eq!(header.transactional, transactional);
            prop_assert_eq!(header.producer_id, id);
            prop_assert_eq!(header.producer_epoch, epoch);
            prop_assert_eq!(header.base_sequence, sequence);
            prop_assert_eq!(header.record_count as usize, records.len());
            prop_assert_eq!(header.last_offset_delta as usize, records.len() - 1);
            prop_assert_eq!(Some(header.base_timestamp_ms), records.iter().map(|r| r.timestamp_ms).min());
            prop_assert_eq!(Some(header.max_timestamp_ms), records.iter().map(|r| r.timestamp_ms).max());
            prop_assert_eq!(decode(&encoded, &mut decompressor), Ok(records.clone()), "{}", name);
        }
    }

    #[test]
    fn garbage_behind_a_valid_header_never_panics(
        garbage in proptest::collection::vec(any::<u8>(), 0..200),
        count in 1..=i32::MAX,
        attributes in 0_i16..16,
    ) {
        let mut batch = hand_made(count, &garbage);
        batch[21..23].copy_from_slice(&attributes.to_be_bytes());
        fix_crc(&mut batch);
        let _ = decode(&batch, &mut Decompressor::new());
    }

    #[test]
    fn small_records_with_any_bytes_never_panic(
        garbage in proptest::collection::vec(0_u8..12, 0..40),
        count in 1..4_i32,
    ) {
        let batch = hand_made(count, &garbage);
        let _ = decode(&batch, &mut Decompressor::new());
    }
}

/// A header of 61 bytes with a right CRC, around these records.
fn hand_made(count: i32, records: &[u8]) -> Vec<u8> {
    let mut batch = Vec::new();
    batch.extend_from_slice(&0_i64.to_be_bytes());
    batch.extend_from_slice(&i32::try_from(49 + records.len()).unwrap().to_be_bytes());
    batch.extend_from_slice(&7_i32.to_be_bytes());
    batch.push(2);
    batch.extend_from_slice(&[0; 4]);
    batch.extend_from_slice(&0_i16.to_be_bytes());
    batch.extend_from_slice(&(count.wrapping_sub(1)).to_be_bytes());
    batch.extend_from_slice(&1000_i64.to_be_bytes());
    batch.extend_from_slice(&1000_i64.to_be_bytes());
    batch.extend_from_slice(&(-1_i64).to_be_bytes());
    batch.extend_from_slice(&(-1_i16).to_be_bytes());
    batch.extend_from_slice(&(-1_i32).to_be_bytes());
    batch.extend_from_slice(&count.to_be_bytes());
    batch.extend_from_slice(records);
    fix_crc(&mut batch);
    batch
}

/// Timestamp delta +1 ms, offset delta 0, no key, value "v", no headers.
const RECORD: &[u8] = &[14, 0, 2, 0, 1, 2, b'v', 0];

#[test]
fn a_hand_made_batch_is_read() {
    let batch = hand_made(1, RECORD);
    let parsed = RecordBatch::parse(&batch, LIMIT).unwrap();
    assert_eq!(parsed.records, RECORD);
    let records: Vec<_> = Records::new(&parsed.header, parsed.records).map(Result::unwrap).collect();
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((record.timestamp_ms, record.key, record.value), (1001, None, Some(b"v".as_slice())));
    assert!(record.headers.is_empty());
}

#[test]
fn every_defect_has_its_error_and_code() {
    type Change = fn(&mut Vec<u8>);
    let cases: Vec<(&str, Change, BatchError, i16)> = vec![
        ("empty", Vec::clear, BatchError::Incomplete { found: 0 }, 87),
        ("16 bytes", |b| b.truncate(16), BatchError::Incomplete { found: 16 }, 87),
        ("cut", |b| b.truncate(68), BatchError::Truncated { announced: 69, found: 68 }, 87),
        ("trailing", |b| b.push(0), BatchError::TrailingBytes { batch: 69, found: 70 }, 87),
        ("two", |b| b.extend_from_within(..), BatchError::TrailingBytes { batch: 69, found: 138 }, 87),
        ("magic 0", |b| b[16] = 0, BatchError::UnsupportedMagic { magic: 0 }, 87),
        ("magic 1", |b| b[16] = 1, BatchError::UnsupportedMagic { magic: 1 }, 87),
        ("magic 3", |b| b[16] = 3, BatchError::UnsupportedMagic { magic: 3 }, 87),
        ("length -1", |b| b[8..12].fill(0xff), BatchError::InvalidLength { batch_length: -1 }, 2),
        ("length 13", |b| b[11] = 13, BatchError::InvalidLength { batch_length: 13 }, 2),
        ("base offset", |b| b[7] = 5, BatchError::BaseOffset { base_offset: 5 }, 87),
        (
            "60 bytes",
            |b| {
                b.truncate(60);
                b[11] = 48;
            },
            BatchError::ShorterThanHeader { size: 60 },
            2,
        ),
        (
            "control",
            |b| {
                b[22] |= 0x20;
                fix_crc(b);
            },
            BatchError::ControlBatch,
            87,
        ),
        (
            "codec 5",
            |b| {
                b[22] |= 5;
                fix_crc(b);
            },
            BatchError::UnknownCompression { codec: 5 },
            76,
        ),
        (
            "codec 7",
            |b| {
                b[22] |= 7;
                fix_crc(b);
            },
            BatchError::UnknownCompression { codec: 7 },
            76,
        ),
        (
            "count 0",
            |b| {
                b[60] = 0;
                b[23..27].fill(0xff);
                fix_crc(b);
            },
            BatchError::RecordCount { record_count: 0, last_offset_delta: -1 },
            87,
        ),
        (
            "count 2",
            |b| {
                b[60] = 2;
                fix_crc(b);
            },
            BatchError::RecordCount { record_count: 2, last_offset_delta: 0 },
            87,
        ),
        (
            "count min",
            |b| {
                b[57] = 0x80;
                b[60] = 0;
                b[23] = 0x7f;
                b[24..27].fill(0xff);
                fix_crc(b);
            },
            BatchError::RecordCount { record_count: i32::MIN, last_offset_delta: i32::MAX },
            87,
        ),
        (
            "sequence",
            |b| {
                b[43..51].fill(0);
                fix_crc(b);
            },
            BatchError::NegativeSequence { base_sequence: -1 },
            87,
        ),
    ];
    for (name, change, error, code) in cases {
        let mut batch = hand_made(1, RECORD);
        change(&mut batch);
        assert_eq!(RecordBatch::parse(&batch, LIMIT), Err(error), "{name}");
        assert_eq!(error.error_code().code(), code, "{name}");
    }
    let batch = hand_made(1, RECORD);
    let too_large = RecordBatch::parse(&batch, 68).unwrap_err();
    assert_eq!(too_large, BatchError::TooLarge { size: 69, limit: 68 });
    assert_eq!(too_large.error_code(), ErrorCode::MessageTooLarge);
    assert!(RecordBatch::parse(&batch, 69).is_ok());
}

#[test]
fn what_comes_first_decides_the_code() {
    // Size before CRC, base offset before size, CRC before what is inside.
    let mut batch = hand_made(1, RECORD);
    batch[60] = 9;
    assert!(matches!(RecordBatch::parse(&batch, LIMIT), Err(BatchError::Crc { .. })));
    assert!(matches!(RecordBatch::parse(&batch, 10), Err(BatchError::TooLarge { .. })));
    batch[7] = 1;
    assert!(matches!(RecordBatch::parse(&batch, 10), Err(BatchError::BaseOffset { .. })));
    batch.push(0);
    assert!(matches!(RecordBatch::parse(&batch, 10), Err(BatchError::TrailingBytes { .. })));
    batch[16] = 1;
    assert!(matches!(RecordBatch::parse(&batch, 10), Err(BatchError::UnsupportedMagic { .. })));
}

#[test]
fn what_real_producers_send_is_taken() {
    let producers = [
        ("kafkajs", Producer { id: -1, epoch: 0, sequence: 0, transactional: false }),
        ("aiokafka", Producer { id: -1, epoch: -1, sequence: 0, transactional: false }),
        ("not idempotent", NOT_IDEMPOTENT),
        ("idempotent", Producer { id: 4000, epoch: 0, sequence: i32::MAX, transactional: false }),
    ];
    for (name, producer) in producers {
        let batch = encode_batch(&uniform_records(1, 10), producer, Compression::None, <[u8]>::to_vec);
        assert!(RecordBatch::parse(&batch, LIMIT).is_ok(), "{name}");
    }
    // Log append time, any leader epoch (not covered by the CRC), unused attribute bits.
    let mut batch = hand_made(1, RECORD);
    batch[12..16].fill(0x42);
    assert!(RecordBatch::parse(&batch, LIMIT).is_ok());
    batch[21] |= 0x80;
    batch[22] |= 0x48;
    fix_crc(&mut batch);
    let parsed = RecordBatch::parse(&batch, LIMIT).unwrap();
    assert_eq!(parsed.header.timestamp_type, TimestampType::LogAppendTime);
}

#[test]
fn every_changed_byte_is_noticed() {
    let batch = encode_batch(&uniform_records(3, 20), NOT_IDEMPOTENT, Compression::None, <[u8]>::to_vec);
    for index in (0..12).chain(16..batch.len()) {
        for flip in [0x01, 0x10, 0xff] {
            let mut changed = batch.clone();
            changed[index] ^= flip;
            assert!(RecordBatch::parse(&changed, LIMIT).is_err(), "byte {index}");
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let batch = encode_batch(&uniform_records(3, 20), NOT_IDEMPOTENT, Compression::None, <[u8]>::to_vec);
    for end in 0..batch.len() {
        assert!(RecordBatch::parse(&batch[..end], LIMIT).is_err(), "{end}");
    }
    // The same within the records, behind a header that is right.
    let records = &batch[61..];
    for end in 0..records.len() {
        let mut cut = hand_made(3, &records[..end]);
        fix_crc(&mut cut);
        assert!(decode(&cut, &mut Decompressor::new()).is_err(), "{end}");
    }
    assert!(decode(&hand_made(3, records), &mut Decompressor::new()).is_ok());
}

fn first_error(count: i32, records: &[u8]) -> (usize, DecodeErrorKind, usize) {
    let batch = hand_made(count, records);
    let parsed = RecordBatch::parse(&batch, LIMIT).unwrap();
    let mut good = 0;
    let mut all = Records::new(&parsed.header, parsed.records);
    loop {
        match all.next().expect("an error before the end") {
            Ok(_) => good += 1,
            Err(error) => {
                assert!(all.next().is_none(), "nothing after an error");
                return (good, error.kind, error.offset);
            }
        }
    }
}

#[test]
fn records_that_are_not_right_are_errors_at_their_place() {
    use DecodeErrorKind::*;
    let two = [RECORD, &[14, 0, 2, 2, 1, 2, b'w', 0]].concat();
    // Too few, too many, out of order.
    assert_eq!(first_error(3, &two), (2, UnexpectedEnd { needed: 1, remaining: 0 }, 16));
    assert_eq!(first_error(1, &two), (1, TrailingBytes { count: 8 }, 8));
    assert_eq!(first_error(i32::MAX, &two).0, 2);
    let twice = RECORD.repeat(2);
    assert_eq!(first_error(2, &twice), (1, OffsetDelta { expected: 1, found: 0 }, 12));
    assert_eq!(first_error(1, &[14, 0, 2, 1, 1, 2, b'v', 0]), (0, OffsetDelta { expected: 0, found: -1 }, 4));
    // A length that is null, negative, too small, too large.
    assert_eq!(first_error(1, &[1]), (0, UnexpectedNull, 1));
    assert_eq!(first_error(1, &[3]), (0, NegativeLength { length: -2 }, 0));
    assert_eq!(first_error(1, &[12, 0, 2, 0, 1, 2, b'v', 0]).0, 0);
    assert_eq!(first_error(1, &[16, 0, 2, 0, 1, 2, b'v', 0, 0]), (0, TrailingBytes { count: 1 }, 8));
    // A key or value longer than the record, a length of i32::MAX.
    assert_eq!(first_error(1, &[10, 0, 0, 0, 6, b'k']).0, 0);
    let huge = [0xfe, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(first_error(1, &huge), (0, UnexpectedEnd { needed: 2_147_483_647, remaining: 0 }, 5));
    // A varint that has no end.
    assert_eq!(first_error(1, &[0xff; 20]), (0, VarintTooLong, 0));
    // A timestamp beyond 64 bits: base 1000 + i64::MAX.
    let overflow = [32, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 1, 1, 0, 0];
    let expected = TimestampOverflow { base_ms: 1000, delta_ms: i64::MAX };
    assert_eq!(first_error(1, &overflow), (0, expected, 12));
}

#[test]
fn headers_that_are_not_right_are_errors_at_their_place() {
    use DecodeErrorKind::*;
    let with_headers = |headers: &[u8]| {
        let body = [&[0, 0, 0, 1, 1], headers].concat();
        [&[u8::try_from(body.len() * 2).unwrap()], body.as_slice()].concat()
    };
    // Count -1; i32::MAX headers in no bytes; a null key; a key that is no UTF-8; a value that is cut.
    assert_eq!(first_error(1, &with_headers(&[1])), (0, NegativeLength { length: -1 }, 6));
    assert_eq!(first_error(1, &with_headers(&[0xfe, 0xff, 0xff, 0xff, 0x0f])).0, 0);
    assert_eq!(first_error(1, &with_headers(&[2, 1, 1])), (0, UnexpectedNull, 7));
    assert_eq!(first_error(1, &with_headers(&[2, 4, b'a', 0xff, 1])), (0, InvalidUtf8, 9));
    assert_eq!(
        first_error(1, &with_headers(&[2, 2, b'a', 4, 0])),
        (0, UnexpectedEnd { needed: 2, remaining: 1 }, 10)
    );

    // Keys may repeat and be empty, values may be null.
    let batch = hand_made(1, &with_headers(&[6, 2, b'a', 1, 2, b'a', 0, 0, 2, b'v']));
    let parsed = RecordBatch::parse(&batch, LIMIT).unwrap();
    let record = Records::new(&parsed.header, parsed.records).next().unwrap().unwrap();
    let headers: Vec<_> = record.headers.collect();
    assert_eq!(headers, [("a", None), ("a", Some(b"".as_slice())), ("", Some(b"v".as_slice()))]);
}

#[test]
fn a_bomb_that_claims_two_billion_records_is_refused_at_little_cost() {
    let bomb = codecs::zstd_stream(&vec![0; 256 * 1024 * 1024], 3);
    let mut batch = hand_made(i32::MAX, &bomb);
    batch[22] |= 4;
    fix_crc(&mut batch);
    let parsed = RecordBatch::parse(&batch, LIMIT).unwrap();
    assert_eq!(parsed.header.record_count, 2_147_483_647);
    let mut decompressor = Decompressor::new();
    let error = decompressor.decompress(parsed.header.compression, parsed.records, LIMIT).unwrap_err();
    assert_eq!(error.error_code(), ErrorCode::MessageTooLarge);
}

#[test]
#[ignore = "writes fuzz/corpus/, for the fuzzer to start from"]
fn write_fuzz_seeds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/record_batch");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, compression, compress) in codecs::all() {
        let mut records = uniform_records(5, 50);
        records[1].key = Some(b"key".to_vec());
        records[2].headers = vec![("header".to_owned(), Some(b"value".to_vec())), ("null".to_owned(), None)];
        records[3].value = None;
        let batch = encode_batch(&records, NOT_IDEMPOTENT, compression, compress);
        std::fs::write(folder.join(name.replace(", ", "-").replace(' ', "-")), batch).unwrap();
    }
}
