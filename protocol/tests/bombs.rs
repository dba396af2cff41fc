//! A little data that becomes a lot. Alone in its file, so that the peak memory of the process is what this test used.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::Write;

use quafka_protocol::{Compression, DecompressError, Decompressor};
use support::codecs;

const MIB: usize = 1024 * 1024;

#[test]
fn bombs_do_not_go_off() {
    let limit = 2 * MIB;
    let mut decompressor = Decompressor::new();
    // Once with something harmless: libraries and contexts are not what is measured.
    for (_, compression, compress) in codecs::all() {
        decompressor.decompress(compression, &compress(&[0; 100_000]), limit).unwrap();
    }
    let bombs = bombs();
    for (name, compression, bomb) in &bombs {
        reset_peak_memory();
        let before = peak_memory_bytes();
        let outcome = decompressor.decompress(*compression, bomb, limit).map(<[u8]>::len);
        let grown = peak_memory_bytes().zip(before).map(|(after, before)| after.saturating_sub(before));
        println!("{name}: {} bytes, peak memory grew by {grown:?}", bomb.len());
        assert_eq!(outcome, Err(DecompressError::TooLarge { limit }), "{name}");
        assert!(decompressor.retained_bytes() <= limit, "{name}");
        // While it grows, a buffer is there twice.
        assert!(grown.is_none_or(|grown| grown <= 2 * limit), "{name}: peak memory grew by {grown:?} bytes");
    }

    // Without a limit it would have been seen.
    let (_, compression, bomb) = &bombs[0];
    reset_peak_memory();
    let before = peak_memory_bytes();
    assert_eq!(decompressor.decompress(*compression, bomb, usize::MAX).unwrap().len(), 256 * MIB);
    let grown = peak_memory_bytes().zip(before).map(|(after, before)| after.saturating_sub(before));
    assert!(grown.is_none_or(|grown| grown >= 200 * MIB), "{grown:?} bytes: the measure does not measure");
}

/// At most 1 GiB of zeros each, made without having them in memory.
fn bombs() -> Vec<(&'static str, Compression, Vec<u8>)> {
    let zstd = |announced: bool| {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.set_pledged_src_size(announced.then_some(256 * MIB as u64)).unwrap();
        encoder.include_contentsize(announced).unwrap();
        write_zeros(&mut encoder, 256);
        encoder.finish().unwrap()
    };
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        write_zeros(&mut encoder, 32);
        encoder.finish().unwrap()
    };
    let lz4 = {
        let mut encoder =
            lz4::EncoderBuilder::new().block_size(lz4::BlockSize::Max4MB).build(Vec::new()).unwrap();
        write_zeros(&mut encoder, 256);
        encoder.finish().0
    };
    // A literal zero, then copies of 64 from one byte back: 64 MiB and a byte.
    let mut snappy = vec![0x81, 0x80, 0x80, 0x20, 0, 0];
    snappy.extend([63 << 2 | 2, 1, 0].repeat(MIB));
    let xerial = {
        let block = codecs::snappy(&vec![0; MIB]);
        let framed = [&u32::try_from(block.len()).unwrap().to_be_bytes(), block.as_slice()].concat();
        [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".as_slice(), &framed.repeat(256)].concat()
    };
    let zstd_frames = zstd(false).repeat(4);
    vec![
        ("zstd, 256 MiB", Compression::Zstd, zstd(false)),
        ("zstd, 256 MiB announced", Compression::Zstd, zstd(true)),
        ("zstd, 4 frames of 256 MiB", Compression::Zstd, zstd_frames),
        ("gzip, 32 MiB", Compression::Gzip, gzip.clone()),
        ("gzip, 32 members of 32 MiB", Compression::Gzip, gzip.repeat(32)),
        ("lz4, 256 MiB", Compression::Lz4, lz4),
        ("snappy, 64 MiB", Compression::Snappy, snappy),
        ("snappy, xerial, 256 MiB", Compression::Snappy, xerial),
    ]
}

fn write_zeros(to: &mut impl Write, mib: usize) {
    let zeros = vec![0; MIB];
    for _ in 0..mib {
        to.write_all(&zeros).unwrap();
    }
}

/// Where the system can: the peak starts anew from what is resident now.
fn reset_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most that this process had resident, where the system tells.
fn peak_memory_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
