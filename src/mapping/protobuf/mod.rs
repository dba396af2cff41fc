//! Protobuf straight into columns, in the order of the fields' declaration: a payload that has them so field by field,
//! any other by slots. No tree.

mod source;

use self::source::{Next, Source, past};
use super::record::Row;
use super::refusal::Refusal;
use super::typed::{Fault, Fields, Shape};
use crate::decode::json::{Number, NumberValue};
use crate::decode::protobuf::{
    Absent, NO_ONEOF, Op, OpKind, Part, Program, ProtobufError, ProtobufErrorKind, ProtobufSchema, Reader,
    Scalar, Tag, Tree, Types, timestamp,
};
use crate::rows::Slot;

impl From<ProtobufError> for Fault<ProtobufError> {
    #[cold]
    fn from(error: ProtobufError) -> Self {
        Self::Misread(error)
    }
}

/// When so many payloads had their fields out of order, the others of the block are not expected to have them in order.
const MANY_OUT_OF_ORDER: u32 = 16;

/// A payload, and how it is read.
#[derive(Clone, Copy)]
struct Payload<'s> {
    program: &'s Program,
    types: &'s Types,
    body: &'s [u8],
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
            let payload = Payload { program, types: schema.types(), body };
            if self.by_program(payload, schema.serial(message), object)? {
                return Ok(());
            }
        }
        // Messages that refer to themselves have no program, some programs do not fit a topic, and some payloads no
        // program.
        Ok(self.part(object, &schema.read_as(message, body)?)?)
    }

    /// Without a tree. False: nothing has been written, and that is not possible.
    #[inline]
    fn by_program(
        &mut self,
        payload: Payload<'_>,
        serial: u64,
        object: u32,
    ) -> Result<bool, Fault<ProtobufError>> {
        let Payload { program, types, body } = payload;
        if !self.in_any_order && self.block.out_of_order < MANY_OUT_OF_ORDER {
            return self.with_fields(serial, &program.names, object, |row, fields| {
                match row.in_order(payload, &program.ops, Part::new(0, body.len()), fields, &mut 0) {
                    Ok(true) => Ok(()),
                    // What is wrong with it is told when it has been read to its end.
                    Ok(false) | Err(_) => Err(Refusal::OutOfOrder.into()),
                }
            });
        }
        let mut slots = std::mem::take(&mut self.block.slots);
        let done = match program.scan(types, body, &mut slots) {
            Ok(true) => self.with_fields(serial, &program.names, object, |row, fields| {
                row.write(payload, &program.ops, &slots, fields)
            }),
            Ok(false) => Ok(false),
            Err(error) => Err(error.into()),
        };
        self.block.slots = slots;
        done
    }

    /// Reads a message's fields straight into columns, where they come in the order of their declaration. False: they do not,
    /// or have what is rare. `part` is where the message is, `oneofs` are those that have a field, a bit each.
    fn in_order(
        &mut self,
        payload: Payload<'_>,
        ops: &[Op],
        part: Part,
        fields: &mut Fields<'_>,
        oneofs: &mut u64,
    ) -> Result<bool, Fault<ProtobufError>> {
        let mut reader = Reader::of_part(payload.body, part);
        let mut next = 0;
        while !reader.is_at_end() {
            let start = reader.at();
            let op = match ops.get(next) {
                Some(op) if reader.takes(op.byte) => op,
                _ => {
                    let tag = reader.tag()?;
                    match self.ahead(payload, ops, next, tag, fields)? {
                        Some((place, op)) => {
                            next = place;
                            op
                        }
                        None if ops.iter().any(|op| op.number() == tag.number()) => return Ok(false),
                        None => {
                            reader = past(reader, tag)?;
                            continue;
                        }
                    }
                }
            };
            next += 1;
            if op.oneof != NO_ONEOF {
                let Some(bit) = 1_u64.checked_shl(op.oneof).filter(|bit| *oneofs & bit == 0) else {
                    return Ok(false);
                };
                *oneofs |= bit;
            }
            if let OpKind::Enter { .. } = op.kind {
                if op.is_group() {
                    return Ok(false);
                }
                let inner = ops.get(next..next + op.inner()).unwrap_or_default();
                next += inner.len();
                let part = reader.part()?;
                if !self.in_order(payload, inner, part, fields, oneofs)? {
                    return Ok(false);
                }
            } else {
                self.put(payload, op, &mut Next { reader: &mut reader, start, op }, fields)?;
            }
        }
        if let Some(absent @ [_, ..]) = ops.get(next..) {
            self.write(payload, absent, &[], fields)?;
        }
        Ok(true)
    }

    /// The operation of a field that comes later than the next one. Those before it are absent. None: there is none.
    #[inline(never)]
    fn ahead<'s>(
        &mut self,
        payload: Payload<'_>,
        ops: &'s [Op],
        next: usize,
        tag: Tag,
        fields: &mut Fields<'_>,
    ) -> Result<Option<(usize, &'s Op)>, Fault<ProtobufError>> {
        let mut place = next;
        while let Some(op) = ops.get(place) {
            if op.key == tag.key() {
                self.write(payload, ops.get(next..place).unwrap_or_default(), &[], fields)?;
                return Ok(Some((place, op)));
            }
            place += 1 + op.inner();
        }
        Ok(None)
    }

    /// Writes the slots of fields. Where there is none, they are absent.
    fn write(
        &mut self,
        payload: Payload<'_>,
        ops: &[Op],
        slots: &[Slot],
        fields: &mut Fields<'_>,
    ) -> Result<(), Fault<ProtobufError>> {
        let mut next = 0;
        while let Some(op) = ops.get(next) {
            next += 1;
            let mut slot = slots.get(op.slot as usize).copied().unwrap_or_default();
            match op.absent {
                _ if slot.is_set => {}
                Absent::Zero => slot = Slot::default(),
                Absent::Null => {
                    next += op.inner();
                    continue;
                }
                Absent::Missing => return Err(missing(payload, op).into()),
            }
            self.put(payload, op, &mut slot, fields)?;
        }
        Ok(())
    }

    /// Writes a field's value.
    #[inline(always)]
    fn put(
        &mut self,
        payload: Payload<'_>,
        op: &Op,
        source: &mut impl Source,
        fields: &mut Fields<'_>,
    ) -> Result<(), Fault<ProtobufError>> {
        let Payload { types, body, .. } = payload;
        let name = op.name;
        match op.kind {
            OpKind::Long => self.long(fields, name, source.scalar(Scalar::Int64)? as i64)?,
            OpKind::Integer(scalar) => self.long(fields, name, source.scalar(scalar)? as i64)?,
            OpKind::Double => {
                self.double_value(fields, name, f64::from_bits(source.scalar(Scalar::Double)?))?;
            }
            OpKind::Text => self.text_value(fields, name, bytes_of(body, source.text()?))?,
            OpKind::Boolean => self.boolean_value(fields, name, source.scalar(Scalar::Bool)? != 0)?,
            OpKind::Enum(number) => {
                let value = source.scalar(Scalar::Enum(number))? as i32;
                match types.symbol(number, value) {
                    Some(symbol) => self.text_value(fields, name, symbol.as_bytes())?,
                    None => self.number_of_enum(fields, name, value)?,
                }
            }
            OpKind::Time => {
                let (time, end) = source.time(body)?;
                match timestamp(time.seconds, time.nanos) {
                    Ok(time) => self.time_value(fields, name, time)?,
                    Err(kind) => return Err(ProtobufError { kind, offset: end }.into()),
                }
            }
            OpKind::Float => {
                let bits = source.scalar(Scalar::Float)? as u32;
                self.float_value(fields, name, f32::from_bits(bits))?;
            }
            OpKind::Bytes => self.bytes(fields.get(name).name, bytes_of(body, source.part()?))?,
            OpKind::Unsigned(scalar) => {
                let bits = source.scalar(scalar)?;
                match i64::try_from(bits) {
                    Ok(integer) => self.long(fields, name, integer)?,
                    Err(_) => self.beyond_long(fields.get(name).name, bits)?,
                }
            }
            OpKind::Numbers(scalar) => {
                let (name, run) = (fields.get(name).name, source.run()?);
                if !self.protobuf_numbers(name, scalar, body, run)? {
                    // What is not as simple is judged as a tree.
                    let value = Tree::new(types, body).numbers(scalar, run)?;
                    self.value(name, &value)?;
                }
            }
            OpKind::Other { message, place } => {
                let value = Tree::new(types, body).field(message, place, source.run()?)?;
                self.value(fields.get(name).name, &value)?;
            }
            OpKind::Enter { .. } => {}
        }
        Ok(())
    }

    /// A value that its enum does not have.
    #[cold]
    fn number_of_enum(&mut self, fields: &mut Fields<'_>, name: u32, value: i32) -> Result<(), Refusal> {
        self.text_value(fields, name, value.to_string().as_bytes())
    }

    #[cold]
    fn beyond_long(&mut self, name: u32, value: u64) -> Result<(), Refusal> {
        let text = value.to_string();
        self.number(name, &Number { text: text.as_bytes(), value: NumberValue::BigInteger })
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
fn missing(payload: Payload<'_>, op: &Op) -> ProtobufError {
    let name = payload.program.names.list.get(op.name as usize);
    let name = name.map(|name| name.name.clone()).unwrap_or_default();
    ProtobufError { kind: ProtobufErrorKind::Missing(name), offset: payload.body.len() }
}
