//! Whether a request whose answer never came has arrived: QuestDB's own list of a table's transactions knows.
//!
//! Seen on QuestDB 9.3.4: a request is exactly one transaction, whatever it adds in columns, in whatever order its rows
//! are and however many. A connection has a WAL writer of its own for each table, from its first write to that table
//! until it is closed; `wal_transactions` names the writer of each transaction, and lists them before they are applied.
//! It goes on counting after a crash, with new writers. Changes of the structure have no writer (-1).
//!
//! So a lane that is the only one to write a table over one connection knows how many of that writer's transactions
//! there must be. One more is the request; none more means that it has not arrived. What others write is told apart by
//! their writers. Only until a connection's first transaction is there its writer is not known, and all transactions
//! count; a table that others have been seen to write to stays in doubt then.
//!
//! When the two possible mistakes compete, rows twice win over rows lost: a transaction is taken for the request only
//! if it has as many rows, where QuestDB tells (`cairo.default.sequencer.part.txn.count`), or if the table has at least
//! as many in the request's time range when it is applied. That catches another writer who is handed our writer after
//! our connection was lost. Nothing tells a request that is still on its way through the network from one that is lost:
//! a transaction counts as not there only after QuestDB has answered so for some time.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;

use super::pending::Pending;
use crate::questdb::{QuestDb, QuestDbError, quote_literal};
use crate::rows::TimeUnit;

/// For how long QuestDB has to answer that a transaction is not there, at least and at most; between these, for as long
/// as the request was under way: a server that has taken long may take long still.
const SETTLE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
const ASK_AGAIN: Duration = Duration::from_millis(100);
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a transaction may take from the list into the table before its rows are given up to be looked for.
const APPLY: Duration = Duration::from_secs(20);

/// What a lane knows of a table's transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    /// Transactions up to this number are not counted.
    pub(super) base: i64,
    /// How many there are above it that are known to be ours.
    pub(super) commits: i64,
    /// The WAL writer that QuestDB has given our connection, where it is known.
    pub(super) writer: Option<i64>,
    /// Others have been seen to write to the table.
    pub(super) shared: bool,
}

/// A request that may have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doubt {
    pub(super) table: String,
    /// Before the request.
    pub(super) account: Account,
    pub(super) rows: i64,
    /// The designated timestamp, and the first and last value in microseconds, rounded outwards.
    timestamp: String,
    first_us: i64,
    last_us: i64,
}

/// What has been found out about a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It has arrived.
    Written,
    /// It has not.
    NotWritten,
    /// It cannot be told.
    Unclear(String),
    /// QuestDB has to be asked again after this time.
    Again(Duration),
}

/// Asks until it is known.
#[derive(Debug)]
pub(super) struct Inquiry {
    doubt: Doubt,
    settle: Duration,
    absent_since: Option<Instant>,
    present_since: Option<Instant>,
}

/// A table's transactions above a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Transactions {
    pub(super) count: i64,
    pub(super) last: i64,
    pub(super) last_writer: Option<i64>,
    last_rows: Option<i64>,
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
            "SELECT count(), last(sequencerTxn), last(walId), last(rowCount) FROM wal_transactions({}) \
             WHERE sequencerTxn > {base} AND {writers}",
            quote_literal(table)
        );
        let Some(row) = first_row(&query, questdb).await? else { return Ok(None) };
        let number = |index: usize| row.get(index).and_then(Value::as_i64);
        Ok(Some(Self {
            count: number(0).unwrap_or(0),
            last: number(1).unwrap_or(base),
            last_writer: number(2),
            last_rows: number(3),
        }))
    }

    /// The number of the last transaction of any kind; 0 where there is no table.
    pub(super) async fn last_of(table: &str, questdb: &QuestDb) -> Result<i64, QuestDbError> {
        let query = format!("SELECT max(sequencerTxn) FROM wal_transactions({})", quote_literal(table));
        let row = first_row(&query, questdb).await?;
        Ok(row.and_then(|row| row.first()?.as_i64()).unwrap_or(0))
    }
}

/// None where the table is not there.
async fn first_row(query: &str, questdb: &QuestDb) -> Result<Option<Vec<Value>>, QuestDbError> {
    match questdb.sql(query).await {
        Ok(rows) => Ok(rows.rows.into_iter().next()),
        // 9.3.4 says `table does not exist: t`.
        Err(QuestDbError::Sql { message, .. }) if message.contains("does not exist") => Ok(None),
        Err(error) => Err(error),
    }
}

