//! Payloads as trees.

use super::JsonSchemaFault;
use super::schema::{ANY, Fields, Node, dimensions};
use crate::decode::envelope::{Meaning, base64, decimal};
use crate::decode::json::{self, JsonError, JsonErrorKind, Number, NumberValue, Scanner};
use crate::decode::{Object, Timestamp, Value};

/// Reads the next value by a node. The scanner bounds how deep this goes.
pub(crate) fn read(nodes: &[Node], node: u32, scanner: &mut Scanner<'_>) -> Result<Value, JsonSchemaFault> {
    Tree { nodes, values: 0 }.value(node, scanner)
}

struct Tree<'s> {
    nodes: &'s [Node],
    /// So many values there are so far.
    values: usize,
}

const MILLIS_A_DAY: i64 = 86_400_000;

/// Up to here each integer is a double of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Tree<'_> {
    fn value(&mut self, node: u32, scanner: &mut Scanner<'_>) -> Result<Value, JsonSchemaFault> {
        let nodes = self.nodes;
        let kind = nodes.get(node as usize).unwrap_or(&Node::Any);
        if *kind == Node::Any {
            return Ok(json::tree_value(scanner, &mut self.values)?);
        }
        self.values += 1;
        if self.values > json::MAX_VALUES {
            return Err(JsonError { kind: JsonErrorKind::TooManyValues, offset: scanner.offset() }.into());
        }
        let first = scanner.value_start()?;
        let start = scanner.offset();
        let found = match (kind, first) {
            (_, b'n') => {
                scanner.word(b"null")?;
                Some(Value::Null)
            }
            (Node::Object(fields), b'{') => Some(Value::Object(self.object(fields, scanner)?)),
            (Node::Map(values), b'{') => {
                let fields = Fields { others: Some(*values), ..Fields::default() };
                Some(Value::Map(self.object(&fields, scanner)?))
            }
            (Node::Array(items), b'[') => Some(self.array(node, *items, scanner)?),
            (Node::Entries { key, value }, b'[') => self.entries(*key, *value, scanner)?,
            (_, b'"') => of_text(kind, text(&scanner.string()?)),
            (_, b'-' | b'0'..=b'9') => of_number(kind, &scanner.number()?),
            (Node::Boolean, b't' | b'f') => Some(json::tree_value(scanner, &mut self.values)?),
            _ => {
                scanner.skip_value()?;
                None
            }
        };
        found.ok_or_else(|| contradiction(kind, scanner.since(start)))
    }

    fn object(&mut self, fields: &Fields, scanner: &mut Scanner<'_>) -> Result<Object, JsonSchemaFault> {
        let mut members: Vec<(String, Value)> = Vec::new();
        let mut more = scanner.first_member()?;
        while more {
            let name = text(&scanner.string_after_quote()?);
            scanner.colon()?;
            let value = self.value(fields.field(&name), scanner).map_err(|fault| fault.in_field(&name))?;
            members.push((name, value));
            more = scanner.next_member()?;
        }
        Ok(Object::of(members))
    }

    fn elements(&mut self, items: u32, scanner: &mut Scanner<'_>) -> Result<Vec<Value>, JsonSchemaFault> {
        let mut elements = Vec::new();
        let mut more = scanner.first_element()?;
        while more {
            elements.push(self.value(items, scanner)?);
            more = scanner.next_element()?;
        }
        Ok(elements)
    }

    /// An array with its elements. One that has no number at all still tells how many dimensions it has.
    fn array(&mut self, node: u32, items: u32, scanner: &mut Scanner<'_>) -> Result<Value, JsonSchemaFault> {
        let elements = self.elements(items, scanner)?;
        let is_empty = elements.iter().all(|element| matches!(element, Value::EmptyArray { .. }));
        Ok(match dimensions(self.nodes, node) {
            Some(dimensions) if is_empty => Value::EmptyArray { dimensions },
            // An array's elements are doubles in QuestDB, whatever they were.
            Some(_) => Value::Array(elements.into_iter().map(widened).collect()),
            None => Value::Array(elements),
        })
    }

    /// A map whose keys are no texts. None: it is none.
    fn entries(
        &mut self,
        key: u32,
        value: u32,
        scanner: &mut Scanner<'_>,
    ) -> Result<Option<Value>, JsonSchemaFault> {
        let fields = Fields {
            named: [("key".into(), key), ("value".into(), value)].into_iter().collect(),
            others: Some(ANY),
        };
        let mut entries = Vec::new();
        let mut right = true;
        let mut more = scanner.first_element()?;
        while more {
            if scanner.value_start()? == b'{' {
                let mut entry = self.object(&fields, scanner)?;
                let mut name = String::new();
                match entry.remove("key") {
                    Some(Value::Text(text)) => name = text,
                    Some(key) => key.write_json(&mut name),
                    None => right = false,
                }
                entries.push((name, entry.remove("value").unwrap_or(Value::Null)));
            } else {
                scanner.skip_value()?;
                right = false;
            }
            more = scanner.next_element()?;
        }
        Ok(right.then(|| Value::Map(Object::of(entries))))
    }
}

