//! Tables that QuestDB has suspended: it goes on committing rows to them and shows none. Seen from outside all is well,
//! so somebody has to look, to raise the alarm, and to take no more rows for them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::questdb::{QuestDb, QuestDbError, Rows};
use crate::rows::TableName;

/// Between two looks. The alarm is to be raised within 30 s, also where one look fails.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// As long as a table is suspended, that is said again after so many looks.
const LOOKS_PER_REMINDER: u32 = 30;

/// The tables whose use is remembered. Where a gateway writes to more, all suspended tables concern it.
const MAX_USED: usize = 10_000;

const QUERY: &str = "select name, errorTag, errorMessage from wal_tables() where suspended";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TableLabel {
    table: String,
}

/// What is known of suspended tables. Names are kept in lower case, because QuestDB's ignore case.
#[derive(Debug, Default)]
pub(super) struct Suspended {
    /// The tables that this gateway writes to.
    used: Mutex<HashSet<String>>,
    /// All suspended tables of the QuestDB, and why each is.
    now: RwLock<HashMap<String, Arc<str>>>,
    count: Gauge,
    tables: Family<TableLabel, Gauge>,
}

impl Suspended {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "suspended_tables",
            "Tables that this gateway writes to and that QuestDB has suspended: it commits rows and shows none",
            self.count.clone(),
        );
        registry.register("table_suspended", "1 for each of them", self.tables.clone());
    }

    /// The gateway writes to this table.
    pub(super) fn uses(&self, table: &TableName) {
        let mut used = self.used.lock();
        if used.len() < MAX_USED {
            used.insert(table.as_str().to_lowercase());
        }
    }

    /// Why the table is suspended, where it is.
    pub(super) fn reason(&self, table: &TableName) -> Option<Arc<str>> {
        let now = self.now.read();
        if now.is_empty() {
            return None;
        }
        now.get(&table.as_str().to_lowercase()).cloned()
    }

    /// Looks again and again, until told to stop.
    pub(super) async fn watch(&self, questdb: &QuestDb, stop: CancellationToken) {
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told: HashMap<String, u32> = HashMap::new();
        let mut blind = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let looked = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                looked = questdb.sql(QUERY) => looked,
            };
            match looked.and_then(|rows| parse(&rows)) {
                Ok(now) => {
                    blind = false;
                    self.learn(now, &mut told);
                }
                // What was suspended stays so, as far as this side knows. That QuestDB is away is said by others.
                Err(QuestDbError::Http(_)) => {}
                Err(error) if !blind => {
                    blind = true;
                    tracing::warn!("cannot see whether QuestDB has suspended tables: {error}");
                }
                Err(_) => {}
            }
        }
    }

    fn learn(&self, now: HashMap<String, Arc<str>>, told: &mut HashMap<String, u32>) {
        let concerned: HashMap<String, Arc<str>> = {
            let used = self.used.lock();
            let concerns = |table: &String| used.len() >= MAX_USED || used.contains(table);
            now.iter().filter(|(table, _)| concerns(table)).map(|(t, why)| (t.clone(), why.clone())).collect()
        };
        *self.now.write() = now;
        self.count.set(concerned.len() as i64);
        told.retain(|table, _| {
            let still = concerned.contains_key(table);
            if !still {
                self.tables.remove(&TableLabel { table: table.clone() });
                tracing::info!(table, "QuestDB has resumed the table; it takes rows again");
            }
            still
        });
        for (table, why) in concerned {
            let looks = told.entry(table.clone()).or_default();
            if looks.is_multiple_of(LOOKS_PER_REMINDER) {
                self.tables.get_or_create(&TableLabel { table: table.clone() }).set(1);
                tracing::error!(table, "{}", complaint(&table, &why));
            }
            *looks = looks.wrapping_add(1);
        }
    }
}

/// What is wrong, and the way out.
pub(super) fn complaint(table: &str, why: &str) -> String {
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    format!(
        "QuestDB has suspended table `{table}`{why}: rows that it commits are not visible, and none are taken for it until \
         it is resumed; when the reason is gone, run: ALTER TABLE \"{table}\" RESUME WAL"
    )
}

fn parse(rows: &Rows) -> Result<HashMap<String, Arc<str>>, QuestDbError> {
    let mut suspended = HashMap::new();
    for row in &rows.rows {
        let Some(Value::String(name)) = row.first() else {
            return Err(QuestDbError::Malformed("wal_tables() does not begin with a name".to_owned()));
        };
        let words: Vec<&str> =
            row[1..].iter().filter_map(Value::as_str).filter(|word| !word.is_empty()).collect();
        suspended.insert(name.to_lowercase(), words.join(": ").into());
    }
    Ok(suspended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> HashMap<String, Arc<str>> {
        parse(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn only_tables_that_are_used_raise_the_alarm_and_all_are_refused() {
        let suspended = Suspended::default();
        suspended.uses(&TableName::new("Trades"));
        let mut told = HashMap::new();
        let both = r#"{"dataset":[["trades","DISK FULL","no space"],["others","",""]]}"#;
        suspended.learn(answer(both), &mut told);
        assert_eq!(suspended.count.get(), 1);
        assert_eq!(suspended.reason(&TableName::new("TRADES")).as_deref(), Some("DISK FULL: no space"));
        assert_eq!(suspended.reason(&TableName::new("others")).as_deref(), Some(""));
        // Whoever writes to it from then on is concerned, too.
        suspended.uses(&TableName::new("others"));
        suspended.learn(answer(both), &mut told);
        assert_eq!(suspended.count.get(), 2);
        suspended.learn(answer(r#"{"dataset":[]}"#), &mut told);
        assert_eq!((suspended.count.get(), told.len()), (0, 0));
        assert_eq!(suspended.reason(&TableName::new("trades")), None);
    }

    #[test]
    fn an_odd_answer_is_an_error() {
        let rows: Rows = serde_json::from_str(r#"{"dataset":[[7]]}"#).unwrap();
        assert!(parse(&rows).is_err());
        assert!(parse(&serde_json::from_str(r#"{"dataset":[[]]}"#).unwrap()).is_err());
    }

    #[test]
    fn the_complaint_names_the_way_out() {
        let text = complaint("t x", "");
        assert!(text.ends_with("run: ALTER TABLE \"t x\" RESUME WAL"), "{text}");
    }
}
