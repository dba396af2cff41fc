//! The error codes of Kafka's protocol that this project answers with.

use std::fmt;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $official:literal;)+) => {
        /// An error code, named as in Kafka's protocol guide.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(i16)]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $official, "`:")] $(#[doc = $doc])+ $name = $code,)+
        }

        impl ErrorCode {
            /// All of them, by code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The official name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $official,)+ }
            }
        }
    };
}

error_codes! {
    /// the server met an error that it cannot name.
    UnknownServerError = -1, "UNKNOWN_SERVER_ERROR";
    /// success.
    None = 0, "NONE";
    /// an offset outside of what the partition holds.
    OffsetOutOfRange = 1, "OFFSET_OUT_OF_RANGE";
    /// a batch fails its CRC, is shorter than a header, or cannot be decompressed. Retriable.
    CorruptMessage = 2, "CORRUPT_MESSAGE";
    /// no such topic or partition. Retriable.
    UnknownTopicOrPartition = 3, "UNKNOWN_TOPIC_OR_PARTITION";
    /// this broker does not lead the partition. Retriable.
    NotLeaderOrFollower = 6, "NOT_LEADER_OR_FOLLOWER";
    /// the outcome was not known in time. Retriable.
    RequestTimedOut = 7, "REQUEST_TIMED_OUT";
    /// a batch above the limit.
    MessageTooLarge = 10, "MESSAGE_TOO_LARGE";
    /// no coordinator at the moment. Retriable.
    CoordinatorNotAvailable = 15, "COORDINATOR_NOT_AVAILABLE";
    /// this broker does not coordinate the group. Retriable.
    NotCoordinator = 16, "NOT_COORDINATOR";
    /// an illegal topic name.
    InvalidTopicException = 17, "INVALID_TOPIC_EXCEPTION";
    /// too few replicas to take a write; here: the database is away. Retriable.
    NotEnoughReplicas = 19, "NOT_ENOUGH_REPLICAS";
    /// acks is not -1, 0 or 1.
    InvalidRequiredAcks = 21, "INVALID_REQUIRED_ACKS";
    /// not allowed on this topic.
    TopicAuthorizationFailed = 29, "TOPIC_AUTHORIZATION_FAILED";
    /// not allowed in this group.
    GroupAuthorizationFailed = 30, "GROUP_AUTHORIZATION_FAILED";
    /// not allowed on this cluster.
    ClusterAuthorizationFailed = 31, "CLUSTER_AUTHORIZATION_FAILED";
    /// a record's timestamp is out of range.
    InvalidTimestamp = 32, "INVALID_TIMESTAMP";
    /// SASL where none is spoken.
    IllegalSaslState = 34, "ILLEGAL_SASL_STATE";
    /// this version of the API is not supported.
    UnsupportedVersion = 35, "UNSUPPORTED_VERSION";
    /// the topic is there already.
    TopicAlreadyExists = 36, "TOPIC_ALREADY_EXISTS";
    /// an impossible number of partitions.
    InvalidPartitions = 37, "INVALID_PARTITIONS";
    /// an impossible replication factor.
    InvalidReplicationFactor = 38, "INVALID_REPLICATION_FACTOR";
    /// an impossible assignment of replicas.
    InvalidReplicaAssignment = 39, "INVALID_REPLICA_ASSIGNMENT";
    /// a setting that is unknown or has an impossible value.
    InvalidConfig = 40, "INVALID_CONFIG";
    /// a request that contradicts itself.
    InvalidRequest = 42, "INVALID_REQUEST";
    /// the message format of the batch does not do this.
    UnsupportedForMessageFormat = 43, "UNSUPPORTED_FOR_MESSAGE_FORMAT";
    /// a rule of this server's own is broken.
    PolicyViolation = 44, "POLICY_VIOLATION";
    /// a gap in a producer's sequence.
    OutOfOrderSequenceNumber = 45, "OUT_OF_ORDER_SEQUENCE_NUMBER";
    /// a sequence that was seen, but longer ago than is remembered.
    DuplicateSequenceNumber = 46, "DUPLICATE_SEQUENCE_NUMBER";
    /// a producer with an older epoch.
    InvalidProducerEpoch = 47, "INVALID_PRODUCER_EPOCH";
    /// not allowed to use this transactional id.
    TransactionalIdAuthorizationFailed = 53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED";
    /// there are no ACLs.
    SecurityDisabled = 54, "SECURITY_DISABLED";
    /// the log could not be written; here: the database refused for a reason of its own. Retriable.
    KafkaStorageError = 56, "KAFKA_STORAGE_ERROR";
    /// no such group.
    GroupIdNotFound = 69, "GROUP_ID_NOT_FOUND";
    /// the operation is switched off.
    TopicDeletionDisabled = 73, "TOPIC_DELETION_DISABLED";
    /// a codec that is unknown, or too new for this version of the API.
    UnsupportedCompressionType = 76, "UNSUPPORTED_COMPRESSION_TYPE";
    /// a record that cannot be taken, with reasons in `record_errors` (KIP-467).
    InvalidRecord = 87, "INVALID_RECORD";
    /// no topic with this id.
    UnknownTopicId = 100, "UNKNOWN_TOPIC_ID";
    /// DescribeCluster was asked for something else than brokers.
    UnsupportedEndpointType = 115, "UNSUPPORTED_ENDPOINT_TYPE";
}

impl ErrorCode {
    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_those_of_kafka() {
        // The other crate's names are the same words in another case: an independent list of the codes.
        for &error in ErrorCode::ALL {
            let theirs = match kafka_protocol::error::ParseResponseErrorCode::err(error.code()) {
                Some(theirs) => format!("{theirs:?}"),
                None => "None".to_owned(),
            };
            let theirs = theirs.split('(').next().unwrap_or_default();
            let ours = error.name().replace('_', "").to_lowercase();
            assert_eq!(theirs.to_lowercase(), ours, "code {}", error.code());
        }
    }

    #[test]
    fn are_listed_in_order() {
        assert!(ErrorCode::ALL.is_sorted_by_key(|error| error.code()));
    }
}
