use std::sync::Arc;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// An exact topic name, or a pattern in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern(String);

/// The `[topics.…]` tables of the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicsConfig {}

impl TopicsConfig {
    /// The settings of a topic: the most specific pattern wins, key by key.
    pub fn of(&self, _topic: &str) -> Arc<TopicConfig> {
        Arc::default()
    }
}
