use std::fmt;

use crate::decode::utf8::is_utf8;
use crate::decode::varint::{NoVarint, varint};

/// Protobuf's wire format, one thing after the other. Nothing that the bytes say about lengths is believed.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    /// Up to where it reads; what is behind that is another's.
    bytes: &'a [u8],
    at: usize,
}

/// Why bytes are not what a schema says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct ProtobufError {
    /// What is wrong.
    pub kind: ProtobufErrorKind,
    /// Where, from the start of the payload without its framing.
    pub offset: usize,
}

/// What is wrong with a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtobufErrorKind {
    /// It ends too early.
    UnexpectedEnd,
    /// A number has more bytes than any.
    LongNumber,
    /// A length is beyond the end.
    LengthBeyondEnd(u64),
    /// A string is not UTF-8.
    NotUtf8,
    /// A field has a number that none can have.
    NoSuchNumber(u64),
    /// A field has a wire type that there is not.
    NoSuchWireType(u8),
    /// A field's bytes are not of its type.
    WrongWireType {
        /// The field.
        field: Box<str>,
        /// What the schema says that it is.
        expected: &'static str,
        /// What the payload says that it is.
        found: WireType,
    },
    /// A group ends that did not begin, or one does not end.
    UnbalancedGroup(u32),
    /// A field that has to be there is not.
    Missing(Box<str>),
    /// A message of a type that everybody knows has what that type does not allow.
    Impossible(String),
    /// Values are nested too deeply.
    TooDeep,
    /// It stands for too many values.
    TooManyValues,
    /// A decimal has more digits than any column takes.
    LongDecimal,
}

/// How a field's bytes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireType {
    /// With a byte below 128.
    Varint,
    /// After eight bytes.
    Fixed64,
    /// After as many as their length says.
    Length,
    /// With the group's end.
    GroupStart,
    /// It is a group's end.
    GroupEnd,
    /// After four bytes.
    Fixed32,
}

impl fmt::Display for WireType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Varint => "a varint",
            Self::Fixed64 => "eight bytes",
            Self::Length => "bytes with a length",
            Self::GroupStart => "a group",
            Self::GroupEnd => "a group's end",
            Self::Fixed32 => "four bytes",
        })
    }
}

impl fmt::Display for ProtobufErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd => f.write_str("it ends too early"),
            Self::LongNumber => f.write_str("a varint has more bits than 64"),
            Self::LengthBeyondEnd(length) => write!(f, "a length is {length}, which is beyond the end"),
            Self::NotUtf8 => f.write_str("a string is not UTF-8"),
            Self::NoSuchNumber(number) => write!(f, "a field has the number {number}"),
            Self::NoSuchWireType(number) => write!(f, "a field has the wire type {number}"),
            Self::WrongWireType { field, expected, found } => {
                write!(f, "field {field} is {expected} by the schema, and {found} in the payload")
            }
            Self::UnbalancedGroup(number) => write!(f, "the group {number} does not begin and end as one"),
            Self::Missing(field) => write!(f, "required field {field} is missing in what ends"),
            Self::Impossible(what) => f.write_str(what),
            Self::TooDeep => f.write_str("values are nested more than 64 levels deep"),
            Self::TooManyValues => f.write_str("it stands for more than a million values"),
            Self::LongDecimal => f.write_str("a decimal has more digits than any DECIMAL"),
        }
    }
}

/// A field's number and its wire type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u32);

impl Tag {
    /// The tag of a key, which is valid.
    pub fn of(key: u32) -> Self {
        Self(key)
    }

    pub fn number(self) -> u32 {
        self.0 >> 3
    }

    /// Both in one, as the wire has it.
    pub fn key(self) -> u32 {
        self.0
    }

    pub fn wire_type(self) -> WireType {
        match self.0 & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Length,
            3 => WireType::GroupStart,
            4 => WireType::GroupEnd,
            _ => WireType::Fixed32,
        }
    }
}

/// The key that a field of that number and wire type begins with.
pub(crate) const fn key(number: u32, wire_type: WireType) -> u32 {
    let wire_type = match wire_type {
        WireType::Varint => 0,
        WireType::Fixed64 => 1,
        WireType::Length => 2,
        WireType::GroupStart => 3,
        WireType::GroupEnd => 4,
        WireType::Fixed32 => 5,
    };
    number << 3 | wire_type
}

/// The byte that a key is, as those of the first 15 fields are. No byte where it has more.
pub(crate) const fn one_byte(key: u32) -> u16 {
    if key < 0x80 { key as u16 } else { u16::MAX }
}

