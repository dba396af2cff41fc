//! What a batch of 1,000 records of 100 bytes costs from the frame to its records: CRC, decompression, iteration.
//!
//! Throughput is in records; 1 s / it is the time per record.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use quafka_protocol::{Compression, Decompressor, RecordBatch, Records};
use support::{NOT_IDEMPOTENT, codecs, encode_batch, uniform_records};

const RECORDS: usize = 1000;
const LIMIT: usize = 10 * 1024 * 1024;

fn main() {
    divan::main();
}

/// All of it, looking at every key and value once.
fn read(batch: &[u8], decompressor: &mut Decompressor) -> usize {
    let batch = RecordBatch::parse(batch, LIMIT).unwrap();
    let bytes = decompressor.decompress(batch.header.compression, batch.records, LIMIT).unwrap();
    Records::new(&batch.header, bytes)
        .map(|record| {
            let record = record.unwrap();
            record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + record.headers.len()
        })
        .sum()
}

fn bench(bencher: Bencher<'_, '_>, compression: Compression, compress: fn(&[u8]) -> Vec<u8>) {
    let batch = encode_batch(&uniform_records(RECORDS, 100), NOT_IDEMPOTENT, compression, compress);
    let mut decompressor = Decompressor::new();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| read(black_box(&batch), &mut decompressor));
}

#[divan::bench]
fn uncompressed(bencher: Bencher<'_, '_>) {
    bench(bencher, Compression::None, <[u8]>::to_vec);
}

#[divan::bench]
fn uncompressed_crc_only(bencher: Bencher<'_, '_>) {
    let batch =
        encode_batch(&uniform_records(RECORDS, 100), NOT_IDEMPOTENT, Compression::None, <[u8]>::to_vec);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        RecordBatch::parse(black_box(&batch), LIMIT).map(|batch| batch.records.len()).unwrap()
    });
}

#[divan::bench]
fn uncompressed_with_two_headers(bencher: Bencher<'_, '_>) {
    let mut records = uniform_records(RECORDS, 100);
    for record in &mut records {
        record.headers =
            vec![("source".to_owned(), Some(b"sensor-7".to_vec())), ("trace".to_owned(), Some(vec![7; 16]))];
    }
    let batch = encode_batch(&records, NOT_IDEMPOTENT, Compression::None, <[u8]>::to_vec);
    let mut decompressor = Decompressor::new();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| read(black_box(&batch), &mut decompressor));
}

#[divan::bench]
fn gzip(bencher: Bencher<'_, '_>) {
    bench(bencher, Compression::Gzip, codecs::gzip);
}

#[divan::bench]
fn snappy_raw(bencher: Bencher<'_, '_>) {
    bench(bencher, Compression::Snappy, codecs::snappy);
}

#[divan::bench]
fn snappy_xerial(bencher: Bencher<'_, '_>) {
    bench(bencher, Compression::Snappy, codecs::xerial);
}

#[divan::bench]
fn lz4_linked(bencher: Bencher<'_, '_>) {
    bench(bencher, Compression::Lz4, |bytes| codecs::lz4(bytes, true, false, lz4::BlockSize::Max64KB));
}

#[divan::bench]
fn lz4_independent(bencher: Bencher<'_, '_>) {
    bench(bencher, Compression::Lz4, |bytes| codecs::lz4(bytes, false, false, lz4::BlockSize::Max64KB));
}

#[divan::bench]
fn zstd_streamed(bencher: Bencher<'_, '_>) {
    bench(bencher, Compression::Zstd, |bytes| codecs::zstd_stream(bytes, 3));
}
