//! A model of QuestDB: tables of rows in the order of their commits, and the list of what was asked of it.

mod ilp;
mod peer;
mod sql;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use ilp::Row;
pub use peer::Network;

use crate::random::Random;
use crate::setup::Bug;
use crate::world::{Moment, World};

pub struct QuestDb {
    pub random: Random,
    pub tables: BTreeMap<String, Table>,
    /// All requests with rows, in the order in which they came.
    pub writes: Vec<Write>,
    /// Rows that were refused for no reason, and may be taken when they come again.
    pub whims: Vec<Row>,
    /// Requests that are there in whole and not committed.
    under_way: BTreeSet<usize>,
    next_connection: u64,
    next_writer: i64,
    /// Rows of a request that is held back, for the bug that reorders.
    held_back: Option<usize>,
}

#[derive(Default)]
pub struct Table {
    /// With the number of the request that each came with.
    pub rows: Vec<(Row, usize)>,
    columns: Vec<(String, &'static str)>,
    transactions: Vec<Transaction>,
    /// The WAL writer of each connection.
    writers: BTreeMap<u64, i64>,
}

struct Transaction {
    writer: i64,
    rows: usize,
}

/// A request with rows.
pub struct Write {
    pub table: String,
    rows: Vec<Row>,
    connection: u64,
    /// When it came.
    pub began: Moment,
    /// When the gateway was told that it is committed; never, where that is not certain.
    pub answered: Option<Moment>,
    pub committed: bool,
}

impl QuestDb {
    pub fn new(random: Random) -> Self {
        Self {
            random,
            tables: BTreeMap::new(),
            writes: Vec::new(),
            whims: Vec::new(),
            under_way: BTreeSet::new(),
            next_connection: 0,
            next_writer: 0,
            held_back: None,
        }
    }

    fn begin(&mut self, rows: Vec<Row>, connection: u64, now: Moment) -> usize {
        let table = rows.first().map(|row| row.table.clone()).unwrap_or_default();
        self.writes.push(Write { table, rows, connection, began: now, answered: None, committed: false });
        self.writes.len() - 1
    }

    /// The first row that is refused, and why; `any` refuses one in any case.
    fn judge(&mut self, write: usize, any: bool) -> Option<(usize, String)> {
        let Write { rows, table, .. } = &self.writes[write];
        let row = match rows.iter().position(|row| row.get("limit").is_some()) {
            Some(row) => row,
            None if any => {
                let row = self.random.within(0..rows.len() as u64) as usize;
                self.whims.push(rows[row].clone());
                row
            }
            None => return None,
        };
        let line = row + 1;
        let message = format!(
            "failed to parse line protocol:errors encountered on line(s):\\nerror in line {line}: table: {table}, column: \
             limit; cast error from protocol type: INTEGER to column type: BOOLEAN"
        );
        Some((row, message))
    }

    fn commit(&mut self, number: usize, bug: Option<Bug>) {
        if !self.under_way.remove(&number) {
            return;
        }
        let due = match bug {
            Some(Bug::AnswersBeforeTheCommit) if self.random.percent(10) => return,
            Some(Bug::Reorders) if self.held_back.is_none() && self.random.percent(30) => {
                self.held_back = Some(number);
                return;
            }
            Some(Bug::CommitsTwice) if self.random.percent(10) => vec![number, number],
            _ => [Some(number), self.held_back.take()].into_iter().flatten().collect(),
        };
        for number in due {
            self.apply(number);
        }
        if bug == Some(Bug::InventsRows) && self.random.percent(10) {
            let table = self.writes[number].table.clone();
            let rows = &mut self.tables.entry(table).or_default().rows;
            if let Some((mut row, write)) = rows.last().cloned() {
                row.set("seq", "1000000");
                rows.push((row, write));
            }
        }
    }

    fn apply(&mut self, number: usize) {
        let Self { writes, tables, next_writer, .. } = self;
        let write = &mut writes[number];
        write.committed = true;
        let is_new = !tables.contains_key(&write.table);
        let table = tables.entry(write.table.clone()).or_default();
        let mut structure_changes = is_new;
        for row in &write.rows {
            for (name, value) in &row.columns {
                if !table.columns.iter().any(|(known, _)| known == name) {
                    table.columns.push((name.clone(), value.type_name()));
                    structure_changes = true;
                }
            }
        }
        if structure_changes {
            table.transactions.push(Transaction { writer: -1, rows: 0 });
        }
        let writer = *table.writers.entry(write.connection).or_insert_with(|| {
            *next_writer += 1;
            *next_writer
        });
        table.transactions.push(Transaction { writer, rows: write.rows.len() });
        table.rows.extend(write.rows.iter().map(|row| (row.clone(), number)));
    }

    /// The requests that a killed gateway had under way: some arrive all the same.
    pub fn after_the_kill(world: &Arc<World>) {
        let under_way: Vec<usize> = {
            let mut questdb = world.questdb.lock();
            std::mem::take(&mut questdb.under_way).into_iter().collect()
        };
        for number in under_way {
            let (arrives, after) = {
                let mut questdb = world.questdb.lock();
                (questdb.random.percent(60), questdb.random.millis(0..700))
            };
            if arrives {
                Self::commit_later(world, number, after);
            }
        }
    }

    fn commit_later(world: &Arc<World>, number: usize, after: Duration) {
        world.questdb.lock().under_way.insert(number);
        let task = world.clone();
        world.spawn(async move {
            tokio::time::sleep(after).await;
            task.note(format!("questdb: request {number} is committed late"));
            task.questdb.lock().commit(number, task.bug);
        });
    }

    /// It dies, and with it what it was about to commit.
    pub fn die(&mut self) {
        self.under_way.clear();
    }

    /// Whether all that has arrived is committed.
    pub fn is_at_rest(&self) -> bool {
        self.under_way.is_empty()
    }

    /// What is still held back when all is over, for the bug that reorders.
    pub fn let_go(&mut self) {
        if let Some(number) = self.held_back.take() {
            self.apply(number);
        }
    }
}
