//! Creates a table as a topic's settings shape it.

use crate::config::{CreateTable, DESIGNATED, TopicConfig};
use crate::rows::TableName;

/// The statement that makes the table where it is not there.
pub(super) fn statement(table: &TableName, create: &CreateTable, topic: &TopicConfig) -> String {
    let mut columns = vec![format!("{} {}", quote(DESIGNATED), create.designated_type())];
    let others = create.all_columns(topic);
    columns.extend(others.into_iter().map(|(name, column_type)| format!("{} {column_type}", quote(name))));
    let mut statement = format!(
        "CREATE TABLE IF NOT EXISTS {} ({}) TIMESTAMP({}) PARTITION BY {}",
        quote(table.as_str()),
        columns.join(", "),
        quote(DESIGNATED),
        create.partition_by.unwrap_or_default(),
    );
    if let Some(ttl) = create.ttl {
        statement += &format!(" TTL {ttl}");
    }
    // Said, because a server can have another default, and rows are only taken for such tables.
    statement += " WAL";
    if !create.dedup_keys.is_empty() {
        let keys: Vec<_> = create.dedup_keys.iter().map(|key| quote(key)).collect();
        statement += &format!(" DEDUP UPSERT KEYS({})", keys.join(", "));
    }
    statement
}

/// A name in SQL. Neither a table's nor a column's can have a quote in it.
fn quote(name: &str) -> String {
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NewColumn;

    #[test]
    fn the_statement_says_all_that_the_settings_say() {
        let column =
            |name: &str, kind: &str| NewColumn { name: name.to_owned(), column_type: kind.parse().unwrap() };
        let topic = TopicConfig {
            symbols: vec!["side".to_owned()],
            doubles: vec!["price".to_owned()],
            ..TopicConfig::default()
        };
        let create = CreateTable {
            partition_by: "hour".parse().ok(),
            ttl: "30 days".parse().ok(),
            dedup_keys: vec![DESIGNATED.to_owned(), "id".to_owned()],
            columns: vec![
                column("id", "long"),
                column("Timestamp", "timestamp_ns"),
                column("side", "symbol"),
            ],
        };
        assert_eq!(
            statement(&TableName::new("t x".to_owned()), &create, &topic),
            "CREATE TABLE IF NOT EXISTS \"t x\" (\"timestamp\" TIMESTAMP_NS, \"id\" LONG, \"side\" SYMBOL, \
             \"price\" DOUBLE) TIMESTAMP(\"timestamp\") PARTITION BY HOUR TTL 30 DAYS WAL DEDUP UPSERT \
             KEYS(\"timestamp\", \"id\")"
        );
        assert_eq!(
            statement(&TableName::new("t".to_owned()), &CreateTable::default(), &TopicConfig::default()),
            "CREATE TABLE IF NOT EXISTS \"t\" (\"timestamp\" TIMESTAMP) TIMESTAMP(\"timestamp\") PARTITION BY DAY WAL"
        );
    }
}
