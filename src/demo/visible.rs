//! What a SELECT sees of the demo's table.

use std::time::Duration;

use super::traffic::now_micros;
use crate::questdb::{QuestDb, QuestDbError, quote_literal};

/// Looks at one table.
#[derive(Debug)]
pub(super) struct VisibleRows {
    questdb: QuestDb,
    table: String,
    /// The designated timestamp, once there is a table.
    timestamp: Option<String>,
    rows_before: u64,
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Rows beyond those that were there at the start.
    pub rows: u64,
    /// The age of the newest row.
    pub newest: Option<Duration>,
}

impl VisibleRows {
    /// Starts counting after the rows that are there already.
    pub async fn new(questdb: QuestDb, table: &str) -> Result<Self, QuestDbError> {
        let mut visible = Self { questdb, table: table.to_owned(), timestamp: None, rows_before: 0 };
        visible.rows_before = visible.look().await?.rows;
        Ok(visible)
    }

    pub async fn look(&mut self) -> Result<Seen, QuestDbError> {
        let table = quote_literal(&self.table);
        if self.timestamp.is_none() {
            let query = format!("SELECT designatedTimestamp FROM tables() WHERE table_name = {table}");
            let answer = self.questdb.sql(&query).await?;
            let name = answer.rows.first().and_then(|row| row.first()?.as_str());
            let Some(name) = name else { return Ok(Seen::default()) };
            self.timestamp = Some(format!("\"{name}\""));
        }
        let Some(timestamp) = &self.timestamp else { return Ok(Seen::default()) };
        let query = format!("SELECT count(), cast(max({timestamp}) AS long) FROM {table}");
        let answer = self.questdb.sql(&query).await?;
        let row = answer.rows.first();
        let rows = row.and_then(|row| row.first()?.as_u64()).unwrap_or(0);
        let newest = row.and_then(|row| row.get(1)?.as_i64()).map(|ts| {
            // A column of nanoseconds has numbers that no column of microseconds reaches before the year 5000.
            let micros = if ts > 100_000_000_000_000_000 { ts / 1_000 } else { ts };
            Duration::from_micros(u64::try_from(now_micros() - micros).unwrap_or(0))
        });
        Ok(Seen { rows: rows.saturating_sub(self.rows_before), newest })
    }
}
