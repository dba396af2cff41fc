//! Virtual topics: any legal name exists, with partitions, offsets and the producers' state, but no log.

mod history;
mod numbers;
mod partition;
mod producers;
mod topic;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::config::{TopicConfig, TopicsConfig};

pub use history::{Committed, History};
pub use numbers::{Numbers, NumbersError};
pub use partition::{Admission, Admitted, Earlier, Partition};
pub use producers::{Rejection, Sequence, Verdict, last_of};
pub use topic::{Topic, TopicError};

/// What outlives this life of the gateway.
#[derive(Clone, Debug)]
pub struct Lasting {
    /// Producer ids and offsets.
    pub numbers: Arc<Numbers>,
    /// The producers' batches.
    pub history: Arc<History>,
}

/// The topics of this gateway.
#[derive(Debug)]
pub struct Topics {
    config: TopicsConfig,
    limit: usize,
    lasting: Lasting,
    known: RwLock<HashMap<Arc<str>, Arc<Topic>>>,
}

impl Topics {
    /// Topics with these settings; at most `limit` of them are remembered.
    pub fn new(config: TopicsConfig, limit: usize, lasting: Lasting) -> Self {
        Self { config, limit, lasting, known: RwLock::default() }
    }

    /// The topic as it is or would be, without bringing it into being. Whether it may be produced to without having
    /// been created is its configuration's `auto_create`.
    pub fn describe(&self, name: &str) -> Result<Arc<Topic>, TopicError> {
        if let Some(topic) = self.known.read().get(name) {
            return Ok(topic.clone());
        }
        let topic = self.make(name)?;
        if topic.config().auto_create { Ok(topic) } else { Err(TopicError::Unknown) }
    }

    /// The topic to produce to, which is remembered from now on.
    pub fn resolve(&self, name: &str) -> Result<Arc<Topic>, TopicError> {
        if let Some(topic) = self.known.read().get(name) {
            return Ok(topic.clone());
        }
        let topic = self.describe(name)?;
        self.remember(topic)
    }

    /// Creates a topic with these settings, and with so many partitions where the creator says so.
    pub fn create(
        &self,
        name: &str,
        partitions: Option<i32>,
        config: Arc<TopicConfig>,
    ) -> Result<Arc<Topic>, TopicError> {
        let topic = self.check(name, partitions, config)?;
        self.remember(topic)
    }

    /// What [`Topics::create`] would do, without doing it.
    pub fn check(
        &self,
        name: &str,
        partitions: Option<i32>,
        config: Arc<TopicConfig>,
    ) -> Result<Arc<Topic>, TopicError> {
        if self.known.read().contains_key(name) {
            return Err(TopicError::Exists);
        }
        Topic::new(name, config, partitions, &self.lasting).map(Arc::new)
    }

    /// What the configuration says of a topic of this name.
    pub fn configured(&self, name: &str) -> Arc<TopicConfig> {
        self.config.of(name)
    }

    /// Gives a topic other settings; its partitions go on. Nothing is changed where it is only `checked`. Returns the
    /// topic with the settings.
    pub fn reconfigure(
        &self,
        name: &str,
        config: Arc<TopicConfig>,
        checked: bool,
    ) -> Result<Arc<Topic>, TopicError> {
        let topic = if checked { self.describe(name)? } else { self.resolve(name)? };
        let mut known = self.known.write();
        // What another has made of it meanwhile.
        let topic = known.get(name).cloned().unwrap_or(topic);
        let reconfigured = Arc::new(topic.reconfigured(config, &self.lasting)?);
        if !checked {
            known.insert(topic.name().clone(), reconfigured.clone());
        }
        Ok(reconfigured)
    }

    /// The topic as it would be with other settings, of which nobody else hears.
    pub fn with_settings(&self, topic: &Topic, config: Arc<TopicConfig>) -> Result<Arc<Topic>, TopicError> {
        topic.reconfigured(config, &self.lasting).map(Arc::new)
    }

    /// Gives a topic more partitions; those that it has go on. Returns how many it had.
    pub fn grow(&self, name: &str, partitions: usize) -> Result<usize, TopicError> {
        let topic = self.resolve(name)?;
        let mut known = self.known.write();
        // What another has made of it meanwhile.
        let topic = known.get(name).cloned().unwrap_or(topic);
        let had = topic.partitions().len();
        if partitions > had {
            known.insert(topic.name().clone(), Arc::new(topic.grown(partitions, &self.lasting)));
        }
        Ok(had)
    }

    /// Forgets a topic. Its table stays.
    pub fn forget(&self, name: &str) -> Result<(), TopicError> {
        self.known.write().remove(name).map(drop).ok_or(TopicError::Unknown)
    }

    /// The topics that have been produced to or created, and those that the configuration names, by name.
    pub fn list(&self) -> Vec<Arc<Topic>> {
        let mut topics: HashMap<Arc<str>, Arc<Topic>> = self.known.read().clone();
        for name in self.config.exact_names() {
            if !topics.contains_key(name)
                && let Ok(topic) = self.make(name)
            {
                topics.insert(topic.name().clone(), topic);
            }
        }
        let mut topics: Vec<_> = topics.into_values().collect();
        topics.sort_by(|a, b| a.name().cmp(b.name()));
        topics
    }

    fn make(&self, name: &str) -> Result<Arc<Topic>, TopicError> {
        Topic::new(name, self.config.of(name), None, &self.lasting).map(Arc::new)
    }

    fn remember(&self, topic: Arc<Topic>) -> Result<Arc<Topic>, TopicError> {
        let mut known = self.known.write();
        if known.len() >= self.limit && !known.contains_key(topic.name()) {
            return Err(TopicError::TooMany { limit: self.limit });
        }
        Ok(known.entry(topic.name().clone()).or_insert(topic).clone())
    }
}
