use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::suspended::{Suspended, complaint};
use super::{TableColumn, TableSchema, create};
use crate::config::TopicConfig;
use crate::questdb::{QuestDb, QuestDbError, Rows, quote_literal};
use crate::rows::TableName;

/// For how long a table's columns are believed. What the gateway itself adds is handled by
/// [`Schemas::invalidate`]; this is for what others do to the table.
const TTL: Duration = Duration::from_secs(30);

/// For how long a table is believed not to exist: the first write creates it.
const ABSENT_TTL: Duration = Duration::from_secs(1);

/// How often a table that is not there is created, before that is an error.
const CREATE_ATTEMPTS: usize = 3;

/// More tables than this are looked up again and again; each costs some hundred bytes a column.
const MAX_TABLES: u64 = 10_000;

/// What QuestDB's tables look like, asked once and remembered for a while.
///
/// Clones share what is remembered. A table that many ask for at the same time is asked for once.
#[derive(Clone)]
pub struct Schemas {
    questdb: QuestDb,
    tables: Cache<TableName, Known>,
    suspended: Arc<Suspended>,
}

/// What a table looked like when QuestDB was asked.
#[derive(Clone)]
struct Known {
    schema: Arc<TableSchema>,
    asked: Instant,
}

/// Why a table's columns are not known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SchemaError {
    /// QuestDB could not be asked.
    #[error("cannot read the columns of table `{table}`: {reason}")]
    Unreadable {
        /// The table.
        table: TableName,
        /// What came in the way.
        reason: QuestDbError,
    },
    /// The table could not be created.
    #[error("cannot create table `{table}`: {reason}")]
    NotCreated {
        /// The table.
        table: TableName,
        /// What came in the way.
        reason: QuestDbError,
    },
    /// QuestDB takes requests and refuses to create a table as the topic's settings want it.
    #[error(
        "QuestDB does not create table `{table}` as the topic's `create` settings say: {message}, in: {statement}"
    )]
    Refused {
        /// The table.
        table: TableName,
        /// QuestDB's own words.
        message: String,
        /// What it was asked for.
        statement: String,
    },
    /// QuestDB commits rows to the table and does not show them.
    #[error("{}", complaint(table.as_str(), reason))]
    Suspended {
        /// The table.
        table: TableName,
        /// QuestDB's own words; may be empty.
        reason: Arc<str>,
    },
}

impl Known {
    fn is_stale(&self) -> bool {
        let ttl = if self.schema.columns.is_empty() { ABSENT_TTL } else { TTL };
        self.asked.elapsed() >= ttl
    }
}

impl Schemas {
    /// An empty cache before this QuestDB.
    pub fn new(questdb: QuestDb) -> Self {
        let tables = Cache::builder().max_capacity(MAX_TABLES).build();
        Self { questdb, tables, suspended: Arc::default() }
    }

