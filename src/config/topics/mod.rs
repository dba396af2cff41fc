//! The settings of topics: which there are, and how patterns come together.

mod formats;
mod pattern;
mod records;
mod settings;
mod template;
mod timestamp;
mod timestamp_format;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use formats::{
    BytesText, Csv, Format, LoneSurrogates, NullInArray, ProtobufFraming, SchemaFile, TopLevelArray,
    Unsupported,
};
pub use pattern::{TopicPattern, matches_pattern};
pub use records::{DeadLetters, OnError, Predicate, RecordColumn, Transform, TransformPart};
pub use settings::{TopicConfig, TopicSettings};
pub use template::{TableTemplate, TemplatePart};
pub use timestamp::{MissingTimestamp, TimestampConfig, TimestampUnit};
pub use timestamp_format::{CivilTime, FormatError, PointInTime, TimestampFormat};
pub(crate) use timestamp_format::{Zone, zone};

/// The `[topics.…]` tables of the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicsConfig {
    /// The most specific first; of equally specific ones the one that came last.
    entries: Vec<(TopicPattern, TopicSettings)>,
    /// The topics that are named exactly, worked out.
    exact: BTreeMap<String, Arc<TopicConfig>>,
    /// For topics that no pattern covers.
    default: Arc<TopicConfig>,
}

impl TopicsConfig {
    /// Takes the tables in the order of the file, which decides between equally specific patterns: the later wins.
    pub fn new(entries: impl IntoIterator<Item = (TopicPattern, TopicSettings)>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.reverse();
        entries.sort_by_key(|(pattern, _)| pattern.specificity());
        let mut topics = Self { entries, ..Self::default() };
        topics.exact = topics
            .entries
            .iter()
            .filter(|(pattern, _)| pattern.is_exact())
            .map(|(pattern, _)| (pattern.as_str().to_owned(), topics.merged(pattern.as_str())))
            .collect();
        topics
    }

    /// The settings of a topic: the most specific pattern wins, key by key. An exact name is before all patterns,
    /// then the pattern with more literal characters, then the one further down in the file.
    pub fn of(&self, topic: &str) -> Arc<TopicConfig> {
        match self.exact.get(topic) {
            Some(config) => config.clone(),
            None => self.merged(topic),
        }
    }

    /// The topics that the configuration names exactly, sorted.
    pub fn exact_names(&self) -> impl Iterator<Item = &str> {
        self.exact.keys().map(String::as_str)
    }

    /// What covers the topic, the most specific first.
    pub fn covering(&self, topic: &str) -> impl DoubleEndedIterator<Item = &(TopicPattern, TopicSettings)> {
        self.entries.iter().filter(move |(pattern, _)| pattern.matches(topic))
    }

    /// All tables, the most specific first.
    pub fn entries(&self) -> &[(TopicPattern, TopicSettings)] {
        &self.entries
    }

    /// The tables that dead letters may go to.
    pub fn dead_letter_tables(&self) -> Vec<String> {
        let default = [TopicConfig::default().dlq];
        let given = self.entries.iter().filter_map(|(_, settings)| settings.dlq.clone());
        let tables = default.into_iter().chain(given).filter_map(|letters| match letters {
            DeadLetters::Table { table } => Some(table),
            DeadLetters::Topic { .. } => None,
        });
        tables.collect()
    }

    fn merged(&self, topic: &str) -> Arc<TopicConfig> {
        let mut covering = self.covering(topic).rev().peekable();
        if covering.peek().is_none() {
            return self.default.clone();
        }
        let mut config = TopicConfig::default();
        for (_, settings) in covering {
            settings.apply(&mut config);
        }
        Arc::new(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TopicPattern {
        text.parse().unwrap()
    }

    #[test]
    fn the_most_specific_pattern_wins_key_by_key() {
        let settings = |partitions, table: &str| TopicSettings {
            partitions,
            table: (!table.is_empty()).then(|| Some(table.parse().unwrap())),
            ..TopicSettings::default()
        };
        let topics = TopicsConfig::new([
            (pattern("trades"), settings(Some(2), "")),
            (pattern("*"), settings(Some(16), "all")),
            (pattern("tr*"), settings(Some(4), "")),
            (pattern("trades.*"), settings(None, "regional")),
            (pattern("*es"), settings(Some(32), "")),
        ]);
        let of = |topic| {
            let config = topics.of(topic);
            (config.partitions, config.table.as_ref().map(ToString::to_string).unwrap_or_default())
        };
        assert_eq!(of("trades"), (2, "all".to_owned()));
        assert_eq!(of("trades.eu"), (4, "regional".to_owned()));
        assert_eq!(of("quotes"), (32, "all".to_owned()));
        // `tr*` and `*es` are equally specific: the later one wins.
        assert_eq!(of("tres"), (32, "all".to_owned()));
        assert_eq!(of("other"), (16, "all".to_owned()));
        assert_eq!(topics.exact_names().collect::<Vec<_>>(), ["trades"]);
    }

    #[test]
    fn an_empty_list_undoes_a_list() {
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let topics = TopicsConfig::new([
            (pattern("*"), TopicSettings { symbols: list(&["side"]), ..TopicSettings::default() }),
            (pattern("raw"), TopicSettings { symbols: list(&[]), ..TopicSettings::default() }),
        ]);
        assert_eq!(topics.of("x").symbols, ["side"]);
        assert!(topics.of("raw").symbols.is_empty());
    }
}
