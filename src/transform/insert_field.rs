use super::options::Options;
use super::{Change, Flow, Part};
use crate::decode::{Message, Timestamp, Value};

/// Writes what is known of a record, or a text that is always the same, into its key or its value.
#[derive(Debug)]
pub(super) struct InsertField {
    part: Part,
    topic: Option<String>,
    partition: Option<String>,
    offset: Option<String>,
    timestamp: Option<String>,
    fixed: Option<(String, String)>,
}

impl InsertField {
    pub(super) fn new(part: Part, options: &mut Options) -> Result<Self, String> {
        // `!` and `?` say whether the field is required in the schema, and there is none behind this.
        let mut name = |key: &'static str| {
            let name = options.text(key)?.filter(|name| !name.is_empty());
            Ok::<_, String>(name.map(|name| name.strip_suffix(['!', '?']).map(str::to_owned).unwrap_or(name)))
        };
        let (topic, partition) = (name("topic.field")?, name("partition.field")?);
        let (offset, timestamp) = (name("offset.field")?, name("timestamp.field")?);
        let fixed = match (name("static.field")?, options.text("static.value")?) {
            (Some(field), Some(value)) => Some((field, value)),
            (Some(_), None) => return Err("`static.field` needs `static.value`".to_owned()),
            (None, Some(_)) => return Err("`static.value` needs `static.field`".to_owned()),
            (None, None) => None,
        };
        options.ignored_default()?;
        if topic.is_none()
            && partition.is_none()
            && offset.is_none()
            && timestamp.is_none()
            && fixed.is_none()
        {
            return Err(
                "it inserts nothing; set one of topic.field, partition.field, offset.field, timestamp.field, \
                 static.field"
                    .to_owned(),
            );
        }
        Ok(Self { part, topic, partition, offset, timestamp, fixed })
    }
}

impl Change for InsertField {
    fn apply(&self, message: &mut Message) -> Result<Flow, String> {
        if *self.part.of(message) == Value::Null {
            return Ok(Flow::Keep);
        }
        // As a number where the record has no schema that could say that it is a time.
        let timestamp = if self.part.has_schema(message) {
            Value::Timestamp(Timestamp::Millis(message.timestamp_ms))
        } else {
            Value::Integer(message.timestamp_ms)
        };
        let (partition, offset) = (i64::from(message.partition), message.offset);
        let topic = self.topic.as_ref().map(|_| message.topic.clone());
        let object = self.part.object(message)?;
        if let (Some(field), Some(topic)) = (&self.topic, topic) {
            object.set(field, Value::Text(topic));
        }
        if let Some(field) = &self.partition {
            object.set(field, Value::Integer(partition));
        }
        if let Some(field) = &self.offset {
            object.set(field, Value::Integer(offset));
        }
        if let Some(field) = &self.timestamp {
            object.set(field, timestamp);
        }
        if let Some((field, value)) = &self.fixed {
            object.set(field, Value::Text(value.clone()));
        }
        Ok(Flow::Keep)
    }

    fn needs_offset(&self) -> bool {
        self.offset.is_some()
    }
}
