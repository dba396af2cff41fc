//! Values that are one thing or another by the column that they go to: texts of formats that have no types, such as
//! CSV, and single-precision numbers.

use super::record::Row;
use super::refusal::Refusal;
use crate::decode::json::{Number, NumberValue, Scanner};
use crate::decode::{Value, java_float};
use crate::rows::{Destination, Target};

/// What a text becomes.
#[derive(Clone, Copy)]
enum As {
    Text,
    Number,
    Boolean,
    /// What it looks like: the column is new.
    Anything,
}

impl Row<'_, '_> {
    /// A float: as a text it is as short as floats need, as a number it is the double that it equals.
    pub(super) fn float(&mut self, name: u32, value: f32) -> Result<(), Refusal> {
        if !value.is_finite() {
            return self.value(name, &Value::double(f64::from(value)));
        }
        let text = java_float(value);
        if let Destination::Column(number) = self.destination(name)?
            && matches!(self.block.columns[number as usize].target, Target::Symbol | Target::NewSymbol)
        {
            return self.text(name, text.as_bytes());
        }
        let value = NumberValue::Double(f64::from(value));
        self.number(name, &Number { text: text.as_bytes(), value })
    }

    /// A text that is a number in a column of numbers, and in a new column where JSON would write a number so.
    pub(super) fn untyped(&mut self, name: u32, text: &str) -> Result<(), Refusal> {
        let wanted = match self.destination(name)? {
            Destination::Column(number) => {
                let column = &self.block.columns[number as usize];
                match (&column.type_name, &column.target) {
                    (Some(type_name), _) => wanted_by(type_name),
                    (None, Target::NewSymbol) => As::Text,
                    (None, Target::NewDouble) => As::Number,
                    (None, _) => As::Anything,
                }
            }
            _ => As::Number,
        };
        if matches!(wanted, As::Number | As::Anything) {
            let mut scanner = Scanner::new(text.as_bytes());
            if let Ok(number) = scanner.number()
                && scanner.end().is_ok()
            {
                return self.number(name, &number);
            }
        }
        match (wanted, text) {
            (As::Boolean | As::Anything, "true") => self.boolean(name, true),
            (As::Boolean | As::Anything, "false") => self.boolean(name, false),
            _ => self.text(name, text.as_bytes()),
        }
    }
}

fn wanted_by(type_name: &str) -> As {
    let is = |other: &str| type_name.eq_ignore_ascii_case(other);
    let numbers = ["LONG", "DOUBLE", "INT", "FLOAT", "SHORT", "BYTE", "TIMESTAMP", "TIMESTAMP_NS", "DATE"];
    if is("BOOLEAN") {
        As::Boolean
    } else if numbers.into_iter().any(is)
        || type_name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("DECIMAL"))
    {
        As::Number
    } else {
        As::Text
    }
}
