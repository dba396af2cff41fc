//! The configuration: flags over environment over file over default.
//!
//! [`load`] reads all of it, says everything that is wrong at once, and keeps where each value came from.

mod column_names;
mod create_table;
mod durability;
mod error;
mod file;
mod host_port;
mod limits;
mod load;
mod load_topics;
mod nearest;
mod questdb_conf;
mod registry;
mod render;
mod table_names;
mod table_types;
#[cfg(test)]
mod tests;
mod topic_configs;
mod topics;
mod units;
mod words;

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

pub use column_names::{MAX_NAME_BYTES, fault_of_column_name, is_illegal_in_names};
pub use create_table::{CreateTable, CreateTableFault, DESIGNATED, NewColumn};
pub use durability::{Durability, SpoolConfig};
pub use error::{ConfigError, ConfigErrors, Origin};
pub use host_port::HostPort;
pub use limits::Limits;
pub use load::{Given, Loaded, Overrides, load, parse};
pub use nearest::nearest;
pub use questdb_conf::masked;
pub use registry::{RegistryConfig, RegistryUrl, Secret};
pub use table_names::fault_of_table_name;
pub use table_types::{ColumnType, PartitionBy, Ttl};
pub use topic_configs::PREFIX as TOPIC_CONFIG_PREFIX;
pub use topics::{
    BytesText, CivilTime, Csv, DeadLetters, Format, FormatError, LoneSurrogates, MissingTimestamp,
    NullInArray, OnError, PointInTime, Predicate, ProtobufFraming, RecordColumn, SchemaFile, TableTemplate,
    TemplatePart, TimestampConfig, TimestampFormat, TimestampUnit, TopLevelArray, TopicConfig, TopicPattern,
    TopicSettings, TopicsConfig, Transform, TransformPart, Unsupported, matches_pattern,
};
pub(crate) use topics::{Zone, zone};

/// What the gateway runs with.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where Kafka clients connect.
    pub listen: HostPort,
    /// The address that clients are told to connect to; where absent, `listen`, or where that is a wildcard the
    /// address that the client has connected to.
    pub advertise: Option<HostPort>,
    /// Where metrics and health are served over HTTP.
    pub admin: HostPort,
    /// Where records are taken over HTTP, as Redpanda's HTTP Proxy takes them; nowhere where absent.
    pub pandaproxy: Option<HostPort>,
    /// Where producer ids and offsets survive a restart; without it they start from the clock.
    pub data_dir: Option<PathBuf>,
    /// When a batch counts as taken.
    pub durability: Durability,
    /// Where batches wait for QuestDB, unless `durability` is `direct`.
    pub spool: SpoolConfig,
    /// The database.
    pub questdb: QuestDbConfig,
    /// Where schemas are looked up; nowhere where absent.
    pub registry: Option<RegistryConfig>,
    /// What keeps one peer from harming the others.
    pub limits: Limits,
    /// Per-topic settings.
    pub topics: TopicsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: HostPort { host: "127.0.0.1".to_owned(), port: 9092 },
            advertise: None,
            admin: HostPort { host: "127.0.0.1".to_owned(), port: 9644 },
            pandaproxy: None,
            data_dir: None,
            durability: Durability::default(),
            spool: SpoolConfig::default(),
            questdb: QuestDbConfig::default(),
            registry: None,
            limits: Limits::default(),
            topics: TopicsConfig::default(),
        }
    }
}

/// How QuestDB is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestDbConfig {
    /// The QuestDB clients' own configuration string, such as `http::addr=127.0.0.1:9000;`. May hold a password:
    /// show it only through [`masked`].
    pub conf: String,
    /// The wire protocol towards QuestDB.
    pub transport: Transport,
    /// Connections that write at the same time, each to tables of its own.
    pub lanes: usize,
    /// When an answer of QuestDB's is lost, ask it whether the rows have arrived, so that none is there twice.
    pub exactly_once: bool,
}

impl Default for QuestDbConfig {
    fn default() -> Self {
        Self {
            conf: "http::addr=127.0.0.1:9000;".to_owned(),
            transport: Transport::Auto,
            lanes: 2,
            exactly_once: false,
        }
    }
}

/// The wire protocol towards QuestDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// What the configuration string's scheme says: `ws`/`wss` is QWP; for `http`/`https` the server is asked.
    Auto,
    /// ILP over HTTP, which every QuestDB speaks.
    Http,
    /// QWP over WebSocket, from QuestDB 9.4 on.
    Qwp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Http => "http",
            Self::Qwp => "qwp",
        })
    }
}
