//! What a table looks like that the gateway itself creates: `create = { … }` of a topic's settings, and the `quafka.`
//! configs of CreateTopics, which are the same.
//!
//! A table that nobody shapes is created by QuestDB from the first rows, partitioned by day. Deduplication is never
//! on unless somebody names its keys: rows that agree in the keys are one row, and the last one wins.

use std::fmt;
use std::str::FromStr;

use super::column_names::{fault_of_column_name, same};
use super::file::{Report, Section};
use super::{ColumnType, PartitionBy, TopicConfig, Ttl};

/// The designated timestamp column of tables that are created from the data.
pub const DESIGNATED: &str = "timestamp";

/// How a table is created when it is first needed and is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateTable {
    /// The size of a partition; a day where absent.
    pub partition_by: Option<PartitionBy>,
    /// For how long rows are kept; for ever where absent.
    pub ttl: Option<Ttl>,
    /// The columns of `DEDUP UPSERT KEYS`; no deduplication where empty.
    pub dedup_keys: Vec<String>,
    /// The columns that are there from the start, in this order. Others are added from the data.
    pub columns: Vec<NewColumn>,
}

/// A column of a table that is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewColumn {
    /// A name that QuestDB takes.
    pub name: String,
    /// Its type.
    pub column_type: ColumnType,
}

/// What is wrong with a [`CreateTable`]: which part of it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTableFault {
    /// `ttl`, `dedup_keys` or `columns`.
    pub key: &'static str,
    /// In a line, with the way out.
    pub reason: String,
}

