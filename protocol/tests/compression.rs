//! Every codec, every shape in which producers write it: right bytes come out, wrong ones are refused, and bombs
//! do not go off.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::Write;

use proptest::prelude::*;
use quafka_protocol::limits::RETAINED_BUFFER_BYTES;
use quafka_protocol::{Compression, DecompressError, Decompressor, ErrorCode};
use support::codecs;

const MIB: usize = 1024 * 1024;

/// Text-like, so that it compresses but has structure over long distances.
fn sample(size: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut out = Vec::with_capacity(size + 16);
    while out.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        write!(out, "{{\"n\":{}}}", state % 5000).unwrap();
        if state.is_multiple_of(97) && out.len() > 50_000 {
            let from = out.len() - 50_000;
            out.extend_from_within(from..from + 3000);
        }
    }
    out.truncate(size);
    out
}

#[test]
fn every_shape_comes_out_as_it_went_in() {
    // One workspace for all: what one batch leaves behind must not show in the next.
    let mut decompressor = Decompressor::new();
    for size in [0, 1, 100, 64 * 1024, 64 * 1024 + 1, 200_000, 1_000_000, 5_000_000] {
        let data = sample(size);
        for (name, compression, compress) in codecs::all() {
            let compressed = compress(&data);
            let out = decompressor.decompress(compression, &compressed, size);
            assert!(out.unwrap_or_else(|error| panic!("{name}, {size} bytes: {error}")) == data, "{name}");
        }
    }
}

#[test]
fn one_byte_over_the_limit_is_too_much() {
    let mut decompressor = Decompressor::new();
    for size in [1, 100, 64 * 1024, 300_000] {
        let data = sample(size);
        for (name, compression, compress) in codecs::all() {
            let compressed = compress(&data);
            for limit in [0, size / 2, size - 1] {
                let out = decompressor.decompress(compression, &compressed, limit);
                assert_eq!(out, Err(DecompressError::TooLarge { limit }), "{name}, {size} bytes");
            }
        }
    }
    assert_eq!(DecompressError::TooLarge { limit: 0 }.error_code(), ErrorCode::MessageTooLarge);
}

#[test]
fn truncation_never_passes_for_the_whole() {
    let mut decompressor = Decompressor::new();
    let data = sample(3000);
    for (name, compression, compress) in codecs::all() {
        if compression == Compression::None {
            continue;
        }
        let compressed = compress(&data);
        for end in 0..compressed.len() {
            if let Ok(out) = decompressor.decompress(compression, &compressed[..end], MIB) {
                // Only between two blocks or frames can a shorter stream be valid.
                assert!(out.len() < data.len() && data.starts_with(out), "{name} cut at {end}");
                assert!(name.contains("two") || end == 0 || name.contains("xerial"), "{name} cut at {end}");
            }
        }
    }
}

#[test]
fn flipped_bytes_never_panic_nor_exceed_the_limit() {
    let mut decompressor = Decompressor::new();
    let data = sample(3000);
    for (name, compression, compress) in codecs::all() {
        let mut compressed = compress(&data);
        for index in 0..compressed.len() {
            for flip in [0x01, 0x80, 0xff] {
                compressed[index] ^= flip;
                if let Ok(out) = decompressor.decompress(compression, &compressed, 4000) {
                    assert!(out.len() <= 4000, "{name}");
                }
                compressed[index] ^= flip;
            }
        }
    }
}

#[test]
fn corrupt_data_says_what_is_wrong() {
    let mut decompressor = Decompressor::new();
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let error = decompressor.decompress(compression, &[0xff; 100], MIB).unwrap_err();
        assert_eq!(error.error_code(), ErrorCode::CorruptMessage, "{error}");
        assert!(error.to_string().starts_with(&format!("corrupt {compression} data: ")), "{error}");
    }
    let mut lz4 = codecs::lz4_flex_frame(&sample(1000));
    let last = lz4.len() - 1;
    lz4[last] ^= 1;
    let error = decompressor.decompress(Compression::Lz4, &lz4, MIB).unwrap_err();
    assert_eq!(error.to_string(), "corrupt lz4 data: wrong checksum of the content");
}

