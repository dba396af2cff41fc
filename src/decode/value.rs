use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write as _};

use super::json::{self, NumberValue};

/// A record's key or value as a tree, owned: for what one pass over its bytes cannot do. Where a topic has no
/// transforms and its format is read in place, there is none.
///
/// It has what Kafka Connect's data has: a schema, where there was one, has decided the variants.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An integer of at most 64 bits.
    Integer(i64),
    /// An integer of more than 64 bits: its decimal digits.
    BigInteger(Box<str>),
    /// A number with a fraction or an exponent.
    Double {
        /// The nearest double; infinite where the number is beyond all doubles.
        value: f64,
        /// As it was written, where it was. Only where a schema has said that it is a double it has neither a fraction
        /// nor an exponent.
        text: Option<Box<str>>,
    },
    /// A single-precision number, which as a text is shorter than the double that it equals.
    Float(f32),
    /// A decimal number, exactly: its digits, with a point where it has a scale.
    Decimal(Box<str>),
    /// A text.
    Text(String),
    /// A text that is written as SYMBOL where the table does not say otherwise.
    Symbol(String),
    /// A text that a schema says to be a date or a time, which its column is where the table does not say otherwise.
    Time(String),
    /// A text whose column decides what it is: a number where the column takes numbers. In a new column a JSON
    /// number, `true` and `false` are that, and everything else is text.
    Untyped(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A point in time.
    Timestamp(Timestamp),
    /// A number of at most 32 bits, an integer or a float, that a transform has made where no schema says that it is
    /// one. QuestDB's Kafka connector has no column for it, so `unsupported` says what becomes of it.
    Narrow(Box<Value>),
    /// Values in order.
    Array(Vec<Value>),
    /// An array of numbers without any, in so many dimensions: a schema has said of what it has none.
    EmptyArray {
        /// 1, 2 or 3
        dimensions: usize,
    },
    /// Named values; no name comes twice. Columns are made of them.
    Object(Object),
    /// A map as a schema has it: its names are data, so no columns are made of them.
    Map(Object),
}

/// A point in time, since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp {
    /// In milliseconds.
    Millis(i64),
    /// In microseconds.
    Micros(i64),
    /// In nanoseconds.
    Nanos(i64),
    /// In seconds, and the nanoseconds after them, fewer than a second has. A new column has microseconds of it, as only
    /// those are there for all years.
    Seconds {
        /// Seconds
        seconds: i64,
        /// Nanoseconds
        nanos: u32,
    },
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Millis(value) => write!(f, "{value} ms"),
            Self::Micros(value) => write!(f, "{value} µs"),
            Self::Nanos(value) => write!(f, "{value} ns"),
            Self::Seconds { seconds, nanos } => write!(f, "{seconds} s and {nanos} ns"),
        }
    }
}

impl Timestamp {
    /// In microseconds; what is finer is cut off.
    #[inline]
    pub fn micros(self) -> Option<i64> {
        match self {
            Self::Millis(value) => value.checked_mul(1_000),
            Self::Micros(value) => Some(value),
            Self::Nanos(value) => Some(value.div_euclid(1_000)),
            Self::Seconds { seconds, nanos } => {
                seconds.checked_mul(1_000_000)?.checked_add(i64::from(nanos / 1_000))
            }
        }
    }

    /// In milliseconds; what is finer is cut off.
    pub fn millis(self) -> Option<i64> {
        match self {
            Self::Millis(value) => Some(value),
            Self::Micros(value) => Some(value.div_euclid(1_000)),
            Self::Nanos(value) => Some(value.div_euclid(1_000_000)),
            Self::Seconds { seconds, nanos } => {
                seconds.checked_mul(1_000)?.checked_add(i64::from(nanos / 1_000_000))
            }
        }
    }

    /// In nanoseconds.
    #[inline]
    pub fn nanos(self) -> Option<i64> {
        match self {
            Self::Millis(value) => value.checked_mul(1_000_000),
            Self::Micros(value) => value.checked_mul(1_000),
            Self::Nanos(value) => Some(value),
            Self::Seconds { seconds, nanos } => {
                // Before 1970 the seconds alone may be beyond what both together are not.
                let all = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
                i64::try_from(all).ok()
            }
        }
    }
}

/// Named values in order. Records have few enough fields that looking at each name is faster than hashing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(pub Vec<(String, Value)>);

/// Up to so many names, comparing each with each is faster than hashing.
const FEW: usize = 24;

impl Object {
    /// Of members in order. Of a name that comes twice the last value counts, in the place of the first. An object
    /// as large as a peer likes must not cost the square of its size.
    pub fn of(members: Vec<(String, Value)>) -> Self {
        let names = || members.iter().map(|(name, _)| name.as_str());
        let distinct = if members.len() <= FEW {
            names().enumerate().all(|(index, name)| names().take(index).all(|earlier| earlier != name))
        } else {
            let mut seen = HashSet::with_capacity(members.len());
            names().all(|name| seen.insert(name))
        };
        if distinct {
            return Self(members);
        }
        let mut places = HashMap::with_capacity(members.len());
        let mut object: Vec<(String, Value)> = Vec::with_capacity(members.len());
        for (name, value) in members {
            match places.get(&name).and_then(|&place: &usize| object.get_mut(place)) {
                Some((_, old)) => *old = value,
                None => {
                    places.insert(name.clone(), object.len());
                    object.push((name, value));
                }
            }
        }
        Self(object)
    }

