use super::options::Options;
use super::{Change, Flow};
use crate::decode::{Message, Object, Value};

/// Makes a new key of fields of the value.
#[derive(Debug)]
pub(super) struct ValueToKey {
    fields: Vec<String>,
}

impl ValueToKey {
    pub(super) fn new(options: &mut Options) -> Result<Self, String> {
        let fields = options.required_list("fields")?;
        options.ignored_default()?;
        Ok(Self { fields })
    }
}

impl Change for ValueToKey {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        let Value::Object(value) = &message.value else {
            return Err(format!("it needs an object, and the record's value is {}", message.value.kind()));
        };
        let mut key = Object::default();
        for field in &self.fields {
            match value.field(field) {
                Some(found) => key.set(field, found.clone()),
                None if message.value_has_schema => return Err(format!("there is no field `{field}`")),
                None => key.set(field, Value::Null),
            }
        }
        message.key = Value::Object(key);
        message.key_has_schema = message.value_has_schema;
        Ok(Flow::Keep)
    }
}
