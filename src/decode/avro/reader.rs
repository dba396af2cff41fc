use std::fmt;

use crate::decode::utf8::is_utf8;
use crate::decode::varint::{NoVarint, varint, zigzag};

/// Avro's primitives, one after the other. Nothing that the bytes say about lengths is believed.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// How many bytes there were.
    length: usize,
}

/// Why bytes are not what a schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct AvroError {
    /// What is wrong.
    pub kind: AvroErrorKind,
    /// Where, from the start of the payload without its framing.
    pub offset: usize,
}

/// What is wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvroErrorKind {
    /// It ends too early.
    UnexpectedEnd,
    /// A number has more bytes than any.
    LongNumber,
    /// A number is beyond its type.
    NumberOutOfRange(i64),
    /// A length or a count is negative.
    NegativeLength(i64),
    /// A length is beyond the end.
    LengthBeyondEnd(i64),
    /// A string is not UTF-8.
    NotUtf8,
    /// A boolean is neither 0 nor 1.
    NotBoolean(u8),
    /// A union has no such branch.
    NoSuchBranch(i64),
    /// An enum has no such symbol.
    NoSuchSymbol(i64),
    /// Values are nested too deeply.
    TooDeep,
    /// It stands for too many values.
    TooManyValues,
    /// A decimal has more digits than any column takes.
    LongDecimal,
    /// There is more than the schema says.
    LeftOver(usize),
}

impl fmt::Display for AvroErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd => f.write_str("it ends too early"),
            Self::LongNumber => f.write_str("a number has more than ten bytes"),
            Self::NumberOutOfRange(number) => write!(f, "{number} is no int"),
            Self::NegativeLength(length) => write!(f, "a length is {length}"),
            Self::LengthBeyondEnd(length) => write!(f, "a length is {length}, which is beyond the end"),
            Self::NotUtf8 => f.write_str("a string is not UTF-8"),
            Self::NotBoolean(byte) => write!(f, "a boolean is {byte}, neither 0 nor 1"),
            Self::NoSuchBranch(branch) => write!(f, "a union has no branch {branch}"),
            Self::NoSuchSymbol(symbol) => write!(f, "an enum has no symbol {symbol}"),
            Self::TooDeep => f.write_str("values are nested more than 64 levels deep"),
            Self::TooManyValues => f.write_str("it stands for more than a million values"),
            Self::LongDecimal => f.write_str("a decimal has more digits than any DECIMAL"),
            Self::LeftOver(bytes) => write!(f, "{bytes} bytes are left over"),
        }
    }
}

