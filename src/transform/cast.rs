use super::date_format;
use super::java_number::{parse_double, parse_float, parse_long};
use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::{Message, Timestamp, Value, base64, java_double, java_float};

/// Makes fields, or the whole key or value, of another type. As in Java, what does not fit a smaller integer type
/// wraps.
#[derive(Debug)]
pub(super) struct Cast {
    part: Part,
    whole: Option<Type>,
    fields: Vec<(String, Type)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    String,
}

const NAMES: [(&str, Type); 8] = [
    ("int8", Type::Int8),
    ("int16", Type::Int16),
    ("int32", Type::Int32),
    ("int64", Type::Int64),
    ("float32", Type::Float32),
    ("float64", Type::Float64),
    ("boolean", Type::Boolean),
    ("string", Type::String),
];

impl Cast {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        let spec = options.pairs("spec")?;
        options.ignored_default()?;
        let (mut whole, mut fields) = (None, Vec::new());
        for (name, kind) in spec {
            match kind {
                Some(kind) => fields.push((name, type_of(&kind)?)),
                None => whole = Some(type_of(&name)?),
            }
        }
        match (whole, fields.is_empty()) {
            (None, true) => Err("it needs `spec`, such as `a:int64,b:string`".to_owned()),
            (Some(_), false) => {
                Err("`spec` is one type for the whole, or pairs such as `a:int64`".to_owned())
            }
            _ => Ok(Self { part, whole, fields }),
        }
    }
}

fn type_of(name: &str) -> Result<Type, String> {
    let name = name.trim();
    let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, kind)| *kind).ok_or_else(|| {
        let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
        format!("`spec`: there is no type `{name}`; there are {}", names.join(", "))
    })
}

impl Change for Cast {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        let whole = self.part.of(message);
        if *whole == Value::Null {
            return Ok(Flow::Keep);
        }
        if let Some(kind) = self.whole {
            *whole = cast(whole, kind)?;
            return Ok(Flow::Keep);
        }
        let object = self.part.object(message)?;
        for (field, kind) in &self.fields {
            if let Some(value) = object.field_mut(field) {
                *value = cast(value, *kind).map_err(|error| format!("field `{field}`: {error}"))?;
            }
        }
        Ok(Flow::Keep)
    }
}

fn cast(value: &Value, to: Type) -> Result<Value, String> {
    let cast = match (to, value) {
        (_, Value::Null) => Some(Value::Null),
        (Type::Float32, value) => float(value).map(Value::Float),
        (Type::Float64, value) => double(value).map(Value::double),
        (Type::Boolean, value) => boolean(value).map(Value::Boolean),
        (Type::String, value) => string(value).map(Value::Text),
        (to, value) => integer(value, to).map(Value::Integer),
    };
    cast.ok_or_else(|| {
        let name = NAMES.iter().find(|(_, kind)| *kind == to).map_or("", |(name, _)| name);
        format!("{} cannot be made {name}", value.shown())
    })
}

fn integer(value: &Value, to: Type) -> Option<i64> {
    let wrap = |value: i64| match to {
        Type::Int8 => i64::from(value as i8),
        Type::Int16 => i64::from(value as i16),
        Type::Int32 => i64::from(value as i32),
        _ => value,
    };
    // A double becomes an int first, which stops at the ends of its range, and only then something smaller.
    let of_double = |value: f64| match to {
        Type::Int64 => value as i64,
        _ => wrap(i64::from(value as i32)),
    };
    match value {
        Value::Integer(value) => Some(wrap(*value)),
        Value::Double { value, .. } => Some(of_double(*value)),
        Value::Float(value) => Some(of_double(f64::from(*value))),
        Value::Decimal(digits) => digits.split('.').next()?.parse().ok().map(wrap),
        Value::Boolean(value) => Some(i64::from(*value)),
        Value::Text(text) | Value::Untyped(text) | Value::Symbol(text) => {
            parse_long(text).filter(|&value| wrap(value) == value)
        }
        Value::Timestamp(time) => Some(wrap(number_of(*time))),
        _ => None,
    }
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(value) => Some(*value as f64),
        Value::BigInteger(digits) | Value::Decimal(digits) => digits.parse().ok(),
        Value::Double { value, .. } => Some(*value),
        Value::Float(value) => Some(f64::from(*value)),
        Value::Boolean(value) => Some(f64::from(u8::from(*value))),
        Value::Text(text) | Value::Untyped(text) | Value::Symbol(text) => parse_double(text),
        Value::Timestamp(time) => Some(number_of(*time) as f64),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f32> {
    match value {
        Value::Float(value) => Some(*value),
        Value::Integer(value) => Some(*value as f32),
        Value::BigInteger(digits) | Value::Decimal(digits) => digits.parse().ok(),
        Value::Text(text) | Value::Untyped(text) | Value::Symbol(text) => parse_float(text),
        other => double(other).map(|value| value as f32),
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Boolean(value) => Some(*value),
        Value::BigInteger(_) => Some(true),
        Value::Text(text) | Value::Untyped(text) | Value::Symbol(text) => {
            Some(text.eq_ignore_ascii_case("true"))
        }
        other => integer(other, Type::Int64).map(|value| value != 0),
    }
}

fn string(value: &Value) -> Option<String> {
    Some(match value {
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::BigInteger(digits) | Value::Decimal(digits) => digits.to_string(),
        Value::Double { value, .. } => java_double(*value),
        Value::Float(value) => java_float(*value),
        Value::Text(text) | Value::Untyped(text) | Value::Symbol(text) => text.clone(),
        Value::Bytes(bytes) => base64(bytes),
        Value::Timestamp(Timestamp::Millis(millis)) => date_format::iso(*millis),
        Value::Timestamp(time) => number_of(*time).to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) | Value::Map(_) => return None,
    })
}

fn number_of(time: Timestamp) -> i64 {
    match time {
        Timestamp::Millis(value) | Timestamp::Micros(value) | Timestamp::Nanos(value) => value,
    }
}