impl CreateTable {
    /// The columns that the table of a topic gets, besides the designated timestamp: those that are listed, then
    /// those that the topic's `symbols` and `doubles` name.
    pub fn all_columns<'a>(&'a self, topic: &'a TopicConfig) -> Vec<(&'a str, &'a str)> {
        let mut columns: Vec<(&str, &str)> = Vec::new();
        let listed = self.columns.iter().map(|column| (column.name.as_str(), column.column_type.as_str()));
        let symbols = topic.symbols.iter().map(|name| (name.as_str(), "SYMBOL"));
        let doubles = topic.doubles.iter().map(|name| (name.as_str(), "DOUBLE"));
        for (name, column_type) in listed.chain(symbols).chain(doubles) {
            if !same(name, DESIGNATED) && !columns.iter().any(|(other, _)| same(other, name)) {
                columns.push((name, column_type));
            }
        }
        columns
    }

    /// The type of the designated timestamp column, which may be among the columns.
    pub fn designated_type(&self) -> &str {
        let listed = self.columns.iter().find(|column| same(&column.name, DESIGNATED));
        listed.map_or("TIMESTAMP", |column| column.column_type.as_str())
    }

    /// What QuestDB would refuse, or what would not be what it seems.
    ///
    /// # Errors
    /// The first fault that there is.
    pub fn check(&self, topic: &TopicConfig) -> Result<(), CreateTableFault> {
        let fault = |key, reason: String| Err(CreateTableFault { key, reason });
        for (index, column) in self.columns.iter().enumerate() {
            let NewColumn { name, column_type } = column;
            if let Some(reason) = fault_of_column_name(name) {
                return fault("columns", format!("`{name}`: {reason}"));
            }
            if self.columns.iter().take(index).any(|other| same(&other.name, name)) {
                return fault("columns", format!("names `{name}` twice"));
            }
            if same(name, DESIGNATED) && !column_type.as_str().starts_with("TIMESTAMP") {
                let reason = format!(
                    "`{name}` is the designated timestamp, so it is TIMESTAMP or TIMESTAMP_NS, not {column_type}"
                );
                return fault("columns", reason);
            }
            // What is in both lists is a symbol, of the text that a double has.
            let lists = [(&topic.symbols, "SYMBOL"), (&topic.doubles, "DOUBLE")];
            let listed = lists.into_iter().find(|(list, _)| list.iter().any(|other| same(other, name)));
            if let Some((_, expected)) = listed
                && column_type.as_str() != expected
            {
                let reason = format!("`{name}` is {column_type} here and {expected} by the topic's settings");
                return fault("columns", reason);
            }
        }
        let partition_by = self.partition_by.unwrap_or_default();
        if let Some(ttl) = self.ttl
            && !ttl.is_whole_number_of(partition_by)
        {
            let reason = format!(
                "{ttl} is not a whole number of partitions: the table is partitioned by {partition_by}, and QuestDB \
                 drops whole partitions only"
            );
            return fault("ttl", reason);
        }
        self.check_dedup_keys(topic)
    }

    fn check_dedup_keys(&self, topic: &TopicConfig) -> Result<(), CreateTableFault> {
        let fault = |reason: String| Err(CreateTableFault { key: "dedup_keys", reason });
        if self.dedup_keys.is_empty() {
            return Ok(());
        }
        if !self.dedup_keys.iter().any(|key| same(key, DESIGNATED)) {
            return fault(format!("must contain `{DESIGNATED}`, the designated timestamp: QuestDB needs it"));
        }
        let columns = self.all_columns(topic);
        for (index, key) in self.dedup_keys.iter().enumerate() {
            if self.dedup_keys.iter().take(index).any(|other| same(other, key)) {
                return fault(format!("names `{key}` twice"));
            }
            if same(key, DESIGNATED) {
                continue;
            }
            match columns.iter().find(|(name, _)| same(name, key)) {
                None => {
                    let reason = format!(
                        "`{key}` has no type yet: put it into the columns, such as `{key} LONG`, or into the topic's \
                         symbols"
                    );
                    return fault(reason);
                }
                Some((_, array)) if array.ends_with("[]") => {
                    return fault(format!("`{key}` is {array}, and QuestDB takes no array as a key"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// As a value in a TOML file.
pub(super) fn to_toml(create: &CreateTable) -> String {
    let quoted = |text: &dyn fmt::Display| toml::Value::String(text.to_string()).to_string();
    let mut parts = Vec::new();
    if let Some(partition_by) = &create.partition_by {
        parts.push(format!("partition_by = {}", quoted(partition_by)));
    }
    if let Some(ttl) = &create.ttl {
        parts.push(format!("ttl = {}", quoted(ttl)));
    }
    if !create.dedup_keys.is_empty() {
        let keys: Vec<_> = create.dedup_keys.iter().map(|key| quoted(key)).collect();
        parts.push(format!("dedup_keys = [{}]", keys.join(", ")));
    }
    if !create.columns.is_empty() {
        let column =
            |column: &NewColumn| format!("{} = {}", quoted(&column.name), quoted(&column.column_type));
        let columns: Vec<_> = create.columns.iter().map(column).collect();
        parts.push(format!("columns = {{ {} }}", columns.join(", ")));
    }
    if parts.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", parts.join(", ")) }
}

/// Reads the `create` table of a topic's settings.
pub(super) fn load(topic: &mut Section<'_>, report: &mut Report<'_>) -> Option<CreateTable> {
    let mut section = topic.section("create", report);
    if !section.exists() {
        return None;
    }
    let create = CreateTable {
        partition_by: parsed(&mut section, "partition_by", report),
        ttl: parsed(&mut section, "ttl", report),
        dedup_keys: section.value("dedup_keys", report).unwrap_or_default(),
        columns: columns(&mut section, report),
    };
    section.finish(report);
    Some(create)
}

fn parsed<T: FromStr<Err = String>>(
    section: &mut Section<'_>,
    key: &'static str,
    report: &mut Report<'_>,
) -> Option<T> {
    let text = section.value::<String>(key, report)?;
    text.parse().map_err(|reason: String| report.error(&section.full(key), reason)).ok()
}

fn columns(section: &mut Section<'_>, report: &mut Report<'_>) -> Vec<NewColumn> {
    let texts = section.section("columns", report).named_texts(report);
    let column = |(name, full, text): (String, String, String)| match text.parse() {
        Ok(column_type) => Some(NewColumn { name, column_type }),
        Err(reason) => {
            report.error(&full, reason);
            None
        }
    };
    texts.into_iter().filter_map(column).collect()
}
