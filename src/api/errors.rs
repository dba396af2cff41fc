use quafka_protocol::ErrorCode;

use crate::topics::TopicError;

/// Kafka's code for a topic that is not to be had.
pub(super) fn topic_error(error: &TopicError) -> ErrorCode {
    match error {
        TopicError::Unknown => ErrorCode::UnknownTopicOrPartition,
        TopicError::Exists => ErrorCode::TopicAlreadyExists,
        TopicError::IllegalName(_) => ErrorCode::InvalidTopicException,
        TopicError::TooMany { .. } => ErrorCode::PolicyViolation,
    }
}
