//! The header of a record batch of magic 2 (Kafka's documentation, "Record Batch"; KIP-98), as a producer sends it.
//!
//! ```text
//!  0  base offset            i64   0 from a producer
//!  8  batch length           i32   bytes after this field
//! 12  partition leader epoch i32   anything; not covered by the CRC
//! 16  magic                  i8    2
//! 17  crc                    u32   CRC-32C of everything after this field
//! 21  attributes             i16   bits 0-2 codec, 3 timestamp type, 4 transactional, 5 control
//! 23  last offset delta      i32   record count - 1
//! 27  base timestamp         i64   ms
//! 35  max timestamp          i64   ms
//! 43  producer id            i64   -1: not idempotent
//! 51  producer epoch         i16
//! 53  base sequence          i32
//! 57  record count           i32
//! 61  records                      compressed as one
//! ```

use thiserror::Error;

use crate::compression::Compression;
use crate::error_code::ErrorCode;
use crate::reader::{DecodeError, Reader};

/// A batch whose CRC and header were checked; its records were not looked at yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordBatch<'a> {
    /// The header.
    pub header: BatchHeader,
    /// The records, compressed by [`BatchHeader::compression`].
    pub records: &'a [u8],
}

/// The header of a record batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// The checksum, CRC-32C, of all that follows it in the batch. It is right.
    pub crc: u32,
    /// How the records are compressed.
    pub compression: Compression,
    /// Who set the timestamps.
    pub timestamp_type: TimestampType,
    /// Is this batch part of a transaction?
    pub transactional: bool,
    /// Offset of the last record relative to the first: record count - 1.
    pub last_offset_delta: i32,
    /// To which the records' timestamp deltas are added, in milliseconds.
    pub base_timestamp_ms: i64,
    /// As the producer says, in milliseconds.
    pub max_timestamp_ms: i64,
    /// Below zero: not idempotent.
    pub producer_id: i64,
    /// Means nothing without a producer id.
    pub producer_epoch: i16,
    /// Of the first record. At least zero where there is a producer id; else it means nothing.
    pub base_sequence: i32,
    /// How many records the batch announces: at least one. Never to be used to size anything.
    pub record_count: u32,
}

/// Who set the timestamps of a batch's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer.
    CreateTime,
    /// The broker. Apache Kafka refuses this from a producer (error 32); here it is for the caller to decide.
    LogAppendTime,
}

/// Bytes before the batch length starts to count.
const LOG_OVERHEAD: usize = 12;
/// Bytes up to and including magic.
const SIZE_UP_TO_MAGIC: usize = 17;
/// Bytes of a header.
const HEADER_SIZE: usize = 61;
/// Least batch length, in any format: the overhead of a record of magic 0.
const MIN_BATCH_LENGTH: i32 = 14;

const TIMESTAMP_TYPE_BIT: i16 = 1 << 3;
const TRANSACTIONAL_BIT: i16 = 1 << 4;
const CONTROL_BIT: i16 = 1 << 5;

impl<'a> RecordBatch<'a> {
    /// Checks that `bytes`, what a Produce request has for a partition, are exactly one valid batch.
    ///
    /// The checks and their order are those of Apache Kafka, as each has its own error code: one whole batch of magic
    /// 2, base offset, size, CRC, then the header's fields. Not checked, as real producers differ: epoch and
    /// sequence without a producer id, max timestamp, leader epoch, unused attribute bits.
    pub fn parse(bytes: &'a [u8], max_batch_bytes: usize) -> Result<Self, BatchError> {
        let mut reader = Reader::new(bytes);
        let batch = Self::split(&mut reader, max_batch_bytes);
        // `split` has checked that the bytes are there, so the reader cannot run out; but if it did, this is the truth.
        batch.unwrap_or(Err(BatchError::Incomplete { found: bytes.len() }))
    }

    /// The outer error is the reader's, the inner one the batch's.
    fn split(
        reader: &mut Reader<'a>,
        max_batch_bytes: usize,
    ) -> Result<Result<Self, BatchError>, DecodeError> {
        let found = reader.remaining().len();
        if found < SIZE_UP_TO_MAGIC {
            return Ok(Err(BatchError::Incomplete { found }));
        }
        let base_offset = reader.i64()?;
        let batch_length = reader.i32()?;
        let _partition_leader_epoch = reader.i32()?;
        let magic = reader.i8()?;

        let announced = match usize::try_from(batch_length) {
            Ok(length) if batch_length >= MIN_BATCH_LENGTH => length.saturating_add(LOG_OVERHEAD),
            _ => return Ok(Err(BatchError::InvalidLength { batch_length })),
        };
        if magic != 2 {
            return Ok(Err(BatchError::UnsupportedMagic { magic }));
        }
        if announced > found {
            return Ok(Err(BatchError::Truncated { announced, found }));
        }
        if announced < found {
            return Ok(Err(BatchError::TrailingBytes { batch: announced, found }));
        }
        if base_offset != 0 {
            return Ok(Err(BatchError::BaseOffset { base_offset }));
        }
        if found > max_batch_bytes {
            return Ok(Err(BatchError::TooLarge { size: found, limit: max_batch_bytes }));
        }
        if found < HEADER_SIZE {
            return Ok(Err(BatchError::ShorterThanHeader { size: found }));
        }
        let announced_crc = reader.u32()?;
        let computed_crc = crc32c::crc32c(reader.remaining());
        if announced_crc != computed_crc {
            return Ok(Err(BatchError::Crc { announced: announced_crc, computed: computed_crc }));
        }
        let header = match BatchHeader::decode(reader, computed_crc)? {
            Ok(header) => header,
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(Self { header, records: reader.remaining() }))
    }
}

