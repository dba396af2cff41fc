//! What a lane keeps about the tables that it writes, so that a lost answer is no lost knowledge: see
//! [`doubt`](super::doubt).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::answer::Answer;
use super::doubt::{Account, Doubt};
use super::journal::Journal;
use super::pending::Pending;
use super::transactions::{Writer, last_of};
use crate::questdb::{QuestDb, QuestDbError};
use crate::rows::TableName;

/// Beyond it all are forgotten and asked for anew: a question a table.
const MAX_TABLES: usize = 10_000;
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// The accounts of a lane's tables, and the request that is under way.
pub(super) struct Ledger {
    pub(super) questdb: QuestDb,
    journal: Option<Arc<Journal>>,
    accounts: HashMap<TableName, Entry>,
    under_way: Option<UnderWay>,
}

/// A table, as seen over one connection.
struct Entry {
    connection: u64,
    /// None: QuestDB does not tell this table's transactions.
    account: Option<Account>,
    /// Who our connection's writer may be, where others write to the table and it has to be found among them.
    suspects: Option<Vec<i64>>,
}

struct UnderWay {
    doubt: Doubt,
    /// In the journal.
    number: Option<u64>,
    connection: u64,
}

impl Ledger {
    pub(super) fn new(questdb: QuestDb, journal: Option<Arc<Journal>>) -> Self {
        Self { questdb, journal, accounts: HashMap::new(), under_way: None }
    }

    /// Sees that a table's transactions are known before it is written to over a connection. Err: QuestDB does not
    /// answer.
    pub(super) async fn prepare(&mut self, table: &TableName, connection: u64) -> Result<(), Arc<str>> {
        // Only a bug leaves one behind.
        self.ended(false);
        self.under_way = None;
        let shared = match self.accounts.get(table) {
            Some(entry) if entry.connection == connection => return Ok(()),
            Some(entry) => entry.account.is_some_and(|account| account.shared),
            None => false,
        };
        if self.accounts.len() >= MAX_TABLES {
            self.accounts.clear();
        }
        let asked = timeout(ASK_TIMEOUT, last_of(table.as_str(), &self.questdb)).await;
        let account = match asked {
            Ok(Ok(base)) => Some(Account { base, shared, ..Account::default() }),
            Ok(Err(QuestDbError::Sql { message, .. })) => {
                tracing::warn!(
                    %table,
                    "QuestDB does not tell the table's transactions ({message}): rows can be there twice after an \
                     answer was lost"
                );
                None
            }
            Ok(Err(error)) => return Err(error.to_string().into()),
            Err(_) => return Err("QuestDB does not answer".into()),
        };
        self.accounts.insert(table.clone(), Entry { connection, account, suspects: None });
        Ok(())
    }

    /// A request with these blocks is about to be sent over a connection.
    pub(super) fn sending(&mut self, blocks: &[Pending], connection: u64) {
        let Some(entry) = blocks.first().and_then(|first| self.accounts.get(&first.block.table)) else {
            return;
        };
        let Some(mut account) = entry.account else { return };
        if entry.connection != connection {
            // Not the one that the writer belongs to.
            account.writer = None;
        }
        let Some(doubt) = Doubt::about(blocks, account) else { return };
        // The request before this one was refused.
        self.ended(false);
        let labels: Vec<&str> = blocks.iter().filter_map(|pending| pending.label.as_deref()).collect();
        let number = match &self.journal {
            Some(journal) if !labels.is_empty() => Some(journal.begin(&doubt, &labels)),
            _ => None,
        };
        self.under_way = Some(UnderWay { doubt, number, connection });
    }

    /// The answer to what was sent, unless it is unknown: brings the table's account up to date.
    pub(super) async fn answered(&mut self, table: &TableName, answer: &Answer) {
        self.ended(matches!(answer, Answer::Committed));
        let Some(UnderWay { doubt, connection, .. }) = self.under_way.take() else { return };
        match answer {
            Answer::Committed => self.count(table, connection, doubt.account).await,
            Answer::Rejected(_) if self.is_of(table, connection) => {}
            _ => drop(self.accounts.remove(table)),
        }
    }

    /// What is in doubt when no answer came.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        self.under_way.as_ref().map(|under_way| under_way.doubt.clone())
    }

    /// It was found out whether the request in doubt has arrived, or that it cannot be told.
    pub(super) fn found(&mut self, table: &TableName, arrived: bool, others_write: bool) {
        self.ended(arrived);
        self.under_way = None;
        match self.accounts.get_mut(table) {
            // The connection is gone; the next one asks anew.
            Some(Entry { connection, account: Some(account), .. }) if others_write => {
                *connection = 0;
                account.shared = true;
            }
            _ => drop(self.accounts.remove(table)),
        }
    }

    fn ended(&mut self, written: bool) {
        let number = self.under_way.as_mut().and_then(|under_way| under_way.number.take());
        if let (Some(journal), Some(number)) = (&self.journal, number) {
            journal.end(number, written);
        }
    }

    fn is_of(&self, table: &TableName, connection: u64) -> bool {
        self.accounts.get(table).is_some_and(|entry| entry.connection == connection)
    }

    /// One more transaction of ours. The first one of a connection tells which writer QuestDB has given it.
    async fn count(&mut self, table: &TableName, connection: u64, mut account: Account) {
        let Some(entry) = self.accounts.get_mut(table) else { return };
        if account.writer.is_some() {
            account.commits += 1;
            entry.account = Some(account);
            return;
        }
        let same_connection = std::mem::replace(&mut entry.connection, connection) == connection;
        let suspects = entry.suspects.take().filter(|_| same_connection);
        let asked = timeout(ASK_TIMEOUT, Writer::above(account.base, table.as_str(), &self.questdb)).await;
        let Some(writers) = asked.ok().and_then(Result::ok).filter(|writers| !writers.is_empty()) else {
            self.accounts.remove(table);
            return;
        };
        let all: i64 = writers.iter().map(|writer| writer.count).sum();
        let once = writers.iter().filter(|writer| writer.count == 1).map(|writer| writer.number);
        let base = writers.iter().map(|writer| writer.last).max().unwrap_or(account.base);
        let writer = if all == 1 {
            once.collect()
        } else {
            if !account.shared {
                tracing::info!(%table, "others write to the table, too");
            }
            account.shared = true;
            // With our first transaction others may have had the writer before us. From then on it is ours alone, and
            // has one transaction for each of our requests.
            let had_before =
                |writer: &i64| suspects.as_ref().is_none_or(|suspects| suspects.contains(writer));
            once.filter(had_before).collect::<Vec<_>>()
        };
        let is_certain = writer.len() == 1 && (all == 1 || suspects.is_some());
        let account = Account {
            base,
            commits: 0,
            writer: writer.first().copied().filter(|_| is_certain),
            shared: account.shared,
        };
        let first_look = all > 1 && suspects.is_none();
        let suspects = if first_look { writers.iter().map(|writer| writer.number).collect() } else { writer };
        if let Some(entry) = self.accounts.get_mut(table) {
            entry.account = Some(account);
            entry.suspects = Some(suspects).filter(|suspects| !suspects.is_empty());
        }
    }
}
