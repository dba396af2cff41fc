//! The records of a batch (Kafka's documentation, "Record"; headers: KIP-82), decoded one by one as they are asked for.
//!
//! ```text
//! length varint | attributes i8 | timestamp delta varlong | offset delta varint
//!   | key length varint, key | value length varint, value | header count varint, headers
//! header: key length varint, key (UTF-8) | value length varint, value
//! ```
//!
//! A length of -1 is null, for everything but a header's key. Nothing is allocated here.

use crate::reader::{DecodeError, DecodeErrorKind, Reader};
use crate::record_batch::BatchHeader;

/// A record, borrowed from the (decompressed) bytes of its batch.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Position in the batch, from 0.
    pub offset_delta: i32,
    /// In milliseconds since the epoch. Producers that set none write -1.
    pub timestamp_ms: i64,
    /// May be null.
    pub key: Option<&'a [u8]>,
    /// May be null.
    pub value: Option<&'a [u8]>,
    /// In the order of the record; keys may repeat.
    pub headers: Headers<'a>,
}

/// The records of a batch, lazily.
///
/// Yields exactly as many records as the batch announces, or an error: for bytes that are no record, too few or too many
/// of them, or offset deltas other than 0, 1, 2, ... After an error it yields nothing more. Offsets in errors count
/// from the start of the (decompressed) records.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    reader: Reader<'a>,
    base_timestamp_ms: i64,
    next: u32,
    count: u32,
}

impl<'a> Records<'a> {
    /// The records of the batch with this header; `bytes` are its records, decompressed.
    pub fn new(header: &BatchHeader, bytes: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(bytes),
            base_timestamp_ms: header.base_timestamp_ms,
            next: 0,
            count: header.record_count,
        }
    }

    #[inline(always)]
    fn record(&mut self) -> Result<Record<'a>, DecodeError> {
        let length = self.reader.varint_length()?;
        let Some(length) = length else {
            return Err(self.reader.error(DecodeErrorKind::UnexpectedNull));
        };
        let mut reader = self.reader.take_reader(length)?;

        let _attributes = reader.i8()?;
        let delta_ms = reader.varlong()?;
        let Some(timestamp_ms) = self.base_timestamp_ms.checked_add(delta_ms) else {
            let base_ms = self.base_timestamp_ms;
            return Err(reader.error(DecodeErrorKind::TimestampOverflow { base_ms, delta_ms }));
        };
        let offset_delta = reader.varint()?;
        if u32::try_from(offset_delta) != Ok(self.next) {
            let kind = DecodeErrorKind::OffsetDelta { expected: self.next, found: offset_delta };
            return Err(reader.error(kind));
        }
        let key = nullable_bytes(&mut reader)?;
        let value = nullable_bytes(&mut reader)?;
        let headers = Headers::decode(&mut reader)?;
        reader.finish()?;
        Ok(Record { offset_delta, timestamp_ms, key, value, headers })
    }

    /// Makes sure that nothing is yielded any more.
    #[cold]
    fn stop(&mut self) {
        self.reader = Reader::new(&[]);
        self.count = self.next;
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, DecodeError>;

    // Always: of a record that is built in place only what is used is moved.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.count {
            let end = self.reader.finish();
            if end.is_err() {
                self.stop();
            }
            return end.err().map(Err);
        }
        let record = self.record();
        match record {
            Ok(_) => self.next = self.next.wrapping_add(1),
            Err(_) => self.stop(),
        }
        Some(record)
    }
}

impl std::iter::FusedIterator for Records<'_> {}

/// The headers of a record, which were checked when the record was decoded.
#[derive(Debug, Clone, Default)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    count: u32,
}

impl<'a> Headers<'a> {
    /// How many there are still to come.
    pub fn len(&self) -> usize {
        usize::try_from(self.count).unwrap_or(usize::MAX)
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Walks over the headers once, so that iterating over them later cannot fail.
    #[inline(always)]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        // Most records have none, and nothing behind that.
        if reader.remaining() == [0] { reader.take(1).map(|_| Self::default()) } else { Self::walk(reader) }
    }

    #[inline(never)]
    fn walk(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = reader.offset();
        let count = reader.varint()?;
        let Ok(count) = u32::try_from(count) else {
            let kind = DecodeErrorKind::NegativeLength { length: count };
            return Err(DecodeError { kind, offset: start });
        };
        let bytes = reader.remaining();
        for _ in 0..count {
            header(reader)?;
        }
        Ok(Self { bytes, count })
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        self.count = self.count.checked_sub(1)?;
        let mut reader = Reader::new(self.bytes);
        // Cannot fail, as `decode` has been here.
        let header = header(&mut reader).ok()?;
        self.bytes = reader.remaining();
        Some(header)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl ExactSizeIterator for Headers<'_> {}
impl std::iter::FusedIterator for Headers<'_> {}

fn header<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, Option<&'a [u8]>), DecodeError> {
    let start = reader.offset();
    let Some(length) = reader.varint_length()? else {
        return Err(DecodeError { kind: DecodeErrorKind::UnexpectedNull, offset: start });
    };
    let key = reader.utf8(length)?;
    let value = nullable_bytes(reader)?;
    Ok((key, value))
}

#[inline]
fn nullable_bytes<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, DecodeError> {
    match reader.varint_length()? {
        None => Ok(None),
        Some(length) => reader.take(length).map(Some),
    }
}
