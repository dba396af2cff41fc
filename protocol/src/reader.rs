//! A cursor over bytes that a peer wrote.
//!
//! The primitive types are those of the Kafka protocol guide ("Protocol Primitive Types"); the compact ones and
//! tagged fields are from KIP-482. A reader never allocates by a number that it has read.

use std::str;

use thiserror::Error;

use crate::limits::{MAX_ELEMENTS, MAX_PREALLOCATED_ELEMENTS};

/// A cursor over borrowed bytes: what it yields lives as long as the bytes, not as long as the reader.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Where `rest` ends, counted from the start of the outermost bytes; so offsets of nested readers are global.
    end: usize,
    elements_left: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`, with a fresh budget of [`MAX_ELEMENTS`].
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, end: bytes.len(), elements_left: MAX_ELEMENTS }
    }

    /// Bytes consumed so far, counted from the start of the outermost bytes.
    #[inline]
    pub fn offset(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    /// The bytes that were not consumed yet.
    #[inline]
    pub fn remaining(&self) -> &'a [u8] {
        self.rest
    }

    /// Is there nothing left?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// An error of this kind, at the current offset.
    #[cold]
    pub fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { kind, offset: self.offset() }
    }

    /// Checks that everything was consumed.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.error(DecodeErrorKind::TrailingBytes { count: self.rest.len() }))
        }
    }

    /// The next `count` bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.unexpected_end(count));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// A reader over the next `count` bytes, whose errors still carry offsets from the outermost start.
    #[inline]
    pub fn take_reader(&mut self, count: usize) -> Result<Self, DecodeError> {
        let rest = self.take(count)?;
        Ok(Self { rest, end: self.offset(), elements_left: self.elements_left })
    }

    /// BOOLEAN: any value but zero is true.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.i8()? != 0)
    }

    /// INT8.
    #[inline]
    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.array_of()?))
    }

    /// INT16.
    #[inline]
    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.array_of()?))
    }

    /// INT32.
    #[inline]
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array_of()?))
    }

    /// UINT32.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array_of()?))
    }

    /// INT64.
    #[inline]
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array_of()?))
    }

    /// UUID: 16 bytes, big-endian; all zeros stand for "none".
    pub fn uuid(&mut self) -> Result<[u8; 16], DecodeError> {
        self.array_of()
    }

    /// UNSIGNED_VARINT: up to five bytes of seven bits, least significant first.
    #[inline]
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        // Nearly all lengths and deltas take one or two bytes.
        match self.rest {
            [b0 @ 0..=0x7f, rest @ ..] => {
                self.rest = rest;
                Ok(u32::from(*b0))
            }
            [b0, b1 @ 0..=0x7f, rest @ ..] => {
                self.rest = rest;
                Ok(u32::from(*b0 & 0x7f) | u32::from(*b1) << 7)
            }
            _ => {
                let start = self.rest;
                let value = self.long_varint(5)?;
                u32::try_from(value).map_err(|_| {
                    self.rest = start;
                    self.error(DecodeErrorKind::VarintTooLong)
                })
            }
        }
    }

    /// VARINT: zigzag-encoded, up to five bytes.
    #[inline]
    pub fn varint(&mut self) -> Result<i32, DecodeError> {
        let value = self.unsigned_varint()?;
        Ok((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg())
    }

    /// VARLONG: zigzag-encoded, up to ten bytes.
    #[inline]
    pub fn varlong(&mut self) -> Result<i64, DecodeError> {
        let value = match self.rest {
            [b0 @ 0..=0x7f, rest @ ..] => {
                self.rest = rest;
                u64::from(*b0)
            }
            [b0, b1 @ 0..=0x7f, rest @ ..] => {
                self.rest = rest;
                u64::from(*b0 & 0x7f) | u64::from(*b1) << 7
            }
            _ => self.long_varint(10)?,
        };
        Ok((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg())
    }

    /// STRING (INT16 length) or, where `flexible`, COMPACT_STRING. Null is an error.
    pub fn string(&mut self, flexible: bool) -> Result<&'a str, DecodeError> {
        let start = self.offset();
        self.nullable_string(flexible)?
            .ok_or(DecodeError { kind: DecodeErrorKind::UnexpectedNull, offset: start })
    }

    /// NULLABLE_STRING or, where `flexible`, COMPACT_NULLABLE_STRING.
    pub fn nullable_string(&mut self, flexible: bool) -> Result<Option<&'a str>, DecodeError> {
        let length = if flexible { self.compact_length()? } else { self.short_length()? };
        match length {
            None => Ok(None),
            Some(length) => self.utf8(length).map(Some),
        }
    }

    /// BYTES (INT32 length) or, where `flexible`, COMPACT_BYTES. Null is an error.
    pub fn bytes(&mut self, flexible: bool) -> Result<&'a [u8], DecodeError> {
        let start = self.offset();
        self.nullable_bytes(flexible)?
            .ok_or(DecodeError { kind: DecodeErrorKind::UnexpectedNull, offset: start })
    }

    /// NULLABLE_BYTES or, where `flexible`, COMPACT_NULLABLE_BYTES. RECORDS are encoded the same.
    pub fn nullable_bytes(&mut self, flexible: bool) -> Result<Option<&'a [u8]>, DecodeError> {
        let length = if flexible { self.compact_length()? } else { self.length()? };
        match length {
            None => Ok(None),
            Some(length) => self.take(length).map(Some),
        }
    }

    /// ARRAY (INT32 count) or, where `flexible`, COMPACT_ARRAY. Null is an error.
    ///
    /// `min_element_bytes` is the least that one element can take on the wire: a count for which there are
    /// not enough bytes is refused before anything is decoded.
    pub fn array<T>(
        &mut self,
        flexible: bool,
        min_element_bytes: usize,
        element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let start = self.offset();
        self.nullable_array(flexible, min_element_bytes, element)?
            .ok_or(DecodeError { kind: DecodeErrorKind::UnexpectedNull, offset: start })
    }

    /// As [`array`](Self::array), where null is a value.
    pub fn nullable_array<T>(
        &mut self,
        flexible: bool,
        min_element_bytes: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let start = self.offset();
        let count = if flexible { self.compact_length()? } else { self.length()? };
        let Some(count) = count else { return Ok(None) };
        self.charge(count, min_element_bytes, start)?;
        let mut elements = Vec::with_capacity(count.min(MAX_PREALLOCATED_ELEMENTS));
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// Skips the tagged fields of a structure (KIP-482). Does nothing unless `flexible`.
    ///
    /// None of the tagged fields that requests define means anything to a producer's endpoint.
    pub fn skip_tagged_fields(&mut self, flexible: bool) -> Result<(), DecodeError> {
        if !flexible {
            return Ok(());
        }
        let start = self.offset();
        let count = as_usize(self.unsigned_varint()?);
        // A tag and a size are a byte each at least.
        self.charge(count, 2, start)?;
        for _ in 0..count {
            let _tag = self.unsigned_varint()?;
            let size = as_usize(self.unsigned_varint()?);
            self.take(size)?;
        }
        Ok(())
    }

    /// `length` bytes that must be UTF-8.
    #[inline]
    pub(crate) fn utf8(&mut self, length: usize) -> Result<&'a str, DecodeError> {
        let start = self.offset();
        let bytes = self.take(length)?;
        str::from_utf8(bytes).map_err(|error| DecodeError {
            kind: DecodeErrorKind::InvalidUtf8,
            offset: start.saturating_add(error.valid_up_to()),
        })
    }

    /// A VARINT length as records have it: -1 is null, anything below is an error.
    #[inline]
    pub(crate) fn varint_length(&mut self) -> Result<Option<usize>, DecodeError> {
        let start = self.offset();
        let length = self.varint()?;
        to_length(length, start)
    }

    /// Takes `count` elements of at least `min_element_bytes` from the budget, or refuses.
    fn charge(&mut self, count: usize, min_element_bytes: usize, start: usize) -> Result<(), DecodeError> {
        let available = self.rest.len().checked_div(min_element_bytes).unwrap_or(self.rest.len());
        if count > available {
            let kind = DecodeErrorKind::CountTooLarge { count, remaining: self.rest.len() };
            return Err(DecodeError { kind, offset: start });
        }
        match self.elements_left.checked_sub(count) {
            Some(left) => self.elements_left = left,
            None => {
                let kind = DecodeErrorKind::TooManyElements { limit: MAX_ELEMENTS };
                return Err(DecodeError { kind, offset: start });
            }
        }
        Ok(())
    }

    fn short_length(&mut self) -> Result<Option<usize>, DecodeError> {
        let start = self.offset();
        let length = self.i16()?;
        to_length(i32::from(length), start)
    }

    fn length(&mut self) -> Result<Option<usize>, DecodeError> {
        let start = self.offset();
        let length = self.i32()?;
        to_length(length, start)
    }

    /// Compact lengths and counts are stored plus one; zero is null.
    fn compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(self.unsigned_varint()?.checked_sub(1).map(as_usize))
    }

    #[inline]
    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.unexpected_end(N));
        };
        self.rest = rest;
        Ok(*taken)
    }

    /// A varint of any length up to `max_bytes`. On error nothing is consumed.
    #[cold]
    fn long_varint(&mut self, max_bytes: usize) -> Result<u64, DecodeError> {
        let mut value: u64 = 0;
        let mut shift: u32 = 0;
        let mut rest = self.rest;
        for _ in 0..max_bytes {
            let Some((byte, tail)) = rest.split_first() else {
                return Err(self.unexpected_end(self.rest.len().saturating_add(1)));
            };
            rest = tail;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits << shift;
            // The tenth byte has room for one bit only.
            if shifted >> shift != bits {
                return Err(self.error(DecodeErrorKind::VarintTooLong));
            }
            value |= shifted;
            if *byte < 0x80 {
                self.rest = rest;
                return Ok(value);
            }
            shift = shift.saturating_add(7);
        }
        Err(self.error(DecodeErrorKind::VarintTooLong))
    }

    #[cold]
    fn unexpected_end(&self, needed: usize) -> DecodeError {
        self.error(DecodeErrorKind::UnexpectedEnd { needed, remaining: self.rest.len() })
    }
}

/// What could not be decoded, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{kind}, at byte {offset}")]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Where, in bytes from the start of what the outermost reader was given.
    pub offset: usize,
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end within a field.
    #[error("unexpected end: {needed} bytes needed, {remaining} left")]
    UnexpectedEnd {
        /// Bytes that the field takes.
        needed: usize,
        /// Bytes that are left.
        remaining: usize,
    },
    /// Bytes are left where none should be.
    #[error("{count} bytes too many")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A length below -1.
    #[error("negative length {length}")]
    NegativeLength {
        /// As it was found.
        length: i32,
    },
    /// Null where a value must be.
    #[error("null where a value is required")]
    UnexpectedNull,
    /// A varint with more bits than its type.
    #[error("varint too long")]
    VarintTooLong,
    /// A string that is no UTF-8.
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// An array announces more elements than the remaining bytes can hold.
    #[error("array of {count} elements in {remaining} bytes")]
    CountTooLarge {
        /// Elements announced.
        count: usize,
        /// Bytes left.
        remaining: usize,
    },
    /// The arrays of a request have more elements in all than this crate decodes.
    #[error("more than {limit} array elements in one request")]
    TooManyElements {
        /// [`MAX_ELEMENTS`].
        limit: usize,
    },
    /// A version of an API that is not implemented.
    #[error("version {version} of API {api_key} is not supported")]
    UnsupportedVersion {
        /// The API's key.
        api_key: i16,
        /// The version asked for.
        version: i16,
    },
    /// A record's offset delta is not its position in the batch.
    #[error("offset delta {found} where {expected} was expected")]
    OffsetDelta {
        /// The record's position in the batch.
        expected: u32,
        /// What it says.
        found: i32,
    },
    /// A record's timestamp does not fit 64 bits.
    #[error("timestamp out of range: {base_ms} ms + {delta_ms} ms")]
    TimestampOverflow {
        /// The batch's base timestamp, in milliseconds.
        base_ms: i64,
        /// The record's delta, in milliseconds.
        delta_ms: i64,
    },
}

fn to_length(length: i32, offset: usize) -> Result<Option<usize>, DecodeError> {
    match usize::try_from(length) {
        Ok(length) => Ok(Some(length)),
        Err(_) if length == -1 => Ok(None),
        Err(_) => Err(DecodeError { kind: DecodeErrorKind::NegativeLength { length }, offset }),
    }
}

/// Lossless on every target that can hold a request: what does not fit is larger than any buffer anyway.
fn as_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
