//! Changes to records before they become rows: Kafka Connect's single message transforms, with the same names, options
//! and meaning (KIP-66, KIP-585 for predicates).

use crate::config::Transform;
use crate::decode::Message;

/// The transforms of a topic, in order, ready to run.
#[derive(Debug, Default)]
pub struct Transforms(Vec<()>);

/// What is left of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It becomes a row.
    Keep,
    /// It is dropped, as was asked for.
    Drop,
}

/// Why the configuration of a transform is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransformConfigError(pub String);

/// Why a record cannot be transformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransformError(pub String);

impl Transforms {
    /// Makes them ready.
    ///
    /// # Errors
    /// The first that is not known or has an option that makes no sense.
    pub fn new(config: &[Transform]) -> Result<Self, TransformConfigError> {
        match config.first() {
            None => Ok(Self::default()),
            Some(first) => Err(TransformConfigError(format!("there is no transform `{}`", first.kind))),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs them on a record.
    ///
    /// # Errors
    /// The record does not have what a transform needs.
    pub fn apply(&self, _message: &mut Message) -> Result<Flow, TransformError> {
        Ok(Flow::Keep)
    }
}
