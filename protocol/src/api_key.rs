//! The Kafka APIs that are implemented, with their version ranges.

use std::fmt;
use std::ops::RangeInclusive;

/// An API that a request can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i16)]
pub enum ApiKey {
    /// Writes record batches.
    Produce = 0,
    /// Reads record batches. Clients look at its advertised versions to choose a message format.
    Fetch = 1,
    /// First and last offsets of partitions.
    ListOffsets = 2,
    /// Brokers, topics and partition leaders.
    Metadata = 3,
    /// Offsets that groups have committed.
    OffsetFetch = 9,
    /// Who coordinates a group or a transactional id.
    FindCoordinator = 10,
    /// Joins a consumer group.
    JoinGroup = 11,
    /// Members and state of groups.
    DescribeGroups = 15,
    /// Which groups there are.
    ListGroups = 16,
    /// Begins authentication.
    SaslHandshake = 17,
    /// Which APIs and versions there are.
    ApiVersions = 18,
    /// Creates topics.
    CreateTopics = 19,
    /// Deletes topics.
    DeleteTopics = 20,
    /// Hands out producer ids (KIP-98).
    InitProducerId = 22,
    /// Who may do what.
    DescribeAcls = 29,
    /// Allows or denies something.
    CreateAcls = 30,
    /// Takes that back.
    DeleteAcls = 31,
    /// Settings of topics and brokers.
    DescribeConfigs = 32,
    /// Replaces the settings of topics and brokers.
    AlterConfigs = 33,
    /// Sizes of partitions.
    DescribeLogDirs = 35,
    /// Gives topics more partitions.
    CreatePartitions = 37,
    /// Changes settings of topics and brokers (KIP-339).
    IncrementalAlterConfigs = 44,
    /// Brokers and controller (KIP-700).
    DescribeCluster = 60,
    /// Which transactions there are (KIP-664).
    ListTransactions = 66,
    /// Joins a consumer group (KIP-848).
    ConsumerGroupHeartbeat = 68,
}

impl ApiKey {
    /// All of them, by key.
    pub const ALL: [Self; 25] = [
        Self::Produce,
        Self::Fetch,
        Self::ListOffsets,
        Self::Metadata,
        Self::OffsetFetch,
        Self::FindCoordinator,
        Self::JoinGroup,
        Self::DescribeGroups,
        Self::ListGroups,
        Self::SaslHandshake,
        Self::ApiVersions,
        Self::CreateTopics,
        Self::DeleteTopics,
        Self::InitProducerId,
        Self::DescribeAcls,
        Self::CreateAcls,
        Self::DeleteAcls,
        Self::DescribeConfigs,
        Self::AlterConfigs,
        Self::DescribeLogDirs,
        Self::CreatePartitions,
        Self::IncrementalAlterConfigs,
        Self::DescribeCluster,
        Self::ListTransactions,
        Self::ConsumerGroupHeartbeat,
    ];

