//! Batches that failed when a part of them was done: rows of one table were committed and those of another were not, or
//! bad records were kept and the good ones not written. The producer sends such a batch again, and what is done is left
//! out then. Remembered in memory only: after a restart of the gateway, and where the outcome of a part was unknown,
//! that part is written once more. Nothing is ever left out that is not there.

use std::collections::{HashSet, VecDeque};
use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use quafka_protocol::{BatchHeader, ErrorCode};
use tokio::time::Instant;

use super::bad_records::BadRecords;
use super::job::Write;
use super::response::Failure;
use crate::api::Gateway;
use crate::mapping::TableRows;
use crate::rows::{RecordIndex, TableName};

/// A producer that has not sent a batch again by then has given it up.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// Records remembered over all batches, a few bytes each. Beyond it the oldest batches are forgotten, which costs no more
/// than that they are written twice.
const RECORDS_REMEMBERED: usize = 1_000_000;

/// What is done of the batches that have failed.
#[derive(Debug, Default)]
pub struct Unfinished {
    /// How many there are: nearly always none, and then nobody has to wait for the lock.
    count: AtomicUsize,
    batches: Mutex<VecDeque<(BatchId, Done, Instant)>>,
}

/// A batch, as it looks when it is sent again: the same in every byte, so with the same checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BatchId {
    topic: Arc<str>,
    partition: i32,
    header: BatchHeader,
}

#[derive(Clone, Debug, Default)]
struct Done {
    /// The records that have their rows, by table; a table may be there twice.
    rows: Vec<(TableName, Vec<RecordIndex>)>,
    /// The records that are kept as dead letters.
    letters: Vec<RecordIndex>,
}

/// What is done of a batch that is being written. Dropped before it is finished, it is remembered for the next attempt.
pub(super) struct Progress {
    gateway: Arc<Gateway>,
    batch: BatchId,
    done: Done,
}

impl Unfinished {
    fn take(&self, batch: &BatchId) -> Option<Done> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut batches = self.batches.lock();
        let found = batches.iter().position(|(id, ..)| id == batch);
        let (_, done, failed) = batches.remove(found?)?;
        self.count.store(batches.len(), Ordering::Release);
        (failed.elapsed() < REMEMBERED_FOR).then_some(done)
    }

    fn remember(&self, batch: BatchId, done: Done) {
        let mut batches = self.batches.lock();
        batches.push_back((batch, done, Instant::now()));
        let mut records: usize = batches.iter().map(|(_, done, _)| done.records()).sum();
        while batches
            .front()
            .is_some_and(|(_, _, failed)| records > RECORDS_REMEMBERED || failed.elapsed() >= REMEMBERED_FOR)
        {
            records -= batches.pop_front().map_or(0, |(_, done, _)| done.records());
        }
        self.count.store(batches.len(), Ordering::Release);
    }
}

impl Done {
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.letters.is_empty()
    }

    /// At least one, so that the number of batches is bounded, too.
    fn records(&self) -> usize {
        1 + self.letters.len() + self.rows.iter().map(|(_, records)| records.len()).sum::<usize>()
    }
}

impl Progress {
    /// Of a batch whose records come next: what an attempt before this one has done.
    pub(super) fn of(gateway: &Arc<Gateway>, topic: &Arc<str>, partition: i32, header: BatchHeader) -> Self {
        let batch = BatchId { topic: topic.clone(), partition, header };
        let done = gateway.unfinished.take(&batch).unwrap_or_default();
        Self { gateway: gateway.clone(), batch, done }
    }

    /// Whether something is done.
    pub(super) fn is_begun(&self) -> bool {
        !self.done.is_empty()
    }

    /// Leaves out what is done.
    pub(super) fn leave_out(&self, tables: &mut Vec<TableRows>, bad: &mut BadRecords) {
        if !self.is_begun() {
            return;
        }
        let Done { rows, letters } = &self.done;
        let left = take(tables).into_iter().filter_map(|TableRows { block, adds_columns, substitutes }| {
            let written = rows.iter().filter(|(table, _)| *table == block.table);
            // What was a bad record then may be a good one now, but is kept already.
            let done = written.flat_map(|(_, records)| records).chain(letters).copied().collect();
            Some(TableRows { block: block.without_records(&done)?, adds_columns, substitutes })
        });
        *tables = left.collect();
        let done: HashSet<_> = rows.iter().flat_map(|(_, records)| records).chain(letters).collect();
        bad.retain(|record| !done.contains(&record));
    }

    /// The rows of a write are committed.
    pub(super) fn rows_written(&mut self, write: Write) {
        if !write.records.is_empty() {
            self.done.rows.push((write.table, write.records));
        }
    }

    /// The letters of these records are kept.
    pub(super) fn letters_kept(&mut self, records: Vec<RecordIndex>) {
        self.done.letters.extend(records);
    }

    /// A failure that says what is done all the same.
    pub(super) fn explain(&self, mut failure: Failure) -> Failure {
        // Else nobody knows anyway.
        if self.is_begun() && failure.error == ErrorCode::NotEnoughReplicas {
            failure.message += "; a part of the batch is done, and is left out when the batch is sent again";
        }
        failure
    }

    /// Nothing is to be remembered: the batch will not be sent again. Returns the tables that have rows of it.
    pub(super) fn finish(&mut self) -> Vec<TableName> {
        let mut written: Vec<TableName> =
            take(&mut self.done).rows.into_iter().map(|(table, _)| table).collect();
        written.sort_unstable();
        written.dedup();
        written
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_begun() {
            self.gateway.unfinished.remember(self.batch.clone(), take(&mut self.done));
        }
    }
}

#[cfg(test)]
mod tests {
    use quafka_protocol::{Compression, TimestampType};

    use super::*;

    fn batch(crc: u32) -> BatchId {
        let header = BatchHeader {
            crc,
            compression: Compression::None,
            timestamp_type: TimestampType::CreateTime,
            transactional: false,
            last_offset_delta: 0,
            base_timestamp_ms: 0,
            max_timestamp_ms: 0,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            record_count: 1,
        };
        BatchId { topic: "t".into(), partition: 0, header }
    }

    fn done(records: u32) -> Done {
        Done { rows: vec![(TableName::new("t"), (0..records).collect())], letters: vec![records] }
    }

    #[test]
    fn what_is_done_is_told_once_and_to_the_same_batch_only() {
        let unfinished = Unfinished::default();
        unfinished.remember(batch(1), done(1));
        let elsewhere = BatchId { partition: 1, ..batch(1) };
        for other in [batch(2), elsewhere] {
            assert!(unfinished.take(&other).is_none(), "{other:?}");
        }
        assert_eq!(unfinished.take(&batch(1)).unwrap().letters, [1]);
        assert!(unfinished.take(&batch(1)).is_none());
    }

    #[test]
    fn the_oldest_are_forgotten_where_they_are_too_many() {
        let unfinished = Unfinished::default();
        for crc in 0..10 {
            unfinished.remember(batch(crc), done(RECORDS_REMEMBERED as u32 / 4));
        }
        let known: Vec<_> = (0..10).filter(|crc| unfinished.take(&batch(*crc)).is_some()).collect();
        assert_eq!(known, [7, 8, 9]);
        assert_eq!(unfinished.count.load(Ordering::Acquire), 0);
    }
}
