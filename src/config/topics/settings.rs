use std::collections::BTreeMap;

use super::formats::{
    BytesText, Csv, Format, LoneSurrogates, NullInArray, ProtobufFraming, SchemaFile, TopLevelArray,
    Unsupported,
};
use super::records::{DeadLetters, OnError, RecordColumn, Transform};
use super::template::TableTemplate;
use super::timestamp::TimestampConfig;
use super::timestamp_format::TimestampFormat;
use crate::config::create_table::{self, CreateTable};
use crate::config::file::{Report, Section};

/// All settings of topics: a key of the file, its type, its default. The type says how a value is read and checked
/// (`Deserialize`) and how `quafka check` prints it (`Serialize`).
macro_rules! topic_settings {
    ($($(#[$doc:meta])* $key:ident: $type:ty = $default:expr $(, by $by:ident)?;)*) => {
        /// The settings of one topic, all patterns that match it taken together.
        #[derive(Clone, Debug, PartialEq)]
        pub struct TopicConfig {
            $($(#[$doc])* pub $key: $type,)*
        }

        impl Default for TopicConfig {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        /// What one `[topics."PATTERN"]` table says. What is absent is left to less specific patterns, then to
        /// [`TopicConfig::default`]. An empty list is not absent: it undoes what a less specific pattern lists.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct TopicSettings {
            $($(#[$doc])* pub $key: Option<$type>,)*
        }

        impl TopicSettings {
            /// All keys that there are.
            pub const KEYS: &[&str] = &[$(stringify!($key)),*];

            /// Reads a table's keys.
            pub(in crate::config) fn read(section: &mut Section<'_>, report: &mut Report<'_>) -> Self {
                Self { $($key: topic_settings!(@read section, report, $key $(, $by)?),)* }
            }

            /// Every setting spelt out.
            pub fn complete(config: &TopicConfig) -> Self {
                Self { $($key: Some(config.$key.clone()),)* }
            }

            /// Writes what is set over `config`.
            pub fn apply(&self, config: &mut TopicConfig) {
                $(if let Some(value) = &self.$key {
                    config.$key.clone_from(value);
                })*
            }

            /// Whether a key is set.
            pub(in crate::config) fn sets(&self, key: &str) -> bool {
                match key {
                    $(stringify!($key) => self.$key.is_some(),)*
                    _ => false,
                }
            }

            /// What is set, each key with its value in TOML. What is set to nothing has no TOML.
            pub fn to_toml(&self) -> Vec<(&'static str, String)> {
                let mut keys = Vec::new();
                $(if let Some(value) = self.$key.as_ref().and_then(|value| topic_settings!(@print value $(, $by)?)) {
                    keys.push((stringify!($key), value));
                })*
                keys
            }
        }
    };

    (@read $section:ident, $report:ident, $key:ident) => {
        $section.value(stringify!($key), $report)
    };
    // A table of its own, whose keys are reported one by one.
    (@read $section:ident, $report:ident, $key:ident, $by:ident) => {
        $by::load($section, $report).map(Some)
    };
    (@print $value:ident) => {
        toml::Value::try_from($value).ok().map(|value| value.to_string())
    };
    (@print $value:ident, $by:ident) => {
        $value.as_ref().map($by::to_toml)
    };
}

topic_settings! {
    /// The table; where absent, the topic's name.
    table: Option<TableTemplate> = None;
    /// How many partitions producers are told of.
    partitions: i32 = 8;
    /// Whether the topic exists without having been created.
    auto_create: bool = true;
    /// How the table is created where it is not there; where absent, QuestDB creates it from the first rows.
    create: Option<CreateTable> = None, by create_table;

    /// How values are read.
    format: Format = Format::Auto;
    /// How keys are read.
    key_format: Format = Format::Auto;
    /// The schema of values that do not name one.
    schema: Option<SchemaFile> = None;
    /// The schema of keys that do not name one.
    key_schema: Option<SchemaFile> = None;
    /// How Protobuf payloads that name a schema name their message.
    protobuf_framing: ProtobufFraming = ProtobufFraming::Confluent;
    /// What `format = "csv"` has to know.
    csv: Option<Csv> = None;
    /// What becomes of a value that is a JSON array.
    top_level_array: TopLevelArray = TopLevelArray::Value;

    /// What becomes of half a surrogate pair in JSON.
    lone_surrogates: LoneSurrogates = LoneSurrogates::Refuse;

    /// Where the designated timestamp comes from; where absent, the Kafka record's timestamp.
    timestamp: Option<TimestampConfig> = None;
    /// The fields whose texts are times, and are written as TIMESTAMP.
    timestamp_fields: Vec<String> = Vec::new();
    /// How times are written in texts, in QuestDB's notation; where absent, ISO 8601.
    timestamp_format: Option<TimestampFormat> = None;

    /// The columns that are written as SYMBOL.
    symbols: Vec<String> = Vec::new();
    /// The columns whose numbers are always written as DOUBLE; of those that are in `symbols`, too, the symbol is the
    /// double's text.
    doubles: Vec<String> = Vec::new();
    /// Whether a column that is new becomes DOUBLE where the first of its numbers in a batch is an integer and a later
    /// one has a fraction; where not, that is a bad record.
    widen_integers: bool = true;

    /// Whether a record's key is written at all.
    include_key: bool = true;
    /// The column of a key that is no object, and what the names of an object's columns start with.
    key_prefix: String = "key".to_owned();
    /// The same for values; empty: `value`, and no prefix.
    value_prefix: String = String::new();
    /// The headers that are written as columns, by name; `*` stands for any characters.
    headers: Vec<String> = Vec::new();
    /// What the names of headers' columns start with.
    header_prefix: String = "header_".to_owned();
    /// What is known of a record besides its content, and the column it is written to.
    record_columns: BTreeMap<RecordColumn, String> = BTreeMap::new();

    /// Columns by the names that fields would have, and the names that they get.
    rename: BTreeMap<String, String> = BTreeMap::new();
    /// The only columns that are written, by their names after `rename`, with `*` for any characters; where absent, all.
    only: Option<Vec<String>> = None;
    /// Columns that are not written, by their names after `rename`, with `*` for any characters.
    drop: Vec<String> = Vec::new();
    /// Values for columns that a record has none for.
    defaults: BTreeMap<String, toml::Value> = BTreeMap::new();
    /// Columns that a record must have a value for.
    required: Vec<String> = Vec::new();
    /// What becomes of values that QuestDB has no type for: maps, and arrays of other things than numbers.
    unsupported: Unsupported = Unsupported::Text;
    /// How bytes are written as text.
    bytes: BytesText = BytesText::Base64;
    /// What becomes of an array of numbers that has a null in it.
    null_in_array: NullInArray = NullInArray::Refuse;

    /// Columns that are computed from the others, and the SQL expressions that make them.
    columns: BTreeMap<String, String> = BTreeMap::new();
    /// The SQL condition on the rows that are written; empty: all are.
    filter: String = String::new();

    /// What becomes of a record that cannot become a row.
    on_error: OnError = OnError::Reject;
    /// Where `on_error = "dlq"` keeps records.
    dlq: DeadLetters = DeadLetters::default();

    /// What happens to records before they become rows, in this order.
    transforms: Vec<Transform> = Vec::new();
}