impl BatchHeader {
    /// Decodes what the CRC covers, up to the records.
    fn decode(reader: &mut Reader<'_>, crc: u32) -> Result<Result<Self, BatchError>, DecodeError> {
        let attributes = reader.i16()?;
        let last_offset_delta = reader.i32()?;
        let base_timestamp_ms = reader.i64()?;
        let max_timestamp_ms = reader.i64()?;
        let producer_id = reader.i64()?;
        let producer_epoch = reader.i16()?;
        let base_sequence = reader.i32()?;
        let record_count = reader.i32()?;

        if record_count <= 0 || record_count.checked_sub(1) != Some(last_offset_delta) {
            return Ok(Err(BatchError::RecordCount { record_count, last_offset_delta }));
        }
        if attributes & CONTROL_BIT != 0 {
            return Ok(Err(BatchError::ControlBatch));
        }
        if producer_id >= 0 && base_sequence < 0 {
            return Ok(Err(BatchError::NegativeSequence { base_sequence }));
        }
        let Some(compression) = Compression::from_attributes(attributes) else {
            return Ok(Err(BatchError::UnknownCompression { codec: attributes & Compression::MASK }));
        };
        let timestamp_type = if attributes & TIMESTAMP_TYPE_BIT == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        };
        Ok(Ok(Self {
            crc,
            compression,
            timestamp_type,
            transactional: attributes & TRANSACTIONAL_BIT != 0,
            last_offset_delta,
            base_timestamp_ms,
            max_timestamp_ms,
            producer_id,
            producer_epoch,
            base_sequence,
            record_count: record_count.cast_unsigned(),
        }))
    }
}

/// Why bytes are not a valid batch from a producer. Each variant has one error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BatchError {
    /// Nothing, or not enough to see what it is.
    #[error("no record batch in {found} bytes")]
    Incomplete {
        /// Bytes there are.
        found: usize,
    },
    /// The batch announces more bytes than there are.
    #[error("record batch of {announced} bytes, but there are only {found}")]
    Truncated {
        /// Bytes of the whole batch, as announced.
        announced: usize,
        /// Bytes there are.
        found: usize,
    },
    /// Something follows the batch: a second one, or rubbish.
    #[error("record batch of {batch} bytes in {found}: exactly one batch is allowed per partition")]
    TrailingBytes {
        /// Bytes of the first batch.
        batch: usize,
        /// Bytes there are.
        found: usize,
    },
    /// A message set (magic 0 or 1), or a format from the future.
    #[error("message format (magic) {magic} is not supported, only 2 is")]
    UnsupportedMagic {
        /// As it was found.
        magic: i8,
    },
    /// A length that no format allows.
    #[error("impossible batch length {batch_length}")]
    InvalidLength {
        /// As it was found: bytes after the field.
        batch_length: i32,
    },
    /// Producers leave the base offset at zero.
    #[error("base offset {base_offset}, where a producer has 0")]
    BaseOffset {
        /// As it was found.
        base_offset: i64,
    },
    /// Larger than what is taken.
    #[error("record batch of {size} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// Bytes of the batch.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not even a header.
    #[error("record batch of {size} bytes is shorter than its header of 61")]
    ShorterThanHeader {
        /// Bytes of the batch.
        size: usize,
    },
    /// The bytes are not those that the producer sent.
    #[error("CRC-32C is {computed:#010x}, but the record batch says {announced:#010x}")]
    Crc {
        /// What the batch says.
        announced: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// No records, or record count and last offset delta do not agree.
    #[error("record count {record_count} does not go with last offset delta {last_offset_delta}")]
    RecordCount {
        /// As it was found.
        record_count: i32,
        /// As it was found.
        last_offset_delta: i32,
    },
    /// Control batches are for brokers to write.
    #[error("control batches are not for producers")]
    ControlBatch,
    /// An idempotent producer's sequence starts at zero.
    #[error("base sequence {base_sequence} with a producer id")]
    NegativeSequence {
        /// As it was found.
        base_sequence: i32,
    },
    /// A codec without a meaning.
    #[error("unknown compression codec {codec}")]
    UnknownCompression {
        /// As it was found: 5 to 7.
        codec: i16,
    },
}

impl BatchError {
    /// What the producer is told.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Incomplete { .. }
            | Self::Truncated { .. }
            | Self::TrailingBytes { .. }
            | Self::UnsupportedMagic { .. }
            | Self::BaseOffset { .. }
            | Self::RecordCount { .. }
            | Self::ControlBatch
            | Self::NegativeSequence { .. } => ErrorCode::InvalidRecord,
            Self::TooLarge { .. } => ErrorCode::MessageTooLarge,
            Self::InvalidLength { .. } | Self::ShorterThanHeader { .. } | Self::Crc { .. } => {
                ErrorCode::CorruptMessage
            }
            Self::UnknownCompression { .. } => ErrorCode::UnsupportedCompressionType,
        }
    }
}
