use std::sync::Arc;

use super::names::{NameError, checked_table_name, table_name};
use super::plan::Plan;
use super::record::{SourceRecord, header_value};
use super::refusal::cut;
use crate::config::{Format, OnError, RecordColumn, TableTemplate, TemplatePart, TopicConfig};
use crate::decode::{Message, PayloadError, Value, payloads};
use crate::rows::{RowError, TableName};
use crate::transform::{Flow, TransformConfigError, Transforms};

/// What happens to the records of a topic before and while they become rows: made once from the topic's settings.
///
/// Where nothing but the bytes of a record decides, a [`Plan`] reads them in place. Transforms, formats that are
/// not read in place and table names made of a record's content need the record as a [`Message`] first.
#[derive(Debug)]
pub struct Pipeline {
    topic: Arc<str>,
    config: Arc<TopicConfig>,
    table: Option<TableName>,
    transforms: Transforms,
    reads_in_place: bool,
}

/// Why a topic's settings make no pipeline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// QuestDB does not take the table's name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A transform's options are wrong.
    #[error("topic {topic:?}: transforms: {error}")]
    Transform {
        /// The topic.
        topic: String,
        /// What is wrong.
        error: TransformConfigError,
    },
}

impl Pipeline {
    /// Makes the pipeline of a topic.
    pub fn new(topic: &str, config: &Arc<TopicConfig>) -> Result<Self, PipelineError> {
        let transforms = Transforms::new(&config.transforms)
            .map_err(|error| PipelineError::Transform { topic: topic.to_owned(), error })?;
        // A transform may send a record to another topic, and a payload may name its table itself.
        let own_table = transforms.is_empty() && config.format != Format::Influx;
        let table = if own_table { table_name(topic, config)? } else { None };
        let in_place = |format: Format| matches!(format, Format::Auto | Format::Text);
        let reads_in_place = table.is_some() && in_place(config.format) && in_place(config.key_format);
        Ok(Self { topic: topic.into(), config: config.clone(), table, transforms, reads_in_place })
    }

    /// The table of all records; None where it is another one from record to record.
    pub fn table(&self) -> Option<&TableName> {
        self.table.as_ref()
    }

    /// Whether records' offsets have to be known before they are written.
    pub fn needs_offsets(&self) -> bool {
        self.config.record_columns.contains_key(&RecordColumn::Offset) || self.config.on_error == OnError::Dlq
    }

    /// Whether bad records are set aside, and the others of their batch written.
    pub fn sets_bad_records_aside(&self) -> bool {
        self.config.on_error != OnError::Reject
    }

    /// Whether a [`Plan`] reads this topic's records in place.
    pub(super) fn reads_in_place(&self) -> bool {
        self.reads_in_place
    }

    /// The plan for one of the topic's tables.
    pub fn plan(
        &self,
        table: &TableName,
        schema: &crate::schema::TableSchema,
    ) -> Result<Plan, super::PlanError> {
        Plan::new(&self.topic, table.clone(), &self.config, schema)
    }

    /// The record as messages, each of them a row. None: nothing is written for it.
    pub(super) fn messages(&self, record: &SourceRecord<'_>) -> Result<Vec<Message>, RowError> {
        let refuse = |message: String| RowError { record: record.index, column: None, message };
        let unreadable = |part: &str, format: Format, bytes: &[u8], error: PayloadError| {
            refuse(format!(
                "the record's {part} cannot be read as {format:?}: {error}; it is `{}`",
                cut(bytes)
            ))
        };
        let key = match record.key {
            None => Value::Null,
            Some(bytes) => payloads(self.config.key_format, bytes)
                .map_err(|error| unreadable("key", self.config.key_format, bytes, error))?
                .pop()
                .map_or(Value::Null, |payload| payload.value),
        };
        let values = match record.value {
            None => vec![Value::Null.into()],
            Some(bytes) => payloads(self.config.format, bytes)
                .map_err(|error| unreadable("value", self.config.format, bytes, error))?,
        };
        let headers: Vec<_> =
            record.headers.clone().map(|(name, value)| (name.to_owned(), header_value(value))).collect();
        let mut messages = Vec::with_capacity(values.len());
        for payload in values {
            let mut message = Message {
                topic: self.topic.as_ref().to_owned(),
                partition: record.partition,
                offset: record.offset,
                timestamp_ms: record.timestamp_ms,
                key: key.clone(),
                value: payload.value,
                headers: headers.clone(),
                table: payload.table,
                designated: payload.timestamp,
            };
            match self.transforms.apply(&mut message) {
                Ok(Flow::Keep) if message.value == Value::Null => {}
                Ok(Flow::Keep) => messages.push(message),
                Ok(Flow::Drop) => {}
                Err(error) => return Err(refuse(error.to_string())),
            }
        }
        Ok(messages)
    }

    /// The table that a message goes to.
    pub(super) fn table_of(
        &self,
        message: &Message,
        record: &SourceRecord<'_>,
    ) -> Result<TableName, RowError> {
        let name = match (&message.table, &self.config.table) {
            (Some(table), None) => table.clone(),
            (_, Some(template)) => fill(template, message).map_err(|variable| RowError {
                record: record.index,
                column: None,
                message: format!("the record has nothing for `{variable}` in the table's name, `{template}`"),
            })?,
            (None, None) => message.topic.clone(),
        };
        checked_table_name(&message.topic, name).map_err(|error| RowError {
            record: record.index,
            column: None,
            message: error.to_string(),
        })
    }
}

/// A table's name with its variables filled in. Err: the variable that the message has nothing for.
fn fill(template: &TableTemplate, message: &Message) -> Result<String, String> {
    let mut name = String::new();
    for part in template.parts() {
        match part {
            TemplatePart::Literal(text) => name.push_str(text),
            TemplatePart::Topic => name.push_str(&message.topic),
            TemplatePart::Partition => name.push_str(&message.partition.to_string()),
            TemplatePart::Key => plain(&message.key, &mut name),
            TemplatePart::Header(header) => {
                let found = message.headers.iter().rev().find(|(other, _)| other == header);
                let (_, value) = found.ok_or_else(|| format!("${{header:{header}}}"))?;
                plain(value, &mut name);
            }
            TemplatePart::Value(path) => {
                let missing = || format!("${{value.{path}}}");
                let value = path.split('.').try_fold(&message.value, |value, field| match value {
                    Value::Object(object) | Value::Map(object) => object.field(field),
                    _ => None,
                });
                match value.ok_or_else(missing)? {
                    Value::Null => return Err(missing()),
                    value => plain(value, &mut name),
                }
            }
        }
    }
    Ok(name)
}

/// A value in a table's name: as Java prints it, so that names are the ones that QuestDB's Kafka connector makes.
fn plain(value: &Value, out: &mut String) {
    match value {
        Value::Text(text) | Value::Symbol(text) => out.push_str(text),
        Value::Double { value, .. } => out.push_str(&crate::decode::java_double(*value)),
        Value::Object(object) | Value::Map(object) => {
            out.push('{');
            for (index, (name, value)) in object.0.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                out.push_str(name);
                out.push('=');
                plain(value, out);
            }
            out.push('}');
        }
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                plain(element, out);
            }
            out.push(']');
        }
        other => other.write_json(out),
    }
}
