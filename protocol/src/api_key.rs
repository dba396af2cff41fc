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
    /// Who coordinates a group or a transactional id.
    FindCoordinator = 10,
    /// Joins a consumer group.
    JoinGroup = 11,
    /// Which APIs and versions there are.
    ApiVersions = 18,
    /// Creates topics.
    CreateTopics = 19,
    /// Deletes topics.
    DeleteTopics = 20,
    /// Hands out producer ids (KIP-98).
    InitProducerId = 22,
    /// Settings of topics and brokers.
    DescribeConfigs = 32,
    /// Brokers and controller (KIP-700).
    DescribeCluster = 60,
}

impl ApiKey {
    /// All of them, by key.
    pub const ALL: [Self; 12] = [
        Self::Produce,
        Self::Fetch,
        Self::ListOffsets,
        Self::Metadata,
        Self::FindCoordinator,
        Self::JoinGroup,
        Self::ApiVersions,
        Self::CreateTopics,
        Self::DeleteTopics,
        Self::InitProducerId,
        Self::DescribeConfigs,
        Self::DescribeCluster,
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
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
