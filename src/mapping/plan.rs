use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::record::SourceRecord;
use super::selection::Selection;
use super::types::{self, new_column, target_of};
use crate::config::{
    DESIGNATED, Format, MissingTimestamp, TimestampConfig, TimestampFormat, TopicConfig, fault_of_column_name,
};
use crate::rows::{BlockBuilder, ColumnBuilder, Prefixes, TableName, TimeUnit};
use crate::schema::{TableColumn, TableSchema};

/// How the records of a topic become rows of a table. Good for as long as the topic's settings and the table's
/// columns stay as they are.
#[derive(Debug)]
pub struct Plan {
    /// Tells plans apart, so that no block is filled by two.
    pub(super) id: u64,
    pub(super) table: TableName,
    pub(super) config: Arc<TopicConfig>,
    /// The designated timestamp column.
    pub(super) designated: Arc<str>,
    designated_lower: String,
    /// What it counts.
    pub(super) unit: TimeUnit,
    /// How keys and values are read in place.
    pub(super) key: InPlace,
    pub(super) value: InPlace,
    /// The fields that become the designated timestamp.
    pub(super) timestamp: Option<TimestampConfig>,
    /// Whether the designated timestamp is the time of arrival where no field is to be it.
    pub(super) is_of_arrival: bool,
    columns: HashMap<String, TableColumn>,
    /// The topic.
    pub(super) topic: Arc<str>,
    /// The column of a key that is no object.
    pub(super) key_column: String,
    /// The column of a value that is no object.
    pub(super) value_column: String,
    prefixes: Prefixes,
    pub(super) selection: Selection,
    /// Whether rows are more than their keys and values.
    pub(super) adds_to_rows: bool,
    symbols: HashSet<String>,
    doubles: HashSet<String>,
    /// The columns whose texts are times.
    times: HashSet<String>,
    /// Whether a null in the designated timestamp's field is not the same as none.
    pub(super) judges_nulls: bool,
}

/// The formats that are read in place, without a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InPlace {
    /// A JSON object where it starts with `{`, else UTF-8.
    Auto,
    /// JSON of any kind.
    Json,
    /// Text, whatever it looks like.
    Text,
}

impl InPlace {
    fn of(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Text => Self::Text,
            _ => Self::Auto,
        }
    }
}

/// Why a topic's records cannot become rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// QuestDB's ingestion needs one.
    #[error(
        "table {table} has no designated timestamp, so QuestDB takes no rows for it from a gateway; create it anew \
         with TIMESTAMP(column) and PARTITION BY, or set `table` for the topic to another one"
    )]
    NoDesignatedTimestamp {
        /// The table.
        table: TableName,
    },
    /// A topic computes the column that says when.
    #[error(
        "topic {topic:?}: columns.{column}: that is the designated timestamp of table {table}, which cannot be computed; \
         give the column another name, or take the timestamp from a field with `timestamp`"
    )]
    ComputedTimestamp {
        /// The topic.
        topic: String,
        /// The table.
        table: TableName,
        /// The column.
        column: String,
    },
}

impl Plan {
    /// Makes the plan for a topic's settings and a table's columns; a table that does not exist has none.
    pub fn new(
        topic: &Arc<str>,
        table: TableName,
        config: &Arc<TopicConfig>,
        schema: &TableSchema,
    ) -> Result<Self, PlanError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let designated = match &schema.designated {
            Some(name) => name.clone(),
            None if schema.columns.is_empty() => Arc::from(DESIGNATED),
            None => return Err(PlanError::NoDesignatedTimestamp { table }),
        };
        let lower =
            |names: &[String]| names.iter().map(|name| name.replace('.', "_").to_lowercase()).collect();
        // An empty prefix means none, and the usual name for what has no fields.
        let prefix = |prefix: &str| if prefix.is_empty() { String::new() } else { format!("{prefix}_") };
        let or = |name: &str, other: &str| if name.is_empty() { other.to_owned() } else { name.to_owned() };
        let selection = Selection::new(config);
        let timestamp = config.timestamp.clone().filter(|timestamp| !timestamp.fields.is_empty());
        Ok(Self {
            topic: topic.clone(),
            key_column: or(&config.key_prefix, "key"),
            value_column: or(&config.value_prefix, "value"),
            prefixes: Prefixes {
                value: prefix(&config.value_prefix),
                key: prefix(&config.key_prefix),
                header: config.header_prefix.clone(),
            },
            adds_to_rows: selection.adds_to_rows(),
            selection,
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            table,
            unit: types::unit_of(schema.columns.get(&designated.to_lowercase())),
            designated_lower: designated.to_lowercase(),
            designated,
            key: InPlace::of(config.key_format),
            value: InPlace::of(config.format),
            // In Protobuf there is no null: a field is there or not.
            judges_nulls: config.format != Format::Protobuf
                && timestamp.as_ref().is_some_and(|timestamp| timestamp.missing != MissingTimestamp::Refuse),
            timestamp,
            is_of_arrival: config.timestamp.as_ref().is_some_and(TimestampConfig::is_arrival),
            columns: schema.columns.clone(),
            symbols: lower(&config.symbols),
            doubles: lower(&config.doubles),
            times: lower(&config.timestamp_fields),
            config: config.clone(),
        })
    }

    /// The table.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// A builder for blocks of this plan's rows.
    pub fn block_builder(&self) -> BlockBuilder {
        let designated = (self.designated.clone(), self.unit);
        BlockBuilder::new(self.id, self.table.clone(), designated, self.prefixes.clone())
    }

    /// Whether a name (in lower case) is the designated timestamp column's.
    pub(super) fn is_designated(&self, lower: &str) -> bool {
        self.designated_lower == lower
    }

    /// What a record's designated timestamp is where nothing in it is, in milliseconds since 1970.
    #[inline]
    pub(super) fn time_ms(&self, record: &SourceRecord<'_>) -> i64 {
        if self.is_of_arrival { record.arrival_ms } else { record.timestamp_ms }
    }

    /// How the designated timestamp is written where it is a text; None: in ISO 8601.
    pub(super) fn designated_format(&self) -> Option<&TimestampFormat> {
        let own = self.timestamp.as_ref().and_then(|timestamp| timestamp.format.as_ref());
        own.or(self.config.timestamp_format.as_ref())
    }

    /// Whether the texts of a column (by its name in lower case) are times.
    pub(super) fn has_times(&self, lower: &str) -> bool {
        self.times.contains(lower)
    }

    /// Whether a column's numbers are doubles by the settings.
    pub(super) fn has_doubles(&self, column: &str) -> bool {
        !self.doubles.is_empty() && self.doubles.contains(&column.to_lowercase())
    }

    /// A column by its name, and that name in lower case, which column names ignore. Err: what is wrong with it.
    pub(super) fn column(&self, name: &str, lower: &str) -> Result<ColumnBuilder, &'static str> {
        if let Some(column) = self.columns.get(lower) {
            let target = target_of(&column.type_name);
            return Ok(ColumnBuilder::new(column.name.clone(), target, Some(column.type_name.clone())));
        }
        if let Some(reason) = fault_of_column_name(name) {
            return Err(reason);
        }
        let listed = |names: &HashSet<String>| names.contains(lower);
        let target = new_column(listed(&self.symbols), listed(&self.times), listed(&self.doubles));
        Ok(ColumnBuilder::new(name.into(), target, None))
    }
}
