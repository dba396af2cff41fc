use std::sync::Arc;

use super::names::{NameError, checked_table_name, table_name};
use super::plan::Plan;
use super::record::{SourceRecord, header_value};
use super::refusal::cut;
use crate::config::{
    Format, OnError, RecordColumn, TableTemplate, TemplatePart, TopLevelArray, TopicConfig, TopicsConfig,
};
use crate::decode::{
    BySchema, Decoder, DecoderConfigError, Message, Payload, PayloadError, SchemaView, Value,
};
use crate::rows::{RowError, TableName};
use crate::sql::{Expressions, SqlError};
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
    key: Decoder,
    value: Decoder,
    transforms: Transforms,
    /// What is computed from rows, and which of them are written.
    expressions: Option<Expressions>,
    reads_in_place: bool,
}

/// A key of a few bytes must not become gigabytes by being repeated with each row of a record.
const MAX_REPEATED_BYTES: usize = 64 << 20;

/// Why a topic's settings make no pipeline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// QuestDB does not take the table's name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The formats contradict the other settings.
    #[error("topic {topic:?}: {error}")]
    Format {
        /// The topic.
        topic: String,
        /// What is wrong.
        error: DecoderConfigError,
    },
    /// A transform's options are wrong.
    #[error("topic {topic:?}: transforms: {error}")]
    Transform {
        /// The topic.
        topic: String,
        /// What is wrong.
        error: TransformConfigError,
    },
    /// `filter` or `columns` is wrong.
    #[error("topic {topic:?}: {error}")]
    Sql {
        /// The topic.
        topic: String,
        /// What is wrong.
        error: SqlError,
    },
}

impl PipelineError {
    /// The topic's setting that is to blame.
    pub fn key(&self) -> &str {
        match self {
            Self::Name(_) => "table",
            Self::Format { .. } => "format",
            Self::Transform { .. } => "transforms",
            Self::Sql { error, .. } => &error.key,
        }
    }

    /// What is wrong, for where topic and setting are told already.
    pub fn reason(&self) -> String {
        match self {
            Self::Name(error) => error.to_string(),
            Self::Format { error, .. } => error.to_string(),
            Self::Transform { error, .. } => error.to_string(),
            Self::Sql { error, .. } => format!("`{}`: {}", error.expression, error.reason),
        }
    }
}

impl Pipeline {
    /// Makes the pipeline of a topic.
    pub fn new(topic: &str, config: &Arc<TopicConfig>) -> Result<Self, PipelineError> {
        let transforms = Transforms::new(&config.transforms)
            .map_err(|error| PipelineError::Transform { topic: topic.to_owned(), error })?;
        let expressions = Expressions::new(&config.filter, &config.columns)
            .map_err(|error| PipelineError::Sql { topic: topic.to_owned(), error })?;
        let wrong = |error| PipelineError::Format { topic: topic.to_owned(), error };
        let key = Decoder::of_keys(config).map_err(wrong)?;
        let value = Decoder::of_values(config).map_err(wrong)?;
        // A transform may send a record to another topic, and a payload may name its table itself.
        let own_table = transforms.is_empty() && (config.format != Format::Influx || config.table.is_some());
        let table = if own_table { table_name(topic, config)? } else { None };
        let in_place = |format: Format| {
            matches!(
                format,
                Format::Auto
                    | Format::Text
                    | Format::Json
                    | Format::Avro
                    | Format::Protobuf
                    | Format::JsonSchema
            )
        };
        let arrays_in_place = match config.format {
            Format::Auto | Format::Avro | Format::JsonSchema => {
                config.top_level_array == TopLevelArray::Value
            }
            _ => config.top_level_array != TopLevelArray::Rows,
        };
        let reads_in_place =
            table.is_some() && in_place(config.format) && in_place(config.key_format) && arrays_in_place;
        Ok(Self {
            topic: topic.into(),
            config: config.clone(),
            table,
            key,
            value,
            transforms,
            expressions,
            reads_in_place,
        })
    }

    /// The table of all records; None where it is another one from record to record.
    pub fn table(&self) -> Option<&TableName> {
        self.table.as_ref()
    }

    /// Whether records' offsets have to be known before they are written.
    pub fn needs_offsets(&self) -> bool {
        self.config.record_columns.contains_key(&RecordColumn::Offset)
            || self.config.on_error == OnError::Dlq
            || self.transforms.need_offsets()
    }

