//! Records that cannot become rows, and what `on_error` makes of them.

use std::sync::Arc;

use quafka_protocol::ErrorCode;

use super::response::{Failure, MAX_RECORD_ERRORS};
use crate::config::OnError;
use crate::dead_letters::DeadLetter;
use crate::mapping::SourceRecord;
use crate::rows::{RecordIndex, RowError};
use crate::topics::Topic;

/// The bad records of one batch.
#[derive(Debug)]
pub(super) struct BadRecords {
    on_error: OnError,
    topic: Arc<str>,
    /// Which they are.
    pub(super) records: Vec<RecordIndex>,
    /// Why each is bad, where the batch is refused; of the first ones, where they are skipped.
    pub(super) errors: Vec<RowError>,
    /// The records themselves, where they are kept: one for each of `records`.
    pub(super) letters: Vec<DeadLetter>,
    blames_a_column: bool,
    bytes: usize,
    limit_bytes: usize,
}

impl BadRecords {
    /// None so far. `limit_bytes` is how large the letters of a batch may become, errors and all.
    pub(super) fn new(topic: &Topic, limit_bytes: usize) -> Self {
        Self {
            on_error: topic.config().on_error,
            topic: topic.name().clone(),
            records: Vec::new(),
            errors: Vec::new(),
            letters: Vec::new(),
            blames_a_column: false,
            bytes: 0,
            limit_bytes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether one of them is bad because of a column.
    pub(super) fn blames_a_column(&self) -> bool {
        self.blames_a_column
    }

    /// Whether a bad record means that nothing of its batch is written.
    pub(super) fn refuse_the_batch(&self) -> bool {
        self.on_error == OnError::Reject
    }

    /// Adds one. Err: they take more memory than a batch may.
    pub(super) fn add(&mut self, record: &SourceRecord<'_>, error: RowError) -> Result<(), Failure> {
        self.records.push(error.record);
        self.blames_a_column |= error.column.is_some();
        match self.on_error {
            OnError::Reject => self.errors.push(error),
            OnError::Skip if self.errors.len() < MAX_RECORD_ERRORS => self.errors.push(error),
            OnError::Skip => {}
            OnError::Dlq => {
                let letter = self.letter(record, error);
                self.bytes += letter.memory_bytes();
                self.letters.push(letter);
                if self.bytes > self.limit_bytes {
                    let message = format!(
                        "{} bad records of the batch would take more than {} bytes as dead letters \
                         (limits.decompressed_bytes); send smaller batches",
                        self.len(),
                        self.limit_bytes
                    );
                    return Err(Failure::new(ErrorCode::MessageTooLarge, message));
                }
            }
        }
        Ok(())
    }

    /// Leaves only those for which `keep` says so.
    pub(super) fn retain(&mut self, keep: impl Fn(RecordIndex) -> bool) {
        self.errors.retain(|error| keep(error.record));
        let mut records = self.records.iter();
        self.letters.retain(|_| records.next().is_some_and(|&record| keep(record)));
        self.records.retain(|&record| keep(record));
    }

    fn letter(&self, record: &SourceRecord<'_>, error: RowError) -> DeadLetter {
        let headers = record.headers.clone();
        DeadLetter {
            topic: self.topic.clone(),
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            arrival_ms: record.arrival_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: headers.map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec))).collect(),
            column: error.column,
            error: error.message,
        }
    }
}
