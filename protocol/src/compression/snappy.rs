//! Snappy, in the two shapes that producers send: one raw block (librdkafka, franz-go, sarama), or the framing of
//! snappy-java (Java, kafka-go, Python): a magic, two version numbers, then blocks with an INT32 length each.

use snap::raw::{Decoder, decompress_len};

use super::Failure;
use super::output::Output;
use crate::reader::Reader;

const XERIAL_MAGIC: &[u8] = b"\x82SNAPPY\0";
/// Version and lowest compatible version. Every writer says 1 and 1, in either byte order; readers do not care.
const XERIAL_VERSIONS_SIZE: usize = 8;
/// A copy of 64 bytes takes three: no input becomes more than this many times its size.
const MAX_EXPANSION: usize = 22;

pub(super) fn decompress(decoder: &mut Decoder, bytes: &[u8], output: &mut Output) -> Result<(), Failure> {
    if !bytes.starts_with(XERIAL_MAGIC) {
        return block(decoder, bytes, output);
    }
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        // Streams that were written one behind the other repeat the header.
        if reader.remaining().starts_with(XERIAL_MAGIC) {
            let size = XERIAL_MAGIC.len().saturating_add(XERIAL_VERSIONS_SIZE);
            reader.take(size).map_err(Failure::corrupt)?;
            continue;
        }
        let length = reader.bytes(false).map_err(Failure::corrupt)?;
        block(decoder, length, output)?;
    }
    Ok(())
}

fn block(decoder: &mut Decoder, bytes: &[u8], output: &mut Output) -> Result<(), Failure> {
    let announced = decompress_len(bytes).map_err(Failure::corrupt)?;
    if announced > bytes.len().saturating_mul(MAX_EXPANSION) {
        let reason = format!("block of {} bytes announces {announced}", bytes.len());
        return Err(Failure::Corrupt(reason));
    }
    if announced > output.left() {
        return Err(Failure::LimitReached);
    }
    let room = output.room(announced)?.get_mut(..announced).unwrap_or_default();
    let count = decoder.decompress(bytes, room).map_err(Failure::corrupt)?;
    output.advance(count);
    Ok(())
}
