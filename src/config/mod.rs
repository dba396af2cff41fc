//! The configuration: flags over environment over file over default.

mod host_port;
mod limits;
mod topics;

use std::path::PathBuf;

pub use host_port::HostPort;
pub use limits::Limits;
pub use topics::{TimestampField, TimestampUnit, TopicConfig, TopicPattern, TopicsConfig};

/// What the gateway runs with.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where Kafka clients connect.
    pub listen: HostPort,
    /// The address that clients are told to connect to; where absent, `listen`.
    pub advertise: Option<HostPort>,
    /// Where metrics and health are served over HTTP.
    pub admin: HostPort,
    /// Where producer ids and offsets survive a restart; without it they start from the clock.
    pub data_dir: Option<PathBuf>,
    /// The database.
    pub questdb: QuestDbConfig,
    /// What keeps one peer from harming the others.
    pub limits: Limits,
    /// Per-topic settings.
    pub topics: TopicsConfig,
}

/// How QuestDB is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestDbConfig {
    /// The QuestDB clients' own configuration string, such as `http::addr=127.0.0.1:9000;`.
    pub conf: String,
    /// The wire protocol towards QuestDB.
    pub transport: Transport,
    /// Connections that write at the same time.
    pub lanes: usize,
}

/// The wire protocol towards QuestDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// What the configuration string's scheme says: `ws`/`wss` is QWP; for `http`/`https` the server is asked.
    Auto,
    /// ILP over HTTP, which every QuestDB speaks.
    Http,
    /// QWP over WebSocket, from QuestDB 9.4 on.
    Qwp,
}
