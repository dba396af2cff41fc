use super::field_path::FieldPath;
use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::{Message, Value};

/// A field of the key or the value takes its place.
#[derive(Debug)]
pub(super) struct ExtractField {
    part: Part,
    name: String,
    path: FieldPath,
}

impl ExtractField {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        let name = options.required("field")?;
        let path = FieldPath::new(&name, options)?;
        options.ignored_default()?;
        Ok(Self { part, name, path })
    }
}

impl Change for ExtractField {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        let has_schema = self.part.has_schema(message);
        let whole = self.part.of(message);
        if *whole == Value::Null {
            return Ok(Flow::Keep);
        }
        self.part.object(message)?;
        let whole = self.part.of(message);
        let extracted = match self.path.of(whole) {
            Some(field) => std::mem::replace(field, Value::Null),
            None if has_schema => return Err(format!("there is no field `{}`", self.name)),
            None => Value::Null,
        };
        *whole = extracted;
        Ok(Flow::Keep)
    }
}
