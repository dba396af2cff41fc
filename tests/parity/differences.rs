//! Where quafka does something else than the connector, on purpose: `differences.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::case::{Case, Outcome, Row, Table, TaskState};
use super::exact::Json;

/// What is different in one case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Why.
    pub why: String,
    /// The records, by index, that quafka refuses or sets aside.
    bad: Option<Vec<usize>>,
    /// The configuration is refused at once, where the connector fails later.
    #[serde(default)]
    refused: bool,
    /// Tables that are different.
    #[serde(default)]
    table: Vec<TableDifference>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableDifference {
    /// Where absent, the one of the case's topic.
    name: Option<String>,
    /// Only the connector makes the table.
    #[serde(default)]
    absent: bool,
    /// Columns that quafka makes besides or with another type.
    #[serde(default)]
    columns: BTreeMap<String, String>,
    /// Columns that only the connector makes.
    #[serde(default)]
    without_columns: Vec<String>,
    /// Rows that quafka writes besides: JSON objects; a column that is not named is null.
    #[serde(default)]
    written: Vec<String>,
    /// Rows that only the connector writes.
    #[serde(default)]
    not_written: Vec<String>,
}

/// All of them, by case.
pub fn read(file: &Path) -> BTreeMap<String, Difference> {
    let text = std::fs::read_to_string(file).unwrap();
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

impl Difference {
    /// Whether there are records that quafka refuses or sets aside.
    pub fn has_bad_records(&self) -> bool {
        self.bad.as_ref().is_some_and(|bad| !bad.is_empty())
    }

    /// What quafka has to come to. Err: what is said to be different is not.
    pub fn applied(&self, case: &Case) -> Result<Outcome, String> {
        let mut outcome = case.expected.clone();
        for difference in &self.table {
            let name = difference.name.as_ref().map_or(case.topic.clone(), |name| case.with_topic(name));
            if difference.absent {
                let before = outcome.tables.insert(name.clone(), None);
                if before.is_none_or(|table| table.is_none()) {
                    return Err(format!("the connector makes no table {name}"));
                }
                continue;
            }
            let table = outcome.tables.entry(name).or_default().get_or_insert_with(|| Table {
                columns: BTreeMap::from([("timestamp".to_owned(), ("TIMESTAMP".to_owned(), true))]),
                rows: Vec::new(),
            });
            difference.apply(table, case)?;
        }
        if let Some(bad) = &self.bad {
            let connector = outcome.bad.replace(bad.clone());
            if connector.as_ref() == Some(bad) && self.table.is_empty() {
                return Err("`bad` is what the connector set aside".to_owned());
            }
        } else if case.task_state == TaskState::Failed && !self.refused {
            return Err("the task stopped, so `bad` has to say which records quafka refuses".to_owned());
        }
        outcome.refused |= self.refused;
        Ok(outcome)
    }
}

impl TableDifference {
    fn apply(&self, table: &mut Table, case: &Case) -> Result<(), String> {
        for (name, kind) in &self.columns {
            let designated = table.columns.get(name).is_some_and(|(_, designated)| *designated);
            let before = table.columns.insert(name.clone(), (kind.clone(), designated));
            if before.is_some_and(|(before, _)| before == *kind) {
                return Err(format!("the connector makes column {name:?} as {kind}, too"));
            }
            for row in &mut table.rows {
                row.entry(name.clone()).or_insert_with(|| Json::Null.canonical());
            }
        }
        for name in &self.without_columns {
            if table.columns.remove(name).is_none() {
                return Err(format!("the connector makes no column {name:?}"));
            }
            for row in &mut table.rows {
                row.remove(name);
            }
        }
        for text in &self.not_written {
            let row = self.row(text, table, case)?;
            let Some(index) = table.rows.iter().position(|other| *other == row) else {
                return Err(format!("the connector does not write {text}"));
            };
            table.rows.remove(index);
        }
        for text in &self.written {
            let row = self.row(text, table, case)?;
            table.rows.push(row);
        }
        Ok(())
    }

    fn row(&self, text: &str, table: &Table, case: &Case) -> Result<Row, String> {
        let json = Json::parse(&case.with_topic(text)).map_err(|error| format!("{text}: {error}"))?;
        if let Some((name, _)) = json.members().iter().find(|(name, _)| !table.columns.contains_key(name)) {
            return Err(format!("{text}: there is no column {name:?}"));
        }
        let value = |name: &String| json.field(name).unwrap_or(&Json::Null).canonical();
        Ok(table.columns.keys().map(|name| (name.clone(), value(name))).collect())
    }
}
