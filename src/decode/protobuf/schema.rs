//! A schema's messages, as they are read by: from descriptors, which `prost-reflect` makes of files.

use std::collections::HashMap;

use prost_reflect as reflect;
use prost_reflect::{Cardinality, EnumDescriptor, FieldDescriptor, MessageDescriptor};

use super::ProtobufSchemaError;
use super::reader::{ProtobufError, Reader, WireType};
use crate::decode::varint::zigzag;

/// The messages and enums of a schema, which refer to each other by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Types {
    pub messages: Vec<Message>,
    pub enums: Vec<Enum>,
}

#[derive(Debug)]
pub(crate) struct Message {
    /// With its package.
    pub name: Box<str>,
    /// In the order of their declaration.
    pub fields: Box<[Field]>,
    /// The places of fields in `fields`, by their numbers in order.
    by_number: Box<[(u32, u32)]>,
    /// How many oneofs it has.
    pub oneofs: usize,
    /// The messages that are declared in it, but for those that stand for a map's entries.
    pub nested: Box<[u32]>,
    /// What it is, where everybody knows.
    pub known: Option<Known>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub name: Box<str>,
    pub number: u32,
    pub kind: Kind,
    pub shape: Shape,
    pub absent: Absent,
    /// Which of the message's oneofs it is in.
    pub oneof: Option<u32>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Scalar(Scalar),
    Text,
    Bytes,
    Message(u32),
    /// A message between two tags.
    Group(u32),
}

/// What takes a number of 64 bits at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    Float,
    Double,
    Enum(u32),
}

/// How many values a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    List,
    /// Of messages of a key and a value.
    Map,
}

/// What it means that a payload does not have a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// It has no value.
    Null,
    /// It is 0, false, empty.
    Zero,
    /// The payload is none of this message.
    Missing,
}

/// Messages that stand for something that is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Timestamp,
    Duration,
    /// One value, which may be null.
    Wrapper,
    Struct,
    Value,
    ListValue,
    Decimal,
    Date,
    TimeOfDay,
}

#[derive(Debug)]
pub(crate) struct Enum {
    /// By number, in order.
    values: Box<[(i32, Box<str>)]>,
}

/// More types than any schema that people write has.
const MAX_TYPES: usize = 20_000;

impl Types {
    pub fn message(&self, number: u32) -> Option<&Message> {
        self.messages.get(number as usize)
    }

    /// The name of an enum's value. None: it has none of that number.
    pub fn symbol(&self, number: u32, value: i32) -> Option<&str> {
        let values = &self.enums.get(number as usize)?.values;
        // Most have all numbers from 0 on.
        if let Some((number, name)) = values.get(value as usize)
            && *number == value
        {
            return Some(name);
        }
        let place = values.binary_search_by_key(&value, |(number, _)| *number).ok()?;
        values.get(place).map(|(_, name)| &**name)
    }
}

impl Message {
    /// The place of a field among the message's.
    pub fn place(&self, number: u32) -> Option<usize> {
        let place = self.by_number.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.by_number.get(place).map(|(_, field)| *field as usize)
    }
}

impl Kind {
    pub fn wire_type(self) -> WireType {
        match self {
            Self::Text | Self::Bytes | Self::Message(_) => WireType::Length,
            Self::Group(_) => WireType::GroupStart,
            Self::Scalar(scalar) => scalar.wire_type(),
        }
    }

    /// What it is, for a message.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Bytes => "bytes",
            Self::Message(_) => "a message",
            Self::Group(_) => "a group",
            Self::Scalar(scalar) => scalar.shown(),
        }
    }
}

impl Scalar {
    pub fn wire_type(self) -> WireType {
        match self {
            Self::Fixed32 | Self::Sfixed32 | Self::Float => WireType::Fixed32,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => WireType::Fixed64,
            _ => WireType::Varint,
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Int32 => "an int32",
            Self::Int64 => "an int64",
            Self::Uint32 => "a uint32",
            Self::Uint64 => "a uint64",
            Self::Sint32 => "a sint32",
            Self::Sint64 => "a sint64",
            Self::Fixed32 => "a fixed32",
            Self::Fixed64 => "a fixed64",
            Self::Sfixed32 => "a sfixed32",
            Self::Sfixed64 => "a sfixed64",
            Self::Bool => "a bool",
            Self::Float => "a float",
            Self::Double => "a double",
            Self::Enum(_) => "an enum",
        }
    }

    /// Whether it is a number, of which arrays can be.
    pub fn is_number(self) -> bool {
        !matches!(self, Self::Bool | Self::Enum(_))
    }

