//! Payloads as trees.

use super::known;
use super::reader::{MAX_DEPTH, Part, ProtobufError, ProtobufErrorKind, Reader, Tag, WireType};
use super::schema::{Absent, Field, Kind, Known, Message, Scalar, Shape, Types};
use crate::decode::{Object, Value};

/// Reads messages. What it makes is bounded by itself, not by the bytes: two of them may stand for a message of a
/// thousand fields.
pub(crate) struct Tree<'s, 'a> {
    types: &'s Types,
    bytes: &'a [u8],
    /// What is left of the values that one payload may stand for.
    budget: usize,
    depth: usize,
    /// Whether what is read becomes a part of a JSON text, and not columns.
    in_list: bool,
}

/// As many values make a tree of some 100 MiB.
const MAX_VALUES: usize = 1_000_000;

/// Names that are longer than that count as more than one value.
const SHORT_NAME: usize = 64;

/// What a payload has of a field.
#[derive(Default)]
struct Found {
    /// The bits of its values, or their places.
    scalars: Vec<u64>,
    parts: Vec<Part>,
}

impl<'s, 'a> Tree<'s, 'a> {
    pub fn new(types: &'s Types, bytes: &'a [u8]) -> Self {
        Self { types, bytes, budget: MAX_VALUES, depth: 0, in_list: false }
    }

    /// A payload.
    pub fn payload(&mut self, number: u32) -> Result<Value, ProtobufError> {
        let value = self.message(number, &[Part::new(0, self.bytes.len())])?;
        Ok(self.as_column(Kind::Message(number), value))
    }

    /// A message. One that comes in several parts has the fields of all.
    fn message(&mut self, number: u32, parts: &[Part]) -> Result<Value, ProtobufError> {
        let at = parts.last().map_or(0, |part| part.end as usize);
        let Some(message) = self.types.message(number) else { return Ok(Value::Null) };
        if self.depth >= MAX_DEPTH {
            return Err(ProtobufError { kind: ProtobufErrorKind::TooDeep, offset: at });
        }
        self.depth += 1;
        let in_list = self.in_list || message.known.is_some();
        let was_in_list = std::mem::replace(&mut self.in_list, in_list);
        let members = self.members(message, parts);
        self.in_list = was_in_list;
        self.depth -= 1;
        let members = members?;
        match message.known {
            Some(known) => {
                let values = members.into_iter().map(|(_, value)| value).collect();
                known::value(known, values).map_err(|kind| ProtobufError {
                    kind,
                    offset: parts.first().map_or(0, |part| part.start as usize),
                })
            }
            None => {
                let named = members.into_iter().map(|(field, value)| (field.name.to_string(), value));
                Ok(Value::Object(Object(named.collect())))
            }
        }
    }

    /// The values of a field, whose tags are in `part`, and nothing else is.
    pub fn field(&mut self, message: u32, place: u32, part: Part) -> Result<Value, ProtobufError> {
        let message = self.types.message(message);
        let Some(field) = message.and_then(|message| message.fields.get(place as usize)) else {
            return Ok(Value::Null);
        };
        let mut found = Found::default();
        let mut reader = Reader::of_part(self.bytes, part);
        while !reader.is_at_end() {
            let tag = reader.tag()?;
            self.find(field, tag, &mut reader, &mut found)?;
        }
        self.value(field, found)
    }

    /// A run of numbers, which are in `part` with their tags, and nothing else is.
    pub fn numbers(&mut self, scalar: Scalar, part: Part) -> Result<Value, ProtobufError> {
        let mut found = Found::default();
        scalar.each(&mut Reader::of_part(self.bytes, part), |bits| found.scalars.push(bits))?;
        self.count(found.scalars.len(), part.end as usize)?;
        self.list(Kind::Scalar(scalar), &found)
    }

