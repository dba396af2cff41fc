//! The codecs of record batches, under a limit.
//!
//! Output grows only as data is really produced, whatever a header announces, and never beyond the limit that the
//! caller gives. The workspace is kept from batch to batch, so that the usual one allocates nothing.

mod lz4;
mod output;
mod snappy;
mod zstandard;

use std::fmt;
use std::io::{ErrorKind, Read};

use thiserror::Error;

use crate::error_code::ErrorCode;
use output::Output;

/// How the records of a batch are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Compression {
    /// Not at all.
    None = 0,
    /// gzip (RFC 1952), one or more members.
    Gzip = 1,
    /// Snappy, either one raw block or the framing of xerial's snappy-java.
    Snappy = 2,
    /// The LZ4 frame format.
    Lz4 = 3,
    /// Zstandard (RFC 8878), one or more frames. Allowed since Produce 7 (KIP-110).
    Zstd = 4,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The bits of a batch's attributes that name the codec.
    pub(crate) const MASK: i16 = 0b111;

    /// The codec that a batch's attributes name, if there is one with this number.
    pub fn from_attributes(attributes: i16) -> Option<Self> {
        Some(match attributes & Self::MASK {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Snappy,
            3 => Self::Lz4,
            4 => Self::Zstd,
            _ => return None,
        })
    }

    /// The name that producers' `compression.type` has.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A reusable workspace for decompressing one batch after the other.
///
/// Keeps its buffer between batches: as large as the largest batch of late, or about a MiB once large ones have
/// become rare. One for each thread or busy connection is meant.
#[derive(Default)]
pub struct Decompressor {
    output: Output,
    snappy: snap::raw::Decoder,
    zstd: zstandard::Workspace,
}

impl Decompressor {
    /// An empty workspace; nothing is allocated until it is needed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decompresses `bytes`, all of them, to at most `limit` bytes.
    ///
    /// What is returned is in the workspace, or is `bytes` itself where these are not compressed.
    pub fn decompress<'b>(
        &'b mut self,
        compression: Compression,
        bytes: &'b [u8],
        limit: usize,
    ) -> Result<&'b [u8], DecompressError> {
        if compression == Compression::None {
            return if bytes.len() > limit { Err(DecompressError::TooLarge { limit }) } else { Ok(bytes) };
        }
        self.output.start(limit);
        let outcome = match compression {
            Compression::None => Ok(()),
            Compression::Gzip => gunzip(bytes, &mut self.output),
            Compression::Snappy => snappy::decompress(&mut self.snappy, bytes, &mut self.output),
            Compression::Lz4 => lz4::decompress(bytes, &mut self.output),
            Compression::Zstd => self.zstd.decompress(bytes, &mut self.output),
        };
        let error = match outcome {
            Ok(()) => return Ok(self.output.produced()),
            Err(Failure::LimitReached) => DecompressError::TooLarge { limit },
            Err(Failure::Corrupt(reason)) => DecompressError::Corrupt { compression, reason },
        };
        // A bomb has filled the buffer up to the limit: nobody else needs it that large.
        self.output.shrink();
        Err(error)
    }

    /// Gives back all memory but a usual buffer's worth, for a caller who knows that there is a pause.
    pub fn shrink(&mut self) {
        self.output.shrink();
    }

    /// Bytes that the buffer holds at present.
    pub fn retained_bytes(&self) -> usize {
        self.output.capacity()
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").field("retained_bytes", &self.retained_bytes()).finish_non_exhaustive()
    }
}

/// Why a batch's records could not be decompressed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecompressError {
    /// There is more than the limit.
    #[error("records are larger than {limit} bytes when decompressed")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The bytes are not what the codec writes.
    #[error("corrupt {compression} data: {reason}")]
    Corrupt {
        /// The codec.
        compression: Compression,
        /// What is wrong.
        reason: String,
    },
}

impl DecompressError {
    /// What the producer is told.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::MessageTooLarge,
            Self::Corrupt { .. } => ErrorCode::CorruptMessage,
        }
    }
}

/// What a codec says.
enum Failure {
    LimitReached,
    Corrupt(String),
}

impl Failure {
    fn corrupt(reason: impl fmt::Display) -> Self {
        Self::Corrupt(reason.to_string())
    }
}

fn gunzip(bytes: &[u8], output: &mut Output) -> Result<(), Failure> {
    let mut decoder = flate2::bufread::MultiGzDecoder::new(bytes);
    loop {
        if output.room(1)?.is_empty() {
            // Exactly full: fine if this is the end.
            return match decoder.read(&mut [0]) {
                Ok(0) => Ok(()),
                Ok(_) => Err(Failure::LimitReached),
                Err(error) => Err(Failure::corrupt(error)),
            };
        }
        match decoder.read(output.room(1)?) {
            Ok(0) => return Ok(()),
            Ok(count) => output.advance(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::corrupt(error)),
        }
    }
}
