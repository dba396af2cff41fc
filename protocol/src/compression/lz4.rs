//! The LZ4 frame format (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>), block by block straight
//! into the output: there the history is that linked blocks refer to, and no frame header makes us allocate
//! the megabytes that it may ask for.

use lz4_flex::block::{DecompressError, decompress_into, decompress_into_with_dict};
use twox_hash::XxHash32;

use super::Failure;
use super::output::Output;
use crate::reader::{DecodeError, Reader};

const MAGIC: u32 = 0x184D_2204;
/// How far back a match can reach.
const WINDOW: usize = 64 * 1024;
/// An input byte extends a match by at most this many bytes.
const MAX_EXPANSION: usize = 255;
const UNCOMPRESSED_BIT: u32 = 1 << 31;

/// What a frame's descriptor says.
struct Descriptor {
    linked: bool,
    block_checksums: bool,
    content_checksum: bool,
    content_size: Option<u64>,
    max_block_size: usize,
}

/// One frame or several, filling `bytes`.
pub(super) fn decompress(bytes: &[u8], output: &mut Output) -> Result<(), Failure> {
    let mut reader = Reader::new(bytes);
    loop {
        frame(&mut reader, output)?;
        if reader.is_empty() {
            return Ok(());
        }
    }
}

fn frame(reader: &mut Reader<'_>, output: &mut Output) -> Result<(), Failure> {
    let descriptor = Descriptor::decode(reader)?;
    let start = output.position();
    loop {
        let size = u32_le(reader)?;
        if size == 0 {
            break;
        }
        let compressed = size & UNCOMPRESSED_BIT == 0;
        let length = usize::try_from(size & !UNCOMPRESSED_BIT).unwrap_or(usize::MAX);
        if length > descriptor.max_block_size {
            return Err(Failure::Corrupt(format!("block of {length} bytes in a frame of smaller ones")));
        }
        let block = reader.take(length)?;
        if descriptor.block_checksums && u32_le(reader)? != XxHash32::oneshot(0, block) {
            return Err(Failure::corrupt("wrong checksum of a block"));
        }
        if compressed {
            decompress_block(&descriptor, block, start, output)?;
        } else {
            copy_block(block, output)?;
        }
    }
    let content = output.produced().get(start..).unwrap_or_default();
    if let Some(announced) = descriptor.content_size
        && u64::try_from(content.len()) != Ok(announced)
    {
        return Err(Failure::Corrupt(format!("{} bytes where {announced} were announced", content.len())));
    }
    if descriptor.content_checksum && u32_le(reader)? != XxHash32::oneshot(0, content) {
        return Err(Failure::corrupt("wrong checksum of the content"));
    }
    Ok(())
}

fn decompress_block(
    descriptor: &Descriptor,
    block: &[u8],
    start: usize,
    output: &mut Output,
) -> Result<(), Failure> {
    let possible = descriptor.max_block_size.min(block.len().saturating_mul(MAX_EXPANSION));
    let limited = possible > output.left();
    let outcome = if descriptor.linked {
        let (history, room) = output.room_with_history(possible, start, WINDOW)?;
        decompress_into_with_dict(block, room, history)
    } else {
        let (_, room) = output.room_with_history(possible, start, 0)?;
        decompress_into(block, room)
    };
    match outcome {
        Ok(count) => {
            output.advance(count);
            Ok(())
        }
        Err(DecompressError::OutputTooSmall { .. }) if limited => Err(Failure::LimitReached),
        Err(error) => Err(Failure::corrupt(error)),
    }
}

fn copy_block(block: &[u8], output: &mut Output) -> Result<(), Failure> {
    let Some(room) = output.room(block.len())?.get_mut(..block.len()) else {
        return Err(Failure::LimitReached);
    };
    room.copy_from_slice(block);
    output.advance(block.len());
    Ok(())
}

impl Descriptor {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Failure> {
        let magic = u32_le(reader)?;
        if magic != MAGIC {
            return Err(Failure::Corrupt(format!("{magic:#010x} does not start a frame")));
        }
        let bytes = reader.remaining();
        let start = reader.offset();
        let flags = u8_of(reader)?;
        let block_descriptor = u8_of(reader)?;
        let flag = |bit: u8| flags & (1 << bit) != 0;
        if flags >> 6 != 1 || flag(1) || block_descriptor & 0b1000_1111 != 0 {
            return Err(Failure::corrupt("unknown version or flags of a frame"));
        }
        if flag(0) {
            return Err(Failure::corrupt("frame with a dictionary"));
        }
        let max_block_size = match block_descriptor >> 4 {
            4 => 64 * 1024,
            5 => 256 * 1024,
            6 => 1024 * 1024,
            7 => 4 * 1024 * 1024,
            _ => return Err(Failure::corrupt("unknown block size of a frame")),
        };
        let content_size = if flag(3) { Some(u64_le(reader)?) } else { None };
        let described = bytes.get(..reader.offset().saturating_sub(start)).unwrap_or_default();
        let [_, checksum, ..] = XxHash32::oneshot(0, described).to_le_bytes();
        if u8_of(reader)? != checksum {
            return Err(Failure::corrupt("wrong checksum of a frame's header"));
        }
        Ok(Self {
            linked: !flag(5),
            block_checksums: flag(4),
            content_checksum: flag(2),
            content_size,
            max_block_size,
        })
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::corrupt(error)
    }
}

fn u8_of(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    Ok(reader.i8()?.cast_unsigned())
}

fn u32_le(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    Ok(reader.u32()?.swap_bytes())
}

fn u64_le(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    Ok(reader.i64()?.cast_unsigned().swap_bytes())
}
