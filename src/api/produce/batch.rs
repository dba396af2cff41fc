//! From a partition's bytes to a block: all of it synchronous, all of it borrowing from the frame.

use std::collections::HashMap;
use std::sync::Arc;

use quafka_protocol::{
    Compression, DecodeError, DecompressError, Decompressor, ErrorCode, Record, RecordBatch, Records,
};

use super::Circumstances;
use super::bad_records::BadRecords;
use super::response::{Failure, MAX_RECORD_ERRORS};
use super::settle::Pending;
use crate::api::Gateway;
use crate::config::Limits;
use crate::decode::SchemaKey;
use crate::mapping::{Finished, Plan, SourceRecord, TableRows, Tables};
use crate::ops::Metrics;
use crate::registry::Registry;
use crate::rows::{RecordIndex, RowError, TableName};
use crate::topics::{Admission, Admitted, Partition, Topic};

/// A batch that may be written.
pub(super) struct Checked<'a> {
    pub(super) batch: RecordBatch<'a>,
    pub(super) admitted: Admitted,
}

/// Checks all of a batch but its records, and the producer's numbers. Err: it is not to be written.
pub(super) fn check<'a>(
    partition: &Arc<Partition>,
    records: &'a [u8],
    circumstances: Circumstances,
    limits: &Limits,
    metrics: &Metrics,
) -> Result<Checked<'a>, Pending> {
    let failed = |error, message: String| Err(Pending::Failed(Failure::new(error, message)));
    let batch = match RecordBatch::parse(records, limits.batch_bytes) {
        Ok(batch) => batch,
        Err(error) => return failed(error.error_code(), error.to_string()),
    };
    let header = &batch.header;
    metrics.batch(header.compression, records.len(), header.record_count);
    if header.transactional {
        let message = "a transactional batch without a transactional id".to_owned();
        return failed(ErrorCode::InvalidRecord, message);
    }
    if header.compression == Compression::Zstd && circumstances.version < 7 {
        let message = "zstd needs Produce 7 or later (KIP-110)".to_owned();
        return failed(ErrorCode::UnsupportedCompressionType, message);
    }
    let admission =
        partition.admit(header.producer_id, header.producer_epoch, header.base_sequence, header.record_count);
    match admission {
        Admission::Admitted(admitted) => Ok(Checked { batch, admitted: admitted.of_bytes(records.len()) }),
        Admission::Duplicate(earlier) => Err(Pending::Earlier(earlier)),
        Admission::Void => {
            let message =
                "an earlier batch of this producer failed and has to be sent again first".to_owned();
            failed(ErrorCode::NotEnoughReplicas, message)
        }
        Admission::OutOfOrder { expected } => {
            let message = format!(
                "producer {}: the batch begins with sequence {} where {expected} was expected",
                header.producer_id, header.base_sequence
            );
            failed(ErrorCode::OutOfOrderSequenceNumber, message)
        }
        Admission::OldEpoch { current } => {
            let message = format!(
                "producer {}: epoch {} is older than {current}",
                header.producer_id, header.producer_epoch
            );
            failed(ErrorCode::InvalidProducerEpoch, message)
        }
    }
}

/// Checks the records as far as that can be done without a table, so that what is acknowledged before it is written
/// does not turn out to be no record batch.
pub(super) fn check_records(
    batch: &RecordBatch<'_>,
    limits: &Limits,
    decompressor: &mut Decompressor,
) -> Result<(), Failure> {
    let bytes = decompress(batch, limits, decompressor)?;
    for (index, record) in Records::new(&batch.header, bytes).enumerate() {
        record.map_err(|error| not_a_record(index, &error))?;
    }
    Ok(())
}

fn decompress<'a>(
    batch: &RecordBatch<'a>,
    limits: &Limits,
    decompressor: &'a mut Decompressor,
) -> Result<&'a [u8], Failure> {
    decompressor
        .decompress(batch.header.compression, batch.records, limits.decompressed_bytes)
        .map_err(|error| Failure::new(error.error_code(), decompression_message(&error)))
}