#[test]
fn a_snappy_block_cannot_announce_what_it_cannot_hold() {
    let mut decompressor = Decompressor::new();
    // A preamble of 2^32-1 bytes, then next to nothing.
    let raw = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61];
    let xerial = [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\x07".as_slice(), &raw].concat();
    for bytes in [raw.as_slice(), &xerial] {
        let error = decompressor.decompress(Compression::Snappy, bytes, usize::MAX).unwrap_err();
        assert_eq!(error.error_code(), ErrorCode::CorruptMessage, "{error}");
    }
    // A xerial block that is longer than the stream, and one of negative length.
    for length in [i32::MAX, 8, -2] {
        let bytes = [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".as_slice(), &length.to_be_bytes(), &[0; 7]].concat();
        assert!(decompressor.decompress(Compression::Snappy, &bytes, MIB).is_err());
    }
    assert_eq!(decompressor.retained_bytes(), 0, "nothing was ever there to be decompressed");
}

#[test]
fn snappy_holds_what_its_densest_block_holds() {
    // The ratio check must not refuse what a block can really be: mostly copies of 64 bytes.
    let data = vec![b'a'; 10 * MIB];
    let raw = codecs::snappy(&data);
    let out = Decompressor::new().decompress(Compression::Snappy, &raw, data.len()).unwrap().len();
    assert_eq!(out, data.len(), "from {} bytes", raw.len());
}

#[test]
fn an_lz4_header_does_not_allocate_its_block_size() {
    // 4 MiB linked blocks, and one of ten bytes.
    let frame = codecs::lz4(b"0123456789", true, false, lz4::BlockSize::Max4MB);
    let mut decompressor = Decompressor::new();
    assert_eq!(decompressor.decompress(Compression::Lz4, &frame, 100 * MIB).unwrap(), b"0123456789");
    assert!(decompressor.retained_bytes() <= 64 * 1024, "{}", decompressor.retained_bytes());
}

#[test]
fn the_buffer_shrinks_when_large_batches_have_become_rare() {
    let mut decompressor = Decompressor::new();
    let large = codecs::zstd_stream(&sample(8 * MIB), 1);
    let small = codecs::zstd_stream(&sample(1000), 1);
    decompressor.decompress(Compression::Zstd, &large, 16 * MIB).unwrap();
    decompressor.decompress(Compression::Zstd, &small, 16 * MIB).unwrap();
    assert!(decompressor.retained_bytes() >= 8 * MIB, "one small batch is no reason yet");
    for _ in 0..20 {
        decompressor.decompress(Compression::Zstd, &small, 16 * MIB).unwrap();
    }
    assert!(decompressor.retained_bytes() <= RETAINED_BUFFER_BYTES);

    decompressor.decompress(Compression::Zstd, &large, 16 * MIB).unwrap();
    decompressor.shrink();
    assert!(decompressor.retained_bytes() <= RETAINED_BUFFER_BYTES);
}

#[test]
fn a_failure_leaves_no_large_buffer() {
    let mut decompressor = Decompressor::new();
    for compress in [codecs::gzip, codecs::lz4_flex_frame, |bytes: &[u8]| codecs::zstd_stream(bytes, 1)] {
        let mut compressed = compress(&sample(8 * MIB));
        compressed.pop();
        for compression in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
            assert!(decompressor.decompress(compression, &compressed, 16 * MIB).is_err());
        }
        assert!(decompressor.retained_bytes() <= RETAINED_BUFFER_BYTES);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_survive_any_codec(data in proptest::collection::vec(0_u8..8, 0..70_000)) {
        let mut decompressor = Decompressor::new();
        for (name, compression, compress) in codecs::all() {
            let compressed = compress(&data);
            let out = decompressor.decompress(compression, &compressed, data.len());
            prop_assert!(out.as_deref() == Ok(data.as_slice()), "{}", name);
        }
    }

    #[test]
    fn garbage_never_panics(garbage in proptest::collection::vec(any::<u8>(), 0..300), limit in 0_usize..10_000) {
        let mut decompressor = Decompressor::new();
        for compression in Compression::ALL {
            if let Ok(out) = decompressor.decompress(compression, &garbage, limit) {
                prop_assert!(out.len() <= limit);
            }
        }
    }
}
