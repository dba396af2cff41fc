//! Records that cannot become rows, and what `on_error` makes of them.

use std::collections::HashSet;
use std::sync::Arc;

use quafka_protocol::ErrorCode;

use super::response::Failure;
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
    /// Why each is bad; where bad records are skipped, only of the first.
    pub(super) errors: Vec<RowError>,
    /// The records themselves, where they are kept.
    pub(super) letters: Vec<DeadLetter>,
    count: usize,
    bytes: usize,
    limit_bytes: usize,
}

impl BadRecords {
    /// None so far. `limit_bytes` is how large the letters of a batch may become, errors and all.
    pub(super) fn new(topic: &Topic, limit_bytes: usize) -> Self {
        Self {
            on_error: topic.config().on_error,
            topic: topic.name().clone(),
            errors: Vec::new(),
            letters: Vec::new(),
            count: 0,
            bytes: 0,
            limit_bytes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether a bad record means that nothing of its batch is written.
    pub(super) fn refuse_the_batch(&self) -> bool {
        self.on_error == OnError::Reject
    }

    /// Adds one. Err: they take more memory than a batch may.
    pub(super) fn add(&mut self, record: &SourceRecord<'_>, error: RowError) -> Result<(), Failure> {
        self.count += 1;
        match self.on_error {
            OnError::Reject => self.errors.push(error),
            OnError::Skip if self.errors.is_empty() => self.errors.push(error),
            OnError::Skip => {}
            OnError::Dlq => {
                let letter = self.letter(record, error);
                self.bytes += letter.memory_bytes();
                self.letters.push(letter);
                if self.bytes > self.limit_bytes {
                    let message = format!(
                        "{} bad records of the batch would take more than {} bytes as dead letters \
                         (limits.decompressed_bytes); send smaller batches",
                        self.count, self.limit_bytes
                    );
                    return Err(Failure::new(ErrorCode::MessageTooLarge, message));
                }
            }
        }
        Ok(())
    }

    /// Leaves only those that are among `records`.
    pub(super) fn retain(&mut self, base_offset: i64, records: &HashSet<RecordIndex>) {
        self.errors.retain(|error| records.contains(&error.record));
        let index = |letter: &DeadLetter| RecordIndex::try_from(letter.offset - base_offset).ok();
        self.letters.retain(|letter| index(letter).is_some_and(|index| records.contains(&index)));
        self.count = self.errors.len().max(self.letters.len());
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