    /// Whether bad records are set aside, and the others of their batch written.
    pub fn sets_bad_records_aside(&self) -> bool {
        self.config.on_error != OnError::Reject
    }

    /// What is computed from rows, and which of them are written. None: all are, as they are.
    pub(super) fn expressions(&self) -> Option<&Expressions> {
        self.expressions.as_ref()
    }

    /// Whether a [`Plan`] reads this topic's records in place.
    pub(super) fn reads_in_place(&self) -> bool {
        self.reads_in_place
    }

    /// Whether there are records that are read by schemas of their own.
    pub(super) fn reads_by_schema(&self, schemas: &SchemaView<'_>) -> bool {
        self.key.reads_by_schema(schemas) || self.value.reads_by_schema(schemas)
    }

    /// The schemas of a record's key and value, where they are read by one.
    #[inline(always)]
    pub(super) fn schemas_of<'r>(
        &self,
        record: &SourceRecord<'r>,
        schemas: &mut SchemaView<'_>,
    ) -> Result<SchemasOf<'_, 'r>, Unread> {
        let key = match record.key {
            Some(bytes) => self.schema_of_key(record, bytes, schemas)?,
            None => None,
        };
        let value = match record.value {
            Some(bytes) => by_schema("value", &self.value, record, bytes, schemas)?,
            None => None,
        };
        Ok(SchemasOf { key, value })
    }

    #[inline(never)]
    fn schema_of_key<'r>(
        &self,
        record: &SourceRecord<'r>,
        bytes: &'r [u8],
        schemas: &mut SchemaView<'_>,
    ) -> Result<Option<BySchema<'_, 'r>>, Unread> {
        by_schema("key", &self.key, record, bytes, schemas)
    }

    /// The plan for one of the topic's tables.
    pub fn plan(
        &self,
        table: &TableName,
        schema: &crate::schema::TableSchema,
    ) -> Result<Plan, super::PlanError> {
        let plan = Plan::new(&self.topic, table.clone(), &self.config, schema)?;
        match self.config.columns.keys().find(|name| plan.is_designated(&name.to_lowercase())) {
            None => Ok(plan),
            Some(column) => Err(super::PlanError::ComputedTimestamp {
                topic: self.topic.as_ref().to_owned(),
                table: table.clone(),
                column: column.clone(),
            }),
        }
    }

    /// Hands on the record as messages, one after the other, each of them a row. `repeated` counts the bytes of
    /// keys and headers that a batch's records with several rows repeat with each.
    pub(super) fn messages(
        &self,
        record: &SourceRecord<'_>,
        schemas: &mut SchemaView<'_>,
        repeated: &mut usize,
        mut each: impl FnMut(&Message) -> Result<(), RowError>,
    ) -> Result<(), Unread> {
        let refuse = |message: String| RowError { record: record.index, column: None, message };
        let mut key = Payload::from(Value::Null);
        if let Some(bytes) = record.key {
            let header = header(record, self.key.schema_header());
            let read = self.key.read(bytes, header, schemas, |payload| {
                key = payload;
                Ok(())
            });
            read.map_err(|error: PayloadError| unread("key", &self.key, bytes, error, record))?;
        }
        let headers: Vec<_> =
            record.headers.clone().map(|(name, value)| (name.to_owned(), header_value(value))).collect();
        let mut row = |key: Payload, headers, payload: Payload| {
            let mut message = Message {
                topic: self.topic.as_ref().to_owned(),
                partition: record.partition,
                offset: record.offset,
                timestamp_ms: record.timestamp_ms,
                key: key.value,
                value: payload.value,
                key_has_schema: key.has_schema,
                value_has_schema: payload.has_schema,
                headers,
                table: payload.table,
                designated: payload.timestamp,
            };
            match self.transforms.apply(&mut message) {
                Ok(Flow::Keep) if message.value != Value::Null => each(&message),
                Ok(_) => Ok(()),
                Err(error) => Err(refuse(error.to_string())),
            }
        };
        let Some(bytes) = record.value else { return Ok(row(key, headers, Value::Null.into())?) };
        let repeats: usize = record.key.map_or(0, <[u8]>::len)
            + record
                .headers
                .clone()
                .map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len))
                .sum::<usize>();
        // Each waits for the next, so that the last one need not copy the key and the headers.
        let mut waiting: Option<Payload> = None;
        let header = header(record, self.value.schema_header());
        let read = self.value.read(bytes, header, schemas, |payload| {
            if let Some(before) = waiting.replace(payload) {
                *repeated = repeated.saturating_add(repeats);
                if *repeated > MAX_REPEATED_BYTES {
                    return Err(Interrupted::Row(refuse(format!(
                        "the batch's records with several rows have keys and headers that would take more than {} MiB, \
                         as they are repeated with each row; send smaller batches, or keys that are shorter",
                        MAX_REPEATED_BYTES >> 20
                    ))));
                }
                row(key.clone(), headers.clone(), before).map_err(Interrupted::Row)?;
            }
            Ok(())
        });
        match read {
            Ok(()) => Ok(waiting.map_or(Ok(()), |last| row(key, headers, last))?),
            Err(Interrupted::Row(error)) => Err(error.into()),
            Err(Interrupted::Payload(error)) => Err(unread("value", &self.value, bytes, error, record)),
        }
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
                message: format!(
                    "the record has nothing for `{variable}` in the table's name, `{template}`; send it, or change \
                     `table` for the topic"
                ),
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