    /// Adds what is counted to a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.suspended.register(registry);
    }

    /// Watches for tables that QuestDB suspends, until told to stop. Rows for them are not taken, and where the gateway
    /// writes to them, metrics and log say so.
    pub async fn watch(self, stop: CancellationToken) {
        self.suspended.watch(&self.questdb, stop).await;
    }

    /// The gateway writes to this table without asking for its columns.
    pub fn uses(&self, table: &TableName) {
        self.suspended.uses(table);
    }

    /// The table's columns; none at all where the table does not exist.
    ///
    /// # Errors
    /// QuestDB could not be asked. Errors are not remembered.
    pub async fn table(&self, table: &TableName) -> Result<Arc<TableSchema>, SchemaError> {
        if let Some(known) = self.known(table).await {
            return Ok(known.schema);
        }
        let known = self.tables.try_get_with_by_ref(table, self.read(table)).await;
        known.map(|known| known.schema).map_err(Arc::unwrap_or_clone)
    }

    /// The columns of a topic's table. One that does not exist is created where the topic's settings say how; else
    /// it has no columns.
    ///
    /// # Errors
    /// QuestDB could not be asked, or has not created the table, or has suspended it. Errors are not remembered.
    pub async fn table_of(
        &self,
        table: &TableName,
        topic: &TopicConfig,
    ) -> Result<Arc<TableSchema>, SchemaError> {
        if let Some(reason) = self.suspended.reason(table) {
            self.suspended.uses(table);
            return Err(SchemaError::Suspended { table: table.clone(), reason });
        }
        let schema = self.table(table).await?;
        let Some(shape) = topic.create.as_ref().filter(|_| schema.columns.is_empty()) else {
            return Ok(schema);
        };
        for _ in 0..CREATE_ATTEMPTS {
            // That it does not exist is remembered; of all who find that out at the same time, one creates it.
            if self.tables.get(table).await.is_some_and(|known| known.schema.columns.is_empty()) {
                self.invalidate(table).await;
            }
            let statement = create::statement(table, shape, topic);
            let created = self.tables.try_get_with_by_ref(table, self.create(table, &statement)).await;
            let schema = created.map_err(Arc::unwrap_or_clone)?.schema;
            // Else somebody who has no use for a new table looked at the same time, or dropped it.
            if !schema.columns.is_empty() {
                return Ok(schema);
            }
        }
        let reason = QuestDbError::Malformed("it is not there after it was created".to_owned());
        Err(SchemaError::NotCreated { table: table.clone(), reason })
    }

    async fn create(&self, table: &TableName, statement: &str) -> Result<Known, SchemaError> {
        match self.questdb.sql(statement).await {
            Ok(_) => tracing::info!(%table, statement, "table created, unless somebody else was faster"),
            Err(QuestDbError::Sql { message, .. }) => {
                let statement = statement.to_owned();
                return Err(SchemaError::Refused { table: table.clone(), message, statement });
            }
            Err(reason) => return Err(SchemaError::NotCreated { table: table.clone(), reason }),
        }
        self.read(table).await
    }

    /// The table's columns, where they have been asked for a short while ago and it takes rows.
    pub async fn remembered(&self, table: &TableName) -> Option<Arc<TableSchema>> {
        if self.suspended.reason(table).is_some() {
            return None;
        }
        self.known(table).await.map(|known| known.schema)
    }

    /// What is remembered of a table and still believed.
    async fn known(&self, table: &TableName) -> Option<Known> {
        let known = self.tables.get(table).await?;
        if known.is_stale() {
            self.invalidate(table).await;
            return None;
        }
        Some(known)
    }

    /// Forgets a table, because a write showed that it looks different.
    pub async fn invalidate(&self, table: &TableName) {
        self.tables.invalidate(table).await;
    }

    /// Forgets a table that QuestDB was asked for longer ago than that. False: it is known better than that.
    pub async fn invalidate_older(&self, table: &TableName, age: Duration) -> bool {
        match self.tables.get(table).await {
            Some(known) if known.asked.elapsed() < age => false,
            _ => {
                self.invalidate(table).await;
                true
            }
        }
    }

    async fn read(&self, table: &TableName) -> Result<Known, SchemaError> {
        self.suspended.uses(table);
        let asked = Instant::now();
        let known = |schema| Known { schema: Arc::new(schema), asked };
        let name = quote_literal(table.as_str());
        let query = format!("select \"column\", type, designated from table_columns({name})");
        let rows = match self.questdb.sql(&query).await {
            // 9.3.4 says `table does not exist [table=t]`.
            Err(QuestDbError::Sql { message, .. }) if message.starts_with("table does not exist") => {
                return Ok(known(TableSchema::default()));
            }
            rows => rows,
        };
        let unreadable = |reason| SchemaError::Unreadable { table: table.clone(), reason };
        rows.and_then(|rows| parse(&rows)).map(known).map_err(unreadable)
    }
}

fn parse(rows: &Rows) -> Result<TableSchema, QuestDbError> {
    let mut schema = TableSchema::default();
    for row in &rows.rows {
        let [Value::String(name), Value::String(type_name), Value::Bool(designated)] = row.as_slice() else {
            return Err(QuestDbError::Malformed(
                "table_columns() is not column, type, designated".to_owned(),
            ));
        };
        let name: Arc<str> = name.as_str().into();
        if *designated {
            schema.designated = Some(name.clone());
        }
        let column = TableColumn { name: name.clone(), type_name: type_name.as_str().into() };
        schema.columns.insert(name.to_lowercase(), column);
    }
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_their_lower_case_name() {
        let rows: Rows = serde_json::from_str(
            r#"{"columns":[],"dataset":[["Price","DOUBLE",false],["Bids","DOUBLE[][]",false],["ts","TIMESTAMP",true]]}"#,
        )
        .unwrap();
        let schema = parse(&rows).unwrap();
        assert_eq!(schema.designated.as_deref(), Some("ts"));
        assert_eq!(schema.columns["price"], TableColumn { name: "Price".into(), type_name: "DOUBLE".into() });
        assert_eq!(&*schema.columns["bids"].type_name, "DOUBLE[][]");
        assert_eq!(schema.columns.len(), 3);
    }

    #[test]
    fn an_odd_answer_is_an_error() {
        let rows: Rows = serde_json::from_str(r#"{"dataset":[["Price"]]}"#).unwrap();
        assert!(parse(&rows).is_err());
    }
}
