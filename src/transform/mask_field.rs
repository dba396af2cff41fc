use super::java_number;
use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::{Message, Object, Timestamp, Value};

/// Hides fields: behind nothing of their type (0, false, an empty text) or behind a replacement.
#[derive(Debug)]
pub(super) struct MaskField {
    part: Part,
    fields: Vec<String>,
    replacement: Option<String>,
}

impl MaskField {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        let fields = options.required_list("fields")?;
        let replacement = options.text("replacement")?;
        if replacement.as_deref() == Some("") {
            return Err("`replacement` is empty".to_owned());
        }
        options.ignored_default()?;
        Ok(Self { part, fields, replacement })
    }
}

impl Change for MaskField {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        let has_schema = self.part.has_schema(message);
        let object = self.part.object(message)?;
        for field in &self.fields {
            if let Some(value) = object.field_mut(field) {
                let masked = match &self.replacement {
                    None => nothing(value, has_schema),
                    Some(replacement) => replaced(value, replacement),
                };
                *value = masked.map_err(|error| format!("field `{field}`: {error}"))?;
            }
        }
        Ok(Flow::Keep)
    }
}

fn nothing(value: &Value, has_schema: bool) -> Result<Value, String> {
    Ok(match value {
        Value::Null => Value::Null,
        Value::Boolean(_) => Value::Boolean(false),
        Value::Integer(_) | Value::BigInteger(_) => Value::Integer(0),
        Value::Double { .. } => Value::double(0.0),
        Value::Float(_) => Value::Float(0.0),
        Value::Decimal(_) => Value::Decimal("0".into()),
        Value::Text(_) | Value::Symbol(_) | Value::Time(_) | Value::Untyped(_) => Value::Text(String::new()),
        Value::Timestamp(_) => Value::Timestamp(Timestamp::Millis(0)),
        Value::Narrow(number) => Value::Narrow(Box::new(nothing(number, has_schema)?)),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::EmptyArray { .. } => value.clone(),
        Value::Map(_) => Value::Map(Object::default()),
        Value::Object(_) if !has_schema => Value::Object(Object::default()),
        Value::Object(_) | Value::Bytes(_) => return Err(format!("{} cannot be masked", value.kind())),
    })
}

fn replaced(value: &Value, replacement: &str) -> Result<Value, String> {
    let text = || replacement.to_owned();
    let masked = match value {
        Value::Null => Some(Value::Null),
        Value::Integer(_) | Value::BigInteger(_) => java_number::parse_long(replacement).map(Value::Integer),
        Value::Double { .. } => java_number::parse_double(replacement).map(Value::double),
        Value::Float(_) => java_number::parse_float(replacement).map(Value::Float),
        Value::Decimal(_) => {
            java_number::parse_double(replacement).map(|_| Value::Decimal(text().into_boxed_str()))
        }
        Value::Text(_) | Value::Time(_) | Value::Untyped(_) => Some(Value::Text(text())),
        Value::Symbol(_) => Some(Value::Symbol(text())),
        Value::Narrow(number) => Some(Value::Narrow(Box::new(replaced(number, replacement)?))),
        _ => return Err(format!("{} cannot be masked by a replacement", value.kind())),
    };
    masked.ok_or_else(|| format!("the replacement `{replacement}` is not {}, as the field is", value.kind()))
}