/// Checks that the records of every topic that the configuration names, or covers with a pattern, have a pipeline.
///
/// # Errors
/// The first pattern that has none, and why.
pub fn check_topics(topics: &TopicsConfig) -> Result<(), (String, PipelineError)> {
    for (pattern, _) in topics.entries() {
        match Pipeline::new(pattern.as_str(), &topics.of(pattern.as_str())) {
            // A pattern need not be a table's name.
            Err(PipelineError::Name(_)) if !pattern.is_exact() => {}
            Err(error) => return Err((pattern.as_str().to_owned(), error)),
            Ok(_) => {}
        }
    }
    Ok(())
}

/// The schemas of a record's key and value.
#[derive(Clone, Copy, Debug)]
pub(super) struct SchemasOf<'d, 'r> {
    pub key: Option<BySchema<'d, 'r>>,
    pub value: Option<BySchema<'d, 'r>>,
}

/// Why a record is not rows.
#[derive(Debug)]
pub(super) enum Unread {
    /// It cannot be any.
    Row(RowError),
    /// Its schema has to be looked up first.
    NeedsSchema,
}

impl From<RowError> for Unread {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

#[inline(always)]
fn by_schema<'d, 'r>(
    part: &str,
    decoder: &'d Decoder,
    record: &SourceRecord<'r>,
    bytes: &'r [u8],
    schemas: &mut SchemaView<'_>,
) -> Result<Option<BySchema<'d, 'r>>, Unread> {
    decoder
        .by_schema(bytes, header(record, decoder.schema_header()), schemas)
        .map_err(|error| unread(part, decoder, bytes, error, record))
}

/// A record's last header of a name.
#[inline]
fn header<'r>(record: &SourceRecord<'r>, name: &str) -> Option<&'r [u8]> {
    if record.headers.is_empty() {
        return None;
    }
    record.headers.clone().filter(|(other, _)| *other == name).last().and_then(|(_, value)| value)
}

#[cold]
fn unread(
    part: &str,
    decoder: &Decoder,
    bytes: &[u8],
    error: PayloadError,
    record: &SourceRecord<'_>,
) -> Unread {
    match error {
        PayloadError::NeedsSchema(_) => Unread::NeedsSchema,
        PayloadError::Invalid(reason) => Unread::Row(RowError {
            record: record.index,
            column: None,
            message: unreadable(part, decoder.format(), &reason, bytes),
        }),
    }
}

/// What is wrong with a key or a value that is not what its format says.
pub(super) fn unreadable(part: &str, format: Format, reason: &str, bytes: &[u8]) -> String {
    format!("the record's {part} cannot be read as {format}: {reason}; it is `{}`", cut(bytes))
}

/// Why a value's rows come to an end too early.
enum Interrupted {
    Payload(PayloadError),
    Row(RowError),
}

impl From<PayloadError> for Interrupted {
    fn from(error: PayloadError) -> Self {
        Self::Payload(error)
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
        Value::Text(text) | Value::Symbol(text) | Value::Time(text) | Value::Untyped(text) => {
            out.push_str(text);
        }
        Value::Double { value, .. } => out.push_str(&crate::decode::java_double(*value)),
        Value::Float(value) => out.push_str(&crate::decode::java_float(*value)),
        Value::Narrow(number) => plain(number, out),
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
