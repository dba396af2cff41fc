//! What the fuzz targets do, as plain functions: they can be called from a test or a debugger with a single input.
//!
//! None may panic, and none may use much memory or time for a small input, whatever it holds.

pub mod schemas;

use quafka_protocol::{
    ApiKey, Decompressor, Reader, RecordBatch, Records, Request, RequestHeader, frame,
    response_header_version,
};

/// More than any input can be worth, less than would hide an allocation by a peer's number.
const LIMIT: usize = 4 * 1024 * 1024;

/// A connection's bytes: length prefix and request, one after the other.
pub fn frame(mut data: &[u8]) {
    while let Some((prefix, rest)) = data.split_first_chunk::<4>() {
        let Ok(length) = frame::body_length(*prefix, LIMIT) else { return };
        assert!(length <= LIMIT);
        let Some((body, next)) = rest.split_at_checked(length) else { return };
        request(body);
        data = next;
    }
}

/// Header and body of any API.
pub fn request(data: &[u8]) {
    let mut reader = Reader::new(data);
    let Ok(header) = RequestHeader::decode(&mut reader) else { return };
    let Some(api) = ApiKey::from_i16(header.api_key) else { return };
    let _ = response_header_version(api, header.api_version);
    match Request::decode(api, &mut reader, header.api_version) {
        Ok(Request::Produce(produce)) => {
            assert!(api.supports(header.api_version));
            for partition in produce.topics.iter().flat_map(|topic| &topic.partitions) {
                record_batch(partition.records.unwrap_or_default());
            }
        }
        Ok(_) => {
            assert!(api.supports(header.api_version));
            assert!(reader.is_empty());
        }
        Err(error) => {
            assert!(error.offset <= data.len());
            let _ = error.to_string();
        }
    }
}

/// A batch with whatever CRC and length; both are put right, so that what lies behind them is reached.
pub fn record_batch(data: &[u8]) {
    let _ = batch(data);
    let mut fixed = data.to_vec();
    if fixed.len() >= 61 {
        fixed[..8].fill(0);
        fixed[8..12].copy_from_slice(&u32::try_from(data.len() - 12).unwrap_or(0).to_be_bytes());
        fixed[16] = 2;
        let crc = crc32c(&fixed[21..]);
        fixed[17..21].copy_from_slice(&crc.to_be_bytes());
        let _ = batch(&fixed);
    }
}

fn batch(data: &[u8]) -> Option<u32> {
    let batch = match RecordBatch::parse(data, LIMIT) {
        Ok(batch) => batch,
        Err(error) => {
            let _ = (error.error_code(), error.to_string());
            return None;
        }
    };
    let mut decompressor = Decompressor::new();
    let bytes = match decompressor.decompress(batch.header.compression, batch.records, LIMIT) {
        Ok(bytes) => bytes,
        Err(error) => {
            let _ = (error.error_code(), error.to_string());
            return None;
        }
    };
    assert!(bytes.len() <= LIMIT);
    let mut count = 0_u32;
    for record in Records::new(&batch.header, bytes) {
        let record = record.ok()?;
        assert_eq!(u32::try_from(record.offset_delta), Ok(count));
        assert_eq!(record.headers.len(), record.headers.clone().count());
        count += 1;
    }
    assert_eq!(count, batch.header.record_count);
    Some(count)
}

/// Bit by bit: slow and independent of the crate that is fuzzed.
fn crc32c(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}
