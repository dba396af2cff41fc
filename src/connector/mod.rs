//! Configurations of QuestDB's sink connector for Kafka Connect, turned into quafka's own.
//!
//! [`import`] keeps the meaning: where a default of the connector's differs from quafka's it is written down, and what
//! has no counterpart is told with its reason.

mod errors;
mod formats;
mod keys;
mod page;
mod questdb;
mod records;
mod registry;
mod source;
#[cfg(test)]
mod tests;
mod timestamps;
mod topics;
mod transforms;

use std::path::Path;

use crate::config::{self, Loaded, Overrides, TopicSettings};
use keys::Keys;

/// A connector's configuration as quafka's.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The configuration file, with comments.
    pub toml: String,
    /// What the file says, understood.
    pub loaded: Loaded,
    /// What there is to know about single keys of the connector.
    pub notes: Vec<Note>,
}

/// What there is to know about a key of the connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The connector's key.
    pub key: String,
    /// A sentence or two.
    pub text: String,
    /// Whether the key has no counterpart: what it said is not in the file.
    pub lost: bool,
}

/// Why a configuration cannot be turned into quafka's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The text is neither JSON nor properties.
    #[error("{0}")]
    Syntax(String),
    /// A key says what the connector does not take either, or what quafka does not take.
    #[error("{key}: {reason}")]
    Key {
        /// The connector's key.
        key: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

impl ImportError {
    fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Key { key: key.into(), reason: reason.into() }
    }
}

/// The classes that are QuestDB's connector; Connect also takes the short names.
const CLASSES: &[&str] = &["io.questdb.kafka.QuestDBSinkConnector", "QuestDBSinkConnector", "QuestDBSink"];

/// Turns a connector's configuration into quafka's: JSON as it is sent to Connect's REST API (with or without `name`
/// and `config` around it), or a properties file.
///
/// # Errors
/// The first key that is wrong.
pub fn import(text: &str) -> Result<Imported, ImportError> {
    let mut keys = Keys::new(source::read(text)?);
    let name = keys.take("name");
    if let Some(class) = keys.take("connector.class").filter(|class| !CLASSES.contains(&class.as_str())) {
        let reason = format!(
            "`{class}` is another connector; only QuestDB's sink, `{}`, can be imported",
            CLASSES.first().copied().unwrap_or_default()
        );
        return Err(ImportError::new("connector.class", reason));
    }
    let conf = questdb::conf(&mut keys)?;
    let topics = topics::patterns(&mut keys)?;
    let mut settings = TopicSettings::default();
    let registry = formats::read(&mut keys, &mut settings)?;
    timestamps::read(&mut keys, &mut settings)?;
    records::read(&mut keys, &mut settings)?;
    transforms::read(&mut keys, &mut settings)?;
    errors::read(&mut keys, &mut settings)?;
    let notes = keys.finish();
    let toml = page::render(name.as_deref(), conf.as_deref(), registry.as_ref(), &topics, &settings, &notes);
    let loaded = config::parse(Path::new("the result"), &toml, &Overrides::default()).map_err(blame)?;
    Ok(Imported { toml, loaded, notes })
}

/// What quafka does not take, by the connector's key that it is from.
fn blame(errors: config::ConfigErrors) -> ImportError {
    let Some(error) = errors.0.into_iter().next() else { return ImportError::Syntax(String::new()) };
    let own = error.key.rsplit('.').next().unwrap_or_default();
    let key = match own {
        "conf" => "client.conf.string",
        "table" => "table",
        "key_prefix" => "key.prefix",
        "value_prefix" => "value.prefix",
        "symbols" | "doubles" => own,
        "timestamp" => "timestamp.field.name",
        "timestamp_fields" => "timestamp.string.fields",
        "timestamp_format" => "timestamp.string.format",
        "transforms" => "transforms",
        "dlq" => "errors.deadletterqueue.topic.name",
        _ => &error.key,
    };
    ImportError::new(key, error.reason)
}