/// As deep as values may be nested.
pub(crate) const MAX_DEPTH: usize = 64;

// Its methods are inlined, and no error borrows it: so the place where it is stays in a register.
impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Of a part of the bytes; offsets count from the start of all.
    pub fn of_part(bytes: &'a [u8], part: Part) -> Self {
        let end = (part.end as usize).min(bytes.len());
        Self { bytes: bytes.get(..end).unwrap_or_default(), at: (part.start as usize).min(end) }
    }

    /// Of a part of what is read.
    #[inline(always)]
    pub fn within(&self, part: Part) -> Self {
        Self::of_part(self.bytes, part)
    }

    /// Of the same bytes, from the start of a part on.
    #[inline(always)]
    pub fn from(&self, part: Part) -> Self {
        Self { bytes: self.bytes, at: part.start as usize }
    }

    #[inline(always)]
    pub fn error(&self, kind: ProtobufErrorKind) -> ProtobufError {
        error_at(self.at, kind)
    }

    #[inline(always)]
    pub fn at(&self) -> usize {
        self.at
    }

    #[inline(always)]
    pub fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next field's number and wire type.
    #[inline(always)]
    pub fn tag(&mut self) -> Result<Tag, ProtobufError> {
        let start = self.at;
        let key = self.varint()?;
        match u32::try_from(key) {
            Ok(key) if key > 7 && key & 7 < 6 => Ok(Tag(key)),
            _ => Err(error_at(start, wrong_key(key))),
        }
    }

    #[inline(always)]
    pub fn varint(&mut self) -> Result<u64, ProtobufError> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(byte.into())
            }
            _ => self.long_varint(),
        }
    }

    #[inline(always)]
    fn long_varint(&mut self) -> Result<u64, ProtobufError> {
        match varint(self.bytes.get(self.at..).unwrap_or_default()) {
            Ok((value, length)) => {
                self.at += length;
                Ok(value)
            }
            Err(NoVarint::Long) => Err(self.error(ProtobufErrorKind::LongNumber)),
            Err(NoVarint::End) => Err(self.error(ProtobufErrorKind::UnexpectedEnd)),
        }
    }

    #[inline(always)]
    pub fn fixed32(&mut self) -> Result<u32, ProtobufError> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline(always)]
    pub fn fixed64(&mut self) -> Result<u64, ProtobufError> {
        self.array().map(u64::from_le_bytes)
    }

    /// What is behind a length, which is left behind.
    #[inline(always)]
    pub fn part(&mut self) -> Result<Part, ProtobufError> {
        let before = self.at;
        let length = self.varint()?;
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        match end.filter(|&end| end <= self.bytes.len()) {
            Some(end) => {
                let part = Part::new(self.at, end);
                self.at = end;
                Ok(part)
            }
            None => Err(error_at(before, ProtobufErrorKind::LengthBeyondEnd(length))),
        }
    }

    /// The bytes of a part.
    #[inline(always)]
    pub fn bytes_of(&self, part: Part) -> &'a [u8] {
        self.bytes.get(part.start as usize..part.end as usize).unwrap_or_default()
    }

    /// What is behind a length, and UTF-8.
    #[inline(always)]
    pub fn text(&mut self) -> Result<Part, ProtobufError> {
        let before = self.at;
        let part = self.part()?;
        if is_utf8(self.bytes_of(part)) {
            Ok(part)
        } else {
            Err(error_at(before, ProtobufErrorKind::NotUtf8))
        }
    }

    /// Takes a tag, if it is the next thing; `byte` is [`one_byte`] of its key.
    #[inline(always)]
    pub fn takes(&mut self, byte: u16) -> bool {
        match self.bytes.get(self.at) {
            Some(&next) if u16::from(next) == byte => {
                self.at += 1;
                true
            }
            _ => false,
        }
    }

    /// Goes back to a place that it has been at.
    #[inline(always)]
    pub fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Goes past a field of which only the tag has been read. None but the groups in it are nested.
    pub fn skip(&mut self, tag: Tag) -> Result<(), ProtobufError> {
        match tag.wire_type() {
            WireType::Varint => drop(self.varint()?),
            WireType::Fixed64 => drop(self.fixed64()?),
            WireType::Fixed32 => drop(self.fixed32()?),
            WireType::Length => drop(self.part()?),
            WireType::GroupStart => drop(self.group(tag.number())?),
            WireType::GroupEnd => return Err(self.error(ProtobufErrorKind::UnbalancedGroup(tag.number()))),
        }
        Ok(())
    }

    /// What is in a group of which the start has been read; its end is left behind, too.
    pub fn group(&mut self, number: u32) -> Result<Part, ProtobufError> {
        let start = self.at;
        let mut open = vec![number];
        loop {
            let before = self.at;
            if self.is_at_end() {
                return Err(self.error(ProtobufErrorKind::UnbalancedGroup(number)));
            }
            let tag = self.tag()?;
            match tag.wire_type() {
                WireType::GroupStart if open.len() >= MAX_DEPTH => {
                    return Err(self.error(ProtobufErrorKind::TooDeep));
                }
                WireType::GroupStart => open.push(tag.number()),
                WireType::GroupEnd if open.pop() != Some(tag.number()) => {
                    let kind = ProtobufErrorKind::UnbalancedGroup(tag.number());
                    return Err(ProtobufError { kind, offset: before });
                }
                WireType::GroupEnd if open.is_empty() => return Ok(Part::new(start, before)),
                WireType::GroupEnd => {}
                _ => self.skip(tag)?,
            }
        }
    }

    #[inline(always)]
    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], ProtobufError> {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            Some(&bytes) => {
                self.at += LENGTH;
                Ok(bytes)
            }
            None => Err(self.error(ProtobufErrorKind::UnexpectedEnd)),
        }
    }
}

