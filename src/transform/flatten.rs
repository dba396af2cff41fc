use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::{Message, Object, Value};

/// Objects in objects become one, with the names joined by a delimiter. Arrays stay as they are.
#[derive(Debug)]
pub(super) struct Flatten {
    part: Part,
    delimiter: String,
}

/// A long name around many fields makes as many long names: far more than the record had.
const MAX_NAME_BYTES: usize = 16 << 20;

impl Flatten {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        let delimiter = options.text("delimiter")?.unwrap_or_else(|| ".".to_owned());
        Ok(Self { part, delimiter })
    }

    fn flatten(&self, object: Object, prefix: &str, flat: &mut Flat) -> Result<(), String> {
        for (name, value) in object.0 {
            let name = if prefix.is_empty() { name } else { format!("{prefix}{}{name}", self.delimiter) };
            flat.name_bytes += name.len();
            if flat.name_bytes > MAX_NAME_BYTES {
                return Err(format!(
                    "the flattened names would take more than {} MiB; is a name made of data?",
                    MAX_NAME_BYTES >> 20
                ));
            }
            match value {
                Value::Object(inner) => self.flatten(inner, &name, flat)?,
                Value::Map(_) => {
                    return Err(format!("field `{name}` is a map, which it does not flatten"));
                }
                value => flat.members.push((name, value)),
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Flat {
    members: Vec<(String, Value)>,
    name_bytes: usize,
}

impl Change for Flatten {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        if *self.part.of(message) == Value::Null {
            return Ok(Flow::Keep);
        }
        let object = self.part.object(message)?;
        if object.0.iter().any(|(_, value)| matches!(value, Value::Object(_) | Value::Map(_))) {
            let mut flat = Flat::default();
            self.flatten(std::mem::take(object), "", &mut flat)?;
            *object = Object::of(flat.members);
        }
        Ok(Flow::Keep)
    }
}
