//! What `prost-reflect` reads is what is read here. It knows nothing of columns, and takes its time.

use std::fmt::Write as _;

use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{
    self as reflect, DynamicMessage, FieldDescriptor, MapKey, MessageDescriptor, ReflectMessage as _,
};

use super::*;
use crate::decode::Object;

/// A message's fields: each with its type, its label and a place in a oneof.
#[derive(Clone, Debug)]
pub struct Fields(Vec<(Type, Label)>);

#[derive(Clone, Debug)]
enum Type {
    Scalar(&'static str),
    Enum,
    Message(Fields),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Label {
    Implicit,
    Optional,
    Repeated,
    Unpacked,
    Map(&'static str),
    Oneof,
}

const SCALARS: [&str; 15] = [
    "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64",
    "float", "double", "bool", "string", "bytes",
];

const KEYS: [&str; 4] = ["int32", "sint64", "bool", "string"];

pub fn fields() -> impl Strategy<Value = Fields> {
    let label = || {
        prop_oneof![
            3 => Just(Label::Implicit),
            2 => Just(Label::Optional),
            2 => Just(Label::Repeated),
            1 => Just(Label::Unpacked),
            1 => (0..KEYS.len()).prop_map(|key| Label::Map(KEYS[key])),
            2 => Just(Label::Oneof),
        ]
    };
    let scalar = prop_oneof![
        5 => (0..SCALARS.len()).prop_map(|scalar| Type::Scalar(SCALARS[scalar])),
        1 => Just(Type::Enum),
    ];
    let leaf = prop::collection::vec((scalar.clone(), label()), 0..6).prop_map(Fields);
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let kind = prop_oneof![2 => scalar.clone(), 1 => inner.prop_map(Type::Message)];
        prop::collection::vec((kind, label()), 1..7).prop_map(Fields)
    })
}

impl Fields {
    /// The schema's text. Numbers go down while fields go on: the order of one is not that of the other.
    pub fn schema(&self) -> String {
        let mut text = "syntax = \"proto3\"; enum E { A = 0; B = 1; C = 70; }\n".to_owned();
        self.message("M", &mut text);
        text
    }

