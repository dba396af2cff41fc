//! The names of a topic's tables, and of the columns of headers.

use crate::config::{TopicConfig, fault_of_table_name, is_illegal_in_names};
use crate::rows::TableName;

/// Why there is no table of a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "topic {topic:?} cannot be written to table {table:?}: {reason}; set `table` for the topic to another name"
)]
pub struct NameError {
    /// The topic.
    pub topic: String,
    /// The name that the table would have.
    pub table: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// The table of all of a topic's records: the one that its settings name, or else the topic's name as it is. None
/// where it is another one from record to record.
///
/// Of a Kafka topic's characters (`[a-zA-Z0-9._-]`) QuestDB takes all, but dots neither first, last nor in a row.
pub(super) fn table_name(topic: &str, config: &TopicConfig) -> Result<Option<TableName>, NameError> {
    let table = match &config.table {
        Some(template) => template.of_topic(topic),
        None => Some(topic.to_owned()),
    };
    table.map(|table| checked_table_name(topic, table)).transpose()
}

/// A table's name, where QuestDB takes it.
pub(super) fn checked_table_name(topic: &str, table: String) -> Result<TableName, NameError> {
    match fault_of_table_name(&table) {
        None => Ok(TableName::new(table)),
        Some(reason) => Err(NameError { topic: topic.to_owned(), table, reason }),
    }
}

/// A column's name for a header, whose own names are words with hyphens more often than not.
pub(super) fn column_name_of(header: &str) -> String {
    header.replace(is_illegal_in_names, "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(topic: &str, template: Option<&str>) -> Result<String, &'static str> {
        let config = TopicConfig {
            table: template.map(|template| template.parse().unwrap()),
            ..TopicConfig::default()
        };
        let name = table_name(topic, &config).map_err(|error| error.reason)?;
        Ok(name.expect("no variable").as_str().to_owned())
    }

    #[test]
    fn a_topic_is_its_own_table() {
        for topic in ["trades", "Trades_2", "a.b-c", "-", "_", "sys", "telemetry_vehicles", &"x".repeat(127)]
        {
            assert_eq!(table(topic, None).as_deref(), Ok(topic));
        }
        assert_eq!(table("t", Some("other")).as_deref(), Ok("other"));
        assert_eq!(table("t", Some("kafka_${topic}_v1")).as_deref(), Ok("kafka_t_v1"));
        assert_eq!(table("t", Some("žluť 日本 🚀")).as_deref(), Ok("žluť 日本 🚀"));
    }

    #[test]
    fn names_that_questdb_refuses() {
        for topic in
            [".a", "a.", "a..b", ".", "sys.x", "SYS.x", "telemetry", "Telemetry_Config", &"x".repeat(128)]
        {
            assert!(table(topic, None).is_err(), "{topic}");
        }
        for name in ["a/b", "a\\b", "a:b", "a*b", "a'b", "a\"b", "a\n", "\u{feff}", " a", "a ", "a~b"] {
            assert!(table("t", Some(name)).is_err(), "{name}");
        }
    }
}