    /// Reads one: an integer in 64 bits, whatever its own, or a float's bits.
    #[inline(always)]
    pub fn read(self, reader: &mut Reader<'_>) -> Result<u64, ProtobufError> {
        Ok(match self {
            Self::Int64 | Self::Uint64 => reader.varint()?,
            // What is beyond 32 bits does not count: so all of Protobuf's implementations have it.
            Self::Int32 | Self::Enum(_) => i64::from(reader.varint()? as i32) as u64,
            Self::Uint32 => u64::from(reader.varint()? as u32),
            Self::Sint32 => i64::from(zigzag(u64::from(reader.varint()? as u32)) as i32) as u64,
            Self::Sint64 => zigzag(reader.varint()?) as u64,
            Self::Bool => u64::from(reader.varint()? != 0),
            Self::Fixed32 | Self::Float => u64::from(reader.fixed32()?),
            Self::Sfixed32 => i64::from(reader.fixed32()? as i32) as u64,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => reader.fixed64()?,
        })
    }

    /// Reads a field that has several, packed or not: `reader` has nothing but them and their tags.
    #[inline]
    pub fn each(self, reader: &mut Reader<'_>, mut each: impl FnMut(u64)) -> Result<(), ProtobufError> {
        while !reader.is_at_end() {
            if reader.tag()?.wire_type() == self.wire_type() {
                each(self.read(reader)?);
                continue;
            }
            let part = reader.part()?;
            let mut packed = reader.within(part);
            while !packed.is_at_end() {
                each(self.read(&mut packed)?);
            }
        }
        Ok(())
    }

    /// What has been read, as an array's element. None: it is an integer beyond int64, of which columns decide.
    #[inline]
    pub fn as_double(self, bits: u64) -> Option<f64> {
        Some(match self {
            Self::Double => f64::from_bits(bits),
            Self::Float => f64::from(f32::from_bits(bits as u32)),
            Self::Uint64 | Self::Fixed64 => i64::try_from(bits).ok()? as f64,
            _ => bits as i64 as f64,
        })
    }
}

/// Takes messages up, with all that they refer to.
pub(super) struct Loader {
    pub types: Types,
    messages: HashMap<String, u32>,
    enums: HashMap<String, u32>,
    /// Those that have been named, and not been looked at.
    waiting: Vec<(u32, MessageDescriptor)>,
}

impl Loader {
    pub fn new() -> Self {
        Self { types: Types::default(), messages: HashMap::new(), enums: HashMap::new(), waiting: Vec::new() }
    }

    /// The number of a message.
    pub fn load(&mut self, message: &MessageDescriptor) -> Result<u32, ProtobufSchemaError> {
        let number = self.number(message)?;
        // No recursion: messages refer to others over as many as people like.
        while let Some((number, message)) = self.waiting.pop() {
            let made = self.message(&message)?;
            if let Some(place) = self.types.messages.get_mut(number as usize) {
                *place = made;
            }
        }
        Ok(number)
    }

    fn number(&mut self, message: &MessageDescriptor) -> Result<u32, ProtobufSchemaError> {
        if let Some(&number) = self.messages.get(message.full_name()) {
            return Ok(number);
        }
        let number = self.types.messages.len() as u32;
        if self.types.messages.len() + self.types.enums.len() >= MAX_TYPES {
            return Err(ProtobufSchemaError(format!("the schema has more than {MAX_TYPES} types")));
        }
        self.messages.insert(message.full_name().to_owned(), number);
        self.types.messages.push(Message {
            name: message.full_name().into(),
            fields: Box::default(),
            by_number: Box::default(),
            oneofs: 0,
            nested: Box::default(),
            known: None,
        });
        self.waiting.push((number, message.clone()));
        Ok(number)
    }

    fn message(&mut self, message: &MessageDescriptor) -> Result<Message, ProtobufSchemaError> {
        let mut declared: Vec<_> = message.fields().collect();
        // They come in the order of their numbers.
        declared.sort_by_key(|field| field.path().last().copied());
        let fields = declared.iter().map(|field| self.field(field)).collect::<Result<Box<[_]>, _>>()?;
        let mut by_number: Box<[(u32, u32)]> =
            fields.iter().enumerate().map(|(place, field)| (field.number, place as u32)).collect();
        by_number.sort_unstable();
        let nested = message.child_messages().filter(|nested| !nested.is_map_entry());
        let nested = nested.map(|nested| self.number(&nested)).collect::<Result<_, _>>()?;
        let known = known(message.full_name(), &fields);
        let oneofs = message.oneofs().len();
        Ok(Message { name: message.full_name().into(), fields, by_number, oneofs, nested, known })
    }

    fn field(&mut self, field: &FieldDescriptor) -> Result<Field, ProtobufSchemaError> {
        let shape = match field {
            field if field.is_map() => Shape::Map,
            field if field.is_list() => Shape::List,
            _ => Shape::One,
        };
        let absent = match shape {
            Shape::One if field.cardinality() == Cardinality::Required => Absent::Missing,
            Shape::One if field.supports_presence() => Absent::Null,
            _ => Absent::Zero,
        };
        let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        Ok(Field {
            name: field.name().into(),
            number: field.number(),
            kind: self.kind(field)?,
            shape,
            absent,
            oneof: oneof.and_then(|oneof| oneof.path().last().map(|&index| index as u32)),
        })
    }