impl Doubt {
    /// About a request with these blocks of one table. Nothing for no blocks.
    pub(super) fn about(blocks: &[Pending], account: Account) -> Option<Self> {
        let block = &blocks.first()?.block;
        let micros = |value: i64, unit: TimeUnit, up: bool| match unit {
            TimeUnit::Micros => value,
            TimeUnit::Nanos if up => value.div_euclid(1000).saturating_add(1),
            TimeUnit::Nanos => value.div_euclid(1000),
        };
        let times = || {
            let blocks = blocks.iter().map(|pending| &pending.block.timestamp);
            blocks.flat_map(|times| times.values.iter().map(|&value| (value, times.unit)))
        };
        Some(Self {
            table: block.table.as_str().to_owned(),
            account,
            rows: blocks.iter().map(|pending| pending.block.rows() as i64).sum(),
            timestamp: block.timestamp.name.to_string(),
            first_us: times().map(|(value, unit)| micros(value, unit, false)).min()?,
            last_us: times().map(|(value, unit)| micros(value, unit, true)).max()?,
        })
    }

    #[cfg(test)]
    pub(super) fn example(table: &str, account: Account) -> Self {
        let (table, timestamp) = (table.to_owned(), "timestamp".to_owned());
        Self { table, account, rows: 10, timestamp, first_us: 1, last_us: 2 }
    }

    /// Whether the rows are in the table; None: not all transactions are applied yet.
    async fn has_its_rows(&self, number: i64, questdb: &QuestDb) -> Result<Option<bool>, QuestDbError> {
        let Self { table, timestamp, first_us, last_us, rows, .. } = self;
        let name = quote_literal(table);
        let query = format!("SELECT writerTxn FROM wal_tables() WHERE name = {name}");
        let applied = first_row(&query, questdb).await?.and_then(|row| row.first()?.as_i64());
        if applied.is_none_or(|applied| applied < number) {
            return Ok(None);
        }
        let query = format!(
            "SELECT count() FROM {name} WHERE \"{timestamp}\" BETWEEN cast({first_us} as timestamp) AND \
             cast({last_us} as timestamp)"
        );
        let found = first_row(&query, questdb).await?.and_then(|row| row.first()?.as_i64());
        Ok(Some(found.is_some_and(|found| found >= *rows)))
    }
}

impl Inquiry {
    /// About a request that was under way for so long.
    pub(super) fn new(doubt: Doubt, under_way: Duration) -> Self {
        let settle = under_way.clamp(SETTLE.0, SETTLE.1);
        Self { doubt, settle, absent_since: None, present_since: None }
    }

    /// Asks QuestDB once.
    pub(super) async fn ask(&mut self, questdb: &QuestDb) -> Finding {
        match timeout(ASK_TIMEOUT, self.look(questdb)).await {
            Ok(Ok(finding)) => finding,
            // QuestDB answers, and it will not answer otherwise: a proxy that speaks for it answers no SQL.
            Ok(Err(QuestDbError::Sql { message, .. })) => Finding::Unclear(message),
            Ok(Err(_)) | Err(_) => Finding::Again(ASK_AGAIN),
        }
    }

    async fn look(&mut self, questdb: &QuestDb) -> Result<Finding, QuestDbError> {
        let Account { base, commits, writer, shared } = self.doubt.account;
        let found = Transactions::above(base, writer, &self.doubt.table, questdb).await?.unwrap_or_default();
        match found.count - commits {
            0 => {
                let since = *self.absent_since.get_or_insert_with(Instant::now);
                Ok(if since.elapsed() >= self.settle {
                    Finding::NotWritten
                } else {
                    Finding::Again(ASK_AGAIN)
                })
            }
            1 if writer.is_some() || !shared => self.recognise(found, questdb).await,
            1.. => Ok(Finding::Unclear("others write to the table, too".to_owned())),
            _ => Ok(Finding::Unclear("the table has been replaced by another one".to_owned())),
        }
    }

    /// There is one transaction more than before: whether it is the request.
    async fn recognise(&mut self, found: Transactions, questdb: &QuestDb) -> Result<Finding, QuestDbError> {
        let others = || Finding::Unclear("the one new transaction has other rows".to_owned());
        if let Some(rows) = found.last_rows {
            return Ok(if rows == self.doubt.rows { Finding::Written } else { others() });
        }
        let since = *self.present_since.get_or_insert_with(Instant::now);
        Ok(match self.doubt.has_its_rows(found.last, questdb).await? {
            Some(true) => Finding::Written,
            Some(false) => others(),
            None if since.elapsed() < APPLY => Finding::Again(ASK_AGAIN),
            None => Finding::Unclear("QuestDB does not apply the table's transactions".to_owned()),
        })
    }
}
