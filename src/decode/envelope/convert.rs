use std::collections::HashMap;

use super::decimal;
use super::schema::{Kind, Meaning, Schema, Width};
use crate::decode::{Object, Timestamp, Value};

/// One payload on its way through its schema.
///
/// A struct's fields times an array's elements can be far more than either, and than what a peer has sent. So what
/// a schema adds is counted.
#[derive(Debug, Default)]
pub(super) struct Conversion {
    work: usize,
}

/// Fields visited, and bytes of defaults filled in, of one record.
const MAX_WORK: usize = 2_000_000;

/// As many dimensions QuestDB's arrays have at most.
const MAX_DIMENSIONS: usize = 3;

const MILLIS_A_DAY: i64 = 86_400_000;

impl Conversion {
    /// A value as its schema says. None: it is absent.
    pub(super) fn value(&mut self, schema: &Schema, value: Option<Value>) -> Result<Value, String> {
        let Some(value) = value.filter(|value| *value != Value::Null) else {
            return match &schema.default {
                Some(default) => {
                    self.count(default.bytes)?;
                    Ok(default.value.clone())
                }
                None if schema.optional => Ok(Value::Null),
                None => Err("it is null or absent, and the schema says that it is required".to_owned()),
            };
        };
        self.present(&schema.kind, value)
    }

    fn present(&mut self, kind: &Kind, value: Value) -> Result<Value, String> {
        Ok(match (kind, value) {
            (Kind::Boolean, value @ Value::Boolean(_)) | (Kind::Text, value @ Value::Text(_)) => value,
            (Kind::Integer(width, meaning), value) => integer(*width, *meaning, &value)?,
            (Kind::Float, value) => float(&value)?,
            (Kind::Double, value) => double(value)?,
            (Kind::Bytes, Value::Text(text)) => Value::Bytes(base64(&text)?),
            (Kind::Decimal { scale }, value) => decimal_of(*scale, &value)?,
            (Kind::Array(items), Value::Array(elements)) => {
                let element = |(index, element)| match self.value(items, Some(element)) {
                    // An array's elements are doubles in QuestDB, and never texts.
                    Ok(Value::Float(float)) => Ok(Value::double(f64::from(float))),
                    Ok(element) => Ok(element),
                    Err(error) => Err(format!("element {index}: {error}")),
                };
                array(kind, elements.into_iter().enumerate().map(element).collect::<Result<_, _>>()?)
            }
            (Kind::Map { keys, values }, value) => Value::Map(self.map(keys, values, value)?),
            (Kind::Struct(fields), Value::Object(members)) => Value::Object(self.fields(fields, members)?),
            (kind, value) => return Err(contradiction(kind, &value)),
        })
    }

    fn fields(&mut self, fields: &[(String, Schema)], members: Object) -> Result<Object, String> {
        self.count(fields.len())?;
        let mut members = Members::new(members);
        let mut object = Vec::with_capacity(fields.len());
        for (index, (name, schema)) in fields.iter().enumerate() {
            let value = self
                .value(schema, members.take(index, name))
                .map_err(|error| format!("field `{name}`: {error}"))?;
            object.push((name.clone(), value));
        }
        Ok(Object(object))
    }

    fn map(&mut self, keys: &Schema, values: &Schema, map: Value) -> Result<Object, String> {
        let mut members = Vec::new();
        match (&keys.kind, map) {
            (Kind::Text, Value::Object(entries)) => {
                for (key, value) in entries.0 {
                    let value =
                        self.value(values, Some(value)).map_err(|error| format!("entry `{key}`: {error}"))?;
                    members.push((key, value));
                }
            }
            (Kind::Text, other) => return Err(format!("{} is no map, which is an object", other.shown())),
            (_, Value::Array(entries)) => {
                for entry in entries {
                    let Value::Array(pair) = entry else {
                        return Err(format!("{} is no entry of a map, [key, value]", entry.shown()));
                    };
                    let Ok([key, value]) = <[Value; 2]>::try_from(pair) else {
                        return Err("an entry of a map is [key, value]".to_owned());
                    };
                    let mut name = String::new();
                    match self.value(keys, Some(key))? {
                        Value::Text(text) => name = text,
                        key => key.write_json(&mut name),
                    }
                    members.push((name, self.value(values, Some(value))?));
                }
            }
            (_, other) => {
                return Err(format!("{} is no map, which is an array of [key, value]", other.shown()));
            }
        }
        Ok(Object::of(members))
    }

    fn count(&mut self, work: usize) -> Result<(), String> {
        self.work = self.work.saturating_add(work);
        if self.work > MAX_WORK {
            return Err(format!("the schema makes more than {MAX_WORK} fields and bytes of the record"));
        }
        Ok(())
    }
}

/// An object's members, to be taken by name. They nearly always come in the order of the schema.
struct Members {
    members: Vec<(String, Value)>,
    places: Option<HashMap<String, usize>>,
}

impl Members {
    fn new(object: Object) -> Self {
        Self { members: object.0, places: None }
    }

