use std::sync::Arc;

use bytes::BufMut;
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ProduceResponse, TopicName};
use quafka_protocol::{DecodeError, ErrorCode, Reader, RequestHeader};

use crate::api::by_hand::PutKafka;
use crate::api::reply::text;
use crate::api::{Answer, Call, Refusal, Reply};
use crate::topics::Rejection;

/// A response says so of the first bad records only: what is wrong with a thousand records is wrong with them for the
/// same reason, and the response has to stay small.
pub(super) const MAX_RECORD_ERRORS: usize = 100;

/// Why a whole batch was not written.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: ErrorCode,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(error: ErrorCode, message: String) -> Self {
        Self { error, message }
    }

    /// Whether the batch is fine and only QuestDB is not, so that it may wait for QuestDB elsewhere.
    pub(super) fn is_questdbs(&self) -> bool {
        matches!(self.error, ErrorCode::NotEnoughReplicas | ErrorCode::RequestTimedOut)
    }
}

/// What the client hears of one partition.
pub(super) struct PartitionResponse {
    pub(super) index: i32,
    pub(super) error: ErrorCode,
    pub(super) base_offset: i64,
    pub(super) message: Option<String>,
    pub(super) rejection: Arc<Rejection>,
}

impl PartitionResponse {
    pub(super) fn committed(index: i32, base_offset: i64) -> Self {
        Self { index, error: ErrorCode::None, base_offset, message: None, rejection: Arc::default() }
    }

    pub(super) fn failed(index: i32, failure: Failure) -> Self {
        let Failure { error, message } = failure;
        Self { index, error, base_offset: -1, message: Some(message), rejection: Arc::default() }
    }

    pub(super) fn rejected(index: i32, rejection: Arc<Rejection>) -> Self {
        // Several clients show only this message and not the record errors, so it carries the first of them.
        let message = match (rejection.errors.first(), rejection.errors.len()) {
            (None, _) => "the batch was refused".to_owned(),
            (Some(first), 1) => format!("record {}: {}", first.record, first.message),
            (Some(first), n) => format!("record {}: {} (and {} more)", first.record, first.message, n - 1),
        };
        let message = match rejection.written.as_slice() {
            [] => format!("nothing of the batch was written; {message}"),
            written => {
                let tables: Vec<_> = written.iter().map(|table| format!("`{table}`")).collect();
                let tables = tables.join(", ");
                format!("the batch was refused, but its rows for {tables} are written; {message}")
            }
        };
        Self { index, error: ErrorCode::InvalidRecord, base_offset: -1, message: Some(message), rejection }
    }
}

/// The response, with record errors and messages from version 8 on.
pub(super) fn encode(call: Call<'_>, topics: Vec<(String, Vec<PartitionResponse>)>) -> Answer {
    let with_messages = call.version >= 8;
    let topics = topics.into_iter().map(|(topic, partitions)| {
        let partitions = partitions.into_iter().map(|partition| encode_partition(partition, with_messages));
        TopicProduceResponse::default()
            .with_name(TopicName(text(topic)))
            .with_partition_responses(partitions.collect())
    });
    match call.encode(&ProduceResponse::default().with_responses(topics.collect())) {
        Ok(frame) => Answer::Send(frame),
        Err(refusal) => Answer::Close(refusal.to_string()),
    }
}

fn encode_partition(partition: PartitionResponse, with_messages: bool) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default()
        .with_index(partition.index)
        .with_error_code(partition.error.code())
        .with_base_offset(partition.base_offset)
        // The timestamps are the producer's own.
        .with_log_append_time_ms(-1)
        .with_log_start_offset(if partition.error == ErrorCode::None { 0 } else { -1 });
    if !with_messages {
        return response;
    }
    let record_errors = partition.rejection.errors.iter().map(|error| {
        BatchIndexAndErrorMessage::default()
            .with_batch_index(error.record as i32)
            .with_batch_index_error_message(Some(text(error.message.as_str())))
    });
    response.with_record_errors(record_errors.collect()).with_error_message(partition.message.map(text))
}

/// Versions 0-2: every partition gets 35. They carry message formats that are no longer spoken.
pub(in crate::api) fn too_old(call: Call<'_>, frame: &[u8]) -> Result<Reply, Refusal> {
    let topics = old_topics(frame)
        .map_err(|error| Refusal::Malformed { what: format!("Produce v{}", call.version), error })?;
    let version = call.version;
    Ok(call.encode_by_hand(|body| {
        body.put_array(&topics, |body, (name, partitions)| {
            body.put_string(name);
            body.put_array(partitions, |body, index| {
                body.put_i32(*index);
                body.put_i16(ErrorCode::UnsupportedVersion.code());
                body.put_i64(-1);
                if version >= 2 {
                    body.put_i64(-1);
                }
            });
        });
        if version >= 1 {
            body.put_i32(0);
        }
    }))
}

fn old_topics(frame: &[u8]) -> Result<Vec<(&str, Vec<i32>)>, DecodeError> {
    let mut reader = Reader::new(frame);
    RequestHeader::decode(&mut reader)?;
    let _acks = reader.i16()?;
    let _timeout_ms = reader.i32()?;
    reader.array(false, 6, |reader| {
        let name = reader.string(false)?;
        let partitions = reader.array(false, 8, |reader| {
            let index = reader.i32()?;
            reader.nullable_bytes(false)?;
            Ok(index)
        })?;
        Ok((name, partitions))
    })
}
