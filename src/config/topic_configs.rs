//! A topic's settings as Kafka's admin tools see them: `quafka.` configs, given with CreateTopics and told by
//! DescribeConfigs.
//!
//! | config | is the setting |
//! |---|---|
//! | `quafka.table` | `table` |
//! | `quafka.symbols`, `quafka.doubles` | `symbols`, `doubles`, as a list with commas |
//! | `quafka.include.key` | `include_key` |
//! | `quafka.partition.by`, `quafka.ttl` | `create.partition_by`, `create.ttl` |
//! | `quafka.dedup.keys` | `create.dedup_keys`, as a list with commas |
//! | `quafka.columns` | `create.columns`, as in `id LONG, owner UUID` |

use std::fmt::Display;
use std::str::FromStr;

use super::column_names::has;
use super::{NewColumn, TopicConfig, nearest};

/// What such configs begin with.
pub const PREFIX: &str = "quafka.";

const TABLE: &str = "quafka.table";
const SYMBOLS: &str = "quafka.symbols";
const DOUBLES: &str = "quafka.doubles";
const INCLUDE_KEY: &str = "quafka.include.key";
const PARTITION_BY: &str = "quafka.partition.by";
const TTL: &str = "quafka.ttl";
const DEDUP_KEYS: &str = "quafka.dedup.keys";
const COLUMNS: &str = "quafka.columns";

const ALL: [&str; 8] = [TABLE, SYMBOLS, DOUBLES, INCLUDE_KEY, PARTITION_BY, TTL, DEDUP_KEYS, COLUMNS];

impl TopicConfig {
    /// These settings with configs written over them. An empty value leaves a setting as it is, except for lists.
    ///
    /// # Errors
    /// The first config that is wrong: its name, its value and what is allowed.
    pub fn with_configs<'a>(
        &self,
        configs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        let mut config = self.clone();
        // To blame the right one for what only shows in the end.
        let mut given: Vec<(&str, &str)> = Vec::new();
        for (name, value) in configs {
            if given.iter().any(|(other, _)| *other == name) {
                return Err(format!("{name} is given twice"));
            }
            config.set(name, value.trim()).map_err(|reason| format!("{name}={value}: {reason}"))?;
            given.push((name, value));
        }
        let blame = |names: &[&str], reason: String| {
            let name = names.iter().find_map(|name| given.iter().find(|(other, _)| other == name));
            match name {
                Some((name, value)) => format!("{name}={value}: {reason}"),
                None => reason,
            }
        };
        let mut fields = config.timestamp.iter().flat_map(|timestamp| &timestamp.fields);
        if let Some(field) = fields.find(|field| has(&config.symbols, field) || has(&config.doubles, field)) {
            let reason = format!("`{field}` is the timestamp, so it cannot be a column, too");
            return Err(blame(&[SYMBOLS, DOUBLES], reason));
        }
        if let Some(Err(fault)) = config.create.as_ref().map(|create| create.check(&config)) {
            let names: &[&str] = match fault.key {
                "ttl" => &[TTL, PARTITION_BY],
                "dedup_keys" => &[DEDUP_KEYS, COLUMNS, SYMBOLS, DOUBLES],
                _ => &[COLUMNS, SYMBOLS, DOUBLES],
            };
            return Err(blame(names, fault.reason));
        }
        Ok(config)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            TABLE if !value.is_empty() => self.table = Some(value.parse()?),
            SYMBOLS => self.symbols = list(value)?,
            DOUBLES => self.doubles = list(value)?,
            INCLUDE_KEY if !value.is_empty() => {
                self.include_key = value.parse().map_err(|_| "is neither true nor false".to_owned())?;
            }
            PARTITION_BY if !value.is_empty() => {
                self.create.get_or_insert_default().partition_by = Some(value.parse()?);
            }
            TTL if !value.is_empty() => self.create.get_or_insert_default().ttl = Some(value.parse()?),
            DEDUP_KEYS => {
                let keys = list(value)?;
                if self.create.is_some() || !keys.is_empty() {
                    self.create.get_or_insert_default().dedup_keys = keys;
                }
            }
            COLUMNS => {
                let columns = columns(value)?;
                if self.create.is_some() || !columns.is_empty() {
                    self.create.get_or_insert_default().columns = columns;
                }
            }
            known if ALL.contains(&known) => {}
            _ => return Err(unknown_config(name)),
        }
        Ok(())
    }

    /// The settings as configs. Of how the table is created, what is set; the table's own name is told by the topic.
    pub fn configs(&self) -> Vec<(&'static str, String)> {
        let mut configs = vec![
            (SYMBOLS, self.symbols.join(",")),
            (DOUBLES, self.doubles.join(",")),
            (INCLUDE_KEY, self.include_key.to_string()),
        ];
        let Some(create) = &self.create else { return configs };
        let mut push = |name, value: Option<&dyn Display>| {
            configs.extend(value.map(|value| (name, value.to_string())));
        };
        push(PARTITION_BY, create.partition_by.as_ref().map(|value| value as &dyn Display));
        push(TTL, create.ttl.as_ref().map(|value| value as &dyn Display));
        if !create.dedup_keys.is_empty() {
            push(DEDUP_KEYS, Some(&create.dedup_keys.join(",")));
        }
        if !create.columns.is_empty() {
            let column = |column: &NewColumn| format!("{} {}", column.name, column.column_type);
            push(COLUMNS, Some(&create.columns.iter().map(column).collect::<Vec<_>>().join(", ")));
        }
        configs
    }
}

