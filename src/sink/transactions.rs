//! A table's transactions, as `wal_transactions` lists them.

use serde_json::Value;

use crate::questdb::{QuestDb, QuestDbError, quote_literal};

/// A table's transactions above a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Transactions {
    pub(super) count: i64,
    pub(super) last: i64,
    pub(super) last_rows: Option<i64>,
}

impl Transactions {
    /// Asks QuestDB for the transactions with rows above `base`, of one writer or of all. None: there is no such table,
    /// so there are none.
    pub(super) async fn above(
        base: i64,
        writer: Option<i64>,
        table: &str,
        questdb: &QuestDb,
    ) -> Result<Option<Self>, QuestDbError> {
        let writers = writer.map_or("walId > 0".to_owned(), |writer| format!("walId = {writer}"));
        let query = format!(
            "SELECT count(), last(sequencerTxn), last(rowCount) FROM wal_transactions({}) \
             WHERE sequencerTxn > {base} AND {writers}",
            quote_literal(table)
        );
        let Some(row) = first_row(&query, questdb).await? else { return Ok(None) };
        let number = |index: usize| row.get(index).and_then(Value::as_i64);
        Ok(Some(Self {
            count: number(0).unwrap_or(0),
            last: number(1).unwrap_or(base),
            last_rows: number(2),
        }))
    }
}

/// A WAL writer's transactions above a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Writer {
    pub(super) number: i64,
    pub(super) count: i64,
    pub(super) last: i64,
}

impl Writer {
    /// All that have written rows above `base`.
    pub(super) async fn above(base: i64, table: &str, questdb: &QuestDb) -> Result<Vec<Self>, QuestDbError> {
        let query = format!(
            "SELECT walId, count(), max(sequencerTxn) FROM wal_transactions({}) WHERE sequencerTxn > {base} AND \
             walId > 0 GROUP BY walId",
            quote_literal(table)
        );
        let writers = questdb.sql(&query).await?.rows.into_iter().map(|row| {
            let number = |index: usize| row.get(index).and_then(Value::as_i64);
            Some(Self { number: number(0)?, count: number(1)?, last: number(2)? })
        });
        let unreadable = || QuestDbError::Malformed("wal_transactions() has no numbers".to_owned());
        writers.map(|writer| writer.ok_or_else(unreadable)).collect()
    }
}

/// The number of a table's last transaction of any kind; 0 where there is no table.
pub(super) async fn last_of(table: &str, questdb: &QuestDb) -> Result<i64, QuestDbError> {
    let query = format!("SELECT max(sequencerTxn) FROM wal_transactions({})", quote_literal(table));
    let row = first_row(&query, questdb).await?;
    Ok(row.and_then(|row| row.first()?.as_i64()).unwrap_or(0))
}

/// None where the table is not there.
pub(super) async fn first_row(query: &str, questdb: &QuestDb) -> Result<Option<Vec<Value>>, QuestDbError> {
    match questdb.sql(query).await {
        Ok(rows) => Ok(rows.rows.into_iter().next()),
        // 9.3.4 says `table does not exist: t`.
        Err(QuestDbError::Sql { message, .. }) if message.contains("does not exist") => Ok(None),
        Err(error) => Err(error),
    }
}