    /// The API with this key, if it is implemented.
    pub fn from_i16(key: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.code() == key)
    }

    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The versions whose requests are decoded.
    ///
    /// Where the minimum is above zero, older ones were removed from Apache Kafka 4.0 too (KIP-896).
    pub const fn versions(self) -> RangeInclusive<i16> {
        match self {
            // 13 addresses topics by id (KIP-516), which would need ids that outlive us.
            Self::Produce => 3..=12,
            // As Produce: 13 has topic ids. At least 10 must be advertised, or librdkafka drops lz4 and zstd.
            Self::Fetch => 4..=12,
            Self::ListOffsets => 1..=8,
            Self::Metadata => 0..=12,
            Self::FindCoordinator => 0..=6,
            Self::JoinGroup => 0..=9,
            Self::ApiVersions => 0..=4,
            Self::CreateTopics => 0..=7,
            Self::DeleteTopics => 0..=6,
            Self::InitProducerId => 0..=5,
            Self::DescribeConfigs => 0..=4,
            Self::DescribeCluster => 0..=2,
            // 10 addresses topics by id, as Produce 13 does.
            Self::OffsetFetch => 1..=9,
            Self::DescribeGroups => 0..=6,
            Self::ListGroups => 0..=5,
            Self::SaslHandshake => 0..=1,
            Self::DescribeAcls => 1..=3,
            Self::CreateAcls => 1..=3,
            Self::DeleteAcls => 1..=3,
            Self::AlterConfigs => 0..=2,
            Self::DescribeLogDirs => 1..=4,
            Self::CreatePartitions => 0..=3,
            Self::IncrementalAlterConfigs => 0..=1,
            Self::ListTransactions => 0..=2,
            Self::ConsumerGroupHeartbeat => 0..=1,
        }
    }

    /// The versions that an ApiVersions response names.
    ///
    /// Produce is advertised from 0, although what is below 3 gets error 35: librdkafka takes the *minimum* for
    /// a sign of which message formats a broker knows (KIP-896 settled on the same for Kafka 4.0).
    pub const fn advertised_versions(self) -> RangeInclusive<i16> {
        match self {
            Self::Produce => 0..=12,
            other => other.versions(),
        }
    }

    /// The first version with compact types and tagged fields (KIP-482).
    pub const fn first_flexible_version(self) -> i16 {
        match self {
            Self::Produce | Self::Metadata => 9,
            Self::Fetch => 12,
            Self::ListOffsets | Self::JoinGroup => 6,
            Self::FindCoordinator | Self::ApiVersions => 3,
            Self::CreateTopics => 5,
            Self::DeleteTopics | Self::DescribeConfigs => 4,
            Self::InitProducerId => 2,
            Self::DescribeCluster => 0,
            Self::OffsetFetch => 6,
            Self::DescribeGroups => 5,
            Self::ListGroups => 3,
            Self::DescribeAcls => 2,
            Self::CreateAcls => 2,
            Self::DeleteAcls => 2,
            Self::AlterConfigs => 2,
            Self::DescribeLogDirs => 2,
            Self::CreatePartitions => 2,
            Self::IncrementalAlterConfigs => 1,
            Self::ListTransactions => 0,
            Self::ConsumerGroupHeartbeat => 0,
            // What has to be understood before anything is agreed upon stays as it was.
            Self::SaslHandshake => i16::MAX,
        }
    }

    /// Are this version's fields compact and followed by tagged fields?
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.first_flexible_version()
    }

    /// Is this version's request decoded?
    pub fn supports(self, version: i16) -> bool {
        self.versions().contains(&version)
    }

    /// The name in Kafka's documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Produce => "Produce",
            Self::Fetch => "Fetch",
            Self::ListOffsets => "ListOffsets",
            Self::Metadata => "Metadata",
            Self::FindCoordinator => "FindCoordinator",
            Self::JoinGroup => "JoinGroup",
            Self::ApiVersions => "ApiVersions",
            Self::CreateTopics => "CreateTopics",
            Self::DeleteTopics => "DeleteTopics",
            Self::InitProducerId => "InitProducerId",
            Self::DescribeConfigs => "DescribeConfigs",
            Self::DescribeCluster => "DescribeCluster",
            Self::OffsetFetch => "OffsetFetch",
            Self::DescribeGroups => "DescribeGroups",
            Self::ListGroups => "ListGroups",
            Self::SaslHandshake => "SaslHandshake",
            Self::DescribeAcls => "DescribeAcls",
            Self::CreateAcls => "CreateAcls",
            Self::DeleteAcls => "DeleteAcls",
            Self::AlterConfigs => "AlterConfigs",
            Self::DescribeLogDirs => "DescribeLogDirs",
            Self::CreatePartitions => "CreatePartitions",
            Self::IncrementalAlterConfigs => "IncrementalAlterConfigs",
            Self::ListTransactions => "ListTransactions",
            Self::ConsumerGroupHeartbeat => "ConsumerGroupHeartbeat",
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