    /// The fields that have a value, in the order of their declaration. Those that have none are null.
    fn members(
        &mut self,
        message: &'s Message,
        parts: &[Part],
    ) -> Result<Vec<(&'s Field, Value)>, ProtobufError> {
        let mut found: Vec<Found> = message.fields.iter().map(|_| Found::default()).collect();
        let mut set: Vec<Option<usize>> = vec![None; message.oneofs];
        for &part in parts {
            let mut reader = Reader::of_part(self.bytes, part);
            while !reader.is_at_end() {
                let tag = reader.tag()?;
                let Some(place) = message.place(tag.number()) else {
                    reader.skip(tag)?;
                    continue;
                };
                let Some(field) = message.fields.get(place) else { continue };
                if let Some(set) = field.oneof.and_then(|oneof| set.get_mut(oneof as usize)) {
                    // Of a oneof's fields the last counts. The others have to be what they say all the same.
                    if let Some(other) = set.replace(place).filter(|other| *other != place)
                        && let (Some(field), Some(found)) = (message.fields.get(other), found.get_mut(other))
                    {
                        self.value(field, std::mem::take(found))?;
                    }
                }
                if let Some(found) = found.get_mut(place) {
                    self.find(field, tag, &mut reader, found)?;
                }
            }
        }
        let end = parts.last().map_or(0, |part| part.end as usize);
        let mut members = Vec::with_capacity(message.fields.len());
        for (field, found) in message.fields.iter().zip(found) {
            self.count(1 + field.name.len() / SHORT_NAME, end)?;
            let value = match field.absent {
                Absent::Null | Absent::Missing if found.is_empty() => {
                    if field.absent == Absent::Missing {
                        let kind = ProtobufErrorKind::Missing(field.name.clone());
                        return Err(ProtobufError { kind, offset: end });
                    }
                    Value::Null
                }
                _ => self.value(field, found)?,
            };
            members.push((field, value));
        }
        Ok(members)
    }

    /// Takes up one value of a field, or several that are packed.
    fn find(
        &mut self,
        field: &Field,
        tag: Tag,
        reader: &mut Reader<'a>,
        found: &mut Found,
    ) -> Result<(), ProtobufError> {
        let wire_type = tag.wire_type();
        let is_packed = field.shape == Shape::List && wire_type == WireType::Length;
        match field.kind {
            Kind::Scalar(scalar) if is_packed => {
                let part = reader.part()?;
                let mut packed = Reader::of_part(self.bytes, part);
                while !packed.is_at_end() {
                    self.count(1, packed.at())?;
                    found.scalars.push(scalar.read(&mut packed)?);
                }
            }
            kind if wire_type != kind.wire_type() => return Err(wrong_wire_type(field, tag, reader)),
            Kind::Scalar(scalar) => {
                if field.shape == Shape::One {
                    found.scalars.clear();
                }
                self.count(1, reader.at())?;
                found.scalars.push(scalar.read(reader)?);
            }
            Kind::Text | Kind::Bytes => {
                let part = if field.kind == Kind::Text { reader.text()? } else { reader.part()? };
                if field.shape == Shape::One {
                    found.parts.clear();
                }
                found.parts.push(part);
            }
            Kind::Message(_) => found.parts.push(reader.part()?),
            Kind::Group(_) => found.parts.push(reader.group(tag.number())?),
        }
        Ok(())
    }

    /// What has been found of a field. One that is not null and has not been found is 0, false or empty.
    fn value(&mut self, field: &Field, found: Found) -> Result<Value, ProtobufError> {
        match field.shape {
            Shape::One => {
                let value = self.single(field.kind, &found)?;
                Ok(if self.in_list { value } else { self.as_column(field.kind, value) })
            }
            Shape::List => self.list(field.kind, &found),
            Shape::Map => {
                let was_in_list = std::mem::replace(&mut self.in_list, true);
                let entries = self.entries(field.kind, &found);
                self.in_list = was_in_list;
                Ok(Value::Map(Object::of(entries?)))
            }
        }
    }

    fn list(&mut self, kind: Kind, found: &Found) -> Result<Value, ProtobufError> {
        let was_in_list = std::mem::replace(&mut self.in_list, true);
        let elements = self.elements(kind, found);
        self.in_list = was_in_list;
        let elements = elements?;
        Ok(match kind {
            Kind::Scalar(scalar) if scalar.is_number() && elements.is_empty() => {
                Value::EmptyArray { dimensions: 1 }
            }
            _ => Value::Array(elements),
        })
    }

    fn single(&mut self, kind: Kind, found: &Found) -> Result<Value, ProtobufError> {
        let part = found.parts.last().copied().unwrap_or_default();
        Ok(match kind {
            Kind::Scalar(scalar) => self.scalar(scalar, found.scalars.last().copied().unwrap_or_default()),
            Kind::Text => Value::Text(self.text(part)),
            Kind::Bytes => Value::Bytes(Reader::new(self.bytes).bytes_of(part).to_vec()),
            Kind::Message(number) | Kind::Group(number) => self.message(number, &found.parts)?,
        })
    }

