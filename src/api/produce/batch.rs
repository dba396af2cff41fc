//! From a partition's bytes to a block: all of it synchronous, all of it borrowing from the frame.

use std::sync::Arc;

use quafka_protocol::{Compression, DecompressError, Decompressor, ErrorCode, RecordBatch, Records};

use super::Circumstances;
use super::response::Failure;
use super::settle::Pending;
use crate::config::Limits;
use crate::mapping::{Appended, Plan, SourceRecord};
use crate::ops::Metrics;
use crate::rows::{Block, RecordIndex, RowError};
use crate::topics::{Admission, Admitted, Partition};

/// A batch with more bad records than this says so of the first ones only: what is wrong with a thousand records is
/// wrong with them for the same reason, and the response has to stay small.
const MAX_RECORD_ERRORS: usize = 100;

pub(super) enum Prepared {
    /// Nothing to write.
    Done(Pending),
    /// To be written.
    Block { admitted: Admitted, block: Block, adds_columns: bool },
}

pub(super) fn prepare(
    partition: &Arc<Partition>,
    plan: &Plan,
    records: &[u8],
    circumstances: Circumstances,
    limits: &Limits,
    decompressor: &mut Decompressor,
    metrics: &Metrics,
) -> Prepared {
    let failed = |error, message: String| Prepared::Done(Pending::Failed(Failure::new(error, message)));
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
    let admitted = match admission {
        Admission::Admitted(admitted) => admitted.of_bytes(records.len()),
        Admission::Duplicate(earlier) => return Prepared::Done(Pending::Earlier(earlier)),
        Admission::Void => {
            let message =
                "an earlier batch of this producer failed and has to be sent again first".to_owned();
            return failed(ErrorCode::NotEnoughReplicas, message);
        }
        Admission::OutOfOrder { expected } => {
            let message = format!(
                "producer {}: the batch begins with sequence {} where {expected} was expected",
                header.producer_id, header.base_sequence
            );
            return failed(ErrorCode::OutOfOrderSequenceNumber, message);
        }
        Admission::OldEpoch { current } => {
            let message = format!(
                "producer {}: epoch {} is older than {current}",
                header.producer_id, header.producer_epoch
            );
            return failed(ErrorCode::InvalidProducerEpoch, message);
        }
    };
    let bytes = match decompressor.decompress(header.compression, batch.records, limits.decompressed_bytes) {
        Ok(bytes) => bytes,
        Err(error) => return failed(error.error_code(), decompression_message(&error)),
    };
    match rows(plan, &batch, bytes, circumstances.arrival_ms) {
        Ok(Some((block, adds_columns))) => Prepared::Block { admitted, block, adds_columns },
        Ok(None) => Prepared::Done(Pending::Committed { base_offset: admitted.commit() }),
        Err(NotRows::Records(errors)) => {
            let errors: Arc<[RowError]> = errors.into();
            admitted.reject(errors.clone());
            Prepared::Done(Pending::Rejected(errors))
        }
        Err(NotRows::Batch(message)) => failed(ErrorCode::InvalidRecord, message),
    }
}

fn decompression_message(error: &DecompressError) -> String {
    match error {
        DecompressError::TooLarge { .. } => {
            format!("{error} (limits.decompressed_bytes); send smaller batches or raise the limit")
        }
        _ => error.to_string(),
    }
}

enum NotRows {
    /// These records are at fault.
    Records(Vec<RowError>),
    /// The batch as a whole is.
    Batch(String),
}

/// The batch's rows, and whether they name columns that the table does not have; nothing where every record is a
/// tombstone.
fn rows(
    plan: &Plan,
    batch: &RecordBatch<'_>,
    bytes: &[u8],
    arrival_ms: i64,
) -> Result<Option<(Block, bool)>, NotRows> {
    let mut builder = plan.block_builder();
    let mut errors: Vec<RowError> = Vec::new();
    for (index, record) in Records::new(&batch.header, bytes).enumerate() {
        let record = record.map_err(|error| NotRows::Batch(format!("record {index}: {error}")))?;
        let source = SourceRecord {
            index: index as RecordIndex,
            // -1 is "no timestamp" (KIP-32).
            timestamp_ms: if record.timestamp_ms == -1 { arrival_ms } else { record.timestamp_ms },
            key: record.key,
            value: record.value,
        };
        match plan.append(&source, &mut builder) {
            Ok(Appended::Row | Appended::Skipped) => {}
            Err(error) if errors.len() < MAX_RECORD_ERRORS => errors.push(error),
            Err(_) => break,
        }
    }
    if !errors.is_empty() {
        return Err(NotRows::Records(errors));
    }
    let adds_columns = builder.adds_columns();
    Ok(builder.finish().map(|block| (block, adds_columns)))
}
