//! The transforms of headers: HeaderFrom, InsertHeader and DropHeaders.

use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::json::{self, Scanner};
use crate::decode::{Message, Value};

/// Copies or moves fields of the key or the value to headers.
#[derive(Debug)]
pub(super) struct HeaderFrom {
    part: Part,
    fields: Vec<(String, String)>,
    moves: bool,
}

impl HeaderFrom {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        let (fields, headers) = (options.required_list("fields")?, options.required_list("headers")?);
        if fields.len() != headers.len() {
            return Err(format!("`fields` has {} names, and `headers` {}", fields.len(), headers.len()));
        }
        let Some(operation) = options.word("operation", &["move", "copy"])? else {
            return Err("it needs `operation`: move or copy".to_owned());
        };
        options.ignored_default()?;
        Ok(Self { part, fields: fields.into_iter().zip(headers).collect(), moves: operation == "move" })
    }
}

impl Change for HeaderFrom {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        let has_schema = self.part.has_schema(message);
        let object = self.part.object(message)?;
        let mut headers = Vec::with_capacity(self.fields.len());
        for (field, header) in &self.fields {
            match object.field(field) {
                Some(value) => headers.push((header.clone(), value.clone())),
                None if has_schema => return Err(format!("there is no field `{field}`")),
                None => headers.push((header.clone(), Value::Null)),
            }
        }
        if self.moves {
            object.0.retain(|(name, _)| !self.fields.iter().any(|(field, _)| field == name));
        }
        message.headers.extend(headers);
        Ok(Flow::Keep)
    }
}

/// Adds a header that is always the same.
#[derive(Debug)]
pub(super) struct InsertHeader {
    header: String,
    value: Value,
}

impl InsertHeader {
    pub(super) fn new(options: &mut Options) -> Result<Self, String> {
        let header = options.required("header")?;
        let Some(literal) = options.text("value.literal")? else {
            return Err("it needs `value.literal`".to_owned());
        };
        Ok(Self { header, value: literal_value(literal) })
    }
}

/// What a literal looks like: a number, a boolean, `null`, a text in quotes, or else a text.
fn literal_value(literal: String) -> Value {
    let mut scanner = Scanner::new(literal.as_bytes());
    match scanner.value_start() {
        Ok(b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            json::tree(literal.as_bytes()).unwrap_or(Value::Text(literal))
        }
        _ => Value::Text(literal),
    }
}

impl Change for InsertHeader {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        message.headers.push((self.header.clone(), self.value.clone()));
        Ok(Flow::Keep)
    }
}

/// Takes headers away.
#[derive(Debug)]
pub(super) struct DropHeaders {
    headers: Vec<String>,
}

impl DropHeaders {
    pub(super) fn new(options: &mut Options) -> Result<Self, String> {
        Ok(Self { headers: options.required_list("headers")? })
    }
}

impl Change for DropHeaders {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        message.headers.retain(|(name, _)| !self.headers.contains(name));
        Ok(Flow::Keep)
    }
}
