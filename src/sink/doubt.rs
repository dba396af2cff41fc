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
//! if it has as many rows, where QuestDB tells (`cairo.default.sequencer.part.txn.count`), and if the table, when it is
//! applied, has at least as many in the request's time range, and the request's first and last row with their values.
//! That catches another client who is handed our writer after our connection was lost. Nothing tells a request that is still on its way through the network from one that is lost:
//! a transaction counts as not there only after QuestDB has answered so for some time.

use std::time::Duration;

use arrow_array::{Array, ArrayAccessor, StringArray};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use super::pending::Pending;
use super::transactions::{Transactions, first_row};
use crate::questdb::{QuestDb, QuestDbError, quote_literal};
use crate::rows::{Block, ColumnValues, TimeUnit};

/// Values of a row that are looked for.
const SAMPLE_COLUMNS: usize = 8;
const SAMPLE_TEXT_BYTES: usize = 200;
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
    /// A condition that all of its rows fulfil, which is their time range.
    times: String,
    /// Conditions for its first and its last row, where their values can be asked for.
    samples: Vec<String>,
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

impl Doubt {
    /// About a request with these blocks of one table. Nothing for no blocks.
    pub(super) fn about(blocks: &[Pending], account: Account) -> Option<Self> {
        let blocks: Vec<&Block> = blocks.iter().map(|pending| &pending.block).collect();
        let (first, last) = (*blocks.first()?, *blocks.last()?);
        let earliest = blocks.iter().filter_map(|block| times(block).min()).min()?;
        let latest = blocks.iter().filter_map(|block| times(block).max()).max()?;
        let samples = [sample(first, 0), sample(last, last.rows().saturating_sub(1))];
        Some(Self {
            table: first.table.as_str().to_owned(),
            account,
            rows: blocks.iter().map(|block| block.rows() as i64).sum(),
            times: between(&first.timestamp.name, earliest, latest),
            samples: samples.into_iter().flatten().collect(),
        })
    }

    #[cfg(test)]
    pub(super) fn example(table: &str, account: Account) -> Self {
        let times = between("timestamp", 1, 2);
        Self { table: table.to_owned(), account, rows: 10, times, samples: Vec::new() }
    }

    /// Whether the rows are in the table; None: not all transactions are applied yet.
    async fn has_its_rows(&self, number: i64, questdb: &QuestDb) -> Result<Option<bool>, QuestDbError> {
        let name = quote_literal(&self.table);
        let query = format!("SELECT writerTxn FROM wal_tables() WHERE name = {name}");
        let applied = first_row(&query, questdb).await?.and_then(|row| row.first()?.as_i64());
        if applied.is_none_or(|applied| applied < number) {
            return Ok(None);
        }
        let samples = self.samples.iter().map(|sample| (sample, 1));
        for (condition, at_least) in samples.chain([(&self.times, self.rows)]) {
            let query = format!("SELECT count() FROM {name} WHERE {condition}");
            let count = first_row(&query, questdb).await?.and_then(|row| row.first()?.as_i64());
            if count.is_none_or(|count| count < at_least) {
                return Ok(Some(false));
            }
        }
        Ok(Some(true))
    }
}

/// In microseconds, rounded down.
fn times(block: &Block) -> impl Iterator<Item = i64> {
    let divisor = match block.timestamp.unit {
        TimeUnit::Micros => 1,
        TimeUnit::Nanos => 1000,
    };
    block.timestamp.values.iter().map(move |value| value.div_euclid(divisor))
}

/// Up to the end of the last microsecond.
fn between(column: &str, first_us: i64, last_us: i64) -> String {
    let after_us = last_us.saturating_add(1);
    format!("\"{column}\" >= cast({first_us} as timestamp) AND \"{column}\" < cast({after_us} as timestamp)")
}

/// A condition for one row, of those of its values that are compared without doubt.
fn sample(block: &Block, row: usize) -> Option<String> {
    let time = times(block).nth(row)?;
    let values: Vec<String> = block
        .columns
        .iter()
        .filter_map(|column| {
            let value = match &column.values {
                ColumnValues::Long(values) if values.is_valid(row) => values.value(row).to_string(),
                ColumnValues::Varchar(values) if values.is_valid(row) => text(values.value(row))?,
                ColumnValues::Symbol(values) if values.is_valid(row) => {
                    text(values.downcast_dict::<StringArray>()?.value(row))?
                }
                _ => return None,
            };
            Some(format!("\"{}\" = {value}", column.name))
        })
        .take(SAMPLE_COLUMNS)
        .collect();
    if values.is_empty() {
        return None;
    }
    Some(format!("{} AND {}", between(&block.timestamp.name, time, time), values.join(" AND ")))
}

/// It has to fit a URL.
fn text(value: &str) -> Option<String> {
    (value.len() <= SAMPLE_TEXT_BYTES).then(|| quote_literal(value))
}

impl Inquiry {
    /// About a request that was under way for so long.
    pub(super) fn new(doubt: Doubt, under_way: Duration) -> Self {
        let settle = under_way.clamp(SETTLE.0, SETTLE.1);
        Self { doubt, settle, absent_since: None, present_since: None }
    }

    /// Asks QuestDB once.
    pub(super) async fn ask(&mut self, questdb: &QuestDb) -> Finding {
        let asked = timeout(ASK_TIMEOUT, self.look(questdb)).await;
        tracing::debug!(?asked, table = self.doubt.table, "asked QuestDB about a request");
        match asked {
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
        if let Some(rows) = found.last_rows
            && rows != self.doubt.rows
        {
            return Ok(others());
        }
        if self.doubt.account.shared && found.last_rows.is_none() && self.doubt.samples.is_empty() {
            return Ok(Finding::Unclear("others write to the table, too".to_owned()));
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
