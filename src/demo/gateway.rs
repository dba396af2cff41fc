//! The gateway as the demo runs it.

use std::net::TcpListener;

use super::questdb_server::free_port;
use super::{DemoError, Options};
use crate::config::{
    Config, HostPort, QuestDbConfig, TimestampConfig, TimestampUnit, TopicPattern, TopicSettings,
    TopicsConfig,
};

/// What the demo's gateway runs with.
pub(super) fn config(options: &Options, questdb_conf: &str, topic: &str) -> Result<Config, DemoError> {
    let default = Config::default();
    let admin = match &options.admin {
        Some(admin) => admin.clone(),
        // Nobody asked for this port, so a gateway that has it already is no reason to fail.
        None if is_taken(&default.admin) => {
            HostPort { port: free_port().map_err(DemoError::AdminPort)?, ..default.admin }
        }
        None => default.admin,
    };
    let pattern: TopicPattern = topic.parse().unwrap_or_else(|error| unreachable!("{topic}: {error}"));
    let settings = TopicSettings {
        timestamp: Some(Some(TimestampConfig::of_number("ts", TimestampUnit::Micros))),
        symbols: Some(vec!["symbol".to_owned(), "side".to_owned()]),
        ..TopicSettings::default()
    };
    Ok(Config {
        listen: options.listen.clone(),
        admin,
        questdb: QuestDbConfig { conf: questdb_conf.to_owned(), ..default.questdb },
        topics: TopicsConfig::new([(pattern, settings)]),
        ..default
    })
}

/// Looked at before anything is started, because QuestDB takes seconds.
pub(super) fn check_listen(listen: &HostPort) -> Result<(), DemoError> {
    if listen.port == 0 || !is_taken(listen) {
        return Ok(());
    }
    let next = HostPort { host: listen.host.clone(), port: listen.port.checked_add(1).unwrap_or(0) };
    Err(DemoError::Taken { listen: listen.clone(), next })
}

/// Only a port that another has counts: whatever else is wrong with an address, the gateway says better.
fn is_taken(address: &HostPort) -> bool {
    let bound = TcpListener::bind((address.host.as_str(), address.port));
    bound.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}
