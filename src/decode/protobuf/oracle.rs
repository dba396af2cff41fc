//! What `prost-reflect` reads is what is read here. It knows nothing of columns, and takes its time.

#[path = "theirs.rs"]
mod theirs;

use std::fmt::Write as _;

use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{self as reflect, DynamicMessage, FieldDescriptor, MapKey, MessageDescriptor};
use theirs::{of, shown};

use super::*;
use crate::decode::Object;
use crate::decode::test_numbers::Numbers;

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

impl Numbers {
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
