//! What `prost-reflect` has read, as it is read here: for tests, and for a fuzz target, which takes this file in.

use prost_reflect::{self as reflect, DynamicMessage, FieldDescriptor, MapKey, ReflectMessage as _};

use super::{Object, Value};

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
pub fn shown(value: &Value) -> String {
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
