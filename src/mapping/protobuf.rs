//! Protobuf straight into columns: a payload's fields into slots, and the slots into columns in the order of their
//! declaration. No tree.

use super::record::Row;
use super::refusal::Refusal;
use super::typed::{Fault, Shape};
use crate::decode::json::{Number, NumberValue};
use crate::decode::protobuf::{
    Absent, Op, OpKind, Part, Program, ProtobufError, ProtobufErrorKind, ProtobufSchema, Reader, Scalar,
    Tree, WireType, part_of, timestamp,
};
use crate::rows::{NONE, Slot};

impl From<ProtobufError> for Fault<ProtobufError> {
    #[cold]
    fn from(error: ProtobufError) -> Self {
        Self::Misread(error)
    }
}

impl Row<'_, '_> {
    /// A key's or a value's payload, of a message of a schema.
    #[inline]
    pub(super) fn protobuf(
        &mut self,
        schema: &ProtobufSchema,
        message: u32,
        body: &[u8],
        object: u32,
    ) -> Result<(), Fault<ProtobufError>> {
        if let Some(program) = schema.program(message) {
            let mut slots = std::mem::take(&mut self.block.slots);
            let done = match program.scan(schema.types(), body, &mut slots) {
                Ok(true) => self.with_names(schema.serial(message), &program.names, object, |row, names| {
                    row.write(program, schema, body, &slots, names)
                }),
                Ok(false) => Ok(false),
                Err(error) => Err(error.into()),
            };
            self.block.slots = slots;
            if done? {
                return Ok(());
            }
        }
        self.protobuf_tree(schema, message, body, object)
    }

    /// Messages that refer to themselves have no program, some programs do not fit a topic, and some payloads no
    /// program.
    #[cold]
    fn protobuf_tree(
        &mut self,
        schema: &ProtobufSchema,
        message: u32,
        body: &[u8],
        object: u32,
    ) -> Result<(), Fault<ProtobufError>> {
        Ok(self.part(object, &schema.read_as(message, body)?)?)
    }

    fn write(
        &mut self,
        program: &Program,
        schema: &ProtobufSchema,
        body: &[u8],
        slots: &[Slot],
        names: &[u32],
    ) -> Result<(), Fault<ProtobufError>> {
        let mut next = 0;
        while let Some(op) = program.ops.get(next) {
            next += 1;
            let mut slot = slots.get(op.slot as usize).copied().unwrap_or_default();
            if !slot.is_set {
                match (op.absent, op.kind) {
                    (Absent::Zero, _) => slot = Slot::default(),
                    (Absent::Missing, _) => return Err(missing(program, op, body).into()),
                    (Absent::Null, OpKind::Enter { end }) => {
                        next = end as usize;
                        continue;
                    }
                    (Absent::Null, _) => continue,
                }
            }
            let name = names.get(op.name as usize).copied().unwrap_or(NONE);
            match op.kind {
                OpKind::Integer => self.long(name, slot.bits as i64)?,
                OpKind::Double => self.double_value(name, f64::from_bits(slot.bits))?,
                OpKind::Text => self.text_value(name, bytes_of(body, part_of(slot.bits)))?,
                OpKind::Boolean => self.boolean_value(name, slot.bits != 0)?,
                OpKind::Enum(number) => match schema.types().symbol(number, slot.bits as i32) {
                    Some(symbol) => self.text_value(name, symbol.as_bytes())?,
                    None => self.text_value(name, (slot.bits as i32).to_string().as_bytes())?,
                },
                OpKind::Time => self.protobuf_time(name, body, part_of(slot.bits))?,
                OpKind::Float => self.float(name, f32::from_bits(slot.bits as u32))?,
                OpKind::Bytes => self.bytes(name, bytes_of(body, part_of(slot.bits)))?,
                OpKind::Unsigned => match i64::try_from(slot.bits) {
                    Ok(integer) => self.long(name, integer)?,
                    Err(_) => self.beyond_long(name, slot.bits)?,
                },
                OpKind::Numbers(scalar) => {
                    if !self.protobuf_numbers(name, scalar, body, part_of(slot.bits))? {
                        // What is not as simple is judged as a tree.
                        let value = Tree::new(schema.types(), body).numbers(scalar, part_of(slot.bits))?;
                        self.value(name, &value)?;
                    }
                }
                OpKind::Other { message, place } => {
                    let part = part_of(slot.bits);
                    let value = Tree::new(schema.types(), body).field(message, place, part)?;
                    self.value(name, &value)?;
                }
                OpKind::Enter { .. } => {}
            }
        }
        Ok(())
    }

    #[cold]
    fn beyond_long(&mut self, name: u32, value: u64) -> Result<(), Refusal> {
        let text = value.to_string();
        self.number(name, &Number { text: text.as_bytes(), value: NumberValue::BigInteger })
    }

    /// A Timestamp, which may be in several parts.
    #[inline]
    fn protobuf_time(&mut self, name: u32, body: &[u8], run: Part) -> Result<(), Fault<ProtobufError>> {
        let (mut seconds, mut nanos) = (0, 0);
        let mut reader = Reader::of_part(body, run);
        while !reader.is_at_end() {
            reader.tag()?;
            let part = reader.part()?;
            let mut inside = reader.within(part);
            while !inside.is_at_end() {
                let tag = inside.tag()?;
                match (tag.number(), tag.wire_type()) {
                    (1, WireType::Varint) => seconds = Scalar::Int64.read(&mut inside)? as i64,
                    (2, WireType::Varint) => nanos = Scalar::Int32.read(&mut inside)? as i64,
                    (field @ 1..=2, found) => {
                        let field = if field == 1 { "seconds" } else { "nanos" };
                        let kind = ProtobufErrorKind::WrongWireType {
                            field: field.into(),
                            expected: "an integer",
                            found,
                        };
                        return Err(inside.error(kind).into());
                    }
                    _ => inside.skip(tag)?,
                }
            }
        }
        match timestamp(seconds, nanos) {
            Ok(time) => Ok(self.time_value(name, time)?),
            Err(kind) => Err(reader.error(kind).into()),
        }
    }

    /// Writes an array of numbers that needs no judgement. False: it does.
    fn protobuf_numbers(
        &mut self,
        name: u32,
        scalar: Scalar,
        body: &[u8],
        run: Part,
    ) -> Result<bool, Fault<ProtobufError>> {
        let mut elements = std::mem::take(&mut self.block.elements);
        elements.clear();
        let mut shape = Shape::of(1);
        let read = scalar.each(&mut Reader::of_part(body, run), |bits| {
            match scalar.as_double(bits).filter(|element| element.is_finite()) {
                Some(element) => elements.push(element),
                None => shape.irregular = true,
            }
        });
        let done = match read {
            Ok(()) => {
                shape.meet(0, elements.len() as u32);
                self.rectangular(name, &shape, &elements).map_err(Fault::from)
            }
            Err(error) => Err(error.into()),
        };
        self.block.elements = elements;
        done
    }
}

#[inline]
fn bytes_of(body: &[u8], part: Part) -> &[u8] {
    body.get(part.start as usize..part.end as usize).unwrap_or_default()
}

#[cold]
fn missing(program: &Program, op: &Op, body: &[u8]) -> ProtobufError {
    let name = program.names.list.get(op.name as usize);
    let name = name.map(|name| name.name.clone()).unwrap_or_default();
    ProtobufError { kind: ProtobufErrorKind::Missing(name), offset: body.len() }
}
