//! Which columns a row has, besides what its fields say: renamed, left out, added, required.

use std::collections::HashMap;
use std::sync::Arc;

use super::names::column_name_of;
use super::record::{Row, SourceRecord, too_many_names};
use super::refusal::Refusal;
use crate::config::{RecordColumn, TopicConfig, matches_pattern};
use crate::decode::{Timestamp, Value};
use crate::rows::{HEADERS, META, NONE};

/// A topic's settings of columns. Column names ignore case.
#[derive(Debug)]
pub(super) struct Selection {
    rename: HashMap<String, Arc<str>>,
    only: Option<Vec<String>>,
    drop: Vec<String>,
    /// Patterns of the headers that are columns.
    headers: Vec<String>,
    record_columns: Vec<(RecordColumn, String)>,
    defaults: Vec<(String, Value)>,
    required: Vec<String>,
}

impl Selection {
    pub fn new(config: &TopicConfig) -> Self {
        let lower = |names: &[String]| names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
        let rename = config.rename.iter().map(|(from, to)| (from.to_lowercase(), to.as_str().into()));
        let record_columns = config.record_columns.iter().map(|(what, name)| (*what, name.clone()));
        let defaults = config.defaults.iter().map(|(name, value)| (name.clone(), default_value(value)));
        Self {
            rename: rename.collect(),
            only: config.only.as_deref().map(lower),
            drop: lower(&config.drop),
            headers: config.headers.clone(),
            record_columns: record_columns.collect(),
            defaults: defaults.collect(),
            required: config.required.clone(),
        }
    }

    /// The name that a column gets, where it is another one. `lower` is its own in lower case.
    pub fn renamed(&self, lower: &str) -> Option<&Arc<str>> {
        self.rename.get(lower)
    }

    /// Whether a column is written. `lower` is its name in lower case.
    pub fn takes(&self, lower: &str) -> bool {
        let listed = |patterns: &[String]| patterns.iter().any(|pattern| matches_pattern(pattern, lower));
        self.only.as_deref().is_none_or(listed) && !listed(&self.drop)
    }

    /// Whether a row is more than its key and its value.
    pub fn adds_to_rows(&self) -> bool {
        !(self.headers.is_empty()
            && self.record_columns.is_empty()
            && self.defaults.is_empty()
            && self.required.is_empty())
    }
}

/// The configuration has nothing but scalars here.
fn default_value(value: &toml::Value) -> Value {
    match value {
        toml::Value::Boolean(value) => Value::Boolean(*value),
        toml::Value::Integer(value) => Value::Integer(*value),
        toml::Value::Float(value) => Value::double(*value),
        toml::Value::String(text) => Value::Text(text.clone()),
        other => Value::Text(other.to_string()),
    }
}

impl Row<'_, '_> {
    /// Adds what is not from the record's key or value, and sees that nothing is missing.
    #[cold]
    pub(super) fn complete<'h>(
        &mut self,
        record: &SourceRecord<'_>,
        headers: &mut dyn Iterator<Item = (&'h str, Value)>,
    ) -> Result<(), Refusal> {
        let plan = self.plan;
        let selection = &plan.selection;
        if !selection.headers.is_empty() {
            for (header, value) in headers {
                if selection.headers.iter().any(|pattern| matches_pattern(pattern, header)) {
                    let name = column_name_of(header);
                    let name = self.block.paths.find(HEADERS, &name, NONE).ok_or_else(too_many_names)?;
                    self.value(name, &value)?;
                }
            }
        }
        for (what, column) in &selection.record_columns {
            let value = match what {
                RecordColumn::Topic => Value::Symbol(plan.topic.to_string()),
                RecordColumn::Partition => Value::Integer(record.partition.into()),
                RecordColumn::Offset => Value::Integer(record.offset),
                RecordColumn::Timestamp => Value::Timestamp(Timestamp::Millis(record.timestamp_ms)),
            };
            let name = self.block.paths.find(META, column, NONE).ok_or_else(too_many_names)?;
            self.value(name, &value)?;
        }
        for (column, value) in &selection.defaults {
            if !self.has(column) {
                let name = self.block.paths.find(META, column, NONE).ok_or_else(too_many_names)?;
                self.value(name, value)?;
            }
        }
        match selection.required.iter().find(|column| !self.has(column)) {
            None => Ok(()),
            Some(column) => Err(Refusal::of_column(
                column.as_str(),
                format!(
                    "the record has no value for column {column}, which `required` lists for the topic; send it, or \
                     give it a value with `defaults`"
                ),
            )),
        }
    }

    /// Whether the row has a value in a column so far.
    fn has(&self, column: &str) -> bool {
        let number = self.block.column(&column.to_lowercase());
        number.is_some_and(|number| self.block.columns[number].attempt == self.block.attempt)
    }
}