fn not_a_record(index: usize, error: &DecodeError) -> Failure {
    Failure::new(ErrorCode::InvalidRecord, format!("record {index}: {error}"))
}

/// Which of a topic's records these are.
#[derive(Clone, Copy)]
pub(super) struct Placement {
    pub(super) partition: i32,
    /// The first record's offset, where it is known.
    pub(super) base_offset: i64,
    pub(super) arrival_ms: i64,
}

impl Placement {
    /// The record at a place in the batch.
    fn source<'a>(self, index: usize, record: Record<'a>) -> SourceRecord<'a> {
        SourceRecord {
            index: index as RecordIndex,
            partition: self.partition,
            offset: self.base_offset.saturating_add(index as i64),
            // -1 is "no timestamp" (KIP-32).
            timestamp_ms: if record.timestamp_ms == -1 { self.arrival_ms } else { record.timestamp_ms },
            arrival_ms: self.arrival_ms,
            key: record.key,
            value: record.value,
            headers: record.headers,
        }
    }
}

/// What a batch's records have become.
pub(super) enum Converted {
    /// Rows, and the records that cannot be any.
    Rows {
        tables: Vec<TableRows>,
        bad: BadRecords,
        /// How many rows the topic's filter has not let through.
        filtered: u64,
    },
    /// Nothing yet: these have to be known first.
    Missing {
        /// What their columns are.
        tables: Vec<TableName>,
        /// What they say.
        schemas: Vec<SchemaKey>,
    },
}

/// The batch's rows by the plans that there are. `refused` are records that QuestDB has refused.
pub(super) fn convert(
    gateway: &Gateway,
    topic: &Topic,
    plans: &HashMap<TableName, Arc<Plan>>,
    batch: &RecordBatch<'_>,
    placement: Placement,
    refused: &HashMap<RecordIndex, RowError>,
    decompressor: &mut Decompressor,
) -> Result<Converted, Failure> {
    let limits = &gateway.config.limits;
    let bytes = decompress(batch, limits, decompressor)?;
    let mut tables =
        Tables::with_schemas(topic.pipeline(), plans, gateway.registry.as_ref().map(Registry::book));
    let mut bad = BadRecords::new(topic, limits.decompressed_bytes);
    for (index, record) in Records::new(&batch.header, bytes).enumerate() {
        let record = record.map_err(|error| not_a_record(index, &error))?;
        let source = placement.source(index, record);
        let appended = match refused.get(&source.index) {
            Some(error) => Err(error.clone()),
            None => tables.append(&source).map(drop),
        };
        if let Err(error) = appended {
            bad.add(&source, error)?;
            if bad.refuse_the_batch() && bad.len() >= MAX_RECORD_ERRORS {
                break;
            }
        }
    }
    let (unknown, schemas) = (tables.unknown(), tables.missing_schemas());
    if !unknown.is_empty() || !schemas.is_empty() {
        return Ok(Converted::Missing {
            tables: unknown.iter().cloned().collect(),
            schemas: schemas.iter().copied().collect(),
        });
    }
    let Finished { tables, errors, filtered } = tables.finish();
    if !errors.is_empty() {
        let mut errors: HashMap<_, _> = errors.into_iter().map(|error| (error.record, error)).collect();
        for (index, record) in Records::new(&batch.header, bytes).enumerate() {
            if let (Ok(record), Some(error)) = (record, errors.remove(&(index as RecordIndex))) {
                bad.add(&placement.source(index, record), error)?;
            }
            if bad.refuse_the_batch() && bad.len() >= MAX_RECORD_ERRORS {
                break;
            }
        }
    }
    Ok(Converted::Rows { tables, bad, filtered })
}

fn decompression_message(error: &DecompressError) -> String {
    match error {
        DecompressError::TooLarge { .. } => {
            format!("{error} (limits.decompressed_bytes); send smaller batches or raise the limit")
        }
        _ => error.to_string(),
    }
}
