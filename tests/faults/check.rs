//! Counts what is in a table against the producers' books: exactly, by SQL.

use std::time::Duration;

use serde_json::Value;

use crate::load::{Book, ROWS, value_of};
use crate::support::{QuestDbServer, until};

const PATIENCE: Duration = Duration::from_secs(120);

/// What was found of a load's rows.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Rows that were acknowledged.
    pub acked: u64,
    /// Rows that were acknowledged and are not there.
    pub lost: u64,
    /// Rows that are there more than once: how many too many.
    pub doubled: u64,
    /// All else that should not be: copies that nobody had reason to send, strange rows, wrong values, wrong order.
    pub wrong: Vec<String>,
}

impl Found {
    /// Whether what was acknowledged is there, and nothing that should not be but copies that had to be feared.
    pub fn is_right(&self) -> bool {
        self.lost == 0 && self.wrong.is_empty()
    }
}

/// What is to be counted, and by what.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    pub table: &'a str,
    pub books: &'a [Book],
    /// Leaves out the first rows of each producer, where something has taken them away on purpose.
    pub from: &'a [i32],
    /// Whether there may be copies that no producer has made: what is spooled is written again where it is not known to be
    /// written, whatever its producer was told.
    pub spooled: bool,
}

/// Waits until QuestDB shows all that was committed to the table.
pub async fn applied(questdb: &QuestDbServer, table: &str) {
    until("all is applied", PATIENCE, async || questdb.is_applied(table).await).await;
}

/// Counts.
pub async fn check(questdb: &QuestDbServer, expected: Expected<'_>) -> Found {
    let Expected { table, books, from, spooled } = expected;
    let mut found = Found::default();
    for (p, book) in (0..).zip(books) {
        let from = from.get(p as usize).copied().unwrap_or_default().min(book.acked);
        let acked = (book.acked - from) as u64;
        let query = format!(
            "SELECT count(), sum(v) FROM (SELECT DISTINCT seq, v FROM {table} WHERE p = {p} AND seq >= {from} AND seq < {})",
            book.acked
        );
        let row = &questdb.sql(&query).await[0];
        let (there, sum) = (number(&row[0]), number(&row[1]));
        found.acked += acked;
        found.lost += acked.saturating_sub(there as u64);
        let expected: i64 = (i64::from(from)..book.acked.into()).map(|seq| value_of(p, seq)).sum();
        if there == acked as i64 && sum != expected {
            found.wrong.push(format!("producer {p}: the sum of the values is {sum}, not {expected}"));
        }
        for complaint in &book.complaints {
            found.wrong.push(format!("producer {p}: {complaint}"));
        }
        let strangers =
            format!("SELECT count() FROM {table} WHERE p = {p} AND (seq < 0 OR seq >= {})", book.attempted);
        count_wrong(questdb, &strangers, &format!("rows of producer {p} that it never sent"), &mut found)
            .await;
    }
    let others = format!("SELECT count() FROM {table} WHERE p < 0 OR p >= {} OR p = null", books.len());
    count_wrong(questdb, &others, "rows of nobody", &mut found).await;
    let values = format!("SELECT count() FROM {table} WHERE v != seq * 31 + p");
    count_wrong(questdb, &values, "rows with another value than was sent", &mut found).await;

    let copies =
        format!("SELECT p, seq, c FROM (SELECT p, seq, count() c FROM {table}) WHERE c > 1 AND p >= 0");
    for row in questdb.sql(&copies).await {
        let [p, seq, count] = [0, 1, 2].map(|column| number(&row[column]));
        let Some(book) = books.get(p as usize) else { continue };
        let first = seq as i32 / ROWS * ROWS;
        let allowed = book.doubtful.get(&first).copied().unwrap_or_default();
        found.doubled += count as u64 - 1;
        if count as u64 - 1 > allowed && !spooled {
            found.wrong.push(format!("row {seq} of producer {p} is there {count} times"));
        }
    }
    // All rows have the same time, so the table has them in the order in which they were written. A copy may come late.
    if found.doubled == 0 {
        let descents = format!(
            "SELECT count() FROM (SELECT seq, lag(seq) OVER (PARTITION BY p) before FROM {table}) WHERE seq < before"
        );
        count_wrong(questdb, &descents, "rows that stand before one that was sent earlier", &mut found).await;
    }
    found
}

async fn count_wrong(questdb: &QuestDbServer, query: &str, what: &str, found: &mut Found) {
    let count = number(&questdb.sql(query).await[0][0]);
    if count != 0 {
        found.wrong.push(format!("{count} {what}"));
    }
}

/// A LONG, or null for the sum of nothing.
fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// Whether the check sees what it is there for: takes one row away behind the gateway's back, copies another one, and
/// counts again. Panics where that makes no difference. Returns what was seen, for the table.
pub async fn is_able_to_fail(questdb: &QuestDbServer, expected: Expected<'_>, before: &Found) -> String {
    let Expected { table, books, from, .. } = expected;
    let (p, book) = (0..).zip(books).find(|(_, book)| book.acked > 2 * ROWS).unwrap();
    let is_sure = |first: i32| !book.doubtful.contains_key(&first);
    let start = from.get(p as usize).copied().unwrap_or_default() / ROWS * ROWS + ROWS;
    let mut sure = (start..book.acked).step_by(ROWS as usize).filter(|&first| is_sure(first));
    let (taken, copied) = (sure.next().unwrap(), sure.next().unwrap());
    questdb.sql(&format!("UPDATE {table} SET p = -1 WHERE p = {p} AND seq = {taken}")).await;
    questdb.sql(&format!("INSERT INTO {table} SELECT * FROM {table} WHERE p = {p} AND seq = {copied}")).await;
    applied(questdb, table).await;
    let after = check(questdb, expected).await;
    assert_eq!(
        (after.lost, after.doubled),
        (before.lost + 1, before.doubled + 1),
        "one row was taken away and one copied, and that was not noticed: {before:?}, {after:?}"
    );
    assert!(after.wrong.len() > before.wrong.len());
    "1 row taken away: 1 lost; 1 copied: 1 doubled".to_owned()
}
