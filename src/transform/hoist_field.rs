use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::{Message, Object, Value};

/// The key or the value becomes a field of an object.
#[derive(Debug)]
pub(super) struct HoistField {
    part: Part,
    field: String,
}

impl HoistField {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        Ok(Self { part, field: options.required("field")? })
    }
}

impl Change for HoistField {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        let whole = self.part.of(message);
        let inner = std::mem::replace(whole, Value::Null);
        *whole = Value::Object(Object(vec![(self.field.clone(), inner)]));
        Ok(Flow::Keep)
    }
}
