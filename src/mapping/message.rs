//! Trees into columns, by the same rules as bytes that are read in place.

use super::plan::Plan;
use super::record::{Appended, Child, Row, SourceRecord, too_many_names};
use super::refusal::Refusal;
use crate::decode::json::{Number, NumberValue, Scanner};
use crate::decode::{Message, Object, Value};
use crate::rows::{BlockBuilder, KEY, NONE, RECORD, RowError, VALUE};

impl Plan {
    /// Appends a message to a block, as a row. A message that cannot become one leaves no trace in the block.
    pub(super) fn append_message(
        &self,
        record: &SourceRecord<'_>,
        message: &Message,
        block: &mut BlockBuilder,
    ) -> Result<Appended, RowError> {
        self.attempt(record, block, |row| row.message(record, message))
    }
}

impl Row<'_, '_> {
    fn message(mut self, record: &SourceRecord<'_>, message: &Message) -> Result<(), Refusal> {
        self.block.begin()?;
        if self.plan.config.include_key {
            self.in_key = true;
            self.part(KEY, &message.key)?;
            self.in_key = false;
        }
        self.part(VALUE, &message.value)?;
        if self.plan.adds_to_rows {
            let headers = message.headers.iter();
            self.complete(record, &mut headers.map(|(name, value)| (name.as_str(), value.clone())))?;
        }
        self.finish(record, message.designated)
    }

    /// A key or a value: an object's fields are columns, anything else is one.
    pub(super) fn part(&mut self, object: u32, value: &Value) -> Result<(), Refusal> {
        match value {
            Value::Object(fields) => self.fields(object, fields),
            value => {
                let name = self.name_of(object)?;
                self.value(name, value)
            }
        }
    }

    /// The name of a key or a value that is no object.
    pub(super) fn name_of(&mut self, object: u32) -> Result<u32, Refusal> {
        self.block.paths.find(RECORD, self.plan.column_of(object), NONE).ok_or_else(too_many_names)
    }

    fn fields(&mut self, object: u32, fields: &Object) -> Result<(), Refusal> {
        let mut previous = NONE;
        for (field, value) in &fields.0 {
            let name = self.block.paths.find(object, field, previous).ok_or_else(too_many_names)?;
            self.value(name, value)?;
            previous = name;
        }
        Ok(())
    }

    pub(super) fn value(&mut self, name: u32, value: &Value) -> Result<(), Refusal> {
        fn number(text: &str, value: NumberValue) -> Number<'_> {
            Number { text: text.as_bytes(), value }
        }
        match value {
            Value::Null => self.null(name),
            Value::Boolean(value) => self.boolean(name, *value),
            Value::Integer(value) => {
                self.number(name, &number(&value.to_string(), NumberValue::Integer(*value)))
            }
            Value::BigInteger(digits) => self.number(name, &number(digits, NumberValue::BigInteger)),
            Value::Double { value, text: None } if !value.is_finite() => self.special_double(name, *value),
            Value::Double { value, text } => match text {
                // A schema says that it is a double.
                Some(text) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => {
                    let value = text.parse().map_or(NumberValue::BigInteger, NumberValue::Integer);
                    self.whole_double(name, &number(text, value))
                }
                Some(text) => self.number(name, &number(text, NumberValue::Double(*value))),
                None => self.number(name, &number(&format!("{value:?}"), NumberValue::Double(*value))),
            },
            Value::Float(value) => self.float(name, *value),
            Value::Text(text) => self.text(name, text.as_bytes()),
            Value::Untyped(text) => self.untyped(name, text),
            Value::Object(fields) => match self.child(name) {
                Child::Object(child) => self.fields(child, fields),
                Child::Timestamp(part) => {
                    let mut json = String::new();
                    value.write_json(&mut json);
                    Err(self.no_timestamp(part, "an object", json.as_bytes()))
                }
            },
            Value::Narrow(number) => self.narrow(name, number),
            Value::EmptyArray { dimensions } => self.typed_empty_array(name, *dimensions),
            // Arrays are judged by their JSON, as those that are read in place.
            Value::Array(_) => {
                let mut json = String::new();
                value.write_json(&mut json);
                self.array(name, &mut Scanner::new(json.as_bytes()))
            }
            Value::Symbol(text) => self.symbol(name, text),
            Value::Time(text) => self.schema_time(name, text.as_bytes()),
            Value::Decimal(digits) => self.decimal(name, digits),
            Value::Bytes(bytes) => self.bytes(name, bytes),
            Value::Timestamp(time) => self.time(name, *time),
            Value::Map(_) => self.map(name, value),
        }
    }
}