    fn kind(&mut self, field: &FieldDescriptor) -> Result<Kind, ProtobufSchemaError> {
        Ok(Kind::Scalar(match field.kind() {
            reflect::Kind::Double => Scalar::Double,
            reflect::Kind::Float => Scalar::Float,
            reflect::Kind::Int32 => Scalar::Int32,
            reflect::Kind::Int64 => Scalar::Int64,
            reflect::Kind::Uint32 => Scalar::Uint32,
            reflect::Kind::Uint64 => Scalar::Uint64,
            reflect::Kind::Sint32 => Scalar::Sint32,
            reflect::Kind::Sint64 => Scalar::Sint64,
            reflect::Kind::Fixed32 => Scalar::Fixed32,
            reflect::Kind::Fixed64 => Scalar::Fixed64,
            reflect::Kind::Sfixed32 => Scalar::Sfixed32,
            reflect::Kind::Sfixed64 => Scalar::Sfixed64,
            reflect::Kind::Bool => Scalar::Bool,
            reflect::Kind::Enum(of) => Scalar::Enum(self.enum_number(&of)),
            reflect::Kind::String => return Ok(Kind::Text),
            reflect::Kind::Bytes => return Ok(Kind::Bytes),
            reflect::Kind::Message(message) if field.is_group() => {
                return Ok(Kind::Group(self.number(&message)?));
            }
            reflect::Kind::Message(message) => return Ok(Kind::Message(self.number(&message)?)),
        }))
    }

    fn enum_number(&mut self, of: &EnumDescriptor) -> u32 {
        if let Some(&number) = self.enums.get(of.full_name()) {
            return number;
        }
        let number = self.types.enums.len() as u32;
        // In the order of their declaration.
        let values = &of.enum_descriptor_proto().value;
        let mut values: Vec<(i32, Box<str>)> =
            values.iter().map(|value| (value.number(), value.name().into())).collect();
        // Of several names for a number the first that is declared counts.
        values.sort_by_key(|(number, _)| *number);
        values.dedup_by_key(|(number, _)| *number);
        self.types.enums.push(Enum { values: values.into() });
        self.enums.insert(of.full_name().to_owned(), number);
        number
    }
}

/// What a message stands for. One that has a known name and other fields is a message like any other.
fn known(name: &str, fields: &[Field]) -> Option<Known> {
    let is = |place: usize, number: u32, kind: Kind, shape: Shape| {
        fields
            .get(place)
            .is_some_and(|field| (field.number, field.kind, field.shape) == (number, kind, shape))
    };
    let scalars = |kinds: &[Scalar]| {
        fields.len() == kinds.len()
            && kinds
                .iter()
                .zip(0..)
                .all(|(kind, place)| is(place as usize, place + 1, Kind::Scalar(*kind), Shape::One))
    };
    let numbers = || fields.iter().map(|field| field.number).eq(1..=fields.len() as u32);
    let (known, fits) = match name {
        "google.protobuf.Timestamp" => (Known::Timestamp, scalars(&[Scalar::Int64, Scalar::Int32])),
        "google.protobuf.Duration" => (Known::Duration, scalars(&[Scalar::Int64, Scalar::Int32])),
        "google.protobuf.DoubleValue"
        | "google.protobuf.FloatValue"
        | "google.protobuf.Int64Value"
        | "google.protobuf.UInt64Value"
        | "google.protobuf.Int32Value"
        | "google.protobuf.UInt32Value"
        | "google.protobuf.BoolValue"
        | "google.protobuf.StringValue"
        | "google.protobuf.BytesValue" => (Known::Wrapper, fields.len() == 1 && numbers()),
        "google.protobuf.Struct" => {
            (Known::Struct, fields.len() == 1 && numbers() && fields.iter().all(|f| f.shape == Shape::Map))
        }
        "google.protobuf.Value" => (Known::Value, fields.len() == 6 && numbers()),
        "google.protobuf.ListValue" => (
            Known::ListValue,
            fields.len() == 1 && numbers() && fields.iter().all(|f| f.shape == Shape::List),
        ),
        "confluent.type.Decimal" => (
            Known::Decimal,
            is(0, 1, Kind::Bytes, Shape::One)
                && is(2, 3, Kind::Scalar(Scalar::Int32), Shape::One)
                && fields.len() == 3,
        ),
        "google.type.Date" => (Known::Date, scalars(&[Scalar::Int32; 3])),
        "google.type.TimeOfDay" => (Known::TimeOfDay, scalars(&[Scalar::Int32; 4])),
        _ => return None,
    };
    fits.then_some(known)
}