/// A part of a payload, which is never larger than a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub start: u32,
    pub end: u32,
}

impl Part {
    #[inline]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }
}

#[cold]
fn error_at(offset: usize, kind: ProtobufErrorKind) -> ProtobufError {
    ProtobufError { kind, offset }
}

#[cold]
fn wrong_key(key: u64) -> ProtobufErrorKind {
    match key {
        0..=7 => ProtobufErrorKind::NoSuchNumber(0),
        key if key > u32::MAX.into() => ProtobufErrorKind::NoSuchNumber(key >> 3),
        key => ProtobufErrorKind::NoSuchWireType((key & 7) as u8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_is_refused_with_its_place() {
        let kind = |error: ProtobufError| (error.kind, error.offset);
        let varint = |bytes: &[u8]| Reader::new(bytes).varint().map_err(kind);
        assert_eq!(varint(&[0x96, 0x01]), Ok(150));
        assert_eq!(varint(&[0x81, 0x80, 0x00]), Ok(1));
        assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
        assert_eq!(varint(&[]), Err((ProtobufErrorKind::UnexpectedEnd, 0)));
        assert_eq!(varint(&[0x80, 0x80]), Err((ProtobufErrorKind::UnexpectedEnd, 0)));
        assert_eq!(varint(&[0xff; 11]), Err((ProtobufErrorKind::LongNumber, 0)));
        let part = |bytes: &[u8]| Reader::new(bytes).part().map_err(kind);
        assert_eq!(part(&[2, b'a', b'b']), Ok(Part::new(1, 3)));
        assert_eq!(part(&[2, b'a']), Err((ProtobufErrorKind::LengthBeyondEnd(2), 0)));
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(part(&huge), Err((ProtobufErrorKind::LengthBeyondEnd(u64::MAX), 0)));
        let tag = |bytes: &[u8]| Reader::new(bytes).tag().map_err(kind);
        assert_eq!(tag(&[0x08]).map(Tag::number), Ok(1));
        assert_eq!(tag(&[0x02]), Err((ProtobufErrorKind::NoSuchNumber(0), 0)));
        assert_eq!(tag(&[0x0e]), Err((ProtobufErrorKind::NoSuchWireType(6), 0)));
        assert!(tag(&huge).is_err());
        assert_eq!(Reader::new(&[1, 0xff]).text().map_err(kind), Err((ProtobufErrorKind::NotUtf8, 0)));
    }

    #[test]
    fn groups_end_where_they_begin() {
        let mut reader = Reader::new(&[0x0b, 0x10, 5, 0x1b, 0x1c, 0x0c, 9]);
        let tag = reader.tag().unwrap();
        assert_eq!(reader.group(tag.number()), Ok(Part::new(1, 5)));
        assert_eq!(reader.at(), 6);
        for bytes in [&[0x0b][..], &[0x0b, 0x14], &[0x0b, 0x1b, 0x0c], &[0x0c]] {
            let mut reader = Reader::new(bytes);
            let tag = reader.tag().unwrap();
            let error = reader.skip(tag).unwrap_err();
            assert!(matches!(error.kind, ProtobufErrorKind::UnbalancedGroup(_)), "{error}");
        }
        let mut reader = Reader::new(&[0x0b; 10_000]);
        let tag = reader.tag().unwrap();
        assert_eq!(reader.skip(tag).unwrap_err().kind, ProtobufErrorKind::TooDeep);
    }
}