// Its methods are inlined, and no error borrows it: so it stays in registers.
impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// How many bytes have been read.
    #[inline(always)]
    fn offset(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    #[inline(always)]
    pub fn error(&self, kind: AvroErrorKind) -> AvroError {
        error_at(self.offset(), kind)
    }

    #[inline(always)]
    pub fn boolean(&mut self) -> Result<bool, AvroError> {
        match self.rest {
            [0, rest @ ..] => {
                self.rest = rest;
                Ok(false)
            }
            [1, rest @ ..] => {
                self.rest = rest;
                Ok(true)
            }
            [other, ..] => Err(self.error(AvroErrorKind::NotBoolean(*other))),
            [] => Err(self.error(AvroErrorKind::UnexpectedEnd)),
        }
    }

    /// A zigzag varint, as ints, longs, lengths and branches are.
    #[inline(always)]
    pub fn long(&mut self) -> Result<i64, AvroError> {
        if let [byte @ 0..=0x7f, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(zigzag(u64::from(*byte)));
        }
        match varint(self.rest) {
            Ok((value, length)) => {
                self.rest = self.rest.get(length..).unwrap_or_default();
                Ok(zigzag(value))
            }
            Err(NoVarint::Long) => Err(self.error(AvroErrorKind::LongNumber)),
            Err(NoVarint::End) => Err(self.error(AvroErrorKind::UnexpectedEnd)),
        }
    }

    #[inline(always)]
    pub fn int(&mut self) -> Result<i32, AvroError> {
        let start = self.offset();
        let value = self.long()?;
        i32::try_from(value).map_err(|_| error_at(start, AvroErrorKind::NumberOutOfRange(value)))
    }

    #[inline(always)]
    pub fn float(&mut self) -> Result<f32, AvroError> {
        self.array().map(f32::from_le_bytes)
    }

    #[inline(always)]
    pub fn double(&mut self) -> Result<f64, AvroError> {
        self.array().map(f64::from_le_bytes)
    }

    /// So many bytes.
    #[inline(always)]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], AvroError> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.error(AvroErrorKind::UnexpectedEnd)),
        }
    }

    /// Bytes after their length.
    #[inline(always)]
    pub fn bytes(&mut self) -> Result<&'a [u8], AvroError> {
        let start = self.offset();
        let length = self.long()?;
        match usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length)) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None if length < 0 => Err(error_at(start, AvroErrorKind::NegativeLength(length))),
            None => Err(error_at(start, AvroErrorKind::LengthBeyondEnd(length))),
        }
    }

    /// A string after its length, which is UTF-8.
    #[inline(always)]
    pub fn text(&mut self) -> Result<&'a [u8], AvroError> {
        let start = self.offset();
        let bytes = self.bytes()?;
        if is_utf8(bytes) { Ok(bytes) } else { Err(error_at(start, AvroErrorKind::NotUtf8)) }
    }

    /// The same, as a string of its own.
    pub fn string(&mut self) -> Result<String, AvroError> {
        Ok(String::from_utf8_lossy(self.text()?).into_owned())
    }

    /// The number of items in the next block of an array or a map; 0 ends it.
    pub fn block(&mut self) -> Result<u64, AvroError> {
        let start = self.offset();
        let count = self.long()?;
        if count < 0 {
            // The block's size follows, for those who skip it.
            let size = self.long()?;
            if size < 0 {
                return Err(error_at(start, AvroErrorKind::NegativeLength(size)));
            }
        }
        Ok(count.unsigned_abs())
    }

    /// The index of a branch or a symbol, of so many.
    #[inline(always)]
    pub fn index(&mut self, count: usize, error: fn(i64) -> AvroErrorKind) -> Result<usize, AvroError> {
        let start = self.offset();
        let index = self.long()?;
        match usize::try_from(index) {
            Ok(found) if found < count => Ok(found),
            _ => Err(error_at(start, error(index))),
        }
    }

    /// Checks that nothing is left.
    #[inline(always)]
    pub fn end(&self) -> Result<(), AvroError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.error(AvroErrorKind::LeftOver(left))),
        }
    }

    #[inline(always)]
    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], AvroError> {
        match self.rest.split_first_chunk() {
            Some((&bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(self.error(AvroErrorKind::UnexpectedEnd)),
        }
    }
}

#[cold]
fn error_at(offset: usize, kind: AvroErrorKind) -> AvroError {
    AvroError { kind, offset }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_zigzag() {
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x01], -1),
            (&[0x02], 1),
            (&[0x7f], -64),
            (&[0x80, 0x01], 64),
            (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MAX),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MIN),
            // Longer than need be.
            (&[0x82, 0x80, 0x00], 1),
        ] {
            let mut reader = Reader::new(bytes);
            assert_eq!(reader.long(), Ok(value));
            assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn what_lies_is_refused_with_its_place() {
        let kind = |error: AvroError| (error.kind, error.offset);
        let long = |bytes: &[u8]| kind(Reader::new(bytes).long().unwrap_err());
        assert_eq!(long(&[]), (AvroErrorKind::UnexpectedEnd, 0));
        assert_eq!(long(&[0x80, 0x80]), (AvroErrorKind::UnexpectedEnd, 0));
        assert_eq!(long(&[0xff; 11]), (AvroErrorKind::LongNumber, 0));
        assert_eq!(
            long(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).0,
            AvroErrorKind::LongNumber
        );
        let bytes = |bytes: &[u8]| kind(Reader::new(bytes).bytes().unwrap_err());
        assert_eq!(bytes(&[0x04, b'a']), (AvroErrorKind::LengthBeyondEnd(2), 0));
        assert_eq!(bytes(&[0x01]), (AvroErrorKind::NegativeLength(-1), 0));
        let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(bytes(&huge), (AvroErrorKind::LengthBeyondEnd(i64::MAX), 0));
        assert_eq!(kind(Reader::new(&[0x02, 0xff]).text().unwrap_err()), (AvroErrorKind::NotUtf8, 0));
        assert_eq!(kind(Reader::new(&[2]).boolean().unwrap_err()), (AvroErrorKind::NotBoolean(2), 0));
        let big = [0x80, 0x80, 0x80, 0x80, 0x10];
        assert_eq!(kind(Reader::new(&big).int().unwrap_err()).0, AvroErrorKind::NumberOutOfRange(1 << 31));
        assert_eq!(kind(Reader::new(&[0; 7]).double().unwrap_err()), (AvroErrorKind::UnexpectedEnd, 0));
    }
}
