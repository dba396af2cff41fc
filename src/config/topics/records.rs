use serde::{Deserialize, Serialize};

use super::pattern::TopicPattern;
use crate::config::{HostPort, fault_of_table_name};

/// What is known of a record besides its key, value and headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordColumn {
    /// The topic that it was sent to.
    Topic,
    /// The partition that it was sent to.
    Partition,
    /// Its offset in the partition.
    Offset,
    /// Its timestamp.
    Timestamp,
}

/// What becomes of a record that cannot become a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// Its whole batch is refused, with error 87 and which records were bad; nothing of the batch is written.
    Reject,
    /// It is kept as a dead letter; the others of its batch are written.
    Dlq,
    /// It is counted and logged; the others of its batch are written.
    Skip,
}

/// Where dead letters are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "GivenDeadLetters", into = "GivenDeadLetters")]
pub enum DeadLetters {
    /// In a table of the QuestDB.
    Table {
        /// Its name.
        table: String,
    },
    /// In a topic of a Kafka cluster.
    Topic {
        /// Its name.
        topic: String,
        /// `HOST:PORT` of a broker, several divided by commas.
        bootstrap: String,
    },
}

/// As it stands in the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "{ table = \"NAME\" }, or { topic = \"NAME\", bootstrap = \"HOST:PORT\" }"
)]
struct GivenDeadLetters {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bootstrap: Option<String>,
}

impl TryFrom<GivenDeadLetters> for DeadLetters {
    type Error = String;

    fn try_from(given: GivenDeadLetters) -> Result<Self, Self::Error> {
        match (given.table, given.topic, given.bootstrap) {
            (Some(table), None, None) => match fault_of_table_name(&table) {
                Some(reason) => Err(format!("cannot be kept in table {table:?}: {reason}")),
                None => Ok(Self::Table { table }),
            },
            (None, Some(topic), Some(bootstrap)) => {
                let is_exact = topic.parse().is_ok_and(|pattern: TopicPattern| pattern.is_exact());
                if !is_exact {
                    return Err(format!("{topic:?} is no topic's name"));
                }
                for broker in bootstrap.split(',') {
                    broker.trim().parse::<HostPort>().map_err(|reason| format!("bootstrap: {reason}"))?;
                }
                Ok(Self::Topic { topic, bootstrap })
            }
            (None, Some(_), None) => Err(
                "names a topic, but not the `bootstrap` address of its cluster, which must be another one"
                    .to_owned(),
            ),
            _ => Err("is either { table = \"NAME\" } or { topic = \"NAME\", bootstrap = \"HOST:PORT\" }"
                .to_owned()),
        }
    }
}

impl From<DeadLetters> for GivenDeadLetters {
    fn from(letters: DeadLetters) -> Self {
        match letters {
            DeadLetters::Table { table } => Self { table: Some(table), ..Self::default() },
            DeadLetters::Topic { topic, bootstrap } => {
                Self { topic: Some(topic), bootstrap: Some(bootstrap), ..Self::default() }
            }
        }
    }
}

impl Default for DeadLetters {
    fn default() -> Self {
        Self::Table { table: "quafka_dead_letters".to_owned() }
    }
}

/// A change to each record, with Kafka Connect's meaning of the same name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transform {
    /// The transform's name, such as `Flatten`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it works on, where it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<TransformPart>,
    /// Only records for which this holds are changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<Predicate>,
    /// Only those for which the predicate does not hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub negate: bool,
    /// The transform's own options, by the names that Kafka Connect gives them.
    #[serde(flatten)]
    pub options: toml::Table,
}

/// The part of a record that a transform works on: Kafka Connect's `$Key` and `$Value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransformPart {
    /// The key.
    Key,
    /// The value.
    Value,
}

/// A condition on a record, with Kafka Connect's meaning of the same name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicate {
    /// `TopicNameMatches`, `HasHeaderKey` or `RecordIsTombstone`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The predicate's own options.
    #[serde(flatten)]
    pub options: toml::Table,
}
