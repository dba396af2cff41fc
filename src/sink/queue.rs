use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::pending::Pending;
use super::time_order::{Latest, hold_back, in_time_order};
use crate::rows::TableName;

/// Blocks that wait for a lane, by table: a request has the rows of one table. Tables take turns; within a table
/// order is kept, and with it the order of every (table, partition).
#[derive(Debug, Default)]
pub(super) struct Queue {
    tables: HashMap<TableName, Waiting>,
    /// The tables that have blocks waiting, next one first.
    turns: VecDeque<TableName>,
    len: usize,
    /// How far the tables have got in time.
    latest: HashMap<TableName, Latest>,
    /// Requests that begin before the end of an earlier one and were not yet counted.
    late_requests: u64,
    /// Rows of blocks that were given up and not yet counted.
    given_up_rows: u64,
}

#[derive(Debug)]
struct Waiting {
    blocks: VecDeque<Pending>,
    /// How many blocks may go into one request. Lowered while QuestDB rejects rows of this table.
    blocks_at_once: usize,
    /// Rejections since the last commit.
    rejections: u32,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { blocks: VecDeque::new(), blocks_at_once: usize::MAX, rejections: 0 }
    }
}

/// This many rejections in a row, each of which costs a request, before requests become smaller.
const PATIENCE: u32 = 2;

/// The tables of which is remembered how far they have got. Where there are more, all are forgotten now and then: it is
/// only for a metric.
const MAX_TABLES: usize = 10_000;

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn push(&mut self, pending: Pending) {
        let table = &pending.block.table;
        let waiting = self.tables.entry(table.clone()).or_default();
        if waiting.blocks.is_empty() {
            self.turns.push_back(table.clone());
        }
        waiting.blocks.push_back(pending);
        self.len += 1;
    }

    /// The next table's blocks, those that have waited longest, in the order of their times, at most so many rows except
    /// that one block always goes. Blocks that must not be written any more are resolved on the way. Empty only when the
    /// queue is.
    pub(super) fn next_batch(&mut self, max_rows: usize, now: Instant) -> Vec<Pending> {
        while let Some(table) = self.turns.pop_front() {
            let Some(waiting) = self.tables.get_mut(&table) else { continue };
            let mut batch = Vec::new();
            let mut rows = 0;
            while let Some(next) = waiting.blocks.front() {
                let fits = batch.is_empty() || rows + next.block.rows() <= max_rows;
                if !fits || batch.len() >= waiting.blocks_at_once {
                    break;
                }
                rows += next.block.rows();
                let Some(pending) = waiting.blocks.pop_front() else { break };
                self.len -= 1;
                if pending.is_void() || pending.deadline <= now {
                    self.given_up_rows += pending.block.rows() as u64;
                }
                if pending.is_void() {
                    pending.unavailable("an earlier batch of this producer failed".into());
                } else if pending.deadline <= now {
                    pending.unavailable("it waited for QuestDB until its deadline".into());
                } else {
                    batch.push(pending);
                }
            }
            for held in hold_back(&mut batch, &waiting.blocks).into_iter().rev() {
                waiting.blocks.push_front(held);
                self.len += 1;
            }
            if self.latest.len() >= MAX_TABLES {
                self.latest.clear();
            }
            if self.latest.entry(table.clone()).or_default().is_late(&batch) {
                self.late_requests += 1;
            }
            if !waiting.blocks.is_empty() {
                self.turns.push_back(table);
            } else if batch.is_empty() {
                self.tables.remove(&table);
            }
            if !batch.is_empty() {
                return in_time_order(batch);
            }
        }
        Vec::new()
    }

    /// Takes blocks back that were not written, to the front of their table.
    pub(super) fn put_back(&mut self, batch: Vec<Pending>) {
        for pending in batch.into_iter().rev() {
            let table = &pending.block.table;
            let waiting = self.tables.entry(table.clone()).or_default();
            if waiting.blocks.is_empty() {
                self.turns.push_back(table.clone());
            }
            waiting.blocks.push_front(pending);
            self.len += 1;
        }
    }

    /// A request of this many blocks was committed: the table's requests may grow again.
    pub(super) fn committed(&mut self, table: &TableName) {
        let Some(waiting) = self.tables.get_mut(table) else { return };
        waiting.rejections = 0;
        waiting.blocks_at_once = waiting.blocks_at_once.saturating_mul(2);
        if waiting.blocks.is_empty() {
            self.tables.remove(table);
        }
    }

    /// A request of this many blocks was rejected. Where QuestDB named the culprit, it has gone, and the first few
    /// times all others may go together again. After that requests are halved down to one block: a good neighbour of
    /// many bad blocks then waits for few requests, and few rows are sent again and again.
    pub(super) fn rejected(&mut self, table: &TableName, blocks: usize, culprit_found: bool) {
        let Some(waiting) = self.tables.get_mut(table) else { return };
        waiting.rejections += 1;
        if !culprit_found || waiting.rejections >= PATIENCE {
            waiting.blocks_at_once = (blocks / 2).max(1);
        }
        if waiting.blocks.is_empty() {
            self.tables.remove(table);
        }
    }

    /// The earliest deadline of all that wait.
    pub(super) fn earliest_deadline(&self) -> Option<Instant> {
        self.tables.values().flat_map(|waiting| &waiting.blocks).map(|pending| pending.deadline).min()
    }

    /// Gives up the blocks whose deadline has come, or all of them.
    pub(super) fn give_up(&mut self, now: Option<Instant>, why: &Arc<str>) {
        for table in &self.turns {
            let Some(waiting) = self.tables.get_mut(table) else { continue };
            let blocks = std::mem::take(&mut waiting.blocks);
            for pending in blocks {
                if now.is_none_or(|now| pending.deadline <= now) {
                    self.len -= 1;
                    self.given_up_rows += pending.block.rows() as u64;
                    pending.unavailable(why.clone());
                } else {
                    waiting.blocks.push_back(pending);
                }
            }
        }
        self.tables.retain(|_, waiting| !waiting.blocks.is_empty());
        self.turns.retain(|table| self.tables.contains_key(table));
    }

    /// The late requests since the last call.
    pub(super) fn take_late_requests(&mut self) -> u64 {
        std::mem::take(&mut self.late_requests)
    }

    /// The rows of blocks that were given up since the last call.
    pub(super) fn take_given_up_rows(&mut self) -> u64 {
        std::mem::take(&mut self.given_up_rows)
    }
}