    fn elements(&mut self, kind: Kind, found: &Found) -> Result<Vec<Value>, ProtobufError> {
        if let Kind::Scalar(scalar) = kind {
            let values = found.scalars.iter().map(|&bits| match self.scalar(scalar, bits) {
                // An array's elements are doubles in QuestDB, and never texts.
                Value::Float(float) => Value::double(float.into()),
                element => element,
            });
            return Ok(values.collect());
        }
        let mut elements = Vec::new();
        for &part in &found.parts {
            self.count(1, part.end as usize)?;
            elements.push(match kind {
                Kind::Message(number) | Kind::Group(number) => self.message(number, &[part])?,
                Kind::Text => Value::Text(self.text(part)),
                _ => Value::Bytes(Reader::new(self.bytes).bytes_of(part).to_vec()),
            });
        }
        Ok(elements)
    }

    fn entries(&mut self, kind: Kind, found: &Found) -> Result<Vec<(String, Value)>, ProtobufError> {
        let (Kind::Message(number) | Kind::Group(number)) = kind else { return Ok(Vec::new()) };
        let Some(entry) = self.types.message(number) else { return Ok(Vec::new()) };
        let mut entries = Vec::new();
        for &part in &found.parts {
            let mut name = String::new();
            let mut value = Value::Null;
            for (field, member) in self.entry(entry, part)? {
                match field.number {
                    1 => match member {
                        Value::Text(text) => name = text,
                        key => key.write_json(&mut name),
                    },
                    _ => value = member,
                }
            }
            entries.push((name, value));
        }
        Ok(entries)
    }

    /// A map's entry. Its key and its value are never absent, whatever they are.
    fn entry(&mut self, entry: &'s Message, part: Part) -> Result<Vec<(&'s Field, Value)>, ProtobufError> {
        if self.depth >= MAX_DEPTH {
            return Err(ProtobufError { kind: ProtobufErrorKind::TooDeep, offset: part.start as usize });
        }
        self.depth += 1;
        let mut members = self.members(entry, &[part])?;
        for (field, value) in &mut members {
            if *value == Value::Null && !is_known_value(self.types, field.kind) {
                *value = self.single(field.kind, &Found::default())?;
            }
        }
        self.depth -= 1;
        Ok(members)
    }

    fn scalar(&self, scalar: Scalar, bits: u64) -> Value {
        match scalar {
            Scalar::Bool => Value::Boolean(bits != 0),
            Scalar::Float => Value::Float(f32::from_bits(bits as u32)),
            Scalar::Double => Value::double(f64::from_bits(bits)),
            Scalar::Uint64 | Scalar::Fixed64 => match i64::try_from(bits) {
                Ok(integer) => Value::Integer(integer),
                Err(_) => Value::BigInteger(bits.to_string().into()),
            },
            Scalar::Enum(number) => {
                let value = bits as i32;
                let name = self.types.symbol(number, value);
                Value::Text(name.map_or_else(|| value.to_string(), str::to_owned))
            }
            _ => Value::Integer(bits as i64),
        }
    }

    fn text(&self, part: Part) -> String {
        String::from_utf8_lossy(Reader::new(self.bytes).bytes_of(part)).into_owned()
    }

    /// JSON is one text where it is a column of its own.
    fn as_column(&self, kind: Kind, value: Value) -> Value {
        let (Kind::Message(number) | Kind::Group(number)) = kind else { return value };
        let known = self.types.message(number).and_then(|message| message.known);
        match (known, value) {
            (_, Value::Null) => Value::Null,
            (Some(Known::Struct | Known::Value | Known::ListValue), value) => {
                let mut json = String::new();
                value.write_json(&mut json);
                Value::Text(json)
            }
            (_, value) => value,
        }
    }

    fn count(&mut self, values: usize, offset: usize) -> Result<(), ProtobufError> {
        match self.budget.checked_sub(values) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(ProtobufError { kind: ProtobufErrorKind::TooManyValues, offset }),
        }
    }
}

impl Found {
    fn is_empty(&self) -> bool {
        self.scalars.is_empty() && self.parts.is_empty()
    }
}

/// Whether a message may be null as a value.
fn is_known_value(types: &Types, kind: Kind) -> bool {
    let (Kind::Message(number) | Kind::Group(number)) = kind else { return false };
    types.message(number).is_some_and(|message| message.known == Some(Known::Value))
}

#[cold]
pub(super) fn wrong_wire_type(field: &Field, tag: Tag, reader: &Reader<'_>) -> ProtobufError {
    reader.error(ProtobufErrorKind::WrongWireType {
        field: field.name.clone(),
        expected: field.kind.shown(),
        found: tag.wire_type(),
    })
}