fn list(value: &str) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::new();
    if value.is_empty() {
        return Ok(names);
    }
    for name in value.split(',').map(str::trim) {
        if name.is_empty() {
            return Err("has an empty column name; write NAME,NAME".to_owned());
        }
        if has(&names, name) {
            return Err(format!("names `{name}` twice"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// `NAME TYPE, NAME TYPE`. The type is the last word, so that a name may have spaces; a comma within parentheses
/// belongs to a type.
fn columns(value: &str) -> Result<Vec<NewColumn>, String> {
    let mut depth = 0;
    let between = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    let column = |text: &str| {
        let text = text.trim();
        let (name, kind) = match text.find('(') {
            Some(arguments) => {
                let (start, _) = text.split_at(arguments);
                let space = start.trim_end().rfind(char::is_whitespace);
                space.map(|space| text.split_at(space))
            }
            None => text.rsplit_once(char::is_whitespace),
        }
        .ok_or_else(|| format!("`{text}` is not NAME TYPE, such as `id LONG`"))?;
        Ok(NewColumn { name: name.trim().to_owned(), column_type: FromStr::from_str(kind)? })
    };
    if value.is_empty() { Ok(Vec::new()) } else { value.split(between).map(column).collect() }
}

fn unknown_config(name: &str) -> String {
    // All of them begin alike, so that this says nothing.
    let own = |config: &'static str| config.strip_prefix(PREFIX).unwrap_or(config);
    let known = ALL.join(", ");
    match nearest(name.strip_prefix(PREFIX).unwrap_or(name), ALL.map(own)) {
        Some(nearest) => format!("unknown config; did you mean `{PREFIX}{nearest}`? There are {known}"),
        None => format!("unknown config; there are {known}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 8] = [
        (TABLE, "t_${topic}"),
        (SYMBOLS, "side, symbol"),
        (DOUBLES, "price"),
        (INCLUDE_KEY, "false"),
        (PARTITION_BY, "hour"),
        (TTL, "30 days"),
        (DEDUP_KEYS, "timestamp, side,id"),
        (COLUMNS, "id LONG, the note VARCHAR, total DECIMAL(18, 3), place geohash(8c)"),
    ];

    #[test]
    fn every_config_sets_what_it_says_and_is_told_as_it_can_be_given() {
        let config = TopicConfig::default().with_configs(GOOD).unwrap();
        let create = config.create.as_ref().unwrap();
        assert_eq!(config.table, "t_${topic}".parse().ok());
        assert_eq!(
            (config.symbols.join("|"), config.doubles.join("|")),
            ("side|symbol".into(), "price".into())
        );
        assert!(!config.include_key);
        assert_eq!(create.dedup_keys, ["timestamp", "side", "id"]);
        let told = config.configs();
        let value = |name| told.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str());
        assert_eq!(value(TTL), Some("30 DAYS"));
        assert_eq!(value(COLUMNS), Some("id LONG, the note VARCHAR, total DECIMAL(18,3), place GEOHASH(8c)"));
        assert_eq!(told.len(), ALL.len() - 1, "all but the table");
        let again = told.iter().map(|(name, value)| (*name, value.as_str())).chain([GOOD[0]]);
        assert_eq!(TopicConfig::default().with_configs(again).unwrap(), config);
    }

    #[test]
    fn what_the_file_says_stays_where_nothing_is_given() {
        let file = TopicConfig::default().with_configs(GOOD).unwrap();
        let config =
            file.with_configs([(TTL, "1y"), (PARTITION_BY, ""), (TABLE, ""), (SYMBOLS, "side")]).unwrap();
        let (create, before) = (config.create.unwrap(), file.create.unwrap());
        assert_eq!((create.partition_by, create.columns), (before.partition_by, before.columns));
        assert_eq!((create.ttl.unwrap().to_string(), config.table), ("1 YEAR".to_owned(), file.table));
        assert_eq!(config.symbols, ["side"]);
        let empty = TopicConfig::default().with_configs(ALL.map(|name| (name, ""))).unwrap();
        assert_eq!(empty, TopicConfig::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_name_value_and_what_is_allowed() {
        for (configs, expected) in [
            (&[("quafka.tll", "1 day")][..], "quafka.tll=1 day: unknown config; did you mean `quafka.ttl`?"),
            (&[("quafka.x", "1")], "quafka.x=1: unknown config; there are quafka.table, quafka.symbols"),
            (&[(TTL, "soon")], "quafka.ttl=soon: `soon` is not a time to live, such as \"30 DAYS\""),
            (&[(TTL, "1 hour")], "quafka.ttl=1 hour: 1 HOUR is not a whole number of partitions"),
            (&[(PARTITION_BY, "none")], "quafka.partition.by=none: `none` is not one of HOUR, DAY"),
            (&[(INCLUDE_KEY, "yes")], "quafka.include.key=yes: is neither true nor false"),
            (&[(SYMBOLS, "a,,b")], "quafka.symbols=a,,b: has an empty column name"),
            (&[(SYMBOLS, "a,A")], "quafka.symbols=a,A: names `A` twice"),
            (&[(COLUMNS, "id")], "quafka.columns=id: `id` is not NAME TYPE"),
            (&[(COLUMNS, "id INT8")], "quafka.columns=id INT8: `INT8` is not a column type"),
            (&[(COLUMNS, "id INT,")], "quafka.columns=id INT,: `` is not NAME TYPE"),
            (&[(COLUMNS, "a-b INT")], "quafka.columns=a-b INT: `a-b`: QuestDB takes none of"),
            (&[(DEDUP_KEYS, "id"), (COLUMNS, "id INT")], "quafka.dedup.keys=id: must contain `timestamp`"),
            (&[(DEDUP_KEYS, "timestamp,id")], "quafka.dedup.keys=timestamp,id: `id` has no type yet"),
            (&[(TTL, "1d"), (TTL, "2d")], "quafka.ttl is given twice"),
        ] {
            let told = TopicConfig::default().with_configs(configs.iter().copied()).unwrap_err();
            assert!(told.starts_with(expected), "{told}\n{expected}");
        }
        // The timestamp alone is allowed to whoever says so.
        assert!(TopicConfig::default().with_configs([(DEDUP_KEYS, "timestamp")]).is_ok());
    }
}