impl JsonSchemaFault {
    fn in_field(mut self, name: &str) -> Self {
        if let Self::Contradiction { field, .. } = &mut self {
            *field = if field.is_empty() { name.to_owned() } else { format!("{name}.{field}") };
        }
        self
    }
}

/// Whether an array of numbers has nothing else in it but nulls; whether there is a number or a null in it at all.
pub(crate) fn check_numbers(
    nodes: &[Node],
    node: u32,
    scanner: &mut Scanner<'_>,
) -> Result<bool, JsonSchemaFault> {
    let kind = nodes.get(node as usize).unwrap_or(&Node::Any);
    let first = scanner.value_start()?;
    let start = scanner.offset();
    let (fits, has_numbers) = match (kind, first) {
        (_, b'n') => {
            scanner.word(b"null")?;
            (true, true)
        }
        (Node::Array(items), b'[') => {
            let mut has_numbers = false;
            let mut more = scanner.first_element()?;
            while more {
                has_numbers |= check_numbers(nodes, *items, scanner)?;
                more = scanner.next_element()?;
            }
            (true, has_numbers)
        }
        (_, b'-' | b'0'..=b'9') => (of_number(kind, &scanner.number()?).is_some(), true),
        _ => {
            scanner.skip_value()?;
            (false, false)
        }
    };
    if fits { Ok(has_numbers) } else { Err(contradiction(kind, scanner.since(start))) }
}

/// A number by its type. None: it contradicts it.
fn of_number(kind: &Node, number: &Number<'_>) -> Option<Value> {
    Some(match (kind, number.value) {
        (Node::Integer(Meaning::Number), NumberValue::BigInteger) => Value::number(number),
        (Node::Integer(meaning), _) => of_integer(*meaning, whole(number)?),
        (Node::Number, NumberValue::Integer(value)) => whole_double(value as f64, number),
        (Node::Number, NumberValue::BigInteger) => whole_double(number.as_str().parse().ok()?, number),
        (Node::Number, NumberValue::Double(_)) => Value::number(number),
        (Node::Float, _) => {
            Value::Float(number.as_str().parse().ok().filter(|value: &f32| value.is_finite())?)
        }
        (Node::Decimal { .. }, _) => Value::Decimal(decimal::of_number(number.as_str())?.into()),
        _ => return None,
    })
}

/// An integer, also where it is written with a fraction of zero or an exponent, as JSON Schema has it.
pub(crate) fn whole(number: &Number<'_>) -> Option<i64> {
    match number.value {
        NumberValue::Integer(value) => Some(value),
        NumberValue::Double(value) if value.fract() == 0.0 && value.abs() <= EXACT => Some(value as i64),
        _ => None,
    }
}

fn of_integer(meaning: Meaning, value: i64) -> Value {
    match meaning {
        Meaning::Number => Value::Integer(value),
        Meaning::Days => Value::Timestamp(Timestamp::Millis(value.saturating_mul(MILLIS_A_DAY))),
        Meaning::Millis => Value::Timestamp(Timestamp::Millis(value)),
        Meaning::Micros => Value::Timestamp(Timestamp::Micros(value)),
    }
}

fn whole_double(value: f64, number: &Number<'_>) -> Value {
    Value::Double { value, text: Some(number.as_str().into()) }
}

/// A text by its type. None: it contradicts it. Whether a time is one is the column's to judge.
fn of_text(kind: &Node, text: String) -> Option<Value> {
    Some(match kind {
        Node::Text => Value::Text(text),
        Node::Time => Value::Time(text),
        Node::Bytes => Value::Bytes(base64(&text).ok()?),
        Node::Decimal { scale } => Value::Decimal(decimal::of_bytes(&base64(&text).ok()?, *scale)?.into()),
        _ => return None,
    })
}

fn widened(element: Value) -> Value {
    match element {
        Value::Float(float) => Value::double(float.into()),
        element => element,
    }
}

fn contradiction(kind: &Node, value: &[u8]) -> JsonSchemaFault {
    /// As much of it is shown.
    const SHOWN_CHARS: usize = 60;
    let start = String::from_utf8_lossy(value.get(..SHOWN_CHARS * 4).unwrap_or(value));
    let mut shown: String = start.chars().take(SHOWN_CHARS).filter(|c| !c.is_control()).collect();
    if value.len() > SHOWN_CHARS * 4 || start.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    JsonSchemaFault::Contradiction { field: String::new(), value: shown, wanted: kind.wanted() }
}

fn text(text: &json::Text<'_>) -> String {
    let mut bytes = Vec::new();
    text.unescape_into(&mut bytes);
    // The scanner has checked it.
    String::from_utf8(bytes).unwrap_or_default()
}
