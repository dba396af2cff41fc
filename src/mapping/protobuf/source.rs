//! Where the values of a message's fields come from: slots that they have been read into, or the bytes that are next.

use crate::decode::protobuf::{
    Op, Part, ProtobufError, ProtobufErrorKind, Reader, Scalar, Tag, WireType, key, one_byte, part_of,
};
use crate::rows::Slot;

/// Where a field's value comes from.
pub(super) trait Source {
    fn scalar(&mut self, scalar: Scalar) -> Result<u64, ProtobufError>;
    /// What is UTF-8.
    fn text(&mut self) -> Result<Part, ProtobufError>;
    fn part(&mut self) -> Result<Part, ProtobufError>;
    /// All of a field that has several, tags and all.
    fn run(&mut self) -> Result<Part, ProtobufError>;
    /// A Timestamp, and where it ends.
    fn time(&mut self, body: &[u8]) -> Result<(Time, usize), ProtobufError>;
}

/// It has been read into a slot, or is zero.
impl Source for Slot {
    #[inline(always)]
    fn scalar(&mut self, _: Scalar) -> Result<u64, ProtobufError> {
        Ok(self.bits)
    }

    #[inline(always)]
    fn text(&mut self) -> Result<Part, ProtobufError> {
        Ok(part_of(self.bits))
    }

    #[inline(always)]
    fn part(&mut self) -> Result<Part, ProtobufError> {
        Ok(part_of(self.bits))
    }

    #[inline(always)]
    fn run(&mut self) -> Result<Part, ProtobufError> {
        Ok(part_of(self.bits))
    }

    fn time(&mut self, body: &[u8]) -> Result<(Time, usize), ProtobufError> {
        let mut time = Time::default();
        let mut reader = Reader::of_part(body, part_of(self.bits));
        while !reader.is_at_end() {
            reader.tag()?;
            let part = reader.part()?;
            time.meet(&reader, part)?;
        }
        Ok((time, reader.at()))
    }
}

/// It is what is read next.
pub(super) struct Next<'n, 'a> {
    pub reader: &'n mut Reader<'a>,
    /// Where its tag begins.
    pub start: usize,
    pub op: &'n Op,
}

impl Source for Next<'_, '_> {
    #[inline(always)]
    fn scalar(&mut self, scalar: Scalar) -> Result<u64, ProtobufError> {
        scalar.read(self.reader)
    }

    #[inline(always)]
    fn text(&mut self) -> Result<Part, ProtobufError> {
        self.reader.text()
    }

    #[inline(always)]
    fn part(&mut self) -> Result<Part, ProtobufError> {
        self.reader.part()
    }

    #[inline(always)]
    fn run(&mut self) -> Result<Part, ProtobufError> {
        *self.reader = past_all(self.reader.clone(), self.op.key)?;
        Ok(Part::new(self.start, self.reader.at()))
    }

    // A second part of it would be out of order.
    #[inline(always)]
    fn time(&mut self, _: &[u8]) -> Result<(Time, usize), ProtobufError> {
        let part = self.reader.part()?;
        let mut time = Time::default();
        time.meet(self.reader, part)?;
        Ok((time, self.reader.at()))
    }
}

/// Past a field of which the tag has been read.
#[inline(never)]
pub(super) fn past(mut reader: Reader<'_>, tag: Tag) -> Result<Reader<'_>, ProtobufError> {
    reader.skip(tag)?;
    Ok(reader)
}

/// Past a field of which the tag has been read, and past all with the same tag that follow.
#[inline(never)]
fn past_all(mut reader: Reader<'_>, key: u32) -> Result<Reader<'_>, ProtobufError> {
    loop {
        reader.skip(Tag::of(key))?;
        let end = reader.at();
        if reader.is_at_end() || reader.tag()?.key() != key {
            reader.back_to(end);
            return Ok(reader);
        }
    }
}

/// What is known of a Timestamp.
#[derive(Clone, Copy, Default)]
pub(super) struct Time {
    pub seconds: i64,
    pub nanos: i64,
}

const SECONDS: u16 = one_byte(key(1, WireType::Varint));
const NANOS: u16 = one_byte(key(2, WireType::Varint));

impl Time {
    /// Takes note of what a part of it has, which is one of the reader's.
    #[inline(always)]
    fn meet(&mut self, reader: &Reader<'_>, part: Part) -> Result<(), ProtobufError> {
        // The reader goes beyond the part, so that numbers at its end are read as quickly as others.
        *self = match self.of_both(reader.from(part)) {
            Ok((time, end)) if end == part.end as usize => time,
            _ => self.with(reader.within(part))?,
        };
        Ok(())
    }

    /// Nearly always there are both, in this order. And where they end.
    #[inline(always)]
    fn of_both(mut self, mut reader: Reader<'_>) -> Result<(Self, usize), ProtobufError> {
        if reader.takes(SECONDS) {
            self.seconds = Scalar::Int64.read(&mut reader)? as i64;
        }
        if reader.takes(NANOS) {
            self.nanos = Scalar::Int32.read(&mut reader)? as i64;
        }
        Ok((self, reader.at()))
    }

    #[cold]
    #[inline(never)]
    fn with(mut self, mut part: Reader<'_>) -> Result<Self, ProtobufError> {
        while !part.is_at_end() {
            let tag = part.tag()?;
            match (tag.number(), tag.wire_type()) {
                (1, WireType::Varint) => self.seconds = Scalar::Int64.read(&mut part)? as i64,
                (2, WireType::Varint) => self.nanos = Scalar::Int32.read(&mut part)? as i64,
                (field @ 1..=2, found) => {
                    let field = if field == 1 { "seconds" } else { "nanos" };
                    let kind = ProtobufErrorKind::WrongWireType {
                        field: field.into(),
                        expected: "an integer",
                        found,
                    };
                    return Err(part.error(kind));
                }
                _ => part.skip(tag)?,
            }
        }
        Ok(self)
    }
}