    /// The value of a name.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The value of a name, to be changed.
    pub fn field_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Sets the value of a name, in its place where it is there already, else at the end.
    pub fn set(&mut self, name: impl Into<String>, value: Value) {
        let name = name.into();
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Takes a name and its value out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(at).1)
    }
}

impl Value {
    /// A double that nobody has written as text.
    pub fn double(value: f64) -> Self {
        Self::Double { value, text: None }
    }

    /// A JSON number.
    pub(super) fn number(number: &json::Number<'_>) -> Self {
        match number.value {
            NumberValue::Integer(value) => Self::Integer(value),
            NumberValue::BigInteger => Self::BigInteger(number.as_str().into()),
            NumberValue::Double(value) => Self::Double { value, text: Some(number.as_str().into()) },
        }
    }

    /// The value; a narrow number without what marks it as one.
    pub fn widened(&self) -> &Self {
        match self {
            Self::Narrow(number) => number,
            value => value,
        }
    }

    /// What it is, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) | Self::BigInteger(_) => "an integer",
            Self::Double { .. } | Self::Float(_) => "a number with a fraction or an exponent",
            Self::Decimal(_) => "a decimal",
            Self::Text(_) | Self::Symbol(_) | Self::Time(_) | Self::Untyped(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "a timestamp",
            Self::Narrow(number) => number.kind(),
            Self::Array(_) | Self::EmptyArray { .. } => "an array",
            Self::Object(_) => "an object",
            Self::Map(_) => "a map",
        }
    }

    /// The value for a message: cut to a length that one can read.
    pub fn shown(&self) -> String {
        const SHOWN_CHARS: usize = 60;
        let mut json = String::new();
        match self {
            Self::Array(_) | Self::EmptyArray { .. } | Self::Object(_) | Self::Map(_) => {
                json.push_str(self.kind());
            }
            value => value.write_json(&mut json),
        }
        match json.char_indices().nth(SHOWN_CHARS) {
            Some((end, _)) => format!("{}…", &json[..end]),
            None => json,
        }
    }

    /// Appends the value as JSON. Bytes are Base64's, times a number in their unit or, without one, in
    /// ISO 8601, and what no JSON number can be
    /// (NaN, infinities) is null.
    pub fn write_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Integer(value) => {
                let _ = write!(out, "{value}");
            }
            Self::BigInteger(digits) | Self::Decimal(digits) => out.push_str(digits),
            Self::Double { text: Some(text), .. } => out.push_str(text),
            Self::Double { value, .. } if value.is_finite() => {
                let _ = write!(out, "{value:?}");
            }
            Self::Float(value) if value.is_finite() => {
                let _ = write!(out, "{value:?}");
            }
            Self::Double { .. } | Self::Float(_) => out.push_str("null"),
            Self::Text(text) | Self::Symbol(text) | Self::Time(text) | Self::Untyped(text) => {
                write_json_text(text, out);
            }
            Self::Bytes(bytes) => write_json_text(&super::base64(bytes), out),
            Self::Timestamp(Timestamp::Millis(time) | Timestamp::Micros(time) | Timestamp::Nanos(time)) => {
                let _ = write!(out, "{time}");
            }
            Self::Timestamp(time @ Timestamp::Seconds { seconds, nanos }) => {
                match jiff::Timestamp::new(*seconds, *nanos as i32) {
                    Ok(time) => write_json_text(&time.to_string(), out),
                    Err(_) => write_json_text(&time.to_string(), out),
                }
            }
            Self::Narrow(number) => number.write_json(out),
            Self::EmptyArray { .. } => out.push_str("[]"),
            Self::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    element.write_json(out);
                }
                out.push(']');
            }
            Self::Object(object) | Self::Map(object) => {
                out.push('{');
                for (index, (name, value)) in object.0.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_json_text(name, out);
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_json_text(text: &str, out: &mut String) {
    // Serialising a string into memory cannot fail.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_comes_out_as_it_went_in() {
        let text = r#"{"a":1,"b":[1.50,-2e3,null,true],"c":{"d":"x\"\n"},"e":123456789012345678901}"#;
        let mut out = String::new();
        json::tree(text.as_bytes()).unwrap().write_json(&mut out);
        assert_eq!(out, text);
    }

    #[test]
    fn objects_keep_their_order() {
        let mut object = Object::default();
        object.set("a", Value::Integer(1));
        object.set("b", Value::Integer(2));
        object.set("a", Value::Integer(3));
        assert_eq!(object.0[0], ("a".to_owned(), Value::Integer(3)));
        assert_eq!(object.remove("a"), Some(Value::Integer(3)));
        assert_eq!(object.field("a"), None);
        assert_eq!(object.field("b"), Some(&Value::Integer(2)));
    }

    #[test]
    fn of_a_name_that_comes_twice_the_last_counts() {
        for fillers in [0, 100] {
            let mut members: Vec<_> = (0..fillers).map(|n| (format!("f{n}"), Value::Null)).collect();
            members
                .extend([("a", 1), ("b", 2), ("a", 3)].map(|(name, n)| (name.to_owned(), Value::Integer(n))));
            let object = Object::of(members);
            assert_eq!(object.0.len(), fillers + 2);
            assert_eq!(object.0[fillers], ("a".to_owned(), Value::Integer(3)));
        }
    }

    #[test]
    fn times_in_other_units() {
        assert_eq!(Timestamp::Millis(-1).micros(), Some(-1_000));
        assert_eq!(Timestamp::Nanos(-1).micros(), Some(-1));
        assert_eq!(Timestamp::Millis(i64::MAX).nanos(), None);
    }
}
