use std::collections::BTreeMap;

use super::{ImportError, Note};

/// The keys of a connector's configuration, taken out one by one. What nobody has taken has no counterpart.
pub(super) struct Keys {
    entries: BTreeMap<String, String>,
    notes: Vec<Note>,
}

/// Keys without a counterpart, or what they begin with where they end with a dot, and why they have none.
const LOST: &[(&str, &str)] = &[
    ("allowed.lag", "quafka has no linger: rows are written as soon as a lane is free"),
    ("config.action.reload", "quafka reads its configuration when it starts"),
    ("config.providers", "quafka's configuration has no providers; write the values themselves"),
    ("config.providers.", "quafka's configuration has no providers; write the values themselves"),
    ("consumer.override.", "there is no consumer: producers send to quafka itself"),
    (
        "errors.deadletterqueue.context.headers.enable",
        "a dead letter always keeps where it is from and its error",
    ),
    ("errors.deadletterqueue.topic.replication.factor", "dead letters are kept in a QuestDB table"),
    ("errors.log.enable", "bad records are always logged, at a bounded rate"),
    ("errors.log.include.messages", "the log names a bad record's topic, partition and offset"),
    (
        "errors.retry.delay.max.ms",
        "nothing is tried again in the gateway: the producer does, by its own settings",
    ),
    ("errors.retry.timeout", "nothing is tried again in the gateway: the producer does, by its own settings"),
    ("header.converter", "headers are UTF-8 text, or else bytes"),
    ("header.converter.", "headers are UTF-8 text, or else bytes"),
    (
        "max.retries",
        "while QuestDB is away a producer's request waits, then its producer sends again for as long as its own `delivery.timeout.ms` says",
    ),
    (
        "retry.backoff.ms",
        "while QuestDB is away a producer's request waits, then its producer sends again for as long as its own `delivery.timeout.ms` says",
    ),
    (
        "tasks.max",
        "there are no tasks: one gateway uses all cores; `[questdb] lanes` says how many requests write at the same time",
    ),
    ("tasks.max.enforce", "there are no tasks"),
];

impl Keys {
    pub fn new(entries: BTreeMap<String, String>) -> Self {
        Self { entries, notes: Vec::new() }
    }

    /// A key's value.
    pub fn take(&mut self, key: &str) -> Option<String> {
        self.entries.remove(key)
    }

    /// A key's value, without what is only space.
    pub fn take_text(&mut self, key: &str) -> Option<String> {
        let value = self.take(key)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// `true` or `false`, in any case, as Kafka reads them.
    pub fn take_bool(&mut self, key: &str) -> Result<Option<bool>, ImportError> {
        match self.take(key) {
            None => Ok(None),
            Some(value) if value.trim().eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(value) if value.trim().eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(value) => Err(ImportError::new(key, format!("`{value}` is neither true nor false"))),
        }
    }

    /// What stands between commas; absent where there is nothing.
    pub fn take_list(&mut self, key: &str) -> Option<Vec<String>> {
        let value = self.take(key)?;
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parts: Vec<_> = parts.map(str::to_owned).collect();
        (!parts.is_empty()).then_some(parts)
    }

    /// All keys that begin like this, by what follows.
    pub fn take_all(&mut self, prefix: &str) -> BTreeMap<String, String> {
        let named: Vec<_> = self.entries.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        let strip = |key: String| {
            let value = self.entries.remove(&key)?;
            Some((key.get(prefix.len()..)?.to_owned(), value))
        };
        named.into_iter().filter_map(strip).collect()
    }

    /// Tells something about a key that is carried over.
    pub fn note(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.notes.push(Note { key: key.into(), text: text.into(), lost: false });
    }

    /// Tells that a key is not carried over, and why.
    pub fn lose(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.notes.push(Note { key: key.into(), text: reason.into(), lost: true });
    }

    /// All notes, also about the keys that nobody has taken.
    pub fn finish(mut self) -> Vec<Note> {
        for key in std::mem::take(&mut self.entries).into_keys() {
            let known = LOST.iter().find(|(known, _)| match known.strip_suffix('.') {
                Some(_) => key.starts_with(known),
                None => key == *known,
            });
            let reason = known.map_or("is no key of the connector that quafka knows", |(_, reason)| reason);
            self.lose(key, reason);
        }
        self.notes
    }
}