    fn message(&self, name: &str, text: &mut String) {
        let _ = writeln!(text, "message {name} {{");
        let mut oneof = String::new();
        let mut inner = String::new();
        for (place, (kind, label)) in self.0.iter().enumerate() {
            let number = self.0.len() - place + if place % 3 == 0 { 20 } else { 0 };
            let kind = match kind {
                Type::Scalar(scalar) => (*scalar).to_owned(),
                Type::Enum => "E".to_owned(),
                Type::Message(fields) => {
                    fields.message(&format!("{name}{place}"), &mut inner);
                    format!("{name}{place}")
                }
            };
            let packs = !matches!(kind.as_str(), "string" | "bytes") && !kind.starts_with('M');
            let field = format!("f{place} = {number}");
            let _ = match label {
                Label::Implicit => writeln!(text, "{kind} {field};"),
                Label::Optional => writeln!(text, "optional {kind} {field};"),
                Label::Unpacked if packs => writeln!(text, "repeated {kind} {field} [packed = false];"),
                Label::Repeated | Label::Unpacked => writeln!(text, "repeated {kind} {field};"),
                Label::Map(key) => writeln!(text, "map<{key}, {kind}> {field};"),
                Label::Oneof => writeln!(oneof, "{kind} {field};"),
            };
        }
        if !oneof.is_empty() {
            let _ = writeln!(text, "oneof o {{ {oneof} }}");
        }
        let _ = writeln!(text, "}}\n{inner}");
    }
}

/// Random numbers, good enough for tests.
pub struct Numbers(pub u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // Small ones and large ones.
        self.0 >> (self.0 % 61)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A message with some of its fields.
    pub fn message(&mut self, of: &MessageDescriptor) -> DynamicMessage {
        let mut message = DynamicMessage::new(of.clone());
        for field in of.fields() {
            if self.below(4) == 0 {
                continue;
            }
            let value = if field.is_map() {
                let entry = field.kind();
                let entry = entry.as_message().unwrap();
                let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
                // Theirs have no order, so that one entry has to do.
                let entry = (self.key(&key), self.single(&value));
                reflect::Value::Map([entry].into_iter().collect())
            } else if field.is_list() {
                reflect::Value::List((0..self.below(4)).map(|_| self.single(&field)).collect())
            } else {
                self.single(&field)
            };
            message.set_field(&field, value);
        }
        message
    }

    fn key(&mut self, field: &FieldDescriptor) -> MapKey {
        match self.single(field) {
            reflect::Value::Bool(value) => MapKey::Bool(value),
            reflect::Value::I32(value) => MapKey::I32(value),
            reflect::Value::I64(value) => MapKey::I64(value),
            reflect::Value::String(value) => MapKey::String(value),
            other => panic!("{other:?}"),
        }
    }

    fn single(&mut self, field: &FieldDescriptor) -> reflect::Value {
        let next = self.next();
        match field.kind() {
            reflect::Kind::Double => reflect::Value::F64(next as f64 / 3.0),
            reflect::Kind::Float => reflect::Value::F32(next as f32 / 3.0),
            reflect::Kind::Int32 | reflect::Kind::Sint32 | reflect::Kind::Sfixed32 => {
                reflect::Value::I32(next as i32)
            }
            reflect::Kind::Int64 | reflect::Kind::Sint64 | reflect::Kind::Sfixed64 => {
                reflect::Value::I64(next as i64)
            }
            reflect::Kind::Uint32 | reflect::Kind::Fixed32 => reflect::Value::U32(next as u32),
            reflect::Kind::Uint64 | reflect::Kind::Fixed64 => reflect::Value::U64(next),
            reflect::Kind::Bool => reflect::Value::Bool(next & 1 == 1),
            reflect::Kind::String => {
                reflect::Value::String(format!("é{}", "x".repeat((next % 200) as usize)))
            }
            reflect::Kind::Bytes => {
                reflect::Value::Bytes(next.to_be_bytes()[..(next % 8) as usize].to_vec().into())
            }
            reflect::Kind::Enum(_) => reflect::Value::EnumNumber((next % 90) as i32),
            reflect::Kind::Message(message) => reflect::Value::Message(self.message(&message)),
        }
    }
}

/// Theirs as ours is.
pub fn of(message: &DynamicMessage) -> Value {
    let descriptor = message.descriptor();
    let mut fields: Vec<_> = descriptor.fields().collect();
    fields.sort_by_key(|field| field.path().last().copied());
    let member = |field: &FieldDescriptor| {
        let has_value = !field.supports_presence() || message.has_field(field);
        let value = if has_value { value(&message.get_field(field), field) } else { Value::Null };
        (field.name().to_owned(), value)
    };
    Value::Object(Object(fields.iter().map(member).collect()))
}

fn value(theirs: &reflect::Value, field: &FieldDescriptor) -> Value {
    let kind = field.kind();
    match theirs {
        reflect::Value::Bool(value) => Value::Boolean(*value),
        reflect::Value::I32(value) => Value::Integer((*value).into()),
        reflect::Value::I64(value) => Value::Integer(*value),
        reflect::Value::U32(value) => Value::Integer((*value).into()),
        reflect::Value::U64(value) => match i64::try_from(*value) {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::BigInteger(value.to_string().into()),
        },
        reflect::Value::F32(value) => Value::Float(*value),
        reflect::Value::F64(value) => Value::double(*value),
        reflect::Value::String(value) => Value::Text(value.clone()),
        reflect::Value::Bytes(value) => Value::Bytes(value.to_vec()),
        reflect::Value::EnumNumber(number) => {
            let name = kind.as_enum().unwrap().get_value(*number);
            Value::Text(name.map_or(number.to_string(), |name| name.name().to_owned()))
        }
        reflect::Value::Message(message) => of(message),
        reflect::Value::List(items) => {
            let is_number = !matches!(
                kind,
                reflect::Kind::Bool
                    | reflect::Kind::String
                    | reflect::Kind::Bytes
                    | reflect::Kind::Enum(_)
                    | reflect::Kind::Message(_)
            );
            if items.is_empty() && is_number {
                return Value::EmptyArray { dimensions: 1 };
            }
            let items = items.iter().map(|item| match value(item, field) {
                Value::Float(float) => Value::double(float.into()),
                other => other,
            });
            Value::Array(items.collect())
        }
        reflect::Value::Map(entries) => {
            let of_entry = kind.as_message().unwrap().map_entry_value_field();
            let entries = entries.iter().map(|(key, entry)| {
                let key = match key {
                    MapKey::Bool(key) => key.to_string(),
                    MapKey::I32(key) => key.to_string(),
                    MapKey::I64(key) => key.to_string(),
                    MapKey::String(key) => key.clone(),
                    other => panic!("{other:?}"),
                };
                (key, value(entry, &of_entry))
            });
            Value::Map(Object(entries.collect()))
        }
    }
}

/// The bytes of values do not tell NaNs apart, and maps of theirs have no order.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(Object(members)) => {
            let members: Vec<_> =
                members.iter().map(|(name, value)| format!("{name}: {}", shown(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Map(Object(entries)) => {
            let mut entries: Vec<_> =
                entries.iter().map(|(name, value)| format!("{name:?}: {}", shown(value))).collect();
            entries.sort();
            format!("map {{{}}}", entries.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        other => format!("{other:?}"),
    }
}

fn is_no_message(error: &ProtobufError) -> bool {
    matches!(error.kind, ProtobufErrorKind::WrongWireType { expected: "a message", .. })
}

pub fn descriptor(schema: &str) -> MessageDescriptor {
    let file = files::registered(schema, &[]).unwrap();
    file.parent_pool().get_message_by_name("M").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]

    #[test]
    fn what_prost_reflect_writes_is_read_as_the_same(fields in fields(), seed in 1..u64::MAX) {
        let text = fields.schema();
        let schema = ProtobufSchema::parse(&text, &[]).unwrap();
        let message = Numbers(seed).message(&descriptor(&text));
        let bytes = message.encode_to_vec();
        prop_assert_eq!(schema.read(&bytes).map(|read| shown(&read)), Ok(shown(&of(&message))), "{}", text);
        // With less it is another value or none, and nothing panics.
        for end in 0..bytes.len() {
            let _ = schema.read(&bytes[..end]);
        }
    }

    /// Two messages, one after the other, are one: fields come twice, messages in parts.
    #[test]
    fn any_bytes_are_what_prost_reflect_says_or_an_error_within_them(
        fields in fields(), seed in 1..u64::MAX, place: usize, byte: u8,
    ) {
        let text = fields.schema();
        let schema = ProtobufSchema::parse(&text, &[]).unwrap();
        let descriptor = descriptor(&text);
        let mut numbers = Numbers(seed);
        let mut bytes = numbers.message(&descriptor).encode_to_vec();
        bytes.extend(numbers.message(&descriptor).encode_to_vec());
        for damaged in [false, true] {
            if damaged && !bytes.is_empty() {
                let place = place % bytes.len();
                bytes[place] = byte;
            }
            let theirs = DynamicMessage::decode(descriptor.clone(), bytes.as_slice());
            match (schema.read(&bytes), theirs) {
                (Ok(ours), Ok(theirs)) => prop_assert_eq!(shown(&ours), shown(&of(&theirs)), "{}", text),
                (Err(error), Err(_)) => prop_assert!(error.offset <= bytes.len()),
                // They take a map's entries for messages without a look at the wire type.
                (Err(error), Ok(_)) if text.contains("map<") && is_no_message(&error) => {}
                (ours, theirs) => prop_assert!(false, "{:?} and {:?}: {}", ours, theirs.map(|_| ()), text),
            }
        }
    }
}
