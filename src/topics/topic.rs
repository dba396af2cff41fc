use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Lasting;
use super::partition::Partition;
use crate::config::TopicConfig;
use crate::mapping::{Pipeline, Plan, PlanError};
use crate::rows::TableName;
use crate::schema::TableSchema;

/// Kafka's limit for a topic's name, in characters.
const MAX_NAME_LENGTH: usize = 249;

/// Of how many tables plans are remembered: making one anew costs little.
const MAX_PLANS: usize = 1_000;

/// Why a topic is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// It does not exist, and producing to it does not create it.
    #[error("this gateway has no such topic, and `auto_create` is off for its name")]
    Unknown,
    /// Created already.
    #[error("the topic exists already")]
    Exists,
    /// Kafka does not take the name, or QuestDB does not take its table's.
    #[error("{0}")]
    IllegalName(String),
    /// Too many topics came into being.
    #[error("the gateway holds {limit} topics, its limit (`limits.topics`)")]
    TooMany {
        /// The limit that was reached.
        limit: usize,
    },
}

/// A plan, and the schema that it was made for.
type PlanOfSchema = (Arc<TableSchema>, Arc<Plan>);

/// A topic: its settings, its table, its partitions.
#[derive(Debug)]
pub struct Topic {
    name: Arc<str>,
    id: [u8; 16],
    config: Arc<TopicConfig>,
    pipeline: Arc<Pipeline>,
    partitions: Vec<Arc<Partition>>,
    /// For each of the tables the plan for its schema as last seen.
    plans: Mutex<HashMap<TableName, PlanOfSchema>>,
}

impl Topic {
    pub(super) fn new(
        name: &str,
        config: Arc<TopicConfig>,
        partitions: Option<i32>,
        lasting: &Lasting,
    ) -> Result<Self, TopicError> {
        check_name(name)?;
        let pipeline =
            Pipeline::new(name, &config).map_err(|error| TopicError::IllegalName(error.to_string()))?;
        let pipeline = Arc::new(pipeline);
        let name: Arc<str> = name.into();
        let partitions = (0..partitions.unwrap_or(config.partitions))
            .map(|index| Arc::new(Partition::new((name.clone(), index), lasting.clone())))
            .collect();
        Ok(Self { id: id_of(&name), name, config, pipeline, partitions, plans: Mutex::default() })
    }

    /// The same topic with more partitions, of which it shares those that it has.
    pub(super) fn grown(&self, partitions: usize, lasting: &Lasting) -> Self {
        let new = (self.partitions.len()..partitions)
            .map(|index| Arc::new(Partition::new((self.name.clone(), index as i32), lasting.clone())));
        Self {
            name: self.name.clone(),
            id: self.id,
            config: self.config.clone(),
            pipeline: self.pipeline.clone(),
            partitions: self.partitions.iter().cloned().chain(new).collect(),
            plans: Mutex::new(self.plans.lock().clone()),
        }
    }

    /// The same topic with other settings, and with the partitions that it has.
    pub(super) fn reconfigured(
        &self,
        config: Arc<TopicConfig>,
        lasting: &Lasting,
    ) -> Result<Self, TopicError> {
        let fresh = Self::new(&self.name, config, Some(0), lasting)?;
        Ok(Self { partitions: self.partitions.clone(), ..fresh })
    }

    /// The topic's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The topic's id (KIP-516): the same for the same name on every gateway, never zero.
    pub fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// The settings that apply.
    pub fn config(&self) -> &TopicConfig {
        &self.config
    }

    /// What happens to its records.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The partitions, by index.
    pub fn partitions(&self) -> &[Arc<Partition>] {
        &self.partitions
    }

    /// One partition.
    pub fn partition(&self, index: i32) -> Option<&Arc<Partition>> {
        usize::try_from(index).ok().and_then(|index| self.partitions.get(index))
    }

    /// The tables that plans have been made for.
    pub fn tables(&self) -> Vec<TableName> {
        self.plans.lock().keys().cloned().collect()
    }

    /// How records become rows of a table that looks like this.
    pub fn plan(&self, table: &TableName, schema: &Arc<TableSchema>) -> Result<Arc<Plan>, PlanError> {
        let mut plans = self.plans.lock();
        if let Some((of, plan)) = plans.get(table)
            && Arc::ptr_eq(of, schema)
        {
            return Ok(plan.clone());
        }
        let plan = Arc::new(self.pipeline.plan(table, schema)?);
        if plans.len() >= MAX_PLANS {
            plans.clear();
        }
        plans.insert(table.clone(), (schema.clone(), plan.clone()));
        Ok(plan)
    }
}

/// Kafka's rules for a topic's name.
fn check_name(name: &str) -> Result<(), TopicError> {
    let illegal = |reason: &str| Err(TopicError::IllegalName(format!("topic name {name:?}: {reason}")));
    if name.is_empty() {
        return illegal("it is empty");
    }
    if name == "." || name == ".." {
        return illegal("`.` and `..` are not allowed");
    }
    if name.len() > MAX_NAME_LENGTH {
        return illegal("it is longer than 249 characters");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
        return illegal("only ASCII letters, digits, `.`, `_` and `-` are allowed");
    }
    Ok(())
}

/// FNV-1a over the name: clients only compare ids, so they need to differ and to stay, not to be random.
fn id_of(name: &str) -> [u8; 16] {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = name.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    // 0 and 1 are Kafka's reserved ids.
    hash.max(2).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas() {
        for good in ["a", "trades", "a.b-c_d", &"x".repeat(249)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(matches!(check_name(bad), Err(TopicError::IllegalName(_))), "{bad}");
        }
    }

    #[test]
    fn ids_differ_and_stay() {
        assert_eq!(id_of("trades"), id_of("trades"));
        assert_ne!(id_of("trades"), id_of("trade"));
    }
}
