use super::date_format;
use super::java_number::{parse_double, parse_float, parse_long};
use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::{Message, Timestamp, Value, base64, java_double, java_float};

/// Makes fields, or the whole key or value, of another type. A fraction is cut off; a number that does not fit the
/// type is refused, where Kafka Connect's transform makes another number of it (300 as an int8 is 44 in Java).
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
        let has_schema = self.part.has_schema(message);
        let whole = self.part.of(message);
        if *whole == Value::Null {
            return Ok(Flow::Keep);
        }
        if let Some(kind) = self.whole {
            *whole = cast(whole, kind, has_schema)?;
            return Ok(Flow::Keep);
        }
        let object = self.part.object(message)?;
        for (field, kind) in &self.fields {
            if let Some(value) = object.field_mut(field) {
                *value =
                    cast(value, *kind, has_schema).map_err(|error| format!("field `{field}`: {error}"))?;
            }
        }
        Ok(Flow::Keep)
    }
}

fn cast(value: &Value, to: Type, has_schema: bool) -> Result<Value, String> {
    let narrow = |number| if has_schema { number } else { Value::Narrow(Box::new(number)) };
    let cast = match (to, value.widened()) {
        (_, Value::Null) => Some(Value::Null),
        (Type::Float32, value) => float(value).map(Value::Float).map(narrow),
        (Type::Float64, value) => double(value).map(Value::double),
        (Type::Boolean, value) => boolean(value).map(Value::Boolean),
        (Type::String, value) => string(value).map(Value::Text),
        (Type::Int8 | Type::Int16, value) => integer(value, to).map(Value::Integer).map(narrow),
        (Type::Int32 | Type::Int64, value) => integer(value, to).map(Value::Integer),
    };
    cast.ok_or_else(|| {
        let name = NAMES.iter().find(|(_, kind)| *kind == to).map_or("", |(name, _)| name);
        format!("{} cannot be made {name}", value.shown())
    })
}

fn integer(value: &Value, to: Type) -> Option<i64> {
    let bits = match to {
        Type::Int8 => 8,
        Type::Int16 => 16,
        Type::Int32 => 32,
        _ => 64,
    };
    let fits = |value: &i64| bits == 64 || (-(1 << (bits - 1))..1 << (bits - 1)).contains(value);
    // The end of 64 bits is a double, the last number before it is not.
    let of_double = |value: f64| {
        let end = 9_223_372_036_854_775_808.0;
        let value = value.trunc();
        (-end..end).contains(&value).then_some(value as i64)
    };
    let integer = match value {
        Value::Integer(value) => Some(*value),
        Value::Double { value, .. } => of_double(*value),
        Value::Float(value) => of_double(f64::from(*value)),
        Value::Decimal(digits) => digits.split('.').next()?.parse().ok(),
        Value::Boolean(value) => Some(i64::from(*value)),
        Value::Text(text) | Value::Untyped(text) | Value::Symbol(text) => parse_long(text),
        Value::Timestamp(time) => Some(number_of(*time)),
        _ => None,
    };
    integer.filter(fits)
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
        // Of whatever size; what is between -1 and 1 is nothing.
        Value::Double { value, .. } => Some(value.abs() >= 1.0),
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
        Value::Timestamp(time @ Timestamp::Seconds { .. }) => date_format::iso(number_of(*time)),
        Value::Timestamp(time) => number_of(*time).to_string(),
        Value::Narrow(number) => return string(number),
        Value::Null | Value::Array(_) | Value::EmptyArray { .. } | Value::Object(_) | Value::Map(_) => {
            return None;
        }
    })
}

fn number_of(time: Timestamp) -> i64 {
    match time {
        Timestamp::Millis(value) | Timestamp::Micros(value) | Timestamp::Nanos(value) => value,
        // As milliseconds, which it is for Kafka Connect.
        Timestamp::Seconds { .. } => time.millis().unwrap_or(i64::MAX),
    }
}
