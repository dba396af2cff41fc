//! How a message's payloads are read without a tree.
//!
//! Fields come in any order, several times, or not at all, and columns must not depend on that: they are written in the order
//! of the fields' declaration. Nearly all payloads have their fields in that order, and operations that follow it read
//! them at once. Any other is read into slots first, one for each field of the message and of the messages in it.

use super::reader::{Part, ProtobufError, ProtobufErrorKind, Reader, Tag, WireType, key, one_byte};
use super::schema::{Absent, Field, Kind, Known, Scalar, Shape, Types};
use super::tree::wrong_wire_type;
use crate::decode::names::{Names, ROOT};
use crate::rows::Slot;

#[derive(Debug)]
pub(crate) struct Program {
    /// The message, and each message in it at each of its places.
    scopes: Vec<Scope>,
    /// What is done with slots, in the order of the fields' declaration.
    pub ops: Vec<Op>,
    /// The names that operations give their values by.
    pub names: Names,
    slots: u32,
    oneofs: u32,
}

/// A message in one place.
#[derive(Debug, Default)]
struct Scope {
    /// Its number among the types.
    message: u32,
    /// Its slots: of its fields in the order of their declaration, and of its oneofs.
    first: u32,
    end: u32,
    /// Its fields in the order of their numbers, as nearly all payloads have them.
    entries: Box<[Entry]>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// What its tag usually is.
    key: u32,
    number: u32,
    slot: u32,
    /// The slot with the number of the field that the oneof has; [`NO_SLOT`] where it is in none.
    oneof: u32,
    read: Read,
}

const NO_SLOT: u32 = u32::MAX;

/// "In none", among oneofs.
pub(crate) const NO_ONEOF: u32 = u32::MAX;

/// How a field is read into its slot.
#[derive(Clone, Copy, Debug)]
enum Read {
    Scalar(Scalar),
    Text,
    Bytes,
    /// A message whose fields have slots of their own.
    Scope(u32),
    /// Likewise, between two tags.
    Group(u32),
    /// Fields that are looked at only when they are written: where they begin and end, tags and all.
    Run {
        /// What one of them is; they may also come packed.
        element: WireType,
        packs: bool,
    },
}

/// Writes a field, from its slot or as it is read. What the slot has depends on the kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    /// What its tag usually is.
    pub key: u32,
    /// The same as a byte, see [`one_byte`].
    pub byte: u16,
    /// Which of the oneofs it is in, counted through all messages; [`NO_ONEOF`] where it is in none.
    pub oneof: u32,
    pub slot: u32,
    /// A number among [`Program::names`].
    pub name: u32,
    pub absent: Absent,
    pub kind: OpKind,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum OpKind {
    /// An int64, as most integers are.
    Long,
    /// Another integer.
    Integer(Scalar),
    /// An integer of 64 bits without a sign.
    Unsigned(Scalar),
    Boolean,
    Float,
    Double,
    Text,
    Bytes,
    /// The number of an enum's value.
    Enum(u32),
    /// A run of a Timestamp, usually one.
    Time,
    /// A run of numbers.
    Numbers(Scalar),
    /// A run of anything else: a field of a message, by its place.
    Other {
        message: u32,
        place: u32,
    },
    /// The fields of a message follow: so many operations.
    Enter {
        ops: u32,
    },
}

impl Op {
    /// How many operations follow that are of its fields.
    #[inline(always)]
    pub fn inner(&self) -> usize {
        if let OpKind::Enter { ops } = self.kind { ops as usize } else { 0 }
    }

    /// Its field's number.
    pub fn number(&self) -> u32 {
        self.key >> 3
    }

    /// Whether its field is a message between two tags.
    pub fn is_group(&self) -> bool {
        self.key & 7 == 3
    }
}

/// Messages with more are read as trees. A message that is named in several places has its fields in each.
const MAX_OPS: usize = 4_096;

/// As deep as messages may be nested in a program: deeper ones refer to themselves more often than not.
const MAX_DEPTH: usize = 32;

impl Program {
    /// None: the message refers to itself, is very large, or stands for something that is no message.
    pub(super) fn compile(types: &Types, message: u32) -> Option<Self> {
        if types.message(message)?.known.is_some() {
            return None;
        }
        let names = Names { list: Vec::new(), is_object: true };
        let program = Self { scopes: Vec::new(), ops: Vec::new(), names, slots: 0, oneofs: 0 };
        let mut compiler = Compiler { types, program, depth: 0 };
        compiler.scope(message, ROOT)?;
        Some(compiler.program)
    }