    fn take(&mut self, expected: usize, name: &str) -> Option<Value> {
        let place = match self.members.get(expected) {
            Some((found, _)) if found == name => expected,
            _ => {
                let names = || self.members.iter().enumerate();
                let places = self
                    .places
                    .get_or_insert_with(|| names().map(|(place, (name, _))| (name.clone(), place)).collect());
                *places.get(name)?
            }
        };
        self.members.get_mut(place).map(|(_, value)| std::mem::replace(value, Value::Null))
    }
}

/// An array with its elements. One that has no number at all still tells how many dimensions it has.
fn array(kind: &Kind, elements: Vec<Value>) -> Value {
    let is_empty = elements.iter().all(|element| matches!(element, Value::EmptyArray { .. }));
    match dimensions(kind) {
        Some(dimensions @ 1..=MAX_DIMENSIONS) if is_empty => Value::EmptyArray { dimensions },
        _ => Value::Array(elements),
    }
}

/// In how many arrays numbers are. None: something else is in them.
fn dimensions(kind: &Kind) -> Option<usize> {
    match kind {
        Kind::Array(items) => Some(dimensions(&items.kind)? + 1),
        Kind::Float | Kind::Double | Kind::Integer(_, Meaning::Number) => Some(0),
        _ => None,
    }
}

fn integer(width: Width, meaning: Meaning, value: &Value) -> Result<Value, String> {
    let number = match *value {
        Value::Integer(number) => Some(number),
        // What is integral and exact in a double.
        Value::Double { value, .. } if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => {
            Some(value as i64)
        }
        _ => None,
    };
    let fits = |number: &i64| match width {
        Width::Int8 => i8::try_from(*number).is_ok(),
        Width::Int16 => i16::try_from(*number).is_ok(),
        Width::Int32 => i32::try_from(*number).is_ok(),
        Width::Int64 => true,
    };
    let Some(number) = number.filter(fits) else {
        return Err(contradiction(&Kind::Integer(width, meaning), value));
    };
    Ok(match meaning {
        Meaning::Number => Value::Integer(number),
        Meaning::Days => Value::Timestamp(Timestamp::Millis(number.saturating_mul(MILLIS_A_DAY))),
        Meaning::Millis => Value::Timestamp(Timestamp::Millis(number)),
        Meaning::Micros => Value::Timestamp(Timestamp::Micros(number)),
    })
}

fn float(value: &Value) -> Result<Value, String> {
    let number = match value {
        Value::Integer(number) => Some(*number as f32),
        // Not by way of a double: that would round twice.
        Value::Double { text: Some(text), .. } => text.parse().ok(),
        Value::BigInteger(digits) => digits.parse().ok(),
        Value::Double { value, .. } => Some(*value as f32),
        _ => None,
    };
    match number.filter(|number: &f32| number.is_finite()) {
        Some(number) => Ok(Value::Float(number)),
        None => Err(contradiction(&Kind::Float, value)),
    }
}

fn double(value: Value) -> Result<Value, String> {
    let number = match &value {
        Value::Double { value: number, .. } if number.is_finite() => return Ok(value),
        Value::Integer(number) => Some(*number as f64),
        Value::BigInteger(digits) => digits.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    };
    number.map(Value::double).ok_or_else(|| contradiction(&Kind::Double, &value))
}

/// Either the unscaled integer's bytes in Base64, or, with `decimal.format = NUMERIC`, a number.
fn decimal_of(scale: i32, value: &Value) -> Result<Value, String> {
    let digits = match value {
        Value::Text(text) => decimal::of_bytes(&base64(text)?, scale),
        Value::Integer(number) => Some(number.to_string()),
        Value::BigInteger(digits) | Value::Double { text: Some(digits), .. } => decimal::of_number(digits),
        _ => return Err(contradiction(&Kind::Decimal { scale }, value)),
    };
    match digits {
        Some(digits) => Ok(Value::Decimal(digits.into())),
        None => Err(format!("{} has more digits than any DECIMAL", value.shown())),
    }
}

/// What Base64 stands for.
pub(in crate::decode) fn base64(text: &str) -> Result<Vec<u8>, String> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| format!("it is not Base64: {error}"))
}

fn contradiction(kind: &Kind, value: &Value) -> String {
    let expected = match kind {
        Kind::Boolean => "boolean",
        Kind::Integer(Width::Int8, _) => "int8",
        Kind::Integer(Width::Int16, _) => "int16",
        Kind::Integer(Width::Int32, _) => "int32",
        Kind::Integer(Width::Int64, _) => "int64",
        Kind::Float => "float",
        Kind::Double => "double",
        Kind::Text => "string",
        Kind::Bytes => "bytes",
        Kind::Decimal { .. } => "a Decimal",
        Kind::Array(_) => "array",
        Kind::Map { .. } => "map",
        Kind::Struct(_) => "struct",
    };
    format!("{} contradicts the schema, which says {expected}", value.shown())
}
