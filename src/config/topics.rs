use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;

use super::CreateTable;

/// The settings of one topic, all patterns that match it taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicConfig {
    /// The table; where absent, the topic's name.
    pub table: Option<String>,
    /// How many partitions producers are told of.
    pub partitions: i32,
    /// Where the designated timestamp comes from; where absent, the Kafka record's timestamp.
    pub timestamp: Option<TimestampField>,
    /// The columns that are written as SYMBOL.
    pub symbols: Vec<String>,
    /// The columns whose numbers are always written as DOUBLE.
    pub doubles: Vec<String>,
    /// Whether a record's key is written at all.
    pub include_key: bool,
    /// Whether the topic exists without having been created.
    pub auto_create: bool,
    /// How the table is created where it is not there; where absent, QuestDB creates it from the first rows.
    pub create: Option<CreateTable>,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            table: None,
            partitions: 8,
            timestamp: None,
            symbols: Vec::new(),
            doubles: Vec::new(),
            include_key: true,
            auto_create: true,
            create: None,
        }
    }
}

/// A payload field that becomes the designated timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampField {
    /// The column name that the field would have, so nested fields joined by `_`.
    pub field: String,
    /// The unit of the field's number.
    pub unit: TimestampUnit,
}

/// The unit of a number that is a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampUnit {
    /// By magnitude: below 1e10 seconds, below 1e13 millis, below 1e16 micros, else nanos.
    Auto,
    /// Seconds since the epoch.
    Seconds,
    /// Milliseconds since the epoch.
    Millis,
    /// Microseconds since the epoch.
    Micros,
    /// Nanoseconds since the epoch.
    Nanos,
}

impl fmt::Display for TimestampUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Seconds => "seconds",
            Self::Millis => "millis",
            Self::Micros => "micros",
            Self::Nanos => "nanos",
        })
    }
}

/// What one `[topics."PATTERN"]` table says. What is absent is left to less specific patterns, then to
/// [`TopicConfig::default`]. An empty list is not absent: it undoes what a less specific pattern lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicSettings {
    /// See [`TopicConfig::table`].
    pub table: Option<String>,
    /// See [`TopicConfig::partitions`].
    pub partitions: Option<i32>,
    /// See [`TopicConfig::timestamp`].
    pub timestamp: Option<TimestampField>,
    /// See [`TopicConfig::symbols`].
    pub symbols: Option<Vec<String>>,
    /// See [`TopicConfig::doubles`].
    pub doubles: Option<Vec<String>>,
    /// See [`TopicConfig::include_key`].
    pub include_key: Option<bool>,
    /// See [`TopicConfig::auto_create`].
    pub auto_create: Option<bool>,
    /// See [`TopicConfig::create`].
    pub create: Option<CreateTable>,
}

impl TopicSettings {
    /// Writes what is set over `config`.
    pub fn apply(&self, config: &mut TopicConfig) {
        fn set<T: Clone>(target: &mut T, value: &Option<T>) {
            if let Some(value) = value {
                target.clone_from(value);
            }
        }
        if self.table.is_some() {
            config.table.clone_from(&self.table);
        }
        if self.timestamp.is_some() {
            config.timestamp.clone_from(&self.timestamp);
        }
        if self.create.is_some() {
            config.create.clone_from(&self.create);
        }
        set(&mut config.partitions, &self.partitions);
        set(&mut config.symbols, &self.symbols);
        set(&mut config.doubles, &self.doubles);
        set(&mut config.include_key, &self.include_key);
        set(&mut config.auto_create, &self.auto_create);
    }
}

/// An exact topic name, or a pattern in which `*` stands for any characters, also none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern(String);

/// Kafka's longest topic name, in bytes.
const TOPIC_NAME_MAX: usize = 249;

impl TopicPattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names one topic only.
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether it covers the topic.
    pub fn matches(&self, topic: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == topic };
        let Some(mut left) = topic.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        // The leftmost place is as good as any other, as nothing but `*` stands between the parts.
        for part in middle.split('*') {
            let Some((_, behind)) = left.split_once(part) else { return false };
            left = behind;
        }
        left.ends_with(last)
    }

    /// Sorts the more specific pattern first: exact names, then more literal characters.
    fn specificity(&self) -> impl Ord + use<> {
        let literals = self.0.bytes().filter(|byte| *byte != b'*').count();
        Reverse((self.is_exact(), literals))
    }
}

impl FromStr for TopicPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '*');
        if let Some(wrong) = text.chars().find(|c| !legal(*c)) {
            return Err(format!(
                "no topic name has a `{wrong}`: they are made of a-z, A-Z, 0-9, `.`, `_` and `-`; \
                 in a pattern, `*` stands for any characters"
            ));
        }
        if text.is_empty() || text == "." || text == ".." {
            return Err("is not a legal topic name".to_owned());
        }
        if text.len() > TOPIC_NAME_MAX {
            return Err(format!("is longer than a topic's name may be, {TOPIC_NAME_MAX} characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

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
            .map(|(pattern, _)| (pattern.0.clone(), topics.merged(&pattern.0)))
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
    fn patterns_match_what_they_say() {
        for (text, yes, no) in [
            ("trades", &["trades"][..], &["trades2", "Trades", "trade"][..]),
            ("*", &["a", "trades.eu"], &[]),
            ("trades.*", &["trades.", "trades.eu"], &["trades", "xtrades.eu"]),
            ("*-dlq", &["-dlq", "a-dlq-dlq"], &["a-dlq2"]),
            ("a*a", &["aa", "aba"], &["a", "ab"]),
            ("a*b*c", &["abc", "aXbYc", "abcbc"], &["ac", "acb"]),
            ("a**c", &["ac", "abc"], &["ab"]),
            ("*b*", &["b", "abc"], &["ac"]),
            ("*ab*b", &["abb", "xabyb"], &["ab"]),
        ] {
            for topic in yes {
                assert!(pattern(text).matches(topic), "{text} {topic}");
            }
            for topic in no {
                assert!(!pattern(text).matches(topic), "{text} {topic}");
            }
        }
    }

    #[test]
    fn only_topic_names_and_stars_are_patterns() {
        for text in ["", ".", "..", "a b", "trad?s", "a/b", "ü", &"x".repeat(250)] {
            assert!(text.parse::<TopicPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_most_specific_pattern_wins_key_by_key() {
        let settings = |partitions, table: &str| TopicSettings {
            partitions,
            table: (!table.is_empty()).then(|| table.to_owned()),
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
            (config.partitions, config.table.clone().unwrap_or_default())
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