    /// Reads a payload into slots. False: it has what is only read as a tree, such as a message in two parts.
    #[inline]
    pub fn scan(&self, types: &Types, body: &[u8], slots: &mut Vec<Slot>) -> Result<bool, ProtobufError> {
        slots.resize(self.slots as usize, Slot::default());
        let mut reader = Reader::new(body);
        self.scan_scope(types, 0, &mut reader, slots)
    }

    fn scan_scope(
        &self,
        types: &Types,
        scope: u32,
        reader: &mut Reader<'_>,
        slots: &mut [Slot],
    ) -> Result<bool, ProtobufError> {
        let Some(scope) = self.scopes.get(scope as usize) else { return Ok(true) };
        if let Some(own) = slots.get_mut(scope.first as usize..scope.end as usize) {
            own.fill(Slot::default());
        }
        let mut next = 0;
        while !reader.is_at_end() {
            let start = reader.at();
            let tag = reader.tag()?;
            let entry = match scope.entries.get(next) {
                Some(entry) if entry.key == tag.key() => entry,
                _ => match scope.entries.binary_search_by_key(&tag.number(), |entry| entry.number) {
                    Ok(place) => {
                        next = place;
                        &scope.entries[place]
                    }
                    Err(_) => {
                        reader.skip(tag)?;
                        continue;
                    }
                },
            };
            next += 1;
            if entry.key != tag.key() && !matches!(entry.read, Read::Run { .. }) {
                return Err(wrong(types, scope, tag, reader));
            }
            let Some(slot) = slots.get_mut(entry.slot as usize) else { return Ok(false) };
            let bits = match entry.read {
                Read::Scalar(scalar) => scalar.read(reader)?,
                Read::Text => part_bits(reader.text()?),
                Read::Bytes => part_bits(reader.part()?),
                Read::Run { element, packs } => {
                    let is_packed = packs && tag.wire_type() == WireType::Length;
                    if tag.wire_type() != element && !is_packed {
                        return Err(wrong(types, scope, tag, reader));
                    }
                    let before = part_of(slot.bits);
                    if slot.is_set && before.end as usize != start {
                        return Ok(false);
                    }
                    reader.skip(tag)?;
                    let start = if slot.is_set { before.start as usize } else { start };
                    part_bits(Part::new(start, reader.at()))
                }
                Read::Scope(_) | Read::Group(_) if slot.is_set => return Ok(false),
                Read::Scope(_) => part_bits(reader.part()?),
                Read::Group(_) => part_bits(reader.group(entry.number)?),
            };
            *slot = Slot { bits, is_set: true };
            if entry.oneof != NO_SLOT
                && let Some(oneof) = slots.get_mut(entry.oneof as usize)
            {
                if oneof.is_set && oneof.bits != u64::from(entry.number) {
                    return Ok(false);
                }
                *oneof = Slot { bits: entry.number.into(), is_set: true };
            }
            if let Read::Scope(inner) | Read::Group(inner) = entry.read {
                let mut inside = reader.within(part_of(bits));
                if !self.scan_scope(types, inner, &mut inside, slots)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

#[cold]
fn wrong(types: &Types, scope: &Scope, tag: Tag, reader: &Reader<'_>) -> ProtobufError {
    let message = types.message(scope.message);
    let field = message.and_then(|message| message.fields.get(message.place(tag.number())?));
    match field {
        Some(field) => wrong_wire_type(field, tag, reader),
        None => reader.error(ProtobufErrorKind::UnexpectedEnd),
    }
}

/// A part in a slot's bits.
#[inline]
fn part_bits(part: Part) -> u64 {
    u64::from(part.start) | u64::from(part.end) << 32
}

/// The part that a slot's bits are.
#[inline]
pub(crate) fn part_of(bits: u64) -> Part {
    Part { start: bits as u32, end: (bits >> 32) as u32 }
}

struct Compiler<'s> {
    types: &'s Types,
    program: Program,
    depth: usize,
}

impl Compiler<'_> {
    /// Compiles a message in a place. Its number among the scopes. The value of a wrapper has the wrapper's name.
    fn scope(&mut self, number: u32, name: u32) -> Option<u32> {
        let message = self.types.message(number)?;
        let is_wrapper = message.known == Some(Known::Wrapper);
        if self.depth >= MAX_DEPTH || self.program.ops.len() + message.fields.len() > MAX_OPS {
            return None;
        }
        self.depth += 1;
        let first = self.program.slots;
        let oneof_slots = first + message.fields.len() as u32;
        self.program.slots = oneof_slots + message.oneofs as u32;
        let oneofs = self.program.oneofs;
        self.program.oneofs += message.oneofs as u32;
        let scope = self.program.scopes.len();
        self.program.scopes.push(Scope {
            message: number,
            first,
            end: self.program.slots,
            ..Scope::default()
        });
        let mut entries = Vec::with_capacity(message.fields.len());
        for (place, field) in message.fields.iter().enumerate() {
            let slot = first + place as u32;
            let name = if is_wrapper { name } else { self.program.names.add(name, &field.name) };
            let oneof = field.oneof.map_or(NO_ONEOF, |oneof| oneofs + oneof);
            let (key, read) = self.field(number, place as u32, field, Place { slot, name, oneof })?;
            let oneof = field.oneof.map_or(NO_SLOT, |oneof| oneof_slots + oneof);
            entries.push(Entry { key, number: field.number, slot, oneof, read });
        }
        entries.sort_unstable_by_key(|entry| entry.number);
        self.program.scopes.get_mut(scope)?.entries = entries.into();
        self.depth -= 1;
        Some(scope as u32)
    }

    /// Compiles a field: what its tag usually is, and how it is read.
    fn field(&mut self, message: u32, place: u32, field: &Field, to: Place) -> Option<(u32, Read)> {
        let packs = field.shape == Shape::List && matches!(field.kind, Kind::Scalar(_));
        let run = Read::Run { element: field.kind.wire_type(), packs };
        let (read, kind) = match (field.shape, field.kind) {
            (Shape::List, Kind::Scalar(scalar)) if scalar.is_number() => (run, OpKind::Numbers(scalar)),
            (Shape::List | Shape::Map, _) => (run, OpKind::Other { message, place }),
            (Shape::One, Kind::Text) => (Read::Text, OpKind::Text),
            (Shape::One, Kind::Bytes) => (Read::Bytes, OpKind::Bytes),
            (Shape::One, Kind::Scalar(scalar)) => (Read::Scalar(scalar), of_scalar(scalar)),
            (Shape::One, Kind::Message(inner) | Kind::Group(inner)) => {
                match self.types.message(inner)?.known {
                    Some(Known::Timestamp) if field.kind == Kind::Message(inner) => (run, OpKind::Time),
                    Some(known) if known != Known::Wrapper => (run, OpKind::Other { message, place }),
                    _ => return self.nested(field, inner, to),
                }
            }
        };
        let key = key(field.number, if packs { WireType::Length } else { field.kind.wire_type() });
        self.program.ops.push(to.op(key, field.absent, kind));
        Some((key, read))
    }

    fn nested(&mut self, field: &Field, inner: u32, to: Place) -> Option<(u32, Read)> {
        let key = key(field.number, field.kind.wire_type());
        let enter = self.program.ops.len();
        self.program.ops.push(to.op(key, field.absent, OpKind::Enter { ops: 0 }));
        let scope = self.scope(inner, to.name)?;
        let ops = (self.program.ops.len() - enter - 1) as u32;
        self.program.ops.get_mut(enter)?.kind = OpKind::Enter { ops };
        let is_group = matches!(field.kind, Kind::Group(_));
        Some((key, if is_group { Read::Group(scope) } else { Read::Scope(scope) }))
    }
}

/// Where a field's value goes.
#[derive(Clone, Copy, Debug)]
struct Place {
    slot: u32,
    name: u32,
    oneof: u32,
}

impl Place {
    fn op(self, key: u32, absent: Absent, kind: OpKind) -> Op {
        Op { key, byte: one_byte(key), oneof: self.oneof, slot: self.slot, name: self.name, absent, kind }
    }
}

fn of_scalar(scalar: Scalar) -> OpKind {
    match scalar {
        Scalar::Uint64 | Scalar::Fixed64 => OpKind::Unsigned(scalar),
        Scalar::Bool => OpKind::Boolean,
        Scalar::Float => OpKind::Float,
        Scalar::Double => OpKind::Double,
        Scalar::Enum(number) => OpKind::Enum(number),
        Scalar::Int64 => OpKind::Long,
        _ => OpKind::Integer(scalar),
    }
}
